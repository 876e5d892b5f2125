"""A stream with keys through a fleet: what is learned, counted, refused and kept."""

import json
import threading

import numpy as np
import pytest
import sensors
from processes import wait_until

import neurosim as ns
from neurosim.errors import ConfigError, DivergedError, SampleError, StateError, StreamError
from neurosim.fleet import store as fleets
from neurosim.fleet.workers import Worker
from neurosim.online.request import Request
from neurosim.state import store
from neurosim.state.checksum import FLEET
from neurosim.streams.keyed import KeyedBlock


def fleet(*neurons, **options):
    return ns.Fleet(sensors.layers(*neurons), inputs=sensors.INPUTS, **options)


@pytest.fixture
def rows(tmp_path):
    """Write a file, and return what opens it, its keys and its samples."""
    keys, samples = sensors.rows(400)
    sensors.write(tmp_path / "rows.csv", keys, samples)
    return lambda **options: ns.open_stream(tmp_path / "rows.csv", key="sensor", **options), keys, samples


@pytest.fixture
def state(tmp_path):
    return tmp_path / "fleet.h5"


@pytest.mark.parametrize("chunk", ["auto", 1, 7, 1000])
@pytest.mark.parametrize("neurons", [(5,), (6, 3)])
def test_every_key_learns_what_its_chip_would_learn_alone(rows, state, chunk, neurons):
    opened, keys, samples = rows
    chips = fleet(*neurons)
    report = ns.run_fleet(chips, opened(), state=state, chunk=chunk, snapshot_samples=150)
    assert (report.samples, report.taken, report.stream_position) == (400, 400, 400)
    assert report.tally.written == 3  # at 150, 300 and 400
    assert sensors.hashes_of(chips) == sensors.hashes_of(ns.Fleet.load(state)) == sensors.alone(keys, samples, *neurons)
    contents = fleets.read(state)
    assert contents.position == 400
    assert contents.stream["key"] == "sensor"
    assert "worker" not in contents.stream


def test_a_snapshot_is_of_one_moment(rows, state):
    opened, keys, samples = rows
    seen = {}

    def watch(report):
        if state.exists():
            found = fleets.read(state)
            seen[found.position] = sensors.hashes_of(ns.Fleet.of(found, state))

    ns.run_fleet(fleet(), opened(), state=state, chunk=10, snapshot_samples=70, watch=watch)
    assert len(seen) >= 4
    for position, hashes in seen.items():
        assert position % 70 == 0
        assert hashes == sensors.alone(keys[:position], samples[:position])


@pytest.mark.parametrize("stop_at", [1, 133, 399])
def test_what_is_stopped_goes_on(rows, state, stop_at):
    opened, keys, samples = rows
    report = None

    def watch(now):
        nonlocal report
        report = now

    stopped = ns.run_fleet(fleet(), opened(), state=state, chunk=1, watch=watch, stop=lambda: report.taken == stop_at)
    assert stopped.interrupted
    assert stopped.stream_position == stop_at
    rest = ns.run_fleet(ns.Fleet.load(state), opened(), state=state, start=stop_at)
    assert (rest.samples, rest.stream_position, rest.interrupted) == (400 - stop_at, 400, False)
    assert sensors.hashes_of(ns.Fleet.load(state)) == sensors.alone(keys, samples)


@pytest.mark.parametrize("worker", [Worker(), Worker(1, 2), Worker(2, 2)])
@pytest.mark.parametrize("bad", [0, 7, 250, 399])
def test_a_bad_sample_ends_the_run_with_all_before_in_the_state(tmp_path, state, worker, bad):
    keys, samples = sensors.rows(400)
    samples[bad, 2] = -1
    sensors.write(tmp_path / "rows.csv", keys, samples)
    chips, stream = fleet(), ns.open_stream(tmp_path / "rows.csv", key="sensor")
    if not worker.has(keys[bad]):
        assert ns.run_fleet(chips, stream, state=state, worker=worker).stream_position == 400
        return
    with pytest.raises(SampleError, match=f"key '{keys[bad]}': sample .* input 2") as caught:
        ns.run_fleet(chips, stream, state=state, worker=worker)
    own = [n for n in range(bad) if worker.has(keys[n])]
    says = [note for note in caught.value.__notes__ if "with the samples of other workers" in note]
    assert says == [f"with the samples of other workers, it is sample {bad} of the stream"] * (worker.workers > 1)
    if bad == 0:
        assert not state.exists()
    else:
        assert any(f"up to sample {bad}" in note for note in caught.value.__notes__)
        assert fleets.read(state).position == bad
        assert sensors.hashes_of(ns.Fleet.load(state)) == sensors.alone([keys[n] for n in own], samples[own])
    report = ns.run_fleet(chips, stream, state=state, start=bad, skip_bad=True, worker=worker)
    assert report.refused == 1
    own = [n for n in range(400) if n != bad and worker.has(keys[n])]
    assert sensors.hashes_of(ns.Fleet.load(state)) == sensors.alone([keys[n] for n in own], samples[own])


