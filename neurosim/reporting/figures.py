"""The one style of all figures, by matplotlib, which is to say nothing of itself: not of folders, nor of letters.

Colours are those of Okabe and Ito, which people with any colour vision can tell apart. Letters grow with the width of a
figure, so that they are readable where it is shown 400 pixels wide. Legends lie beside the panels, never on them.
"""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from io import BytesIO
from typing import Any

import numpy as np

from neurosim.errors import ConfigError
from neurosim.reporting.texts import visible

BLUE, VERMILION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
ORANGE, SKY, BLACK, YELLOW = "#e69f00", "#56b4e9", "#000000", "#f0e442"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK, YELLOW)  # the last can hardly be seen as a thin line
GREY, FAINT = "#666666", "#d9d9d9"  # of what data are compared with, and of grids
DPI = 120
WIDTH = 5.5  # inches, of a figure that says nothing else
SMALLEST_PIXELS, SHOWN_PIXELS = 9, 400  # height of letters where a figure is shown in this width
POINTS = 72  # an inch
LARGER = 1.1  # letters of titles
UPRIGHT = 90.0  # degrees
LINE = 1.25  # from one line of text to the next, of its size
DECADES = (1e-4, 1e6)  # between these, numbers at logarithmic axes are written out

ONE_DECADE, TWO_DECADES = 10, 300  # roughly: spans with round numbers, with 1, 2 and 5, beyond with powers of ten


def check_matplotlib() -> None:
    """Refuse a figure where matplotlib is not installed, or cannot be started.

    Raises
    ------
    ConfigError
        If so.
    """
    if find_spec("matplotlib") is None:
        raise ConfigError("matplotlib", "installed for a figure", "none", "pip install 'neurosim-chip[views]'")
    try:
        with _quiet():
            import matplotlib.backends.backend_agg  # noqa: F401
    except OSError as error:
        advice = "the environment variable MPLCONFIGDIR names another folder"
        raise ConfigError("matplotlib's folder for caches", "one that can be written", str(error), advice) from None


def new_figure(width: float, height: float) -> Any:
    """Return an empty figure; width and height are in inches.

    Raises
    ------
    ConfigError
        If matplotlib is missing or cannot be started.
    """
    check_matplotlib()
    with styled(width):
        from matplotlib.figure import Figure

        figure: Any = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    for name, more in (("suptitle", LARGER), ("supxlabel", 1.0), ("supylabel", 1.0)):  # sizes are else looked up late
        setattr(figure, name, partial(getattr(figure, name), fontsize=text_size(width) * more))
    figure._repr_png_ = partial(as_png, figure)  # notebooks show a figure by itself only once pyplot was imported
    return figure


def panels(
    rows: int = 1, columns: int = 1, *, width: float = WIDTH, height: float | None = None, **shared: Any
) -> tuple[Any, Any]:
    """Return a figure in the common style, and its axes as an array (rows, columns).

    Parameters
    ----------
    rows, columns : int
    width, height : float
        Of the whole figure, in inches; by default 3 for one row and 2.5 for each of several.
    **shared
        Of matplotlib's `Figure.subplots`, such as `sharex=True`, or `height_ratios=(2, 1)`.

    Raises
    ------
    ConfigError
        If matplotlib is missing or cannot be started.
    """
    figure = new_figure(width, (3.0 if rows == 1 else 2.5 * rows) if height is None else height)
    with styled(width):
        grid = figure.subplots(rows, columns, squeeze=False, **shared)
        for axes in grid.flat:
            _dress(axes, text_size(width))
    return figure, grid


def picture(sheet: Any, title: str = "", width: float = WIDTH) -> Any:
    """Return a figure of one image (height, width, 1 or 3 channels) of numbers from 0 to 1, such as a mosaic.

    Raises
    ------
    ConfigError
        If matplotlib is missing or cannot be started.
    """
    rows, columns = sheet.shape[:2]
    room = LINE * 1.5 * text_size(width) / POINTS if title else 0.0
    figure, ((axes,),) = panels(width=width, height=width * max(rows, 1) / max(columns, 1) + room)
    show(axes, sheet)
    axes.set_title(title)
    return figure


def show(axes: Any, sheet: Any) -> None:
    """Draw an image (height, width, 1 or 3 channels) of numbers from 0 to 1 into a panel, without its axes."""
    shown = sheet if sheet.shape[2] == 3 else sheet[..., 0]
    axes.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(False)


