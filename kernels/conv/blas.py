"""Matrix products by BLAS, in blocks that do not depend on how many threads there are."""

from functools import cache

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic

from neurosim.kernels.compiled import cell
from neurosim.kernels.conv.layout import GRAIN
from neurosim.kernels.shared.numbers import ZERO

BLOCK, BLOCKS = 48, 4  # neurons that BLAS gets at once, at least; blocks of a layer, at most: more cost a tenth each
PLAIN, TURNED = ord("N"), ord("T")  # how BLAS is told to take a factor


@cache
def product(real):
    """Return the address of BLAS's matrix product for numbers of a NumPy type."""
    name = {"float32": "sgemm", "float64": "dgemm"}[np.dtype(real).name]
    return int(get_cython_function_address("scipy.linalg.cython_blas", name))


@intrinsic
def _multiply(typing, product, letters, sizes, a, first_a, b, first_b, beta, c, first_c):
    """Call the product at an address: c = a b + beta c, in columns, as BLAS counts; each array from an element on."""

    def code(context, builder, signature, values):
        whole, arrays = ir.IntType(32), signature.args

        def put(value):
            return cgutils.alloca_once_value(builder, value)

        def number(value):
            return put(builder.trunc(value, whole))

        def array(index):
            """Return where an array's element lies, and where its number of columns is kept."""
            fields = cgutils.create_struct_proxy(arrays[index])(context, builder, values[index])
            return builder.gep(fields.data, [values[index + 1]]), number(cgutils.unpack_tuple(builder, fields.shape)[1])

        (one, two), (m, n, k) = (cgutils.unpack_tuple(builder, values[index]) for index in (1, 2))
        letter_one, letter_two = (put(builder.trunc(letter, ir.IntType(8))) for letter in (one, two))
        (a_at, a_columns), (b_at, b_columns), (c_at, c_columns) = array(3), array(5), array(8)
        real = a.dtype
        alpha = put(context.get_constant(real, 1.0))
        added = put(context.cast(builder, values[7], arrays[7], real))
        given = (letter_one, letter_two, number(m), number(n), number(k), alpha, a_at, a_columns, b_at, b_columns,
                 added, c_at, c_columns)  # fmt: skip
        function = ir.FunctionType(ir.VoidType(), [value.type for value in given])
        builder.call(builder.inttoptr(values[0], function.as_pointer()), given)
        return context.get_dummy_value()

    return types.void(product, letters, sizes, a, first_a, b, first_b, beta, c, first_c), code


@cell
def times_transposed(product, a, b, c, first, last):
    """Write columns of c = a b^T: those of b's rows from first to last."""
    sizes = (last - first, a.shape[0], a.shape[1])
    _multiply(product, (TURNED, PLAIN), sizes, b, first * b.shape[1], a, 0, ZERO, c, first)


@cell
def transposed_times(product, a, b, beta, c, first, last):
    """Write rows of c = a^T b + beta c, from first to last."""
    sizes = (b.shape[1], last - first, a.shape[0])
    _multiply(product, (PLAIN, TURNED), sizes, b, 0, a, first, beta, c, first * c.shape[1])


@cell
def block_size(count):
    """Return how many neurons or positions BLAS gets at once, whatever the number of threads."""
    return max(BLOCK, count // BLOCKS // GRAIN * GRAIN)


@cell
def block_end(begin, count, block):
    """Return the end of a block that begins there: the last one has what is left."""
    return count if count - begin < 2 * block else begin + block


@cell
def transposed_times_in_blocks(product, a, b, beta, c, first, last, block):
    """Write rows of c = a^T b + beta c, from first to last, a block at a time."""
    while first < last:
        end = block_end(first, last, block)
        transposed_times(product, a, b, beta, c, first, end)
        first = end
