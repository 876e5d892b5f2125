"""The user's own rule: a plain Python function of scalars, decorated once, compiled into the layer's loop."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from neurosim.checks import finite, fraction, number
from neurosim.errors import ConfigError
from neurosim.kernels.shared.codes import PARAMETERS
from neurosim.layers.own_functions import OfOwnFunction, OwnFunction, check_function, parameters_of
from neurosim.layers.rule_compiling import QUANTITIES, compiled
from neurosim.layers.rules import Rule
from neurosim.layers.schedules import Schedule

AVERAGING = 0.01  # weight of the newest response in an average, unless told otherwise


@dataclass(frozen=True, slots=True)
class OwnRule(OfOwnFunction, Rule):
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


class RuleMaker(OwnFunction):
    """A decorated function: call it with constants to get a rule."""

    what = "rule"

    def _parameters(self, function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
        return _parameters(function)

    def _compiled(self, function: Callable[..., Any]) -> Any:
        return compiled(function, tuple(self.parameters))

    def again(self, rate: float | Schedule, constants: tuple[tuple[str, float], ...], averaging: float) -> OwnRule:
        """Return the rule that has these constants, as `OwnRule` has them."""
        rates = {"rate": rate} if "rate" in self.parameters else {}
        return self(averaging=averaging, **dict(constants), **rates)

    @property
    def constants(self) -> list[str]:
        """Names of the constants that a call takes."""
        return [name for name in self.parameters if name == "rate" or name not in QUANTITIES]

    def __call__(self, *given: Any, **constants: Any) -> OwnRule:
        """Return the rule with these constants, the function's defaults for those not given.

        Raises
        ------
        ConfigError
            If a constant is unknown, missing, no finite number or not given by name.
        """
        self.by_name(given)
        averaging = constants.pop("averaging", AVERAGING)
        fraction("averaging", averaging)
        values = self.values(self.constants, constants)
        for name, value in values.items():
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
    check_function("rule", function)
    return RuleMaker(function)


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the function's parameters by name; refuse those that the loop cannot pass."""
    parameters, name = parameters_of(function, "rule", "(decay, growth)"), f"rule {function.__name__}"
    if {"mean", "mean_square"} <= set(parameters):
        raise ConfigError(name, "a function of mean or of mean_square, not of both", str(inspect.signature(function)))
    if "averaging" in parameters:
        raise ConfigError(name, "without a parameter averaging", "averaging", "mean has one of that name")
    constants = [parameter for parameter in parameters if parameter not in QUANTITIES]
    if len(constants) > PARAMETERS:
        raise ConfigError(f"constants of {name}", f"at most {PARAMETERS}", constants)
    return parameters


def _moment(parameters: dict[str, inspect.Parameter]) -> int:
    return 1 if "mean" in parameters else 2 if "mean_square" in parameters else 0


def _made_again(
    maker: RuleMaker, rate: float | Schedule, constants: tuple[tuple[str, float], ...], averaging: float
) -> OwnRule:
    return maker.again(rate, constants, averaging)
