"""A chip with a readout as a module of PyTorch: the same function and gradient as ours."""

import numpy as np
import pytest
from naming import digits, fitted

import neurosim as ns
from neurosim.bayes import Classifier
from neurosim.interop import as_torch_module

LAYERS = {
    "one layer": [ns.recipes.softhebb(30, transmit=ns.Triangle(power=0.7), activation=ns.Triangle())],
    "log-prior, stream": [ns.recipes.softhebb(30, bias=ns.LogPrior(), normalise="stream")],
    "two layers": [
        ns.recipes.softhebb(20, transmit=ns.Triangle(power=1.5)),
        ns.recipes.softhebb(30, normalise="none", temperature=0.05, transmit=ns.Softmax(temperature=0.1)),
    ],
    "after relu": [ns.recipes.softhebb(20, transmit=ns.ReLU(), initial="normal"), ns.recipes.softhebb(30)],
    "activation softmax": [ns.recipes.softhebb(30, activation=ns.Softmax(temperature=0.1), temperature=0.3)],
}
READOUTS = {
    "soft": lambda: ns.SoftLabels(smoothing=1e-3),
    "unsmoothed": ns.SoftLabels,
    **{f"linear, {kind}": lambda kind=kind: ns.LinearReadout(features=kind)
       for kind in ("output", "triangle", "relu", "softmax")},
    "delta": lambda: None,
}  # fmt: skip


@pytest.fixture(scope="module")
def torch():
    """Return PyTorch, if it is installed."""
    return pytest.importorskip("torch", reason="PyTorch is not installed: a module of it is an extra")


@pytest.fixture(scope="module")
def train():
    """Return 500 samples and labels, without the label 4."""
    samples, labels = digits("train")
    return samples[labels != 4][:500], labels[labels != 4][:500]


def made(train, layers, readout):
    layers = layers if readout is not None else [*layers, ns.recipes.delta_readout(10, normalise="sample")]
    chip = ns.Chip(layers, inputs=64).learn(train[0], labels=train[1])
    return chip, None if readout is None else fitted(readout, chip, *train)


@pytest.mark.parametrize("make", READOUTS.values(), ids=READOUTS.keys())
@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS.keys())
def test_it_is_the_same_function_with_the_same_gradient(torch, train, layers, make):
    if layers is LAYERS["two layers"] and make() is None:
        layers = [layers[0]]
    chip, readout = made(train, layers, make())
    classifier = Classifier(chip, readout)
    samples, labels = train[0][:20].astype(np.float64), train[1][:20]
    samples[5] = 0
    module, x = as_torch_module(chip, readout), torch.tensor(samples, requires_grad=True)
    found = module(x)
    found[torch.arange(20), torch.tensor(labels)].sum().backward()
    assert found.detach().numpy() == pytest.approx(classifier.log_proba(samples), rel=1e-10, abs=1e-10)
    exact = classifier.gradient(samples, labels)
    assert x.grad.numpy() == pytest.approx(exact, abs=1e-6 * np.abs(exact).max())
    single = as_torch_module(chip, readout, dtype=np.float32)(torch.tensor(samples, dtype=torch.float32))
    assert single.dtype == torch.float32
    assert single.numpy() == pytest.approx(classifier.log_proba(samples), rel=1e-3, abs=1e-3)
    assert list(module.parameters()) == []


def test_it_takes_images_and_another_temperature(torch, train):
    chip, readout = made(train, LAYERS["one layer"], READOUTS["soft"]())
    samples = train[0][:20].astype(np.float64)
    smoother = as_torch_module(chip, readout, temperature=0.3)(torch.tensor(samples.reshape(20, 1, 8, 8)))
    assert smoother.numpy() == pytest.approx(Classifier(chip, readout, temperature=0.3).log_proba(samples), rel=1e-10)


def test_a_hard_competition_is_refused(torch, train):
    chip, readout = made(train, [ns.recipes.hard_wta(30)], ns.SoftLabels())
    with pytest.raises(ns.ConfigError, match="must be a softmax to have a gradient"):
        as_torch_module(chip, readout)


def test_an_attack_of_foolbox_lowers_the_probability_of_the_label(torch, train):
    foolbox = pytest.importorskip("foolbox", reason="Foolbox is not installed: it is only ever compared with")
    chip, readout = made(train, LAYERS["one layer"], READOUTS["soft"]())
    classifier = Classifier(chip, readout)
    samples, labels = (train[0][:20] / 16).astype(np.float64), train[1][:20]
    module = as_torch_module(chip, readout).eval()
    attack = foolbox.attacks.LinfPGD(rel_stepsize=0.1, steps=10, random_start=False)
    model = foolbox.PyTorchModel(module, bounds=(0, 1))
    _, attacked, _ = attack(model, torch.tensor(samples), torch.tensor(labels), epsilons=[0.2])
    attacked = attacked[0].numpy()
    rows = np.arange(20)
    assert np.abs(attacked - samples).max() <= 0.2 + 1e-12
    before, after = (classifier.log_proba(x)[rows, labels] for x in (samples, attacked))
    assert (after <= before).all()
    assert after.mean() < before.mean() - 0.5


def test_without_pytorch_one_line_says_how_to_install_it(train, monkeypatch):
    chip, readout = made(train, LAYERS["one layer"], ns.SoftLabels())
    monkeypatch.setattr("neurosim.interop.torch_module.find_spec", {}.get)
    with pytest.raises(
        ns.ConfigError, match=r"PyTorch must be installed, got 'none'; pip install 'neurosim-chip\[torch"
    ):
        as_torch_module(chip, readout)
