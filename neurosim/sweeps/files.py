"""The files that a sweep writes: its table as HDF5 and CSV, and its figures."""

from collections.abc import Sequence
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

from neurosim.errors import ConfigError
from neurosim.experiments.cells import Folder
from neurosim.reporting.figures import as_label, new_figure, save
from neurosim.reporting.files import check_length
from neurosim.sweeps import table
from neurosim.sweeps.run import Engine, Row
from neurosim.sweeps.search import objectives
from neurosim.sweeps.study import Sweep

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
    shown = [(row, values) for row in rows if (values := objectives(row.record, sweep)) is not None]
    first, *others = sweep.objectives
    names = []
    for index, other in enumerate(others, 1):
        if not shown:
            break
        picture = BytesIO()
        figure = _figure(
            sweep, first, other, [(values[index], values[0], row.best, _kind(row)) for row, values in shown]
        )
        save(figure, picture, format="png")
        name = path.with_name(f"{path.stem}-{first}-{other}.png")
        folder.put(name, lambda draft, picture=picture: draft.write_bytes(picture.getvalue()))  # type: ignore[misc]
        names.append(name.name)
    return names


def _kind(row: Row) -> str:
    """Return the first text among what varies, such as the hardware's name; it determines the colour of a point."""
    return next((Path(value).stem for value in row.point.varied.values() if isinstance(value, str)), "points")


def _figure(sweep: Sweep, first: str, other: str, dots: Sequence[tuple[float, float, bool, str]]) -> Any:
    """Draw points (other, first, on the front of all, kind), and a staircase along the front of these two."""
    import numpy as np

    from neurosim.sweeps.pareto import front

    figure = new_figure(7, 4.5)
    axes = figure.subplots()
    values = np.array([dot[:2] for dot in dots])
    best = np.array([dot[2] for dot in dots])
    wishes = [sweep.objectives[other], sweep.objectives[first]]
    edge = values[front(values, np.array([wish == "max" for wish in wishes]))]
    edge = edge[np.argsort(edge[:, 0], kind="stable")]
    for kind in dict.fromkeys(dot[3] for dot in dots):
        axes.plot(*values[[dot[3] == kind for dot in dots]].T, "o", markersize=4, label=as_label(kind))
    axes.plot(*values[best].T, "o", color="none", markeredgecolor="black", markersize=7,
              label="no other beats it in all objectives")  # fmt: skip
    axes.plot(*edge.T, "-", color="black", linewidth=0.8, drawstyle="steps-post" if wishes[0] == "min" else "steps-pre",
              label="the best of these two")  # fmt: skip
    positive = bool((values[:, 0] > 0).all())
    axes.set(xlabel=f"{other} ({wishes[0]})", ylabel=f"{first} ({wishes[1]})", title=as_label(sweep.name),
             xscale="log" if positive else "linear")  # fmt: skip
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    return figure
