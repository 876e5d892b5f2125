"""What sweeps and studies share: cells, data, worker processes, tables."""
