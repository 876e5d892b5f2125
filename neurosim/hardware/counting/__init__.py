"""What samples make a chip do: events, operations, reads and writes of every layer, counted exactly."""
