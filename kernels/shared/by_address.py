"""Compiled code called by its address, so that a loop need not be compiled anew for what it calls."""

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload
from numpy.typing import NDArray


class Own(NamedTuple):
    """What of the user's own a loop calls."""

    rule: int = 0  # address of the compiled rule, which takes what `hebb` does; 0: there is none
    competition: int = 0  # address of the compiled competition; 0: there is none
    parameters: NDArray[np.float32] = np.empty(0, np.float32)  # of the competition


def ask(own, potential, response, norm, trace, total, rate, parameters):
    """Return decay and growth by the user's rule: a function, or the address of one."""
    return own(potential, response, norm, trace, total, rate, parameters)


@overload(ask)
def _ask(own, potential, response, norm, trace, total, rate, parameters):
    return _ask_by_address if isinstance(own, types.Integer) else ask


def _ask_by_address(own, potential, response, norm, trace, total, rate, parameters):
    return _rule_at(own, potential, response, norm, trace, total, rate, parameters)


@intrinsic
def _rule_at(typing, address, potential, response, norm, trace, total, rate, parameters):
    """Call the compiled rule at an address, as `numba.cfunc` makes it."""
    taken = potential, response, norm, trace, total, rate, parameters
    returned = types.UniTuple(potential, 2)

    def code(context, builder, signature, values):
        types_taken = [context.get_value_type(one) for one in taken]
        function = ir.FunctionType(context.get_value_type(returned), types_taken)
        return builder.call(builder.inttoptr(values[0], function.as_pointer()), values[1:])

    return returned(address, *taken), code


@intrinsic
def competition_at(typing, address, drive, responses, parameters):
    """Call the compiled competition at an address, as `numba.cfunc` makes it; return the winner, or -1."""
    taken = drive, responses, parameters

    def code(context, builder, signature, values):
        address, *arrays = values
        arrays = [builder.insert_value(one, ir.Constant(one.type.elements[0], None), 0) for one in arrays]  # unowned
        types_taken = [context.get_value_type(one) for one in taken]
        function = ir.FunctionType(context.get_value_type(types.int64), types_taken)
        return builder.call(builder.inttoptr(address, function.as_pointer()), arrays)

    return types.int64(address, *taken), code


@intrinsic
def call(typing, entry, address, kind, i, j, k, m):
    """Call the stage whose compiled code begins at `entry`, with what `arguments_at` takes and four whole numbers."""
    return _called(types.intp, types.intp, kind, types.intp, types.intp, types.intp, types.intp)


@intrinsic
def call_loop(typing, entry, address, kind):
    """Call the loop whose compiled code begins at `entry`, with what `arguments_at` takes; return its two numbers."""
    return _called(types.UniTuple(types.intp, 2), types.intp, kind)


def _called(returns, *taken):
    """Return the signature, and the code, of a call of compiled code by its address."""

    def code(context, builder, signature, values):
        function = context.call_conv.get_function_type(returns, taken)
        stage = builder.inttoptr(values[0], function.as_pointer())
        status, returned = context.call_conv.call_function(builder, stage, returns, taken, values[1:])
        with cgutils.if_unlikely(builder, status.is_error):  # no stage raises, but where bounds are checked
            context.call_conv.return_status_propagate(builder, status)
        return returned

    return returns(types.intp, *taken), code


def entry_of(stage, kind, numbers=4):
    """Return where the code of a stage begins, compiled for arguments of a kind and so many whole numbers."""
    taken = types.intp, types.TypeRef(kind), *[types.intp] * numbers
    stage.compile(taken)
    compiled = stage.overloads[taken]
    return compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
