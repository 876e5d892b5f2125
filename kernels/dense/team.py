"""A team of threads that sums potentials together.

Each thread takes some of the neurons; all else is the first one's work. It posts what is to be summed under a new
number, and the others post the same number when they are done. Nobody waits longer for a share than it takes to sum it
anew: where other work has the cores, a thread that lost its core is left behind until it has caught up. So the others
write to memory of their own, and what a late one reads may change meanwhile. Every sum is added in the same order,
whoever does it, so no bit depends on how many threads there are, nor on who was late.
"""

import numpy as np
from numba.extending import register_jitable

from neurosim.kernels.compiled import not_inlined
from neurosim.kernels.dense.ahead import sum_ahead
from neurosim.kernels.dense.layout import BREADTH, PACE, TAKEN, WORD
from neurosim.kernels.dense.potentials import sum_rows
from neurosim.kernels.shared.numbers import LINE
from neurosim.kernels.shared.softmax import copy_into
from neurosim.kernels.shared.system import load_acquire, sched_yield, store_release, usleep

# For a team to pay, a sample must have so many products of active inputs and neurons, and so many neurons for each that
# it writes: what one thread wrote another has to fetch.
TOGETHER, UNWRITTEN = 400_000, 128
PATIENCE = 2000  # looks at a word before the rest of the machine gets its turn, or a thread is late
NAP = 100  # microseconds, of a thread for which there has been nothing to do for a while
LOOK = 16  # products that take as long as a look, about


@register_jitable
def wait_for_other_word(place, word):
    """Wait until there is another word at a place than this, and return it: keen first, and ever more at leisure."""
    looks, found = 0, load_acquire(place)
    while found == word:
        looks += 1
        if looks > 2 * PATIENCE:
            usleep(np.uint32(NAP))
        elif looks > PATIENCE:
            sched_yield()
        found = load_acquire(place)
    return found


@register_jitable
def share_of(neurons, number, threads):
    """Return the first neuron of a thread's share, and the first after it: whole lines of the cache."""
    lines = neurons // LINE
    start, end = lines * number // threads * LINE, lines * (number + 1) // threads * LINE
    return start, neurons if number == threads - 1 else end


@register_jitable
def is_shared(breadth, neurons, pace, scratch):
    """Return whether a sample is worth a team, and the team is there, none of it behind.

    By how many inputs are active, and PACE times the neurons that a sample writes lately; below zero, none is known of.
    """
    board, pays = scratch.board, scratch.pays
    if board.shape[0] < 2 or breadth * neurons < pays[3] or neurons * PACE < pays[4] * pace:
        return False
    there = True
    for number in range(1, board.shape[0]):
        there &= load_acquire(board[number]) == board[0, WORD]
    return there


@register_jitable
def sum_share(number, values, active, synapses, scratch, sums):
    """Write one thread's share of what the board says: the sums of samples ahead, or of one sample."""
    start, end = share_of(synapses.shape[1], number, scratch.board.shape[0])
    taken = scratch.board[0, TAKEN]
    if taken > 0:
        sum_ahead(taken, synapses, start, end, scratch, sums)
    else:
        sum_rows(values, active, scratch.board[0, BREADTH], synapses, start, end, sums[0])


@not_inlined
def sum_together(products, values, active, synapses, scratch, sums):
    """Leave word, write the first thread's share, and take over the others', or write those of who is late."""
    board = scratch.board
    word, threads = board[0, WORD] + 1, board.shape[0]
    store_release(board[0], word)
    sum_share(0, values, active, synapses, scratch, sums)
    for number in range(1, threads):
        looks, most = 0, PATIENCE + products // (LOOK * threads)
        while looks < most and load_acquire(board[number]) != word:
            looks += 1
        if looks == most:
            sum_share(number, values, active, synapses, scratch, sums)
            continue
        start, end = share_of(synapses.shape[1], number, threads)
        for n in range(max(1, board[0, TAKEN])):
            copy_into(scratch.shares[number, n, start:end], sums[n, start:end])
