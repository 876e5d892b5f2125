"""Streams that change: a floor lets neurons follow, and the report and `inspect` say that inputs have changed."""

import json

import numpy as np
import pytest
from commands import invoke, stream

import neurosim as ns
from neurosim.online.drift import drift_of, sentence
from neurosim.readouts.labels import accuracy

BEFORE, AFTER = 6_000, 4_000


def clusters(seed, count, spread=0.05):
    """Return samples of ten Gaussian clusters, without negative values, and their labels."""
    rng = np.random.default_rng(seed)
    centres, labels = rng.random((10, 32)), rng.integers(10, size=count)
    return np.maximum(centres[labels] + rng.normal(scale=spread, size=(count, 32)), 0).astype(np.float32), labels


def purity(chip, samples, labels):
    """Return the share of samples with the most frequent label of what their winner wins."""
    winners = chip.respond(samples).winner
    most = np.array([np.bincount(labels[winners == k]).argmax() if (winners == k).any() else 0 for k in range(200)])
    return accuracy(most[winners], labels)


def learned(samples, recipe="softhebb", **constants):
    return ns.Chip([ns.recipes.named(recipe, 50, **constants)], inputs=samples.shape[1]).learn(samples)


@pytest.fixture(scope="module")
def changing():
    """Return clusters whose centres change after `BEFORE` samples, and the new regime's samples and labels."""
    (first, _), (later, labels) = clusters(1, BEFORE), clusters(2, AFTER)
    return np.concatenate([first, later]), later, labels


def test_neurons_that_fit_well_freeze_and_a_floor_lets_them_follow(changing):
    samples, later, labels = changing
    softness = {"temperature": 0.01}  # the colder it is, the fewer follow
    assert purity(learned(samples, **softness), later, labels) < 0.85
    assert purity(learned(samples, floor=0.1, **softness), later, labels) > 0.95


@pytest.mark.parametrize("recipe", ["softhebb", "hard_wta", "k_wta", "instar"])
def test_a_change_is_told_and_a_steady_stream_is_not(changing, recipe):
    samples, _, _ = changing
    chip = learned(samples[:BEFORE], recipe)
    calm = drift_of(chip.layers[0])
    assert (calm["alarm"], calm["since"]) == (False, None)
    assert sentence(calm).startswith("none: steps are ")
    found = drift_of(chip.learn(samples[BEFORE:]).layers[0])
    assert found["alarm"]
    assert BEFORE - 400 <= found["since"] <= BEFORE + 400
    assert sentence(found).startswith(f"since sample {found['since']:,} steps are {found['steps']:.1f} times")


def test_the_advice_is_for_rates_that_are_slow_and_may_have_a_floor(changing):
    samples, _, _ = changing
    slow = drift_of(learned(samples).layers[0])
    assert slow["rate"] == pytest.approx(
        np.median(1.5 * np.sqrt(np.abs(learned(samples).layers[0].norms - 1))), rel=1e-4
    )
    assert slow["rate_floor"] == 0
    assert sentence(slow).endswith(f"the median neuron's rate is {slow['rate']:.2g}; see --rate-floor")
    quick = drift_of(learned(samples[: BEFORE + 600], floor=0.05).layers[0])
    assert quick["rate"] == quick["rate_floor"] == 0.05
    assert "--rate-floor" not in sentence(quick)


@pytest.mark.parametrize("seed", range(3))
def test_steady_digits_raise_no_alarm_at_any_record(seed):
    rng, x = (
        np.random.default_rng(seed),
        np.concatenate([b.samples for b in ns.open_stream("digits:train").blocks(512)]),
    )
    chip = ns.Chip([ns.recipes.softhebb(30)], inputs=64, seed=seed)
    for _ in range(4):
        for piece in np.array_split(x[rng.permutation(len(x))], 7):
            chip.learn(piece)
            found = drift_of(chip.layers[0])
            assert found is None or not found["alarm"]
    assert found is not None


def test_inputs_that_all_fit_one_neuron_are_told_by_the_winners():
    x = np.concatenate([b.samples for b in ns.open_stream("digits:train").blocks(512)])
    rng = np.random.default_rng(0)
    order = np.concatenate([rng.permutation(len(x)) for _ in range(4)])
    found = drift_of(learned(np.concatenate([x[order], x.max() - x[order]])).layers[0])
    assert found["alarm"]
    assert found["effective_winners"] < found["effective_winners_most"] / 3
    assert "effective winners fell from" in sentence(found)


def test_what_is_told_depends_on_samples_alone(changing, tmp_path):
    samples, _, _ = changing
    whole = learned(samples)
    pieces = ns.Chip([ns.recipes.softhebb(50)], inputs=32)
    for start in range(0, len(samples), 937):
        pieces.learn(samples[start : start + 937])
        pieces.save(tmp_path / "chip.h5")
        pieces = ns.Chip.load(tmp_path / "chip.h5")
    before = pieces.state_sha256
    assert drift_of(pieces.layers[0]) == drift_of(whole.layers[0])
    assert pieces.state_sha256 == before == whole.state_sha256