def text_size(width: float) -> float:
    """Return the points of the smallest letters in a figure of a width in inches."""
    return SMALLEST_PIXELS * width * POINTS / SHOWN_PIXELS


@contextmanager
def styled(width: float = WIDTH) -> Iterator[None]:
    """Draw in the common style for a while, whatever the user's own settings of matplotlib are."""
    with _quiet():
        from cycler import cycler
        from matplotlib import style

        size = text_size(width)
        own = {
            "font.size": size,
            "axes.titlesize": size * LARGER,
            "axes.titlelocation": "left",
            "axes.labelsize": size,
            "xtick.labelsize": size,
            "ytick.labelsize": size,
            "legend.fontsize": size,
            "figure.titlesize": size * LARGER,
            "figure.labelsize": size,
            "axes.prop_cycle": cycler(color=COLOURS),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": FAINT,
            "grid.linewidth": 0.6,
        }
        with style.context(["default", own]):
            yield


def _dress(axes: Any, size: float) -> None:
    """Keep the style's sizes for what matplotlib would otherwise look up when it is added or drawn."""
    for which in ("major", "minor"):
        axes.tick_params(which=which, labelsize=size)
    axes.set_title = partial(axes.set_title, fontsize=size * LARGER, loc="left", wrap=True)
    axes.text = partial(axes.text, fontsize=size)
    axes.annotate = partial(axes.annotate, fontsize=size)


def log_axis(axes: Any, *names: str) -> None:
    """Make the axes named "x" or "y" logarithmic, with numbers written out: as many as there are decades for.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    *names : str
        "x", "y", or both.
    """
    from matplotlib.ticker import LogFormatterSciNotation, LogLocator, MaxNLocator, NullFormatter, NullLocator

    class Numbers(LogLocator):
        def tick_values(self, vmin: float, vmax: float) -> Any:
            span = vmax / vmin if vmin > 0 else np.inf
            if span < ONE_DECADE:
                ticks = np.asarray(MaxNLocator(5, steps=(1, 2, 5, 10)).tick_values(vmin, vmax))
                return ticks[ticks > 0]
            self.set_params(subs=(1.0, 2.0, 5.0) if span < TWO_DECADES else (1.0,))
            return super().tick_values(vmin, vmax)

    class Minor(LogLocator):
        def tick_values(self, vmin: float, vmax: float) -> Any:
            few = vmin <= 0 or vmax / vmin < ONE_DECADE
            return NullLocator().tick_values(vmin, vmax) if few else super().tick_values(vmin, vmax)

    elsewhere = LogFormatterSciNotation()
    for name in names:
        axes.set(**{f"{name}scale": "log"})
        axis = getattr(axes, f"{name}axis")
        axis.set_major_locator(Numbers())
        axis.set_major_formatter(lambda x, _: f"{x:,.6g}" if DECADES[0] <= x < DECADES[1] else elsewhere(x))
        axis.set_minor_locator(Minor(subs="auto"))
        axis.set_minor_formatter(NullFormatter())


def legend_beside(figure: Any, *axes: Any, right: bool = False, columns: int | None = None) -> Any:
    """Put one legend of all labels below the panels, or at their right; return it, or None if there are no labels.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    *axes : matplotlib.axes.Axes
        Whose labels are shown, each once; by default all of the figure.
    right : bool
    columns : int
        Of the legend below; by default as many as the width allows.
    """
    handles: dict[str, Any] = {}
    for one in axes or figure.axes:
        for handle, label in zip(*one.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    if not handles:
        return None
    for many in range(len(handles), 0, -1) if columns is None and not right else (columns or 1,):
        legend = _legend(figure, handles, "outside right upper" if right else "outside lower center", many)
        if many == 1 or columns is not None or legend.get_window_extent().width <= figure.bbox.width:
            break
        legend.remove()
    if not right:
        _grow(figure, legend.get_window_extent().height / figure.dpi)
    return legend


def _legend(figure: Any, handles: dict[str, Any], where: str, columns: int) -> Any:
    """Return a legend of a figure in a number of columns."""
    with styled(figure.get_figwidth()):
        return figure.legend(
            handles.values(), handles.keys(), loc=where, ncols=columns, frameon=False, handlelength=1.6,
            columnspacing=1.4,
        )  # fmt: skip


def _grow(figure: Any, more: float) -> None:
    """Make a figure higher at its bottom, by inches, for a legend: so that panels stay as high as they were."""
    before = figure.get_figheight()
    figure.set_figheight(before + more)
    for text in figure.texts:
        if text.get_rotation() == UPRIGHT:  # the common label of vertical axes stays at their middle
            text.set_y((before * text.get_position()[1] + more) / (before + more))


def legend_at_right(axes: Any) -> None:
    """Put a panel's legend at its right, where other panels of the figure have legends of their own, or none."""
    with styled(axes.figure.get_figwidth()):
        axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1), borderaxespad=0, frameon=False)


