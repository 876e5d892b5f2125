"""Generators of samples and of pairs are streams without length: the same bits as arrays, read once, no further."""

import numpy as np
import pytest
from foreign import Raising, masked

import neurosim as ns
from neurosim.streams.iterated import IteratedStream, is_iterated

X = np.random.default_rng(1).random((50, 8)).astype(np.float32)
LABELS = np.arange(50) % 4


def chip():
    return ns.Chip([ns.recipes.softhebb(6)], inputs=8)


def taught():
    return ns.Chip([ns.recipes.supervised_softhebb(4)], inputs=8)


class Source:
    """An iterable that is neither a generator nor an array."""

    def __iter__(self):
        return iter(X)


FORMS = {
    "a generator": lambda: (x for x in X), "an iterator": lambda: iter(X), "map": lambda: map(np.asarray, X.tolist()),
    "lists": lambda: (x.tolist() for x in X), "an iterable": Source, "float64": lambda: (x.astype(float) for x in X),
    "images": lambda: (x.reshape(1, 8) for x in X),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_samples_one_by_one_teach_what_an_array_teaches(form):
    wanted = chip().learn(X)
    assert chip().learn(FORMS[form](), chunk=7).state_sha256 == wanted.state_sha256
    learner = chip()
    report = ns.run(learner, FORMS[form]())
    assert (report.samples, learner.state_sha256) == (50, wanted.state_sha256)
    assert np.array_equal(wanted.respond(FORMS[form]()).potentials, wanted.respond(X).potentials)


PAIRS = {
    "zip": lambda: zip(X, LABELS, strict=True),
    "numbers": lambda: ((x, int(y)) for x, y in zip(X, LABELS, strict=True)),
    "floats": lambda: ((x.tolist(), float(y)) for x, y in zip(X, LABELS, strict=True)),
}  # fmt: skip


@pytest.mark.parametrize("form", PAIRS)
def test_pairs_bring_their_labels(form):
    wanted = taught().learn(X, labels=LABELS).state_sha256
    assert taught().learn(PAIRS[form]()).state_sha256 == wanted
    learner = taught()
    ns.run(learner, PAIRS[form](), chunk=3)
    assert learner.state_sha256 == wanted
    assert ns.hardware.count(taught(), PAIRS[form]()).samples == 50


def test_a_label_that_is_missing_is_none():
    some = [0, None, float("nan"), -1, np.int64(3), np.nan]
    pairs = zip(X[:6], some, strict=True)
    blocks = list(IteratedStream(pairs, shape=(8,)).blocks())
    assert [block.labels.tolist() for block in blocks] == [[0, -1, -1, -1, 3, -1]]
    with_gaps = taught().learn(zip(X[:6], some, strict=True)).state_sha256
    assert with_gaps == taught().learn(X[:6], labels=[0, -1, -1, -1, 3, -1]).state_sha256


def test_two_numbers_are_a_sample_and_not_a_pair():
    narrow = ns.Chip([ns.recipes.softhebb(2)], inputs=2)
    assert narrow.learn((a, b) for a, b in X[:, :2].tolist()).samples == 50
    rows = ns.Chip([ns.recipes.softhebb(2)], inputs=(2, 4))
    assert rows.learn((tuple(x[:4]), tuple(x[4:])) for x in X.tolist()).samples == 50


def test_no_more_is_read_than_is_asked_for():
    source = iter(X)
    blocks = IteratedStream(source, shape=(8,)).blocks(size=1)
    assert np.array_equal(next(blocks).samples, X[:1])
    assert np.array_equal(next(source), X[1])


def test_an_array_that_is_filled_again_and_again_is_copied():
    def refilled():
        row = np.empty(8, np.float32)
        for x in X:
            row[:] = x
            yield row

    assert chip().learn(refilled()).state_sha256 == chip().learn(X).state_sha256


def test_a_stream_begins_where_it_is_told_to_and_is_read_once(tmp_path):
    learner = chip().learn(X[:20])
    ns.run(learner, iter(X), start=20, state=tmp_path / "a.h5")
    assert learner.state_sha256 == chip().learn(X).state_sha256
    stream = IteratedStream(iter(X), shape=(8,))
    assert len(list(stream.blocks())) == 1
    with pytest.raises(ns.StreamError, match="iterator must be read once"):
        list(stream.blocks())
    with pytest.raises(ns.StreamError, match="must give the 60 samples that were read before, got 50"):
        list(IteratedStream(iter(X), shape=(8,)).blocks(60))


BROKEN = {
    "another width": (X[0, :5], r"sample 20 of generator must have the shape \(8,\)"),
    "masked": (masked(X[0]), "sample 20 of generator must be real numbers, got MaskedArray with masked entries"),
    "what raises": (Raising(), "sample 20 of generator must be an array of numbers, got foreign.Raising"),
    "text": ("hello", "sample 20 of generator must be real numbers, got str"),
    "None": (None, "sample 20 of generator must be real numbers, got NoneType"),
    "a number": (3.0, "sample 20 of generator must have the shape"),
    "not finite": (np.full(8, np.nan), "sample 20, input 0 of layer 1 must be finite"),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("pairs", [False, True])
def test_the_chip_has_learned_from_all_before_a_bad_item(case, pairs):
    bad, words = BROKEN[case]
    items = [*X[:20], bad, *X[20:]]
    for chunk in (1, 7, 100):
        learner = chip()
        with pytest.raises(ns.SampleError, match=words):
            learner.learn(((x, 1) if pairs else x for x in items), chunk=chunk)
        assert learner.state_sha256 == chip().learn(X[:20]).state_sha256


@pytest.mark.parametrize("label", ["cat", -2, 0.5, 2**31, [1], (1,), 10**400, True, np.ma.masked])
def test_labels_are_whole_numbers(label):
    learner = chip()
    with pytest.raises(ns.SampleError):
        learner.learn(iter([(X[0], 1), (X[1], label)]))
    assert learner.samples == 1


def test_an_error_of_the_generator_is_its_own_and_comes_after_what_it_gave():
    def broken():
        yield from X[:9]
        raise LookupError("the sensor is gone")

    for chunk in (1, 100):
        learner = chip()
        with pytest.raises(LookupError, match="the sensor is gone"):
            learner.learn(broken(), chunk=chunk)
        assert learner.samples == 9


def test_a_pair_must_not_become_a_sample_half_way():
    with pytest.raises(ns.SampleError, match=r"item 1 of .*iterator must be a pair \(sample, label\), as the first is"):
        chip().learn(iter([(X[0], 1), X[1]]))


def test_an_image_lies_as_the_chip_has_it():
    wide = ns.Chip([ns.recipes.softhebb(3)], inputs=(1, 4, 2))
    assert wide.learn(x.reshape(4, 2) for x in X).samples == 50
    with pytest.raises(ns.SampleError, match=r"must have the shape \(1, 4, 2\), or be flat in that order, got"):
        wide.learn(x.reshape(2, 4) for x in X)


def test_nothing_to_read_is_said():
    with pytest.raises(ns.SampleError, match="must hold at least one sample, got none"):
        ns.run(chip(), iter([]))
    with pytest.raises(ns.SampleError, match="at least one"):
        chip().respond(iter([]))
    assert chip().learn(iter([])).samples == 0


def test_what_is_no_stream_is_a_config_error():
    for wrong, advice in (("digits", "open it by neurosim.open_stream"), (X, "ArrayStream"), (3, "ArrayStream"),
                          (None, "ArrayStream"), ([1, 2], "ArrayStream"), (ns.Stream, "ArrayStream")):  # fmt: skip
        with pytest.raises(ns.ConfigError, match=f"stream must be a Stream, got .*{advice}"):
            ns.run(chip(), wrong)
        with pytest.raises(ns.ConfigError, match=f"stream must be a Stream, got .*{advice}"):
            ns.bench(chip(), wrong)


@pytest.mark.parametrize("source", [3, None, 1.5, ["digits"], X[0], object()], ids=lambda source: type(source).__name__)
def test_a_source_is_a_text_or_a_path(source):
    with pytest.raises(ns.ConfigError, match="source must be a text or a path, got"):
        ns.open_stream(source)


def test_bench_takes_a_generator():
    assert ns.bench(chip(), (x for x in X), warm_up=5, samples=20).summary()["samples"] == 20


@pytest.mark.parametrize(
    "values", [X, [1, 2], (1,), "abc", {}, set(), range(3), None, 3, ns.open_stream("digits")], ids=str
)
def test_arrays_collections_and_streams_are_not_iterated(values):
    assert not is_iterated(values)
