"""A user's rule of plasticity, compiled to what the loops call.

The loop itself is not compiled anew: it takes the rule as a pointer to a function of fixed arguments. A device has no
such pointers: there the rule is part of what is compiled.
"""

from typing import Any, NamedTuple

from numba import cfunc, float32, njit, types
from numba.extending import register_jitable

QUANTITIES = ("potential", "response", "norm", "trace", "total", "rate")  # the loop's order
_SIGNATURE = types.UniTuple(float32, 2)(*[float32] * len(QUANTITIES), types.Array(float32, 1, "C"))


class Compiled(NamedTuple):
    """A rule as loops call it, with the arguments of `kernels.dense.hebb`: a pointer, and a function of the device."""

    cpu: Any
    cuda: Any


def compiled(function: Any, arguments: tuple[str, ...]) -> Compiled:
    """Return the function as the loops call it.

    Parameters
    ----------
    function : callable
        Takes scalars, returns decay and growth.
    arguments : tuple of str
        What each of its parameters gets: one of `QUANTITIES`, or `parameters[i]`.
    """
    on_cpu = _call(njit(error_model="numpy")(function), arguments)
    on_cuda = register_jitable(_call(register_jitable(function), arguments))  # compiled where it is called
    return Compiled(cpu=cfunc(_SIGNATURE, error_model="numpy")(on_cpu), cuda=on_cuda)


def _call(cell: Any, arguments: tuple[str, ...]) -> Any:
    """Return a function of what the loop gives that calls the cell."""
    names = ", ".join(QUANTITIES)
    source = (
        f"def call({names}, parameters):\n"
        f"    decay, growth = cell({', '.join(arguments)})\n"
        f"    return float32(decay), float32(growth)\n"
    )
    scope: dict[str, Any] = {"cell": cell, "float32": float32}
    exec(source, scope)  # names only: the caller has checked that they are a function's parameters
    return scope["call"]
