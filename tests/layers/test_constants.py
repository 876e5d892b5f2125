"""Constants refuse what they cannot be, in words; they survive the way to JSON and back."""

import inspect
import json
from fractions import Fraction

import numpy as np
import pytest

import neurosim as ns
from neurosim.layers.plain import describe, rebuild

SOFT, RULE = ns.SoftWTA(temperature=0.1), ns.SoftHebb(rate=0.1)


def layer(neurons=5, **constants):
    return ns.DenseWTA(neurons, **({"competition": SOFT, "rule": RULE} | constants))


REFUSED = [
    (lambda: layer(weight_sum=0), "weight_sum must be positive, got 0"),
    (lambda: layer(weight_sum=1.0, renormalise=True), "renormalise must be False with weight_sum, got True"),
    (lambda: layer(weight_sum=1.0, initial="zeros"), "initial must be 'uniform' or 'normal' with weight_sum"),
    (lambda: layer(weight_sum=1.0, weight_bits=8), "weight_sum must be None with weight_bits, got 1.0"),
    (lambda: layer(step="max"), "step must be one of capped, largest, got 'max'"),
    (lambda: layer(step="largest", eligibility=0.5), "step must be 'capped' with an eligibility trace, got 'largest'"),
    (lambda: layer(step="largest", weight_bits=8), "step must be 'capped' with weight_bits, got 'largest'"),
    (lambda: ns.AdaptiveThreshold(step=-1), "step must be at least 0, got -1"),
    (lambda: ns.AdaptiveThreshold(leak=1.5), "leak must be from 0, at most 1, got 1.5"),
    (lambda: ns.SoftWTA(), "relative_temperature must be given, exactly one of the three, got (None, None, None)"),
    (lambda: ns.SoftWTA(temperature=1, gain=2), "given, exactly one of the three, got (1, 2, None)"),
    (lambda: ns.SoftWTA(temperature=0), "temperature must be positive, got 0"),
    (lambda: ns.SoftWTA(temperature=-1), "temperature must be positive, got -1"),
    (lambda: ns.SoftWTA(temperature=float("nan")), "temperature must be positive, got nan"),
    (lambda: ns.SoftWTA(temperature=float("inf")), "temperature must be positive and finite, got inf"),
    (lambda: ns.SoftWTA(temperature="warm"), "temperature must be positive, got 'warm'"),
    (lambda: ns.SoftWTA(temperature=True), "temperature must be positive, got True"),
    (lambda: ns.SoftWTA(gain=1), "gain must be above 1, got 1"),
    (lambda: ns.SoftWTA(temperature=1e-320), "temperature must be at least 1e-30, got 1e-320"),
    (lambda: ns.Softmax(temperature=1e-39), "temperature must be at least 1e-30, got 1e-39"),
    (lambda: ns.SoftWTA(temperature=1, signed="no"), "signed must be True or False, got 'no'"),
    (lambda: ns.KWTA(1, signed=1), "signed must be True or False, got 1"),
    (lambda: ns.KWTA(0), "winners must be a whole number of at least 1, got 0"),
    (lambda: ns.KWTA(2.5), "winners must be a whole number of at least 1, got 2.5"),
    (lambda: ns.SoftHebb(rate=-0.1), "rate must be at least 0, got -0.1"),
    (lambda: ns.NormAdaptiveRate(1, power=-1), "power must be at least 0, got -1"),
    (lambda: ns.NormAdaptiveRate(1, floor=float("inf")), "floor must be at least 0 and finite, got inf"),
    (lambda: ns.Oja(rate="slow"), "rate must be a number or a schedule, got 'slow'"),
    (lambda: ns.LinearRate(0.1, 0), "samples must be positive, got 0"),
    (lambda: ns.ExponentialRate(0.1, 10, 0), "last must be positive, got 0"),
    (lambda: ns.ExponentialRate(1, 10, 1e-38), "last must be within 37 powers of ten of rate"),
    (lambda: ns.Instar(rate=1.5), "rate of Instar must be at most 1, got 1.5; beyond, weights change sign"),
    (lambda: ns.BCM(rate=0.1, ceiling=1), "ceiling must be above 1, got 1"),
    (lambda: ns.BCM(rate=0.1, averaging=0), "averaging must be above 0 and at most 1, got 0"),
    (lambda: ns.EGHR(rate=0.1, threshold=0), "threshold must be positive, got 0"),
    (lambda: ns.Ranked(rank=1), "rank must be a whole number of at least 2, got 1"),
    (lambda: ns.SparseGate(share=0), "share must be above 0 and at most 1, got 0"),
    (lambda: ns.Conscience(rate=2), "rate must be above 0 and at most 1, got 2"),
    (lambda: ns.SoftWTA(temperature=1, signed=True, winner_only=True), "winner_only must be False with signed=True"),
    (lambda: layer(competition=ns.Ranked(rank=6)), "rank must be at most the number of neurons, 5, got 6"),
    (lambda: layer(bias=ns.LogPrior(), competition=ns.HardWTA()), "competition must be SoftWTA, not signed"),
    (lambda: layer(bias=3), "bias must be a Conscience, MeanActivity, LogPrior, AdaptiveThreshold or None, got 3"),
    (lambda: layer(lebesgue=0.5), "lebesgue must be from 1 to 16, got 0.5"),
    (lambda: layer(radius=1e18, lebesgue=3.0), "radius to the power of lebesgue must be at most 1e36, got (1e+18"),
    (lambda: layer(radius=np.ones(2)), "radius must be positive, got array"),
    (lambda: layer(window=4097), "window must be a whole number of at most 4096, got 4097"),
    (lambda: ns.Instar(rate=ns.LinearRate(0.1, 10, last=5)), "rate of Instar must be at most 1, got 5"),
    (lambda: ns.Corrected(temperature=0), "temperature must be positive, got 0"),
    (lambda: layer(initial="zeros", renormalise=True), "renormalise must be False with initial='zeros', got True"),
    (lambda: layer(initial="ones"), "initial must be one of uniform, normal, zeros, samples, got 'ones'"),
    (lambda: ns.recipes.delta_readout(0), "neurons must be a whole number of at least 1, got 0"),
    (lambda: ns.recipes.hebb(0), "neurons must be a whole number of at least 1, got 0"),
    (lambda: ns.recipes.instar(-4), "neurons must be a whole number of at least 1, got -4"),
    (lambda: ns.recipes.liuson("x"), "neurons must be a whole number of at least 1, got 'x'"),
    (lambda: ns.recipes.eghr(0), "neurons must be a whole number of at least 1, got 0"),
    (lambda: ns.recipes.k_wta(4, winners="a"), "winners must be a whole number of at least 1, got 'a'"),
    (lambda: ns.recipes.krotov_hopfield(4, rank=1.5), "rank must be a whole number of at least 2, got 1.5"),
    (lambda: ns.recipes.krotov_hopfield(1), "rank must be at most the number of neurons, 1, got 2"),
    (lambda: layer(leak=1), "leak must be from 0, below 1, got 1"),
    (lambda: layer(eligibility=0.5, window=2), "window must be 1 with an eligibility trace, got 2"),
    (
        lambda: ns.DenseWTA(513, competition=ns.NoInhibition(), rule=ns.Sanger(rate=0.1)),
        "neurons must be at most 512 with Sanger, got 513",
    ),
    (lambda: layer(rule=ns.OjaSubspace(rate=0.1)), "competition must be NoInhibition() with OjaSubspace, got SoftWTA"),
    (
        lambda: layer(competition=ns.NoInhibition(), rule=ns.Sanger(rate=ns.WinCountRate(0.1))),
        "rate of Sanger must be the same for all neurons, got WinCountRate",
    ),
    (
        lambda: layer(competition=ns.NoInhibition(), rule=ns.Sanger(rate=1), normalise="sample"),
        "rate of Sanger must be below 1 for inputs of norm 1, got 1",
    ),
    (lambda: ns.Triangle(power=0), "power must be positive, got 0"),
    (lambda: ns.Softmax(temperature=0), "temperature must be positive, got 0"),
    (lambda: layer(0), "neurons must be a whole number of at least 1, got 0"),
    (lambda: layer(competition=ns.KWTA(6)), "winners must be at most the number of neurons, 5, got 6"),
    (lambda: layer(competition="soft"), "SparseGate, Taught, Corrected or OwnCompetition, got 'soft'"),
    (lambda: layer(rule=SOFT), "HebbNet, BCM, EGHR, Sanger, OjaSubspace or OwnRule, got SoftWTA"),
    (lambda: layer(radius=0), "radius must be positive, got 0"),
    (lambda: layer(radius=1e19), "radius must be positive and at most 1e18, got 1e+19"),
    (lambda: layer(cap=2), "cap must be above 0 and at most 1, got 2"),
    (lambda: layer(cutoff=1), "cutoff must be from 0, below 1, got 1"),
    (lambda: layer(window=0), "window must be a whole number of at least 1, got 0"),
    (lambda: layer(normalise="x"), "normalise must be one of none, stream, sample"),
    (lambda: ns.recipes.softhebb(5, temperature=1, gain=2), "given, exactly one of the three, got (1, 2, None)"),
    (lambda: ns.Chip([], inputs=4), "layers must be a sequence of at least one DenseWTA or ConvWTA, got ()"),
    (lambda: ns.Chip(layer(), inputs=4), "layers must be a sequence of at least one DenseWTA"),
    (
        lambda: ns.Chip([layer(initial="normal"), layer()], inputs=4),
        "transmit of layer 1 must be ReLU, Triangle or Softmax, as layer 2 has initial='uniform'",
    ),
    (lambda: layer(10**29), "neurons must be a whole number of at most 2147483647"),
    (lambda: ns.SoftHebb(rate=10**400), "rate must be at least 0 and finite"),
    (lambda: ns.SoftWTA(gain=10**400), "gain must be above 1 and finite"),
    (lambda: ns.Chip([ns.recipes.softhebb(5)], inputs=0), "inputs must be a whole number of at least 1, got 0"),
    (lambda: ns.Chip([ns.recipes.softhebb(5)], inputs=4, seed=-1), "seed must be a whole number of at least 0, got -1"),
    (lambda: ns.Chip([layer()], inputs=4, seed=2**64), "seed must be a whole number of at most 18446744073709551615"),
    (lambda: ns.open_stream("digits", epochs=0), "epochs must be a whole number of at least 1, got 0"),
    (lambda: ns.open_stream("digits", shuffle=-1), "shuffle must be a whole number of at least 0, got -1"),
    (lambda: ns.open_stream("digits", inputs=0), "inputs must be a whole number of at least 1, got 0"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_a_constant_cannot_be_is_said_in_words(make, words):
    with pytest.raises(ns.ConfigError) as caught:
        make()
    assert words in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_temperature_and_gain_say_the_same():
    # ln b = 1 / temperature
    assert ns.SoftWTA(gain=2.718281828459045).sharpness == pytest.approx(ns.SoftWTA(temperature=1).sharpness)
    assert ns.SoftWTA(gain=2.0).sharpness == pytest.approx(0.6931471805599453)


@pytest.mark.parametrize("described", [
    ns.recipes.softhebb(7, gain=3.5, transmit=ns.Softmax(temperature=0.25)),
    ns.DenseWTA(5, competition=ns.KWTA(2, signed=True), rule=ns.SoftHebb(rate=1 / 3), transmit=ns.ReLU()),
    ns.DenseWTA(5, competition=ns.Ranked(rank=3), rule=ns.SoftHebb(rate=ns.LinearRate(0.1, 60)), bias=ns.Conscience()),
    ns.recipes.delta_readout(3, rate=ns.LinearRate(0.1, 60), competition=ns.Corrected(temperature=0.3)),
    ns.recipes.liuson(40, reading="A"), ns.recipes.hebbnet(8), ns.recipes.eghr(8), ns.recipes.bcm(8, leak=0.1),
    ns.DenseWTA(5, competition=ns.HardWTA(), rule=RULE, transmit=ns.Triangle(power=1.4), window=3, initial="normal"),
    ns.DenseWTA(5, competition=ns.SoftWTA(temperature=0.1, signed=True), rule=RULE, transmit=ns.Identity()),
])  # fmt: skip
def test_constants_survive_json(described):
    assert rebuild(json.loads(json.dumps(describe(described)))) == described


def test_numpys_numbers_become_plain_ones():
    soft = ns.SoftWTA(temperature=np.float32(0.1), signed=np.bool_(False))
    made = ns.recipes.softhebb(np.int64(3), competition=soft, window=np.int32(2), cutoff=Fraction(1, 8))
    assert rebuild(json.loads(json.dumps(describe(made)))) == made
    assert type(made.neurons) is int
    assert made.competition.temperature == float(np.float32(0.1))
    assert made.cutoff == 0.125


@pytest.mark.parametrize("broken", [
    {"kind": "os.system"}, {"kind": None}, {}, {"kind": "SoftHebb", "speed": 1}, {"kind": "SoftHebb", "rate": -1},
])  # fmt: skip
def test_unknown_constants_are_refused(broken):
    with pytest.raises(ns.ConfigError):
        rebuild(broken)


@pytest.mark.parametrize(("constants", "words"), [
    ({"rule": ns.Hebb(rate=0.1)}, "Hebb has no decay, so weights grow without bound"),
    ({"rule": ns.HebbNet(rate=0.1), "competition": ns.Corrected()}, "HebbNet has no decay, so weights grow"),
    ({"rule": ns.HebbNet(rate=0.1)}, "HebbNet has no decay, so weights grow without bound"),
    (
        {"rule": ns.BCM(rate=0.2, averaging=0.1), "normalise": "sample"},
        "rate of BCM must be below 0.1111 with averaging 0.1 for inputs of norm 1, got 0.2: responses will swing",
    ),
    (
        {"rule": ns.EGHR(rate=0.2, threshold=6), "normalise": "sample"},
        "rate of EGHR must be below 1 / neurons = 0.2 for inputs of norm 1, got 0.2: a step overshoots",
    ),
    ({"rule": ns.BCM(rate=2, averaging=1), "normalise": "sample"}, "rate of BCM must be below 2 with averaging 1"),
    (
        {"lebesgue": 1, "initial": "uniform"},
        "lebesgue=1 leaves of weights their signs, and with initial='uniform' all are positive, so all potentials are "
        "equal: lebesgue must be above 1, or initial another, got 1 and 'uniform'",
    ),
])  # fmt: skip
def test_what_may_not_stay_stable_is_warned_of(constants, words):
    with pytest.warns(ns.StabilityWarning) as caught:
        layer(**constants)
    assert words in str(caught[0].message)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("constants", [
    {"rule": ns.Hebb(rate=0.1), "renormalise": True}, {"rule": ns.Hebb(rate=0.1), "leak": 0.1},
    {"rule": ns.Hebb(rate=0)}, {"rule": ns.Hebb(rate=0.1), "competition": ns.Corrected()},
    {"rule": ns.BCM(rate=0.11, averaging=0.1), "normalise": "sample"}, {"rule": ns.BCM(rate=0.2, averaging=0.1)},
    {"lebesgue": 1, "initial": "normal"}, {"lebesgue": 1.1},
])  # fmt: skip
def test_what_stays_stable_is_not(constants):
    layer(**constants)


def test_numpys_rate_is_a_plain_one():
    for recipe in (ns.recipes.krotov_hopfield, ns.recipes.supervised_softhebb):
        assert recipe(5, rate=np.float32(0.5)) == recipe(5, rate=0.5)


def test_every_recipe_has_its_name_in_the_list():
    makers = [name for name, value in vars(ns.recipes).items()
              if inspect.isfunction(value) and value.__annotations__.get("return") is ns.DenseWTA]  # fmt: skip
    public = {name for name in makers if not name.startswith("_")} - {"named"}
    assert public == set(ns.recipes.NAMES)
    assert len(public) == len(ns.recipes.NAMES)
