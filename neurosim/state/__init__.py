"""What a chip has learned, as arrays and as a file."""
