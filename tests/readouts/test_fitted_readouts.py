"""Readouts that are kept with the state, and what they predict."""

import itertools

import h5py
import numpy as np
import pytest
from commands import invoke, stream

import neurosim as ns
from neurosim.state import store
from neurosim.streams.base import Block, Stream

ANIMALS = ("cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay", "kiwi", "lark")


class Named(Stream):
    """Digits whose labels have names."""

    length, labelled, inputs = None, True, 64

    def __init__(self, source, names=ANIMALS):
        self.name, self.classes = "named", names
        self._blocks = list(ns.open_stream(source).blocks(size=300))[:1]

    def blocks(self, start=0, size=256):
        samples, labels = self._blocks[0]
        renumbered = np.array([self.classes.index(ANIMALS[label]) for label in labels])
        for first in range(start, len(samples), size):
            yield Block(samples[first : first + size], renumbered[first : first + size])

    def fingerprint(self):
        return "named"


@pytest.fixture(scope="module")
def train():
    return ns.open_stream("digits:train")


@pytest.fixture(scope="module")
def test():
    return ns.open_stream("digits:test")


@pytest.fixture(scope="module")
def chip(train):
    return ns.Chip([ns.recipes.softhebb(40)], inputs=64).learn(train)


@pytest.fixture(scope="module")
def readouts(chip, train):
    return ns.Readouts.fit(chip, train)


@pytest.fixture
def path(chip, readouts, tmp_path):
    chip.save(tmp_path / "chip.h5", position=1437)
    readouts.keep(tmp_path / "chip.h5")
    return tmp_path / "chip.h5"


def predicted(readouts, chip, stream, **options):
    return np.concatenate([block.predicted for block in readouts.predict(chip, stream, **options)])


@pytest.mark.parametrize("kind", ["winner", "linear"])
def test_a_readout_comes_back_and_predicts_the_same(chip, readouts, path, test, kind):
    back = ns.Readouts.load(path)
    assert list(back.fitted) == ["linear", "winner"] or set(back.fitted) == {"linear", "winner"}
    assert back.fitted[kind].samples_ == 1437
    expected = predicted(readouts, chip, test, kind=kind)
    assert np.array_equal(predicted(back, ns.Chip.load(path), test, kind=kind), expected)
    assert (expected == np.concatenate([labels for _, labels in test.blocks()])).mean() > 0.7


@pytest.mark.parametrize("kind", ["winner", "linear"])
def test_predictions_do_not_depend_on_the_chunk(chip, readouts, test, kind):
    whole = predicted(readouts, chip, test, kind=kind)
    for chunk in (1, 7, 1000):
        assert np.array_equal(predicted(readouts, chip, test, kind=kind, chunk=chunk), whole)


def test_the_linear_readout_predicts_by_default_and_counts_its_samples(chip, readouts, test):
    blocks = list(readouts.predict(chip, test, chunk=100))
    assert [block.first for block in blocks] == [0, 100, 200, 300]
    correct = np.concatenate([block.correct for block in blocks])
    assert correct.mean() == ns.judge(chip, ns.open_stream("digits:train"), test).readout_accuracy
    assert np.array_equal(predicted(readouts, chip, test, kind="linear"), predicted(readouts, chip, test))


def test_the_state_is_the_same_with_and_without_a_readout(chip, path, tmp_path):
    chip.save(tmp_path / "bare.h5")
    bare, kept = store.read(tmp_path / "bare.h5"), store.read(path)
    assert bare.state_sha256 == kept.state_sha256 == ns.Chip.load(path).state_sha256
    assert bare.readouts is None
    assert kept.position == 1437
    with h5py.File(tmp_path / "bare.h5") as file:
        assert "readouts" not in file
        assert "classes" not in file.attrs


def test_a_state_without_a_readout_says_how_to_get_one(chip, tmp_path):
    chip.save(tmp_path / "bare.h5")
    with pytest.raises(ns.StateError, match="must keep a readout, and keeps none; fit one with neurosim stream"):
        ns.Readouts.load(tmp_path / "bare.h5")


def test_a_chip_that_learned_since_is_refused(chip, readouts, path, test):
    other = ns.Chip.load(path).learn(test)
    with pytest.raises(ns.ConfigError, match="chip must be the one that was read out"):
        readouts.predict(other, test)
    other.save(path)
    with pytest.raises(ns.ConfigError, match="of the weights read out"):
        readouts.keep(path)


def test_a_chip_of_other_constants_is_refused(chip, readouts, path, test):
    softer = chip.with_constants(temperature=0.5)
    assert softer.state_sha256 == readouts.state_sha256
    with pytest.raises(ns.ConfigError, match="with the same constants"):
        readouts.predict(softer, test)
    softer.save(path)
    with pytest.raises(ns.ConfigError, match="with the same constants"):
        readouts.keep(path)


