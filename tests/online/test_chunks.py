"""Samples taken together: whatever has arrived, without waiting for more, and the bits are those of one by one."""

import os
import threading
import warnings

import numpy as np
import pytest
from processes import wait_until

import neurosim as ns
from neurosim.chip.pipeline import Pipeline
from neurosim.online.pace import Pace
from neurosim.streams import ArrayStream, Block
from neurosim.streams.lines import LineStream


@ns.rule
def own_instar(response, rate):
    return 1 - rate * response, rate * response


WAYS = [{"chunk": 1}, {"chunk": "auto"}, {"chunk": 256}, {"chunk": "auto", "threads": 2}, {"chunk": 1, "threads": 2}]
SOFT, RULE = ns.SoftWTA(temperature=0.5), ns.SoftHebb(rate=0.05)
CHIPS = {
    "several layers": ([ns.recipes.softhebb(30, transmit=ns.ReLU(), window=3), ns.recipes.softhebb(12)], 64),
    "images": ([ns.ConvWTA(4, kernel=3, competition=SOFT, rule=RULE, pool=ns.MaxPool(size=2, stride=2)),
                ns.recipes.softhebb(7)], (1, 8, 8)),
    "corrected": ([ns.recipes.supervised_softhebb(10)], 64),
    "own rule": ([ns.DenseWTA(9, competition=SOFT, rule=own_instar(rate=0.05))], 64),
    "few bits": ([ns.recipes.softhebb(20, weight_bits=4), ns.recipes.softhebb(5)], 64),
    "wide": ([ns.recipes.softhebb(8200)], 64),  # which threads share
    "no instruments": ([ns.recipes.softhebb(9, instruments=False)], 64),
}  # fmt: skip


def chip_of(name):
    layers, inputs = CHIPS[name]
    return ns.Chip(layers, inputs=inputs, seed=3)


@pytest.fixture(scope="module")
def labels():
    return next(ns.open_stream("digits").blocks(size=300)).labels


class Live(ns.Stream):
    """A sensor of groups of samples: a group has arrived when the one before has been learned."""

    name, length, replayable = "live", None, False

    def __init__(self, samples, labels, ends):
        self.samples, self.labels, self.ends, self.asked = samples, labels, ends, []
        self.inputs, self.labelled = samples.shape[1], labels is not None

    def blocks(self, start=0, size=256):
        raise AssertionError("would wait for all of a block")

    def arriving(self, start=0, size=lambda: 256):
        for first, end in zip((start, *self.ends), (*self.ends, len(self.samples)), strict=True):
            while first < end:
                self.asked.append(size())
                rows = slice(first, min(end, first + self.asked[-1]))
                yield Block(self.samples[rows], None if self.labels is None else self.labels[rows])
                first = rows.stop

    def fingerprint(self):
        return "live"


@pytest.mark.parametrize("name", CHIPS)
def test_the_bits_do_not_depend_on_what_is_taken_together(name, samples, labels):
    wanted = chip_of(name)
    for x, label in zip(samples, labels, strict=True):
        wanted.learn_one(x, int(label))
    for way in WAYS:
        chip = chip_of(name)
        report = ns.run(chip, ArrayStream(samples, labels), **way)
        assert chip.state_sha256 == wanted.state_sha256, way
        for one, other in zip(chip.layers, wanted.layers, strict=True):
            assert one.records.tobytes() == other.records.tobytes()
        assert report.latencies.counts.sum() == report.samples == 300
    live = chip_of(name)
    ns.run(live, Live(samples, labels, (1, 2, 5, 100, 101)))
    assert live.state_sha256 == wanted.state_sha256


def test_on_a_device_too(samples, labels):
    layers = [ns.recipes.softhebb(5, transmit=ns.ReLU()), ns.recipes.softhebb(3)]
    found = set()
    for device, way in (("cpu", {}), ("cuda", {"chunk": 2})):
        chip = ns.Chip(layers, inputs=9, seed=3, device=device)
        report = ns.run(chip, ArrayStream(samples[:3, :9], labels[:3]), **way)
        found.add(chip.state_sha256)
        assert report.latencies.counts.sum() == 3
    assert len(found) == 1


