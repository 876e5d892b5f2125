"""The files that a sweep writes: its table as HDF5 and CSV, and its figures."""

import itertools
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from neurosim.errors import ConfigError
from neurosim.experiments.cells import Folder
from neurosim.reporting.figures import BLACK, COLOURS, as_label, as_png, legend_beside, log_axis, panels
from neurosim.reporting.files import check_length
from neurosim.reporting.units import prefixed
from neurosim.sweeps import table
from neurosim.sweeps.run import Engine, Row
from neurosim.sweeps.search import objectives
from neurosim.sweeps.study import Sweep

PREFIXED = ("J", "s", "W", "Hz")  # units at the end of a name
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
        figure = _figure(
            sweep, first, other, [(values[index], values[0], row.best, _kind(row)) for row, values in shown]
        )
        png = as_png(figure)
        name = path.with_name(f"{path.stem}-{first}-{other}.png")
        folder.put(name, lambda draft, png=png: draft.write_bytes(png))  # type: ignore[misc]
        names.append(name.name)
    return names


def _kind(row: Row) -> str:
    """Return the first text among what varies, such as the hardware's name; it determines the colour of a point."""
    return next((Path(value).stem for value in row.point.varied.values() if isinstance(value, str)), "points")


def _figure(sweep: Sweep, first: str, other: str, dots: Sequence[tuple[float, float, bool, str]]) -> Any:
    """Draw points (other, first, on the front of all, kind), and a staircase along the front of these two."""
    import numpy as np

    from neurosim.sweeps.pareto import front

    figure, ((axes,),) = panels(height=4.2)
    values = np.array([dot[:2] for dot in dots])
    best = np.array([dot[2] for dot in dots])
    wishes = [sweep.objectives[other], sweep.objectives[first]]
    edge = front(values, np.array([wish == "max" for wish in wishes]))
    words, sizes = zip(*(_words(name, values[:, i], wishes[i]) for i, name in enumerate((other, first))), strict=True)
    values = values / sizes
    line = values[edge][np.argsort(values[edge, 0], kind="stable")]
    colours = itertools.cycle(COLOURS[:-2])  # without the black of the front, and yellow
    for kind in dict.fromkeys(dot[3] for dot in dots):
        own = values[[dot[3] == kind for dot in dots]]
        axes.plot(*own.T, "o", markersize=4, color=next(colours), label=as_label(kind))
    axes.plot(*values[best].T, "o", color="none", markeredgecolor=BLACK, markersize=7,
              label="no other beats it in all objectives")  # fmt: skip
    axes.plot(*line.T, "-", color=BLACK, linewidth=0.8, drawstyle="steps-post" if wishes[0] == "min" else "steps-pre",
              label="the best of these two")  # fmt: skip
    if (values[:, 0] > 0).all():
        log_axis(axes, "x")
    axes.set(xlabel=words[0], ylabel=words[1], title=as_label(sweep.name))
    legend_beside(figure, axes)
    return figure


def _words(name: str, values: Any, wish: str) -> tuple[str, float]:
    """Return an objective as the words of an axis, and the size of the axis's unit in that of the values."""
    import numpy as np

    better = "more is better" if wish == "max" else "less is better"
    what, _, unit = name.rpartition("_")
    if not what or unit not in PREFIXED:
        return f"{as_label(name)} ({better})", 1.0
    shown, size = prefixed(float(np.median(np.abs(values))), unit)
    return f"{as_label(what.replace('_', ' '))}, {shown} ({better})", size
