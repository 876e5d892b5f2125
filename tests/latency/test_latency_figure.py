"""The figure of a measurement keeps the style, however samples arrived and however long they took."""

import numpy as np
import pytest
from thinned import few_of

pytest.importorskip("matplotlib")

import readable

from neurosim.latency.figure import figure
from neurosim.latency.timing.record import Record

LONG = (
    "Chip(3x32x32 -> Convolution(96, 5x5, pooling 4) -> Convolution(384, 3x3, pooling 4) -> 10, seed=0, $x_{ 0 samples)"
)


def record(samples, scale):
    start = np.arange(samples) * 2 * scale
    waited = np.where(np.arange(samples) % 3 == 0, scale // 2, 0)
    return Record(start - waited, start, start + scale + np.random.default_rng(0).integers(0, scale, samples))


@pytest.mark.parametrize(("kind", "deadline", "samples", "scale"), few_of([
    ("closed", None, 2000, 5_000), ("closed", 1e-5, 1, 5_000), ("poisson", 8e-6, 2000, 5_000),
    ("period", None, 200, 40_000_000), ("closed", None, 0, 5_000), ("poisson", 1.0, 20_000, 100),
], 2))  # fmt: skip
def test_the_figure_keeps_the_style(kind, deadline, samples, scale):
    learning = kind != "closed"
    about = {"arrivals": {"kind": kind}, "deadline_s": deadline, "chip": LONG, "learning": learning}
    drawn = figure(record(samples, scale), about)
    readable.check(drawn)
    curve, time = drawn.axes
    assert curve.get_title(loc="left").startswith("Learning from" if learning else "Responding to")
    assert curve.get_xlabel() == "share of samples that take no longer"
    assert time.get_xlabel().startswith("time since the first sample, ")
    assert curve.get_ylim() == time.get_ylim()