def test_bad_samples_and_lines_are_passed_over_and_counted(tmp_path, state):
    lines = ["a,1,2", "b,-1,2", ",3,4", "a,x,4", "nan,1,1", "a,0,1", "c,-1,-1", "b,3,1"]
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    chips = ns.Fleet(sensors.layers(3), inputs=2)
    report = ns.run_fleet(chips, ns.open_stream(tmp_path / "rows.csv", key="0"), state=state, skip_bad=True)
    assert (report.samples, report.refused, report.beyond, report.bad_lines) == (3, 2, 0, 3)
    assert report.stream_position == 5  # malformed lines are no samples
    assert chips.keys == ("a", "b")  # nothing was learned for c
    assert sensors.hashes_of(chips) == sensors.alone(["a", "a", "b"], np.array([[1, 2], [0, 1], [3, 1]]), 3)


@pytest.mark.parametrize("worker", [Worker(), Worker(1, 2)])
def test_keys_without_end_are_refused_at_the_bound(tmp_path, state, worker):
    keys, samples = sensors.rows(400, sensors=100)
    sensors.write(tmp_path / "rows.csv", keys, samples)
    stream, bound = ns.open_stream(tmp_path / "rows.csv", key="sensor"), 12
    own = [n for n in range(400) if worker.has(keys[n])]
    order = list(dict.fromkeys(keys[n] for n in own))
    chips, first = fleet(capacity=bound), keys.index(order[bound])
    with pytest.raises(SampleError, match=f"keys must be at most 12.*'{order[bound]}' is one more.*--keys N"):
        ns.run_fleet(chips, stream, state=state, worker=worker)
    assert fleets.read(state).position == first
    assert chips.keys == tuple(order[:bound])
    report = ns.run_fleet(chips, stream, state=state, worker=worker, start=first, skip_bad=True, chunk=31)
    beyond = [n for n in own if n >= first and keys[n] not in order[:bound]]
    assert report.refused == report.beyond == len(beyond) > 100
    kept = [n for n in own if keys[n] in order[:bound]]
    assert sensors.hashes_of(ns.Fleet.load(state)) == sensors.alone([keys[n] for n in kept], samples[kept])


def test_a_chip_that_diverges_leaves_the_snapshot_before(tmp_path, state):
    keys, samples = sensors.rows(100)
    samples *= 1e-3
    samples[57] = 1e3
    layers = [ns.recipes.softhebb(6, normalise="none", transmit=ns.Triangle(power=60)), ns.recipes.softhebb(3)]
    chips, options = ns.Fleet(layers, inputs=4), {"state": state, "snapshot_samples": 10, "chunk": 5}
    with pytest.raises(DivergedError, match=f"key '{keys[57]}': .*sample 57"):
        ns.run_fleet(chips, Sensors(keys, samples, lambda _: None), **options)
    assert fleets.read(state).position == 50
    left = ns.Fleet.load(state)
    for key in left.keys:
        chip = ns.Chip(layers, inputs=4, seed=sensors.seed_of(key))
        for n in range(50):
            if keys[n] == key:
                chip.learn_one(samples[n])
        assert left.state_sha256(key) == chip.state_sha256


def test_a_malformed_line_ends_the_run_with_all_before_in_the_state(tmp_path, state):
    (tmp_path / "rows.csv").write_text("a,1,2\nb,1,2\n,1,2\na,1,2\n")
    with pytest.raises(StreamError, match="line 3: a key must be a text or a whole number, got none"):
        ns.run_fleet(ns.Fleet(sensors.layers(3), inputs=2), ns.open_stream(tmp_path / "rows.csv", key="0"), state=state)
    assert fleets.read(state).position == 2


def test_labels_teach_each_keys_chip(tmp_path, state):
    rng = np.random.default_rng(0)
    keys, labels = [f"k{n % 3}" for n in range(120)], rng.integers(0, 2, 120)
    samples = (rng.random((120, 3)) + np.eye(3)[labels]).round(3)
    names = ["cat", "dog"]
    lines = [
        json.dumps({"x": x, "k": k, "y": names[y]}) for x, k, y in zip(samples.tolist(), keys, labels, strict=True)
    ]
    (tmp_path / "rows.ndjson").write_text("\n".join(lines))
    layer = ns.recipes.supervised_softhebb(2)
    chips = ns.Fleet([layer], inputs=3)
    ns.run_fleet(chips, ns.open_stream(tmp_path / "rows.ndjson", key="k", label="y"), state=state, chunk=50)
    number = dict(zip(dict.fromkeys(names[label] for label in labels), range(2), strict=True))
    assert fleets.read(state).classes == tuple(number)
    for key in ("k0", "k1", "k2"):
        chip = ns.Chip([layer], inputs=3, seed=sensors.seed_of(key))
        for n in range(120):
            if keys[n] == key:
                chip.learn_one(samples[n], number[names[labels[n]]])
        assert chips.state_sha256(key) == chip.state_sha256


