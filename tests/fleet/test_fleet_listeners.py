"""Who listens to a fleet's run hears of every learned sample, with its key and what a loop over `learn_one` returns."""

import numpy as np
import pytest
import sensors
from processes import wait_until

import neurosim as ns
from neurosim.errors import ConfigError, DivergedError, SampleError, StreamError
from neurosim.fleet import store as fleets
from neurosim.fleet.hearing import Wanted
from neurosim.fleet.workers import Worker
from neurosim.online.listener import Listeners
from neurosim.streams.keyed import KeyedBlock

ALL, NONE = Wanted(True, True, True), Wanted()


class Sensors(ns.streams.Stream):
    """Samples with keys and labels, some in a block, and in between something that happens."""

    name, inputs, length, labelled, keyed = "sensors", sensors.INPUTS, None, True, True

    def __init__(self, keys, samples, labels=None, size=5, between=lambda _: None):
        self._rows, self._size, self._between = (keys, samples, labels), size, between

    def blocks(self, start=0, size=256):
        keys, samples, labels = self._rows
        for n in range(start, len(keys), self._size):
            some = slice(n, n + self._size)
            numbers = None if labels is None else labels[some]
            yield KeyedBlock(samples[some].astype(np.float32), numbers, keys[some])
            self._between(n)

    def arriving(self, start=0, size=256):
        return self.blocks(start)

    def fingerprint(self):
        return "sensors"


class Heard:
    """Copies all that it is told, and keeps the number of samples of each chip."""

    name = "heard"

    def __init__(self, wants=ALL, fails_at=None):
        self.wants, self.told, self.counts, self._fails_at = wants, [], {}, fails_at

    def take(self, batch):
        results, count = batch.results, len(batch)
        assert len(batch.keys) == len(batch.chips) == len(batch.samples) == len(results.winners) == count > 0
        assert len(set(batch.nanoseconds.tolist())) == 1
        assert batch.nanoseconds[0] > 0
        arrays = results.potentials, results.responses, results.outputs
        assert [len(array) for array, wanted in zip(arrays, self.wants, strict=True) if not wanted] \
            == [0] * (3 - sum(self.wants))  # fmt: skip
        for i in range(count):
            label = None if batch.labels is None else int(batch.labels[i])
            kept = [array[i].copy() if wanted else None for array, wanted in zip(arrays, self.wants, strict=True)]
            number, chip = int(batch.numbers[i]), int(batch.chips[i])
            self.told.append((number, batch.keys[i], int(results.winners[i]), label, batch.samples[i].copy(), *kept))
            self.counts[chip] = self.counts.get(chip, 0) + 1
            if number == self._fails_at:
                raise ZeroDivisionError("by zero")

    def arrays(self, taken):
        return {"counts": np.array([self.counts[chip] for chip in range(len(self.counts))], np.int64)}

    def restore(self, arrays):
        self.counts = dict(enumerate(arrays["counts"].tolist()))


def fleet_of(*neurons, **options):
    return ns.Fleet(sensors.layers(*neurons), inputs=sensors.INPUTS, seed=3, **options)


def one_by_one(keys, samples, labels, numbers, *neurons):
    """Return what a loop over `Fleet.learn_one` says of some samples, by their numbers."""
    chips, told = fleet_of(*neurons), []
    for n in numbers:
        x = samples[n].astype(np.float32)
        found = chips.learn_one(keys[n], x)
        label = None if labels is None else int(labels[n])
        told.append((n, keys[n], int(found.winner), label, x, found.potentials, found.responses, found.output))
    return told


def same(one, other, wants=ALL):
    assert [each[:4] for each in one] == [each[:4] for each in other]
    for here, there in zip(one, other, strict=True):
        for mine, its, wanted in zip(here[4:], there[4:], (True, *wants), strict=True):
            assert (mine is None) if not wanted else mine.tobytes() == np.ascontiguousarray(its).tobytes()


