"""The figure of a priced run: the floor plan, where the energy goes, and the latencies."""

from typing import Any

import numpy as np

from neurosim.hardware.placement.floor_plan import floor_plan, relative_height
from neurosim.hardware.pricing import CostReport
from neurosim.reporting.figures import BLUE, WIDTH, as_label, log_axis, panels
from neurosim.reporting.percentiles import percentiles
from neurosim.reporting.units import prefixed

LEAST_SHARE = 0.005
MARGIN = 1.25  # beyond the ends of the bands, as a factor


def figure(report: CostReport) -> Any:
    """Return a matplotlib figure of the three panels, one above another.

    Raises
    ------
    ConfigError
        If matplotlib is missing or cannot be started.
    """
    heights = [
        0.6 + 0.8 * WIDTH * relative_height(report.mapping),
        2.0,
        *([2.6] if report.schedule is not None else []),
    ]
    drawn, grid = panels(len(heights), height=sum(heights), height_ratios=heights)
    floor_plan(report.mapping, grid[0, 0])
    energy_split(report, grid[1, 0])
    if report.schedule is not None:
        latencies(report, grid[2, 0])
    return drawn


def energy_split(report: CostReport, axes: Any) -> None:
    """Draw the mean energy of inference, learning, routing and static power, each with its band from low to high.

    A band that begins at zero, which a logarithmic axis does not have, begins with an arrow.
    """
    parts = {name: spent for name, spent in report.mean_parts_J.items() if spent is not None}
    whole = float(report.mean_energy_J[1])
    unit, size = prefixed(whole, "J")
    doing = "learn from" if report.counts.learning else "respond to"
    from_zero = any(low == 0 < value for low, value, _ in parts.values())
    drawn = [end / size for band in parts.values() if band[1] > 0 for end in band if end > 0]
    least, most = min(drawn, default=1) / MARGIN, max(drawn, default=1) * MARGIN
    for row, (low, value, high) in enumerate(parts.values()):
        if value > 0:
            band = np.array([[value - max(low, least * size)], [high - value]]) / size
            axes.errorbar(value / size, row, xerr=band, fmt="o", capsize=4 if low > 0 else 0, color=BLUE)
        if low == 0 < value:  # which lies nowhere on this axis
            axes.plot(least, row, "<", color=BLUE)
        share = f"{_text(value)}, {_percent(value / whole)}" if value > 0 else "none"
        axes.annotate(share, (1.02, row), xycoords=("axes fraction", "data"), va="center")
    if drawn:  # else all constants are zero, which no logarithmic axis has
        log_axis(axes, "x")
    axes.set_yticks(range(len(parts)), list(parts))
    axes.set(
        ylim=(len(parts) - 0.5, -0.5), xlim=(least / MARGIN, most),
        xlabel=f"energy of a sample, {unit}, from low to high" + (" (◂: from 0)" if from_zero else ""),
        title=f"{as_label(report.hardware.name)}: {_text(whole)} to {doing} a sample",
    )  # fmt: skip


def _text(energy: float) -> str:
    unit, size = prefixed(energy, "J")
    return f"{energy / size:,.3g} {unit}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= LEAST_SHARE else "< 1 %"


def latencies(report: CostReport, axes: Any) -> None:
    """Draw the simulated latencies by percentile, with low, nominal and high times, or say that there are no times."""
    if report.schedule is None:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no latency: the description has no times", ha="center", transform=axes.transAxes)
        return
    axes.set_title(f"{as_label(report.hardware.name)}: simulated latency")
    ends = zip(("times low", "times high"), report.ends or (), strict=False)
    bands = {name: found.latency_s for name, found in ends if found is not report.schedule}
    percentiles(axes, {"latency": report.schedule.latency_s} | bands, report.deadline)