@pytest.mark.parametrize(("layer", "why"), [
    (ns.recipes.softhebb(20, instruments=False), "no records"),
    (ns.recipes.oja(20), "no competition"),
    (ns.recipes.hebb(20), "steps do not get smaller"),
    (ns.recipes.krotov_hopfield(20), "neurons unlearn"),
    (ns.recipes.softhebb(20, competition=ns.SoftWTA(temperature=0.01, signed=True)), "neurons unlearn"),
    (ns.recipes.softhebb(20, eligibility=0.5), "steps wait for a modulator"),
    (ns.recipes.softhebb(20, rate=ns.LinearRate(0.5, samples=1000)), "the rate is 0"),
])  # fmt: skip
def test_nothing_is_told_where_steps_say_nothing(changing, layer, why):
    assert drift_of(ns.Chip([layer], inputs=32).learn(changing[0][:3000]).layers[0]) is None, why


def test_nothing_is_told_of_the_layers_behind_the_first(changing):
    chip = ns.Chip([ns.recipes.softhebb(50), ns.recipes.softhebb(20)], inputs=32).learn(changing[0])
    assert [drift_of(layer) is None for layer in chip.layers] == [False, True]


def test_a_rate_that_falls_with_time_is_no_sign(changing):
    rate = ns.ExponentialRate(0.2, samples=BEFORE, last=0.002)
    chip = learned(changing[0][:BEFORE], rate=rate)
    assert not drift_of(chip.layers[0])["alarm"]
    assert drift_of(chip.learn(changing[1]).layers[0])["alarm"]


def test_report_and_inspect_say_it(changing, tmp_path):
    samples, _, _ = changing
    np.save(tmp_path / "steady.npy", samples[:BEFORE])
    np.save(tmp_path / "changing.npy", samples)
    state, options = tmp_path / "chip.h5", ("--neurons", "50", "--chunk", "100")
    steady = stream(tmp_path / "steady.npy", *options)
    assert steady["drift"]["alarm"] is False
    assert "drift" not in invoke("stream", tmp_path / "steady.npy", *options).stdout
    assert stream("digits:train")["drift"] is None  # fewer records than it takes
    shown = invoke("stream", tmp_path / "changing.npy", *options, "--state", state).stdout
    (line,) = [line for line in shown.splitlines() if line.split()[0] == "drift"]
    assert "since sample 6,0" in line
    assert "see --rate-floor" in line
    assert line in invoke("inspect", state).stdout.splitlines()
    (layer,) = json.loads(invoke("inspect", state, "--json").stdout)["layers"]
    assert layer["drift"] == drift_of(ns.Chip.load(state).layers[0])


def test_the_floor_is_an_option_that_the_state_keeps(tmp_path):
    state = tmp_path / "chip.h5"
    stream("digits:train", "--neurons", "20", "--rate-floor", "0.3", "--state", state)
    assert ns.Chip.load(state).layers[0].constants == ns.recipes.softhebb(20, floor=0.3)
    assert stream("digits:train", "--rate-floor", "0.3", "--epochs", "2", "--state", state)["samples"] == 1437
    assert stream("digits:train", "--epochs", "3", "--state", state)["samples"] == 1437
    refused = invoke("stream", "digits:train", "--rate-floor", "0.1", "--epochs", "4", "--state", state, code=2).stderr
    assert "floor is 0.3 there, 0.1 here" in refused
    assert len(refused.splitlines()) == 1


@pytest.mark.parametrize(("options", "error"), [
    (["--recipe", "oja", "--rate-floor", "0.1"], "floor must be left out with the recipe oja, got 0.1"),
    (["--preset", "softhebb-cifar10-3layer", "--rate-floor", "0.1"], "floor must be left out with --preset"),
    (["--rate-floor", "nan"], "floor must be at least 0, got nan"),
    (["--rate-floor=-1"], "floor must be at least 0, got -1.0"),
])  # fmt: skip
def test_a_floor_that_cannot_be_is_refused_in_one_line(options, error):
    refused = invoke("stream", "digits:train", *options, code=2).stderr
    assert error in refused
    assert len(refused.splitlines()) == 1


def test_a_constant_that_is_changed_is_no_drift():
    calm, _ = clusters(1, 16000)
    chip = ns.Chip([ns.recipes.softhebb(20, rate=0.05)], inputs=calm.shape[1]).learn(calm[:8000])
    chip, alarms, told = chip.with_constants(rate=1.5), [], []
    for first in range(8000, 16000, 400):
        chip.learn(calm[first : first + 400])
        alarms.append(drift_of(chip.layers[0])["alarm"])
        told.append(drift_of(chip.layers[0], chip.changes))
    assert any(alarms)
    assert told[0] is None  # too few records since
    assert told[-1] is not None
    assert not any(found["alarm"] for found in told if found is not None)
