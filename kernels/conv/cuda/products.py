"""Matrix products on a device, one accumulator an entry."""

from collections.abc import Callable

from numba import float32
from numba.extending import register_jitable

from neurosim.kernels.conv.cuda.layout import ACROSS, BITS, DEPTH, LARGE, SMALL, SQUARES
from neurosim.kernels.shared.grid import cuda
from neurosim.kernels.shared.numbers import ZERO


@register_jitable
def _fetch_rows(a, row, i, wide, tile):
    """Put a part of a matrix into a tile: terms from i of rows from row; zeros beyond the matrix, which add nothing."""
    for e in range(cuda.threadIdx.x, wide * DEPTH, cuda.blockDim.x):
        d, r = e & (DEPTH - 1), e >> BITS
        tile[d, r] = a[row + r, i + d] if row + r < a.shape[0] and i + d < a.shape[1] else ZERO


@register_jitable
def _fetch_columns(a, column, i, bits, tile):
    """Put a part of a matrix into a tile: terms from i of columns from column, whose number has so many bits."""
    for e in range(cuda.threadIdx.x, DEPTH << bits, cuda.blockDim.x):
        d, r = e >> bits, e & (1 << bits) - 1
        tile[d, r] = a[i + d, column + r] if i + d < a.shape[0] and column + r < a.shape[1] else ZERO


@register_jitable
def _write(c, m, n, total, factors):
    """Take a sum as it is."""
    c[m, n] = total


@register_jitable
def _write_scaled(c, m, n, total, factors):
    """Take a sum times its column's factor."""
    c[m, n] = total * factors[n]


@register_jitable
def _add_scaled(c, m, n, total, factors):
    """Add a sum times its row's factor to what is there."""
    c[m, n] += total * factors[m]


def _tile_multiplier(side: int, by_rows: bool, entry: Callable[..., None]) -> Callable[..., None]:
    """Return a function that writes one tile of a matrix product, of squares with this side.

    Every entry is summed in ascending order, in one accumulator, whatever the side.
    """
    wide, entries, bits = ACROSS * side, side * side, BITS + side.bit_length() - 1

    @register_jitable
    def multiply_tile(a, b, c, factors, top, left, seat):
        rows, columns, depth = c.shape[0] - top, c.shape[1] - left, a.shape[1] if by_rows else a.shape[0]
        tile_a, tile_b = seat.left, seat.right
        sums = cuda.local.array(entries, float32)
        x = cuda.local.array(side, float32)
        y = cuda.local.array(side, float32)
        for base in range(0, SQUARES, cuda.blockDim.x):
            if base // ACROSS >= rows or base % ACROSS >= columns:
                continue
            square = base + cuda.threadIdx.x
            row, column = square >> BITS & ACROSS - 1, square & ACROSS - 1  # masked, so plainly no negative indices
            mine = square < SQUARES and row < rows and column < columns
            for j in range(entries):
                sums[j] = ZERO
            for i in range(0, depth, DEPTH):
                cuda.syncthreads()
                if by_rows:
                    _fetch_rows(a, top, i, wide, tile_a)
                    _fetch_rows(b, left, i, wide, tile_b)
                else:
                    _fetch_columns(a, top, i, bits, tile_a)
                    _fetch_columns(b, left, i, bits, tile_b)
                cuda.syncthreads()
                if mine:
                    for d in range(DEPTH):
                        for j in range(side):
                            x[j] = tile_a[d, row + j * ACROSS]
                            y[j] = tile_b[d, column + j * ACROSS]
                        for j in range(side):
                            for k in range(side):
                                sums[j * side + k] += x[j] * y[k]
            for j in range(side):
                for k in range(side):
                    if mine and row + j * ACROSS < rows and column + k * ACROSS < columns:
                        entry(c, top + row + j * ACROSS, left + column + k * ACROSS, sums[j * side + k], factors)

    return multiply_tile  # type: ignore[no-any-return]


def _multiplier(by_rows: bool, entry: Callable[..., None]) -> Callable[..., None]:
    """Return a matrix product: c = a b^T if by rows, else c = a^T b, each sum taken by `entry`.

    Large tiles fetch less, small ones are work for more blocks: the bits are the same. `number` is the block's position
    in the order in which tiles go round.
    """
    large, small = _tile_multiplier(LARGE, by_rows, entry), _tile_multiplier(SMALL, by_rows, entry)

    @register_jitable
    def multiply(a, b, c, factors, number, seat):
        wide = ACROSS * LARGE
        down, across = (c.shape[0] + wide - 1) // wide, (c.shape[1] + wide - 1) // wide
        if down * across >= cuda.gridDim.x:
            for tile in range(number, down * across, cuda.gridDim.x):
                large(a, b, c, factors, tile // across * wide, tile % across * wide, seat)
            return
        wide = ACROSS * SMALL
        down, across = (c.shape[0] + wide - 1) // wide, (c.shape[1] + wide - 1) // wide
        for tile in range(number, down * across, cuda.gridDim.x):
            small(a, b, c, factors, tile // across * wide, tile % across * wide, seat)

    return multiply  # type: ignore[no-any-return]


integrate = _multiplier(True, _write_scaled)
times_transposed = _multiplier(True, _write)
transposed_times = _multiplier(False, _write)
add_transposed_times = _multiplier(False, _add_scaled)
