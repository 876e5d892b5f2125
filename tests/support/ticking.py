"""A clock that ticks by itself, and digits to time with it."""

import neurosim as ns
from neurosim.latency.timing.clock import Clock


def ticking(step):
    """Return a clock that moves on by `step` at each reading."""
    moments = iter(range(0, 10**9, step))
    return Clock(lambda: next(moments), lambda seconds: None, 0)


def digits(**options):
    return ns.open_stream("digits", **options)
