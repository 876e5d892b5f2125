"""The user's own rule: a plain Python function of scalars, decorated once, compiled into the layer's loop."""

import dis
import hashlib
import inspect
import io
import linecache
import os
import re
import textwrap
import tokenize
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

import numpy as np

from neurosim.checks import finite, fraction, number
from neurosim.errors import ConfigError
from neurosim.kernels.shared.codes import PARAMETERS
from neurosim.layers.rules import Rule
from neurosim.layers.schedules import Schedule

QUANTITIES = ("potential", "response", "norm", "mean", "mean_square", "total", "rate")  # explained in `rule`


@dataclass(frozen=True, slots=True)
class OwnRule(Rule):
    r"""A user's rule with its constants: made by calling what `neurosim.rule` returns.

    Parameters
    ----------
    name : str
        The function's name.
    digest : str
        Hash of the function's names, numbers and operators; empty if its source cannot be read.
    rate : float or schedule
        Passed to the function as `rate`.
    constants : tuple of (str, float)
        Passed to the function besides, by name.
    averaging : float
        Weight of the newest response in `mean` or `mean_square`, above 0, at most 1.
    """

    cell = "own"
    images = True

    name: str
    digest: str
    rate: float | Schedule
    constants: tuple[tuple[str, float], ...]
    averaging: float
    moment: int = field(compare=False, repr=False)
    total: bool = field(compare=False, repr=False)
    compiled: Any = field(compare=False, repr=False)

    @property
    def parameters(self) -> tuple[float, ...]:
        """Return the constants' values, in the order of their names."""
        return tuple(value for _, value in self.constants)


class RuleMaker:
    """A decorated function: call it with constants to get a rule."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.__name__, self.__doc__, self.__wrapped__ = function.__name__, function.__doc__, function
        self.parameters = _parameters(function)
        self.digest = _digest(function)
        self.compiled = _compile(function, tuple(self.parameters))

    def __repr__(self) -> str:
        return f"<rule {self.__name__}({', '.join(self.parameters)})>"

    def __call__(self, **constants: Any) -> OwnRule:
        """Return the rule with these constants, the function's defaults for those not given.

        Raises
        ------
        ConfigError
            If a constant is unknown, missing or no finite number.
        """
        averaging = constants.pop("averaging", 0.01)
        fraction("averaging", averaging)
        known = [name for name in self.parameters if name == "rate" or name not in QUANTITIES]
        for name in constants:
            if name not in known:
                raise ConfigError(f"constants of rule {self.__name__}", f"among {', '.join(known) or 'none'}", name)
        values = {name: constants.get(name, self.parameters[name].default) for name in known}
        values = {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
        for name, value in values.items():
            if value is inspect.Parameter.empty:
                raise ConfigError(f"{name} of rule {self.__name__}", "given, as it has no default", None)
            if not (name == "rate" and isinstance(value, Schedule)):
                finite(f"{name} of rule {self.__name__}", value, "a number")
        rate = values.pop("rate", 0.0)
        if not isinstance(rate, Schedule):
            number("rate", rate, "a schedule or a number of at least 0", 0)
            rate = float(rate)
        return OwnRule(
            self.__name__, self.digest, rate, tuple((name, float(value)) for name, value in values.items()),
            float(averaging), _moment(self.parameters), "total" in self.parameters, self.compiled,
        )  # fmt: skip


def rule(function: Callable[..., Any]) -> RuleMaker:
    r"""Make a rule of plasticity of a function that returns decay and growth: :math:`w_k \leftarrow a_k w_k + c_k x`.

    The function is compiled (in single precision, literal numbers too) and called for every neuron that learns. The
    names of its parameters say what it is passed: `potential` (u), `response` (y), `norm` (of the weights), `mean` or
    `mean_square` (running mean of the response or of its square, updated before the call; the newest weighs
    `averaging`, 0.01 by default), `total` (sum of \|u\| over the layer), `rate` (as its schedule has it). All other
    parameters, eight at most, are constants, given by name when the rule is made or by the function's defaults.

    Parameters
    ----------
    function : callable
        Scalars in, (decay, growth) out; arithmetic, `math`, branches and other compiled functions.

    Returns
    -------
    RuleMaker
        Call it with constants, or give it to a layer as it is.

    Raises
    ------
    ConfigError
        If the function cannot be compiled: the message shows the line.

    Examples
    --------
    >>> import neurosim as ns
    >>> @ns.rule
    ... def instar(response, rate=0.05):
    ...     growth = rate * response
    ...     return 1 - growth, growth
    >>> layer = ns.DenseWTA(100, competition=ns.HardWTA(), rule=instar(rate=0.1))
    """
    if not inspect.isfunction(function) or function.__name__ == "<lambda>":
        raise ConfigError("rule", "a plain Python function with a name", function)
    return RuleMaker(function)


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the function's parameters by name; refuse those that the loop cannot pass."""
    parameters = dict(inspect.signature(function).parameters)
    name = f"rule {function.__name__}"
    if any(parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) for parameter in parameters.values()):
        raise ConfigError(name, "a function of named parameters, without * and **", str(inspect.signature(function)))
    if {"mean", "mean_square"} <= set(parameters):
        raise ConfigError(name, "a function of mean or of mean_square, not of both", str(inspect.signature(function)))
    if "averaging" in parameters:
        raise ConfigError(name, "without a parameter averaging", "averaging", "mean has one of that name")
    constants = [parameter for parameter in parameters if parameter not in QUANTITIES]
    if function.__code__.co_flags & (inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        raise ConfigError(name, "a function that returns (decay, growth)", "a generator or coroutine")
    if any(step.opname in ("RAISE_VARARGS", "LOAD_ASSERTION_ERROR") for step in dis.get_instructions(function)):
        raise ConfigError(name, "without raise and assert", "one", "the loop has nobody to catch it: return (1, 0)")
    if "random" in function.__code__.co_names:
        raise ConfigError(name, "a function of its arguments alone", "random", "equal seeds must give equal bits")
    if len(constants) > PARAMETERS:
        raise ConfigError(f"constants of {name}", f"at most {PARAMETERS}", constants)
    return parameters


def _moment(parameters: dict[str, inspect.Parameter]) -> int:
    return 1 if "mean" in parameters else 2 if "mean_square" in parameters else 0


def _digest(function: Callable[..., Any]) -> str:
    """Return a hash of the function's source, and of what it uses from outside; empty if there is no source.

    It is made of names, numbers and operators alone, so that it is the same in all versions of Python.
    """
    try:
        source = textwrap.dedent(inspect.getsource(function))
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (OSError, SyntaxError, tokenize.TokenError, TypeError):
        return ""
    words = [token.string for token in tokens if token.type in (tokenize.NAME, tokenize.NUMBER, tokenize.OP)]
    words = words[words.index("def") if "def" in words else 0 :]  # without decorators
    for name, value in sorted(_used(function).items()):
        if isinstance(value, int | float | np.number):
            words.append(f"{name}={float(value)!r}")
        elif inspect.isfunction(getattr(value, "py_func", None)) and value.py_func is not function:
            words.append(f"{name}={_digest(value.py_func)}")
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:16]


