"""Rows that a section finds, kept as they are found; the table of all; rounds in which all take turns."""

import json
import statistics
import textwrap
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

WIDTH = 100


class OutOfTime(BaseException):
    """A section's time is up: no library's `except Exception` is to hold it up."""


@dataclass
class Row:
    """A line of the table.

    Attributes
    ----------
    section, what : str
        Its name; a later row of that name takes its place.
    value, low, high : float, optional
        The median and the lowest and highest of the rounds.
    unit : str
    ratio : tuple of float, optional
        Median, lowest and highest of its ratio to ours, round by round.
    text : str
        In place of a value.
    note : str
    """

    section: str
    what: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    ratio: tuple[float, float, float] | None = None
    text: str = ""
    note: str = ""


class Report:
    """What a section writes its rows to: a file, at once, as the section may be stopped at any time.

    Parameters
    ----------
    path : path
        Where rows are added, a line of JSON each.
    section : str
    seconds : float
        The section's share of the time.
    """

    def __init__(self, path: Path, section: str, seconds: float) -> None:
        self.path, self.section, self.end = path, section, time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.end - time.monotonic()

    def add(self, what: str, *, section: str | None = None, **fields) -> None:
        """Add a row, or put it in place of one of the same name."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(Row(section or self.section, what, **fields))) + "\n")

    @contextmanager
    def caught(self, what: str) -> Iterator[None]:
        """Make a failure a row, with its reason, and go on."""
        try:
            yield
        except Exception as error:
            traceback.print_exc()
            self.add(what, text="failed", note=reason(error))


def reason(error: BaseException) -> str:
    """Return an error in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:200] if lines else 'no message'}"


def spread(values: list[float]) -> tuple[float, float, float]:
    """Return median, lowest and highest."""
    return statistics.median(values), min(values), max(values)


def in_turn(runs: dict[str, Callable[[], float]], rounds: int, report: Report) -> dict[str, list[float]]:
    """Let all take turns, round after round, and return what they measured; the first round is to warm up.

    Stops before the time is up, after one round that counts at the least. Who fails is a row, and takes no more turns.
    """
    runs, times = dict(runs), {name: [] for name in runs}
    for number in range(rounds + 1):
        begun = time.monotonic()
        for name, run in list(runs.items()):
            try:
                taken = run()
            except Exception as error:
                traceback.print_exc()
                report.add(name, text="failed", note=reason(error))
                del runs[name], times[name]
                continue
            if number:
                times[name].append(taken)
        if number and time.monotonic() - begun > report.left - 5:
            break
    return times


def read(path: Path) -> list[Row]:
    """Return the rows of a file, of each name the last, where the first of that name stood."""
    found: dict[tuple[str, str], Row] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        row = Row(**json.loads(line))
        found[row.section, row.what] = row
    return list(found.values())


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _lines(row: Row) -> Iterator[str]:
    """Give the lines of a row: the note stands below."""
    if row.value is None:
        yield from textwrap.wrap(f"  {row.what:36} {row.text}", WIDTH, subsequent_indent=" " * 6)
    else:
        between = "" if row.low is None else f"{_number(row.low)} - {_number(row.high)}"
        ratio = "" if row.ratio is None else f"{row.ratio[0]:.2f} ({row.ratio[1]:.2f}-{row.ratio[2]:.2f})"
        yield f"  {row.what:36.36} {_number(row.value) + ' ' + row.unit:>14} {between:>23} {ratio:>20}".rstrip()
    yield from textwrap.wrap(row.note, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)


def table(rows: list[Row]) -> str:
    """Return the table, 100 columns wide."""
    lines = ["=" * WIDTH, f"  {'':36} {'median':>14} {'lowest - highest':>23} {'ratio to ours':>20}"]
    for section in dict.fromkeys(row.section for row in rows):
        lines += ["-" * WIDTH, section]
        for row in rows:
            if row.section == section:
                lines += _lines(row)
    return "\n".join([*lines, "=" * WIDTH])
