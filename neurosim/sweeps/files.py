"""The files that a sweep writes: its table as HDF5 and CSV, and its figures."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from neurosim.errors import ConfigError
from neurosim.experiments.cells import Folder
from neurosim.reporting.figures import as_png
from neurosim.reporting.files import check_length
from neurosim.sweeps import table
from neurosim.sweeps.chances import band_of
from neurosim.sweeps.comparable import unlike
from neurosim.sweeps.figure import Dot, figure
from neurosim.sweeps.run import Engine, Row
from neurosim.sweeps.search import objectives
from neurosim.sweeps.study import Sweep

NOTE = "prices of these chips leave out different things"
PARTIAL = 16  # bytes that the name of a file has in front while it is written


def write(path: Path, engine: Engine, rows: Sequence[Row]) -> list[str]:
    """Write the table, and if matplotlib is installed the figures; return the names of the figures.

    Raises
    ------
    StateError
        If a file cannot be written.
    """
    table.write(path, engine.folder, engine.sweep, rows, engine.measure.version)
    if find_spec("matplotlib") is None:
        return []
    return draw(path, engine.folder, engine.sweep, rows)


def check(path: Path, sweep: Sweep) -> None:
    """Refuse a path where the CSV or a figure would overwrite a file, unless the table exists and they go with it.

    Raises
    ------
    ConfigError
        If a file would be overwritten; the message names it.
    """
    first, *others = sweep.objectives
    companions = [path.with_suffix(".csv"), *(path.with_name(f"{path.stem}-{first}-{other}.png") for other in others)]
    for companion in companions:
        check_length("out", companion, PARTIAL)
        if companion.exists() and not path.exists():
            advice = f"{companion.name} would be overwritten; choose another name"
            raise ConfigError("out", f"a name for which {companion.name} does not exist yet", str(path), advice)


def draw(path: Path, folder: Folder, sweep: Sweep, rows: Sequence[Row]) -> list[str]:
    """Draw the first objective over each other one, with the front of these two and that of all objectives."""
    shown = [row for row in rows if objectives(row.record, sweep) is not None]
    first, *others = sweep.objectives
    note = NOTE if unlike(sweep, rows) else ""
    names = []
    for other in others if shown else ():
        png = as_png(figure(sweep, first, other, [_dot(row, first, other) for row in shown], note))
        name = path.with_name(f"{path.stem}-{first}-{other}.png")
        folder.put(name, lambda draft, png=png: draft.write_bytes(png))  # type: ignore[misc]
        names.append(name.name)
    return names


def _dot(row: Row, first: str, other: str) -> Dot:
    measures = row.record["measures"]
    values = [(float(measures[name]), band_of(name, measures)) for name in (other, first)]
    (x, x_band), (y, y_band) = ((value, band or (value, value)) for value, band in values)
    return Dot(x, y, x_band, y_band, row.best, _kind(row), row.chance)


def _kind(row: Row) -> str:
    """Return the first text among what varies, such as the hardware's name; it determines the colour of a point."""
    return next((Path(value).stem for value in row.point.varied.values() if isinstance(value, str)), "points")
