"""`bench`: a chip on a stream, and how long each sample took."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neurosim.checks import LARGEST, finite, truth, whole
from neurosim.chip.chip import Chip
from neurosim.chip.samples import as_stream
from neurosim.errors import ConfigError
from neurosim.latency.layer_times import layer_times
from neurosim.latency.on_device import device_times
from neurosim.latency.report import Report
from neurosim.latency.roofline.account import account_of
from neurosim.latency.snapshots import check_snapshots, snapshotting, summary_of
from neurosim.latency.timing import machine
from neurosim.latency.timing.clock import REAL, Clock, reading_cost
from neurosim.latency.timing.inside import timed_inside
from neurosim.latency.timing.loop import never, take
from neurosim.latency.timing.outcome import SECOND
from neurosim.latency.timing.samples import fetch
from neurosim.streams import Stream
from neurosim.streams.arrivals import Arrivals, Closed

MOST = 10_000  # samples measured if no number is given: as many as p99.99 needs


def bench(
    chip: Chip,
    stream: Stream | Iterable[Any],
    *,
    learning: bool = True,
    samples: int | None = None,
    warm_up: int = 100,
    arrivals: Arrivals | None = None,
    deadline: float | None = None,
    stages: bool = False,
    roofline: bool = False,
    garbage: bool = True,
    snapshots: str | Path | None = None,
    snapshot_seconds: float = 10.0,
    stop: Callable[[], bool] = never,
    pause: Callable[[], AbstractContextManager[object]] = nullcontext,
    clock: Clock = REAL,
) -> Report | None:
    r"""Measure how long each sample takes, one at a time: `chip.learn_one(x)`, or `chip.respond_one(x)`.

    Service time is :math:`done - start`, the whole call; the part of it in the chip's compiled loops, which is what
    `neurosim.run` reports as latency, stands beside it. Response time is :math:`done - due`: it includes the time that
    a sample waited for those before it. In a closed loop, they are the same. Layers are compiled first; then come one
    sample with cold memory, the samples of the warm-up, and those that are measured.

    Parameters
    ----------
    chip : Chip
        Learns in place, if `learning`.
    stream : Stream or iterator
        The samples that are needed are read into memory, as float32, before the first one: reading is not timed.
    learning : bool
        Whether the chip learns from each sample, or only responds.
    samples : int, optional
        Samples to measure, from 1; by default all that the stream has, but at most 10,000.
    warm_up : int
        Samples after the first and before those measured.
    arrivals : Closed, Period, Poisson, Bursts or Recorded
        How measured samples arrive (`neurosim.latency`); by default in a closed loop.
    deadline : float, optional
        Longest response time in seconds, positive. A sample that takes longer counts as a miss; it is not dropped.
    stages : bool
        Whether to run the measured samples once more, with the clock read after each layer.
    roofline : bool
        Whether to run them once more with the stages of each layer timed, and to compare these times with what the
        machine could do at best, which is measured too.
    garbage : bool
        Whether Python's garbage collector may run during the measurement, as it does for users.
    snapshots : path, optional
        A new state file. Snapshots are written to it while the chip learns from the measured samples, and once more
        after them. If a snapshot is due before a sample, its pause is part of the sample's service time.
    snapshot_seconds : float
        Seconds between snapshots, positive.
    stop : callable
        Called between samples; true ends the measurement early.
    pause : callable
        Returns a context in which the loop sleeps or the stream is read; it may raise `neurosim.online.stop.Stop`.
    clock : Clock

    Returns
    -------
    Report, or None
        None if `stop` came before a sample was measured.

    Raises
    ------
    ConfigError
        If a number is out of range, there are fewer timestamps than samples, or `snapshots` names a file that exists
        or is given without learning.
    StateError
        If a snapshot cannot be written.
    SampleError, StreamError
        If the stream has too few samples or cannot be read, or the chip refuses a sample.
    DivergedError
        As in `learn_one`.

    References
    ----------
    Tene, "How NOT to measure latency", 2013 (coordinated omission). Yik et al., NeuroBench, 2025 (one sample at a
    time, timed from memory).
    """
    switches = {"learning": learning, "stages": stages, "roofline": roofline, "garbage": garbage}
    stream = as_stream("stream", stream, chip.shape)
    _check(samples, warm_up, arrivals, deadline, **switches)
    check_snapshots(snapshots, snapshot_seconds, learning)
    arrivals, first = Closed() if arrivals is None else arrivals, 1 + warm_up
    calls = fetch(stream, first, samples, MOST, learning, pause)
    due = arrivals.due(first, len(calls.given) - first)
    about = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "state_sha256": chip.state_sha256,
        "chip": repr(chip), "stream": stream.name, "learning": learning, "arrivals": arrivals.describe(),
        "deadline_s": deadline, "warm_up_samples": warm_up, "garbage_collector": garbage,
        "environment": machine.environment(), "timer_s": reading_cost(clock) / SECOND,
        "compile_s": _compile(chip, clock),
    }  # fmt: skip
    one = chip.learn_one if learning else chip.respond_one
    with timed_inside(chip) as inside:
        cold = take(one, calls.cut(0, 1), None, clock).record
        with snapshotting(chip, stream, snapshots, snapshot_seconds, 1, warm_up) as keeper, machine.collecting(garbage):
            measured = one if keeper is None else keeper.learn_one
            record, interruptions, loop = take(
                measured, calls.cut(1), due, clock, warm_up=warm_up, inside=inside, stop=stop, pause=pause
            )
    if len(record.start) == 0:
        return None
    layers = layer_times(chip, calls.cut(first), learning, clock, stop) if stages else None
    floors = account_of(chip, calls.cut(first), learning, clock, stop) if roofline else None
    device = device_times(chip, calls.cut(first), learning, clock)
    completed = [len(record.start)] + ([len(layers)] if layers is not None else [])
    completed += [floors["samples"] if floors else 0] if roofline else []
    about |= {
        "first_sample_cold_s": float(cold.service[0]) / SECOND,
        "first_sample_warm_s": float(record.service[0]) / SECOND,
        "interruptions": interruptions, "interrupted": min(completed) < len(calls.given) - first,
        "device": device, "roofline": floors, "snapshots": summary_of(keeper, snapshots, snapshot_seconds),
    }  # fmt: skip
    return Report(about, record, layers, loop)


def _check(
    samples: int | None, warm_up: int, arrivals: Arrivals | None, deadline: float | None, **switches: bool
) -> None:
    """Refuse arguments of `bench` that break their rules."""
    for name, value in switches.items():
        truth(name, value)
    if samples is not None:
        whole("samples", samples, 1, LARGEST)
    whole("warm_up", warm_up, 0, LARGEST)
    if arrivals is not None and not isinstance(arrivals, Arrivals):
        raise ConfigError("arrivals", "Closed, Period, Poisson, Bursts or Recorded", arrivals)
    if deadline is not None:
        finite("deadline", deadline, "positive, in seconds", 0, above=True)


def _compile(chip: Chip, clock: Clock) -> float:
    """Compile all layers, or load what was compiled before; return how many seconds that took."""
    begun = clock.now()
    chip.compile()
    return (clock.now() - begun) / SECOND
