"""The resident kernel on a simulated device: its bits are the CPU's, whatever the blocks and the order of threads."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.cuda.dense import CudaDenseLayer
from neurosim.dense import DenseLayer

SOFT, HARD = ns.SoftWTA(temperature=0.5), ns.HardWTA()
SOFTHEBB, OJA = ns.SoftHebb(rate=0.3), ns.Oja(rate=0.2)


@ns.rule
def tempered(response, potential, mean, total, rate=0.2, ceiling=1.5):
    """A rule of one's own that asks for all there is."""
    growth = rate * min(response, ceiling) / (1 + mean)
    return 1 - growth * potential, growth + 0.001 * total


LAYERS = {
    "softhebb": dict(competition=SOFT, rule=SOFTHEBB),
    "recipe": None,
    "signed": dict(competition=ns.SoftWTA(temperature=0.5, signed=True), rule=SOFTHEBB, cutoff=0.0),
    "winner only": dict(competition=ns.SoftWTA(temperature=0.5, winner_only=True), rule=SOFTHEBB),
    "hard": dict(competition=HARD, rule=ns.Instar(rate=0.2)),
    "k winners": dict(competition=ns.KWTA(winners=3), rule=OJA),
    "ranked": dict(competition=ns.Ranked(rank=3), rule=ns.SoftHebb(rate=0.05), initial="normal", radius=1.0),
    "taught": dict(competition=ns.Taught(), rule=SOFTHEBB),
    "corrected": dict(competition=ns.Corrected(), rule=ns.Hebb(rate=0.2), initial="zeros"),
    "no inhibition": dict(competition=ns.NoInhibition(), rule=ns.BCM(rate=0.05), initial="normal", radius=1.0,
                          activation=ns.ReLU()),
    "gate": dict(competition=ns.SparseGate(share=0.4), rule=ns.Oja(rate=0.1), activation=ns.Softmax(temperature=0.5)),
    "signed gate": dict(competition=ns.SparseGate(share=0.4, signed=True), rule=OJA, radius=1.0,
                        activation=ns.Softmax(temperature=0.5)),
    "hebbnet": dict(competition=SOFT, rule=ns.HebbNet(rate=0.1), leak=0.1),
    "eghr": dict(competition=ns.NoInhibition(), rule=ns.EGHR(rate=0.01, threshold=1.0), initial="normal", radius=0.5),
    "own rule": dict(competition=SOFT, rule=tempered),
    "conscience": dict(competition=HARD, rule=SOFTHEBB, bias=ns.Conscience(rate=0.1)),
    "mean activity": dict(competition=SOFT, rule=SOFTHEBB, bias=ns.MeanActivity(), activation=ns.ReLU()),
    "log prior": dict(competition=SOFT, rule=SOFTHEBB, bias=ns.LogPrior()),
    "triangle": dict(competition=SOFT, rule=SOFTHEBB, activation=ns.Triangle(power=2.0), transmit=ns.Triangle()),
    "softmax sent": dict(competition=SOFT, rule=SOFTHEBB, transmit=ns.Softmax(temperature=0.3)),
    "softmax within": dict(competition=SOFT, rule=SOFTHEBB, activation=ns.Softmax(temperature=0.3)),
    "stream norm": dict(competition=SOFT, rule=SOFTHEBB, normalise="stream"),
    "sample norm": dict(competition=SOFT, rule=SOFTHEBB, normalise="sample"),
    "window": dict(competition=SOFT, rule=SOFTHEBB, window=4, cutoff=0.05),
    "window of means": dict(competition=SOFT, rule=ns.HebbNet(rate=0.1), leak=0.1, window=3, bias=ns.LogPrior()),
    "window of totals": dict(competition=ns.NoInhibition(), rule=ns.EGHR(rate=0.01, threshold=1.0), initial="normal", radius=0.5,
                             window=3),
    "p-norm": dict(competition=SOFT, rule=SOFTHEBB, lebesgue=3.0),
    "p-norm, odd": dict(competition=SOFT, rule=OJA, lebesgue=2.5, renormalise=True, initial="normal"),
    "renormalised": dict(competition=SOFT, rule=ns.Hebb(rate=0.5), renormalise=True),
    "unlearned": dict(competition=ns.SoftWTA(temperature=0.5, signed=True), rule=ns.Hebb(rate=2.0), renormalise=True,
                      initial="normal"),
    "leak": dict(competition=SOFT, rule=SOFTHEBB, leak=0.2),
    "leak to nothing": dict(competition=SOFT, rule=SOFTHEBB, leak=0.9),
    "eligibility": dict(competition=SOFT, rule=SOFTHEBB, eligibility=0.7),
    "eligibility renormalised": dict(competition=SOFT, rule=SOFTHEBB, eligibility=0.1, renormalise=True),
    "linear rate": dict(competition=SOFT, rule=ns.SoftHebb(rate=ns.LinearRate(0.3, samples=8))),
    "exponential rate": dict(competition=SOFT, rule=ns.SoftHebb(rate=ns.ExponentialRate(0.3, last=0.01, samples=8))),
    "rate by norm": dict(competition=SOFT, rule=ns.SoftHebb(rate=ns.NormAdaptiveRate(0.3, power=0.7))),
    "rate by wins": dict(competition=SOFT, rule=ns.SoftHebb(rate=ns.WinCountRate(0.3))),
    "few bits": dict(competition=SOFT, rule=SOFTHEBB, weight_bits=4),
    "two bits, nearest": dict(competition=SOFT, rule=SOFTHEBB, weight_bits=2, rounding="nearest"),
    "fold": dict(competition=HARD, rule=ns.Instar(rate=1.0), cap=1.0, radius=1e5),
    "no instruments": dict(competition=SOFT, rule=SOFTHEBB, instruments=False),
}  # fmt: skip