def label_ends(axes: Any) -> None:
    """Write each line's label at the right of the panel, as high as the line ends; call it when all else is drawn.

    Labels that would overlap are moved apart, and a thin line joins them with what they belong to.
    """
    labelled = [line for line in axes.get_lines() if not line.get_label().startswith("_")]
    lines = [line for line in labelled if len(_finite(line))]
    if not lines:
        return
    with styled(axes.figure.get_figwidth()):
        axes.figure.draw_without_rendering()  # the panel's height, which the labels' distance depends on
    size = text_size(axes.figure.get_figwidth())
    high = axes.get_window_extent().height / axes.figure.dpi * POINTS
    ends = [_end(line, axes) for line in lines]
    heights = spread([y for _, y in ends], LINE * size / high)
    moved = [abs(height - y) > size / high / 4 or x < 0.9 for height, (x, y) in zip(heights, ends, strict=True)]
    for line, end, height, far in zip(lines, ends, heights, moved, strict=True):
        axes.annotate(
            line.get_label(), end, (1.06 if any(moved) else 1.02, height), "axes fraction", va="center",
            color=line.get_color(), annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": line.get_color(), "linewidth": 0.6} if far else None,
        )  # fmt: skip


def _end(line: Any, axes: Any) -> tuple[float, float]:
    """Return where a line ends, or leaves the panel, as fractions of the panel."""
    x, y = axes.transAxes.inverted().transform(_finite(line))[-1]
    return float(np.clip(x, 0, 1)), float(np.clip(y, 0, 1))


def _finite(line: Any) -> Any:
    """Return a line's points that can be drawn, in pixels (points, 2)."""
    points = line.get_transform().transform(np.column_stack((line.get_xdata(), line.get_ydata())).astype(float))
    return points[np.isfinite(points).all(axis=1)]


def spread(heights: Sequence[float], distance: float) -> list[float]:
    """Return heights at least a distance apart, in the same order, as near as they can be to those wished for."""
    order = np.argsort(heights, kind="stable")
    steps = distance * np.arange(len(order))
    wished = np.array(heights, float)[order] - steps  # which only must not fall: the nearest such numbers are means
    blocks: list[tuple[float, int]] = []
    for wish in wished:
        mean, count = float(wish), 1
        while blocks and blocks[-1][0] > mean:
            before, number = blocks.pop()
            mean, count = (mean * count + before * number) / (count + number), count + number
        blocks.append((mean, count))
    result = np.empty(len(order))
    result[order] = np.repeat([mean for mean, _ in blocks], [count for _, count in blocks]) + steps
    return [float(height) for height in result]


def save(figure: Any, target: Any, **settings: Any) -> None:
    """Write a figure to a path or an open file.

    Raises
    ------
    ConfigError
        If it cannot be drawn or written.
    """
    try:
        with styled(figure.get_figwidth()):
            figure.savefig(target, **{"dpi": DPI} | settings)
    except (OSError, ValueError, OverflowError) as error:  # numbers beyond what axes can show are a ValueError
        raise ConfigError("figure", f"a file that can be written, but: {error}", str(target)) from error


def as_png(figure: Any, dpi: int = DPI) -> bytes:
    """Return the bytes of a figure as a PNG file of `dpi` pixels an inch; ConfigError if it cannot be drawn."""
    target = BytesIO()
    save(figure, target, format="png", dpi=dpi)
    return target.getvalue()


def as_label(text: str) -> str:
    """Return a text in which matplotlib sees no formula, and nothing that is not seen."""
    return visible(text).replace("$", r"\$")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what matplotlib logs, and warnings: of letters that its font lacks, and of numbers of no size."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
