"""The readouts for judging against their definitions in float64, and the comparison against its parts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurosim as ns
from neurosim.chip.response import Response
from neurosim.readouts.choice import LinearChoice
from neurosim.readouts.features import features
from neurosim.readouts.judge import judge
from neurosim.readouts.linear import LinearReadout
from neurosim.streams import ArrayStream


def as_response(u, y=None):
    u = np.asarray(u, np.float32)
    return Response(u, u if y is None else np.asarray(y, np.float32), u.argmax(axis=1), u)


def fed(readout, response, labels, cut=0):
    """Fit a readout on two chunks, or on one."""
    for part in (slice(0, cut), slice(cut, None)):
        if len(labels[part]):
            readout.add(Response(*(array[part] for array in response)), labels[part])
    return readout.finish()


DEFINITIONS = {
    "triangle": lambda u: np.maximum(u - u.mean(), 0),
    "relu": lambda u: np.maximum(u, 0),
    "softmax": lambda u: np.exp(5 * u - np.logaddexp.reduce(5 * u)),
}


@given(
    seed=st.integers(0, 2**32), count=st.integers(1, 40), neurons=st.integers(1, 9), classes=st.integers(1, 6),
    signed=st.booleans(),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_soft_labels_are_shares_of_summed_responses(seed, count, neurons, classes, signed):
    rng = np.random.default_rng(seed)
    y = rng.random((count, neurons)) - (0.5 if signed else 0)
    y[:, 0] = -1 if signed else 0  # a neuron that never responds
    response, labels = as_response(rng.random((count, neurons)) + 1, y), 2 * rng.integers(0, classes, count)
    readout = fed(ns.SoftLabels(), response, labels, count // 3)
    positive = np.maximum(np.float64(response.responses), 0)
    sums = np.array([[positive[labels == c, k].sum() for c in range(labels.max() + 1)] for k in range(neurons)])
    came = np.isin(np.arange(labels.max() + 1), labels)
    for k in range(neurons):
        expected = sums[k] / sums[k].sum() if sums[k].sum() > 0 else came / came.sum()
        assert readout.shares_[k] == pytest.approx(expected, rel=1e-12)
    scores = np.einsum("tk,kc->tc", positive, readout.shares_)
    chosen = scores[np.arange(count), readout.predict(response)]
    assert chosen == pytest.approx(scores.max(axis=1), rel=1e-12)
    assert readout.samples_ == count


def test_soft_labels_differ_from_the_winners():
    # Neuron 0 wins by little; the other two agree on the other class.
    y = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    readout = fed(ns.SoftLabels(), as_response(y), np.array([0, 1, 1]))
    assert readout.shares_.tolist() == [[1, 0], [0, 1], [0, 1]]
    assert readout.predict(as_response([[0.4, 0.3, 0.3]])).tolist() == [1]


def test_soft_labels_pass_over_samples_of_zeros():
    y = np.full((3, 2), 0.5)
    readout = fed(ns.SoftLabels(), as_response([[0, 0], [1, 2], [2, 1]], y), np.array([7, 0, 1]))
    assert readout.shares_.tolist() == [[0.5, 0.5], [0.5, 0.5]]
    with pytest.raises(ns.SampleError, match="must include one that is not all zeros"):
        fed(ns.SoftLabels(), as_response(np.zeros((2, 2))), np.array([0, 1]))
    with pytest.raises(ns.SampleError, match="labels must be below 10000 to measure accuracy, got 10000"):
        ns.SoftLabels().add(as_response([[1, 2]]), np.array([10_000]))


@given(
    seed=st.integers(0, 2**32), neurons=st.integers(1, 20), scale=st.sampled_from([1e-3, 1.0, 30.0, 1e30]),
    kind=st.sampled_from(sorted(DEFINITIONS)),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_features_are_what_they_are_by_definition(seed, neurons, scale, kind):
    response = as_response(np.random.default_rng(seed).normal(size=(5, neurons)) * scale)
    response = response._replace(output=np.full_like(response.output, np.nan))
    found = features(response, kind)
    assert found.dtype == np.float32
    for row, u in zip(found, np.float64(response.potentials), strict=True):
        expected = DEFINITIONS[kind](u)
        assert row == pytest.approx(expected, rel=1e-5 * max(1, min(scale, 30)), abs=1e-6 * np.abs(expected).max())


def test_features_of_the_largest_potentials_are_finite_or_infinite_without_a_warning():
    response = as_response([[3e38, -3e38], [3e38, 3e38]])
    assert features(response, "softmax").tolist() == [[1, 0], [0.5, 0.5]]
    assert features(response, "triangle").tolist() == [[np.float32(3e38), 0], [0, 0]]


@pytest.mark.parametrize("kind", sorted(DEFINITIONS))
def test_the_linear_readout_of_features_is_ridge_regression_on_them(kind):
    rng = np.random.default_rng(1)
    u, labels = rng.normal(size=(600, 7)), rng.integers(0, 3, 600)
    u[np.arange(600), labels] += 1.5
    response = as_response(u)._replace(output=np.zeros((600, 7), np.float32))
    readout = fed(LinearReadout(alpha=0.01, features=kind), response, labels, 250)
    x = np.array([DEFINITIONS[kind](row) for row in np.float64(response.potentials)])
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    targets = 2.0 * (labels[:, None] == np.arange(3)) - 1
    weights = np.linalg.solve(x.T @ x + 0.01 * 600 * np.eye(7), x.T @ (targets - targets.mean(axis=0)))
    scores = np.sort(x @ weights + targets.mean(axis=0), axis=1)
    chosen = (x @ weights + targets.mean(axis=0)).argmax(axis=1)
    clear = scores[:, -1] - scores[:, -2] > 1e-3
    assert clear.mean() > 0.95
    assert (readout.predict(response) == chosen)[clear].all()


@pytest.mark.parametrize("classes", [2, 4])
def test_logistic_regression_is_at_the_minimum_of_its_loss(classes):
    rng = np.random.default_rng(classes)
    x, labels, alpha = rng.normal(size=(500, 6)), rng.integers(0, classes, 500), 0.02
    x[np.arange(500), labels] += 1
    readout = fed(LinearReadout(alpha, classifier="logistic"), as_response(x), labels, 200)
    shares = readout.predict_proba(as_response(x))
    assert (shares.argmax(axis=1) == readout.predict(as_response(x))).all()
    features_ = (np.float32(x) - readout.mean_) * readout.scale_
    errors = shares - (labels[:, None] == np.arange(classes))
    # Of two classes the penalty is on the one plane between them, w and -w, in place of two halves of it.
    penalty = alpha * readout.weights_ * (2 if classes == 2 else 1)
    assert errors.mean(axis=0) == pytest.approx(0, abs=1e-3)
    assert errors.T @ features_ / 500 + penalty == pytest.approx(0, abs=1e-3)
    assert np.abs(penalty).max() > 1e-2


def test_logistic_regression_separates_what_a_ridge_does_not():
    x = np.repeat(np.eye(3), 200, axis=0) * np.array([1, 1, 1]) + np.random.default_rng(0).normal(0, 0.1, (600, 3))
    line, labels = (x @ [0, 1, 2])[:, None], np.repeat(np.arange(3), 200)  # the middle class is on no side of a plane
    right = [
        (fed(LinearReadout(classifier=name), as_response(line), labels).predict(as_response(line)) == labels).mean()
        for name in ("ridge", "logistic")
    ]
    assert right[0] < 0.75
    assert right[1] > 0.95


def test_the_better_linear_readout_is_chosen_on_training_samples_that_are_held_back():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 1000)
    line = labels[:, None] + rng.normal(0, 0.1, (1000, 1))
    choice = fed(LinearChoice(1000), as_response(line), labels, 300)
    held_back = np.arange(1000) % 5 == 4
    for name in ("ridge", "logistic"):
        readout = fed(LinearReadout(classifier=name), as_response(line[~held_back]), labels[~held_back])
        right = (readout.predict(as_response(line[held_back])) == labels[held_back]).mean()
        assert choice.held_back_[name] == right
    assert (choice.classifier_, choice.samples_) == ("logistic", 1000)


def test_the_choice_is_made_on_samples_from_the_whole_stream(monkeypatch):
    monkeypatch.setattr("neurosim.readouts.choice.CHOICE_SAMPLES", 50)
    labels = np.repeat(np.arange(4), 100)  # in the order of classes
    x = np.eye(4)[labels] + np.random.default_rng(0).normal(0, 0.1, (400, 4))
    spread = fed(LinearChoice(400), as_response(x), labels, 37)
    assert spread.samples_ == 50
    assert spread.held_back_ == {"ridge": 1, "logistic": 1}
    assert spread.classifier_ == "ridge"  # they are equal
    first = fed(LinearChoice(), as_response(x), labels, 37)
    assert first.samples_ == 100  # no more than twice the number
    assert (first.held_back_, first.classifier_) == ({}, "ridge")  # of one class there is nothing to choose on


@pytest.mark.parametrize("readout", [LinearReadout, ns.Neighbours])
def test_features_beyond_float32_are_refused_when_fitted_and_when_read(readout):
    rng = np.random.default_rng(0)
    response, labels = as_response(rng.random((20, 3))), rng.integers(0, 2, 20)
    huge = response._replace(output=np.where(np.eye(20, 3) > 0, np.float32(np.inf), response.output))
    with pytest.raises(ns.SampleError, match="what the last layer transmits must be finite in float32"):
        fed(readout(), huge, labels)
    with pytest.raises(ns.SampleError, match="what the last layer transmits must be finite in float32"):
        fed(readout(), response, labels).predict(huge)


@given(seed=st.integers(0, 2**32), count=st.integers(1, 60), k=st.integers(1, 7))
@settings(max_examples=60, deadline=None)
def test_neighbours_vote(seed, count, k):
    rng = np.random.default_rng(seed)
    train, labels = rng.random((count, 3)).astype(np.float32), rng.integers(0, 4, count)
    readout = ns.Neighbours(k)
    if count < k:
        with pytest.raises(ns.SampleError, match=f"samples must be at least {k} for as many nearest neighbours, got"):
            fed(readout, as_response(train), labels)
        return
    fed(readout, as_response(train), labels, count // 2)
    test = rng.random((5, 3)).astype(np.float32)
    for sample, predicted in zip(test, readout.predict(as_response(test)), strict=True):
        distances = np.linalg.norm(np.float64(train) - np.float64(sample), axis=1)
        assert predicted == np.bincount(labels[np.argsort(distances)[:k]]).argmax()


def test_neighbours_keep_no_more_than_their_number(monkeypatch):
    monkeypatch.setattr("neurosim.readouts.neighbours.NEIGHBOUR_SAMPLES", 10)
    x = np.vstack([np.zeros((10, 2)), np.ones((10, 2))])
    readout = fed(ns.Neighbours(3), as_response(x), np.arange(20), 7)
    assert readout.samples_ == 10
    assert readout.predict(as_response([[1, 1]])) < 10


@pytest.mark.parametrize(("make", "words"), [
    (lambda: ns.Neighbours(0), "neighbours must be a whole number of at least 1, got 0"),
    (lambda: ns.LinearReadout(0.0), "alpha must be positive, got 0.0"),
    (lambda: ns.LinearReadout(classifier="svm"), "classifier must be one of ridge, logistic, got 'svm'"),
    (lambda: ns.LinearReadout(features="tanh"), "features must be one of output, triangle, relu, softmax, got 'tanh'"),
])  # fmt: skip
def test_constants_out_of_range_are_refused(make, words):
    with pytest.raises(ns.ConfigError, match=words):
        make()


TRAIN, TEST = 480, 120  # a third of the digits: enough to tell a chip that has learned from one that has not


class Counted(ArrayStream):
    """Digits that count how often they are read."""

    def __init__(self, part, count):
        samples, labels = next(ns.open_stream(f"digits:{part}").blocks(size=count))
        super().__init__(samples, labels, name=part)
        self.reads = 0

    def blocks(self, start=0, size=256):
        self.reads += size > 1  # of one sample: only asked whether it would fit
        return super().blocks(start, size)


@pytest.fixture(scope="module")
def parts():
    return Counted("train", TRAIN), Counted("test", TEST)


def by_hand(readout, chip, train, test):
    """Return the accuracy of one readout, from whole responses to both streams."""
    labels = [next(stream.blocks(size=2000)).labels for stream in (train, test)]
    fed(readout, chip.respond(train), labels[0])
    return float(np.mean(readout.predict(chip.respond(test)) == labels[1]))


def by_hand_choice(chip, train):
    """Return which linear readout is better on every fifth training sample."""
    samples, labels = next(train.blocks(size=2000))
    response = chip.respond(samples)
    chosen = fed(LinearChoice(), response, labels).classifier_
    return "output" if chosen == "ridge" else chosen


@pytest.mark.parametrize("neurons", [(30,), (40, 20)])
def test_a_comparison_is_of_its_parts(make_chip, parts, neurons):
    train, test = parts
    chip, fresh = (make_chip(*neurons, seed=3, temperature=0.02) for _ in range(2))
    chip.learn(train)
    before = chip.state_sha256
    rows = ns.compare(chip, train, test)
    assert chip.state_sha256 == before
    assert [row.network for row in rows] == ["trained", "untrained", "raw"]
    for row, network in zip(rows, (chip, fresh), strict=False):
        judged = judge(network, train, test)
        expected = {"winner": judged.winner_accuracy, "output": judged.readout_accuracy}
        expected["soft"] = by_hand(ns.SoftLabels(), network, train, test)
        expected["neighbours"] = by_hand(ns.Neighbours(), network, train, test)
        for kind in DEFINITIONS:
            expected[kind] = by_hand(LinearReadout(features=kind), network, train, test)
        expected["logistic"] = by_hand(LinearReadout(classifier="logistic"), network, train, test)
        assert row.accuracy == expected
        assert set(row.train_samples.values()) == {TRAIN}
        assert row.test_samples == TEST
        assert row.linear == by_hand_choice(network, train)
    assert rows[0].accuracy["winner"] > rows[1].accuracy["winner"]


def test_raw_inputs_have_linear_probes_and_neighbours_alone(make_chip, parts):
    from sklearn.neighbors import KNeighborsClassifier

    (x, labels), (x_test, labels_test) = (next(stream.blocks(size=2000)) for stream in parts)
    raw = ns.compare(make_chip(5), *parts)[2]
    nearest = KNeighborsClassifier(5).fit(np.float64(x), labels).score(np.float64(x_test), labels_test)
    assert raw.accuracy["neighbours"] == pytest.approx(nearest, abs=1e-9)
    readout = fed(LinearReadout(), as_response(x), labels)
    assert raw.accuracy["output"] == np.mean(readout.predict(as_response(x_test)) == labels_test)
    applies = {"output": TRAIN, "logistic": TRAIN, "neighbours": TRAIN}
    assert raw.train_samples == {name: applies.get(name) for name in raw.accuracy}
    assert {name for name, value in raw.accuracy.items() if value is not None} == set(applies)


def test_streams_are_read_once_a_network_if_memory_admits_and_results_do_not_depend_on_it(make_chip, monkeypatch):
    train, test = Counted("train", TRAIN), Counted("test", TEST)
    chip = make_chip(64)
    rows = ns.compare(chip, train, test)
    assert (train.reads, test.reads) == (3, 3)
    monkeypatch.setattr("neurosim.readouts.linear.FEATURE_BYTES", 4 * 64 * TRAIN)  # one readout's features
    assert ns.compare(chip, train, test) == rows
    assert (train.reads, test.reads) == (3 + 4 + 4 + 1, 6)
    monkeypatch.setattr("neurosim.readouts.linear.FEATURE_BYTES", 4 * 64 * 170)
    seen = ns.compare(chip, train, test)[0].train_samples
    assert (seen["winner"], seen["triangle"], seen["output"], seen["neighbours"]) == (TRAIN, 170, 170, TRAIN)


def test_what_cannot_be_compared_is_refused(make_chip):
    chip, good = make_chip(3), ns.open_stream("digits:test")
    plain = ArrayStream(np.ones((4, 64)), name="plain")
    narrow = ArrayStream(np.ones((4, 3)), [0, 1, 0, 1], name="narrow")
    single = ArrayStream(np.ones((9, 64)), np.ones(9, int), name="single")
    few = ArrayStream(np.eye(4, 64), [0, 1, 0, 1], name="few")
    for train, test, words in (
        (good, plain, "labels of plain must be there"),
        (good, narrow, "samples of narrow must have 64 inputs, got 3"),
        (single, good, "two classes at least"),
        (few, good, "samples must be at least 5 for as many nearest neighbours, got 4"),
    ):
        with pytest.raises(ns.SampleError, match=words):
            ns.compare(chip, train, test)
    pipe = ArrayStream(np.ones((4, 64)), [0, 1, 0, 1], name="pipe")
    pipe.replayable = False
    with pytest.raises(ns.StreamError, match="pipe must be a stream that can be read again"):
        ns.compare(chip, good, pipe)
