"""The study file of a sweep: the settings of all points, what varies, how points are picked, and the objectives."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from neurosim.checks import one_of, whole
from neurosim.errors import ConfigError
from neurosim.outside import toml
from neurosim.sweeps.vary import RANGE, Choice, Vary, vary

METHODS = ("grid", "random", "optuna")
TABLES = ("search", "vary", "objectives", "front")
BANDS = ("triangular", "uniform")  # distributions within a band, of the logarithm
EXTRA = "pip install 'neurosim-chip[studies]' brings it"
MOST_NAMES = 12  # of names in an error
BATCH = 8  # points that Optuna suggests at a time, if the file does not say
DRAWS, MOST_DRAWS = 1000, 100_000  # of what is not known exactly, for each point's chance to be on the front
POINTS = {"grid": 100_000, "random": 20_000, "optuna": 2_000}  # most points of a sweep: they are listed in a minute
LOST = "lost_share"  # a measure: a chip that loses events is on no front, unless to lose few of them is an objective
Sections = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Search:
    """How points are picked.

    Attributes
    ----------
    method : {"grid", "random", "optuna"}
    points : int or None
        How many; None for a grid.
    seed : int
    batch : int
        How many points Optuna suggests before it gets the results of any of them.
    """

    method: str
    points: int | None
    seed: int
    batch: int


@dataclass(frozen=True, slots=True)
class Chances:
    """How the probability of being on the front is computed: the table `front`.

    Attributes
    ----------
    draws : int
        How often everything that is not known exactly is drawn; 0 for no probabilities.
    seed : int
    band : {"triangular", "uniform"}
        Distribution of a constant's logarithm between low and high; a triangle has its peak at the value.
    """

    draws: int = DRAWS
    seed: int = 0
    band: str = "triangular"

    def __post_init__(self) -> None:
        whole("front.draws", self.draws, 0, MOST_DRAWS)
        whole("front.seed", self.seed, 0, 2**32 - 1)
        one_of("front.band", self.band, BANDS)


@dataclass(frozen=True, slots=True)
class Sweep:
    """A checked study file.

    Attributes
    ----------
    name : str
    sections : dict of dict
        Settings by section, as written; keys are dotted where tables are nested.
    search : Search
    vary : dict of str to Choice or Range
        By dotted key, which begins with the section.
    objectives : dict of str to {"max", "min"}
        By the name of the measure.
    chances : Chances
    """

    name: str
    sections: Sections
    search: Search
    vary: dict[str, Vary]
    objectives: dict[str, str]
    chances: Chances = Chances()


def read(path: str | Path, sections: Sequence[str], measures: Sequence[str]) -> Sweep:
    """Read a study file.

    Parameters
    ----------
    path : path
        A TOML file.
    sections, measures : sequence of str
        Names that are allowed: see `neurosim.sweeps.tasks.Measure`.

    Raises
    ------
    ConfigError
        If the file cannot be read, or a key is unknown or missing or its value breaks a rule; the message names it.
    """
    table = toml.read("study", path)
    try:
        return of(_resolved(table, Path(path).parent), sections, measures)
    except RecursionError:
        raise ConfigError("study", "a file whose tables are not nested so deeply", str(path)) from None


def _resolved(value: Any, folder: Path) -> Any:
    """Return a value of a study file, with paths of TOML files, which are relative to the study's folder, resolved."""
    if isinstance(value, dict):
        return {key: _resolved(inner, folder) for key, inner in value.items()}
    if isinstance(value, list):
        return [_resolved(inner, folder) for inner in value]
    return str(folder / value) if isinstance(value, str) and toml.is_toml(value) else value


