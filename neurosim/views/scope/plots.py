"""The scope's plots: lines over samples, the map of wins, and weights as images."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from bokeh.models import (
    BasicTicker,
    ColorBar,
    ColumnDataSource,
    FixedTicker,
    Legend,
    LegendItem,
    LogColorMapper,
    LogTicker,
    NumeralTickFormatter,
    Range1d,
    VSpan,
)
from bokeh.palettes import cividis
from bokeh.plotting import figure
from numpy.typing import NDArray

from neurosim.reporting.figures import COLOURS, FAINT, GREY
from neurosim.reporting.mosaic import GAP
from neurosim.reporting.pictures import weights_picture

HEIGHT = 230  # pixels
LETTERS = "13px"
HEADROOM = 1.4  # above the last power of ten, for its label
FEW_STEPS, MOST_STEPS = 3, 8  # powers of ten at an axis
LOWEST = -12  # power of ten that a logarithmic axis reaches down to
SMALL, LARGE = 0.9e-4, 1e7  # beyond these, numbers at an axis are written as powers of ten
DASHES = ("solid", "dashed", "dotted")
LEAST, MOST = 1 / 8, 8  # multiples of an equal share, the ends of the map's colours
NEVER = "#ffffff"


def plot(name: str, x_range: Range1d, y_title: str, *, log: bool = False, height: int = HEIGHT, **more: Any) -> Any:
    """Return an empty plot over samples, without tools."""
    made = figure(
        name=name, height=height, sizing_mode="stretch_width", min_width=260, toolbar_location=None, tools="",
        x_range=x_range, y_axis_type="log" if log else "linear", x_axis_label="samples learned",
        y_axis_label=y_title, outline_line_color=None, min_border_top=10, **more,
    )  # fmt: skip
    style(made)
    made.yaxis.formatter = NumeralTickFormatter(format="0,0.[0000]")
    if log:
        made.y_range, made.yaxis.ticker = Range1d(1, 10), FixedTicker(ticks=[1, 10])
    return made


def style(made: Any) -> None:
    """Give a plot the look of all."""
    made.xaxis.formatter = NumeralTickFormatter(format="0,0")
    made.xaxis.ticker = BasicTicker(desired_num_ticks=3)
    made.axis.axis_label_text_font_style = "normal"
    made.axis.axis_label_text_font_size = made.axis.major_label_text_font_size = LETTERS
    made.axis.axis_line_color = made.axis.major_tick_line_color = GREY
    made.axis.minor_tick_line_color = None
    made.grid.grid_line_color = FAINT
    made.xgrid.grid_line_color = None


def whole_decades(made: Any, *values: NDArray[np.float64]) -> None:
    """Let a logarithmic axis reach over all values, from one power of ten to another."""
    with np.errstate(invalid="ignore"):
        shown = np.concatenate(values)
        shown = shown[(shown > 0) & (shown < np.inf)]  # of a chip that has diverged, steps have no end
    if len(shown):
        low, high = math.floor(math.log10(shown.min())), math.ceil(math.log10(shown.max()))
        low, high = max(low, LOWEST), max(high, LOWEST + 1, low + 1)
        steps = [10.0**power for power in range(low, high + 1)]
        made.y_range.update(start=steps[0], end=HEADROOM * steps[-1])
        ticks = steps[:: 1 + len(steps) // MOST_STEPS] if len(steps) > FEW_STEPS else [
            factor * step for step in steps for factor in (1, 3)
        ]  # fmt: skip
        made.yaxis.ticker.ticks = ticks
        made.yaxis.major_label_overrides = {tick: label(tick) for tick in ticks}


def label(tick: float) -> str:
    """Return a number at an axis, short however small it is."""
    if 1 <= tick < LARGE:
        return f"{tick:,.0f}"
    return (
        f"{tick:.3g}" if SMALL <= tick < 1 else f"{tick:.0e}".replace("e-0", "e-").replace("e+0", "e").replace("+", "")
    )


def lines(made: Any, source: ColumnDataSource, names: Mapping[str, str]) -> None:
    """Draw columns of a source over its samples, with a legend above the plot where there are several.

    Parameters
    ----------
    made : figure
    source : ColumnDataSource
    names : mapping
        What each column is called in the legend.
    """
    drawn = []
    for (column, title), colour, dash in zip(names.items(), COLOURS, DASHES, strict=False):
        line = made.line("samples", column, source=source, line_color=colour, line_width=2, line_dash=dash)
        drawn.append(LegendItem(label=title, renderers=[line]))
    if len(drawn) > 1:
        legend = Legend(
            items=drawn, orientation="horizontal", border_line_color=None, padding=0, label_text_font_size=LETTERS
        )
        made.add_layout(legend, "above")


def marks(made: Any, source: ColumnDataSource) -> None:
    """Draw a thin line at each sample of a source: where a constant was changed."""
    made.add_glyph(source, VSpan(x="samples", line_color=COLOURS[1], line_dash="dotdash", line_width=1))


def map_of_wins(x_range: Range1d, neurons: int) -> tuple[Any, ColumnDataSource]:
    """Return the plot of who wins when, and its source: a column of images with x and dw, in samples."""
    made = plot("map", x_range, "neurons, the most used first", height=2 * HEIGHT, y_range=Range1d(neurons, 0))
    source = ColumnDataSource({"image": [], "x": [], "dw": []})
    colours = LogColorMapper(palette=cividis(256), low=LEAST, high=MOST, low_color=NEVER)
    made.image("image", x="x", y=0, dw="dw", dh=neurons, source=source, color_mapper=colours)
    bar = ColorBar(
        color_mapper=colours, ticker=LogTicker(base=2, mantissas=[1]), height=10,
        title="wins, in equal shares (white: fewer)",
        formatter=NumeralTickFormatter(format="0.[0000]"), padding=2, title_text_font_style="normal",
        major_label_text_font_size=LETTERS, title_text_font_size=LETTERS, location="center",
    )  # fmt: skip
    made.add_layout(bar, "above")
    made.grid.grid_line_color = None
    return made, source


def fields(neurons: int, tile: tuple[int, int, int]) -> tuple[Any, ColumnDataSource]:
    """Return the plot of weights as images, and its source: one image, with its width and height in pixels."""
    width, height = sheet_size(neurons, tile)
    made = figure(
        name="fields", sizing_mode="scale_width", aspect_ratio=width / height, toolbar_location=None, tools="",
        min_width=260, min_border=0, outline_line_color=None, x_range=Range1d(0, width), y_range=Range1d(0, height),
    )  # fmt: skip
    made.axis.visible = False
    made.grid.visible = False
    source = ColumnDataSource({"image": []})
    made.image_rgba("image", x=0, y=0, dw=width, dh=height, source=source)
    return made, source


def columns_of(neurons: int) -> int:
    """Return how many images are in a row."""
    return math.ceil(math.sqrt(neurons))


def sheet_size(neurons: int, tile: tuple[int, int, int]) -> tuple[int, int]:
    """Return the width and height of all images together, in pixels of theirs."""
    columns = columns_of(neurons)
    rows = -(-neurons // columns)
    return columns * (tile[2] + GAP) - GAP, rows * (tile[1] + GAP) - GAP


def sheet(weights: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Return weights (neurons, channels, height, width) as one picture of RGBA, the last row first, as Bokeh does."""
    colours = weights_picture(weights, columns_of(len(weights)))
    pixels = np.full((*colours.shape[:2], 4), 255, np.uint8)
    pixels[..., :3] = colours[::-1]
    return pixels.view(np.uint32)[..., 0]
