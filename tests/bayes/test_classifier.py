"""A chip with a readout as a classifier: log P(c | x) and gradients, compared with responses and finite differences."""

import numpy as np
import pytest
from differences import largest_error
from naming import digits, fitted

import neurosim as ns
from neurosim.bayes import Classifier

READOUTS = {
    "soft": lambda: ns.SoftLabels(smoothing=1e-3),
    "unsmoothed": ns.SoftLabels,
    **{f"linear, {kind}": lambda kind=kind: ns.LinearReadout(features=kind)
       for kind in ("output", "triangle", "relu", "softmax")},
    "delta": lambda: None,
}  # fmt: skip
LAYERS = {
    "one layer": [ns.recipes.softhebb(40, transmit=ns.Triangle(power=1.5))],
    "log-prior": [ns.recipes.softhebb(40, bias=ns.LogPrior(), normalise="stream")],
    "two layers": [
        ns.recipes.softhebb(30, transmit=ns.Triangle()),
        ns.recipes.softhebb(40, normalise="none", temperature=0.05),
    ],
}
rows = np.arange(30)


@pytest.fixture(scope="module")
def data():
    """Return samples and labels to learn from, and 30 others."""
    samples, labels = digits("train")
    return samples[:600], labels[:600], digits("test")[0][:30], digits("test")[1][:30]


def made(data, layers, readout):
    """Return a chip that has learned, and a readout fitted to it; without a readout, the last layer is taught."""
    samples, labels, *_ = data
    layers = layers if readout is not None else [*layers, ns.recipes.delta_readout(10)]
    chip = ns.Chip(layers, inputs=64).learn(samples, labels=labels)
    return chip, None if readout is None else fitted(readout, chip, samples, labels)


every = pytest.mark.parametrize(
    ("layers", "make"), [(layers, make) for layers in LAYERS.values() for make in READOUTS.values()],
    ids=[f"{name}-{readout}" for name in LAYERS for readout in READOUTS],
)  # fmt: skip


@every
def test_it_is_the_readout_of_the_response_and_has_its_gradient(data, layers, make):
    *_, samples, labels = data
    chip, readout = made(data, layers, make())
    classifier = Classifier(chip, readout)
    response = chip.respond(samples)
    proba = response.responses if readout is None else readout.predict_proba(response)
    assert classifier.classes == 10
    assert np.exp(classifier.log_proba(samples)) == pytest.approx(proba, abs=3e-5)
    predicted = response.winner if readout is None else readout.predict(response)
    assert (classifier.predict(samples) == predicted).mean() >= 29 / 30  # rounding decides between near equals
    samples = samples.astype(np.float64) + 0.01
    assert largest_error(classifier.log_proba, classifier.gradient, samples, labels) < 1e-6
    assert (chip.gradient(samples, readout, labels) == classifier.gradient(samples, labels)).all()


@pytest.mark.parametrize("make", [READOUTS["soft"], READOUTS["delta"]], ids=["soft", "delta"])
def test_another_temperature_is_that_of_the_last_layer(data, make):
    *_, samples, labels = data
    chip, readout = made(data, LAYERS["two layers"], make())
    smoother = Classifier(chip, readout, temperature=0.5)
    same = Classifier(chip.with_constants(layer=len(chip.layers) - 1, temperature=0.5), readout)
    assert smoother.log_proba(samples) == pytest.approx(same.log_proba(samples), rel=1e-12)
    assert largest_error(smoother.log_proba, smoother.gradient, samples + 0.01, labels) < 1e-6


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("temperature", [1e-2, 1e-4])
def test_nothing_is_lost_where_shares_underflow(data, temperature, dtype):
    train, train_labels, samples, labels = data
    chip = ns.Chip([ns.recipes.softhebb(40)], inputs=64).learn(train)
    readout = fitted(ns.SoftLabels(), chip.with_constants(competition=ns.HardWTA()), train, train_labels)
    assert (readout.shares_ == 0).any()
    classifier = Classifier(chip, readout, temperature=temperature, dtype=dtype)
    found, gradient = classifier.log_proba(samples), classifier.gradient(samples, labels)
    unit = samples.astype(np.float64) / np.linalg.norm(samples.astype(np.float64), axis=1, keepdims=True)
    drives = unit @ chip.layers[0].weights.T.astype(np.float64) / temperature
    with np.errstate(divide="ignore"):
        terms = drives[:, :, None] + np.log(readout.shares_)
    exact = np.logaddexp.reduce(terms, axis=1) - np.logaddexp.reduce(drives, axis=1)[:, None]
    assert exact.min() < (-700 if temperature == 1e-4 else -25)
    assert found == pytest.approx(exact, rel=2e-3 if dtype == np.float32 else 1e-5, abs=1e-3)
    assert np.isfinite(gradient).all()
    if dtype == np.float64 and temperature == 1e-2:
        assert largest_error(classifier.log_proba, classifier.gradient, samples + 0.01, labels) < 1e-6