def test_what_has_arrived_is_learned_before_more_is_waited_for(make_chip, samples):
    chip, learned, given = make_chip(9), [], [0]

    class Watched(Live):
        def arriving(self, start=0, size=lambda: 256):
            for block in super().arriving(start, size):
                learned.append(chip.samples)
                yield block
                given.append(given[-1] + len(block.samples))

    ns.run(chip, Watched(samples[:20], None, (1, 2, 12)))
    assert [*learned, 20] == given


def test_a_line_of_a_pipe_is_learned_when_it_arrives_and_its_beginning_alone_is_not(make_chip, tmp_path):
    reading, writing = os.pipe()
    chip, seen = make_chip(5, inputs=2), []

    def write():
        for text, learned in (("1,2\n", 1), ("2,", 1), ("1\n3,4\n4,3\n5,", 4), ("6\n", 5)):
            os.write(writing, text.encode())
            wait_until(lambda learned=learned: chip.samples == learned)
            seen.append(chip.samples)
        os.close(writing)

    with os.fdopen(reading, "rb") as pipe:
        stream = LineStream("-", lambda: pipe, inputs=2, replayable=False)
        writer = threading.Thread(target=write)
        writer.start()
        report = ns.run(chip, stream)
        writer.join()
    assert seen == [1, 1, 4, 5]
    assert report.samples == 5


def test_a_run_that_is_stopped_loses_no_line_of_a_pipe(make_chip):
    reading, writing = os.pipe()
    rows = np.random.default_rng(0).integers(0, 9, (200, 2))
    os.write(writing, b"".join(b"%d,%d\n" % tuple(row) for row in rows))
    os.close(writing)
    chip, counts = make_chip(5, inputs=2), []
    with os.fdopen(reading, "rb") as pipe:
        stream = LineStream("-", lambda: pipe, inputs=2, replayable=False)
        while sum(counts) < 200:
            counts.append(ns.run(chip, stream, stop=lambda: chip.samples % 7 == 3).samples)
    assert len(counts) > 1
    assert chip.state_sha256 == make_chip(5, inputs=2).learn(rows.astype(np.float32)).state_sha256


def test_a_generator_gives_one_sample_at_a_time(make_chip, samples):
    chip, seen = make_chip(9), []

    def items():
        for x in samples[:30]:
            seen.append(chip.samples)
            yield x

    ns.run(chip, items())
    assert seen == list(range(30))


def test_a_block_is_asked_for_by_the_pace(make_chip, samples, monkeypatch):
    monkeypatch.setattr(Pace, "note", lambda pace, *_: setattr(pace, "size", 5))
    stream, counts = Live(samples[:21], None, (21,)), []
    ns.run(make_chip(9), stream, watch=lambda report: counts.append(report.samples))
    assert stream.asked == [1, 5, 5, 5, 5]
    assert counts == [1, 6, 11, 16, 21]


def test_a_block_at_hand_is_cut_by_the_pace_and_ends_where_it_is_told(make_chip, samples, monkeypatch):
    sizes = iter([2, 4, 50, 100, 100, 100])
    monkeypatch.setattr(Pace, "note", lambda pace, *_: setattr(pace, "size", next(sizes)))
    chip, counts = make_chip(9), []
    report = ns.run(chip, ArrayStream(samples), watch=lambda report: counts.append(report.samples),
                    stop=lambda: counts[-1] > 50)  # fmt: skip
    assert counts == [1, 3, 7, 57]
    assert (report.samples, report.interrupted) == (57, True)
    assert chip.state_sha256 == make_chip(9).learn(samples[:57]).state_sha256


def test_the_pace_gets_the_time_of_each_chunk(make_chip, samples, monkeypatch):
    now, noted = iter(range(0, 10**9, 1000)), []
    monkeypatch.setattr("neurosim.online.loop.time.perf_counter_ns", lambda: next(now))
    monkeypatch.setattr(Pace, "note", lambda _, *told: noted.append(told))
    ns.run(make_chip(9), ArrayStream(samples[:3]))
    assert noted == [(1, 1000)] * 3


@pytest.mark.parametrize("chunk", ["auto", 1, 33, 256])
def test_snapshots_by_samples_fall_where_they_fall_one_by_one(make_chip, samples, tmp_path, chunk):
    written, state = [], tmp_path / "chip.h5"
    take = ns.online.snapshots.Snapshots.take

    def note(self, taken, position):
        written.append(position)
        take(self, taken, position)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ns.online.snapshots.Snapshots, "take", note)
        stream = ArrayStream(samples)
        ns.run(make_chip(9), stream, state=state, snapshot_samples=70, snapshot_seconds=0, chunk=chunk)
    assert written == [70, 140, 210, 280]


