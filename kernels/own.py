"""A user's rule of plasticity, or competition, compiled to what the loops call.

The loop itself is not compiled anew: it takes either as a pointer to a function of fixed arguments. A device has no
such pointers: there the rule is part of what is compiled, and competitions are the CPU's alone.
"""

from typing import Any, NamedTuple

from numba import cfunc, float32, int64, njit, types
from numba.extending import register_jitable

QUANTITIES = ("potential", "response", "norm", "trace", "total", "rate")  # the loop's order
_SIGNATURE = types.UniTuple(float32, 2)(*[float32] * len(QUANTITIES), types.Array(float32, 1, "C"))
_NUMBERS, _READ_ONLY = types.Array(float32, 1, "C"), types.Array(float32, 1, "C", readonly=True)
_NOT_ALLOCATING = {"error_model": "numpy", "_nrt": False}  # most of what would allocate memory does not compile
_ALLOCATORS = "NRT_Allocate", "NRT_MemInfo_alloc", "NRT_MemInfo_new"


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


class Competition(NamedTuple):
    """A competition as loops call it, and as it is tried.

    Attributes
    ----------
    cpu : Numba's cfunc
        Takes drive, responses and parameters; returns the winner, or -1.
    tried : callable
        Takes drive, responses and the values of the constants; raises IndexError where an array is left.
    """

    cpu: Any
    tried: Any


class AllocatesError(TypeError):
    """A competition allocates memory, or something that it calls does."""


class ReturnsOtherError(TypeError):
    """A competition returns something else than nothing or a whole number."""


def compiled_competition(function: Any, checked: Any, constants: int) -> Competition:
    """Return a competition as the loops call it.

    Parameters
    ----------
    function, checked : callable
        Takes drive, responses and so many constants, and writes the responses; twice the same one, as it is compiled
        twice.
    constants : int

    Raises
    ------
    AllocatesError
        If the function allocates memory, so far as it compiles at all then.
    ReturnsOtherError
        If the function returns something else than nothing or a whole number.
    """
    taken = _READ_ONLY, _NUMBERS, *[float32] * constants
    cell, tried = njit(**_NOT_ALLOCATING)(function), njit(error_model="numpy", boundscheck=True)(checked)
    for dispatcher in (tried, cell):  # in this order: methods of arrays compile only where memory may be allocated
        dispatcher.compile(taken)
    code = cell.inspect_llvm(taken)
    if any(name in code for name in _ALLOCATORS):  # in a function that it calls
        raise AllocatesError(function.__name__)
    returned = cell.overloads[taken].signature.return_type
    if returned is not types.none and not isinstance(returned, types.Integer):
        raise ReturnsOtherError(str(returned))
    numbers = ", ".join(["drive", "responses", *(f"parameters[{index}]" for index in range(constants))])
    body = f"    cell({numbers})\n    return -1" if returned is types.none else f"    return int64(cell({numbers}))"
    scope: dict[str, Any] = {"cell": cell, "int64": int64}
    exec(f"def call(drive, responses, parameters):\n{body}\n", scope)
    signature = types.int64(_READ_ONLY, _NUMBERS, _NUMBERS)
    return Competition(cpu=cfunc(signature, **_NOT_ALLOCATING)(scope["call"]), tried=tried)
