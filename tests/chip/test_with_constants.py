"""Constants cannot be assigned, which would do nothing; `with_constants` changes them and keeps the weights."""

import copy
import json
import pickle

import h5py
import numpy as np
import pytest

import neurosim as ns
from neurosim.chip.changing import change_in_place
from neurosim.layers.plain import describe
from neurosim.state.attributes import LONGEST_TEXT

SOFT = ns.SoftWTA(temperature=0.5)


@pytest.fixture
def chip(make_chip, samples):
    return make_chip(12, 5).learn(samples[:50])


@pytest.mark.parametrize("name", [
    "layers", "seed", "device", "shape", "inputs", "samples", "state_sha256", "changes", "rate", "temperature", "gain",
    "cap", "neurons", "rule", "competition", "window", "power",
])  # fmt: skip
def test_what_a_chip_has_is_not_assigned(chip, name):
    before = getattr(chip, name, None)
    with pytest.raises(ns.FixedError, match=rf"^{name} must not be assigned.*(with_constants\({name}=VALUE\)|made)"):
        setattr(chip, name, 7)
    assert getattr(chip, name, None) == before
    if before is not None:
        with pytest.raises(AttributeError):
            delattr(chip, name)


@pytest.mark.parametrize("name", [
    "constants", "index", "inputs", "outputs", "seed", "shape", "codes", "executor", "state", "weights", "norms",
    "samples", "rate", "temperature", "cap", "rule", "neurons", "power",
])  # fmt: skip
def test_what_a_layer_has_is_not_assigned(chip, name):
    with pytest.raises(ns.FixedError, match=rf"^{name} must not be assigned"):
        setattr(chip.layers[0], name, chip.layers[1].constants)
    with pytest.raises(AttributeError):
        delattr(chip.layers[0], name)
    with pytest.raises(AttributeError):
        chip.layers[0].constants.cap = 0.5


def test_notes_of_one_s_own_may_be_assigned(chip):
    chip.note = chip.layers[0].note = "mine"
    chip.note = "mine again"
    assert pickle.loads(pickle.dumps(chip)).note == copy.deepcopy(chip).note == "mine again"
    del chip.note

    class Counting(ns.Chip):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self.count = 0

        def learn_one(self, x, label=None, *, modulator=1.0):
            self.count += 1
            return super().learn_one(x, label, modulator=modulator)

    counting = Counting([ns.recipes.softhebb(3)], inputs=2)
    counting.learn_one([1, 2])
    assert counting.count == 1
    assert type(counting.with_constants(rate=0.1)) is Counting


def test_a_changed_chip_learns_by_the_new_constants_from_the_old_weights(chip, samples):
    before = chip.state_sha256
    other = chip.with_constants(rate=0.1, relative_temperature=0.04)
    assert chip.state_sha256 == other.state_sha256 == before
    assert [layer.constants for layer in other.layers] == [
        ns.recipes.softhebb(neurons, rate=0.1, relative_temperature=0.04) for neurons in (12, 5)
    ]
    learned = other.learn(samples[50:]).state_sha256
    assert chip.state_sha256 == before  # the original stays
    assert learned != chip.learn(samples[50:]).state_sha256


def test_a_rate_of_zero_stops_learning_and_the_old_one_goes_on(make_chip, samples):
    chip = make_chip(12).learn(samples[:50])
    stopped = chip.with_constants(rate=0.0)
    weights = chip.layers[0].weights
    assert np.array_equal(stopped.learn(samples[50:60]).layers[0].weights, weights)
    again = chip.with_constants(rate=0.3).with_constants(rate=1.5)
    assert again.learn(samples[50:]).state_sha256 == chip.learn(samples[50:]).state_sha256


def test_a_change_between_samples_is_that_of_a_schedule():
    # A straight line that ends at sample 10 is, from there on, the constant rate of its end.
    x = np.random.default_rng(0).random((30, 6), np.float32)

    def chip(rate):
        return ns.Chip([ns.DenseWTA(4, competition=SOFT, rule=ns.SoftHebb(rate=rate))], inputs=6, seed=2)

    line = chip(ns.LinearRate(0.25, 10, 0.0625)).learn(x)
    changed = (
        chip(ns.LinearRate(0.25, 10, 0.0625)).learn(x[:10]).with_constants(rate=ns.ConstantRate(0.0625)).learn(x[10:])
    )
    assert changed.state_sha256 == line.state_sha256


