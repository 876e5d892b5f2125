"""Samples without a label are left out by every readout, and classes of two streams are compared by their names."""

import io

import numpy as np
import pytest

import neurosim as ns
from neurosim.readouts.labels import accuracy, renumbered
from neurosim.readouts.neighbours import Neighbours
from neurosim.readouts.soft import SoftLabels
from neurosim.readouts.winner import WinnerLabels
from neurosim.streams import ArrayStream
from neurosim.streams.base import UNKNOWN
from neurosim.streams.lines import LineStream
from neurosim.studies.liuson import features

SAMPLES, LABELS = next(ns.open_stream("digits").blocks(size=400))
HOLES = np.where(np.arange(400) % 3 == 0, -1, LABELS)
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@pytest.fixture(scope="module")
def chip():
    return ns.Chip([ns.recipes.softhebb(30)], inputs=64, seed=0).learn(SAMPLES)


def with_words(labels, name="words"):
    text = "\n".join(
        ",".join(map(str, x)) + "," + ("" if label < 0 else WORDS[label])
        for x, label in zip(SAMPLES.tolist(), labels, strict=True)
    )
    return LineStream(name, lambda: io.BytesIO(text.encode()), label="-1")


@pytest.mark.parametrize("make", [WinnerLabels, SoftLabels, ns.LinearReadout, Neighbours])
def test_readouts_are_fitted_to_the_samples_that_have_labels(chip, make):
    response, labelled = chip.respond(ArrayStream(SAMPLES), chunk=50), chip.respond(ArrayStream(SAMPLES[HOLES >= 0]))
    holes, whole = make(), make()
    holes.add(response, HOLES)
    holes.add(response, np.full(400, -1))
    whole.add(labelled, HOLES[HOLES >= 0])
    assert holes.samples_ == whole.samples_ == (HOLES >= 0).sum()
    assert np.array_equal(holes.finish().predict(response), whole.finish().predict(response))


@pytest.mark.parametrize("make", [WinnerLabels, SoftLabels, ns.LinearReadout, Neighbours])
def test_no_label_at_all_is_refused(chip, make):
    readout = make()
    readout.add(chip.respond(ArrayStream(SAMPLES)), np.full(400, -1))
    with pytest.raises(ns.SampleError, match=r"got (none|0)"):
        readout.finish()


def test_the_softmax_readout_leaves_them_out(chip):
    values = chip.respond(ArrayStream(SAMPLES)).output
    readout = ns.SoftmaxReadout(epochs=2).fit(values, HOLES)
    assert readout.samples_ == (HOLES >= 0).sum()
    other = values.copy()
    other[HOLES < 0] = 0  # what is in the rows without a label has no effect
    assert np.array_equal(ns.SoftmaxReadout(epochs=2).fit(other, HOLES).weights_, readout.weights_)
    counted = HOLES >= 0
    assert readout.score(values, HOLES) == readout.score(values[counted], HOLES[counted])
    with pytest.raises(ns.SampleError, match="two classes at least to fit a readout, got none"):
        readout.fit(values, np.full(400, -1))
    with pytest.raises(ns.SampleError, match="must be there to measure accuracy, got none"):
        readout.score(values, np.full(400, -1))


def test_accuracy_is_of_the_samples_that_have_labels():
    assert accuracy(np.array([1, 2, 3, 4]), np.array([1, -1, 0, -1])) == 0.5
    assert accuracy(np.array([1, 2]), np.array([1, UNKNOWN])) == 0.5
    with pytest.raises(ns.SampleError, match="must be there to measure accuracy, got none"):
        accuracy(np.array([1, 2]), np.array([-1, -1]))
    with pytest.raises(ns.SampleError, match="must be among those of the training samples"):
        accuracy(np.array([1, 2]), np.array([-1, UNKNOWN]))


def test_judge_and_compare_leave_them_out_and_say_how_many(chip):
    train, test = ArrayStream(SAMPLES, HOLES), ArrayStream(SAMPLES, HOLES)
    counted = HOLES >= 0
    only = ArrayStream(SAMPLES[counted], HOLES[counted])
    judged = ns.judge(chip, train, test)
    assert judged._replace(test_unlabelled=0) == ns.judge(chip, only, only)
    assert (judged.test_samples, judged.test_unlabelled, judged.test_unknown) == (counted.sum(), (~counted).sum(), 0)
    for row, expected in zip(ns.compare(chip, train, test), ns.compare(chip, only, only), strict=True):
        assert row._replace(test_unlabelled=0) == expected
        assert row.test_unlabelled == (~counted).sum()


