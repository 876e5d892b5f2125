"""Whether a figure keeps the style: letters large enough, nothing on top of something else, its colours alone."""

from itertools import combinations

import numpy as np
from matplotlib.colors import to_hex
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from neurosim.reporting.figures import COLOURS, FAINT, GREY, POINTS, SHOWN_PIXELS, SMALLEST_PIXELS, styled

ALLOWED = {*COLOURS, GREY, FAINT, "#ffffff"}
OUTSIDE = 1.5  # pixels: what a letter may reach beyond a figure, or into another text


def check(figure):
    """Fail where a figure breaks a rule of the style."""
    with styled(figure.get_figwidth()):
        figure.draw_without_rendering()
    texts = shown_texts(figure)
    boxes = [(text.get_text(), Text.get_window_extent(text)) for text in texts]  # without the arrows of annotations
    pixels = {text.get_text(): text.get_fontsize() / POINTS / figure.get_figwidth() * SHOWN_PIXELS for text in texts}
    assert {words: size for words, size in pixels.items() if size < SMALLEST_PIXELS - 0.01} == {}
    beyond = [words for words, box in boxes if not within(box, figure.bbox)]
    assert beyond == [], beyond
    over = [(one, other) for (one, a), (other, b) in combinations(boxes, 2) if overlap(a, b)]
    assert over == [], over
    panels = [axes.get_window_extent() for axes in figure.axes if axes.get_visible()]
    for legend in legends(figure):
        assert not any(overlap(legend.get_window_extent(), panel) for panel in panels), "a legend over data"
        assert within(legend.get_window_extent(), figure.bbox)
    assert colours(figure) <= ALLOWED, colours(figure) - ALLOWED


def legends(figure):
    """Return all legends: the figure's own, and those of its panels."""
    return [*figure.legends, *(legend for axes in figure.axes if (legend := axes.get_legend()) is not None)]


def shown_texts(figure):
    """Return the texts that are drawn: tick labels beyond a panel's limits, and texts of hidden panels, are not."""
    hidden = set()
    for axes in figure.axes:
        if not axes.get_visible():
            hidden |= {id(text) for text in axes.findobj(Text)}
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            off = not axes.axison
            labels = [*axis.get_majorticklabels(), *axis.get_minorticklabels()]
            ticks = [*axis.get_majorticklocs(), *axis.get_minorticklocs()]
            for label, at in zip(labels, ticks, strict=False):
                margin = (high - low) * 1e-9
                hidden |= {id(label)} if off or not low - margin <= at <= high + margin else set()
    return [text for text in figure.findobj(Text)
            if text.get_visible() and text.get_text().strip() and id(text) not in hidden]  # fmt: skip


def within(box, frame):
    """Return whether a box lies in a frame, but for a pixel or so."""
    return (box.x0 >= frame.x0 - OUTSIDE and box.y0 >= frame.y0 - OUTSIDE
            and box.x1 <= frame.x1 + OUTSIDE and box.y1 <= frame.y1 + OUTSIDE)  # fmt: skip


def overlap(one, other):
    """Return whether two boxes have more than a pixel or so in common."""
    shared = Bbox.intersection(one, other)
    return shared is not None and shared.width > OUTSIDE and shared.height > OUTSIDE


def colours(figure):
    """Return the colours of lines, areas and texts, as lower-case hex; what is transparent has none."""
    found = [line.get_color() for axes in figure.axes for line in axes.get_lines()]
    for axes in figure.axes:
        found += [colour for patch in axes.patches for colour in (patch.get_facecolor(), patch.get_edgecolor())]
        found += [colour for collection in axes.collections for colour in collection.get_edgecolor()]
    found += [text.get_color() for text in shown_texts(figure)]
    seen = [c for c in found if (c != "none" if isinstance(c, str) else np.ravel(c)[-1] > 0)]
    return {to_hex(colour) for colour in seen}
