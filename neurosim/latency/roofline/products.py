"""What BLAS does with matrix products of a layer's own sizes: the rate that its products are measured against."""

from typing import Literal, NamedTuple

import numpy as np

from neurosim.engine.samples import Array
from neurosim.engine.teams import BLAS
from neurosim.latency.roofline.bandwidth import largest_array, quickest
from neurosim.latency.timing.clock import Clock

ORDERS: dict[bool, Literal["C", "F"]] = {False: "C", True: "F"}


class Product(NamedTuple):
    """A matrix product a b: a (rows, inner), b (inner, columns); turned ones lie in memory column by column."""

    rows: int
    inner: int
    columns: int
    turned_a: bool = False
    turned_b: bool = False

    @property
    def operations(self) -> int:
        """Multiplications and additions."""
        return 2 * self.rows * self.inner * self.columns


def product_rate(products: tuple[Product, ...], clock: Clock) -> float:
    """Return operations a second of BLAS's own products, one after the other, by one thread.

    Parameters
    ----------
    products : tuple of Product
        Each is taken as a b or as its transpose, whichever is quicker.
    clock : Clock

    Returns
    -------
    float
        Infinite if an array would be too large to make.
    """
    seconds = 0.0
    for product in products:
        rows, inner, columns, *_ = product
        if 4 * max(rows * inner, inner * columns, rows * columns) > largest_array():
            return np.inf
        seconds += _seconds(product, clock)
    return sum(product.operations for product in products) / seconds


def _seconds(product: Product, clock: Clock) -> float:
    """Return the least time of a product."""
    a = np.full((product.rows, product.inner), 0.5, np.float32, order=ORDERS[product.turned_a])
    b = np.full((product.inner, product.columns), 0.5, np.float32, order=ORDERS[product.turned_b])
    with BLAS.quiet():
        return min(_least(a, b, clock), _least(b.T, a.T, clock))


def _least(a: Array, b: Array, clock: Clock) -> float:
    from scipy.linalg.blas import sgemm

    room = np.full((a.shape[0], b.shape[1]), 0, np.float32, order="F")
    # BLAS counts down columns: arrays that count along rows are given to it turned, so that no number is copied.
    first, second = (array if array.flags.f_contiguous else array.T for array in (a, b))
    turned = {"trans_a": first is not a, "trans_b": second is not b}
    return quickest(lambda: sgemm(1.0, first, second, 0.0, room, overwrite_c=1, **turned), clock)
