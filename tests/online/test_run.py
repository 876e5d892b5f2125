"""A run of a stream that has samples which the chip refuses, or that fails: what is counted, and what is kept."""

import io
import warnings

import numpy as np
import pytest

import neurosim as ns
from neurosim.state import store
from neurosim.streams import ArrayStream, Block
from neurosim.streams.lines import LineStream

BAD = {0: -1.0, 5: np.nan, 6: np.inf, 7: 3e38, 40: -1e-30, 299: np.nan}  # sample by number: an input that is refused


@pytest.fixture
def state(tmp_path):
    return tmp_path / "chip.h5"


class Given(ns.Stream):
    """Samples as they are, which may be refused, and labels; after them, an error if there is one."""

    name, length, labelled = "given", None, False

    def __init__(self, samples, labels=None, error=None):
        self.samples, self.labels, self.error = samples, labels, error
        self.inputs, self.labelled = samples.shape[1], labels is not None

    def blocks(self, start=0, size=256):
        for first in range(start, len(self.samples), size):
            rows = slice(first, first + size)
            yield Block(self.samples[rows], None if self.labels is None else self.labels[rows])
        if self.error is not None:
            raise self.error

    def fingerprint(self):
        return "given"


def spoilt(samples, bad=BAD):
    spoilt = samples.copy()
    for number, value in bad.items():
        spoilt[number, 3 if abs(value) != 3e38 else slice(None)] = value
    return spoilt


@pytest.mark.parametrize("chunk", [1, 7, 256, 1000])
@pytest.mark.parametrize("threads", [1, 2])
def test_refused_samples_are_passed_over_and_the_bits_are_those_of_the_others(make_chip, samples, chunk, threads):
    chip = make_chip(40, 20, 10, window=3)
    report = ns.run(chip, Given(spoilt(samples)), skip_bad=True, chunk=chunk, threads=threads)
    good = np.delete(samples, list(BAD), 0)
    assert chip.state_sha256 == make_chip(40, 20, 10, window=3).learn(good).state_sha256
    assert (report.samples, report.refused, report.stream_position) == (294, 6, 300)


def few_bits():
    return [ns.recipes.softhebb(20, weight_bits=4), ns.recipes.softhebb(5)]


def of_a_stream():
    return [ns.recipes.softhebb(20, normalise="stream", window=4)]


def of_images():
    rule = ns.SoftHebb(rate=0.1)
    soft = ns.SoftWTA(temperature=1.0)
    return [ns.ConvWTA(4, kernel=3, competition=soft, rule=rule, pool=ns.MaxPool(size=2, stride=2))]


@pytest.mark.parametrize(("layers", "shape"), [(few_bits, 64), (of_a_stream, 64), (of_images, (1, 8, 8))])
def test_layers_of_all_kinds_learn_nothing_from_what_they_refuse(samples, layers, shape):
    bad = spoilt(samples, BAD if layers is not of_images else {0: np.nan, 5: np.inf, 299: np.nan})
    good = bad[np.isfinite(bad).all(1) & (np.abs(bad) < 1e30).all(1) & (bad >= 0).all(1)]
    chip, other = ns.Chip(layers(), inputs=shape), ns.Chip(layers(), inputs=shape)
    report = ns.run(chip, Given(bad), skip_bad=True, chunk=64)
    assert report.samples == len(good)
    assert chip.state_sha256 == other.learn(good).state_sha256


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_a_run_of_refused_samples_alone_learns_nothing(make_chip, samples, state, chunk):
    chip = make_chip(9)
    report = ns.run(chip, Given(-1 - samples), skip_bad=True, chunk=chunk, state=state)
    assert (report.samples, report.refused, report.stream_position) == (0, 300, 300)
    assert chip.state_sha256 == make_chip(9).state_sha256
    assert store.read(state).position == 300


@pytest.mark.parametrize("chunk", [1, 8, 256])
def test_labels_that_a_taught_layer_cannot_learn_are_refusals_too(samples, chunk):
    def chip():
        return ns.Chip([ns.recipes.supervised_softhebb(10)], inputs=64)

    labels = np.arange(300) % 10
    wrong = labels.copy()
    wrong[[3, 4, 100]] = 10, 77, 10
    bad = spoilt(samples, {4: -1.0, 50: -1.0})
    one = chip()
    report = ns.run(one, Given(bad, wrong), skip_bad=True, chunk=chunk)
    good = np.delete(np.arange(300), [3, 4, 50, 100])
    other = chip().learn(samples[good], labels=labels[good])
    assert one.state_sha256 == other.state_sha256
    assert (report.samples, report.refused) == (296, 4)
    with pytest.raises(ns.SampleError, match="must have a label, got none"):  # the stream's fault, not a sample's
        ns.run(chip(), Given(samples), skip_bad=True)


def test_snapshots_and_going_on_count_refused_samples_too(make_chip, samples, state):
    bad, whole = Given(spoilt(samples)), make_chip(20)
    ns.run(whole, bad, skip_bad=True)
    first = Given(spoilt(samples)[:150])
    ns.run(make_chip(20), first, skip_bad=True, state=state, snapshot_samples=40)
    contents = store.read(state)
    assert contents.position == 150
    assert store.read(store.previous(state)).position in {40, 80, 120}
    chip = ns.Chip.load(state)
    ns.run(chip, bad, skip_bad=True, state=state, start=contents.position)
    assert chip.state_sha256 == whole.state_sha256 == ns.Chip.load(state).state_sha256
    assert store.read(state).position == 300


