"""The tables of sources beside this file, and how numbers between their rows are found."""

import csv
from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from importlib.resources import as_file, files
from math import exp, log
from typing import Any, NamedTuple

from neurosim.errors import ConfigError
from neurosim.outside import toml

SRAM = "sram.csv"
SRAM_SOURCE = "CACTI 7 as in hwcomponents-cacti 1.0.40, with its defaults (least leakage, one port, 300 K)"
CORNERS = ("kB", "word_bits", "node_nm")


class Array(NamedTuple):
    """One SRAM array as CACTI gives it.

    Attributes
    ----------
    access_ns, cycle_ns : float
        From the address to the word, and between two random accesses.
    read_pJ, write_pJ : float
        Of one word.
    leakage_mW, area_mm2 : float
    """

    access_ns: float
    cycle_ns: float
    read_pJ: float
    write_pJ: float
    leakage_mW: float
    area_mm2: float


@cache
def technology() -> dict[str, Any]:
    """Return what was read in the sources, by group: see `tables/technology.toml`."""
    with as_file(files(__package__).joinpath("tables", "technology.toml")) as path:
        return toml.read("table", path)


@cache
def arrays() -> dict[str, dict[tuple[float, float, float], Array]]:
    """Return CACTI's arrays by kind of transistors, and then by kB, bits of a word, and node in nm."""
    text = files(__package__).joinpath("tables", SRAM).read_text()
    found: dict[str, dict[tuple[float, float, float], Array]] = {}
    for row in csv.DictReader(line for line in text.splitlines() if not line.startswith("#")):
        corner = float(row["kB"]), float(row["word_bits"]), float(row["node_nm"])
        found.setdefault(row["transistors"], {})[corner] = Array(*(float(row[name]) for name in Array._fields))
    return found


def between(x: float, xs: Sequence[float], ys: Sequence[float]) -> float:
    r"""Return y at x on the straight lines through the rows' logarithms; a row's own y is returned as it stands.

    .. math:: y = \exp\big(\ln y_0 + \frac{\ln x - \ln x_0}{\ln x_1 - \ln x_0} (\ln y_1 - \ln y_0)\big)

    The caller has checked that x lies within the rows, which rise in x.
    """
    at = bisect_right(xs, x) - 1
    if xs[at] == x:
        return ys[at]
    share = (log(x) - log(xs[at])) / (log(xs[at + 1]) - log(xs[at]))
    return exp(log(ys[at]) + share * (log(ys[at + 1]) - log(ys[at])))


def check_within(key: str, x: float, xs: Sequence[float], unit: str, source: str) -> None:
    """Refuse a number outside the rows of a table."""
    low, high = min(xs), max(xs)
    if not low <= x <= high:
        raise ConfigError(key, f"from {low:g} to {high:g} {unit}, as far as the table goes", x, source.split(",")[0])


def sram(key: str, transistors: str, kB: float, word_bits: float, node_nm: float) -> Array:
    """Return an array of the table, or one between its rows: in the logarithms of size, width and node.

    Raises
    ------
    ConfigError
        If a number lies outside the table.
    """
    table = arrays()[transistors]
    axes = [sorted({corner[axis] for corner in table}) for axis in range(len(CORNERS))]
    point = (kB, word_bits, node_nm)
    for name, x, xs, unit in zip(CORNERS, point, axes, ("kB", "bits", "nm"), strict=True):
        check_within(f"{key}.{name}", x, xs, unit, SRAM_SOURCE)
    return _corners(table, axes, point, ())


def _corners(
    table: dict[tuple[float, float, float], Array],
    axes: list[list[float]],
    point: tuple[float, ...],
    fixed: tuple[float, ...],
) -> Array:
    """Return the array at a point, of which the first numbers are `fixed` at rows of the table."""
    if len(fixed) == len(axes):
        return table[fixed]  # type: ignore[index]
    xs, x = axes[len(fixed)], point[len(fixed)]
    at = bisect_right(xs, x) - 1
    near = [xs[at]] if xs[at] == x else xs[at : at + 2]
    found = [_corners(table, axes, point, (*fixed, row)) for row in near]
    return Array(*(between(x, near, column) for column in zip(*found, strict=True)))
