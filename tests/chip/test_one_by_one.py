"""Single samples go through memory that is used again and again: nothing of one may be seen in another."""

import copy
import pickle

import numpy as np
import pytest

import neurosim as ns

DENSE = [ns.recipes.softhebb(20)]
TWO = [ns.recipes.softhebb(12, transmit=ns.ReLU()), ns.recipes.softhebb(9)]
RULE = ns.SoftHebb(rate=0.05)
TAUGHT = [ns.DenseWTA(10, competition=ns.Taught(), rule=RULE)]
IMAGES = [
    ns.ConvWTA(8, kernel=3, competition=ns.SoftWTA(temperature=1.0), rule=RULE),
    ns.DenseWTA(9, competition=ns.SoftWTA(temperature=1.0), rule=RULE, initial="normal"),
]
CHIPS = {"dense": (DENSE, 64), "two": (TWO, 64), "taught": (TAUGHT, 64), "images": (IMAGES, (1, 8, 8))}


def chip_of(name):
    layers, inputs = CHIPS[name]
    return ns.Chip(layers, inputs=inputs, seed=3)


@pytest.fixture(scope="module")
def digits():
    samples, labels = zip(*ns.open_stream("digits:train"), strict=True)
    return np.array(samples[:60]), np.array(labels[:60])


@pytest.mark.parametrize("name", CHIPS)
def test_a_response_stays_as_it_was(name, digits):
    chip = chip_of(name)
    first = chip.learn_one(digits[0][0])
    kept = copy.deepcopy(first)
    for x in digits[0]:
        chip.learn_one(x)
        chip.respond_one(x)
    for now, before in zip(first, kept, strict=True):
        assert np.array_equal(now, before)


@pytest.mark.parametrize("name", CHIPS)
def test_a_response_may_be_written_to(name, digits):
    chip, other = chip_of(name), chip_of(name)
    for x in digits[0]:
        for array in (chip.learn_one(x).potentials, chip.respond_one(x).output):
            array[:] = np.nan
        other.learn_one(x)
    assert chip.state_sha256 == other.state_sha256


@pytest.mark.parametrize("name", CHIPS)
def test_responses_are_those_of_a_chunk(name, digits):
    samples, labels = digits
    chip = chip_of(name).learn(samples, labels=labels)
    together = chip.respond(samples)
    for i, x in enumerate(samples):
        for one, many in zip(chip.respond_one(x), together, strict=True):
            assert np.array_equal(one, many[i])


def test_samples_of_any_type_and_layout_are_the_same_sample(digits):
    chip, x = chip_of("dense"), digits[0][5]
    wanted = chip.respond_one(x).potentials
    wide = np.repeat(x, 2)[::2]
    backwards = np.ascontiguousarray(x[::-1])[::-1]
    swapped = x.astype(">f4")
    for other in (wide, backwards, swapped, x.astype(np.float64), x.tolist(), np.asfortranarray(x[None])[0]):
        assert np.array_equal(chip.respond_one(other).potentials, wanted)


@pytest.mark.parametrize("x", [np.float32(1), np.ones(1, np.float32), np.ones((64, 1), np.float32), np.ones(63)])
def test_a_sample_is_not_stretched(x):
    with pytest.raises(ns.SampleError, match="shape"):
        chip_of("dense").learn_one(x)


def test_a_label_and_a_modulator_are_those_of_one_sample(digits):
    samples, labels = digits
    chip, other = chip_of("taught"), chip_of("taught")
    for i in range(20):
        chip.learn_one(samples[i], label=int(labels[i]), modulator=0.5)
        chip.learn_one(samples[i + 20])  # teaches nothing
    pairs = np.stack([np.arange(20), np.arange(20, 40)], axis=1).ravel()
    taught = np.where(pairs < 20, labels[pairs], -1)
    other.learn(samples[pairs], labels=taught, modulators=np.where(pairs < 20, 0.5, 1))
    assert chip.state_sha256 == other.state_sha256
    assert chip.layers[0].blanks == 20


def test_after_a_refused_sample_neither_label_nor_modulator_is_left(digits):
    samples, labels = digits
    chip, other = chip_of("taught"), chip_of("taught")
    for bad in (np.full(64, np.nan, np.float32), np.ones(3)):
        with pytest.raises(ns.SampleError):
            chip.learn_one(bad, label=1, modulator=-3)
    for i in range(10):
        chip.learn_one(samples[i], label=int(labels[i]))
    other.learn(samples[:10], labels=labels[:10])
    assert chip.state_sha256 == other.state_sha256


@pytest.mark.parametrize("double", [copy.deepcopy, lambda chip: pickle.loads(pickle.dumps(chip))])
@pytest.mark.parametrize("name", CHIPS)
def test_a_copy_learns_by_itself(name, double, digits):
    chip = chip_of(name)
    chip.learn_one(digits[0][0])
    before, twin = chip.state_sha256, double(chip)
    assert twin.state_sha256 == before
    twin.learn_one(digits[0][1], label=1)
    assert chip.state_sha256 == before != twin.state_sha256
    chip.learn_one(digits[0][1], label=1)
    assert chip.state_sha256 == twin.state_sha256


def test_what_a_chip_is_bound_to_lives_as_long_as_the_chip(digits):
    def lone():
        chip = chip_of("dense")
        chip.learn_one(digits[0][0])
        return chip

    chips = [lone() for _ in range(50)]
    waste = [np.full(100_000, 7, np.uint8) for _ in range(50)]  # over whatever was let go
    for x in digits[0]:
        for chip in chips:
            chip.learn_one(x)
    assert len({chip.state_sha256 for chip in chips}) == 1
    assert len(waste) == 50
