"""Figures of what samples cost: latency as measured, and energy and cores of a described chip."""

from typing import Any

from neurosim.checks import instance
from neurosim.hardware.figure import energy_split
from neurosim.hardware.placement.floor_plan import floor_plan as draw_floor_plan
from neurosim.hardware.placement.floor_plan import relative_height
from neurosim.hardware.placement.mapping import Mapping
from neurosim.hardware.pricing import CostReport
from neurosim.latency.figure import figure
from neurosim.latency.report import Report
from neurosim.reporting.figures import WIDTH, panels

TITLE_AND_NAMES = 0.9  # inches above and below a floor plan


def latency(report: Report) -> Any:
    """Return a figure of the latencies that `neurosim.bench` measured: by percentile, and over time.

    Parameters
    ----------
    report : neurosim.latency.Report

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If matplotlib is missing, or the object is another one.
    """
    instance("report", report, Report)
    return figure(report.record, report.about)


def energy(report: CostReport) -> Any:
    """Return a figure of where the energy of a sample goes on a described chip, with the band of its constants.

    Parameters
    ----------
    report : neurosim.hardware.CostReport

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If matplotlib is missing, or the object is another one.
    """
    instance("report", report, CostReport)
    drawn, ((axes,),) = panels(height=2.4)
    energy_split(report, axes)
    return drawn


def floor_plan(placed: CostReport | Mapping) -> Any:
    """Return a figure of which cores of a described chip hold which layers, and how full they are.

    Parameters
    ----------
    placed : neurosim.hardware.CostReport or neurosim.hardware.Mapping
        What `neurosim.hardware.price` or `neurosim.hardware.place` returned.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If matplotlib is missing, or the object is another one.
    """
    mapping = placed.mapping if isinstance(placed, CostReport) else placed
    instance("placed", mapping, Mapping)
    drawn, ((axes,),) = panels(height=TITLE_AND_NAMES + 0.8 * WIDTH * relative_height(mapping))
    draw_floor_plan(mapping, axes)
    return drawn