@pytest.mark.parametrize("way", [{"chunk": "auto"}, {"chunk": 1}, {"chunk": 33}, {"chunk": 400}])
@pytest.mark.parametrize(("neurons", "threads"), [((5,), 1), ((6, 3), 1), ((6, 3), 2)])
def test_everything_is_heard_as_a_loop_over_samples_hears_it(way, neurons, threads):
    keys, samples = sensors.rows(150)
    labels = np.arange(150) % 3 - 1
    heard, chips = Heard(), fleet_of(*neurons, threads=threads)
    ns.run_fleet(chips, Sensors(keys, samples, labels, size=40), listener=heard, **way)
    same(heard.told, one_by_one(keys, samples, labels, range(150), *neurons))
    assert sensors.hashes_of(chips) == sensors.alone(keys, samples, *neurons, seed=3)
    assert heard.counts == {place: keys.count(key) for place, key in enumerate(chips.keys)}


@pytest.mark.parametrize("wants", [NONE, Wanted(potentials=True), Wanted(responses=True), Wanted(outputs=True)])
def test_no_more_is_kept_than_is_wanted(wants):
    keys, samples = sensors.rows(60)
    heard = Heard(wants)
    ns.run_fleet(fleet_of(), Sensors(keys, samples), listener=heard)
    same(heard.told, one_by_one(keys, samples, None, range(60)), wants)


@pytest.mark.parametrize("worker", [Worker(), Worker(1, 2), Worker(2, 2)])
@pytest.mark.parametrize("chunk", [1, 17, 500])
def test_what_was_passed_over_is_not_told_and_numbers_say_so(worker, chunk):
    keys, samples = sensors.rows(300, sensors=12)
    samples[[3, 50, 51, 299], 1] = -1
    own = [n for n in range(300) if worker.has(keys[n])]
    good = [n for n in own if (samples[n] >= 0).all()]
    order = list(dict.fromkeys(keys[n] for n in good))[:4]
    taken = [n for n in good if keys[n] in order]
    heard = Heard()
    stream = Sensors(keys, samples, size=300)
    report = ns.run_fleet(
        fleet_of(capacity=4), stream, listener=heard, worker=worker, chunk=chunk, skip_bad=True, start=0
    )
    same(heard.told, one_by_one(keys, samples, None, taken))
    assert (report.samples, report.elsewhere) == (len(taken), 300 - len(own))
    assert report.refused == len(own) - len(taken)
    assert report.beyond == sum(keys[n] not in order for n in own)


@pytest.mark.parametrize("chunk", [1, 40, 300])
def test_all_before_a_bad_sample_is_told_and_kept(tmp_path, chunk):
    keys, samples = sensors.rows(200)
    samples[120, 2] = np.nan
    heard, state = Heard(), tmp_path / "fleet.h5"
    with pytest.raises(SampleError, match="sample 120"):
        ns.run_fleet(fleet_of(), Sensors(keys, samples, size=200), listener=heard, companions=[heard], chunk=chunk,
                     state=state)  # fmt: skip
    same(heard.told, one_by_one(keys, samples, None, range(120)))
    kept, chips = fleets.read(state), ns.Fleet.load(state)
    assert kept.position == 120
    assert kept.beside["heard"]["counts"].tolist() == chips.samples.tolist()


def test_a_companion_keeps_a_row_a_chip_and_goes_on_with_the_fleet(tmp_path):
    keys, samples = sensors.rows(90)
    state, stream = tmp_path / "fleet.h5", Sensors(keys, samples, between=lambda n: check(n))
    rows = []

    def check(n):
        if n and state.exists():
            kept = fleets.read(state)  # once: a thread writes the next one meanwhile
            chips = ns.Fleet.of(kept, state)
            assert kept.beside["heard"]["counts"].tolist() == chips.samples.tolist()
            rows.append(kept.position)

    whole = Heard()
    ns.run_fleet(fleet_of(), stream, listener=whole, companions=[whole], state=state, snapshot_samples=20,
                 snapshot_seconds=0)  # fmt: skip
    assert len(set(rows)) > 2
    state.unlink()
    first = Heard()
    ns.run_fleet(fleet_of(), Sensors(keys[:50], samples[:50]), listener=first, companions=[first], state=state)
    chips, second = ns.Fleet.load(state), Heard()
    position = fleets.restore(state, stream, [second])
    ns.run_fleet(chips, stream, start=position, listener=second, companions=[second], state=state)
    assert second.counts == whole.counts
    same(first.told + [(number + 50, *rest) for number, *rest in second.told], whole.told)


