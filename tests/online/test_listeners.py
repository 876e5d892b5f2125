"""Who listens to a run hears of every learned sample once and in order, with what a loop over `learn_one` returns."""

import os
import threading
from io import BytesIO

import numpy as np
import pytest
from processes import wait_until

import neurosim as ns
from neurosim.chip.response import response_of
from neurosim.errors import ConfigError, SampleError
from neurosim.online.emission.emitter import Emitter
from neurosim.online.emission.output import Output
from neurosim.online.listener import Listeners, Wanted
from neurosim.online.request import Request
from neurosim.state import store
from neurosim.streams import ArrayStream, Block
from neurosim.streams.lines import LineStream

ALL, NONE = Wanted(True, True, True), Wanted()
WAYS = [
    {"chunk": "auto"}, {"chunk": 1}, {"chunk": 33}, {"chunk": 256},
    {"chunk": "auto", "threads": 2}, {"chunk": 7, "threads": 3}, {"chunk": 1, "threads": 2},
]  # fmt: skip
SOFT, RULE = ns.SoftWTA(temperature=0.5), ns.SoftHebb(rate=0.05)
CHIPS = {
    "one layer": ([ns.recipes.softhebb(12)], 64),
    "two layers": ([ns.recipes.softhebb(30, transmit=ns.ReLU(), window=3), ns.recipes.softhebb(12)], 64),
    "three": ([ns.recipes.softhebb(12, transmit=ns.ReLU()), *[ns.recipes.softhebb(9)] * 2], 64),
    "a window": ([ns.recipes.softhebb(12, window=8, transmit=ns.Triangle())], 64),
    "images": ([ns.ConvWTA(4, kernel=3, competition=SOFT, rule=RULE, pool=ns.MaxPool(size=2, stride=2)),
                ns.ConvWTA(3, kernel=3, competition=SOFT, rule=RULE, window=5)], (1, 8, 8)),
    "taught": ([ns.recipes.supervised_softhebb(10)], 64),
    "wide": ([ns.recipes.softhebb(8200)], 64),
}  # fmt: skip


class Heard:
    """Copies all that it is told."""

    def __init__(self, layer, wants=ALL):
        self.layer, self.wants, self.told = layer, wants, []

    def take(self, batch):
        first, results, labels, samples, nanoseconds = batch
        count = len(batch)
        assert batch.numbers.tolist() == [*range(first, first + count)]
        assert len(samples) == len(nanoseconds) == count > 0
        assert (nanoseconds > 0).all()
        response = response_of(self.layer, results)
        for i in range(count):
            kept = [np.array(array[i]) if flag else None for flag, array in zip(
                self.wants, (response.potentials, response.responses, response.output), strict=True)]  # fmt: skip
            label = None if labels is None else int(labels[i])
            self.told.append((first + i, int(response.winner[i]), label, np.array(samples[i]), *kept))


class Live(ns.Stream):
    """A source that writes each block where the last one lay, as a driver's buffer does."""

    name, length, replayable, labelled = "live", None, False, True

    def __init__(self, samples, labels, size=5):
        self.samples, self.labels, self.inputs, self.size = samples, labels, samples.shape[1], size

    def blocks(self, start=0, size=256):
        memory, numbers = np.zeros((self.size, self.inputs), np.float32), np.zeros(self.size, np.int64)
        for first in range(0, len(self.samples), self.size):
            rows = self.samples[first : first + self.size]
            memory[:] = numbers[:] = 0
            memory[: len(rows)], numbers[: len(rows)] = rows, self.labels[first : first + self.size]
            yield Block(memory[: len(rows)], numbers[: len(rows)])

    def arriving(self, start=0, size=256):
        return self.blocks()

    def fingerprint(self):
        return "live"


def chip_of(name):
    layers, inputs = CHIPS[name]
    return ns.Chip(layers, inputs=inputs, seed=3)


def one_by_one(chip, samples, labels, numbers=None):
    """Return what a loop over `learn_one` says of each sample."""
    told = []
    for number, x, label in zip(range(len(samples)) if numbers is None else numbers, samples, labels, strict=True):
        found = chip.learn_one(x, int(label))
        told.append((number, found.winner, int(label), x, found.potentials, found.responses, found.output))
    return told


