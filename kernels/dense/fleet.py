"""A fleet: the samples of many small chips of one shape, one after another, each through the loop of one layer.

The state of a chip's layer lies in one row of memory, with the same fields at the same places in every row. The layer's
loop, `stream`, is the one of a single chip: it reads its arguments from memory, and before each sample the addresses of
the state's arrays in there are moved to the row of the sample's chip. So every bit is that of a chip alone.
"""

import math

from neurosim.kernels.compiled import cell, compiled
from neurosim.kernels.dense.inputs import gather
from neurosim.kernels.dense.layout import SAMPLES
from neurosim.kernels.shared.arguments import fetch_ahead, put_word, word_at
from neurosim.kernels.shared.by_address import call_loop

# Indices of a plan. Addresses: of the loop, of its arguments, of the rows, of the samples' chips, of which samples to
# take, of when each chip's next record is due, and of where what it needs is copied.
LOOP, ARGUMENTS, ROWS, CHIPS, ORDER, DUE, COPIES = 0, 1, 2, 3, 4, 5, 6
# Bytes of a row; how many fields, and arrays with a row a sample; the salt's place in the arguments and in the row (its
# place in the arguments is 0 where nothing is random); where a row has its counters; bytes at its beginning that a
# record is made of (0: there are none); copies that have room, and copies there are.
STRIDE, FIELDS, TABLES, SALT, SALT_FIELD, COUNTERS, HEAD, ROOM, COPIED = 7, 8, 9, 10, 11, 12, 13, 14, 15
PLAN = 16  # numbers before the fields: a pair (place in the arguments, place in the row) each
# and behind these three numbers for each array with a row a sample: its place in the arguments, its address, and bytes
# of a row
FULL = -2  # in place of a neuron: no room for another copy
WORD = 8
AHEAD = 2  # samples from that whose chip is fetched to that which is taken
LINE_BYTES = 64


@cell
def _point_to_chip(plan, arguments, row):
    """Let the arguments be those of a chip."""
    for f in range(plan[FIELDS]):
        put_word(arguments + plan[PLAN + 2 * f], row + plan[PLAN + 2 * f + 1])
    if plan[SALT] != 0:
        put_word(arguments + plan[SALT], word_at(row + plan[SALT_FIELD]))


@cell
def _point_to_sample(plan, arguments, n):
    """Let the arguments be those of a sample."""
    first = PLAN + 2 * plan[FIELDS]
    for table in range(first, first + 3 * plan[TABLES], 3):
        put_word(arguments + plan[table], plan[table + 1] + n * plan[table + 2])


@cell
def _copy_for_record(plan, chip, row):
    """Copy what a record is made of, if one is due for the chip that has learned; return whether there is room left."""
    due = plan[DUE] + 2 * WORD * chip
    next_one = word_at(due)
    if word_at(row + plan[COUNTERS] + WORD * SAMPLES) != next_one:
        return True
    copy = plan[COPIES] + plan[COPIED] * (plan[HEAD] + WORD)
    put_word(copy, chip)
    for place in range(0, plan[HEAD], WORD):
        put_word(copy + WORD + place, word_at(row + place))
    put_word(due, next_one + word_at(due + WORD))
    plan[COPIED] += 1
    return plan[COPIED] < plan[ROOM]


@cell
def _fetch_chip(plan, place, end):
    """Ask for the row of a later sample's chip, so that it is in the core's own cache by then."""
    if place < end:
        row = plan[ROWS] + plan[STRIDE] * word_at(plan[CHIPS] + WORD * word_at(plan[ORDER] + WORD * place))
        for line in range(row, row + plan[STRIDE], LINE_BYTES):
            fetch_ahead(line)


@compiled(nogil=True, _nrt=False)
def fleet(plan, kind, first, end):
    """Take samples through one layer of their chips, in order.

    Parameters
    ----------
    plan : int64 (any,)
        What the loop works on, at the indices above.
    kind : tuple type
        Of the arguments of `stream`, for one sample.
    first, end : int
        Of the places in `ORDER` that are taken.

    Returns
    -------
    done : int
        The place of the first sample that was not taken; `end`, if all were.
    neuron : int
        As of `stream`, if that one was refused, or made its chip diverge; or FULL, where no record can be copied before
        the copies are taken away.
    """
    loop, arguments = plan[LOOP], plan[ARGUMENTS]
    for place in range(first, end):
        _fetch_chip(plan, place + AHEAD, end)
        n = word_at(plan[ORDER] + WORD * place)
        chip = word_at(plan[CHIPS] + WORD * n)
        row = plan[ROWS] + plan[STRIDE] * chip
        _point_to_chip(plan, arguments, row)
        _point_to_sample(plan, arguments, n)
        done, neuron = call_loop(loop, arguments, kind)
        if done == 0:
            return place, neuron
        if plan[HEAD] > 0 and not _copy_for_record(plan, chip, row):
            return place + 1, FULL
    return end, -1


@compiled(nogil=True, _nrt=False)
def find_refused(samples, negative, active, values, refused):
    """Write which samples the first layer of their chips will refuse, as `take_in` does.

    Parameters
    ----------
    samples : float32 (samples, inputs)
    negative : bool
        Whether inputs below zero are admitted.
    active, values : int32 and float32 (inputs,)
        Memory to work in.
    refused : bool (samples,)

    Returns
    -------
    bool
        Whether there is one.
    """
    found = False
    for n in range(samples.shape[0]):
        _size, square = gather(samples[n], negative, active, values)
        refused[n] = not math.isfinite(square)
        found |= refused[n]
    return found