def test_a_snapshot_while_the_stream_is_waited_for_has_companions_of_the_same_sample(tmp_path):
    keys, samples = sensors.rows(30)
    state, heard, seen = tmp_path / "fleet.h5", Heard(), []

    def between(n):
        if n == 15:
            wait_until(lambda: state.exists() and fleets.read(state).position == 20)
            seen.append((fleets.read(state).beside["heard"]["counts"].sum(), ns.Fleet.load(state).samples.sum()))

    ns.run_fleet(fleet_of(), Sensors(keys, samples, between=between), listener=heard, companions=[heard], state=state,
                 snapshot_seconds=0.01)  # fmt: skip
    assert seen == [(20, 20)]


def test_a_listener_that_fails_leaves_the_fleet_whole_and_others_hear_on(tmp_path):
    keys, samples = sensors.rows(100)
    state, chips, one, other = tmp_path / "fleet.h5", fleet_of(), Heard(fails_at=42), Heard()
    with pytest.raises(ZeroDivisionError, match="by zero"):
        ns.run_fleet(chips, Sensors(keys, samples, size=100), listener=Listeners([one, other]),
                     companions=[other], chunk=10, state=state)  # fmt: skip
    assert (len(one.told), len(other.told)) == (43, 50)
    assert sensors.hashes_of(chips) == sensors.alone(keys[:50], samples[:50], seed=3)
    assert fleets.read(state).position == 50
    assert fleets.read(state).beside["heard"]["counts"].tolist() == chips.samples.tolist()


def test_a_companion_that_fails_leaves_the_snapshot_before(tmp_path):
    keys, samples = sensors.rows(100)
    state, heard = tmp_path / "fleet.h5", Heard(fails_at=42)
    with pytest.raises(ZeroDivisionError):
        ns.run_fleet(fleet_of(), Sensors(keys, samples, size=100), listener=heard, companions=[heard], chunk=10,
                     snapshot_samples=20, snapshot_seconds=0, state=state)  # fmt: skip
    assert fleets.read(state).position == 40
    assert fleets.read(state).beside["heard"]["counts"].sum() == 40


def test_chips_that_only_respond():
    keys, samples = sensors.rows(80)
    chips = fleet_of().learn(keys, samples)
    before, heard = chips.state_sha256(keys[0]), Heard()
    report = ns.run_fleet(chips, Sensors(keys, samples), listener=heard, learning=False)
    wanted = chips.respond(keys, samples)
    assert report.samples == 80
    assert [row[2] for row in heard.told] == wanted.winner.tolist()
    assert np.array([row[6] for row in heard.told]).tobytes() == wanted.responses.tobytes()
    assert chips.state_sha256(keys[0]) == before
    assert chips.samples.sum() == 80
    strange = Sensors([*keys[:9], "x", *keys[9:]], np.insert(samples, 9, 1, axis=0))
    with pytest.raises(SampleError, match="sample 9: key must be one of the fleet's 7, got 'x'"):
        ns.run_fleet(chips, strange, listener=Heard(), learning=False)
    heard = Heard()
    report = ns.run_fleet(chips, strange, listener=heard, learning=False, skip_bad=True)
    assert (report.samples, report.refused, report.beyond) == (80, 1, 1)
    assert [row[0] for row in heard.told] == [n for n in range(81) if n != 9]
    assert len(chips) == 7


def test_a_stream_that_fails_is_told_up_to_there():
    keys, samples = sensors.rows(60)

    def between(n):
        if n == 30:
            raise StreamError("the cable is cut")

    heard = Heard()
    with pytest.raises(StreamError):
        ns.run_fleet(fleet_of(), Sensors(keys, samples, between=between), listener=heard)
    same(heard.told, one_by_one(keys, samples, None, range(35)))