def test_one_layer_alone_may_be_changed_and_names_may_be_full(chip):
    other = chip.with_constants(layer=1, **{"rule.rate": 0.2})
    assert [layer.constants.rule.rate for layer in other.layers] == [1.5, 0.2]
    layer = ns.DenseWTA(3, competition=SOFT, rule=ns.SoftHebb(rate=ns.NormAdaptiveRate(0.3)), bias=ns.Conscience())
    biased = ns.Chip([layer], inputs=2).with_constants(rate=0.1, floor=0.02, strength=2.0, **{"bias.rate": 0.5})
    constants = biased.layers[0].constants
    assert constants.rule.rate == ns.NormAdaptiveRate(0.1, floor=0.02)  # the schedule stays
    assert constants.bias == ns.Conscience(rate=0.5, strength=2.0)
    assert biased.with_constants(gain=3.0).layers[0].constants.competition == ns.SoftWTA(gain=3.0)
    floored = chip.with_constants(floor=0.02).layers[0].constants.rule
    assert floored == ns.SoftHebb(rate=ns.NormAdaptiveRate(1.5, floor=0.02))


@pytest.mark.parametrize("constants", [
    {"temperature": 0.01, "relative_temperature": 0.05},
    {"temperature": 0.01, "gain": 5.0},
    {"competition.gain": 5.0, "relative_temperature": 0.05},
], ids=repr)  # fmt: skip
def test_softness_is_given_once(chip, constants):
    with pytest.raises(
        ns.ConfigError, match="temperature, gain or relative_temperature must be given, one of the thre"
    ):
        chip.with_constants(**constants)


def test_changes_are_recorded_and_kept_in_the_state(chip, samples, tmp_path):
    chip = chip.with_constants(cap=0.25)  # as it was: no change
    assert chip.changes == ()
    chip = chip.with_constants(rate=0.1, layer=0).learn(samples[50:60])
    chip = chip.with_constants(competition=ns.HardWTA(), layer=1)
    assert chip.changes == (
        {"sample": 50, "layer": 0, "name": "rule.rate", "old": 1.5, "new": 0.1},
        {"sample": 60, "layer": 1, "name": "competition", "old": describe(ns.SoftWTA(relative_temperature=0.025)),
         "new": {"kind": "HardWTA"}},
    )  # fmt: skip
    chip.save(tmp_path / "chip.h5")
    loaded = ns.Chip.load(tmp_path / "chip.h5")
    assert loaded.changes == chip.changes == pickle.loads(pickle.dumps(chip)).changes
    assert [layer.constants for layer in loaded.layers] == [layer.constants for layer in chip.layers]
    assert loaded.learn(samples).state_sha256 == chip.learn(samples).state_sha256
    ns.run(loaded, ns.streams.ArrayStream(samples), state=tmp_path / "run.h5", snapshot_samples=100)
    assert ns.Chip.load(tmp_path / "run.h5").changes == chip.changes


def test_a_chip_that_was_not_changed_or_has_learned_nothing_has_no_record(make_chip, samples, tmp_path):
    fresh = make_chip(5).with_constants(rate=0.1)
    assert fresh.changes == ()
    fresh.learn(samples).save(tmp_path / "chip.h5")
    with h5py.File(tmp_path / "chip.h5") as file:
        assert "changes" not in file.attrs


def test_the_record_is_bounded(make_chip, samples, tmp_path):
    chip = make_chip(3).learn(samples[:1])
    record = [{"sample": 1, "layer": 0, "name": "rule", "old": "before", "new": number} for number in range(995)]
    change_in_place(chip, [chip.layers[0].constants], record)
    for number in range(10):
        chip = chip.with_constants(rule=ns.SoftHebb(rate=ns.LinearRate(0.1, 1000.0 + number, 0.01)))
    assert [change["new"] for change in chip.changes[:990]] == list(range(5, 995))
    assert len(chip.changes) == 1000
    assert chip.changes[-1]["new"]["rate"]["samples"] == 1009
    chip.save(tmp_path / "chip.h5")
    assert ns.Chip.load(tmp_path / "chip.h5").changes == chip.changes


def test_the_record_is_as_long_as_a_state_file_can_keep(make_chip, samples, tmp_path):
    chip = make_chip(3).learn(samples[:1])
    constants = [chip.layers[0].constants]
    record = [{"sample": 1, "layer": 0, "name": "rule", "old": "\xe9" * 500, "new": number} for number in range(400)]
    longest = next(count for count in range(400, 0, -1) if len(json.dumps(record[:count])) <= LONGEST_TEXT)
    with pytest.raises(ns.ConfigError, match="at most 1000, and 1048576 characters"):
        change_in_place(chip, constants, record[: longest + 1])
    assert chip.changes == ()
    change_in_place(chip, constants, record[:longest])
    chip.save(tmp_path / "chip.h5")
    assert ns.Chip.load(tmp_path / "chip.h5").changes == tuple(record[:longest])
    assert chip.with_constants(rate=0.25).changes[-1]["new"] == 0.25  # the oldest make room