def same(one, other, wants=ALL):
    assert [each[:3] for each in one] == [each[:3] for each in other]
    for here, there in zip(one, other, strict=True):
        for mine, its, wanted in zip(here[3:], there[3:], (True, *wants), strict=True):
            assert not wanted or (mine.shape == its.shape and mine.tobytes() == its.tobytes())


@pytest.fixture(scope="module")
def labels():
    return next(ns.open_stream("digits").blocks(size=300)).labels


@pytest.mark.parametrize("name", CHIPS)
def test_everything_is_heard_as_a_loop_over_samples_hears_it(name, samples, labels):
    count, ways = (40, [WAYS[0], WAYS[4]]) if name == "wide" else (150, WAYS)
    samples, labels = samples[:count], labels[:count]
    twin = chip_of(name)
    wanted = one_by_one(twin, samples, labels)
    for way in ways:
        for stream in (ArrayStream(samples, labels), Live(samples, labels)):
            chip = chip_of(name)
            heard = Heard(chip.layers[-1])
            ns.run(chip, stream, listener=heard, **way)
            assert chip.state_sha256 == twin.state_sha256
            same(heard.told, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS[:2])
def test_on_a_device_too(way, samples, labels):
    layers = [ns.recipes.softhebb(5, transmit=ns.ReLU()), ns.recipes.softhebb(3, transmit=ns.ReLU())]
    rows, twin = samples[:4, :9], ns.Chip(layers, inputs=9, seed=3)
    chip = ns.Chip(layers, inputs=9, seed=3, device="cuda")
    heard = Heard(chip.layers[-1])
    ns.run(chip, ArrayStream(rows, labels[:4]), listener=heard, **way)
    same(heard.told, one_by_one(twin, rows, labels[:4]))


@pytest.mark.parametrize("wants", [NONE, Wanted(potentials=True), Wanted(responses=True), Wanted(outputs=True)])
@pytest.mark.parametrize("way", WAYS[:3])
def test_what_is_not_wanted_changes_nothing(wants, way, samples, labels):
    chip, twin = chip_of("two layers"), chip_of("two layers")
    heard = Heard(chip.layers[-1], wants)
    ns.run(chip, ArrayStream(samples[:100], labels[:100]), listener=heard, **way)
    same(heard.told, one_by_one(twin, samples[:100], labels[:100]), wants)
    assert chip.state_sha256 == twin.state_sha256


@pytest.mark.parametrize("way", WAYS)
def test_samples_that_are_passed_over_count_and_are_not_heard_of(way, samples, labels):
    bad, wrong = samples[:100].copy(), labels[:100].copy()
    bad[[0, 5, 6, 40, 99], 3] = np.nan
    wrong[[5, 77, 78]] = 10
    good = np.delete(np.arange(100), [0, 5, 6, 40, 77, 78, 99])
    chip = chip_of("taught")
    heard = Heard(chip.layers[-1])
    report = ns.run(chip, ArrayStream(bad, wrong), skip_bad=True, listener=heard, **way)
    same(heard.told, one_by_one(chip_of("taught"), samples[good], labels[good], good.tolist()))
    assert report.refused == 7


@pytest.mark.parametrize("way", WAYS)
def test_an_error_of_the_stream_comes_after_all_samples_before(way, samples, labels):
    bad = samples[:100].copy()
    bad[77, 3] = np.nan
    chip = chip_of("two layers")
    heard = Heard(chip.layers[-1])
    with pytest.raises(ns.SampleError, match="sample 77"):
        ns.run(chip, ArrayStream(bad, labels[:100]), listener=heard, **way)
    same(heard.told, one_by_one(chip_of("two layers"), samples[:77], labels[:77]))


def test_samples_without_labels(samples):
    chip = chip_of("one layer")
    heard = Heard(chip.layers[-1])
    ns.run(chip, ArrayStream(samples[:20]), listener=heard)
    ns.run(chip, iter(samples[:20]), listener=heard)
    assert [told[0] for told in heard.told] == [*range(20)] * 2
    assert {told[2] for told in heard.told} == {None}


@pytest.mark.parametrize("way", WAYS)
def test_a_window_that_waits_is_heard_of_whole(way, samples, labels):
    layers = [
        ns.ConvWTA(4, kernel=3, competition=SOFT, rule=RULE, window=4, answers="window", normalise="window"),
        ns.ConvWTA(3, kernel=3, competition=SOFT, rule=RULE),
    ]
    chip, twin = (ns.Chip(layers, inputs=(1, 8, 8), seed=3) for _ in "12")
    heard = Heard(chip.layers[-1])
    ns.run(chip, ArrayStream(samples[:40], labels[:40]), listener=heard, **way)
    twin.learn(samples[:40])
    assert chip.state_sha256 == twin.state_sha256
    assert [told[:1] + told[2:3] for told in heard.told] == [(i, int(labels[i])) for i in range(40)]
    sums = np.bincount([told[1] for told in heard.told], minlength=3)
    assert sums.sum() == 40


