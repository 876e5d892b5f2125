"""A rule of the user's own, compiled for the layers' loops, and what is said where that fails."""

import dis
import linecache
import os
import re
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from neurosim.errors import ConfigError
from neurosim.layers.rule_helpers import with_fresh_helpers

LARGEST_ARGUMENT = 255  # of an instruction without an extension
QUANTITIES = ("potential", "response", "norm", "mean", "mean_square", "total", "rate")  # explained in `rule`


def compiled(function: Callable[..., Any], names: tuple[str, ...]) -> Any:
    """Return a function of the quantities and constants of these names as the layers' loops call it.

    Raises
    ------
    ConfigError
        If it cannot be compiled: the message shows the line.
    """
    from neurosim.kernels import own

    constants = [name for name in names if name not in QUANTITIES]
    traced = {"mean": "trace", "mean_square": "trace"}
    arguments = [
        traced.get(name, name) if name in QUANTITIES else f"parameters[{constants.index(name)}]" for name in names
    ]
    fresh = with_fresh_helpers(function, f"rule {function.__name__}")
    try:
        return own.compiled(_in_single_precision(fresh), tuple(arguments))
    except Exception as error:  # Numba raises nearly anything; its own trace is pages long, and tells no more
        name, rule = f"rule {function.__name__}", "compilable and return (decay, growth)"
        raise ConfigError(name, rule, line_of(function, error), reason_of(error)) from None


def _in_single_precision(function: FunctionType) -> FunctionType:
    """Return the function with its literal numbers as float32: else `1 - x` would be computed in double precision.

    Whole numbers that are an index, as in `TABLE[1]`, or count a loop, as in `range(3)`, stay whole.
    """
    code = function.__code__
    constants = [np.float32(value) if type(value) in (int, float) else value for value in code.co_consts]
    steps, bytecode = list(dis.get_instructions(code)), bytearray(code.co_code)
    for step, before, after in zip(steps, [None, *steps], [*steps[1:], None], strict=False):
        if step.opname != "LOAD_CONST" or type(step.argval) is not int or len(constants) > LARGEST_ARGUMENT:
            continue
        counts = before is not None and before.opname == "LOAD_GLOBAL" and before.argval == "range"
        if counts or (after is not None and after.opname == "BINARY_SUBSCR"):
            bytecode[step.offset + 1] = len(constants)
            constants.append(step.argval)
    code = code.replace(co_consts=tuple(constants), co_code=bytes(bytecode))
    return FunctionType(code, function.__globals__, function.__name__, None, function.__closure__)


def line_of(function: Callable[..., Any], error: Exception) -> str:
    """Return the line of the function that an error points at; its first line, if none."""
    code = function.__code__
    file = re.escape(os.path.basename(code.co_filename))
    mentioned = re.findall(rf'{file}(?:", line | \()(\d+)', str(error))
    number = int(mentioned[-1]) if mentioned else code.co_firstlineno
    missing = re.search(r"name '(\w+)' is not defined", str(error))  # Numba does not say where
    if missing:
        lines = sorted({line for _, _, line in code.co_lines() if line})
        uses = (line for line in lines if re.search(rf"\b{missing[1]}\b", linecache.getline(code.co_filename, line)))
        number = next(uses, number)
    return _located(code.co_filename, number)


def line_of_return(function: Callable[..., Any]) -> str:
    """Return the first line of the function that returns a value; its first line, if none is found."""
    code = function.__code__
    lines = sorted({line for _, _, line in code.co_lines() if line})
    found = (line for line in lines if re.search(r"\breturn\b *[^ \n#]", linecache.getline(code.co_filename, line)))
    return _located(code.co_filename, next(found, code.co_firstlineno))


def _located(file: str, number: int) -> str:
    return f"line {number} of {file}: {linecache.getline(file, number).strip()}"


def reason_of(error: Exception) -> str:
    """Return the telling line of an error that may be pages long."""
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith(("Failed in", "File ", "During:", "["))]
    cut = 2 if telling and telling[0].endswith(":") else 1
    return " ".join(telling[:cut]) if telling else type(error).__name__