@pytest.mark.parametrize(("constants", "why"), [
    ({"neurons": 3}, "shapes by it"), ({"weight_bits": 4}, "stored in so many bits"),
    ({"initial": "normal"}, "first weights"), ({"radius": 2.0}, "first weights"),
    ({"renormalise": True}, "first weights"), ({"lebesgue": 3}, "to that power"),
    ({"normalise": "none"}, "unit that it gives"), ({"instruments": False}, "mean step sizes"),
    ({"eligibility": 0.5}, "a trace as large as the weights"), ({"bias": ns.Conscience()}, "what the bias needs"),
    ({"rule": ns.HebbNet(rate=0.1)}, "running means"), ({"rate": -1}, "at least 0"), ({"cap": 2}, "at most 1"),
    ({"speed": 1}, r"constants of DenseWTA must be among neurons.*got 'speed'.*layer="), ({"layer": 2}, "at most 1"),
    ({"layer": "first"}, "whole number"), ({"seed": 3}, "constants of DenseWTA must be among"),
    ({"temperature": None}, "exactly one"),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore::neurosim.StabilityWarning")
def test_what_would_not_fit_what_was_learned_is_refused_with_the_reason(chip, constants, why):
    before = chip.state_sha256
    with pytest.raises(ns.ConfigError, match=why) as said:
        chip.with_constants(**constants)
    assert "\n" not in str(said.value)
    assert chip.state_sha256 == before


def test_a_window_is_not_changed_before_its_end(make_chip, samples):
    chip = make_chip(5, window=4).learn(samples[:10])
    with pytest.raises(ns.ConfigError, match="2 samples wait for the end of a window"):
        chip.with_constants(window=8)
    assert chip.with_constants(rate=0.1).learn(samples[10:12]).layers[0].updates == 3
    chip.learn(samples[10:12])
    assert chip.with_constants(window=6).learn(samples[12:18]).layers[0].updates == chip.layers[0].updates + 1


def test_names_that_are_there_twice_are_asked_for_in_full():
    layer = ns.DenseWTA(3, competition=ns.NoInhibition(), rule=ns.SoftHebb(rate=0.1), transmit=ns.Triangle(power=2.0),
                        activation=ns.Triangle(power=2.0))  # fmt: skip
    chip = ns.Chip([layer], inputs=2)
    with pytest.raises(ns.ConfigError, match=r"name of a constant must be in full, .*transmit\.power.*got 'power'"):
        chip.with_constants(power=1.0)
    constants = chip.with_constants(**{"transmit.power": 1.0}).layers[0].constants
    assert (constants.transmit.power, constants.activation.power) == (1.0, 2.0)


@pytest.mark.slow
def test_images_and_rules_of_one_s_own_change_too(samples):
    @ns.rule
    def mine(response, rate, slope=1.0):
        return 1 - rate * response, rate * response * slope

    conv = ns.ConvWTA(4, kernel=3, competition=SOFT, rule=mine(rate=ns.LinearRate(0.1, 100.0)), transmit=ns.ReLU())
    chip = ns.Chip([conv], inputs=(1, 8, 8)).learn(samples[:20])
    other = chip.with_constants(rate=0.05, slope=0.5, horizon=50.0)
    rule = other.layers[0].constants.rule
    assert (rule.rate, dict(rule.constants)) == (ns.LinearRate(0.05, 100.0), {"slope": 0.5})
    assert other.layers[0].constants.horizon == 50
    assert other.state_sha256 == chip.state_sha256
    for refused in ({"stride": 2}, {"pool": ns.MaxPool(size=2, stride=2)}, {"kernel": 5}, {"normalise": "sample"}):
        with pytest.raises(ns.ConfigError, match="left as it is with the weights"):
            chip.with_constants(**refused)


def test_a_chip_that_has_diverged_is_not_copied(make_chip):
    chip = make_chip(3, inputs=2)
    chip.layers[0].state.synapses[:] = np.nan
    with pytest.raises(ns.DivergedError, match="synapses must be finite, and is not: go on from the last snapshot"):
        chip.with_constants(rate=0.1)
