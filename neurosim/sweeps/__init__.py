"""Sweeps: a study file's points, measured in processes or on a cluster, and what is best among them.

A point is one configuration of data, chip, hardware and measure. `study` reads the file, `search` says which points,
`point` measures one, `run` has them measured and keeps what comes back, `table` writes it.
"""
