"""The on-line readout: the last layer of a chip, taught by the error of its softmax."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.readouts.judge import judge
from neurosim.streams import ArrayStream


@pytest.fixture(scope="module")
def digits():
    """Return the training and the test part: samples and labels of each."""
    parts = []
    for part in ("train", "test"):
        samples, labels = zip(*ns.open_stream(f"digits:{part}").blocks(), strict=True)
        parts += [np.concatenate(samples), np.concatenate(labels)]
    return parts


def make(normalise="sample", **constants):
    return ns.Chip([ns.recipes.softhebb(60), ns.recipes.delta_readout(10, normalise=normalise, **constants)], inputs=64)


@pytest.mark.parametrize("normalise", ["sample", "stream"])
def test_a_chip_learns_to_name_digits_on_line(digits, normalise):
    X, labels, X_test, labels_test = digits
    chip = make(normalise)
    for x, label in zip(X[:700], labels[:700], strict=True):
        response = chip.learn_one(x, int(label))
        assert response.responses.sum() == pytest.approx(0, abs=1e-6)
    chip.learn(X[700:], labels=labels[700:])
    response = chip.respond(X_test)
    assert (response.winner == labels_test).mean() > 0.7
    assert response.responses.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (response.responses.argmax(axis=1) == response.winner).all()


@pytest.mark.parametrize(("chunk", "threads"), [(1, 1), (7, 2), (1000, 1)])
def test_bits_do_not_depend_on_chunks_threads_or_an_interruption(digits, chunk, threads, tmp_path):
    X, labels = digits[0][:300], digits[1][:300].copy()
    labels[5:20] = -1
    one, many = make(), make()
    for x, label in zip(X, labels, strict=True):
        one.learn_one(x, None if label == -1 else int(label))
    many.learn(X[:100], labels=labels[:100], chunk=chunk, threads=threads).save(tmp_path / "chip.h5")
    many = ns.Chip.load(tmp_path / "chip.h5").learn(X[100:], labels=labels[100:], chunk=chunk, threads=threads)
    assert many.state_sha256 == one.state_sha256
    assert many.layers[1].blanks == 15


def test_without_a_label_the_readout_learns_nothing_and_the_layer_before_does(digits):
    chip = make()
    before = chip.layers[0].weights
    for x in digits[0][:20]:
        chip.learn_one(x)
    assert not chip.layers[1].weights.any()
    assert (chip.layers[0].weights != before).any()
    assert chip.layers[1].blanks == 20
    with pytest.raises(ns.SampleError, match="of layer 2, which is taught, must have a label, got none"):
        chip.learn(digits[0])
    with pytest.raises(ns.SampleError, match="must be below its 10 neurons, got 10"):
        chip.learn_one(digits[0][0], 10)


def test_the_first_weights_are_zero_and_inputs_may_be_negative():
    chip = ns.Chip([ns.recipes.delta_readout(3, rate=0.5, normalise="none")], inputs=2)
    assert not chip.layers[0].weights.any()
    chip.learn_one([-1.0, 2.0], 1)
    assert chip.layers[0].weights == pytest.approx(np.outer([-1 / 6, 1 / 3, -1 / 6], [-1, 2]))


def test_it_judges_by_the_neuron_of_the_label_itself(digits):
    # Neuron 1 never wins where it should, so it would be given another label by what it wins.
    X = np.eye(3)[[0, 1, 2, 0, 1, 2]].astype(np.float32)
    chip = ns.Chip([ns.recipes.delta_readout(3)], inputs=3)
    chip.learn(X[:3], labels=[0, 2, 1])
    names = ArrayStream(X, [0, 1, 2, 0, 1, 2])
    assert judge(chip, names, names).winner_accuracy == pytest.approx(1 / 3)
    (trained, untrained, _) = ns.compare(chip, *[ArrayStream(X, [0, 1, 2, 0, 1, 2])] * 2)
    assert trained.accuracy["winner"] == pytest.approx(1 / 3)
    assert untrained.accuracy["winner"] is None
    assert untrained.accuracy["soft"] is None
    assert untrained.accuracy["output"] is not None


def test_supervised_softhebb_is_judged_so_too():
    X = np.eye(3)[[0, 1, 2, 0, 1, 2]].astype(np.float32)
    chip = ns.Chip([ns.recipes.supervised_softhebb(3, rate=0.5)], inputs=3)
    for _ in range(20):
        chip.learn(X[:3], labels=[0, 2, 1])
    names = ArrayStream(X, [0, 1, 2, 0, 1, 2])
    assert judge(chip, names, names).winner_accuracy == pytest.approx(1 / 3)


def test_instruments_bear_weights_that_began_at_zero(digits):
    chip = make()
    chip.learn(digits[0][:50], labels=digits[1][:50])
    table = chip.layers[1].neurons()
    assert np.isfinite(table["cosine"]).all()
    assert table["norm"] == pytest.approx(np.linalg.norm(chip.layers[1].weights, axis=1), rel=1e-4)
