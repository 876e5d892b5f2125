"""Vectors: a line of the cache's worth of numbers, LINE of them, that stay in the processor's registers.

Where loops have few rounds, as over the neurons of a small layer, what surrounds them takes longer than the loops
themselves. A vector has no loop. Its arithmetic is that of each number alone, so that the bits are the same.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.extending import intrinsic, register_model

from neurosim.kernels.shared.numbers import LINE


class Vector(types.Type):
    """The type of LINE numbers of a type."""

    def __init__(self, dtype):
        self.dtype = dtype
        super().__init__(f"Vector({dtype})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, vector):
        super().__init__(manager, vector, ir.VectorType(manager[vector.dtype].get_value_type(), LINE))


def _pointer(context, builder, array, value, start):
    """Return where LINE entries of an array in C order begin, and their type."""
    numbers = ir.VectorType(context.get_value_type(array.dtype), LINE)
    data = builder.gep(context.make_array(array)(context, builder, value).data, [start])
    return builder.bitcast(data, numbers.as_pointer()), numbers


def _all(builder, number, count=LINE):
    """Return a vector of one number."""
    numbers = ir.VectorType(number.type, count)
    alone = builder.insert_element(ir.Constant(numbers, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(alone, alone, ir.Constant(ir.VectorType(ir.IntType(32), count), [0] * count))


def _within(builder, start, end):
    """Return which of LINE indices from `start` on are below `end`."""
    left = builder.sub(end, start)
    places = ir.Constant(ir.VectorType(left.type, LINE), [*range(LINE)])
    return builder.icmp_signed("<", places, _all(builder, left))


def _half(builder, vector, half):
    """Return the second half of the first 2 `half` numbers of a vector, and the first half."""
    kind = ir.VectorType(ir.IntType(32), half)
    first, second = (ir.Constant(kind, [*range(begin, begin + half)]) for begin in (0, half))
    return builder.shuffle_vector(vector, vector, second), builder.shuffle_vector(vector, vector, first)


@intrinsic
def line_at(typing, x, start):
    """Return LINE entries of x from `start` on."""

    def write(context, builder, signature, values):
        pointer, _ = _pointer(context, builder, signature.args[0], *values)
        return builder.load(pointer, align=x.dtype.bitwidth // 8)

    return Vector(x.dtype)(x, types.intp), write


@intrinsic
def put_line(typing, x, start, vector):
    """Write a vector to x from `start` on."""

    def write(context, builder, signature, values):
        pointer, _ = _pointer(context, builder, signature.args[0], *values[:2])
        builder.store(values[2], pointer, align=x.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(x, types.intp, vector), write


@intrinsic
def line_or(typing, x, start, end, other):
    """Return LINE entries of x from `start` on, and `other` in place of those from `end` on, which are not read."""

    def write(context, builder, signature, values):
        array, start, end, other = values
        pointer, numbers = _pointer(context, builder, signature.args[0], array, start)
        bits, whole = ir.VectorType(ir.IntType(1), LINE), ir.IntType(32)
        kind = ir.FunctionType(numbers, [pointer.type, whole, bits, numbers])
        load = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.load.v{LINE}f{x.dtype.bitwidth}.p0")
        align = ir.Constant(whole, x.dtype.bitwidth // 8)
        return builder.call(load, [pointer, align, _within(builder, start, end), _all(builder, other)])

    return Vector(x.dtype)(x, types.intp, types.intp, x.dtype), write


@intrinsic
def vector_of(typing, number):
    """Return a vector of one number."""
    return Vector(number)(number), lambda context, builder, signature, values: _all(builder, values[0])


@intrinsic
def zeros_like(typing, x):
    """Return a vector of zeros, of an array's type of numbers."""

    def write(context, builder, signature, values):
        return ir.Constant(context.get_value_type(signature.return_type), None)

    return Vector(x.dtype)(x), write


@intrinsic
def added(typing, u, v):
    """Return u + v."""
    return u(u, v), lambda context, builder, signature, values: builder.fadd(*values)


@intrinsic
def multiplied(typing, u, v):
    """Return u v."""
    return u(u, v), lambda context, builder, signature, values: builder.fmul(*values)


@intrinsic
def larger(typing, u, v):
    """Return max(u, v), which is u where one is no number, as that of single numbers is."""

    def write(context, builder, signature, values):
        return builder.select(builder.fcmp_ordered(">", values[1], values[0]), values[1], values[0])

    return u(u, v), write


def _folded(vector, fold):
    """Return signature and code of a vector's fold: halves onto halves."""

    def write(context, builder, signature, values):
        value, half = values[0], LINE // 2
        while half > 0:
            value = fold(builder, *_half(builder, value, half))
            half //= 2
        return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

    return vector.dtype(vector), write


@intrinsic
def sum_of(typing, vector):
    """Return the sum of a vector's numbers, halves added to halves."""
    return _folded(vector, lambda builder, second, first: builder.fadd(first, second))


@intrinsic
def largest_of(typing, vector):
    """Return the largest number of a vector, halves compared with halves."""

    def fold(builder, second, first):
        return builder.select(builder.fcmp_ordered(">", second, first), second, first)

    return _folded(vector, fold)


def _bits(builder, which):
    """Return a whole number whose bits tell of which numbers of a vector something is true: the lowest of the first."""
    return builder.zext(builder.bitcast(which, ir.IntType(LINE)), ir.IntType(64))


@intrinsic
def equal_to(typing, vector, number):
    """Return which numbers of a vector equal a number, as bits: the lowest one is of the first."""

    def write(context, builder, signature, values):
        return _bits(builder, builder.fcmp_ordered("==", values[0], _all(builder, values[1])))

    return types.int64(vector, vector.dtype), write


@intrinsic
def reaching(typing, vector, number):
    """Return which numbers of a vector are at least as large as a number, or as small as its negative, as bits."""

    def write(context, builder, signature, values):
        above = builder.fcmp_ordered(">=", values[0], _all(builder, values[1]))
        below = builder.fcmp_ordered("<=", values[0], _all(builder, builder.fneg(values[1])))
        return _bits(builder, builder.or_(above, below))

    return types.int64(vector, vector.dtype), write


@intrinsic
def lowest_bit(typing, bits):
    """Return the place of the lowest bit that is one; there must be one."""
    return types.intp(types.int64), lambda context, builder, signature, values: builder.cttz(
        values[0], ir.Constant(ir.IntType(1), 1)
    )
