"""The twin by backpropagation: its gradients, what it learns, that seeds decide, that constants are checked."""

import sys

import numpy as np
import pytest

import neurosim as ns
from neurosim.studies.bayes import twin

torch = pytest.importorskip("torch", reason="PyTorch is not installed: the twin is trained by it")


def digits(part):
    stream = ns.open_stream(f"digits:{part}")
    block = stream.take(np.arange(stream.length))
    return block.samples, block.labels


@pytest.fixture(scope="module")
def trained():
    return twin.train(*digits("train"), 10, neurons=50, rate=0.2, epochs=10)


def test_digits_are_learned_by_either_optimiser(trained):
    samples, labels = digits("test")
    assert trained.accuracy(samples, labels) > 0.88
    adam = twin.train(*digits("train"), 10, neurons=50, optimiser="adam", rate=0.01, epochs=10)
    assert adam.accuracy(samples, labels) > 0.88
    before = twin.train(*digits("train"), 10, neurons=50, rate=1e-9)
    assert before.accuracy(samples, labels) < 0.3


def test_log_proba_is_that_of_the_equation(trained):
    samples = digits("test")[0].astype(np.float64)
    first, first_bias, last, last_bias = (array.astype(np.float64) for array in trained.parameters)
    inputs = trained.scale * samples / np.sqrt((samples**2).sum(axis=1, keepdims=True))
    potentials = np.maximum(inputs @ first.T + first_bias, 0) @ last.T + last_bias
    shares = np.exp(potentials) / np.exp(potentials).sum(axis=1, keepdims=True)
    found = trained.log_proba(samples)
    assert found.dtype == np.float64
    assert np.allclose(np.exp(found), shares, atol=1e-12)
    assert np.array_equal(trained.predict(samples), shares.argmax(axis=1))
    assert trained.scale == pytest.approx(np.linalg.norm(digits("train")[0], axis=1).mean())


def test_gradients_are_finite_differences(trained):
    samples, labels = (array[:8] for array in digits("test"))
    samples, step = samples.astype(np.float64), 1e-6
    found = trained.gradient(samples, labels)
    assert found.shape == samples.shape
    assert found.dtype == np.float64
    wanted = np.empty_like(samples)
    for index in range(samples.shape[1]):
        ends = [samples.copy(), samples.copy()]
        ends[0][:, index] += step
        ends[1][:, index] -= step
        above, below = (trained.log_proba(end)[np.arange(8), labels] for end in ends)
        wanted[:, index] = (above - below) / (2 * step)
    assert np.abs(wanted).max() > 0.01
    assert np.allclose(found, wanted, atol=1e-6)
    assert np.allclose((found * samples).sum(axis=1), 0, atol=1e-9)  # it sees directions alone
    single = trained.gradient(samples.astype(np.float32), labels)
    assert single.dtype == np.float64
    assert np.allclose(single, found, atol=1e-4)


def test_results_do_not_depend_on_how_many_samples_are_asked_together(trained, monkeypatch):
    samples, labels = digits("test")
    whole = trained.log_proba(samples.astype(np.float64)), trained.gradient(samples.astype(np.float64), labels)
    monkeypatch.setattr(twin, "TOGETHER", 7)
    parts = trained.log_proba(samples.astype(np.float64)), trained.gradient(samples.astype(np.float64), labels)
    assert all(np.allclose(one, other, atol=1e-10) for one, other in zip(whole, parts, strict=True))


@pytest.mark.parametrize("optimiser", twin.OPTIMISERS)
def test_a_seed_decides_all(optimiser):
    samples, labels = (array[:200] for array in digits("train"))
    torch.manual_seed(1)
    threads = torch.get_num_threads()
    twins = []
    for seed, threads_now in ((0, 1), (0, 2), (1, 1)):
        torch.set_num_threads(threads_now)
        twins.append(twin.train(samples, labels, 10, neurons=20, optimiser=optimiser, rate=0.01, seed=seed))
        assert torch.get_num_threads() == threads_now
        torch.rand(3)
    torch.set_num_threads(threads)
    for first, again, other in zip(*(one.parameters for one in twins), strict=True):
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)


def test_one_step_of_descent_is_the_rate_times_the_gradient():
    samples, labels = (array[:1] for array in digits("train"))
    steps = [twin.train(samples, labels, 10, neurons=4, rate=rate).parameters for rate in (1e-9, 0.5, 1.0)]
    start, half, one = ([array.astype(np.float64) for array in parameters] for parameters in steps)
    for before, middle, after in zip(start, half, one, strict=True):
        assert np.allclose(after - before, 2 * (middle - before), atol=1e-5)
    hidden = np.maximum(start[0] @ samples[0] + start[1], 0)  # the scale is the sample's own norm
    potentials = start[2] @ hidden + start[3]
    shares = np.exp(potentials) / np.exp(potentials).sum()
    wanted = np.outer((np.arange(10) == labels[0]) - shares, hidden)
    assert np.abs(wanted).max() > 0.01
    assert np.allclose(one[2] - start[2], wanted, atol=1e-5)


