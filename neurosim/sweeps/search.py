"""The points of a sweep: all of a grid, random ones, or those that Optuna suggests."""

import itertools
import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from neurosim import randomness
from neurosim.errors import ConfigError
from neurosim.experiments.cells import Cell, Finished, Record
from neurosim.sweeps.study import EXTRA, LOST, POINTS, Sections, Sweep
from neurosim.sweeps.vary import Choice, Plain

Complete = Callable[[Sections], dict[str, Any]]
Round = Generator[list["Point"], Finished, None]  # yields points, is sent their records by key


@dataclass(frozen=True)
class Point:
    """One configuration.

    Attributes
    ----------
    cell : Cell
        Its complete configuration, and a key that is a hash of it.
    varied : dict
        The values of what varies, by dotted key, as in the study file.
    """

    cell: Cell
    varied: dict[str, Plain]

    @property
    def key(self) -> str:
        """The hash of its configuration and of its measure's version."""
        return self.cell.key

    @property
    def name(self) -> str:
        """The values of what varies as text, in which `--only` searches."""
        return " ".join(f"{key}={value}" for key, value in self.varied.items()) or "all"


def point(sweep: Sweep, varied: dict[str, Plain], complete: Complete, version: int) -> Point:
    """Return the point with these values of what varies.

    Raises
    ------
    ConfigError
        If a setting is unknown or missing.
    """
    sections = {section: dict(settings) for section, settings in sweep.sections.items()}
    for dotted, value in varied.items():
        section, _, key = dotted.partition(".")
        sections[section][key] = value
    try:
        settings = complete(sections)
    except ConfigError as error:
        name, *rest = error.args
        for key in (name, f"hardware.{name}"):  # the keys of a description are without the section
            if key in varied:
                raise ConfigError(f"vary.{key}", *rest) from None
        raise
    return Point(Cell("sweep", version, "point", settings), varied)


def rounds(sweep: Sweep, complete: Complete, version: int) -> Round:
    """Yield points, round by round; after each round, the generator is sent the records of its points.

    Raises
    ------
    ConfigError
        If a setting is unknown or missing, there are too many points, or the extra `studies` is missing.
    """
    if sweep.search.method == "optuna":
        yield from _suggested(sweep, complete, version)
    else:
        picked = _grid(sweep) if sweep.search.method == "grid" else _random(sweep)
        yield _distinct([point(sweep, varied, complete, version) for varied in picked])


def _distinct(points: list[Point]) -> list[Point]:
    """Return points without those whose configuration came before."""
    return list({one.key: one for one in points}.values())


def _grid(sweep: Sweep) -> list[dict[str, Plain]]:
    """Return all combinations; the last setting changes fastest."""
    values = [list(choice.values) for choice in sweep.vary.values() if isinstance(choice, Choice)]
    if (count := math.prod(map(len, values))) > POINTS["grid"]:
        advice = "make several studies of it, or pick points with method = 'random'"
        raise ConfigError("vary", f"a grid of at most {POINTS['grid']} points", count, advice)
    return [dict(zip(sweep.vary, picked, strict=True)) for picked in itertools.product(*values)]


def _random(sweep: Sweep) -> list[dict[str, Plain]]:
    """Return random points; a search for more points begins with the same ones."""
    count = sweep.search.points or 0
    shares = randomness.at_places(sweep.search.seed, randomness.SWEEP, 0, 0, count, len(sweep.vary))
    return [
        {key: values.at(float(share)) for (key, values), share in zip(sweep.vary.items(), row, strict=True)}
        for row in shares
    ]


def _suggested(sweep: Sweep, complete: Complete, version: int) -> Round:
    """Ask Optuna for points, a batch at a time, and tell it their objectives in the same order.

    So suggestions do not depend on the order in which points are finished, nor on whether some were finished before.
    """
    study, failed = _optuna(sweep)
    left = sweep.search.points or 0
    while left > 0:
        trials = [study.ask() for _ in range(min(left, sweep.search.batch))]
        points = [
            point(sweep, {key: values.asked(trial, key) for key, values in sweep.vary.items()}, complete, version)
            for trial in trials
        ]
        records = yield _distinct(points)
        for trial, one in zip(trials, points, strict=True):
            values = objectives(records.get(one.key, {}), sweep)
            study.tell(trial, values, state=failed if values is None else None)
        left -= len(trials)


def objectives(record: Record, sweep: Sweep) -> list[float] | None:
    """Return the values of a point's objectives; None if one is missing.

    They are None too if the point's chip loses events and that is no objective: work that is not done takes neither
    energy nor time, so that such a chip would win by losing.
    """
    measures = record.get("measures") or {}
    if measures.get(LOST) and LOST not in sweep.objectives:
        return None
    values = [measures.get(name) for name in sweep.objectives]
    return None if any(value is None for value in values) else [float(value) for value in values if value is not None]


def _optuna(sweep: Sweep) -> tuple[Any, Any]:
    """Return a study of Optuna, and the state that marks a failed trial."""
    try:
        import optuna
    except ImportError:
        raise ConfigError("search.method", "grid or random without optuna", "optuna", EXTRA) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    wishes = {"max": "maximize", "min": "minimize"}
    directions = [wishes[wish] for wish in sweep.objectives.values()]
    sampler = optuna.samplers.TPESampler(seed=sweep.search.seed)
    return optuna.create_study(directions=directions, sampler=sampler), optuna.trial.TrialState.FAIL
