"""The user's own rule: a plain Python function of scalars, decorated once, compiled into the layer's loop."""

import importlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import Any

import numpy as np

from neurosim.checks import finite, fraction, number
from neurosim.errors import ConfigError
from neurosim.kernels.shared.codes import PARAMETERS
from neurosim.layers.old_digest import old_digest
from neurosim.layers.rule_compiling import QUANTITIES, compiled
from neurosim.layers.rule_identity import FORM, digest_of
from neurosim.layers.rules import Rule
from neurosim.layers.schedules import Schedule

AVERAGING = 0.01  # weight of the newest response in an average, unless told otherwise


@dataclass(frozen=True, slots=True)
class OwnRule(Rule):
    r"""A user's rule with its constants: made by calling what `neurosim.rule` returns.

    Parameters
    ----------
    name : str
        The function's name.
    digest : str
        Hash of all that decides what the function computes (`RuleMaker.digest`).
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
    maker: "RuleMaker" = field(compare=False, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return _made_again, (self.maker, self.rate, self.constants, self.averaging)

    def __deepcopy__(self, memo: dict[int, Any]) -> "OwnRule":
        return self  # nothing in it changes

    @property
    def compiled(self) -> Any:
        """The function as the loops call it."""
        return self.maker.compiled

    @property
    def parameters(self) -> tuple[float, ...]:
        """Return the constants' values, in the order of their names."""
        return tuple(value for _, value in self.constants)


class RuleMaker:
    """A decorated function: call it with constants to get a rule.

    It may be copied and pickled, by name if it can be imported, else with its compiled Python code: then the same
    version of Python reads it.

    Attributes
    ----------
    digest : str
        Hash of all that decides what the function computes: its source, the compiled functions that it calls, numbers,
        tuples, arrays and modules' numbers that it uses. Without its source, of the bytecode.
    """

    def __init__(self, function: Callable[..., Any], digest: str | None = None) -> None:
        self.__name__, self.__doc__, self.__wrapped__ = function.__name__, function.__doc__, function
        self.__module__, self.__qualname__ = function.__module__, function.__qualname__
        self.parameters = _parameters(function)
        self.compiled = compiled(function, tuple(self.parameters))
        self.code_digest = digest_of(function, by_code=True)
        self.digest = digest_of(function) if digest is None else digest

    def __repr__(self) -> str:
        return f"<rule {self.__name__}({', '.join(self.parameters)})>"

    def __deepcopy__(self, memo: dict[int, Any]) -> "RuleMaker":
        return self  # nothing in it changes

    def __copy__(self) -> "RuleMaker":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        found = _importable(self.__module__, self.__qualname__)
        if found is self.__wrapped__ or (isinstance(found, RuleMaker) and found.digest == self.digest):
            return _imported, (self.__module__, self.__qualname__, self.digest)
        from numba import cloudpickle

        if digest_of(self.__wrapped__, by_code=True) != self.code_digest:
            advice = "decorate it once more, and make the chip of the new rule"
            raise ConfigError(
                f"rule {self.__name__}", "as it was compiled to be pickled", "something that it uses has changed since",
                advice,
            )  # fmt: skip
        try:
            pickled = cloudpickle.dumps(self.__wrapped__)  # type: ignore[no-untyped-call]
        except Exception as error:
            advice = f"define the rule in a module that can be imported: {error}"
            raise ConfigError(
                f"rule {self.__name__}", "made of what can be pickled", self.__wrapped__, advice
            ) from None
        return _unpickled, (pickled, self.digest, self.code_digest)

    def is_known_as(self, digest: str) -> bool:
        """Tell whether a state file that has this digest was saved with this rule, as far as the digest can tell."""
        if not digest:  # older versions had none for a function without source
            return True
        if not digest.startswith(f"{FORM}-"):
            return digest == self._old_digest
        return digest in (self.digest, self.code_digest)

    @cached_property
    def _old_digest(self) -> str:
        return old_digest(self.__wrapped__)

    def again(self, rate: float | Schedule, constants: tuple[tuple[str, float], ...], averaging: float) -> OwnRule:
        """Return the rule that has these constants, as `OwnRule` has them."""
        rates = {"rate": rate} if "rate" in self.parameters else {}
        return self(averaging=averaging, **dict(constants), **rates)

    def __call__(self, **constants: Any) -> OwnRule:
        """Return the rule with these constants, the function's defaults for those not given.

        Raises
        ------
        ConfigError
            If a constant is unknown, missing or no finite number.
        """
        averaging = constants.pop("averaging", AVERAGING)
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
            float(averaging), _moment(self.parameters), "total" in self.parameters, self,
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
    if "random" in function.__code__.co_names:
        raise ConfigError(name, "a function of its arguments alone", "random", "equal seeds must give equal bits")
    if len(constants) > PARAMETERS:
        raise ConfigError(f"constants of {name}", f"at most {PARAMETERS}", constants)
    return parameters


def _moment(parameters: dict[str, inspect.Parameter]) -> int:
    return 1 if "mean" in parameters else 2 if "mean_square" in parameters else 0


def _made_again(
    maker: RuleMaker, rate: float | Schedule, constants: tuple[tuple[str, float], ...], averaging: float
) -> OwnRule:
    return maker.again(rate, constants, averaging)


def _importable(module: str, name: str) -> Any:
    """Return what another process finds in a module by a name; None if it may find nothing, or something else."""
    if module == "__main__" or module not in sys.modules:
        return None
    try:
        return attrgetter(name)(sys.modules[module])
    except AttributeError:  # a function within a function, or a name that was deleted
        return None


def _imported(module: str, name: str, digest: str) -> RuleMaker:
    """Return a rule that was pickled by its name, if it is still the same."""
    found = attrgetter(name)(importlib.import_module(module))
    maker = found if isinstance(found, RuleMaker) else RuleMaker(found)
    return _the_same(maker, maker.digest, digest)


@lru_cache(maxsize=64)  # a process that gets many chips compiles a rule once
def _unpickled(pickled: bytes, digest: str, code_digest: str) -> RuleMaker:
    """Return a rule that was pickled with its code; its file need not be there, so it keeps its digest."""
    from numba import cloudpickle

    maker = RuleMaker(cloudpickle.loads(pickled), digest)
    return _the_same(maker, maker.code_digest, code_digest)


def _the_same(maker: RuleMaker, found: str, pickled: str) -> RuleMaker:
    if found != pickled:
        advice = "it, or something that it uses, has changed since"
        raise ConfigError(f"rule {maker.__name__}", f"the one that was pickled, {pickled}", found, advice)
    return maker
