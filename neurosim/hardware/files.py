"""A priced run as files: a table of every sample's operations, energy and latency, and a figure."""

import csv
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.counting.operations import operations
from neurosim.hardware.figure import figure
from neurosim.hardware.pricing import CostReport
from neurosim.reporting.figures import save
from neurosim.reporting.files import check_figure, check_file
from neurosim.reporting.writing import write_text

__all__ = ["check_figure", "check_record", "draw", "record"]


def check_record(path: str | Path) -> None:
    """Refuse a record that could not be written: before a run, not after it."""
    check_file("record", path, (".csv",))


def record(report: CostReport, path: str | Path) -> None:
    """Write a row for each sample: operations of each kind, energy and latency with their bands, events lost.

    Samples that were not timed have no latency, and no energy where the chip has static power.

    Raises
    ------
    ConfigError
        If the file cannot be written; what was there before is still whole.
    """
    check_record(path)
    columns: dict[str, Any] = dict(operations(report.mapping, report.counts))
    low, value, high = report.energy_J
    columns |= {"energy_J": value, "energy_low_J": low, "energy_high_J": high}
    if report.schedule is not None:
        times_low, times_high = report.ends or (report.schedule, report.schedule)
        timed = {
            "latency_s": report.schedule.latency_s,
            "latency_low_s": times_low.latency_s,
            "latency_high_s": times_high.latency_s,
            "waiting_s": report.schedule.waiting_s,
            "lost_events": report.schedule.lost_of,
        }
        columns |= {name: _padded(values, report.counts.samples) for name, values in timed.items()}
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("sample", *columns))
    writer.writerows((n, *("" if cell != cell else cell for cell in row)) for n, row in enumerate(rows))
    write_text("record", path, text.getvalue())


def _padded(values: NDArray[Any], count: int) -> NDArray[Any]:
    """Return values of the samples that were timed, with NaN for those after them."""
    if len(values) == count:
        return values
    padded = np.full(count, np.nan)
    padded[: len(values)] = values
    return padded


def draw(report: CostReport, path: str | Path) -> None:
    """Draw the floor plan, where the energy goes, and the latencies.

    Raises
    ------
    ConfigError
        If there is no matplotlib (extra `views`), or the file cannot be written.
    """
    check_figure(path)
    save(figure(report), path)
