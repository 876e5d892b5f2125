"""Which points a sweep has: all of a grid, random ones, or those that Optuna asks for."""

import itertools
import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from neurosim import randomness
from neurosim.errors import ConfigError
from neurosim.experiments.cells import Cell, Finished, Record
from neurosim.sweeps.study import POINTS, Sections, Sweep
from neurosim.sweeps.vary import Choice, Plain

Complete = Callable[[Sections], dict[str, Any]]
Round = Generator[list["Point"], Finished, None]  # gives points, takes their records by key


@dataclass(frozen=True)
class Point:
    """One configuration.

    Attributes
    ----------
    cell : Cell
        Its whole configuration, under a key that is a hash of it.
    varied : dict
        What varies, by dotted key, as the study file has it.
    """

    cell: Cell
    varied: dict[str, Plain]

    @property
    def key(self) -> str:
        """The hash of its configuration and of the version of its measure."""
        return self.cell.key

    @property
    def name(self) -> str:
        """What varies in words, which `--only` looks into."""
        return " ".join(f"{key}={value}" for key, value in self.varied.items()) or "all"


def point(sweep: Sweep, varied: dict[str, Plain], complete: Complete, version: int) -> Point:
    """Return the point of some values of what varies.

    Raises
    ------
    ConfigError
        If a setting is unknown or missing.
    """
    sections = {section: dict(given) for section, given in sweep.sections.items()}
    for dotted, value in varied.items():
        section, _, key = dotted.partition(".")
        sections[section][key] = value
    return Point(Cell("sweep", version, "point", complete(sections)), varied)


def rounds(sweep: Sweep, complete: Complete, version: int) -> Round:
    """Give points, round by round; each round is sent the records of the last one's points.

    Raises
    ------
    ConfigError
        If a setting is unknown or missing, there are too many points, or the extra `studies` is missing.
    """
    if sweep.search.method == "optuna":
        yield from _asked(sweep, complete, version)
    else:
        picked = _grid(sweep) if sweep.search.method == "grid" else _random(sweep)
        found = [point(sweep, varied, complete, version) for varied in picked]
        yield list({one.key: one for one in found}.values())


def _grid(sweep: Sweep) -> list[dict[str, Plain]]:
    """Return all combinations, the last setting changing fastest."""
    values = [list(choice.values) for choice in sweep.vary.values() if isinstance(choice, Choice)]
    if (count := math.prod(map(len, values))) > POINTS:
        raise ConfigError("vary", f"a grid of at most {POINTS} points", count)
    return [dict(zip(sweep.vary, picked, strict=True)) for picked in itertools.product(*values)]


def _random(sweep: Sweep) -> list[dict[str, Plain]]:
    """Return points picked by counting: more of them begin with the same ones."""
    count = sweep.search.points or 0
    shares = randomness.at_places(sweep.search.seed, randomness.SWEEP, 0, 0, count, len(sweep.vary))
    keys, held = list(sweep.vary), list(sweep.vary.values())
    return [{key: of.at(float(at)) for key, of, at in zip(keys, held, row, strict=True)} for row in shares]


def _asked(sweep: Sweep, complete: Complete, version: int) -> Round:
    """Ask Optuna for points, a batch at a time, and tell it of them in the order in which it was asked.

    So it makes no difference in which order points are finished, nor whether some were finished before.
    """
    study, failed = _optuna(sweep)
    left = sweep.search.points or 0
    while left > 0:
        trials = [study.ask() for _ in range(min(left, sweep.search.batch))]
        found = [
            point(sweep, {key: held.asked(trial, key) for key, held in sweep.vary.items()}, complete, version)
            for trial in trials
        ]
        records = yield list({one.key: one for one in found}.values())
        for trial, one in zip(trials, found, strict=True):
            values = told(records.get(one.key, {}), sweep)
            study.tell(trial, values, state=failed if values is None else None)
        left -= len(trials)


def told(record: Record, sweep: Sweep) -> list[float] | None:
    """Return a point's objectives; None if it has not all of them."""
    measures = record.get("measures") or {}
    values = [measures.get(name) for name in sweep.objectives]
    return None if any(value is None for value in values) else [float(value) for value in values if value is not None]


def _optuna(sweep: Sweep) -> tuple[Any, Any]:
    """Return a study of Optuna, and its state of failure."""
    try:
        import optuna
    except ImportError:
        raise ConfigError("search.method", "grid or random without optuna", "optuna", _EXTRA) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    wishes = {"max": "maximize", "min": "minimize"}
    directions = [wishes[wish] for wish in sweep.objectives.values()]
    sampler = optuna.samplers.TPESampler(seed=sweep.search.seed)
    return optuna.create_study(directions=directions, sampler=sampler), optuna.trial.TrialState.FAIL


_EXTRA = "pip install 'neurosim-chip[studies]' brings it"
