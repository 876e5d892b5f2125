"""Numba with half of the event-driven idea: neurons below the cutoff are not written; inputs of zero are still read."""

from benchmarks.peers import numba_dense

NAME = "Numba, writes neurons above the cutoff only"
REQUIRES = ()
SAME_RULE = True


class Rows(numba_dense.Dense):
    every = False


make = Rows