class Made:
    """Was made for a fleet."""

    name, wants = "made", NONE

    def __init__(self, fleet):
        self._fleet = fleet

    def take(self, batch):
        pass

    def arrays(self, taken):
        return {}

    def check_fleet(self, fleet):
        if fleet is not self._fleet:
            raise ConfigError("made", "of this fleet", "another")


def test_what_cannot_listen_is_refused_before_the_run(tmp_path):
    keys, samples = sensors.rows(20)
    chips, stream = fleet_of(), Sensors(keys, samples)
    for listener in (Made(fleet_of()), Listeners([Made(chips), Made(fleet_of())])):
        with pytest.raises(ConfigError, match="made must be of this fleet"):
            ns.run_fleet(chips, stream, listener=listener)
    with pytest.raises(ConfigError, match="made must be of this fleet"):
        ns.run_fleet(chips, stream, companions=[Made(fleet_of())])
    chip = ns.Chip(sensors.layers(), inputs=4)
    for listener in (ns.Novelty(chip), Listeners([Heard(), ns.Novelty(chip)])):
        with pytest.raises(ConfigError, match="listener must be of a fleet's samples"):
            ns.run_fleet(chips, stream, listener=listener)
    with pytest.raises(ConfigError, match="listener must be of a chip's samples, got 'FleetNovelty'"):
        ns.run(chip, samples, listener=ns.FleetNovelty(chips))
    with pytest.raises(ConfigError, match="listener must be a KeyedListener"):
        ns.run_fleet(chips, stream, listener=print)
    of_two, none = Heard(), Heard(("winner",))
    of_two.take = lambda winners, labels: None
    with pytest.raises(ConfigError, match=r"take of the listener Heard must be take\(batch\), which is called with"):
        ns.run_fleet(chips, stream, listener=of_two)
    for run in (ns.run_fleet, ns.watch_fleet):
        with pytest.raises(
            ConfigError, match=r"wants of a listener must be a Wanted, got \('winner',\); write wants ="
        ):
            run(chips, stream, listener=none)
    with pytest.raises(ConfigError, match=r"companions must be a sequence of Companions.*got \['int'\]"):
        ns.run_fleet(chips, stream, companions=[1])
    stream.length = 20
    with pytest.raises(ConfigError, match="start must be at most the stream's length, 20, got 21"):
        ns.run_fleet(chips, stream, start=21)
    with pytest.raises(ConfigError, match="state must be None where chips only respond"):
        ns.run_fleet(chips, stream, learning=False, state=tmp_path / "a.h5")
    heard = Heard()
    heard.name = "fleet"
    with pytest.raises(ConfigError, match="other names than that of the fleet's own group"):
        ns.run_fleet(chips, stream, companions=[heard])
    with pytest.raises(ConfigError, match="companions must be of different names"):
        ns.run_fleet(chips, stream, companions=[Heard(), Heard()], state=tmp_path / "a.h5")
    assert len(chips) == 0
    ns.run_fleet(chips, stream, listener=Made(chips))


def test_a_chip_that_diverges_is_told_up_to_there():
    keys, samples = sensors.rows(100)
    samples *= 1e-3
    samples[57] = 1e3
    layers = [ns.recipes.softhebb(6, normalise="none", transmit=ns.Triangle(power=60)), ns.recipes.softhebb(3)]
    heard = Heard()
    with pytest.raises(DivergedError):
        ns.run_fleet(ns.Fleet(layers, inputs=4), Sensors(keys, samples, size=100), chunk=5, listener=heard)
    assert [row[0] for row in heard.told] == [n for n in range(60) if n < 57 or keys[n] != keys[57]]


def test_a_listener_may_change_its_list_of_keys(tmp_path):
    class Taking:
        wants = NONE

        def take(self, batch):
            batch.keys.pop()

    samples = np.random.default_rng(0).random((20, sensors.INPUTS), np.float32)
    fleet = ns.Fleet([ns.recipes.softhebb(3)], inputs=sensors.INPUTS)
    report = ns.run_fleet(fleet, Sensors(["a", "b"] * 10, samples), listener=Taking(), state=tmp_path / "fleet.h5")
    assert report.samples == report.stream_position == fleets.read(tmp_path / "fleet.h5").position == 20
