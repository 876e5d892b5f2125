"""What novelty is made of, for one chip and for the chips of a fleet: constants, what is known at first, its checks."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import LARGEST, number, one_of, whole
from neurosim.errors import ConfigError
from neurosim.kernels import novelty as kernel
from neurosim.state.arrays import Arrays
from neurosim.state.kept_checks import check_alike, check_constants, check_numbers

MEASURES = {"shortfall": kernel.SHORTFALL, "entropy": kernel.DISORDER, "step": kernel.MOVEMENT}
KEPT = ("distributions", "wins", "recent", "scored")  # fields of the state that are saved: the others follow from them
LARGEST_COUNT = 1 << 62  # of scores in a file: the kernel counts on, and takes places from it


def measures_of(measures: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of measures, given as one or as several; ConfigError, if they are none, or one comes twice."""
    names = (measures,) if isinstance(measures, str) else tuple(measures)
    if not names or len(set(names)) < len(names):
        raise ConfigError("measures", f"of {', '.join(MEASURES)}, each once and one at least", names)
    for name in names:
        one_of("measures", name, tuple(MEASURES))
    return names


def fewest_scores(quantile: float) -> int:
    """Return of how many scores at least a quantile is taken; ConfigError, if it is out of range."""
    number("quantile", quantile, "from 0.5 to below 1", 0.5)
    if quantile >= 1:
        raise ConfigError("quantile", "from 0.5 to below 1", quantile)
    return int(np.ceil(1 / (1 - quantile) - 1e-9))


def recent_of(recent: int | None, quantile: float, usual: int) -> int:
    """Return how many scores are kept: as asked for, or as usual, or more if the quantile needs them."""
    return max(usual, fewest_scores(quantile)) if recent is None else recent


def constants_of(
    measures: Sequence[str], *, quantile: float, horizon: int, prior: float, settling: int, recent: int
) -> kernel.Constants:
    """Return the constants as the kernel takes them; ConfigError, if one is out of range."""
    enough = fewest_scores(quantile)
    whole("horizon", horizon, 2, LARGEST)
    number("prior", prior, "at least 0 and finite", 0)
    if prior == np.inf:
        raise ConfigError("prior", "at least 0 and finite", prior)
    whole("settling", settling, 0, LARGEST)
    whole("recent", recent, enough, LARGEST)
    asked = sum(MEASURES[measure] for measure in measures)
    return kernel.Constants(asked, float(horizon), float(prior), settling, float(quantile), enough)


def first_state(neurons: int, recent: int, *chips: int) -> kernel.State:
    """Return what is known before the first sample: of one chip, or a row for each of many."""
    return kernel.State(
        distributions=np.zeros((*chips, kernel.OTHERS + neurons, 3)),
        wins=np.zeros((*chips, neurons), np.int64),
        recent=np.zeros((*chips, recent)),
        ordered=np.zeros((*chips, recent)),
        scored=np.zeros((*chips, 2), np.int64),
        moved=np.zeros((*chips, 1)),
    )


def arrays_of(constants: kernel.Constants, state: kernel.State) -> Arrays:
    """Return a copy of what a snapshot keeps."""
    return {name: getattr(state, name).copy() for name in KEPT} | {"constants": np.array(constants, np.float64)}


def go_on(kept: Mapping[str, NDArray[Any]], constants: kernel.Constants, state: kernel.State, rule: str) -> None:
    """Let a state go on from what a snapshot kept; ValueError, if that is of another, and `rule` says of which."""
    own = arrays_of(constants, state)
    check_alike(rule, own, kept)
    check_constants("novelty", "the constants", own, kept)
    rule = "novelty must have counts and variances of at least 0, and finite numbers"
    known = kept["distributions"]
    check_numbers(rule, {"distributions": known, "recent": kept["recent"]})
    check_numbers(rule, {"distributions": known[..., [kernel.NUMBER, kernel.VARIANCE]]}, 0)
    check_numbers(rule, {"wins": kept["wins"], "scored": kept["scored"]}, 0, LARGEST_COUNT)
    for name in KEPT:
        getattr(state, name)[...] = kept[name]
    size = state.recent.shape[-1]
    for scored, recent, ordered in zip(
        state.scored.reshape(-1, 2), state.recent.reshape(-1, size), state.ordered.reshape(-1, size), strict=True
    ):
        count = min(int(scored[0]), size)
        ordered[:count] = np.sort(recent[:count])
