r"""What latencies come to: exact percentiles, jitter, deadline misses, backlog.

A percentile q is the least latency that a share of at least q of the samples did not exceed: that of rank
:math:`\lceil q n \rceil` of n, one that was measured, without interpolation.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.latency.timing.record import Moments, Record

# In millionths, so that ranks are exact.
PERCENTILES = {"p50": 500_000, "p90": 900_000, "p95": 950_000, "p99": 990_000, "p999": 999_000, "p9999": 999_900}
WHOLE = 1_000_000
SECOND = 1e9  # nanoseconds; divided by, not multiplied with 1e-9: so 63 ns are 6.3e-08 s, and no digit more


def needed(millionths: int) -> int:
    """Return how many samples a percentile needs: as many that one of them lies beyond it, 1 / (1 - q)."""
    return -(-WHOLE // (WHOLE - millionths))


def too_few(samples: int) -> dict[str, int]:
    """Return the percentiles that so many samples do not give, and how many each needs."""
    return {name: needed(part) for name, part in PERCENTILES.items() if samples < needed(part)}


def distribution(latencies: Moments) -> dict[str, float | None]:
    """Return percentiles, extremes, mean and jitter in seconds; None for what so few samples do not give."""
    count, ordered = len(latencies), np.sort(latencies)
    found: dict[str, float | None] = {"min_s": _seconds(ordered[0])}
    for name, part in PERCENTILES.items():
        rank = -(-count * part // WHOLE)
        found[f"{name}_s"] = _seconds(ordered[rank - 1]) if count >= needed(part) else None
    found |= {"max_s": _seconds(ordered[-1]), "mean_s": _seconds(latencies.mean())}
    found["standard_error_s"] = _seconds(latencies.std(ddof=1) / np.sqrt(count)) if count > 1 else None
    found["jitter_s"] = _seconds(np.abs(np.diff(latencies)).mean()) if count > 1 else None
    p50, p99 = found["p50_s"], found["p99_s"]
    found["p99_minus_p50_s"] = None if p50 is None or p99 is None else p99 - p50
    return found


def misses(response: Moments, deadline: float | None) -> dict[str, Any]:
    """Count the samples that were done later than `deadline` seconds after they were due."""
    if deadline is None:
        return {"deadline_s": None, "deadline_misses": None, "deadline_miss_share": None}
    late = int((response > round(deadline * SECOND)).sum())
    return {"deadline_s": deadline, "deadline_misses": late, "deadline_miss_share": late / len(response)}


def backlog(record: Record) -> NDArray[np.int64]:
    """Return how many samples were due and still waiting when each was taken up, itself left out: int64 (samples,)."""
    due = np.searchsorted(record.due, record.start, side="right")
    waiting: NDArray[np.int64] = due - np.arange(1, len(due) + 1)
    return waiting


def lateness(record: Record) -> Moments:
    """Return start less due of the samples that the loop waited for: what waiting for a moment costs."""
    free = np.concatenate((np.full(1, -1), record.done[:-1])) < record.due
    late: Moments = (record.start - record.due)[free]
    return late


def pace(record: Record) -> dict[str, float | None]:
    """Return samples done a second, and the share of the time that the chip was at work."""
    span = _seconds(record.done[-1] - record.start[0])
    return {
        "samples_per_s": len(record.start) / span if span else None,
        "busy_share": _seconds(record.service.sum()) / span if span else None,
    }


def queue(record: Record) -> dict[str, float | int | None]:
    """Return what came, and what became of waiting, in an open loop."""
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
    """Return the same of a closed loop, in which samples come as they are done."""
    names = ("offered_per_s", "backlog_max", "backlog_mean", "waited_for", "wake_late_median_s", "wake_late_max_s")
    return dict.fromkeys(names)


def _seconds(nanoseconds: Any) -> float:
    return float(nanoseconds) / SECOND
