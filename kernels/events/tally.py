"""Events in order or not, repeated, and within the sensor or not: counted as they come, those outside left out."""

from neurosim.kernels.compiled import compiled

# Places in `last`, what is kept of the events before: the latest time, and all of the last event.
LATEST, TIME, X, Y, POLARITY, SEEN = 0, 1, 2, 3, 4, 5
LAST = 6
# Places in `counts`.
SAME_TIME, REPEATED, OUT_OF_ORDER, OUTSIDE = 0, 1, 2, 3
COUNTS = 4


@compiled
def tally(events, width, height, last, counts):
    """Move events, records t, x, y, p (n,), within the sensor to the front, and count; return how many there are.

    They stay in order. Those outside count as `OUTSIDE` and as nothing else. `width` or `height` 0: of unknown size.
    """
    latest, time, column, row, polarity, seen = last[LATEST], last[TIME], last[X], last[Y], last[POLARITY], last[SEEN]
    kept = same = repeated = earlier = 0
    for i in range(len(events)):
        event = events[i]
        t_i, x_i, y_i, p_i = int(event.t), int(event.x), int(event.y), int(event.p)
        if (width and x_i >= width) or (height and y_i >= height):
            continue
        if seen:
            earlier += t_i < latest
            at_once = t_i == time
            same += at_once
            repeated += at_once and x_i == column and y_i == row and p_i == polarity
            latest = max(latest, t_i)
        else:
            latest, seen = t_i, 1
        time, column, row, polarity = t_i, x_i, y_i, p_i
        if kept != i:
            moved = events[kept]
            moved.t, moved.x, moved.y, moved.p = t_i, x_i, y_i, p_i
        kept += 1
    last[LATEST], last[TIME], last[X], last[Y], last[POLARITY], last[SEEN] = latest, time, column, row, polarity, seen
    counts[SAME_TIME] += same
    counts[REPEATED] += repeated
    counts[OUT_OF_ORDER] += earlier
    counts[OUTSIDE] += len(events) - kept
    return kept