@pytest.mark.parametrize("chunk", [1, "auto"])
def test_outputs_of_a_last_layer_that_answers_at_its_windows_end_are_refused(chunk, samples):
    layer = ns.ConvWTA(4, kernel=3, competition=SOFT, rule=RULE, window=4, answers="window", normalise="window")
    chip = ns.Chip([layer], inputs=(1, 8, 8))
    with pytest.raises(ns.ConfigError, match=r"outputs must be left out .*answers='window'"):
        ns.run(chip, ArrayStream(samples), listener=Heard(chip.layers[-1]), chunk=chunk)
    ns.run(chip, ArrayStream(samples[:8]), listener=Heard(chip.layers[-1], Wanted(True, True)), chunk=chunk)


def test_constants_that_change_amid_the_run(samples, labels):
    twin = chip_of("one layer")
    wanted = one_by_one(twin, samples[:31], labels[:31])
    twin = twin.with_constants(rate=0.2)
    wanted += one_by_one(twin, samples[31:60], labels[31:60], range(31, 60))
    chip = chip_of("one layer")
    heard = Heard(chip.layers[-1])
    ns.run(chip, ArrayStream(samples[:60], labels[:60]), listener=heard, edits=twin.changes)
    same(heard.told, wanted)


class Falls(Heard):
    """Fails at a sample."""

    def take(self, batch):
        super().take(batch)
        if len(self.told) >= 30:
            raise OSError("nobody listens")


@pytest.mark.parametrize("way", WAYS)
def test_a_listener_that_fails_leaves_a_whole_chip_and_its_state(way, samples, labels, tmp_path):
    bad, state = samples.copy(), tmp_path / "chip.h5"
    bad[3, 3] = np.nan  # so that a chunk goes in pieces
    chip = chip_of("two layers")
    heard = Falls(chip.layers[-1])
    with pytest.raises(OSError, match="nobody listens"):
        ns.run(chip, Live(bad, labels, 60), listener=heard, skip_bad=True, state=state, **way)
    kept = ns.Chip.load(state)
    assert kept.state_sha256 == chip.state_sha256
    assert len(heard.told) <= kept.samples < 299
    good = np.delete(np.arange(300), 3)[: kept.samples]
    assert kept.state_sha256 == chip_of("two layers").learn(samples[good], labels=labels[good]).state_sha256


def test_nothing_is_under_way_while_a_pipe_is_waited_for():
    reading, writing = os.pipe()
    rows = np.random.default_rng(0).integers(1, 9, (40, 2))
    chip = ns.Chip([ns.recipes.softhebb(5), ns.recipes.softhebb(4)], inputs=2)
    heard, rested = Heard(chip.layers[-1]), []

    class Rests:
        wants = NONE

        def take(self, batch):
            pass

        def rest(self, waiting):
            rested.append((waiting, len(heard.told)))

    def write():
        try:
            for number, row in enumerate(rows, 1):
                os.write(writing, b"%d,%d\n" % tuple(row))
                wait_until(lambda number=number: rested[-1:] == [(True, number)])
                written.append(number)
        finally:
            os.close(writing)

    written = []
    with os.fdopen(reading, "rb") as pipe:
        stream = LineStream("-", lambda: pipe, inputs=2, replayable=False)
        writer = threading.Thread(target=write)
        writer.start()
        ns.run(chip, stream, listener=Listeners([heard, Rests()]), threads=2)
        writer.join()
    assert written == list(range(1, 41))
    assert [told[0] for told in heard.told] == list(range(40))


def test_listeners_together_want_what_one_of_them_wants():
    class Wants:
        def __init__(self, *wants):
            self.wants = Wanted(*wants)

        def take(self, batch):
            raise AssertionError

    together = Listeners([Wants(True), Wants(False, False, True), Wants()])
    assert together.wants == Wanted(True, False, True)
    together.rest(True)


