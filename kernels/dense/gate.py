"""The sparse gate: of all proposed steps, the largest are applied."""

from neurosim.kernels.compiled import cell
from neurosim.kernels.shared.numbers import ZERO
from neurosim.kernels.shared.softmax import copy_into


@cell
def _largest(x, count, order):
    """Return the value of the `count`-th largest of x, by quickselect in `order`."""
    low, high, rank = 0, x.size - 1, count - 1
    copy_into(x, order)
    while low < high:
        pivot = order[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while order[i] > pivot:
                i += 1
            while order[j] < pivot:
                j -= 1
            if i <= j:
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:
            break
    return order[rank]


@cell
def gate(count, constants, scratch):
    """Keep the neurons with the largest steps; all but the first turn round if signed. Return how many."""
    written, sizes, allowed = scratch.written, scratch.sizes, constants.winners
    if count == 0:
        return 0
    best = 0
    for m in range(count):
        if sizes[written[m]] > sizes[written[best]]:
            best = m
        scratch.drive[m] = sizes[written[m]]
    best = written[best]
    least = sizes[best] * ZERO
    if count > allowed:
        least = _largest(scratch.drive[:count], allowed, scratch.order)
    above = 0
    for m in range(count):
        above += sizes[written[m]] > least
    kept, ties = 0, allowed - above
    for m in range(count):
        k = written[m]
        tie = sizes[k] == least
        if sizes[k] > least or (tie and ties > 0):
            ties -= tie
            written[kept] = k
            kept += 1
            if constants.signed and k != best:
                scratch.changes[k] = -scratch.changes[k]
                scratch.overlaps[k] = -scratch.overlaps[k]
                for p in range(scratch.growth.shape[0]):
                    scratch.growth[p, k] = -scratch.growth[p, k]
        else:
            for p in range(scratch.growth.shape[0]):
                scratch.growth[p, k] = ZERO
    return kept
