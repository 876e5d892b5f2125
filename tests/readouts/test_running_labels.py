"""Names of winners follow labels as they come, by their definition; late ones too."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import ConfigError, SampleError, StateError
from neurosim.online.companion import restore

NEURONS, CLASSES = 6, 4
RNG = np.random.default_rng(2)
WINNERS, LABELS = RNG.integers(NEURONS, size=500), RNG.integers(CLASSES, size=500)


def names_of(winners, labels, forget):
    """Return names from the whole history: each label weighs by how many of the neuron's came after it."""
    names = []
    for k in range(NEURONS):
        own = [label for winner, label in zip(winners, labels, strict=True) if winner == k and label >= 0]
        weights = [sum((1 - forget) ** (len(own) - 1 - i) for i, c in enumerate(own) if c == n) for n in range(CLASSES)]
        names.append(int(np.argmax(weights)) if own else -1)
    return names


@pytest.mark.parametrize("forget", [0.0, 0.01, 0.3, 0.95])  # the last brings weights beyond 1e100
def test_names_are_those_of_the_definition(forget):
    labels = ns.RunningLabels(NEURONS, forget=forget)
    for count, (winner, label) in enumerate(zip(WINNERS.tolist(), LABELS.tolist(), strict=True), 1):
        labels.learn_one(winner, label)
        if count % 50 == 0:
            assert labels.names.tolist() == names_of(WINNERS[:count], LABELS[:count], forget)


def test_without_forgetting_they_are_those_of_winner_labels():
    chip = ns.Chip([ns.recipes.softhebb(20)], inputs=64).learn(ns.open_stream("digits:train"))
    block = next(ns.open_stream("digits:train").blocks(size=2000))
    response = chip.respond(block.samples)
    fitted = ns.WinnerLabels()
    fitted.add(response, block.labels)
    fitted.finish()
    labels = ns.RunningLabels.of_history(response.winner, block.labels, 20)
    won = fitted.wins_ > 0
    assert won.sum() > 15
    assert labels.names[won].tolist() == fitted.labels_[won].tolist()
    assert (labels.names[~won] == -1).all()


def test_a_winner_without_a_name_is_called_as_the_named_neuron_of_largest_potential():
    labels = ns.RunningLabels(4)
    potentials = np.array([0.9, -0.5, -0.2, 0.8])
    assert labels.predict_one(0, potentials) == -1
    labels.learn_one(1, 7)
    labels.learn_one(2, 3)
    assert labels.predict_one(0) == -1
    assert labels.predict_one(0, potentials) == 3
    assert labels.predict_one(1, potentials) == 7
    assert labels.predict_one(-1, potentials) == -1


def test_late_labels_are_learned_as_long_as_their_winners_are_remembered():
    labels, other = ns.RunningLabels(3, remember=10), ns.RunningLabels(3)
    numbers = [labels.note(winner) for winner in (0, 1, 2, -1)]
    assert numbers == [0, 1, 2, 3]
    assert labels.learn_late(1, 5)
    other.learn_one(1, 5)
    assert labels.learn_late(3, 5)  # nobody won it: nothing to learn
    assert labels.names.tolist() == other.names.tolist() == [-1, 5, -1]
    for _ in range(8):
        labels.note(0)
    assert not labels.learn_late(1, 2)
    assert labels.learn_late(2, 2)
    assert labels.names.tolist() == [-1, 5, 2]
    assert labels.noted == 12


def test_no_label_teaches_nothing():
    labels = ns.RunningLabels(2)
    labels.learn_one(0, -1)
    labels.learn_one(-1, 1)
    assert labels.names.tolist() == [-1, -1]


def test_what_it_keeps_goes_on_with_the_same_bits(tmp_path):
    chip, state = ns.Chip([ns.recipes.softhebb(NEURONS)], inputs=2), tmp_path / "chip.h5"
    whole, first = ns.RunningLabels(NEURONS, forget=0.1), ns.RunningLabels(NEURONS, forget=0.1)
    for number, (winner, label) in enumerate(zip(WINNERS.tolist(), LABELS.tolist(), strict=True)):
        if number == 200:
            chip.save(state, beside={"labels": first.arrays()})
            first = ns.RunningLabels(NEURONS, forget=0.1)
            restore(state, ns.streams.ArrayStream(np.ones((1, 2))), [first])
        for labels in (whole, first):
            assert labels.note(winner) == number
            labels.learn_late(max(0, number - 20), label)
    assert all(np.array_equal(array, first.arrays()[name]) for name, array in whole.arrays().items())
    for other in (ns.RunningLabels(NEURONS, forget=0.2), ns.RunningLabels(2), ns.RunningLabels(NEURONS, remember=3)):
        with pytest.raises(StateError, match="labels must"):
            restore(state, ns.streams.ArrayStream(np.ones((1, 2))), [other])


@pytest.mark.parametrize(
    ("name", "value"),
    [("names", 9), ("names", -2), ("counts", np.nan), ("counts", -1), ("winners", 6), ("weights", 0), ("noted", -1)],
)
def test_damaged_arrays_are_refused(name, value):
    labels = ns.RunningLabels(NEURONS)
    labels.learn_one(0, 3)
    damaged = labels.arrays()
    damaged[name].flat[0] = value
    with pytest.raises(ValueError, match="labels must be a table"):
        ns.RunningLabels(NEURONS).restore(damaged)


def test_parameters_out_of_range_are_refused():
    for arguments, message in (
        ({"neurons": 0}, "neurons must be a whole number of at least 1"),
        ({"neurons": 2, "forget": 1.0}, "forget must be at least 0 and below 1"),
        ({"neurons": 2, "forget": -0.1}, "forget must be at least 0"),
        ({"neurons": 2, "remember": 0}, "remember must be a whole number of at least 1"),
    ):
        with pytest.raises(ConfigError, match=message):
            ns.RunningLabels(**arguments)


def test_winners_and_labels_out_of_range_are_refused():
    labels = ns.RunningLabels(2)
    for call, message in (
        (lambda: labels.learn_one(2, 0), "winner must be one of 2 neurons, from 0, or -1 for none, got 2"),
        (lambda: labels.learn_one(0, 10_000), "label must be a whole number from 0, below 10000"),
        (lambda: labels.learn_one(0, 1.5), "label must be a whole number"),
        (lambda: labels.note(-2), "winner must be one of 2 neurons"),
        (lambda: labels.predict_one(0, [1.0]), "potentials must be one for each of 2 neurons"),
        (lambda: labels.learn_late(0, 1), "number must be that of a sample that was noted, from 0, below 0, got 0"),
        (lambda: ns.RunningLabels.of_history([0, 1], [1]), "labels must be whole numbers, one for each of 2 samples"),
        (lambda: ns.RunningLabels.of_history([], []), "winners must be whole numbers"),
        (lambda: ns.RunningLabels.of_history([3], [1], 2), "winner must be one of 2 neurons"),
    ):
        with pytest.raises(SampleError, match=message):
            call()
