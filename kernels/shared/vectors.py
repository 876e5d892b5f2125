"""Vectors: LINE numbers, as many as a line of the cache holds, that stay in the processor's registers.

Where a loop has few rounds, as over the neurons of a small layer, what surrounds it takes longer than the loop itself.
A vector has no loop. Its arithmetic is that of each number alone, so the bits are the same.

`+ - * /`, comparisons, `abs` and `math.sqrt` work on vectors, and on a vector and a number. A comparison gives a vector
of truths, which `chosen`, `put_where` and `bits_of` take.
"""

import math
import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.errors import TypingError
from numba.core.imputils import lower_builtin, lower_cast
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, register_model

from neurosim.kernels.shared.numbers import LINE


class Vector(types.Type):
    """The type of LINE numbers, or truths, of a type."""

    def __init__(self, dtype):
        self.dtype = dtype
        super().__init__(f"Vector({dtype})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, vector):
        super().__init__(manager, vector, ir.VectorType(manager[vector.dtype].get_value_type(), LINE))


def _all(builder, number):
    """Return a vector of one number."""
    alone = ir.Constant(ir.VectorType(number.type, LINE), ir.Undefined)
    alone = builder.insert_element(alone, number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(alone, alone, ir.Constant(ir.VectorType(ir.IntType(32), LINE), [0] * LINE))


@lower_cast(types.Float, Vector)
def _from_number(context, builder, number, vector, value):
    return _all(builder, context.cast(builder, value, number, vector.dtype))


def _operator(symbol, truths, write):
    """Let an operator take vectors, of which one may be a number."""

    @infer_global(symbol)
    class Template(AbstractTemplate):
        def generic(self, args, kws):
            vectors = [one for one in args if isinstance(one, Vector)]
            if vectors:
                return signature(Vector(types.boolean) if truths else vectors[0], *[vectors[0]] * len(args))
            return None

    @lower_builtin(symbol, *[Vector] * (1 if symbol in (abs, math.sqrt) else 2))
    def lower(context, builder, signature, values):
        return write(builder, *values)


def _by_each(name):
    """Return the code of a function that the processor has for every number of a vector."""

    def write(builder, vector):
        kind = ir.FunctionType(vector.type, [vector.type])
        bits = 32 if isinstance(vector.type.element, ir.FloatType) else 64
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{LINE}f{bits}")
        return builder.call(function, [vector])

    return write


for _symbol, _write in (
    (operator.add, ir.IRBuilder.fadd), (operator.iadd, ir.IRBuilder.fadd), (operator.sub, ir.IRBuilder.fsub),
    (operator.mul, ir.IRBuilder.fmul), (operator.truediv, ir.IRBuilder.fdiv),
    (abs, _by_each("fabs")), (math.sqrt, _by_each("sqrt")),
):  # fmt: skip
    _operator(_symbol, False, _write)
for _sign, _symbol in {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "==": operator.eq,
}.items():  # fmt: skip
    _operator(_symbol, True, lambda builder, u, v, sign=_sign: builder.fcmp_ordered(sign, u, v))
_operator(operator.and_, True, ir.IRBuilder.and_)


def _vector_in(x):
    """Return the type of LINE entries of an array, which must lie side by side."""
    if x.ndim != 1 or x.layout != "C":
        raise TypingError(f"a vector is LINE entries that lie side by side: the array must be in C order, got {x}")
    return Vector(x.dtype)


def _pointer_to(context, builder, array, value, start):
    """Return the address of LINE entries of an array."""
    numbers = ir.VectorType(context.get_value_type(array.dtype), LINE)
    data = builder.gep(context.make_array(array)(context, builder, value).data, [start])
    return builder.bitcast(data, numbers.as_pointer())


def _alignment(array):
    """Return the size of an array's entries in bytes, as the operations of memory take it."""
    return ir.Constant(ir.IntType(32), array.dtype.bitwidth // 8)


def _masked(builder, name, array, returned, *values):
    """Call an operation of memory that leaves some of LINE entries alone."""
    kind = ir.FunctionType(returned, [value.type for value in values])
    name = f"llvm.masked.{name}.v{LINE}f{array.dtype.bitwidth}.p0"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), values)


@intrinsic
def line_at(typing, x, start):
    """Return LINE entries of x from `start` on."""

    def write(context, builder, signature, values):
        return builder.load(_pointer_to(context, builder, x, *values), align=x.dtype.bitwidth // 8)

    return _vector_in(x)(x, types.intp), write


@intrinsic
def line_or(typing, x, start, end, other):
    """Return LINE entries of x from `start` on, and `other` in place of those from `end` on, which are not read."""

    def write(context, builder, signature, values):
        array, start, end, other = values
        left = builder.sub(end, start)
        offsets = ir.Constant(ir.VectorType(left.type, LINE), [*range(LINE)])
        within = builder.icmp_signed("<", offsets, _all(builder, left))
        pointer, align = _pointer_to(context, builder, x, array, start), _alignment(x)
        other = _all(builder, other)
        return _masked(builder, "load", x, other.type, pointer, align, within, other)

    return _vector_in(x)(x, types.intp, types.intp, x.dtype), write


@intrinsic
def put_line(typing, x, start, vector):
    """Write a vector to x from `start` on."""
    _vector_in(x)

    def write(context, builder, signature, values):
        array, start, vector = values
        builder.store(vector, _pointer_to(context, builder, x, array, start), align=x.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(x, types.intp, vector), write


@intrinsic
def put_where(typing, x, start, which, vector):
    """Write those numbers of a vector of which something is true to x from `start` on; the others are not touched."""
    _vector_in(x)

    def write(context, builder, signature, values):
        array, start, which, vector = values
        pointer, align = _pointer_to(context, builder, x, array, start), _alignment(x)
        _masked(builder, "store", x, ir.VoidType(), vector, pointer, align, which)
        return context.get_dummy_value()

    return types.void(x, types.intp, which, vector), write


@intrinsic
def vector_of(typing, number, x):
    """Return a vector of one number, of an array's type of numbers."""
    return Vector(x.dtype)(x.dtype, x), lambda context, builder, signature, values: _all(builder, values[0])


@intrinsic
def chosen(typing, which, u, v):
    """Return u where something is true, and v elsewhere."""
    vector = u if isinstance(u, Vector) else v
    return vector(which, vector, vector), lambda context, builder, signature, values: builder.select(*values)


@intrinsic
def bits_of(typing, which):
    """Return truths as a whole number: its lowest bit is the first."""

    def write(context, builder, signature, values):
        return builder.zext(builder.bitcast(values[0], ir.IntType(LINE)), ir.IntType(64))

    return types.int64(which), write


@intrinsic
def lowest_bit(typing, bits):
    """Return the number of the lowest bit that is one, counted from 0; there must be one."""
    found = ir.Constant(ir.IntType(1), 1)
    return types.intp(types.int64), lambda context, builder, signature, values: builder.cttz(values[0], found)


def _folded(vector, fold):
    """Return signature and code of a vector's fold: second halves onto first halves."""

    def write(context, builder, signature, values):
        value, half = values[0], LINE // 2
        while half > 0:
            kind = ir.VectorType(ir.IntType(32), half)
            halves = (ir.Constant(kind, [*range(begin, begin + half)]) for begin in (0, half))
            first, second = (builder.shuffle_vector(value, value, chosen_half) for chosen_half in halves)
            value = fold(builder, first, second)
            half //= 2
        return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

    return vector.dtype(vector), write


@intrinsic
def sum_of(typing, vector):
    """Return the sum of a vector's numbers, halves added to halves."""
    return _folded(vector, lambda builder, first, second: builder.fadd(first, second))


def _larger(builder, u, v):
    return builder.select(builder.fcmp_ordered(">", v, u), v, u)


@intrinsic
def larger(typing, u, v):
    """Return max(u, v), which is u where one is no number, as that of single numbers is."""
    return u(u, u), lambda context, builder, signature, values: _larger(builder, *values)


@intrinsic
def largest_of(typing, vector):
    """Return the largest number of a vector, halves compared with halves."""
    return _folded(vector, _larger)
