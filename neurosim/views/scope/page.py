"""The scope's page in one browser: plots and numbers of the run, which follow it."""

from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from bokeh.document import Document
from bokeh.models import ColumnDataSource, Div, Range1d

from neurosim.views.scope import plots
from neurosim.views.scope.controls import Controls
from neurosim.views.scope.recorder import Recorder

EVERY = 200  # milliseconds between two looks of a browser's page
SERIES = ("samples", "speed", "p50", "p99", "p99.9", "never_won", "silent", "novelty")
US = 1e6
MOST_NOTES = 12
STATUS = {
    "begins": "begins", "running": "runs", "held": "is held", "ended": "has ended",
    "waiting": "waits for samples",
}  # fmt: skip


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
        names = {"p99.9": "slowest of 1,000 (p99.9)", "p99": "of 100 (p99)", "p50": "median (p50)"}
        plots.lines(self._latency, self._series, names)
        plots.lines(unused, self._series, {"never_won": "never won", "silent": "no win where 10 were due"})
        plots.lines(self._novelty, self._series, {"novelty": "novelty"})
        speed.y_range.start = unused.y_range.start = 0
        return [speed, self._latency, unused, self._novelty]

    def _weights(self) -> Any:
        """Return the plot of weights, or a text where they are no images."""
        sizes = self._recorder.sizes
        if not sizes.fields:
            layer = "are no images" if self._recorder.about.layer else "are no images: --shape HEIGHT,WIDTH says so"
            return text("fields", f"<p>The inputs of this layer {layer}.</p>")
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
        self._texts["changes"].text = changes(words["changes"])
        series = recorder.history.series() if recorder.history.points else {}
        self._texts["numbers"].text = numbers(recorder, series)
        if new and series:
            self._draw(series, words["changes"])

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
            self._fields.data = {"image": [plots.sheet(picture["fields"][0], self._recorder.about.signed)]}


def text(name: str, content: str = "") -> Div:
    """Return a text whose words are never taken for formulas."""
    return Div(name=name, text=content, disable_math=True, sizing_mode="stretch_width")


def numbers(recorder: Recorder, series: dict[str, Any]) -> str:
    """Return the numbers of this moment as HTML."""
    about, points = recorder.about, recorder.history.points
    samples = int(recorder.picture["samples"][0]) if recorder.picture is not None else 0
    of = "" if about.length is None else f" of {about.length:,}"
    rows = [("The run", STATUS.get(recorder.status, recorder.status)), ("Samples learned", f"{samples:,}{of}")]
    if len(points) > 1:
        rows += [
            ("Samples/s", f"{series['speed'][-1]:,.0f}"),
            ("Latency p50", f"{US * series['p50'][-1]:,.1f} µs"),
            ("p99", f"{US * series['p99'][-1]:,.1f} µs"),
            ("Never won", f"{series['never_won'][-1]:.1%}"),
        ]
    style = "display:inline-block;margin:4px 26px 4px 0"
    return "".join(
        f'<div style="{style}"><div style="color:#555;font-size:13px">{escape(name)}</div>'
        f'<div style="font-size:20px">{escape(value)}</div></div>'
        for name, value in rows
    )


def notes(words: dict[str, Any]) -> str:
    """Return what whoever looks should know, as HTML: drift of the inputs, and what was refused."""
    drift = words["drift"]
    lines = [] if drift is None else [("#b33c00;font-weight:bold" if drift["alarm"] else "#555", f"Drift: {drift['text']}")]
    lines += [("#b33c00", f"Refused: {why}") for why in words["refusals"]]
    return "".join(f'<div style="font-size:14px;color:{colour}">{escape(line)}</div>' for colour, line in lines)


def changes(made: list[dict[str, Any]]) -> str:
    """Return the changes of constants so far as HTML, the latest first."""
    if not made:
        return '<div style="font-size:13px;color:#555">None yet. The state keeps each with its sample.</div>'
    rows = "".join(
        f"<tr><td style='text-align:right'>{change['sample']:,}</td><td>{change['layer'] + 1}</td>"
        f"<td>{escape(str(change['name']))}</td><td>{escape(shown(change['old']))} → {escape(shown(change['new']))}</td></tr>"
        for change in made[: -MOST_NOTES - 1 : -1]
    )
    more = f"<p>and {len(made) - MOST_NOTES} before</p>" if len(made) > MOST_NOTES else ""
    head = "<tr><th>at sample</th><th>layer</th><th>constant</th><th>change</th></tr>"
    return f"<table style='font-size:14px;border-spacing:14px 2px;text-align:left;margin-left:-14px'>{head}{rows}</table>{more}"


def shown(value: Any) -> str:
    """Return a constant as it is shown; a schedule by its fields."""
    if isinstance(value, dict):
        return f"{value.get('kind', '')}({', '.join(f'{key}={shown(item)}' for key, item in value.items() if key != 'kind')})"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
