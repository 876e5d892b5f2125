"""The page's texts and axes: what is refused, and numbers however small."""

import numpy as np
import pytest

pytest.importorskip("bokeh")
from bokeh.models import Range1d

from neurosim.views.scope import plots
from neurosim.views.scope.texts import SECONDS, notes

WORDS = {"drift": None, "error": "", "refusals": []}
FIRST, LATEST = {"at": 1000.0, "why": "the first <why>"}, {"at": 1001.0, "why": "the latest <why>"}


def test_the_latest_refusal_is_told_with_its_time_and_goes():
    told = notes(WORDS, [LATEST, FIRST], 1001.5)
    assert "the latest &lt;why&gt;" in told
    assert ":41: " in told  # seconds of its time, in any zone
    assert "first" not in told
    assert notes(WORDS, [LATEST, FIRST], 1001.0 + SECONDS) == ""
    assert notes(WORDS, [], 1001.0) == ""


def test_what_ended_the_run_stays():
    assert "The run was ended: line 2 &lt;is&gt; bad" in notes(WORDS | {"error": "line 2 <is> bad"}, [FIRST], 1e9)


@pytest.mark.parametrize(
    ("tick", "label"),
    [(1e300, "1e300"), (1e8, "1e8"), (1e6, "1,000,000"), (10, "10"), (3, "3"), (0.3, "0.3"), (1e-4, "0.0001"),
     (3e-5, "3e-5"), (1e-8, "1e-8"), (1e-12, "1e-12")],
)  # fmt: skip
def test_numbers_at_an_axis_are_short(tick, label):
    assert plots.label(tick) == label


def test_a_logarithmic_axis_tells_small_numbers_and_has_a_floor():
    made = plots.plot("novelty", Range1d(0, 1), "novelty", log=True)
    plots.whole_decades(made, np.array([np.nan, 2e-8, 5e-8]))
    ticks = made.yaxis[0].ticker.ticks
    assert [made.yaxis[0].major_label_overrides[tick] for tick in ticks] == ["1e-8", "3e-8", "1e-7", "3e-7"]
    plots.whole_decades(made, np.array([1e-300, 0.5]))
    assert made.y_range.start == pytest.approx(1e-12)
    assert len(made.yaxis[0].ticker.ticks) <= plots.MOST_STEPS
