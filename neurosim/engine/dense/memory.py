"""The memory that a dense layer works in: scratch for the compiled loop, and its results."""

import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim import aligned
from neurosim.engine.results import Results
from neurosim.kernels.dense import ahead, layout, team
from neurosim.kernels.shared import numbers

NOTHING_LIVE = np.empty(0, np.int64)
WIDE = 1 << 19  # synapses from which on the loop looks ahead, and a team is worth it: fewer stay in a core's own cache
MOST_THREADS = 64  # of a team
# Nanoseconds that a layer responds, and learns, before another way of taking sums is tried: what early learning writes
# says nothing about later on.
FIRST_TRY = (2_000_000, 200_000_000)


class Workspace(NamedTuple):
    """Working memory for one caller at a time.

    Attributes
    ----------
    scratch : neurosim.kernels.dense.layout.Scratch
    live : int64 (inputs,) or (0,)
        Synapses of each input that are not zero, followed while counting; empty where nothing is counted.
    marks : neurosim.kernels.dense.layout.Marks
        The moments at which the stages of the last sample were done, if they are noted.
    noted : int64 (COUNTERS + neurons,) or (0,)
        The layer's counters while samples are counted, and behind them how often each neuron was written whole.
    """

    scratch: layout.Scratch
    live: NDArray[np.int64]
    marks: layout.Marks
    noted: NDArray[np.int64]


def is_wide(synapses: int) -> bool:
    """Return whether more threads may be quicker than one: the synapses do not stay in a core's own cache."""
    return synapses >= WIDE


def timing(wide: bool, team: bool) -> NDArray[np.int64]:
    """Return memory for what ways of taking sums cost, before anything was timed: the best is not to look ahead."""
    rows = np.zeros((2 if wide else 0, layout.TIMING), np.int64)
    rows[:, [layout.BEST, layout.WAY]] = layout.TEAM if team else layout.ALONE
    rows[:, layout.WAIT], rows[:, layout.CLOCK] = FIRST_TRY[: len(rows)], time.CLOCK_THREAD_CPUTIME_ID
    return rows


def scratch(
    inputs: int, neurons: int, window: int, threads: int, timing: NDArray[np.int64], steps: bool = False
) -> layout.Scratch:
    """Return scratch for a layer, for so many threads that sum potentials together if the layer is wide.

    `steps` tells whether there is room for the whole change of every synapse.
    """
    wide = is_wide(inputs * neurons)
    samples, writes = (ahead.AHEAD, ahead.AHEAD_WRITES) if wide else (0, 0)
    threads = min(threads, MOST_THREADS) if wide else 1
    return layout.Scratch(
        values=np.empty(inputs, np.float32),
        active=np.zeros(inputs, np.int32),  # of a team, who is late may look where nobody has written yet
        lanes=np.empty(numbers.LANES, np.float32),
        written=np.empty(neurons, np.int64),
        drive=aligned.empty(neurons),
        growth=np.zeros((window, neurons), np.float32),
        changes=np.empty(neurons, np.float32),
        overlaps=np.empty(neurons, np.float32),
        sizes=np.empty(neurons, np.float32),
        order=aligned.empty(neurons),
        totals=np.zeros(window, np.float32),
        gram=np.empty((window, window), np.float32),
        ahead_values=np.empty((samples, inputs), np.float32),
        ahead_active=np.zeros((samples, inputs), np.int32),
        ahead_sizes=np.zeros(samples, np.int64),
        ahead_norms=np.empty((2, samples), np.float32),
        ahead_sums=aligned.empty((samples, neurons)),
        step=aligned.empty((inputs if steps else 0, neurons)),
        copies=aligned.zeros((inputs, writes)),  # what is not used is summed too: no subnormal numbers
        copied=np.empty(writes, np.int64),
        pays=np.array([ahead.READS, ahead.SHARED, ahead.COPIES, team.TOGETHER, team.UNWRITTEN]),
        timing=timing,
        copy_of=np.empty(neurons if wide else 0, np.int64),
        flips=np.zeros(1, np.int64),
        signals=np.zeros((threads, layout.SIGNALS), np.int64),
        shares=aligned.empty((threads if threads > 1 else 0, max(1, samples), neurons)),
    )


def marks(stages: bool) -> layout.Marks:
    """Return memory for the moments of one sample's stages, or for none."""
    moments = np.zeros((1 if stages else 0, layout.MOMENTS), np.int64)
    return layout.Marks(moments, np.zeros(0, np.int64), np.zeros(2, np.int64), time.CLOCK_MONOTONIC)


def results(neurons: int, samples: int, rows: int, outputs: bool, counting: bool) -> Results:
    """Return memory for results; see `Executor.results`."""
    results = Results(
        potentials=aligned.empty((rows or 1, neurons)),
        responses=aligned.empty((rows or 1, neurons)),
        winners=np.empty(samples, np.int64),
        outputs=aligned.empty((samples if outputs else 0, neurons)),
    )
    return results.counting(neurons) if counting else results
