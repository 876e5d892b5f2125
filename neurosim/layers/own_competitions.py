"""The user's own competition: a plain Python function of arrays, decorated once, called by the layer's loop."""

import dis
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

import numpy as np

from neurosim.checks import finite
from neurosim.errors import ConfigError
from neurosim.kernels.shared.codes import PARAMETERS
from neurosim.layers.competition import Competition
from neurosim.layers.own_functions import OfOwnFunction, OwnFunction, check_function, parameters_of
from neurosim.layers.rule_compiling import line_of, line_of_return, reason_of
from neurosim.layers.rule_helpers import with_fresh_helpers

ARRAYS = ("drive", "responses")
NOTHING_OR_WINNER = "nothing, or the winner as a whole number"
LOOP = "write a loop over range(drive.size)"
ADVICE = {  # what Numba says, and what to do
    "NRT required": "it cannot allocate an array, nor copy a slice: " + LOOP,
    "built-in function setitem>) found for signature: >>> setitem(readonly": "drive is there to read: write responses",
    "readonly array": "it cannot allocate, sort or change drive: " + LOOP,
    "built-in function empty": "it cannot allocate an array: " + LOOP,
    "built-in function zeros": "it cannot allocate an array: " + LOOP,
}


@dataclass(frozen=True, slots=True)
class OwnCompetition(OfOwnFunction, Competition):
    """A user's competition with its constants: made by calling what `neurosim.competition` returns.

    Parameters
    ----------
    name : str
        The function's name.
    digest : str
        Hash of all that decides what the function computes (`CompetitionMaker.digest`).
    constants : tuple of (str, float)
        Passed to the function, by name.
    """

    cell = "own"
    images = True

    name: str
    digest: str
    constants: tuple[tuple[str, float], ...]
    maker: "CompetitionMaker" = field(compare=False, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return _made_again, (self.maker, self.constants)

    def check(self, neurons: int) -> None:
        """Try the function on a few drives of so many neurons.

        Raises
        ------
        ConfigError
            If it leaves an array, writes a response that is not finite, returns a winner that is none of the neurons,
            or cannot write responses, as it does not use them.
        """
        name = f"competition {self.name}"
        for drive in _drives(neurons):
            responses = np.zeros(neurons, np.float32)
            try:
                winner = self.compiled.tried(drive, responses, *map(np.float32, self.parameters))
            except Exception as error:  # an index, or shapes of slices
                rule = f"a function that stays within its {neurons} neurons"
                raise ConfigError(name, rule, f"{type(error).__name__}: {error}") from None
            if not np.isfinite(responses).all():
                where = int(np.flatnonzero(~np.isfinite(responses))[0])
                rule = f"a function of finite responses; it was tried on drives from {drive.min()} to {drive.max()}"
                raise ConfigError(name, rule, f"{responses[where]} for neuron {where} of {neurons}")
            if winner is not None and not 0 <= winner < neurons:
                raise ConfigError(f"winner of {name}", f"a neuron, from 0 to {neurons - 1}", winner)
        if not _uses(self.maker.__wrapped__, "responses"):
            raise ConfigError(
                name, "a function that writes responses", "one that does not use them", "responses[k] = y"
            )


class CompetitionMaker(OwnFunction):
    """A decorated function: call it with constants to get a competition."""

    what = "competition"

    def _parameters(self, function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
        parameters = parameters_of(function, self.what, NOTHING_OR_WINNER)
        if tuple(parameters)[:2] != ARRAYS:
            rule = "a function of drive, responses and constants, in this order"
            raise ConfigError(f"competition {function.__name__}", rule, str(inspect.signature(function)))
        if len(parameters) - len(ARRAYS) > PARAMETERS:
            constants = list(parameters)[len(ARRAYS) :]  # `self.parameters` is not there yet
            raise ConfigError(f"constants of competition {function.__name__}", f"at most {PARAMETERS}", constants)
        return parameters

    def _compiled(self, function: Callable[..., Any]) -> Any:
        return _compiled(function, len(self.constants))

    def again(self, constants: tuple[tuple[str, float], ...]) -> OwnCompetition:
        """Return the competition that has these constants, as `OwnCompetition` has them."""
        return self(**dict(constants))

    @property
    def constants(self) -> list[str]:
        """Names of the constants that a call takes."""
        return list(self.parameters)[len(ARRAYS) :]

    def __call__(self, *given: Any, **constants: Any) -> OwnCompetition:
        """Return the competition with these constants, the function's defaults for those not given.

        Raises
        ------
        ConfigError
            If a constant is unknown, missing, no finite number or not given by name.
        """
        self.by_name(given)
        values = self.values(self.constants, constants)
        for name, value in values.items():
            finite(f"{name} of {self.label}", value, "a number")
        pairs = tuple((name, float(value)) for name, value in values.items())
        return OwnCompetition(self.__name__, self.digest, pairs, self)


def competition(function: Callable[..., Any]) -> CompetitionMaker:
    """Make a competition of a function that writes the responses of all neurons to one sample.

    The function gets `drive`, float32 (neurons,), to read: :math:`f(u) + b`; and `responses`, float32 (neurons,), zeros
    to begin with, to write. All other parameters, eight at most, are constants: numbers, given by name when the
    competition is made, or by the function's defaults. It is compiled and called for every sample, of a `ConvWTA` for
    every position. It cannot allocate arrays: write loops.

    If it returns nothing, the neuron of the largest drive is the winner (the lowest index among equals); if it returns
    a whole number, that neuron is.

    Parameters
    ----------
    function : callable
        Of drive, responses and constants; loops, arithmetic, `math`, branches and other compiled functions.

    Returns
    -------
    CompetitionMaker
        Call it with constants, or give it to a layer as it is.

    Raises
    ------
    ConfigError
        If the function cannot be compiled: the message shows the line.

    Examples
    --------
    >>> import neurosim as ns
    >>> @ns.competition
    ... def linear(drive, responses, *, margin=0.05):
    ...     floor = drive.max() - margin
    ...     for k in range(drive.size):
    ...         responses[k] = max(drive[k] - floor, 0.0) / margin
    >>> layer = ns.DenseWTA(100, competition=linear(margin=0.1), rule=ns.SoftHebb(rate=0.1))
    """
    check_function("competition", function)
    return CompetitionMaker(function)


def _made_again(maker: CompetitionMaker, constants: tuple[tuple[str, float], ...]) -> OwnCompetition:
    return maker.again(constants)


def _compiled(function: Callable[..., Any], constants: int) -> Any:
    """Return a competition as the loops call it, or raise ConfigError: the message shows the line."""
    from neurosim.kernels import own

    name = f"competition {function.__name__}"
    quick = _in_single_precision(with_fresh_helpers(function, name, _nrt=False))
    checked = _in_single_precision(with_fresh_helpers(function, name, boundscheck=True))
    try:
        return own.compiled_competition(quick, checked, constants)
    except own.AllocatesError:
        raise ConfigError(name, "a function that allocates no memory", line_of(function, Exception()), LOOP) from None
    except own.ReturnsOtherError as error:
        line = line_of_return(function)
        raise ConfigError(f"what {name} returns", NOTHING_OR_WINNER, line, f"Numba calls it {error}") from None
    except ConfigError:
        raise
    except Exception as error:  # Numba raises nearly anything; its own trace is pages long, and tells no more
        text = " ".join(str(error).split())
        advice = next((advice for words, advice in ADVICE.items() if words in text), reason_of(error))
        raise ConfigError(name, "compilable", line_of(function, error), advice) from None


def _in_single_precision(function: FunctionType) -> FunctionType:
    """Return the function with its literal floats as float32: else they would be computed with in double precision.

    Whole numbers stay whole: most of them count and index.
    """
    code = function.__code__
    constants = tuple(np.float32(value) if type(value) is float else value for value in code.co_consts)
    code = code.replace(co_consts=constants)
    return FunctionType(code, function.__globals__, function.__name__, None, function.__closure__)


def _uses(function: Callable[..., Any], parameter: str) -> bool:
    """Tell whether a function does anything with a parameter of its."""
    used = (step.argval for step in dis.get_instructions(function.__code__))
    return any(parameter in value if isinstance(value, tuple) else value == parameter for value in used)


def _drives(neurons: int) -> list[np.ndarray[Any, np.dtype[np.float32]]]:
    """Return drives to try a competition on: zeros, rising, falling, of both signs and without order; read-only."""
    ramp = np.linspace(0, 1, neurons, dtype=np.float32)
    mixed = np.sin(np.arange(1, neurons + 1) ** 2).astype(np.float32)
    drives = [np.zeros(neurons, np.float32), ramp, ramp[::-1].copy(), mixed, np.float32(-1) - ramp]
    for drive in drives:
        drive.flags.writeable = False
    return drives
