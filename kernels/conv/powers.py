"""Exponential, logarithm, powers and sums of squares by arithmetic alone, the same bits on every machine."""

import numpy as np

from neurosim.kernels.compiled import cell
from neurosim.kernels.shared.numbers import (
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
    SEVENTH,
    SMALLEST,
    SQRT2,
    THIRD,
    ZERO,
)
from neurosim.kernels.shared.softmax import floor_of, fold_lanes, maximum, total_of

E3, E4, E5 = np.float32(1 / 6), np.float32(1 / 24), np.float32(1 / 120)
E6, E7, E8, E9 = np.float32(1 / 720), np.float32(1 / 5040), np.float32(1 / 40320), np.float32(1 / 362880)
BIAS, EXPONENT = np.float32(127), np.float32(8388608)  # of float32's bits


@cell
def exponential(x):
    """Return e**x with arithmetic alone, so that it vectorises and every machine gives the same bits."""
    x = min(max(x, np.float32(-87)), np.float32(88))
    n = floor_of(x * LOG2_E + HALF)
    r = x - n * LN2_HIGH - n * LN2_MIDDLE - n * LN2_LOW
    p = E5 + r * (E6 + r * (E7 + r * (E8 + r * E9)))
    p = ONE + r * (ONE + r * (HALF + r * (E3 + r * (E4 + r * p))))
    return p * np.int32((np.float32(n) + BIAS) * EXPONENT).view(np.float32)


@cell
def _logarithm(x):
    """Return log(x) of a normal float32 above zero: its exponent's, and 2 artanh((m - 1) / (m + 1)) of its fraction."""
    bits = np.float32(x).view(np.int32)
    n = np.float32(np.int32(bits >> np.int32(23))) - BIAS
    m = np.int32((bits & np.int32(0x7FFFFF)) | np.int32(0x3F800000)).view(np.float32)
    large = m > SQRT2
    m, n = m * HALF if large else m, n + ONE if large else n
    s = (m - ONE) / (m + ONE)
    q = s * s
    series = ONE + q * (THIRD + q * (FIFTH + q * (SEVENTH + q * NINTH)))
    return n * LN2_HIGH + (n * LN2_MIDDLE + (s + s) * series)


@cell
def raised(x, exponent):
    """Return x**exponent, where x is not negative."""
    z = exponential(exponent * _logarithm(max(x, SMALLEST)))
    return z if x > ZERO else ZERO


@cell
def raise_all(x, exponent):
    """Write x**exponent over every x, where x is not negative."""
    if exponent == ONE:
        return
    for k in range(x.size):
        x[k] = raised(x[k], exponent)


@cell
def larger(x, y):
    """Return y if it is larger, else x: what is no number stays so, which a device's own `max` passes over."""
    return y if y > x else x


@cell
def square_sum(x, mean, lanes):
    """Return the sum of (x - mean)**2, added in an order that depends on its size alone."""
    whole = x.size - x.size % LANES
    lanes[:] = ZERO
    for start in range(0, whole, LANES):
        for j in range(LANES):
            lanes[j] += (x[start + j] - mean) * (x[start + j] - mean)
    for j in range(x.size - whole):
        lanes[j] += (x[whole + j] - mean) * (x[whole + j] - mean)
    return fold_lanes(lanes)


@cell
def softmax_by_powers(x, sharpness, y, lanes):
    """Write softmax(sharpness * x) into y; return the largest x."""
    top = maximum(x)
    for k in range(x.size):
        y[k] = exponential(max(sharpness * (x[k] - top), LEAST))
    share = ONE / total_of(y)
    for k in range(x.size):
        y[k] *= share
    return top
