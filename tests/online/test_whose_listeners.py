"""What follows a chip is refused by another before a sample is learned, and compiled code stays within its arrays."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import ConfigError
from neurosim.kernels import late_labels, novelty
from neurosim.streams import ArrayStream


def chip_of(neurons, inputs=8):
    return ns.Chip([ns.recipes.softhebb(neurons)], inputs=inputs)


def stream_of(inputs=8):
    samples = np.random.default_rng(0).random((40, inputs), np.float32)
    return ArrayStream(samples, np.arange(40) % 3)


@pytest.mark.parametrize("kind", [ns.Novelty, ns.Prequential])
@pytest.mark.parametrize("sizes", [(7, 50), (50, 7)])
def test_one_of_another_chip_is_refused(kind, sizes):
    follower, chip = kind(chip_of(sizes[0])), chip_of(sizes[1])
    for ways in ({"listener": follower}, {"companions": [follower]}):
        with pytest.raises(ConfigError, match=rf"whose last layer is 8 -> {sizes[1]}, got .* 8 -> {sizes[0]}'; make"):
            ns.run(chip, stream_of(), **ways)
        with pytest.raises(ConfigError, match="make it from this chip"):
            next(ns.watch(chip, stream_of(), **ways))
    assert chip.samples == 0


def test_one_of_a_chip_of_other_inputs_is_refused():
    chip = chip_of(5, 4)
    with pytest.raises(ConfigError, match="last layer is 4 -> 5, got 'one of a chip of 8 -> 5'"):
        next(ns.watch(chip, stream_of(4), novelty=ns.Novelty(chip_of(5))))
    assert chip.samples == 0


def test_one_of_an_equal_chip_is_taken_but_for_steps(tmp_path):
    chip_of(6).save(tmp_path / "chip.h5")
    chip, twin = ns.Chip.load(tmp_path / "chip.h5"), chip_of(6)
    ns.run(chip, stream_of(), listener=ns.Novelty(twin), companions=[ns.Prequential(twin)])
    with pytest.raises(ConfigError, match="of the very chip that learns"):
        ns.run(chip, stream_of(), listener=ns.Novelty(twin, "step"), chunk=1)
    assert chip.samples == 40


def test_compiled_code_stays_within_its_arrays():
    state = novelty.State(
        np.zeros((novelty.OTHERS + 2, 3)), np.zeros(2, np.int64), np.zeros(9), np.zeros(9), np.zeros(2, np.int64),
        np.zeros(1),
    )  # fmt: skip
    constants = novelty.Constants(novelty.SHORTFALL, 10.0, 1.0, 0, 0.5, 2)
    potentials, winners = np.ones((3, 10_000), np.float32), np.array([9_999, 1, 5_000])
    measured, scores, thresholds = np.zeros((3, 3)), np.zeros(3), np.zeros(3)
    no_steps, none = np.zeros((2, 0), np.float32), np.zeros((0, 0), np.float32)
    novelty.score(potentials, none, winners, no_steps, constants, state, True, measured, scores, thresholds)
    assert np.isnan(scores).tolist() == [True, False, True]
    assert state.wins.tolist() == [0, 1]
    table = late_labels.Table(np.zeros((2, 1)), np.ones(2), np.full(2, -1, np.int64))
    tallies, predicted, shown = np.zeros(late_labels.TALLIES), np.zeros(3, np.int64), np.ones(3, np.bool_)
    winners[2] = 1
    late_labels.follow(potentials, winners, np.array([0, 0, 70_000]), shown, 0.9, 0.9, table, tallies, predicted)
    assert predicted.tolist() == [-1, -1, 0]
    assert table.names.tolist() == [-1, 0]


def test_results_of_another_chip_are_refused_by_the_listener_itself():
    heard = []

    class Heard:
        wants = ns.Prequential.wants

        def take(self, batch):
            heard.append(batch)

    ns.run(chip_of(9), stream_of(), listener=Heard())
    for follower in (ns.Novelty(chip_of(3)), ns.Prequential(chip_of(3))):
        with pytest.raises(ConfigError, match="results must be those of 3 neurons"):
            follower.take(heard[0])
