"""Softmax, sums and maxima over neurons, in an order that depends on their number alone."""

import numpy as np

from neurosim.kernels.compiled import cell, not_inlined
from neurosim.kernels.shared.numbers import (
    EIGHTH,
    FIFTH,
    HALF,
    LANES,
    LEAST,
    LINE,
    LN2_HIGH,
    LN2_LOW,
    LN2_MIDDLE,
    LOG2_E,
    NAN,
    NINTH,
    ONE,
    QUARTER,
    SEVENTH,
    SIXTH,
    TENTH,
    THIRD,
    ZERO,
)
from neurosim.kernels.shared.vectors import (
    bits_of,
    larger,
    largest_of,
    line_at,
    line_or,
    lowest_bit,
    put_line,
    sum_of,
    vector_of,
)


@cell
def floor_of(x):
    """Return the largest whole number not above x, of few digits: `np.floor`, which no device has."""
    whole = np.float32(np.int32(x))
    return whole - ONE if whole > x else whole


@cell
def decaying_exponential(x):
    """Return e**x for x <= 0 with arithmetic alone, so that it vectorises and every machine gives the same bits."""
    x = max(x, np.float32(-87))
    n = floor_of(x * LOG2_E + HALF)
    r = x - n * LN2_HIGH - n * LN2_MIDDLE - n * LN2_LOW
    p = ONE + r * SIXTH * (ONE + r * SEVENTH * (ONE + r * EIGHTH * (ONE + r * NINTH * (ONE + r * TENTH))))
    p = ONE + r * (ONE + r * HALF * (ONE + r * THIRD * (ONE + r * QUARTER * (ONE + r * FIFTH * p))))
    return p * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)


@cell
def maximum(x):
    """Return the largest of x."""
    first, whole = x[0], x.size - x.size % LANES
    a = vector_of(first, x)
    b, c, d = a, a, a
    for start in range(0, whole, LANES):
        a, b = larger(a, line_at(x, start)), larger(b, line_at(x, start + LINE))
        c, d = larger(c, line_at(x, start + 2 * LINE)), larger(d, line_at(x, start + 3 * LINE))
    a = larger(a, line_or(x, whole, x.size, first))
    if x.size > LINE:
        b = larger(b, line_or(x, whole + LINE, x.size, first))
        c = larger(c, line_or(x, whole + 2 * LINE, x.size, first))
        d = larger(d, line_or(x, whole + 3 * LINE, x.size, first))
        a = larger(larger(a, c), larger(b, d))
    return largest_of(a)


@cell
def fold_lanes(lanes):
    """Return the sum of the partial sums, halves added to halves; overwrites them."""
    half = LANES // 2
    while half > 0:
        for j in range(half):
            lanes[j] += lanes[half + j]
        half //= 2
    return lanes[0]


@cell
def _total_of(x, size):
    """Return the sum of the first numbers of x: LANES partial sums in four vectors, and then halves added to halves."""
    whole = size - size % LANES
    a = vector_of(ZERO, x)
    b, c, d = a, a, a
    for start in range(0, whole, LANES):
        a, b = a + line_at(x, start), b + line_at(x, start + LINE)
        c, d = c + line_at(x, start + 2 * LINE), d + line_at(x, start + 3 * LINE)
    a += line_or(x, whole, size, ZERO)  # what begins with zero is never -0: another zero changes no bit
    if size > LINE:
        b += line_or(x, whole + LINE, size, ZERO)
        c += line_or(x, whole + 2 * LINE, size, ZERO)
        d += line_or(x, whole + 3 * LINE, size, ZERO)
        a = (a + c) + (b + d)
    return sum_of(a)


@cell
def total_of(x):
    """Return the sum of x, added in an order that depends on its size alone."""
    return _total_of(x, x.size)


@cell
def _softmax_of_few(x, sharpness, y, lanes):
    """Do what `softmax` does, for no more than LANES numbers: in whole lines of `lanes`."""
    top = maximum(x)
    for start in range(0, x.size, LINE):
        put_line(lanes, start, line_or(x, start, x.size, top))
    for k in range((x.size + LINE - 1) // LINE * LINE):
        lanes[k] = decaying_exponential(max(sharpness * (lanes[k] - top), LEAST))
    share = ONE / _total_of(lanes, x.size)
    for k in range(x.size):
        y[k] = lanes[k] * share
    return top


@not_inlined
def softmax(x, sharpness, y, lanes):
    """Write softmax(sharpness * x) into y; return the largest x."""
    if x.size <= LANES:
        return _softmax_of_few(x, sharpness, y, lanes)
    top = maximum(x)
    for k in range(x.size):
        y[k] = decaying_exponential(max(sharpness * (x[k] - top), LEAST))
    share = ONE / total_of(y)
    for k in range(x.size):
        y[k] *= share
    return top


@not_inlined
def first_index(x, value):
    """Return the first index at which x holds value: ties go to the lowest index."""
    for start in range(0, x.size, LINE):
        equal = bits_of(line_or(x, start, x.size, NAN) == value)
        if equal != 0:
            return start + lowest_bit(equal)
    return 0


@cell
def copy_into(x, y):
    """Write x into y: a slice would check shapes, and raise."""
    for k in range(x.size):
        y[k] = x[k]
