"""`bench`: a chip on a stream, and how long each sample took."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from neurosim.checks import LARGEST, finite, truth, whole
from neurosim.chip.chip import Chip
from neurosim.chip.samples import check_fits
from neurosim.errors import ConfigError
from neurosim.latency.layer_times import layer_times
from neurosim.latency.on_device import device_times
from neurosim.latency.report import Report
from neurosim.latency.roofline.account import account_of
from neurosim.latency.snapshots import account, check_snapshots, kept
from neurosim.latency.timing import machine
from neurosim.latency.timing.clock import REAL, Clock, reading_cost
from neurosim.latency.timing.loop import never, take
from neurosim.latency.timing.outcome import SECOND
from neurosim.latency.timing.samples import fetch
from neurosim.streams import Stream, check_stream
from neurosim.streams.arrivals import Arrivals, Closed

MOST = 10_000  # samples measured where no number is asked for: as many as p99.99 needs


def bench(
    chip: Chip,
    stream: Stream,
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

    Service is :math:`done - start`, response is :math:`done - due`: a sample that had to wait for those before it has
    waited, whatever the chip then took for it. In a closed loop, they are the same. Layers are compiled first; then
    come one sample that meets cold memory, those of the warm-up, and those that are measured.

    Parameters
    ----------
    chip : Chip
        Learns in place, if `learning`.
    stream : Stream
        As much of it as is needed is read into memory, float32, before the first sample: reading is not timed.
    learning : bool
        Whether the chip learns from each sample, or only responds.
    samples : int, optional
        Samples to measure, from 1; by default what the stream has, 10,000 at most.
    warm_up : int
        Samples after the first and before those measured.
    arrivals : Closed, Period, Poisson, Bursts or Recorded
        How measured samples arrive (`neurosim.latency`); by default in a closed loop.
    deadline : float, optional
        Seconds, positive. A sample that is done later than that after it was due has missed it; it is not dropped.
    stages : bool
        Whether to take the measured samples once more, with the clock read after each layer.
    roofline : bool
        Whether to take them once more, time the stages within each layer, measure what the machine can do, and set the
        two side by side.
    garbage : bool
        Whether Python's garbage collector may run meanwhile, as it does for users.
    snapshots : path, optional
        State file, a new one, that snapshots are written to while the measured samples are learned from, and once more
        after them. A sample waits for the one that is due before it, and the wait is part of its service.
    snapshot_seconds : float
        Seconds between snapshots, positive.
    stop : callable
        Asked between samples; true ends the measurement early.
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
        If a number is out of range, there are fewer timestamps than samples, or `snapshots` names a file that is there
        or comes without learning.
    StateError
        If a snapshot cannot be written.
    SampleError, StreamError
        If the stream has fewer samples than asked for, cannot be read, or the chip does not admit a sample.
    DivergedError
        As in `learn_one`.

    References
    ----------
    Tene, "How NOT to measure latency", 2013 (coordinated omission). Yik et al., NeuroBench, 2025 (one sample at a
    time, timed from memory).
    """
    truths = {"learning": learning, "stages": stages, "roofline": roofline, "garbage": garbage}
    _check(chip, stream, samples, warm_up, arrivals, deadline, **truths)
    check_snapshots(snapshots, snapshot_seconds, learning)
    arrivals, first = Closed() if arrivals is None else arrivals, 1 + warm_up
    calls = fetch(stream, first, samples, MOST, learning, pause)
    due = arrivals.due(first, len(calls.given) - first)
    about = {
        "chip": repr(chip), "stream": stream.name, "learning": learning, "arrivals": arrivals.describe(),
        "deadline_s": deadline, "warm_up_samples": warm_up, "garbage_collector": garbage,
        "environment": machine.environment(), "timer_s": reading_cost(clock) / SECOND,
        "compile_s": _compile(chip, clock),
    }  # fmt: skip
    one = chip.learn_one if learning else chip.respond_one
    cold = take(one, calls.part(0, 1), None, clock).record
    with kept(chip, stream, snapshots, snapshot_seconds, 1, warm_up) as keeper, machine.collecting(garbage):
        measured = one if keeper is None else keeper.learn_one
        record, came = take(measured, calls.part(1), due, clock, warm_up=warm_up, stop=stop, pause=pause)
    if len(record.start) == 0:
        return None
    layers = layer_times(chip, calls.part(first), learning, clock, stop) if stages else None
    floors = account_of(chip, calls.part(first), learning, clock, stop) if roofline else None
    device = device_times(chip, calls.part(first), learning, clock)
    ended = [len(record.start)] + ([len(layers)] if layers is not None else [])
    ended += [floors["samples"] if floors else 0] if roofline else []
    about |= {
        "first_sample_cold_s": float(cold.service[0]) / SECOND,
        "first_sample_warm_s": float(record.service[0]) / SECOND,
        "interruptions": came, "interrupted": min(ended) < len(calls.given) - first,
        "device": device, "roofline": floors, "snapshots": account(keeper, snapshots, snapshot_seconds),
    }  # fmt: skip
    return Report(about, record, layers)


def _check(
    chip: Chip,
    stream: Stream,
    samples: int | None,
    warm_up: int,
    arrivals: Arrivals | None,
    deadline: float | None,
    **truths: bool,
) -> None:
    """Refuse what cannot be measured."""
    check_stream("stream", stream)
    check_fits(stream, chip.shape)
    for name, value in truths.items():
        truth(name, value)
    if samples is not None:
        whole("samples", samples, 1, LARGEST)
    whole("warm_up", warm_up, 0, LARGEST)
    if arrivals is not None and not isinstance(arrivals, Arrivals):
        raise ConfigError("arrivals", "Closed, Period, Poisson, Bursts or Recorded", arrivals)
    if deadline is not None:
        finite("deadline", deadline, "positive, in seconds", 0, above=True)


def _compile(chip: Chip, clock: Clock) -> float:
    """Compile all layers, or fetch what was compiled; return the seconds that took."""
    begun = clock.now()
    chip.compile()
    return (clock.now() - begun) / SECOND