def test_a_decaying_rate_ends_near_nothing():
    samples, labels = (np.repeat(array[:1], 10, axis=0) for array in digits("train"))
    constants = {"neurons": 4, "rate": 0.1, "batch": 1}
    decayed, constant = (twin.train(samples, labels, 10, decay=decay, **constants) for decay in (True, False))
    shares = [np.exp(one.log_proba(samples[:1]))[0, labels[0]] for one in (decayed, constant)]
    start = twin.train(samples, labels, 10, neurons=4, rate=1e-9)
    assert np.exp(start.log_proba(samples[:1]))[0, labels[0]] < shares[0] < shares[1]


def test_the_choice_is_the_best_of_all_candidates_on_held_out_samples():
    samples, labels = digits("train")
    sets = (samples[:150], labels[:150]), (samples[-300:], labels[-300:])
    choice = twin.chosen(*sets, 10, neurons=20, optimiser="sgd", seed=2)
    tried = twin.candidates("sgd", 150, norm=float(np.linalg.norm(sets[0][0], axis=1).mean()))
    assert choice.trainings == len(tried) == len(set(tried)) == 8
    accuracies = [
        twin.train(*sets[0], 10, neurons=20, rate=rate, batch=batch, seed=2).accuracy(*sets[1]) for rate, batch in tried
    ]
    assert choice.accuracy == max(accuracies) > min(accuracies)
    assert tried[np.argmax(accuracies)] == (choice.rate, choice.batch)
    constant = twin.chosen(*sets, 10, neurons=20, optimiser="sgd", decay=False, seed=2)
    assert constant.accuracy != choice.accuracy
    assert {batch for _, batch in twin.candidates("adam", 60_000)} == {8, 32}
    usual, large = (np.array(twin.candidates("sgd", 100, norm)) for norm in (twin.NORM, 3 * twin.NORM))
    assert np.allclose(usual[:, 0], 9 * large[:, 0])
    assert twin.candidates("adam", 100, 5.0) == twin.candidates("adam", 100)


SAMPLES, LABELS = np.ones((4, 3), np.float32), np.array([0, 1, 0, 1])
GOOD = {"neurons": 2, "rate": 0.1}
REFUSED = {
    "a rate of nothing": (ns.ConfigError, {"rate": 0.0}, "rate must be positive, got 0.0"),
    "no number": (ns.ConfigError, {"rate": float("nan")}, "rate must be positive, got nan"),
    "no neurons": (ns.ConfigError, {"neurons": 0}, "neurons must be a whole number of at least 1"),
    "no batch": (ns.ConfigError, {"batch": 0}, "batch must be a whole number of at least 1"),
    "no epochs": (ns.ConfigError, {"epochs": 0}, "epochs must be a whole number of at least 1"),
    "another optimiser": (ns.ConfigError, {"optimiser": "lbfgs"}, "optimiser must be one of sgd, adam, got 'lbfgs'"),
    "one class": (ns.ConfigError, {"classes": 1}, "classes must be a whole number of at least 2, got 1"),
    "a label too high": (ns.SampleError, {"labels": LABELS + 1}, "labels must be from 0 to 1"),
    "too few labels": (ns.SampleError, {"labels": LABELS[:3]}, "labels"),
    "nothing but zeros": (ns.SampleError, {"samples": 0 * SAMPLES}, "samples to train on must have a positive mean"),
    "no samples": (ns.SampleError, {"samples": SAMPLES[:0], "labels": LABELS[:0]}, "samples to train on must have a"),
    "a cube": (ns.SampleError, {"samples": SAMPLES[None]}, "samples must be numbers (samples, inputs), got shape (1,"),
    "NaN": (ns.SampleError, {"samples": SAMPLES * np.float32("nan")}, "samples to train on must have a positive mean"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_one_line(case):
    kind, changes, words = REFUSED[case]
    arguments = {"samples": SAMPLES, "labels": LABELS, "classes": 2} | GOOD | changes
    with pytest.raises(kind) as caught:
        twin.train(**arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_pytorch_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(twin, "find_spec", lambda name: None)
    with pytest.raises(
        ns.ConfigError, match=r"PyTorch must be installed, got 'none'; pip install 'neurosim-chip\[torch"
    ):
        twin.train(SAMPLES, LABELS, 2, **GOOD)


def test_importing_the_module_does_not_import_pytorch():
    import subprocess

    code = "import sys, neurosim.studies.bayes.twin; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
