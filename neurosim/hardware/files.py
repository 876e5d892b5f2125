"""A priced run as files: a table of every sample's operations, energy and latency, and a figure."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.errors import ConfigError
from neurosim.hardware.counting.operations import operations
from neurosim.hardware.placement.floor_plan import floor_plan
from neurosim.hardware.pricing import CostReport
from neurosim.reporting.figures import as_label, new_figure, save
from neurosim.reporting.files import check_figure, check_file

__all__ = ["check_figure", "check_record", "draw", "record"]
NANO, MICRO = 1e9, 1e6


def check_record(path: str | Path) -> None:
    """Refuse a record that could not be written: before a run, not after it."""
    check_file("record", path, (".csv",))


def record(report: CostReport, path: str | Path) -> None:
    """Write a row for each sample: operations of each kind, energy with its band, latency.

    Raises
    ------
    ConfigError
        If the file cannot be written.
    """
    check_record(path)
    low, value, high = report.energy_J
    columns: dict[str, Any] = dict(operations(report.mapping, report.counts))
    columns |= {"energy_J": value, "energy_low_J": low, "energy_high_J": high}
    if report.schedule is not None:
        empty = np.full(report.counts.samples, np.nan)
        for name in ("latency_s", "waiting_s"):
            times = getattr(report.schedule, name)
            columns[name] = empty.copy()
            columns[name][: len(times)] = times
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    try:
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("sample", *columns))
            writer.writerows((n, *("" if cell != cell else cell for cell in row)) for n, row in enumerate(rows))
    except OSError as error:
        raise ConfigError("record", f"a file that can be written, but: {error}", str(path)) from error


def draw(report: CostReport, path: str | Path) -> None:
    """Draw the floor plan, where the energy goes, and the latencies.

    Raises
    ------
    ConfigError
        If there is no matplotlib (extra `views`), or the file cannot be written.
    """
    check_figure(path)
    figure = new_figure(12, 4)
    plan, energy, latency = figure.subplots(1, 3)
    floor_plan(report.mapping, plan)
    _energy(report, energy)
    _latency(report, latency)
    save(figure, path)


def _energy(report: CostReport, axes: Any) -> None:
    """Draw the energy of inference, learning, routing and static power, with error bars from low to high."""
    parts = {name: spent.mean(axis=1) for name, spent in report.energy.parts.items()}
    if report.static_J is not None:
        parts["static"] = report.static_J.mean(axis=1)
    low, value, high = NANO * np.array(list(parts.values())).T
    axes.bar(list(parts), value, yerr=(value - low, high - value), capsize=4, color="tab:blue")
    axes.set(ylabel="nJ a sample", title=f"{as_label(report.hardware.name)}: energy, low to high")


def _latency(report: CostReport, axes: Any) -> None:
    """Draw the share of samples that take longer, over the latency."""
    if report.schedule is None:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no times in the description", ha="center")
        return
    times = np.sort(report.schedule.latency_s) * MICRO
    axes.step(times, 1 - np.arange(len(times)) / len(times), where="post")
    if report.deadline is not None:
        axes.axvline(report.deadline * MICRO, color="grey", linestyle="--", label="deadline")
        axes.legend()
    axes.set(yscale="log", xlabel="us until the response", ylabel="share of samples that take longer", title="latency")
    axes.grid(alpha=0.3)
