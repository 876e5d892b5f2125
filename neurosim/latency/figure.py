"""The figure of a measurement: latency by percentile, and over time."""

from pathlib import Path
from typing import Any

from neurosim.latency.timing.outcome import SECOND
from neurosim.latency.timing.record import Record
from neurosim.reporting.figures import as_label, panels, save
from neurosim.reporting.files import check_figure
from neurosim.reporting.percentiles import over_time, percentiles


def figure(record: Record, about: dict[str, Any]) -> Any:
    """Return a matplotlib figure of both panels; in a closed loop there is one line, as service and response are equal.

    Parameters
    ----------
    record : Record
    about : dict
        A `Report`'s: what was measured.

    Raises
    ------
    ConfigError
        If matplotlib is missing or cannot be started.
    """
    closed = about["arrivals"]["kind"] == "closed"
    times = {"latency": record.service} if closed else {"response": record.response, "service": record.service}
    latencies = {name: nanoseconds / SECOND for name, nanoseconds in times.items()}
    drawn, ((curve,), (time,)) = panels(2, sharey=True)
    curve.set_title(f"{'Learning from' if about['learning'] else 'Responding to'} a sample: {as_label(about['chip'])}")
    over_time(time, record.done / SECOND, latencies, about["deadline_s"])
    percentiles(curve, latencies, about["deadline_s"])
    return drawn


def draw(record: Record, about: dict[str, Any], path: str | Path) -> None:
    """Draw both panels into a file."""
    check_figure(path)
    save(figure(record, about), path)