def of(table: dict[str, Any], sections: Sequence[str], measures: Sequence[str]) -> Sweep:
    """Return the sweep that a study file's table describes: see `read`."""
    for key in table:
        known_key(key, ("name", *TABLES, *sections), key)
    if not isinstance(table.get("name"), str) or not table["name"].strip() or not table["name"].isprintable():
        raise ConfigError("name", "a text", table.get("name"))
    for key in (*TABLES, *sections):
        if not isinstance(table.get(key, {}), dict):
            raise ConfigError(key, "a table", table[key])
    varied = {key: vary(key, value) for key, value in _flat(table.get("vary", {}), ranges=True).items()}
    for key in varied:
        section, dot, rest = key.partition(".")
        if not dot or not rest or section not in sections:
            near = get_close_matches(section, sections, 1, 0.5)
            advice = f"did you mean {near[0]}.{rest or 'X'}?" if near else ""
            raise ConfigError("vary", f"settings such as {sections[0]}.X, of {', '.join(sections)}", key, advice)
    return Sweep(
        name=table["name"],
        sections={section: _flat(table.get(section, {})) for section in sections},
        search=_search(table.get("search"), varied),
        vary=varied,
        objectives=_objectives(table.get("objectives"), measures),
        chances=_chances(table.get("front", {})),
    )


def known_key(key: str, known: Sequence[str], path: str) -> None:
    """Refuse an unknown key; the error names those that there are, similar ones first."""
    if key not in known:
        near = get_close_matches(key, known, 3, 0.5)
        names = [*near, *(name for name in known if name not in near)]
        shown = ", ".join([*names[:MOST_NAMES], *(["..."] if len(names) > MOST_NAMES else [])])
        raise ConfigError(path, f"one of {shown}", key, f"did you mean {near[0]}?" if near else "there is no such key")


def _flat(table: dict[str, Any], ranges: bool = False, path: str = "") -> dict[str, Any]:
    """Return a table without nested ones: {a = {b = 1}} becomes {a.b = 1}; with `ranges`, ranges stay tables."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{path}{key}"
        nested = isinstance(value, dict) and not (ranges and _is_range(value))
        for dotted, setting in (_flat(value, ranges, f"{name}.") if nested else {name: value}).items():
            if dotted in flat:
                raise ConfigError(dotted, "given once", setting)
            flat[dotted] = setting
    return flat


def _is_range(table: dict[str, Any]) -> bool:
    """Tell whether a table is a range; a table of settings may have a setting called `low` too."""
    return bool(RANGE & table.keys()) and not any(isinstance(value, list | dict) for value in table.values())


def _search(table: dict[str, Any] | None, varied: dict[str, Vary]) -> Search:
    """Return the search that a table describes."""
    if table is None:
        raise ConfigError("search", 'a table with a method, such as method = "grid"', None)
    for key in table:
        known_key(key, ("method", "points", "seed", "batch"), f"search.{key}")
    method, points, seed, batch = (table.get(key) for key in ("method", "points", "seed", "batch"))
    one_of("search.method", method, METHODS)
    grid, optuna = method == "grid", method == "optuna"
    for key, allowed in (("points", not grid), ("seed", not grid), ("batch", optuna)):
        if key in table and not allowed:
            raise ConfigError(f"search.{key}", f"left out with method = {method!r}", table[key])
    if not grid:
        whole("search.points", points, 1)
        if points > POINTS[str(method)]:  # type: ignore[operator]
            rule = f"at most {POINTS[str(method)]:,} with method = {method!r}, which are listed within a minute"
            raise ConfigError("search.points", rule, points, "make several studies of it")
        if not varied:
            raise ConfigError("vary", f"a table of what {method} picks", None)
    whole("search.seed", 0 if seed is None else seed, 0, 2**32 - 1)
    whole("search.batch", BATCH if batch is None else batch, 1, POINTS["optuna"])
    for key, values in varied.items():
        if grid and not isinstance(values, Choice):
            raise ConfigError(f"vary.{key}", 'a list of values with method = "grid"', "a range")
    return Search(str(method), points, seed or 0, batch or BATCH)


def _chances(table: dict[str, Any]) -> Chances:
    """Return how probabilities are computed, as a table says."""
    for key in table:
        known_key(key, ("draws", "seed", "band"), f"front.{key}")
    return Chances(**table)


def _objectives(table: dict[str, Any] | None, measures: Sequence[str]) -> dict[str, str]:
    """Return the measures that are to be as large ("max") or as small ("min") as possible."""
    if not table:
        raise ConfigError("objectives", f'a table such as {measures[0]} = "max"', table)
    for key, wish in table.items():
        known_key(key, measures, f"objectives.{key}")
        one_of(f"objectives.{key}", wish, ("min",) if key == LOST else ("max", "min"))
    return dict(table)
