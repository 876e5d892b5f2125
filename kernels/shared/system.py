"""What loops ask of the system and of the processor: time, yielding, and numbers exchanged between threads."""

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from neurosim.kernels.compiled import cell

clock_gettime = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.CPointer(types.int64)))


@cell
def _moment(marks):
    """Return the time in nanoseconds."""
    clock_gettime(np.int32(marks.clock), marks.now.ctypes)
    return marks.now[0] * 1_000_000_000 + marks.now[1]


@cell
def write_moment(marks, n, stage):
    """Write down when a stage of sample n was done."""
    marks.moments[n, stage] = _moment(marks)


@cell
def write_begun(marks, n):
    """Write down that sample n is taken up now, if anybody asks; n is their number at the end of the last one."""
    if marks.begun.size > 0:
        marks.begun[n] = _moment(marks)


@intrinsic
def load_acquire(typing, array):
    """Return the first number of an array; no number read later is older than it."""

    def code(context, builder, signature, arguments):
        data = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0]).data
        return builder.load_atomic(data, "acquire", 8)

    return types.int64(array), code


@intrinsic
def store_release(typing, array, number):
    """Write a number to the start of an array, after all that was written before."""

    def code(context, builder, signature, arguments):
        data = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0]).data
        builder.store_atomic(arguments[1], data, "release", 8)
        return context.get_dummy_value()

    return types.void(array, types.int64), code


sched_yield = types.ExternalFunction("sched_yield", types.int32())
usleep = types.ExternalFunction("usleep", types.int32(types.uint32))