def _used(function: Callable[..., Any]) -> dict[str, Any]:
    """Return what a function refers to outside of itself."""
    code = function.__code__
    names = {name: function.__globals__[name] for name in code.co_names if name in function.__globals__}
    cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
    return names | {name: cell.cell_contents for name, cell in cells}


def _compile(function: Callable[..., Any], names: tuple[str, ...]) -> Any:
    from neurosim.kernels import own

    constants = [name for name in names if name not in QUANTITIES]
    traced = {"mean": "trace", "mean_square": "trace"}
    arguments = [
        traced.get(name, name) if name in QUANTITIES else f"parameters[{constants.index(name)}]" for name in names
    ]
    try:
        return own.compiled(_in_single_precision(function), tuple(arguments))
    except Exception as error:  # Numba raises nearly anything; its own trace is pages long, and tells no more
        name, rule = f"rule {function.__name__}", "compilable and return (decay, growth)"
        raise ConfigError(name, rule, _line(function, error), _reason(error)) from None


def _in_single_precision(function: Callable[..., Any]) -> FunctionType:
    """Return the function with its literal numbers as float32: else `1 - x` would be computed in double precision."""
    code = function.__code__
    numbers = tuple(np.float32(value) if type(value) in (int, float) else value for value in code.co_consts)
    code = code.replace(co_consts=numbers)
    return FunctionType(code, function.__globals__, function.__name__, None, function.__closure__)


def _line(function: Callable[..., Any], error: Exception) -> str:
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
    text = linecache.getline(code.co_filename, number).strip()
    return f"line {number} of {code.co_filename}: {text}"


def _reason(error: Exception) -> str:
    """Return the telling line of an error that may be pages long."""
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith(("Failed in", "File ", "During:", "["))]
    cut = 2 if telling and telling[0].endswith(":") else 1
    return " ".join(telling[:cut]) if telling else type(error).__name__
