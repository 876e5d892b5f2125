"""Sweeps: the points of a study file, measured in processes or on a cluster, and the best of them.

A point is one configuration of data, chip, hardware and measure. `study` reads the file, `search` picks the points,
`point` measures one of them, `run` has all of them measured and keeps the records, `table` writes them.
"""
