"""Threads in groups that sum together, in the CPU's order."""

from numba import int64
from numba.extending import register_jitable

from neurosim.kernels.conv.cuda.layout import COLUMNS, LOWEST
from neurosim.kernels.shared.grid import cuda
from neurosim.kernels.shared.numbers import LANES, ONE, ZERO


@register_jitable
def item_of(lap, seat):
    """Return the item that a group works on in this lap; items are dealt to the blocks first, then to their groups."""
    return (lap * seat.groups + seat.group) * cuda.gridDim.x + cuda.blockIdx.x


@register_jitable
def laps_for(count, seat):
    """Return how many laps so many items take: the same for every thread, so that all meet equally often."""
    together = seat.groups * cuda.gridDim.x
    return (count + together - 1) // together


@register_jitable
def has_work(item, count, seat):
    """Return whether the group has something to do: threads beyond the last whole group never have."""
    return seat.group < seat.groups and item < count


@register_jitable
def _folded(partial, seat):
    """Return the sum of a group's partial sums, halves added to halves."""
    half = LANES // 2
    while half > 0:
        cuda.syncthreads()
        for j in range(seat.member, half, seat.members):
            partial[j] += partial[half + j]
        half //= 2
    cuda.syncthreads()
    total = partial[0]
    cuda.syncthreads()  # the next sum overwrites it
    return total


@register_jitable
def total_of(x, seat):
    """Return the sum of x, in the CPU's order."""
    for j in range(seat.member, LANES, seat.members):
        total = ZERO
        for i in range(j, x.size, LANES):
            total += x[i]
        seat.lanes[j] = total
    return _folded(seat.lanes, seat)


@register_jitable
def square_sum(x, mean, seat):
    """Return the sum of (x - mean)**2, in the CPU's order."""
    for j in range(seat.member, LANES, seat.members):
        total = ZERO
        for i in range(j, x.size, LANES):
            total += (x[i] - mean) * (x[i] - mean)
        seat.lanes[j] = total
    return _folded(seat.lanes, seat)


@register_jitable
def count_matches(x, value, seat):
    """Return how often x is value: a float32, which is exact for whole numbers below 2**24."""
    for j in range(seat.member, LANES, seat.members):
        total = ZERO
        for i in range(j, x.size, LANES):
            total += ONE if x[i] == value else ZERO
        seat.lanes[j] = total
    return _folded(seat.lanes, seat)


@register_jitable
def whole_sum(x, seat):
    """Return the sum of whole numbers."""
    for j in range(seat.member, LANES, seat.members):
        total = 0
        for i in range(j, x.size, LANES):
            total += int64(x[i])
        seat.indices[j] = total
    return _folded(seat.indices, seat)


@register_jitable
def largest_of(x, seat):
    """Return the largest of x, and the first index where it is: ties go to the lowest index."""
    lanes, indices = seat.lanes, seat.indices
    for j in range(seat.member, LANES, seat.members):
        top, index = LOWEST, x.size
        if j == 0 and x.size > 0:  # if it is no number, nor is what comes out
            top, index = x[0], 0
        for i in range(j, x.size, LANES):
            if x[i] > top:
                top, index = x[i], i
        lanes[j], indices[j] = top, index
    return largest_of_partial(seat)


@register_jitable
def largest_after(x, top, index, seat):
    """Return the largest of what comes after x[index] = top in descending order, and its first index."""
    lanes, indices = seat.lanes, seat.indices
    for j in range(seat.member, LANES, seat.members):
        lanes[j], indices[j] = LOWEST, x.size
        for i in range(j, x.size, LANES):
            if (x[i] < top or (x[i] == top and i > index)) and x[i] > lanes[j]:
                lanes[j], indices[j] = x[i], i
    return largest_of_partial(seat)


@register_jitable
def largest_of_partial(seat):
    """Return the largest of a group's partial results, and its index."""
    lanes, indices, half = seat.lanes, seat.indices, LANES // 2
    while half > 0:
        cuda.syncthreads()
        for j in range(seat.member, half, seat.members):
            if lanes[half + j] > lanes[j]:
                lanes[j], indices[j] = lanes[half + j], indices[half + j]
            elif lanes[half + j] == lanes[j]:
                indices[j] = min(indices[j], indices[half + j])
        half //= 2
    cuda.syncthreads()
    top, index = lanes[0], indices[0]
    cuda.syncthreads()
    return top, index


@register_jitable
def add_up(terms, sums, rows, first, neurons):
    """Add rows of terms to their sums, in order."""
    cuda.syncthreads()
    for a in range(cuda.threadIdx.x, sums.size, cuda.blockDim.x):
        if first + a % COLUMNS < neurons:
            total = sums[a]
            for r in range(rows):
                total += terms[r, a]
            sums[a] = total
    cuda.syncthreads()


@register_jitable
def clear(sums):
    """Begin sums anew; threads that read the old ones must be done, and those that use these meet first."""
    cuda.syncthreads()
    for a in range(cuda.threadIdx.x, sums.size, cuda.blockDim.x):
        sums[a] = ZERO
