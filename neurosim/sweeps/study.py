"""The study file of a sweep: what is the same at all points, what varies, how it is searched, and what for."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from neurosim.checks import one_of, whole
from neurosim.errors import ConfigError
from neurosim.sweeps.vary import RANGE, Choice, Vary, vary

METHODS = ("grid", "random", "optuna")
TABLES = ("search", "vary", "objectives")
NAMED = 12  # of many names, in an error
BATCH = 8
POINTS = 100_000
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
        Optuna is asked for so many points before it is told of any.
    """

    method: str
    points: int | None
    seed: int
    batch: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """A study file, checked.

    Attributes
    ----------
    name : str
    sections : dict of dict
        Settings by section, as written; dotted keys where tables are nested.
    search : Search
    vary : dict of str to Choice or Range
        By dotted key, the section first.
    objectives : dict of str to {"max", "min"}
        By measure.
    """

    name: str
    sections: Sections
    search: Search
    vary: dict[str, Vary]
    objectives: dict[str, str]


def read(path: str | Path, sections: Sequence[str], measures: Sequence[str]) -> Sweep:
    """Read a study file.

    Parameters
    ----------
    path : path
        TOML.
    sections, measures : sequence of str
        Those that the measure of a point knows.

    Raises
    ------
    ConfigError
        If the file cannot be read, or a key is unknown, missing or has a value that breaks its rule; it is named.
    """
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:  # not TOML and not UTF-8 are ValueErrors
        raise ConfigError("study", "a TOML file that can be read", str(path), str(error)) from None
    try:
        return of(_beside(table, Path(path).parent), sections, measures)
    except RecursionError:
        raise ConfigError("study", "of tables that are not nested without end", str(path)) from None


def _beside(value: Any, folder: Path) -> Any:
    """Return a study's values; TOML files, which are named as seen from the study, as seen from here."""
    if isinstance(value, dict):
        return {key: _beside(held, folder) for key, held in value.items()}
    if isinstance(value, list):
        return [_beside(held, folder) for held in value]
    return str(folder / value) if isinstance(value, str) and value.endswith(".toml") else value


def of(table: dict[str, Any], sections: Sequence[str], measures: Sequence[str]) -> Sweep:
    """Return the sweep of a study file's table: see `read`."""
    for key in table:
        known_key(key, ("name", *TABLES, *sections), key)
    if not isinstance(table.get("name"), str) or not table["name"].strip() or not table["name"].isprintable():
        raise ConfigError("name", "a text", table.get("name"))
    for key in (*TABLES, *sections):
        if not isinstance(table.get(key, {}), dict):
            raise ConfigError(key, "a table", table[key])
    varied = {key: vary(key, given) for key, given in _flat(table.get("vary", {}), ranges=True).items()}
    for key in varied:
        section, dot, rest = key.partition(".")
        if not dot or not rest or section not in sections:
            raise ConfigError("vary", f"settings such as {sections[0]}.X, of {', '.join(sections)}", key)
    plain = {section: _flat(table.get(section, {})) for section in sections}
    objectives = _objectives(table.get("objectives"), measures)
    return Sweep(table["name"], plain, _search(table.get("search"), varied), varied, objectives)


def known_key(key: str, known: Sequence[str], path: str) -> None:
    """Refuse an unknown key, and name those that are near, or some."""
    if key not in known:
        near = get_close_matches(key, known, 3, 0.5) or [*known[:NAMED], *(["..."] if len(known) > NAMED else [])]
        raise ConfigError(path, "one of " + ", ".join(near), key, "there is no such key")


def _flat(table: dict[str, Any], ranges: bool = False, path: str = "") -> dict[str, Any]:
    """Return a table with the tables in it written out: a.b = 1 for {a = {b = 1}}."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{path}{key}"
        nested = isinstance(value, dict) and not (ranges and _is_range(value))
        for inner, held in (_flat(value, ranges, f"{name}.") if nested else {name: value}).items():
            if inner in flat:
                raise ConfigError(inner, "given once", held)
            flat[inner] = held
    return flat


def _is_range(table: dict[str, Any]) -> bool:
    """Tell a range from a table of settings, of which one may be called `low`."""
    return bool(RANGE & table.keys()) and not any(isinstance(value, list | dict) for value in table.values())


def _search(given: dict[str, Any] | None, varied: dict[str, Vary]) -> Search:
    """Return the search that a table gives."""
    if given is None:
        raise ConfigError("search", 'a table with a method, such as method = "grid"', None)
    for key in given:
        known_key(key, ("method", "points", "seed", "batch"), f"search.{key}")
    method, points, seed, batch = (given.get(key) for key in ("method", "points", "seed", "batch"))
    one_of("search.method", method, METHODS)
    grid, asked = method == "grid", method == "optuna"
    for key, taken in (("points", not grid), ("seed", not grid), ("batch", asked)):
        if key in given and not taken:
            raise ConfigError(f"search.{key}", f"left out with method = {method!r}", given[key])
    if not grid:
        whole("search.points", points, 1, POINTS)
        if not varied:
            raise ConfigError("vary", f"a table of what {method} picks", None)
    whole("search.seed", 0 if seed is None else seed, 0, 2**32 - 1)
    whole("search.batch", BATCH if batch is None else batch, 1, POINTS)
    for key, values in varied.items():
        if grid and not isinstance(values, Choice):
            raise ConfigError(f"vary.{key}", 'a list of values with method = "grid"', "a range")
    return Search(str(method), points, seed or 0, batch or BATCH)


def _objectives(given: dict[str, Any] | None, measures: Sequence[str]) -> dict[str, str]:
    """Return what is to be the largest or smallest."""
    if not given:
        raise ConfigError("objectives", f'a table such as {measures[0]} = "max"', given)
    for key, wish in given.items():
        known_key(key, measures, f"objectives.{key}")
        one_of(f"objectives.{key}", wish, ("max", "min"))
    return dict(given)
