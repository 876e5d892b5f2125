"""What sweeps and studies share: cells, data, workers in processes, tables."""
