"""Matrix products by BLAS, in blocks that do not depend on how many threads there are."""

import numpy as np
from numba import types
from numba.experimental import function_type as function_type  # makes Numba know the type of WrapperAddressProtocol
from numba.extending import get_cython_function_address, register_jitable

from neurosim.kernels.conv.layout import GRAIN

BLOCK, BLOCKS = 48, 4  # neurons that BLAS gets at once, at least; blocks of a layer, at most: more cost a tenth each


class _Product(types.WrapperAddressProtocol):  # type: ignore[misc]
    """BLAS's matrix product as a function that the loop takes as an argument: only so can the loop be cached."""

    def __init__(self, name: str, real: types.Type) -> None:
        self.name, self.real = name, real

    def __wrapper_address__(self) -> int:
        address: int = get_cython_function_address("scipy.linalg.cython_blas", self.name)
        return address

    def signature(self) -> types.Type:
        letter, size, real = (types.CPointer(kind) for kind in (types.uint8, types.int32, self.real))
        return types.void(letter, letter, size, size, size, real, real, size, real, size, real, real, size)


PRODUCTS = {
    np.dtype(np.float32): _Product("sgemm", types.float32),
    np.dtype(np.float64): _Product("dgemm", types.float64),
}


@register_jitable
def times_transposed(product, a, b, c, scratch, first, last):
    """Write columns of c = a b^T: those of b's rows from first to last."""
    n, t, sizes, one, zero = scratch.letters, scratch.letters[1:], scratch.sizes, scratch.factors, scratch.factors[1:]
    sizes[0], sizes[1], sizes[2], sizes[3] = last - first, a.shape[0], a.shape[1], c.shape[1]
    product(
        t.ctypes, n.ctypes, sizes.ctypes, sizes[1:].ctypes, sizes[2:].ctypes, one.ctypes, b[first:].ctypes,
        sizes[2:].ctypes, a.ctypes, sizes[2:].ctypes, zero.ctypes, c[0, first:].ctypes, sizes[3:].ctypes,
    )  # fmt: skip


@register_jitable
def transposed_times(product, a, b, beta, c, scratch, first, last):
    """Write rows of c = a^T b + beta c, from first to last; beta is an array."""
    n, t, sizes, one = scratch.letters, scratch.letters[1:], scratch.sizes, scratch.factors
    sizes[0], sizes[1], sizes[2], sizes[3] = b.shape[1], last - first, a.shape[0], a.shape[1]
    product(
        n.ctypes, t.ctypes, sizes.ctypes, sizes[1:].ctypes, sizes[2:].ctypes, one.ctypes, b.ctypes,
        sizes.ctypes, a[0, first:].ctypes, sizes[3:].ctypes, beta.ctypes, c[first:].ctypes, sizes.ctypes,
    )  # fmt: skip


@register_jitable
def block_size(count):
    """Return how many neurons or positions BLAS gets at once, whatever the number of threads."""
    return max(BLOCK, count // BLOCKS // GRAIN * GRAIN)


@register_jitable
def block_end(begin, count, block):
    """Return the end of a block that begins there: the last one has what is left."""
    return count if count - begin < 2 * block else begin + block


@register_jitable
def transposed_times_in_blocks(product, a, b, beta, c, scratch, first, last, block):
    """Write rows of c = a^T b + beta c, from first to last, a block at a time."""
    while first < last:
        end = block_end(first, last, block)
        transposed_times(product, a, b, beta, c, scratch, first, end)
        first = end
