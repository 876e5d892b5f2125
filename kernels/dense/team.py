"""A team of threads that sums potentials together.

Each thread sums for some of the neurons; the first thread does everything else. To start a sum, the first thread writes
what is to be summed and then a new epoch number; each other thread writes the same number when its share is done. The
first thread waits no longer for a share than summing it itself would take: a thread that lost its core to other work is
left behind until it has caught up. Therefore the others write to memory of their own, and what a late thread reads may
change while it reads. Every sum is added in the same order by any thread, so the bits do not depend on the number of
threads, nor on which of them were late.
"""

import numpy as np

from neurosim.kernels.compiled import cell, not_inlined
from neurosim.kernels.dense.ahead import sum_ahead
from neurosim.kernels.dense.layout import BREADTH, EPOCH, PACE, TAKEN
from neurosim.kernels.dense.potentials import sum_rows
from neurosim.kernels.shared.numbers import LINE
from neurosim.kernels.shared.softmax import copy_into
from neurosim.kernels.shared.system import load_acquire, sched_yield, store_release, usleep

# A team can pay if a sample has at least TOGETHER products (active inputs x neurons), and at least UNWRITTEN neurons
# for each neuron that it writes: lines written by one core must cross to the others. Where it can, `ways.py` finds out
# whether it does.
TOGETHER, UNWRITTEN = 400_000, 128
PATIENCE = 2000  # polls of an epoch number before a thread yields its core, or before another thread counts as late
NAP = 100  # microseconds that a thread sleeps between polls after it has long had nothing to do
LOOK = 16  # products that take about as long as a poll


@cell
def wait_for_new_epoch(signal, epoch):
    """Wait until a signal shows another epoch than this, and return it: poll at first, then yield, then sleep."""
    polls, latest = 0, load_acquire(signal)
    while latest == epoch:
        polls += 1
        if polls > 2 * PATIENCE:
            usleep(np.uint32(NAP))
        elif polls > PATIENCE:
            sched_yield()
        latest = load_acquire(signal)
    return latest


@cell
def share_of(neurons, number, threads):
    """Return the first neuron of a thread's share, and the first after it; a share is whole lines of the cache."""
    lines = neurons // LINE
    start, end = lines * number // threads * LINE, lines * (number + 1) // threads * LINE
    return start, neurons if number == threads - 1 else end


@cell
def is_shared(breadth, neurons, pace, scratch):
    """Return whether summing a sample together can pay, and whether every thread of the team is ready.

    Parameters
    ----------
    breadth, neurons : int
        Active inputs of the sample; neurons of the layer.
    pace : int
        PACE times the running mean of neurons that a sample writes; below zero if no mean is known.
    scratch : Scratch
    """
    signals, pays = scratch.signals, scratch.pays
    if signals.shape[0] < 2 or breadth * neurons < pays[3] or neurons * PACE < pays[4] * pace:
        return False
    ready = True
    for number in range(1, signals.shape[0]):
        ready &= load_acquire(signals[number]) == signals[0, EPOCH]
    return ready


@cell
def sum_share(number, values, active, synapses, scratch, sums):
    """Write one thread's share of the sums that the first thread asked for: of samples ahead, or of one sample."""
    start, end = share_of(synapses.shape[1], number, scratch.signals.shape[0])
    taken = scratch.signals[0, TAKEN]
    if taken > 0:
        sum_ahead(taken, synapses, start, end, scratch, sums)
    else:
        sum_rows(values, active, scratch.signals[0, BREADTH], synapses, start, end, sums[0])


@not_inlined
def sum_together(products, values, active, synapses, scratch, sums):
    """Start a sum, write the first thread's share, copy the others' shares, and write the shares of late threads."""
    signals = scratch.signals
    epoch, threads = signals[0, EPOCH] + 1, signals.shape[0]
    store_release(signals[0], epoch)
    sum_share(0, values, active, synapses, scratch, sums)
    for number in range(1, threads):
        polls, most = 0, PATIENCE + products // (LOOK * threads)
        while polls < most and load_acquire(signals[number]) != epoch:
            polls += 1
        if polls == most:
            sum_share(number, values, active, synapses, scratch, sums)
            continue
        start, end = share_of(synapses.shape[1], number, threads)
        for n in range(max(1, signals[0, TAKEN])):
            copy_into(scratch.shares[number, n, start:end], sums[n, start:end])