@pytest.mark.parametrize("way", WAYS)
def test_an_error_amid_a_chunk_keeps_what_was_learned_before(make_chip, samples, tmp_path, way):
    bad = samples.copy()
    bad[123, 3] = np.nan
    state = tmp_path / "chip.h5"
    with pytest.raises(ns.SampleError, match="sample 123, input 3") as caught:
        ns.run(make_chip(40, 20), ArrayStream(bad), state=state, **way)
    assert caught.value.__notes__[0].partition(" (")[0] == "skip_bad=True"
    kept = ns.Chip.load(state)
    assert kept.samples == 123
    assert kept.state_sha256 == make_chip(40, 20).learn(samples[:123]).state_sha256


@pytest.mark.parametrize("way", WAYS)
def test_refused_samples_amid_a_chunk_are_passed_over(samples, labels, way):
    bad, wrong = samples.copy(), labels.copy()
    bad[[0, 5, 6, 40, 299], 3] = np.nan
    wrong[[5, 77, 78]] = 10
    chip = chip_of("corrected")
    report = ns.run(chip, ArrayStream(bad, wrong), skip_bad=True, **way)
    good = np.delete(np.arange(300), [0, 5, 6, 40, 77, 78, 299])
    assert chip.state_sha256 == chip_of("corrected").learn(samples[good], labels=labels[good]).state_sha256
    assert (report.samples, report.refused, report.stream_position) == (293, 7, 300)
    assert report.latencies.counts.sum() == 293


@pytest.mark.parametrize("chunk", [1, "auto", 8])
def test_a_taught_layer_without_labels_is_the_streams_fault(samples, chunk):
    with pytest.raises(ns.SampleError, match="must have a label, got none") as caught:
        ns.run(chip_of("corrected"), ArrayStream(samples), skip_bad=True, chunk=chunk)
    assert not getattr(caught.value, "__notes__", [])


@pytest.mark.parametrize("chunk", [1, "auto", 8])
def test_a_layer_that_diverges_is_never_passed_over(samples, chunk):
    layers = [ns.recipes.softhebb(30), ns.recipes.softhebb(100, normalise="none", rate=3e38, temperature=3e38)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ns.StabilityWarning)
        chip = ns.Chip(layers, inputs=64)
    with pytest.raises(ns.DivergedError):
        ns.run(chip, ArrayStream(samples), skip_bad=True, chunk=chunk)


def test_the_chip_may_be_used_between_chunks_and_not_within(make_chip, samples):
    chip, seen = make_chip(12, 5), []

    def watch(_):
        seen.append(chip.respond_one(samples[0]).winner)
        chip.learn_one(samples[1])

    ns.run(chip, ArrayStream(samples[:10]), chunk=1, watch=watch)
    twin = make_chip(12, 5)
    for x in samples[:10]:
        twin.learn_one(x)
        twin.learn_one(samples[1])
    assert len(seen) == 10
    assert chip.state_sha256 == twin.state_sha256


@pytest.mark.parametrize("frozen", [(), (0,), (1,)])
def test_one_sample_is_taken_as_a_chunk_of_one_is(frozen, samples, labels):
    """Frozen layers, modulators and labels too."""
    layers = [
        ns.recipes.softhebb(12, transmit=ns.ReLU()),
        ns.DenseWTA(10, competition=ns.Corrected(), rule=ns.Hebb(rate=0.1), initial="zeros"),
    ]
    chips = [ns.Chip(layers, inputs=64), ns.Chip(layers, inputs=64)]
    one, many = (
        Pipeline(chip.layers, frozen=frozen, singly=singly, timing=True)
        for chip, singly in zip(chips, (True, False), strict=True)
    )
    factors = np.random.default_rng(0).normal(1, 0.3, 60).astype(np.float32)
    for n in range(60):
        row = slice(n, n + 1)
        assert one.take_one(samples[n], int(labels[n]), float(factors[n])) > 0
        (chunk,) = many.push(samples[row], labels[row].astype(np.int64), factors[row])
        assert chunk.nanoseconds.item() > 0
    assert chips[0].state_sha256 == chips[1].state_sha256
    assert [layer.samples for layer in chips[0].layers] == [60 * (index not in frozen) for index in (0, 1)]
