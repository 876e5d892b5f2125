"""What BLAS does with matrix products of a layer's own sizes: the rate that its products are measured against."""

import numpy as np

from neurosim.latency.bandwidth import largest_array, quickest
from neurosim.latency.clock import Clock
from neurosim.teams import BLAS
from neurosim.working import Array


def product_rate(shapes: tuple[tuple[int, int, int], ...], threads: int, clock: Clock) -> float:
    """Return operations a second of BLAS's own products, one after the other, by so many of its threads.

    Parameters
    ----------
    shapes : tuple of (rows, inner, columns)
        Of the products; each is taken in the order of its factors that is quicker.
    threads : int
    clock : Clock

    Returns
    -------
    float
        Infinite if an array would be too large to make.
    """
    operations, seconds = 0, 0.0
    for rows, inner, columns in shapes:
        if 4 * max(rows * inner, inner * columns, rows * columns) > largest_array():
            return np.inf
        operations += 2 * rows * inner * columns
        seconds += _seconds(rows, inner, columns, threads, clock)
    return operations / seconds


def _seconds(rows: int, inner: int, columns: int, threads: int, clock: Clock) -> float:
    from scipy.linalg.blas import sgemm

    a, b = np.full((rows, inner), 0.5, np.float32), np.full((inner, columns), 0.5, np.float32)

    def times(left: Array, right: Array) -> float:
        room = np.full((left.shape[0], right.shape[1]), 0, np.float32, order="F")
        # BLAS counts down columns: arrays that count along rows are given to it turned, and no number is copied.
        first, second = (array if array.flags.f_contiguous else array.T for array in (left, right))
        turned = {"trans_a": first is not left, "trans_b": second is not right}
        return quickest(lambda: sgemm(1.0, first, second, 0.0, room, overwrite_c=1, **turned), clock)

    with BLAS.quiet(threads):
        return min(times(a, b), times(b.T, a.T))
