"""Numbers that cells share, in float32: a bare literal would widen float32 to double."""

import numpy as np

ZERO, HALF, ONE, TWO, THREE = np.float32(0), np.float32(0.5), np.float32(1), np.float32(2), np.float32(3)
NAN = np.float32(np.nan)
SQRT2 = np.float32(1.41421356)
LOG2_E = np.float32(1.44269504)
LN2_HIGH, LN2_MIDDLE, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4), np.float32(1.646595e-12)
THIRD, QUARTER, FIFTH, SIXTH = np.float32(1 / 3), np.float32(1 / 4), np.float32(1 / 5), np.float32(1 / 6)
SEVENTH, EIGHTH, NINTH, TENTH = np.float32(1 / 7), np.float32(1 / 8), np.float32(1 / 9), np.float32(1 / 10)
SMALLEST = np.float32(1.1754944e-38)  # normal float32
# Smaller running means and growths are zero: on subnormal numbers arithmetic takes a hundred times as long.
NEGLIGIBLE, NEGLIGIBLE_ROOT = np.float32(1e-30), np.float32(1e-15)
LEAST = np.float32(-70)  # exponent of the smallest share, so that no product with it is subnormal
LANES = 64  # partial sums of a reduction: enough to hide how long an addition takes; the same on every machine
FOLD_BELOW, FOLD_ABOVE = np.float32(1e-6), np.float32(1e6)  # scales outside are folded into the synapses
LINE = 16  # float32 in a line of the cache, of 64 bytes