def test_malformed_lines_are_passed_over_and_counted_apart(make_chip):
    text = b"1,2\nx,y\n-1,2\n3,4,5\n5,6\n"
    stream = LineStream("a.csv", lambda: io.BytesIO(text), inputs=2)
    report = ns.run(make_chip(3, inputs=2), stream, skip_bad=True)
    assert (report.samples, report.refused, report.bad_lines, report.stream_position) == (2, 1, 2, 3)
    twice = ns.streams.order.repeat(stream, 2, None)
    report = ns.run(make_chip(3, inputs=2), twice, skip_bad=True)
    assert (report.samples, report.refused, report.bad_lines) == (4, 2, 2)
    with pytest.raises(ns.StreamError, match="line 2"):
        ns.run(make_chip(3, inputs=2), stream)


def test_a_layer_that_diverges_is_no_refusal_and_is_not_kept(samples, state):
    def chip():
        layers = [ns.recipes.softhebb(30), ns.recipes.softhebb(100, normalise="none", rate=3e38, temperature=3e38)]
        return ns.Chip(layers, inputs=64)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ns.StabilityWarning)
        with pytest.raises(ns.DivergedError):
            ns.run(chip(), Given(spoilt(samples)), skip_bad=True, state=state)
    assert not state.exists()


FAULTS = [
    ns.StreamError("the disk is gone"),
    OSError(5, "Input/output error"),
    RuntimeError("sensor"),
    ns.SampleError("x"),
]


@pytest.mark.parametrize("error", FAULTS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(("chunk", "threads"), [(1, 1), (1, 2), (7, 2), (256, 1)])
def test_an_error_of_the_stream_keeps_what_was_learned_before(make_chip, samples, state, error, chunk, threads):
    chip, told = make_chip(40, 20, 10), type(error)(*error.args)
    with pytest.raises(type(error)) as caught:
        ns.run(chip, Given(samples[:100], error=told), state=state, chunk=chunk, threads=threads)
    assert caught.value is told
    assert "up to sample 100" in caught.value.__notes__[-1]
    assert store.read(state).position == 100
    assert ns.Chip.load(state).state_sha256 == make_chip(40, 20, 10).learn(samples[:100]).state_sha256


@pytest.mark.parametrize(("chunk", "threads"), [(1, 1), (7, 1), (7, 2), (256, 1)])
def test_a_refused_sample_ends_the_run_with_a_last_snapshot(make_chip, samples, state, chunk, threads):
    stream = Given(spoilt(samples, {123: np.nan}))
    with pytest.raises(ns.SampleError, match="sample 123, input 3") as caught:
        ns.run(make_chip(40, 20), stream, state=state, chunk=chunk, threads=threads)
    assert [note.partition(" (")[0] for note in caught.value.__notes__] == [
        "skip_bad=True",
        "samples learned in this run before: 123",
        f"the state has all that was learned before, up to sample 123: {state}",
    ]
    assert store.read(state).position == 123
    chip = ns.Chip.load(state)
    assert chip.state_sha256 == make_chip(40, 20).learn(samples[:123]).state_sha256
    report = ns.run(chip, stream, state=state, start=123, skip_bad=True)
    assert (report.samples, report.refused, report.stream_position) == (176, 1, 300)


def test_a_first_sample_that_is_refused_leaves_no_file(make_chip, samples, state):
    with pytest.raises(ns.SampleError, match="sample 0"):
        ns.run(make_chip(9), Given(-1 - samples), state=state)
    assert not state.exists()


def test_a_chip_that_diverges_says_which_snapshot_stands(make_chip, samples, state):
    chip = make_chip(9)

    def spoil(report):
        if report.samples == 55:
            chip.layers[0].state.norms[...] = np.nan

    with pytest.raises(ns.DivergedError) as caught:
        ns.run(chip, ArrayStream(samples), state=state, chunk=1, watch=spoil, snapshot_samples=20)
    says = f"the state is that of the snapshot before: {state}"
    assert caught.value.__notes__ == ["samples learned in this run before: 55", says]
    assert store.read(state).position == 40


def test_an_error_of_the_watcher_of_a_run_keeps_what_was_learned(make_chip, samples, state):
    def watch(report):
        if report.samples == 50:
            raise ValueError("a bug of the caller's")

    with pytest.raises(ValueError, match="a bug"):
        ns.run(make_chip(9), ArrayStream(samples), state=state, watch=watch, chunk=1)
    assert store.read(state).position == 50


def test_told_to_stop_after_the_last_sample_a_run_is_complete(make_chip, samples):
    stream = ArrayStream(samples)
    report = ns.run(make_chip(9), stream, stop=lambda: True, chunk=300)
    assert (report.samples, report.interrupted) == (300, False)
    assert ns.run(make_chip(9), stream, stop=lambda: True, chunk=299).interrupted