class Sensors(ns.streams.Stream):
    """Samples with keys, and in between something that happens."""

    name, inputs, length, labelled, keyed = "sensors", sensors.INPUTS, None, False, True

    def __init__(self, keys, samples, between):
        self._rows, self._between = (keys, samples), between

    def blocks(self, start=0, size=256):
        keys, samples = self._rows
        for n in range(start, len(keys)):
            yield KeyedBlock(samples[n : n + 1].astype(np.float32), None, keys[n : n + 1])
            self._between(n)

    def fingerprint(self):
        return "sensors"


def test_a_snapshot_is_taken_while_the_stream_is_waited_for(state):
    keys, samples = sensors.rows(20)

    def between(n):
        if n == 11:
            wait_until(lambda: state.exists() and fleets.read(state).position == 12)

    stream = Sensors(keys, samples, between)
    ns.run_fleet(fleet(), stream, state=state, snapshot_seconds=0.01, chunk=1)
    assert fleets.read(state).position == 20


def test_a_snapshot_is_taken_when_it_is_asked_for(state):
    keys, samples = sensors.rows(20)
    request = Request()

    def between(n):
        if n == 4:
            threading.Thread(target=request.ask).start()
            wait_until(lambda: state.exists() and fleets.read(state).position == 5)

    stream = Sensors(keys, samples, between)
    ns.run_fleet(fleet(), stream, state=state, snapshot_seconds=0, snapshot_samples=1000, request=request)
    assert fleets.read(state).position == 20


def test_a_full_disk_warns_and_the_next_snapshot_tries_again(rows, state, monkeypatch):
    opened, keys, samples = rows
    full, replace = [True, True, False], store.replace

    def sometimes(path, image, kind):
        if full and full.pop(0):
            raise StateError(f"state {path} must be writable, but writing failed: no space left")
        return replace(path, image, kind)

    monkeypatch.setattr(store, "replace", sometimes)
    with pytest.warns(ns.StorageWarning, match="no space left; learning goes on, and the next snapshot tries again"):
        report = ns.run_fleet(fleet(), opened(), state=state, snapshot_samples=100, snapshot_seconds=0)
    assert report.tally.written == 2
    assert sensors.hashes_of(ns.Fleet.load(state)) == sensors.alone(keys, samples)


def test_a_full_disk_at_the_end_is_an_error(rows, state, monkeypatch):
    opened, _, _ = rows
    chips = fleet()

    def full(path, image, kind):
        raise StateError("no space left")

    monkeypatch.setattr(store, "replace", full)
    with pytest.raises(StateError, match="no space left"):
        ns.run_fleet(chips, opened(), state=state, snapshot_seconds=0)
    assert chips.samples.sum() == 400
    assert not state.exists()


def test_one_run_at_a_time_has_the_file(rows, state):
    opened, _, _ = rows
    with store.claim(state, FLEET), pytest.raises(StateError, match="must be used by one run at a time"):
        ns.run_fleet(fleet(), opened(), state=state)


def test_what_is_no_stream_with_keys_is_refused(rows, tmp_path):
    opened, _, _ = rows
    with pytest.raises(ConfigError, match="stream must be one with keys, got 'digits'; open it by"):
        ns.run_fleet(fleet(), ns.open_stream("digits"))
    with pytest.raises(ConfigError, match="stream must be a Stream"):
        ns.run_fleet(fleet(), [1, 2])
    with pytest.raises(SampleError, match="must have 3 inputs, got 4"):
        ns.run_fleet(ns.Fleet(sensors.layers(), inputs=3), opened())
    with pytest.raises(ConfigError, match="chunk"):
        ns.run_fleet(fleet(), opened(), chunk=0)
    (tmp_path / "none.csv").write_text("")
    with pytest.raises(SampleError, match="must hold at least one sample"):
        ns.run_fleet(fleet(), Sensors([], np.zeros((0, 4)), None))


def test_a_worker_without_keys_writes_an_empty_state(tmp_path, state):
    (tmp_path / "rows.csv").write_text("pump-1,1,2\n" * 3)
    number = next(number for number in (1, 2) if not Worker(number, 2).has("pump-1"))
    chips = ns.Fleet(sensors.layers(3), inputs=2)
    stream = ns.open_stream(tmp_path / "rows.csv", key="0")
    report = ns.run_fleet(chips, stream, state=state, worker=Worker(number, 2))
    assert (report.samples, report.elsewhere) == (0, 3)
    assert ns.Fleet.load(state).keys == ()
    assert fleets.read(state).stream["worker"] == f"{number}/2"
