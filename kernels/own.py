"""A user's rule of plasticity, compiled to what the loop of `kernels/dense.py` calls.

The loop itself is not compiled anew: it takes the rule as a pointer to a function of fixed arguments.
"""

from typing import Any

from numba import cfunc, float32, njit, types

QUANTITIES = ("potential", "response", "norm", "trace", "total", "rate")  # the loop's order
_SIGNATURE = types.UniTuple(float32, 2)(*[float32] * len(QUANTITIES), types.Array(float32, 1, "C"))


def compiled(function: Any, arguments: tuple[str, ...]) -> Any:
    """Return the function as the loop calls it.

    Parameters
    ----------
    function : callable
        Takes scalars, returns decay and growth.
    arguments : tuple of str
        What each of its parameters gets: one of `QUANTITIES`, or `parameters[i]`.
    """
    cell = njit(error_model="numpy")(function)
    names = ", ".join(QUANTITIES)
    source = (
        f"def call({names}, parameters):\n"
        f"    decay, growth = cell({', '.join(arguments)})\n"
        f"    return float32(decay), float32(growth)\n"
    )
    scope: dict[str, Any] = {"cell": cell, "float32": float32}
    exec(source, scope)  # names only: the caller has checked that they are a function's parameters
    return cfunc(_SIGNATURE, error_model="numpy")(scope["call"])
