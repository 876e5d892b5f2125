"""Readouts and measures against what they are by definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurosim as ns
from neurosim.chip.response import Response
from neurosim.instruments import never_won
from neurosim.readouts.judge import judge
from neurosim.readouts.linear import LinearReadout
from neurosim.readouts.winner import WinnerLabels
from neurosim.streams import ArrayStream


def responses(rng, count, neurons):
    y = rng.random((count, neurons), np.float32) + np.float32(0.01)
    return Response(y, y, y.argmax(axis=1), y)


@given(seed=st.integers(0, 2**32), count=st.integers(1, 60), neurons=st.integers(1, 12), classes=st.integers(1, 5))
@settings(max_examples=50, deadline=None)
def test_winner_labels_are_the_labels_most_won(seed, count, neurons, classes):
    rng = np.random.default_rng(seed)
    response, labels = responses(rng, count, neurons), rng.integers(0, classes, count)
    readout = WinnerLabels()
    cut = count // 2
    for part in (slice(0, cut), slice(cut, None)):
        if len(labels[part]):
            readout.add(Response(*(array[part] for array in response)), labels[part])
    readout.finish()
    for k in range(neurons):
        won = labels[response.winner == k]
        if len(won):
            expected = np.bincount(won).argmax()
        else:
            expected = np.argmax([response.responses[labels == c, k].sum() for c in range(labels.max() + 1)])
        assert readout.labels_[k] == expected
        assert readout.wins_[k] == len(won)
    assert np.array_equal(readout.predict(response), readout.labels_[response.winner])


def test_nobody_wins_a_sample_of_zeros():
    y = np.array([[0, 0], [0, 0], [1, 2], [3, 1]], np.float32)
    readout = WinnerLabels()
    readout.add(Response(y, y, y.argmax(axis=1), y), np.array([7, 7, 0, 1]))
    assert readout.finish().wins_.tolist() == [1, 1]
    assert readout.labels_.tolist() == [1, 0]


def test_the_linear_readout_separates_what_a_line_separates():
    rng = np.random.default_rng(0)
    response, labels = responses(rng, 400, 6), None
    labels = (response.output[:, 0] + response.output[:, 3] > 1).astype(np.int64)
    readout = LinearReadout()
    readout.add(response, labels)
    readout.finish()
    assert (readout.predict(response) == labels).mean() > 0.97


def test_the_linear_readout_holds_no_more_than_its_memory(monkeypatch):
    monkeypatch.setattr("neurosim.readouts.linear.FEATURE_BYTES", 4 * 6 * 50)
    rng = np.random.default_rng(0)
    readout = LinearReadout()
    for _ in range(3):
        readout.add(responses(rng, 40, 6), rng.integers(0, 2, 40))
    assert readout.finish().samples_ == 50


def test_a_readout_is_no_part_of_the_chip(make_chip):
    chip = make_chip(20).learn(ns.open_stream("digits:train"))
    before = chip.state_sha256
    judgement = judge(chip, ns.open_stream("digits:train"), ns.open_stream("digits:test"))
    assert chip.state_sha256 == before
    assert judgement.test_samples == 360
    assert 0.5 < judgement.winner_accuracy < judgement.readout_accuracy < 1


def test_streams_without_labels_of_another_width_or_of_one_class_are_refused(make_chip):
    chip, unlabelled = make_chip(3), ArrayStream(np.ones((4, 64)), name="plain")
    with pytest.raises(ns.SampleError, match="labels of plain must be there to measure accuracy, got none"):
        judge(chip, unlabelled, unlabelled)
    narrow = ArrayStream(np.ones((4, 3)), [0, 1, 0, 1], name="narrow")
    with pytest.raises(ns.SampleError, match="samples of narrow must have 64 inputs, got 3"):
        judge(chip, narrow, narrow)
    single = ArrayStream(np.ones((4, 64)), [1, 1, 1, 1], name="single")
    with pytest.raises(ns.SampleError, match="two classes at least"):
        judge(chip, single, single)


def test_never_won_is_a_share():
    assert never_won([0, 1, 5, 0]) == 0.5
