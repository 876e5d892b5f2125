r"""Statistics of latencies: exact percentiles, jitter, deadline misses, backlog.

The percentile q of n samples is the latency of rank :math:`\lceil q n \rceil`: the smallest latency that at least a
share q of the samples did not exceed. It is one that was measured; there is no interpolation.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.latency.timing.record import Moments, Record

# In millionths, so that ranks are exact.
PERCENTILES = {"p50": 500_000, "p90": 900_000, "p95": 950_000, "p99": 990_000, "p999": 999_000, "p9999": 999_900}
WHOLE = 1_000_000
SECOND = 1e9  # nanoseconds; dividing by it gives 6.3e-08 s for 63 ns, multiplying by 1e-9 more digits


def needed(millionths: int) -> int:
    """Return how many samples a percentile needs, so that one of them lies beyond it: 1 / (1 - q)."""
    return -(-WHOLE // (WHOLE - millionths))


def too_few(samples: int) -> dict[str, int]:
    """Return the percentiles for which there are too few samples, and how many each needs."""
    return {name: needed(millionths) for name, millionths in PERCENTILES.items() if samples < needed(millionths)}


def distribution(latencies: Moments) -> dict[str, float | None]:
    """Return percentiles, extremes, mean and jitter in seconds; None for those that need more samples."""
    count, ordered = len(latencies), np.sort(latencies)
    values: dict[str, float | None] = {"min_s": _seconds(ordered[0])}
    for name, millionths in PERCENTILES.items():
        rank = -(-count * millionths // WHOLE)
        values[f"{name}_s"] = _seconds(ordered[rank - 1]) if count >= needed(millionths) else None
    values |= {"max_s": _seconds(ordered[-1]), "mean_s": _seconds(latencies.mean())}
    values["standard_error_s"] = _seconds(latencies.std(ddof=1) / np.sqrt(count)) if count > 1 else None
    values["jitter_s"] = _seconds(np.abs(np.diff(latencies)).mean()) if count > 1 else None
    p50, p99 = values["p50_s"], values["p99_s"]
    values["p99_minus_p50_s"] = None if p50 is None or p99 is None else p99 - p50
    return values


def misses(response: Moments, deadline: float | None) -> dict[str, Any]:
    """Count the samples that were done later than `deadline` seconds after they were due."""
    if deadline is None:
        return {"deadline_s": None, "deadline_misses": None, "deadline_miss_share": None}
    late = int((response > round(deadline * SECOND)).sum())
    return {"deadline_s": deadline, "deadline_misses": late, "deadline_miss_share": late / len(response)}


def backlog(record: Record) -> NDArray[np.int64]:
    """Return how many other samples were due and waiting when each was started: int64 (samples,)."""
    due = np.searchsorted(record.due, record.start, side="right")
    waiting: NDArray[np.int64] = due - np.arange(1, len(due) + 1)
    return waiting


def lateness(record: Record) -> Moments:
    """Return how late the loop woke up, start less due, for the samples that it waited for."""
    waited_for = np.concatenate((np.full(1, -1), record.done[:-1])) < record.due
    late: Moments = (record.start - record.due)[waited_for]
    return late


def pace(record: Record) -> dict[str, float | None]:
    """Return the samples done per second, and the share of the time that the chip was at work."""
    span = _seconds(record.done[-1] - record.start[0])
    return {
        "samples_per_s": len(record.start) / span if span else None,
        "busy_share": _seconds(record.service.sum()) / span if span else None,
    }


def queue(record: Record) -> dict[str, float | int | None]:
    """Return the rate of arrivals, the backlog, and how late the loop woke up, in an open loop."""
    waiting, late = backlog(record), lateness(record)
    span = _seconds(record.due[-1] - record.due[0])
    return {
        "offered_per_s": (len(record.due) - 1) / span if span else None,
        "backlog_max": int(waiting.max()),
        "backlog_mean": float(waiting.mean()),
        "waited_for": len(late),
        "wake_late_median_s": _seconds(np.median(late)) if len(late) else None,
        "wake_late_max_s": _seconds(late.max()) if len(late) else None,
    }


def no_queue() -> dict[str, None]:
    """Return the keys of `queue` for a closed loop, in which nothing waits."""
    names = ("offered_per_s", "backlog_max", "backlog_mean", "waited_for", "wake_late_median_s", "wake_late_max_s")
    return dict.fromkeys(names)


def _seconds(nanoseconds: np.number[Any]) -> float:
    return float(nanoseconds) / SECOND
