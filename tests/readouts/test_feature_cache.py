"""The cache of features: what the chip says, in memory or in a file, refused where it would not fit."""

import errno
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

import neurosim as ns
from neurosim.readouts import feature_cache
from neurosim.readouts.features import features
from neurosim.streams import ArrayStream


@pytest.fixture
def chip(make_chip):
    return make_chip(30).learn(ns.open_stream("digits:train"))


@pytest.mark.parametrize("kind", ["output", "triangle", "relu", "softmax"])
@pytest.mark.parametrize("chunk", [1, 100, 5000])
def test_it_holds_what_the_chip_says(chip, kind, chunk, tmp_path):
    stream, before = ns.open_stream("digits:test"), chip.state_sha256
    expected = features(chip.respond(stream), kind)
    labels = np.concatenate([block.labels for block in stream.blocks()])
    for path in (None, tmp_path / "features.npy"):
        cache = ns.FeatureCache(features=kind, path=path, chunk=chunk).fill(chip, stream)
        assert np.array_equal(cache.features_, expected)
        assert cache.features_.dtype == np.float32
        assert cache.features_.flags.c_contiguous
        assert np.array_equal(cache.labels_, labels)
    assert chip.state_sha256 == before
    assert np.array_equal(np.load(tmp_path / "features.npy"), expected)
    assert [file.name for file in tmp_path.iterdir()] == ["features.npy"]


def test_a_readout_learns_the_same_from_the_file(chip, tmp_path):
    mapped, held = (
        ns.FeatureCache(path=path).fill(chip, ns.open_stream("digits:train")) for path in (tmp_path / "x.npy", None)
    )
    assert not mapped.features_.flags.writeable
    one, other = (ns.SoftmaxReadout(epochs=2).fit(cache.features_, cache.labels_) for cache in (mapped, held))
    assert np.array_equal(one.weights_, other.weights_)
    assert one.epochs_[1].loss < one.epochs_[0].loss


def test_a_stream_without_labels_has_none(chip):
    assert ns.FeatureCache().fill(chip, ArrayStream(np.ones((3, 64)))).labels_ is None


def test_what_does_not_fit_is_refused_with_its_size(chip, tmp_path, monkeypatch):
    stream = ns.open_stream("digits:test")
    need = 360 * 30 * 4
    ns.FeatureCache(memory=need).fill(chip, stream)
    with pytest.raises(
        ns.ConfigError, match=f"memory must be at least {need} bytes, got {need - 1}; 360 samples of 30"
    ):
        ns.FeatureCache(memory=need - 1).fill(chip, stream)
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(feature_cache.shutil, "disk_usage", lambda folder: usage(100))
    with pytest.raises(ns.ConfigError, match=f"must be at least {need} bytes, got 100"):
        ns.FeatureCache(path=tmp_path / "features.npy").fill(chip, stream)
    assert not list(tmp_path.iterdir())


def test_what_is_broken_off_leaves_the_older_file(chip, tmp_path):
    path = tmp_path / "features.npy"
    np.save(path, np.zeros(3))

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ns.FeatureCache(path=path).fill(chip, ns.open_stream("digits:test"), pause=stop)
    assert np.load(path).tolist() == [0, 0, 0]
    assert [file.name for file in tmp_path.iterdir()] == ["features.npy"]


def test_streams_that_do_not_say_how_long_they_are_or_lie_are_refused(chip):
    stream = ns.open_stream("digits:test")
    for length, message in (
        (359, "must hold 359 samples, its length, got 360"),
        (361, "must hold 361 samples, its length, got 360"),
        (None, "must be a stream of known length"),
        (0, "must hold at least one sample, got none"),
    ):
        liar = Liar(stream, length)
        with pytest.raises((ns.StreamError, ns.SampleError), match=message):
            ns.FeatureCache().fill(chip, liar)


class Liar(ns.Stream):
    def __init__(self, stream, length):
        self.stream, self.length = stream, length
        self.name, self.inputs, self.labelled = stream.name, stream.inputs, stream.labelled

    def blocks(self, start=0, size=256):
        return self.stream.blocks(start, size)

    def fingerprint(self):
        return ""


@pytest.mark.parametrize(
    ("given", "message"),
    [({"features": "all"}, "features must be one of"), ({"memory": 0}, "memory must be"),
     ({"chunk": 0}, "chunk must be"), ({"path": "features.h5"}, "path must be a file that ends in .npy")],
)  # fmt: skip
def test_parameters_out_of_range_are_refused(given, message):
    with pytest.raises(ns.ConfigError, match=message):
        ns.FeatureCache(**given)


def test_a_folder_that_is_not_there_is_an_error_in_one_line(chip, tmp_path):
    with pytest.raises(ns.StreamError, match=r"features cannot be written to .*No such file"):
        ns.FeatureCache(path=tmp_path / "none" / "features.npy").fill(chip, ns.open_stream("digits:test"))


def test_a_folder_that_cannot_be_written_is_an_error_in_one_line(chip, tmp_path, monkeypatch):
    def refuse(*_given, **_named):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", refuse)
    monkeypatch.setattr(np.lib.format, "open_memmap", refuse)
    with pytest.raises(ns.StreamError, match=r"features cannot be written to .*features.npy: .*Read-only"):
        ns.FeatureCache(path=tmp_path / "features.npy").fill(chip, ns.open_stream("digits:test"))


def test_an_array_is_no_stream(chip):
    X = np.ones((3, 64), np.float32)
    words = r"must be a Stream, got 'ndarray'; make one from arrays by neurosim.streams.ArrayStream\(samples, labels\)"
    for use in (ns.FeatureCache().fill, lambda *given: ns.judge(*given, X), lambda *given: ns.judge_images(*given, X)):
        with pytest.raises(ns.ConfigError, match=words):
            use(chip, X)


@pytest.mark.parametrize("kind", ["triangle", "relu", "softmax"])
def test_features_of_positions_are_rows_that_a_readout_takes(kind):
    layer = ns.ConvWTA(4, kernel=3, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=0.1))
    chip = ns.Chip([layer], inputs=(1, 8, 8))
    cache = ns.FeatureCache(features=kind).fill(chip, ns.open_stream("digits:test"))
    u = chip.respond(ns.open_stream("digits:test")).potentials.astype(np.float64)
    shares = np.exp(5 * (u - u.max(axis=1, keepdims=True)))
    expected = {
        "triangle": np.maximum(u - u.mean(axis=1, keepdims=True), 0),
        "relu": np.maximum(u, 0),
        "softmax": shares / shares.sum(axis=1, keepdims=True),
    }
    np.testing.assert_allclose(cache.features_, expected[kind].reshape(360, 4 * 6 * 6), atol=1e-4)
    ns.SoftmaxReadout(epochs=1).fit(cache.features_, cache.labels_)
