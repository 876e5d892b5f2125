"""What a conscience does for a layer in which few neurons would win: plain SoftHebb, first weights of norm one."""

import pytest

import neurosim as ns
from neurosim.instruments import effective_winners, usage_entropy

NEURONS = 50
# Potentials of raw pixels are some three times a cosine, so a strong conscience takes several units of potential.
GENTLE, STRONG = (ns.Conscience(rate=0.1 / NEURONS, strength=units * NEURONS) for units in (0.5, 2.5))


@pytest.fixture
def learned():
    """Return a layer that has learned the digits once, raw pixels, with a bias on the competition."""

    def learn(bias, seed):
        train = ns.open_stream("digits:train")
        layer = ns.DenseWTA(
            NEURONS,
            competition=ns.SoftWTA(temperature=1 / 12),
            rule=ns.SoftHebb(rate=ns.LinearRate(0.03, train.length)),
            bias=bias,
            radius=1.0,
            cap=1.0,
        )
        return ns.Chip([layer], inputs=64, seed=seed).learn(train).layers[0]

    return learn


@pytest.mark.parametrize("seed", [0, 1])
def test_without_a_conscience_most_neurons_never_win(learned, seed):
    last = learned(None, seed).records[-1]
    assert last["never_won"] > 0.8
    assert last["usage_entropy"] < 0.4


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("bias", "never", "entropy"),
    [
        (GENTLE, 0.5, 0.7),
        (STRONG, 0.05, 0.95),
        (ns.MeanActivity(rate=0.05), 0.35, 0.55),
        (ns.MeanActivity(rate=0.005), 0.55, 0.5),
    ],
    ids=["gentle", "strong", "activity", "slow activity"],
)
def test_a_conscience_spreads_wins(learned, bias, never, entropy, seed):
    layer = learned(bias, seed)
    last = layer.records[-1]
    assert last["never_won"] < never
    assert last["usage_entropy"] > entropy
    plain = learned(None, seed).records[-1]
    assert last["effective_winners"] > 2 * plain["effective_winners"]
    # The record is of the first 1,400 samples, the functions of all 1,437.
    assert usage_entropy(layer.wins) == pytest.approx(last["usage_entropy"], abs=0.02)
    assert effective_winners(layer.wins) == pytest.approx(last["effective_winners"], rel=0.1)


def test_a_conscience_of_no_strength_changes_nothing(learned):
    assert (learned(ns.Conscience(strength=0.0), 0).weights == learned(None, 0).weights).all()


@pytest.mark.parametrize("recipe", [ns.recipes.hebb, ns.recipes.instar])
@pytest.mark.parametrize("neurons", [20, 50, 100])
def test_the_recipes_with_a_conscience_use_their_neurons_at_any_width(recipe, neurons):
    layer = ns.Chip([recipe(neurons)], inputs=64, seed=0).learn(ns.open_stream("digits:train")).layers[0]
    assert layer.records[-1]["usage_entropy"] > 0.85
    assert layer.records[-1]["never_won"] < 0.2