def test_constants_that_are_changed_drop_the_readout(tmp_path):
    options = ("digits:test", "--state", tmp_path / "chip.h5", "--neurons", 20)
    stream(*options, "--keep-readout")
    stream(*options, "--set", "temperature=0.5")
    with pytest.raises(ns.StateError, match="must keep a readout"):
        ns.Readouts.load(tmp_path / "chip.h5")


def test_a_readout_that_is_not_there_is_named(chip, readouts, test):
    with pytest.raises(ns.ConfigError, match=r"readout must be one that there is: .*linear.*got 'softmax'"):
        readouts.predict(chip, test, kind="softmax")


def test_two_classes_are_told_apart(chip):
    samples, labels = next(ns.open_stream("digits:train").blocks(size=1437))
    two = ns.streams.ArrayStream(samples[labels < 2], labels[labels < 2] + 3, name="two")
    readouts = ns.Readouts.fit(chip, two)
    assert np.unique(predicted(readouts, chip, two, kind="linear")).tolist() == [3, 4]
    assert np.mean([block.correct.mean() for block in readouts.predict(chip, two)]) > 0.95


def test_the_linear_readout_is_scikit_learns_ridge(chip, train, test):
    from sklearn.linear_model import RidgeClassifier

    readout = ns.LinearReadout()
    for response, labels in chip.respond_blocks(train, chunk=500):
        readout.add(response, labels)
    readout.finish()
    values = (chip.respond(train).output - readout.mean_) * readout.scale_
    labels = np.concatenate([labels for _, labels in train.blocks()])
    ridge = RidgeClassifier(alpha=readout.alpha * len(values), solver="cholesky").fit(values, labels)
    asked = chip.respond(test)
    assert np.array_equal(readout.predict(asked), ridge.predict((asked.output - readout.mean_) * readout.scale_))


def test_labels_are_compared_by_name(chip):
    train, test = Named("digits:train"), Named("digits:test", ANIMALS[::-1])
    readouts = ns.Readouts.fit(chip, train)
    assert readouts.classes == ANIMALS
    assert readouts.name(1) == "dog"
    (block,) = readouts.predict(chip, test, chunk=300)
    own = ns.Readouts.fit(chip, Named("digits:train"))
    (same,) = own.predict(chip, Named("digits:test"), chunk=300)
    assert np.array_equal(block.correct, same.correct)
    assert not np.array_equal(block.labels, same.labels)
    assert ns.readouts.judge.measure(readouts, chip, test).readout_accuracy == same.correct.mean()


def test_words_are_not_compared_with_numbers(chip, readouts):
    words = Named("digits:test")
    words.classes_grow = True
    (block,) = readouts.predict(chip, words, chunk=300)
    assert block.correct is None
    assert block.labels is not None


def test_names_are_kept_with_the_state(chip, tmp_path):
    chip = ns.Chip.of(_contents(chip, tmp_path), "chip.h5")
    readouts = ns.Readouts.fit(chip, Named("digits:train"))
    chip.save(tmp_path / "chip.h5")
    readouts.keep(tmp_path / "chip.h5")
    assert ns.Readouts.load(tmp_path / "chip.h5").classes == ANIMALS
    chip = ns.Chip.load(tmp_path / "chip.h5")
    assert chip.classes == ANIMALS
    chip.save(tmp_path / "again.h5")
    assert store.read(tmp_path / "again.h5").classes == ANIMALS
    with pytest.raises(ns.ConfigError, match="classes of the readouts must be those of"):
        ns.Readouts.fit(chip, Named("digits:train", ANIMALS[::-1])).keep(tmp_path / "chip.h5")


def _contents(chip, folder):
    chip.save(folder / "copy.h5")
    return store.read(folder / "copy.h5")


@pytest.mark.parametrize("snapshot_samples", [0, 100])
def test_a_run_keeps_the_names_of_its_stream_in_every_snapshot(make_chip, tmp_path, snapshot_samples):
    class Growing(Named):
        def __init__(self):
            super().__init__("digits:train")
            self.classes = ()

        def blocks(self, start=0, size=256):
            samples, labels = self._blocks[0]
            for index in range(start, len(samples)):
                self.classes = ANIMALS[: max(len(self.classes), labels[index] + 1)]
                yield Block(samples[index : index + 1], labels[index : index + 1])

    chip, path = make_chip(5), tmp_path / "chip.h5"
    ns.run(chip, Growing(), state=path, snapshot_samples=snapshot_samples, snapshot_seconds=0)
    assert chip.classes == store.read(path).classes == ANIMALS