def test_float32_is_near_float64(data):
    *_, samples, labels = data
    chip, readout = made(data, LAYERS["two layers"], READOUTS["soft"]())
    double, single = Classifier(chip, readout), Classifier(chip, readout, dtype=np.float32)
    assert single.log_proba(samples).dtype == np.float64
    assert single.log_proba(samples) == pytest.approx(double.log_proba(samples), rel=1e-3, abs=1e-4)
    exact = double.gradient(samples, labels)
    assert single.gradient(samples, labels) == pytest.approx(exact, abs=1e-3 * np.abs(exact).max())


def test_a_hard_competition_has_soft_labels_without_a_gradient(data):
    train, train_labels, samples, labels = data
    chip = ns.Chip([ns.recipes.hard_wta(40)], inputs=64).learn(train)
    readout = fitted(ns.SoftLabels(smoothing=1e-3), chip, train, train_labels)
    hard = Classifier(chip, readout)
    assert np.exp(hard.log_proba(samples)) == pytest.approx(readout.predict_proba(chip.respond(samples)))
    with pytest.raises(
        ns.ConfigError, match=r"must be a softmax to have a gradient, got HardWTA\(\); give a temp"
    ) as got:
        hard.gradient(samples, labels)
    assert "\n" not in str(got.value)
    softened, nearly_hard = (Classifier(chip, readout, temperature=temperature) for temperature in (0.05, 1e-5))
    assert largest_error(softened.log_proba, softened.gradient, samples + 0.01, labels) < 1e-6
    assert nearly_hard.log_proba(samples) == pytest.approx(hard.log_proba(samples), abs=1e-3)


@pytest.mark.parametrize("layer", [ns.recipes.hard_wta(40), ns.recipes.k_wta(40), ns.recipes.krotov_hopfield(40)])
def test_a_linear_readout_gives_every_competition_a_gradient(data, layer):
    train, train_labels, samples, labels = data
    chip = ns.Chip([layer], inputs=64).learn(train)
    classifier = Classifier(chip, fitted(ns.LinearReadout(features="triangle"), chip, train, train_labels))
    assert largest_error(classifier.log_proba, classifier.gradient, samples + 0.01, labels) < 1e-6


def test_labels_that_no_neuron_has_are_refused(data):
    train, train_labels, samples, _ = data
    known = np.isin(train_labels, [0, 2, 5])
    train, train_labels, labels = train[known], train_labels[known], np.full(30, 3)
    chip = ns.Chip([LAYERS["one layer"][0]], inputs=64).learn(train)
    for readout, name in (
        (ns.SoftLabels(), "a neuron has a share for"),
        (ns.LinearReadout(), "the readout was fitted"),
    ):
        classifier = Classifier(chip, fitted(readout, chip, train, train_labels))
        assert classifier.classes == 6
        assert (classifier.log_proba(samples)[:, [1, 3, 4]] == -np.inf).all()
        assert np.isfinite(classifier.gradient(samples, np.full(30, 5))).all()
        with pytest.raises(ns.SampleError, match=f"labels must be of classes that {name}"):
            classifier.gradient(samples, labels)
    smoothed = Classifier(chip, fitted(ns.SoftLabels(smoothing=1e-3), chip, train, train_labels))
    assert np.isfinite(smoothed.gradient(samples, labels)).all()


def test_readouts_that_do_not_go_with_the_chip_are_refused(data):
    chip, soft = made(data, LAYERS["one layer"], ns.SoftLabels())
    _, linear = made(data, LAYERS["one layer"], ns.LinearReadout())
    other = ns.Chip([ns.recipes.softhebb(41)], inputs=64)
    winners = ns.Chip([ns.recipes.k_wta(40)], inputs=64)
    for readout in (ns.SoftLabels(), ns.LinearReadout()):
        with pytest.raises(ns.ConfigError, match="readout must be fitted: add samples, then finish"):
            Classifier(chip, readout)
    for readout in (soft, linear):
        with pytest.raises(ns.ConfigError, match="readout must be fitted to the 41 neurons of the last layer, got 40"):
            Classifier(other, readout)
    with pytest.raises(ns.ConfigError, match=r"competition of the last layer must be SoftWTA.*got KWTA\(winners=3"):
        Classifier(winners, soft)
    with pytest.raises(ns.ConfigError, match=r"readout must be given where the last layer is SoftWTA"):
        Classifier(chip)
    with pytest.raises(ns.ConfigError, match=r"temperature must be None with a readout of potentials, got 0\.1"):
        Classifier(chip, linear, temperature=0.1)
    with pytest.raises(ns.ConfigError, match="temperature must be positive, got 0"):
        Classifier(chip, soft, temperature=0)
