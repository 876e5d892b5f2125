"""Latencies in pictures: by percentile on HdrHistogram's axis, which gives the slowest samples room, and over time."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.reporting.figures import COLOURS, GREY, label_ends, log_axis
from neurosim.reporting.units import prefixed

TICKS = {2: "50 %", 10: "90 %", 100: "99 %", 1_000: "99.9 %", 10_000: "99.99 %", 100_000: "99.999 %"}
MOST_POINTS = 2000  # of a curve, evenly on its axis: more could not be told apart
Latencies = Mapping[str, NDArray[Any]]


def percentiles(axes: Any, latencies: Latencies, deadline: float | None = None) -> None:
    """Draw latencies by percentile q, at 1 / (1 - q) on a logarithmic axis, as HdrHistogram's plotter does.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    latencies : mapping of str to array (samples,)
        Seconds, by what they are the latencies of; a single one needs no label, and names the axis.
    deadline : float, optional
        Seconds, drawn as a line.
    """
    unit, size = _unit(latencies)
    most = max(10, *(len(times) for times in latencies.values()))
    for (name, times), colour in zip(latencies.items(), COLOURS, strict=False):
        count = len(times)
        if not count:
            continue
        slower = np.unique(np.geomspace(1, count, MOST_POINTS).round().astype(int))[::-1]  # samples, this one included
        axes.step(count / slower, np.sort(times)[count - slower] / size, where="post", color=colour, label=name)
    _finish(axes, latencies, unit, size, deadline)
    log_axis(axes, "x")
    ticks = [tick for tick in TICKS if tick <= most]
    axes.set_xticks(ticks, [TICKS[tick] for tick in ticks])
    axes.tick_params(axis="x", which="minor", bottom=False)
    axes.set(xlim=(1, most * 1.1), xlabel="share of samples that take no longer")
    if len(latencies) > 1 or deadline is not None:
        label_ends(axes)


def over_time(axes: Any, moments: NDArray[np.float64], latencies: Latencies, deadline: float | None = None) -> None:
    """Draw the latency of each sample as a point at the moment when it was done.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    moments : array (samples,)
        Seconds.
    latencies : mapping of str to array (samples,)
        Seconds, in the colours of `percentiles`.
    deadline : float, optional
        Seconds.
    """
    unit, size = _unit(latencies)
    span, second = prefixed(float(moments.max(initial=1e-9)), "s")
    for (name, times), colour in zip(latencies.items(), COLOURS, strict=False):
        axes.plot(moments / second, times / size, ".", markersize=2, rasterized=True, color=colour, label=name)
    _finish(axes, latencies, unit, size, deadline)
    axes.set(xlabel=f"time since the first sample, {span}")


def _unit(latencies: Latencies) -> tuple[str, float]:
    """Return the largest unit in which half of the latencies are at least one."""
    every = np.concatenate([np.asarray(times, float) for times in latencies.values()])
    middle = float(np.median(every)) if len(every) else 0.0
    return prefixed(max(middle, 1e-9), "s")


def _finish(axes: Any, latencies: Latencies, unit: str, size: float, deadline: float | None) -> None:
    """Draw the deadline and name the axis of latencies."""
    if deadline is not None:
        axes.axhline(deadline / size, color=GREY, linestyle="--", linewidth=1, label="deadline")
    log_axis(axes, "y")
    axes.set_ylabel(f"{next(iter(latencies)) if len(latencies) == 1 else 'latency'}, {unit}")
