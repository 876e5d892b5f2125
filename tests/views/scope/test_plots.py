"""The scope's plots, without a browser."""

import numpy as np
import pytest

pytest.importorskip("bokeh")


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ([0.2, 70], (0.1, 100)),
        ([3, np.nan, np.inf, 0, -1], (1, 10)),  # of a chip that has diverged, too
        ([1e-12, 1e12], (1e-12, 1e12)),
        ([], (1, 10)),
        ([np.nan, np.inf], (1, 10)),
    ],
)
def test_an_axis_reaches_over_whole_powers_of_ten(values, ends):
    from bokeh.models import Range1d

    from neurosim.views.scope import plots

    made = plots.plot("speed", Range1d(0, 1), "samples a second", log=True)
    plots.whole_decades(made, np.array(values, np.float64))
    assert made.y_range.start == pytest.approx(ends[0])
    assert ends[1] <= made.y_range.end < 2 * ends[1]
    ticks = made.yaxis.ticker.ticks
    assert 2 <= len(ticks) <= 9
    assert all(ends[0] * 0.99 <= tick <= ends[1] * 3.1 for tick in ticks)
