"""The rate of BLAS for matrix products of a layer's sizes, which the layer's own products are compared with."""

from typing import Literal, NamedTuple

import numpy as np

from neurosim.engine.samples import Array
from neurosim.engine.teams import BLAS
from neurosim.latency.roofline.bandwidth import largest_array, quickest
from neurosim.latency.timing.clock import Clock

ORDERS: dict[bool, Literal["C", "F"]] = {False: "C", True: "F"}


class Product(NamedTuple):
    """A matrix product a b: a (rows, inner), b (inner, columns); one that is `turned` is stored column by column."""

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
    """Return how many operations per second BLAS does in these products, one after the other, with one thread.

    Parameters
    ----------
    products : tuple of Product
        Each is computed as a b and as its transpose; the quicker of the two counts.
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
    """Return the shortest time of a product, or of its transpose."""
    a = np.full((product.rows, product.inner), 0.5, np.float32, order=ORDERS[product.turned_a])
    b = np.full((product.inner, product.columns), 0.5, np.float32, order=ORDERS[product.turned_b])
    with BLAS.quiet():
        return min(_least(a, b, clock), _least(b.T, a.T, clock))


def _least(a: Array, b: Array, clock: Clock) -> float:
    """Return the shortest time of the product a b."""
    from scipy.linalg.blas import sgemm

    result = np.full((a.shape[0], b.shape[1]), 0, np.float32, order="F")
    # BLAS stores matrices column by column: those stored row by row are passed as their transposes, without a copy.
    first, second = (array if array.flags.f_contiguous else array.T for array in (a, b))
    transposed = {"trans_a": first is not a, "trans_b": second is not b}
    return quickest(lambda: sgemm(1.0, first, second, 0.0, result, overwrite_c=1, **transposed), clock)
