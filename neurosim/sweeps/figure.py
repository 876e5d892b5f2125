"""The figure of a sweep: one objective over another, with bands, and each point's chance to be on the front."""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.reporting.figures import BLACK, COLOURS, as_label, legend_beside, log_axis, panels
from neurosim.sweeps.pareto import front
from neurosim.sweeps.study import Sweep
from neurosim.sweeps.words import words

WHITE = "#ffffff"
PALEST = 0.18  # opacity of a point that is never on the front
BANDS_FROM = 0.1  # the band of a point is drawn if its chance is at least this, or if it is on the front
DECADE = 10  # an axis is logarithmic if its values span as much
Band = tuple[float, float]


class Dot(NamedTuple):
    """A point of a figure.

    Attributes
    ----------
    x, y : float
    x_band, y_band : (float, float)
        Low and high.
    best : bool
        Whether it is on the front of all objectives.
    kind : str
        Determines its colour.
    chance : float or None
        Its probability to be on the front, which determines how pale it is.
    """

    x: float
    y: float
    x_band: Band
    y_band: Band
    best: bool
    kind: str
    chance: float | None


def figure(sweep: Sweep, first: str, other: str, dots: Sequence[Dot], note: str = "") -> Any:
    """Draw an objective over another one, and a staircase along the front of these two; a note is below the title."""
    drawn, ((axes,),) = panels(height=4.2)
    wishes = [sweep.objectives[other], sweep.objectives[first]]
    values = np.array([dot[:2] for dot in dots])
    (x_words, x_size), (y_words, y_size) = (
        words(name, values[:, i], wishes[i]) for i, name in enumerate((other, first))
    )
    sizes = np.array([x_size, y_size])
    colours = itertools.cycle(COLOURS[:-2])  # without the black of the front, and yellow
    for kind in dict.fromkeys(dot.kind for dot in dots):
        _draw_kind(axes, [dot for dot in dots if dot.kind == kind], sizes, next(colours))
    best = np.array([dot.best for dot in dots])
    axes.plot(*(values[best] / sizes).T, "o", color="none", markeredgecolor=BLACK, markersize=7,
              label="no other beats it in all objectives")  # fmt: skip
    _draw_edge(axes, values, sizes, wishes)
    for name, column in zip("xy", values.T, strict=True):
        if (column > 0).all() and (name == "x" or column.max() >= DECADE * column.min()):
            log_axis(axes, name)
    axes.set(xlabel=x_words, ylabel=y_words, title=as_label(sweep.name) + (f"\n{note}" if note else ""))
    if any(dot.chance is not None for dot in dots):
        axes.plot([], [], "o", color=BLACK, alpha=PALEST * 2, markersize=4, label="pale: hardly ever on the front")
    legend_beside(drawn, axes)
    return drawn


def _draw_kind(axes: Any, dots: Sequence[Dot], sizes: NDArray[np.float64], colour: str) -> None:
    """Draw the points of one colour, each as pale as its chance is small, with the bands of those that may be best."""
    opacity = [1.0 if dot.chance is None else PALEST + (1 - PALEST) * dot.chance for dot in dots]
    for dot, opaque in sorted(zip(dots, opacity, strict=True), key=lambda pair: pair[1]):
        x, y = np.array(dot[:2]) / sizes
        for shade, alpha in ((WHITE, 1.0), (colour, opaque)):  # white first: many pale points must not make a dark one
            axes.plot(x, y, "o", markersize=4.5, color=shade, alpha=alpha, markeredgewidth=0)
        if dot.best or (dot.chance or 0) >= BANDS_FROM:
            line = {"color": colour, "linewidth": 0.9, "alpha": opaque / 2, "solid_capstyle": "butt"}
            axes.plot(np.array(dot.x_band) / sizes[0], [y, y], "-", **line)
            axes.plot([x, x], np.array(dot.y_band) / sizes[1], "-", **line)
    axes.plot([], [], "o-", markersize=4.5, linewidth=0.9, color=colour, label=as_label(f"{dots[0].kind}, low to high"))


def _draw_edge(axes: Any, values: NDArray[np.float64], sizes: NDArray[np.float64], wishes: Sequence[str]) -> None:
    """Draw the front of two objectives as a staircase."""
    edge = front(values, np.array([wish == "max" for wish in wishes]))
    line = values[edge][np.argsort(values[edge, 0], kind="stable")] / sizes
    axes.plot(*line.T, "-", color=BLACK, linewidth=0.8, drawstyle="steps-post" if wishes[0] == "min" else "steps-pre",
              label="the best of these two")  # fmt: skip