def samples(count, inputs, negative, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.random((count, inputs)) * (rng.random((count, inputs)) < 0.5) * (rng.choice([-1, 1]) if negative else 1)
    X[count // 2] = 0
    return X.astype(np.float32), rng.integers(-1, 5, count), rng.normal(size=count).astype(np.float32)


def constants_of(name, neurons):
    if name == "recipe":
        return ns.recipes.softhebb(neurons)
    return ns.DenseWTA(neurons, **LAYERS[name])


def learn(kind, constants, inputs, X, labels, modulators, chunk):
    """Return all that a layer gives and keeps, of samples in chunks."""
    layer = kind(constants, inputs, 3, 0)
    scratch, parts = layer.scratch(), []
    for start in range(0, len(X), chunk):
        part = slice(start, start + chunk)
        room = layer.results(len(X[part]), len(X[part]), len(X[part]))
        taken = layer.take(X[part], True, scratch, room, start, labels[part], modulators[part])
        assert taken.error is None
        parts.append(taken.results)
    given = {name: np.concatenate([getattr(part, name) for part in parts])
             for name in ("potentials", "responses", "winners", "outputs")}  # fmt: skip
    return given | layer.arrays()


def check_equal(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, array in theirs.items():
        assert ours[name].tobytes() == array.tobytes(), name


@pytest.fixture
def grid(monkeypatch):
    from whole_grid import whole_grid
    monkeypatch.setattr("neurosim.cuda.dense.THREADS", 8)
    return whole_grid


@pytest.mark.parametrize("name", LAYERS)
def test_a_chunk_gives_the_bits_of_the_cpu(name, grid):
    neurons, inputs = 7, 11
    constants = constants_of(name, neurons)
    X, labels, modulators = samples(9, inputs, constants.initial == "normal")
    theirs = learn(DenseLayer, constants, inputs, X, labels, modulators, 9)
    with grid(blocks=3, seed=len(name)):
        ours = learn(CudaDenseLayer, constants, inputs, X, labels, modulators, 5)
    check_equal(ours, theirs)
