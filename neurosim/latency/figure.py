"""The figure of a measurement: latency by percentile, and over time."""

from pathlib import Path
from typing import Any

import numpy as np

from neurosim.latency.timing.outcome import SECOND
from neurosim.latency.timing.record import Record
from neurosim.reporting.figures import as_label, new_figure, save
from neurosim.reporting.files import check_figure

TICKS = {2: "50 %", 10: "90 %", 100: "99 %", 1_000: "99.9 %", 10_000: "99.99 %", 100_000: "99.999 %"}


def draw(record: Record, about: dict[str, Any], path: str | Path) -> None:
    """Draw both panels; in a closed loop there is one line, as service and response are the same."""
    check_figure(path)
    closed = about["arrivals"]["kind"] == "closed"
    lines = {"latency": record.service} if closed else {"response": record.response, "service": record.service}
    figure = new_figure(10, 4)
    curve, time = figure.subplots(1, 2, sharey=True)
    for name, latencies in lines.items():
        count, micro = len(latencies), latencies / 1000
        odds = count / np.arange(count, 0, -1)  # 1 / (1 - q), where q = i / count for the i-th smallest, from 0
        curve.step(odds, np.sort(micro), where="post", label=name)
        time.plot(record.done / SECOND, micro, ".", markersize=2, rasterized=True, label=name)
    _finish(about, curve, time, len(record.start))
    save(figure, path)


def _finish(about: dict[str, Any], curve: Any, time: Any, count: int) -> None:
    """Add the deadline, labels, ticks and grid."""
    deadline = about["deadline_s"]
    for axes in (curve, time):
        if deadline is not None:
            axes.axhline(deadline * 1e6, color="grey", linestyle="--", linewidth=0.8, label="deadline")
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    ticks = [tick for tick in TICKS if tick <= max(10, count)]
    curve.set(xscale="log", yscale="log", xlabel="percentile, by 1 / (1 - q)", ylabel="us")
    curve.set_xticks(ticks, [TICKS[tick] for tick in ticks])
    curve.minorticks_off()
    time.set(xlabel="s since the first sample")
    time.set_title(as_label(about["chip"]), fontsize=8)
