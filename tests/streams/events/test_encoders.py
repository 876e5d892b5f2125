"""Each encoder beside a plain replay that is written from its definition, event by event."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurosim as ns
from neurosim.errors import ConfigError
from neurosim.streams.events import EventStream, Recording, as_events, encoding_of
from neurosim.streams.events.encoding import as_columns

WIDTH, HEIGHT = 7, 5


def made_up(count=600, seed=0, longest=4000):
    """Return events in order, two or three of which share a pixel before the oldest is forgotten."""
    rng = np.random.default_rng(seed)
    t = np.cumsum(rng.integers(0, longest, count)) + 12_345
    return as_events(t, rng.integers(0, WIDTH, count), rng.integers(0, HEIGHT, count), rng.integers(0, 2, count))


def values_of(last, now, pixels, tau):
    """Return the surface at some pixels, in float64."""
    ages = [now - last[pixel] if pixel in last else math.inf for pixel in pixels]
    return np.array([math.exp(-age / tau) if age <= math.floor(5 * tau) else 0.0 for age in ages])


class Replay:
    """The rules for times and places, as docs/event-encoders.md has them."""

    def __init__(self):
        self.last, self.latest, self.outside, self.late, self.restarts = {}, None, 0, 0, 0

    def admit(self, t, x, y, p, forget=lambda: None):
        """Return the time at which an event counts, None if it is passed over."""
        if not (x < WIDTH and y < HEIGHT and p < 2):
            self.outside += 1
            return None
        if self.latest is not None and t < self.latest - 1_000_000:
            self.restarts += 1
            self.latest, self.last = None, {}
            forget()
        if self.latest is not None and t < self.latest:
            self.late += 1
            t = self.latest
        self.latest = t
        return t


def local(events, encoder):
    """Replay `LocalSurface`."""
    replay, samples = Replay(), []
    for t, x, y, p in events.tolist():
        now = replay.admit(t, x, y, p)
        if now is None:
            continue
        replay.last[p, y, x] = now
        around = range(-encoder.radius, encoder.radius + 1)
        pixels = [(q, y + i, x + j) for q in range(2) for i in around for j in around]
        values = values_of(replay.last, now, pixels, encoder.tau_us)
        if np.count_nonzero(values) >= encoder.least:
            samples.append(values / np.linalg.norm(values) if encoder.norm else values)
    return np.array(samples), replay


PIXELS = [(p, y, x) for p in range(2) for y in range(HEIGHT) for x in range(WIDTH)]


def windowed(events, encoder):
    """Replay the encoders of windows."""
    replay, samples, window, met = Replay(), [], None, []

    def give(now):
        if isinstance(encoder, ns.TimeSurface):
            samples.append(values_of(replay.last, now, PIXELS, encoder.tau_us))
            return
        cell = getattr(encoder, "cell", 1)
        counts = np.zeros((2, -(-HEIGHT // cell), -(-WIDTH // cell)))
        for p, y, x in met:
            counts[p, y // cell, x // cell] += 1
        samples.append((np.minimum(counts / encoder.full, 1) if hasattr(encoder, "full") else counts).ravel())

    for t, x, y, p in events.tolist():
        now = replay.admit(t, x, y, p, met.clear)
        if now is None:
            continue
        if encoder.every_us and met and now // encoder.every_us > window:
            give((window + 1) * encoder.every_us)
            met.clear()
        replay.last[p, y, x] = now
        met.append((p, y, x))
        window = now // encoder.every_us if encoder.every_us else None
        if len(met) == encoder.every_events:
            give(now)
            met.clear()
    if encoder.every_us and met:
        give((window + 1) * encoder.every_us)
    return np.array(samples), replay


ENCODERS = [
    ns.LocalSurface(radius=2, tau_us=4000),
    ns.LocalSurface(radius=0, tau_us=777.5, norm=False),
    ns.LocalSurface(radius=4, tau_us=20_000, norm=False, least=8),
    ns.TimeSurface(tau_us=9000, every_us=10_000),
    ns.TimeSurface(tau_us=30_000, every_events=37),
    ns.EventCounts(every_us=25_000),
    ns.EventCounts(every_events=50, cell=3),
    ns.EventFrames(every_us=30_000, full=2),
    ns.EventFrames(every_events=60),
]
EACH = pytest.mark.parametrize("encoder", ENCODERS, ids=str)


def replayed(events, encoder):
    return (local if isinstance(encoder, ns.LocalSurface) else windowed)(events, encoder)


def samples_of(stream, size=256, start=0):
    blocks = [block.samples for block in stream.blocks(start, size)]
    assert all(len(block) == size for block in blocks[:-1])
    return np.concatenate(blocks) if blocks else np.zeros((0, stream.inputs), np.float32)


def stream_of(events, encoder, **options):
    return EventStream(Recording(events, WIDTH, HEIGHT), encoder, **options)


@EACH
def test_samples_are_those_of_a_plain_replay(encoder):
    events = made_up()
    stream = stream_of(events, encoder)
    wanted, _ = replayed(events, encoder)
    got = samples_of(stream)
    assert len(wanted) > 5
    assert got.shape == wanted.shape == (len(wanted), math.prod(stream.shape))
    np.testing.assert_allclose(got, wanted, rtol=2e-6, atol=1e-7)
    np.testing.assert_array_equal(got == 0, wanted == 0)


@EACH
def test_samples_do_not_depend_on_how_the_stream_is_cut(encoder):
    events = made_up()
    whole = samples_of(stream_of(events, encoder))
    for size, start in ((1, 0), (7, 0), (7, 3), (1000, 4), (3, len(whole)), (3, len(whole) - 1)):
        np.testing.assert_array_equal(samples_of(stream_of(events, encoder), size, start), whole[start:])


@EACH
def test_events_outside_late_and_of_another_clock_are_taken_by_the_rules(encoder):
    events = np.concatenate([made_up(200, 1), made_up(200, 2)])  # the second part begins anew, or is late
    rng = np.random.default_rng(5)
    events["t"][rng.integers(0, 400, 20)] -= 5000
    events["x"][rng.integers(0, 400, 9)] = WIDTH
    events["y"][rng.integers(0, 400, 9)] = HEIGHT + 40
    events["p"][rng.integers(0, 400, 9)] = 2
    events["t"][300:] -= 2_000_000
    stream = stream_of(events, encoder)
    wanted, replay = replayed(events, encoder)
    np.testing.assert_allclose(samples_of(stream), wanted, rtol=2e-6, atol=1e-7)
    assert (stream.outside, stream.late, stream.restarts) == (replay.outside, replay.late, replay.restarts)
    assert replay.outside > 20
    assert replay.late > 10
    assert replay.restarts >= 1
    assert f"{replay.outside} events outside the sensor or of another polarity, and passed over" in stream.notes


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-(2**61), 2**61), st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 255)),
        max_size=20,
    ),
    st.sampled_from(ENCODERS),
)
def test_no_event_whatever_breaks_an_encoder(rows, encoder):
    events = as_events(*np.array(rows, np.int64).reshape(-1, 4).T)
    got = samples_of(stream_of(events, encoder), 5)
    assert np.isfinite(got).all()
    assert (got >= 0).all()


def test_each_recording_begins_with_an_empty_surface_and_has_its_label():
    first, second = made_up(150, 1), made_up(150, 2)
    recordings = [Recording(events, WIDTH, HEIGHT) for events in (first, second)]
    for encoder in ENCODERS:
        alone = [samples_of(stream_of(events, encoder)) for events in (first, second)]
        stream = EventStream(recordings, encoder, labels=[3, 1])
        blocks = list(stream.blocks(size=9))
        np.testing.assert_array_equal(np.concatenate([block.samples for block in blocks]), np.concatenate(alone))
        labels = np.concatenate([block.labels for block in blocks]).tolist()
        assert labels == [3] * len(alone[0]) + [1] * len(alone[1])


def test_state_goes_on_in_another_encoder():
    events = made_up()
    for encoder in ENCODERS:
        one, other = encoding_of(encoder, WIDTH, HEIGHT), encoding_of(encoder, WIDTH, HEIGHT)
        samples, sources = np.zeros((600, one.inputs), np.float32), np.zeros(600, np.int64)
        columns = as_columns(events)
        done, made = one.encode(columns, 0, 3, samples, sources)
        assert made == 3
        other.restore(one.arrays())
        rest, copied = np.zeros_like(samples), np.zeros_like(samples)
        assert one.encode(columns, done, 600, rest, sources) == other.encode(columns, done, 600, copied, sources)
        np.testing.assert_array_equal(rest, copied)
        with pytest.raises(ValueError, match="memory of the encoder must be int64"):
            other.restore({"memory": np.zeros((1, 2, 3), np.int64), "clock": one.clock})
        with pytest.raises(ValueError, match="clock of the encoder must be int64"):
            other.restore({"memory": one.memory})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ns.LocalSurface(radius=-1), "radius must be"),
        (lambda: ns.LocalSurface(tau_us=0), "tau_us must be positive"),
        (lambda: ns.LocalSurface(tau_us=1e9), "tau_us must be from 0.2 to 4e8"),
        (lambda: ns.TimeSurface(tau_us=float("nan"), every_us=1), "tau_us must be"),
        (lambda: ns.TimeSurface(tau_us=10), "every_us or every_events must be given"),
        (lambda: ns.EventCounts(every_us=1, every_events=1), "exactly one of the two"),
        (lambda: ns.EventCounts(every_us=0), "every_us must be"),
        (lambda: ns.EventFrames(every_events=3, full=0), "full must be"),
        (lambda: EventStream([], ns.LocalSurface()), "recordings must be one at least"),
        (lambda: EventStream(made_up(), ns.LocalSurface()), "sensor must be given"),
        (lambda: EventStream(made_up(), "local", sensor=(7, 5)), "encoder must be"),
        (lambda: EventStream(made_up(), ns.LocalSurface(), sensor=(7, 0)), "height of sensor"),
        (lambda: EventStream([3], ns.LocalSurface()), "recording must be read by read_events"),
        (lambda: EventStream(np.zeros(3), ns.LocalSurface(), sensor=(7, 5)), "events must be an array"),
        (lambda: EventStream(made_up(), ns.EventCounts(every_us=1), sensor=(9000, 9000), polarities=256), "inputs of"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises((ConfigError, ns.StreamError), match=message):
        make()


def test_recordings_of_two_sensors_are_refused():
    recordings = [Recording(made_up(3), 7, 5), Recording(made_up(3), 8, 5)]
    with pytest.raises(ns.StreamError, match="recordings must be of one sensor"):
        EventStream(recordings, ns.LocalSurface())
    assert EventStream(recordings, ns.LocalSurface(), sensor=(8, 5)).sensor == (8, 5)


def test_events_of_other_types_are_taken_and_what_does_not_fit_is_refused():
    wide = np.zeros(3, [("x", np.int32), ("y", np.int32), ("t", np.int64), ("p", np.bool_)])
    wide["x"], wide["t"] = [1, 2, 3], [5, 6, 7]
    assert len(samples_of(EventStream(wide, ns.LocalSurface(), sensor=(7, 5)))) == 3
    wide["x"][1] = -1
    with pytest.raises(ConfigError, match="x of events must be from 0 to 65535"):
        EventStream(wide, ns.LocalSurface(), sensor=(7, 5))


def test_a_stream_that_is_too_short_to_go_on_is_an_error():
    with pytest.raises(ns.StreamError, match="must hold the 9 samples that were read from it before, got 4"):
        list(stream_of(made_up(4), ns.LocalSurface()).blocks(start=9))
