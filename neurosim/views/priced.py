"""Figures of what samples cost on a described chip."""

from typing import Any

from neurosim.hardware.placement.floor_plan import floor_plan as draw_floor_plan
from neurosim.hardware.pricing import CostReport
from neurosim.reporting.figures import new_figure


def floor_plan(report: CostReport) -> Any:
    """Return a figure of which cores of a described chip hold which layers, and how full they are.

    Parameters
    ----------
    report : neurosim.hardware.CostReport

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If matplotlib is missing.
    """
    figure = new_figure(6, 5)
    draw_floor_plan(report.mapping, figure.subplots())
    return figure
