"""First weights from samples, and a relative temperature: the same bits however samples come, and where they go on."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.dense import memory
from neurosim.kernels.dense import ahead as looking
from neurosim.kernels.dense import team

INPUTS, NEURONS = 30, 130  # as many neurons as it takes to look ahead
RULE = ns.SoftHebb(rate=0.3)
RELATIVE, HARD = ns.SoftWTA(relative_temperature=0.05), ns.HardWTA()
LAYERS = {
    "relative": ns.DenseWTA(NEURONS, competition=RELATIVE, rule=RULE, initial="normal", radius=2.0),
    "samples": ns.DenseWTA(NEURONS, competition=HARD, rule=RULE, initial="samples", radius=2.0),
    "both": ns.recipes.softhebb(NEURONS, initial="samples"),
    "window": ns.recipes.softhebb(NEURONS, initial="samples", window=3),
    "few bits": ns.recipes.softhebb(NEURONS, initial="samples", weight_bits=5),
    "conscience": ns.recipes.softhebb(NEURONS, initial="samples", bias=ns.Conscience(rate=0.01)),
}


def samples(count=400, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(count, INPUTS)) * (rng.random((count, INPUTS)) < 0.5)
    X[3] = X[count // 2] = 0
    return X.astype(np.float32)


def chip(name):
    return ns.Chip([LAYERS[name]], inputs=INPUTS, seed=3)


@pytest.fixture
def sums_are_taken_in_every_way(monkeypatch):
    monkeypatch.setattr(memory, "WIDE", 0)
    for module, name in (
        (team, "TOGETHER"), (team, "UNWRITTEN"), (looking, "READS"), (looking, "SHARED"), (looking, "COPIES"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, 0)


@pytest.mark.parametrize("name", LAYERS)
def test_bits_do_not_depend_on_chunks_or_threads(name, sums_are_taken_in_every_way):
    X = samples()
    alone = chip(name)
    for x in X:
        alone.learn_one(x)
    for ways in ({"chunk": 1}, {"chunk": 7}, {"chunk": 400}, {"chunk": 50, "threads": 3}):
        assert chip(name).learn(X, **ways).state_sha256 == alone.state_sha256, ways


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("cut", [1, 2, 60, 131, 133, 251])  # while neurons begin, as the last one does, amid a window
def test_a_saved_chip_goes_on_as_if_nothing_had_happened(name, cut, tmp_path):
    X, whole = samples(), chip(name)
    whole.learn(X)
    chip(name).learn(X[:cut]).save(tmp_path / "part.h5")
    again = ns.Chip.load(tmp_path / "part.h5").learn(X[cut:])
    assert again.state_sha256 == whole.state_sha256
    assert again.layers[0].temperature == whole.layers[0].temperature


def test_a_neuron_begins_as_its_sample_and_its_win_is_counted():
    X = samples(50)
    working = chip("samples").learn(X).layers[0]
    taught = X[X.any(axis=1)]
    expected = 2 * taught / np.linalg.norm(taught, axis=1, keepdims=True)
    np.testing.assert_allclose(working.weights[: len(taught)], expected, rtol=1e-5, atol=1e-6)
    assert not working.weights[len(taught) :].any()
    assert working.wins.tolist() == [1] * len(taught) + [0] * (NEURONS - len(taught))
    assert (working.samples, working.blanks, working.updates) == (50, 2, 0)


@pytest.mark.parametrize(
    "constants", [{}, {"lebesgue": 3.0}, {"lebesgue": 16.0}, {"weight_bits": 6}, {"normalise": "stream"}], ids=str
)
def test_a_sample_of_any_size_begins_a_neuron(constants):
    layer = ns.DenseWTA(3, competition=HARD, rule=RULE, initial="samples", radius=2.0, **constants)
    X = np.float32([[4, 0, -3]]) * np.float32([[1], [1e18], [1e-18]])
    weights = ns.Chip([layer], inputs=3, seed=3).learn(X).layers[0].weights
    direction, power = np.array([4, 0, -3]), constants.get("lebesgue", 2.0)
    expected = 2 * direction / (np.abs(direction) ** power).sum() ** (1 / power)
    np.testing.assert_allclose(weights, [expected] * 3, atol=0.1 if "weight_bits" in constants else 1e-4)


def test_every_neuron_of_signed_input_learns():
    working = chip("both").learn(samples(3000)).layers[0]
    assert (working.wins > 1).mean() > 0.98


@pytest.mark.parametrize("competition", [HARD, RELATIVE, ns.KWTA(winners=1)])
def test_a_neuron_that_has_not_begun_never_wins(competition):
    layer = ns.DenseWTA(9, competition=competition, rule=RULE, initial="samples")
    learned = ns.Chip([layer], inputs=4).learn(np.eye(4, dtype=np.float32)[:3])
    opposite = -np.eye(4, dtype=np.float32)[:3]  # all neurons that have begun have potentials below zero, or zero
    response = learned.respond(opposite)
    assert (response.potentials[:, :3].min(axis=1) < 0).all()
    assert (response.winner < 3).all()
    assert response.responses[:, 3:].max() < 1e-20


def test_an_array_stands_in_for_samples():
    first = np.random.default_rng(1).normal(size=(NEURONS, INPUTS)).astype(np.float32)
    given = ns.Chip([LAYERS["samples"]], inputs=INPUTS, initial=first).learn(samples(20))
    assert given.layers[0].updates == 18
    again = given.with_constants(cap=0.2).learn(samples(20))
    assert again.layers[0].updates == 36


@pytest.mark.parametrize("competition", [ns.Taught(), ns.Corrected(), ns.NoInhibition(), ns.SparseGate(share=0.5)])
def test_samples_are_no_first_weights_without_a_winner_among_all(competition):
    with pytest.raises(ns.ConfigError, match=f"initial must be .* with {type(competition).__name__}, got 'samples'"):
        ns.DenseWTA(5, competition=competition, rule=ns.Oja(rate=0.1), initial="samples")


def test_negative_input_is_refused_with_advice():
    learned = ns.Chip([ns.recipes.softhebb(5)], inputs=INPUTS)
    with pytest.raises(ns.SampleError, match="take initial='samples' or 'normal'"):
        learned.learn(samples(5))
