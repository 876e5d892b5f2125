"""The surface of a live source is in the snapshot, as of exactly the samples that were taken."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import StreamError
from neurosim.kernels.events import clock
from neurosim.online.companion import restore
from neurosim.streams.events import EventStream, as_events

ENCODERS = [
    ns.LocalSurface(radius=1, tau_us=4000, least=2),
    ns.TimeSurface(tau_us=9000, every_us=3000),
    ns.EventCounts(every_events=7, cell=2),
    ns.EventFrames(every_us=2000),
]
EACH = pytest.mark.parametrize("encoder", ENCODERS, ids=str)


def made_up(count, seed=0):
    rng = np.random.default_rng(seed)
    t = np.cumsum(rng.integers(0, 500, count))
    return as_events(t, rng.integers(0, 6, count), rng.integers(0, 6, count), rng.integers(0, 2, count))


class Camera:
    """Gives events that nobody can ask for again, in packets of any length."""

    name, width, height, replayable = "camera", 6, 6, False

    def __init__(self, events, seed=1, breaks=10**9):
        self.events, self.rng, self.breaks = events, np.random.default_rng(seed), breaks

    def blocks(self, most):
        first = 0
        while first < len(self.events):
            count = int(self.rng.integers(1, 60))
            yield self.events[first : first + count]
            first += count
            if first > self.breaks:
                raise StreamError("camera must stay plugged in")

    def fingerprint(self):
        return "live"


@EACH
def test_the_state_is_that_of_exactly_the_samples_taken(encoder):
    events, rng = made_up(3000), np.random.default_rng(4)
    whole = np.concatenate([block.samples for block in EventStream(Camera(events), encoder).blocks()])
    stream, given, asked = EventStream(Camera(events), encoder), 0, 0
    kept = {}
    for block in stream.arriving(0, 32):
        given += len(block.samples)
        assert len(block.samples) <= 32
        asked = max(asked, given - int(rng.integers(0, 40)))
        kept[asked] = stream.kept(asked)
        arrived = stream.arrived(asked, given - asked)
        assert arrived.shape == (given - asked,)
        assert (np.diff(arrived) >= 0).all()
    assert given == len(whole)
    assert len(kept) > 20
    for taken in sorted(kept)[::7]:
        # Right after a sample, no later event is in the surface: the shortest beginning of the events that makes so
        # many samples leads to the same state.
        fresh = EventStream(Camera(events), encoder)
        assert fresh._encoding.follow(_columns(events), taken).samples == taken
        for name, array in fresh._encoding.arrays().items():
            np.testing.assert_array_equal(array, kept[taken][name])
    with pytest.raises(StreamError, match="samples taken must be among those given lately"):
        stream.kept(given + 1)
    assert stream.arrived(0, given + 1) is None


def _columns(events):
    from neurosim.streams.events.encoding import as_columns

    return as_columns(events)


def test_a_long_stream_does_not_remember_everything():
    encoder = ENCODERS[0]
    stream, given = EventStream(Camera(made_up(20_000)), encoder), 0
    for block in stream.arriving(0, 16):
        given += len(block.samples)
        assert sum(len(packet.t) for packet in stream._trail._packets) < 17 * 60 + 60
    with pytest.raises(StreamError, match="long ago"):
        stream.kept(given - 1000)


@pytest.mark.parametrize("every", [10**6, 10**12], ids=["some", "none"])
def test_many_events_and_few_samples_are_not_remembered_for_ever(every, monkeypatch):
    """Windows of some 4,000 events, or of more than there are: what is held has a bound all the same."""
    monkeypatch.setattr("neurosim.streams.events.trail.MOST_EVENTS", 500)
    events, encoder, given, held = made_up(20_000), ns.EventFrames(every_us=every), 0, []
    camera, stream = Camera(events), EventStream(Camera(events), encoder)
    camera_blocks = camera.blocks

    def watched(most):
        for packet in camera_blocks(most):
            yield packet
            held.append(sum(len(packet.t) for packet in stream._trail._packets))

    stream._sources[0].blocks = watched
    for block in stream.arriving(0, 16):
        given += len(block.samples)
        fresh = EventStream(Camera(events), encoder)
        assert fresh._encoding.follow(_columns(events), given).samples == given
        for name, array in fresh._encoding.arrays().items():
            np.testing.assert_array_equal(array, stream.kept(given)[name])
    assert given == (int(events["t"][-1]) // every if every == 10**6 else 0)
    assert max(held) < 500 + 2 * 60
    # Events of which no sample came are in the surface, but for those that are still held.
    taken = int(stream.kept(given)["clock"][clock.TAKEN])
    assert len(events) - 620 < taken <= len(events)
    assert len(stream.arrived(0, given) if given == 0 else ()) == 0


@EACH
def test_a_run_that_was_stopped_goes_on_with_the_surface(tmp_path, encoder):
    """What a camera shows while nobody looks is lost, so the second run begins with the event after the last taken."""
    events, state = made_up(4000), tmp_path / "chip.h5"

    def new_chip():
        inputs = EventStream(Camera(events), encoder).shape
        return ns.Chip([ns.recipes.softhebb(5)], inputs=inputs, seed=2)

    uncut = new_chip()
    ns.run(uncut, EventStream(Camera(events), encoder))
    with pytest.raises(StreamError, match="plugged in"):
        ns.run(new_chip(), EventStream(Camera(events, breaks=1500), encoder), state=state)
    # The camera goes on with the first event that is not in the state.
    going_on = ns.Chip.load(state)
    replayed = EventStream(Camera(events), encoder)
    done, count = replayed._encoding.follow(_columns(events), going_on.samples)
    assert 10 < count == going_on.samples < uncut.samples
    again = EventStream(Camera(events[done:], seed=9), encoder)
    assert restore(state, again) == count
    ns.run(going_on, again)
    assert going_on.samples == uncut.samples
    assert going_on.state_sha256 == uncut.state_sha256


def test_the_state_of_another_sensor_is_refused(tmp_path):
    events, state = made_up(500), tmp_path / "chip.h5"
    chip = ns.Chip([ns.recipes.softhebb(3)], inputs=(2, 3, 3), seed=2)
    ns.run(chip, EventStream(Camera(events), ENCODERS[0]), state=state)
    other = EventStream(Camera(events), ENCODERS[0], sensor=(9, 9))
    with pytest.raises(ns.StateError, match="memory of the encoder must be int64"):
        restore(state, other)


def test_several_sources_with_a_live_one_are_refused():
    with pytest.raises(ns.ConfigError, match="one live source, or recordings"):
        EventStream([Camera(made_up(3)), Camera(made_up(3))], ENCODERS[0])
