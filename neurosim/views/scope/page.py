"""The scope's page in one browser: plots and numbers of the run, which follow it."""

from pathlib import Path
from typing import Any

import numpy as np
from bokeh.document import Document
from bokeh.models import ColumnDataSource, Div, Range1d

from neurosim.views.scope import plots
from neurosim.views.scope.controls import Controls
from neurosim.views.scope.recorder import Recorder
from neurosim.views.scope.texts import US, changes, notes, numbers

EVERY = 200  # milliseconds between two looks of a browser's page
SERIES = ("samples", "speed", "p50", "p99", "p99.9", "never_won", "silent", "novelty")


def page(document: Document, recorder: Recorder) -> None:
    """Fill a browser's document, and keep it up to date."""
    made = Page(recorder)
    for root in made.roots:
        document.add_root(root)
    about = recorder.about
    document.title = f"neurosim scope: {about.stream}"
    document.template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    document.template_variables.update(
        heading=about.stream, about=f"A chip of {about.chip} neurons, as it learns.", layer=about.layer + 1,
        fields_title=made.fields_title,
    )  # fmt: skip
    made.update()
    document.add_periodic_callback(made.update, EVERY)


class Page:
    """Plots, numbers and controls of one browser.

    Parameters
    ----------
    recorder : Recorder

    Attributes
    ----------
    roots : list of models
        Each with the name that the page's template has.
    fields_title : str
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder, self._version, self._status = recorder, -1, ""
        self._range = Range1d(0, 1)
        self._series = ColumnDataSource({name: [] for name in SERIES})
        self._edits = ColumnDataSource({"samples": []})
        self._controls = Controls(recorder)
        self._texts = {name: text(name) for name in ("numbers", "notes", "changes")}
        self._map, self._wins = plots.map_of_wins(self._range, recorder.sizes.neurons)
        self._fields, self.fields_title = None, "Weights"
        shown = self._weights()
        over_samples = [*self._over_samples(), self._map]
        for made in over_samples:
            plots.marks(made, self._edits)
        self.roots = [*self._controls.all, *self._texts.values(), *over_samples, shown]

    def _over_samples(self) -> list[Any]:
        """Return the plots of lines."""
        percent = "share of neurons (%)"
        speed, self._latency, unused, self._novelty = (
            plots.plot(name, self._range, title, log=log)
            for name, title, log in (
                ("speed", "samples a second", False), ("latency", "time of a sample (µs)", True),
                ("unused", percent, False), ("novelty", "change of weights, a sample", True),
            )
        )  # fmt: skip
        plots.lines(speed, self._series, {"speed": "speed"})
        names = {"p99.9": "p99.9", "p99": "p99", "p50": "p50, the median"}
        plots.lines(self._latency, self._series, names)
        plots.lines(unused, self._series, {"never_won": "never won", "silent": "no win where 10 were due"})
        plots.lines(self._novelty, self._series, {"novelty": "novelty"})
        speed.y_range.start = unused.y_range.start = 0
        return [speed, self._latency, unused, self._novelty]

    def _weights(self) -> Any:
        """Return the plot of weights, or a text where they are no images."""
        sizes = self._recorder.sizes
        if not sizes.fields:
            advice = "" if self._recorder.about.layer else "; --shape HEIGHT,WIDTH tells if they are"
            return text("fields", f"The inputs of this layer are no images that can be shown{advice}.")
        made, self._fields = plots.fields(sizes.fields, sizes.tile)
        few = f"the {sizes.fields} most used neurons" if sizes.fields < sizes.neurons else "all neurons"
        self.fields_title = f"Weights of {few}"
        return made

    def update(self) -> None:
        """Show what is new."""
        recorder = self._recorder
        version, status = recorder.version, recorder.status
        if (version, status) == (self._version, self._status):
            return
        new, self._version, self._status = version != self._version, version, status
        words = recorder.words
        self._controls.update(words["layers"], status)
        self._texts["notes"].text = notes(words)
        self._texts["changes"].text = changes(words["changes"], words["changes_made"])
        self._texts["numbers"].text = numbers(recorder)
        if new and recorder.history.points:
            self._draw(recorder.history.series(), words["changes"])

    def _draw(self, series: dict[str, Any], made: list[dict[str, Any]]) -> None:
        points, picture = self._recorder.history.points, self._recorder.picture
        first, last = points[0].samples, points[-1].samples
        self._range.update(start=first, end=max(last, first + 1))
        shown = {name: series[name] for name in SERIES}
        shown |= {name: US * series[name] for name in ("p50", "p99", "p99.9")}
        shown |= {name: 100 * series[name] for name in ("never_won", "silent")}
        shown["novelty"] = np.where(series["novelty"] > 0, series["novelty"], np.nan)  # the axis is logarithmic
        self._series.data = shown
        plots.whole_decades(self._latency, shown["p50"], shown["p99.9"])
        plots.whole_decades(self._novelty, shown["novelty"])
        self._edits.data = {"samples": [change["sample"] for change in made if first <= change["sample"] <= last]}
        wins = self._recorder.history.map_of_wins()
        if wins.size:
            self._wins.data = {"image": [wins.astype(np.float32)], "x": [first], "dw": [last - first]}
        if self._fields is not None:
            self._fields.data = {"image": [plots.sheet(picture["fields"][0])]}


def text(name: str, content: str = "") -> Div:
    """Return a text whose words are never taken for formulas."""
    return Div(name=name, text=content, disable_math=True, sizing_mode="stretch_width")
