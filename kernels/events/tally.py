"""Events in order or not, repeated, and within the sensor or not: counted as they come, those outside left out."""

import numpy as np

from neurosim.kernels.compiled import compiled

# Places in `last`, what is kept of the events before.
LATEST, TIME, X, Y, POLARITY, SEEN = 0, 1, 2, 3, 4, 5
LAST = 6
# Places in `counts`.
SAME_TIME, REPEATED, OUT_OF_ORDER, OUTSIDE = 0, 1, 2, 3
COUNTS = 4


@compiled
def tally(t, x, y, p, width, height, last, counts):
    """Move events (n,) within the sensor to the front, in order, and count; return how many there are.

    Those outside count as `OUTSIDE` and as nothing else. `width` or `height` 0: of unknown size.
    """
    kept = 0
    for i in range(len(t)):
        if (width and np.int64(x[i]) >= width) or (height and np.int64(y[i]) >= height):
            counts[OUTSIDE] += 1
            continue
        if last[SEEN]:
            if t[i] < last[LATEST]:
                counts[OUT_OF_ORDER] += 1
            if t[i] == last[TIME]:
                counts[SAME_TIME] += 1
                if x[i] == last[X] and y[i] == last[Y] and p[i] == last[POLARITY]:
                    counts[REPEATED] += 1
        if not last[SEEN] or t[i] > last[LATEST]:
            last[LATEST] = t[i]
        last[TIME], last[X], last[Y], last[POLARITY], last[SEEN] = t[i], x[i], y[i], p[i], 1
        if kept != i:
            t[kept], x[kept], y[kept], p[kept] = t[i], x[i], y[i], p[i]
        kept += 1
    return kept