def test_a_chip_that_ends_in_images_keeps_its_softmax(tmp_path, train, test):
    layer = ns.ConvWTA(4, kernel=3, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=0.1))
    chip = ns.Chip([layer], inputs=(1, 8, 8)).learn(test)
    readouts = ns.Readouts.fit(chip, train, epochs=3)
    chip.save(tmp_path / "chip.h5")
    readouts.keep(tmp_path / "chip.h5")
    back = ns.Readouts.load(tmp_path / "chip.h5")
    assert list(back.fitted) == ["softmax"]
    assert np.array_equal(predicted(back, chip, test), predicted(readouts, chip, test, chunk=1))
    correct = np.concatenate([block.correct for block in back.predict(chip, test)])
    assert correct.mean() == ns.judge_images(chip, train, test, epochs=3).readout_accuracy > 0.6


def test_a_layer_taught_by_labels_names_what_it_sees_without_a_fit(tmp_path, train, test):
    chip = ns.Chip([ns.recipes.softhebb(40), ns.recipes.delta_readout(10)], inputs=64).learn(train)
    chip.save(tmp_path / "chip.h5")
    readouts = ns.Readouts.load(tmp_path / "chip.h5")
    assert list(readouts.fitted) == ["winner"]
    assert np.array_equal(predicted(readouts, chip, test), chip.respond(test).winner)


def test_a_diverged_readout_is_not_kept(chip, readouts, path):
    kept = ns.Readouts.load(path)
    kept.fitted["linear"].weights_[0, 0] = np.nan
    before = path.read_bytes()
    with pytest.raises(ns.ConfigError, match="linear readout must be finite"):
        kept.keep(path)
    assert path.read_bytes() == before


def test_a_run_that_goes_on_drops_the_readout_and_an_idle_one_keeps_it(tmp_path):
    path = tmp_path / "chip.h5"
    options = ("digits:test", "--state", path, "--neurons", 20)
    first = stream(*options, "--keep-readout")
    assert set(ns.Readouts.load(path).fitted) == {"linear", "winner"}
    assert stream(*options)["samples"] == 0
    assert ns.Readouts.load(path).state_sha256 == first["state_sha256"]
    stream(*options, "--epochs", 2)
    with pytest.raises(ns.StateError, match="must keep a readout"):
        ns.Readouts.load(path)
    assert stream(*options, "--epochs", 2, "--keep-readout")["samples"] == 0
    assert ns.Readouts.load(path).state_sha256 != first["state_sha256"]


def test_the_readout_that_is_kept_is_the_one_that_is_measured(tmp_path, train, test):
    path = tmp_path / "chip.h5"
    options = ("digits:train", "--neurons", 30, "--test", "digits:test", "--state", path)
    summary = stream(*options, "--keep-readout")
    assert summary == summary | {key: value for key, value in stream(*options).items() if key.endswith("accuracy")}
    chip, readouts = ns.Chip.load(path), ns.Readouts.load(path)
    for kind, name in (("linear", "readout_accuracy"), ("winner", "winner_accuracy")):
        blocks = list(readouts.predict(chip, test, kind=kind))
        assert np.mean(np.concatenate([block.correct for block in blocks])) == summary[name]


@pytest.mark.parametrize(("options", "words"), [
    (("digits",), "keep_readout must come with --state"),
    (("-", "--inputs", 64, "--state", "x.h5"), "keep_readout must be left out for a pipe"),
    (("x.npy", "--state", "x.h5"), "labels of x.npy must be there to fit a readout"),
])  # fmt: skip
def test_a_readout_that_cannot_be_fitted_is_said_before_learning(tmp_path, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.ones((5, 3), np.float32))
    assert words in invoke("stream", *options, "--keep-readout", code=2).stderr
    assert not (tmp_path / "x.h5").exists()


def test_inspect_shows_readouts_and_names(chip, tmp_path):
    path = tmp_path / "chip.h5"
    chip.save(path)
    ns.Readouts.fit(chip, Named("digits:train")).keep(path)
    shown = invoke("inspect", path).stdout
    assert "linear, fitted on 300 samples" in shown
    assert "0 cat, 1 dog, 2 eel" in shown


def test_an_endless_stream_is_predicted_in_constant_memory(chip, readouts):
    class Endless(Named):
        def blocks(self, start=0, size=256):
            for _ in itertools.count():
                yield self._blocks[0]

    blocks = readouts.predict(chip, Endless("digits:test"), chunk=300)
    assert [next(blocks).first for _ in range(3)] == [0, 300, 600]