def test_the_judge_of_images_leaves_them_out():
    layer = ns.ConvWTA(4, kernel=3, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=0.1))
    images = SAMPLES.reshape(-1, 1, 8, 8)
    chip = ns.Chip([layer], inputs=(1, 8, 8), seed=0).learn(images[:50])
    judged = ns.judge_images(chip, ArrayStream(images, HOLES), ArrayStream(images, HOLES), epochs=1)
    assert judged.test_samples == judged.readout_samples == (HOLES >= 0).sum()
    assert judged.test_unlabelled == (HOLES < 0).sum()


def test_a_study_of_responses_leaves_them_out(chip):
    output, labels, winners = features(chip, ArrayStream(SAMPLES, HOLES))
    assert len(output) == len(labels) == len(winners) == (HOLES >= 0).sum()
    assert labels.min() == 0


def test_words_are_compared_by_name_whatever_their_order(chip):
    train, test = with_words(HOLES), with_words(HOLES[::-1], "test")
    back = HOLES[::-1]
    expected = ns.judge(chip, ArrayStream(SAMPLES, HOLES), ArrayStream(SAMPLES, back))
    assert ns.judge(chip, train, test).readout_accuracy == expected.readout_accuracy
    assert train.classes != test.classes
    rows = ns.compare(chip, train, test)
    numbered = ns.compare(chip, ArrayStream(SAMPLES, HOLES), ArrayStream(SAMPLES, back))
    assert [row.accuracy["output"] for row in rows] == [row.accuracy["output"] for row in numbered]


def test_a_word_that_was_never_learned_is_wrong_and_no_other_class(chip):
    known = np.where(LABELS < 5, LABELS, -1)
    train, test = with_words(known), with_words(LABELS)
    judged = ns.judge(chip, train, test)
    assert judged.test_unknown == (LABELS >= 5).sum()
    assert judged.test_samples == 400
    assert judged.readout_accuracy <= (LABELS < 5).mean()
    row = ns.compare(chip, train, test)[0]
    assert row.test_unknown == (LABELS >= 5).sum()
    assert row.accuracy["output"] == judged.readout_accuracy
    with pytest.raises(ns.SampleError, match="must be among those of the training samples, got none that is"):
        ns.judge(chip, train, with_words(np.where(LABELS < 5, -1, LABELS)))


def test_a_taught_neuron_of_no_class_is_not_right_about_an_unknown_word():
    taught = ns.Chip([ns.recipes.supervised_softhebb(10)], inputs=64, seed=0)
    known = np.where(LABELS < 3, LABELS, -1)
    taught.learn(SAMPLES, labels=known)
    judged = ns.judge(taught, with_words(known), with_words(LABELS))
    assert judged.winner_accuracy <= (LABELS < 3).mean()


def test_a_taught_layer_learns_nothing_from_them():
    chips = [ns.Chip([ns.recipes.supervised_softhebb(10)], inputs=64, seed=0) for _ in range(2)]
    chips[0].learn(ArrayStream(SAMPLES, HOLES))
    chips[1].learn(ArrayStream(SAMPLES, np.where(HOLES < 0, np.nan, HOLES)))
    assert chips[0].state_sha256 == chips[1].state_sha256
    untaught = ns.Chip([ns.recipes.supervised_softhebb(10)], inputs=64, seed=0)
    before = untaught.layers[0].weights.copy()
    untaught.learn(ArrayStream(SAMPLES, np.full(400, -1)))
    assert np.array_equal(untaught.layers[0].weights, before)


@pytest.mark.parametrize("order", [1, -1])
def test_words_and_numbers_are_not_compared(chip, order):
    streams = [with_words(LABELS), ArrayStream(SAMPLES, LABELS, name="numbers")][::order]
    for measure in (ns.judge, ns.compare):
        with pytest.raises(ns.SampleError, match="labels of numbers must be words as those of words, got numbers"):
            measure(chip, *streams)


def test_renumbering_keeps_what_has_no_label():
    labels = np.array([0, 1, 2, -1])
    assert renumbered(labels, ("a", "b", "c"), ("c", "a")).tolist() == [1, UNKNOWN, 0, -1]
    assert renumbered(labels, ("a", "b", "c"), ("a", "b", "c")) is labels