def test_one_that_would_count_each_sample_twice_is_refused(samples):
    chip = ns.Chip([ns.recipes.softhebb(5)], inputs=samples.shape[1])
    novelty = ns.Novelty(chip)
    for listeners in ([novelty, novelty], [Listeners([novelty]), novelty]):
        with pytest.raises(ConfigError, match="must be told once of each sample, got 'Novelty twice'"):
            Listeners(listeners)
    with pytest.raises(ConfigError, match="novelty=, too, makes it a listener"):
        next(ns.watch(chip, ArrayStream(samples), novelty=novelty, listener=novelty))
    assert chip.samples == 0


class Fails:
    """A listener that fails after so many samples."""

    wants = Wanted()

    def __init__(self, after):
        self.after = after

    def take(self, batch):
        if batch.first >= self.after:
            raise ZeroDivisionError


@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize("threads", [1, 3])
def test_when_a_listener_fails_companions_are_kept_as_far_as_the_chip_is(threads, turn, samples, tmp_path):
    chip, state = chip_of("two layers"), tmp_path / "chip.h5"
    novelty = ns.Novelty(chip)
    with pytest.raises(ZeroDivisionError):
        ns.run(
            chip, ArrayStream(samples[:200]), chunk=10, threads=threads, state=state, companions=[novelty],
            listener=Listeners([novelty, Fails(100)][::turn]),
        )  # fmt: skip
    kept = store.read(state)
    twin = chip_of("two layers")
    whole = ns.Novelty(twin)
    ns.run(twin, ArrayStream(samples[: kept.position]), listener=whole)
    assert 110 <= kept.position < 200
    assert int(kept.beside["novelty"]["scored"][0]) == kept.position
    assert all((kept.beside["novelty"][name] == array).all() for name, array in whole.arrays(0).items())


def test_a_snapshot_while_the_stream_is_late_comes_after_a_rest(samples, tmp_path):
    state, request, rested, before = tmp_path / "chip.h5", Request(), [], []

    class Late(Live):
        def blocks(self, start=0, size=256):
            yield Block(self.samples[:5], None)
            request.ask()
            wait_until(state.exists)
            before.extend(rested)
            yield Block(self.samples[5:], None)

        def waits(self):
            return False  # as a pipe says that has a line, whose sample may take a while all the same

    class Rests:
        wants = NONE

        def take(self, *_):
            rested.append("took")

        def rest(self, waiting):
            rested.append(waiting)

    ns.run(chip_of("one layer"), Late(samples[:10], None), state=state, request=request, listener=Rests())
    assert before[-3:] == ["took", False, True]


def test_a_companion_that_fails_is_not_kept_behind_its_chip(samples, tmp_path):
    state = tmp_path / "chip.h5"

    class Counts(Fails):
        name, count = "counts", 0

        def take(self, batch):
            super().take(batch)
            self.count += len(batch)

        def arrays(self, taken):
            return {"count": np.array([self.count])}

    counts = Counts(100)
    with pytest.raises(ZeroDivisionError):
        ns.run(
            chip_of("one layer"), ArrayStream(samples[:200]), chunk=10, state=state, listener=counts,
            companions=[counts], snapshot_samples=50,
        )  # fmt: skip
    kept = store.read(state)
    assert kept.position == int(kept.beside["counts"]["count"][0]) == 100


def test_a_companion_whose_teller_fails_is_not_kept_behind_its_chip(samples, tmp_path):
    state, labels = tmp_path / "chip.h5", np.zeros(len(samples), np.int64)
    labels[100] = 1 << 20  # one that no table has room for
    chip, stream = chip_of("one layer"), ArrayStream(samples[:200], labels[:200])
    emitter = Emitter(chip, stream, ["predicted"], "csv", Output(BytesIO()))
    with pytest.raises(SampleError, match="labels must be below"):
        ns.run(chip, stream, chunk=10, state=state, listener=emitter, companions=emitter.companions,
               snapshot_samples=50)  # fmt: skip
    kept = store.read(state)
    assert kept.position == int(kept.beside["prequential"]["taken"][0]) == 100


def test_listeners_within_listeners_fail_alone(samples):
    chip = chip_of("one layer")
    novelty = ns.Novelty(chip)
    together = Listeners([Listeners([Fails(0), novelty]), Fails(0)])
    with pytest.raises(ZeroDivisionError):
        ns.run(chip, ArrayStream(samples[:10]), chunk=10, listener=together)
    assert len(novelty.scores) == 10
