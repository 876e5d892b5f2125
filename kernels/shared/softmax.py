"""Softmax, sums and maxima over neurons, in an order that depends on their number alone."""

import numpy as np

from neurosim.kernels.compiled import cell, not_inlined
from neurosim.kernels.shared.numbers import (
    EIGHTH,
    FIFTH,
    HALF,
    LANES,
    LEAST,
    LN2_HIGH,
    LN2_LOW,
    LN2_MIDDLE,
    LOG2_E,
    NINTH,
    ONE,
    QUARTER,
    SEVENTH,
    SIXTH,
    TENTH,
    THIRD,
    ZERO,
)
from neurosim.kernels.shared.slices import between


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
def maximum(x, lanes):
    """Return the largest of x."""
    whole = x.size - x.size % LANES
    lanes[:] = x[0]
    for start in range(0, whole, LANES):
        for j in range(LANES):
            lanes[j] = max(lanes[j], x[start + j])
    rest = between(x, whole, x.size)
    for j in range(rest.size):
        lanes[j] = max(lanes[j], rest[j])
    half = LANES // 2
    while half > 0:
        for j in range(half):
            lanes[j] = max(lanes[j], lanes[half + j])
        half //= 2
    return lanes[0]


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
def total_of(x, lanes):
    """Return the sum of x, added in an order that depends on its size alone."""
    whole = x.size - x.size % LANES
    lanes[:] = ZERO
    for start in range(0, whole, LANES):
        for j in range(LANES):
            lanes[j] += x[start + j]
    rest = between(x, whole, x.size)
    for j in range(rest.size):
        lanes[j] += rest[j]
    return fold_lanes(lanes)


@not_inlined
def softmax(x, sharpness, y, lanes):
    """Write softmax(sharpness * x) into y; return the largest x."""
    top = maximum(x, lanes)
    for k in range(x.size):
        y[k] = decaying_exponential(max(sharpness * (x[k] - top), LEAST))
    share = ONE / total_of(y, lanes)
    for k in range(x.size):
        y[k] *= share
    return top


@not_inlined
def first_index(x, value):
    """Return the first index at which x holds value: ties go to the lowest index."""
    start, matches = 0, 0
    while matches == 0 and start + LANES <= x.size:  # many at once, and then one by one where it is
        for j in range(LANES):
            matches += x[start + j] == value
        start += LANES
    for k in range(start - LANES if matches > 0 else start, x.size):
        if x[k] == value:
            return k
    return 0


@cell
def copy_into(x, y):
    """Write x into y: a slice would check shapes, and raise."""
    for k in range(x.size):
        y[k] = x[k]
