"""Words of a camera that hold several events: a mask of neighbouring pixels, the lowest bit first."""

from neurosim.kernels.compiled import cell


@cell
def write_events(mask, time, column, row, polarity, known, events, count):
    """Write an event for each bit of a mask behind the first `count`, if it is `known` when and where they were.

    Return how many events there are then, and how many were passed over.
    """
    passed_over = 0
    while mask:
        if mask & 1:
            if known:
                event = events[count]
                event.t, event.x, event.y, event.p = time, column, row, polarity
                count += 1
            else:
                passed_over += 1
        mask >>= 1
        column += 1
    return count, passed_over
