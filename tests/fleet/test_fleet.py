"""A fleet's chips have the bits of ordinary chips that learn from the samples of their keys alone."""

import numpy as np

import neurosim as ns


def test_a_chip_of_a_fleet_is_a_chip_alone():
    rng = np.random.default_rng(0)
    keys, x = rng.integers(0, 20, 1000), rng.random((1000, 5), np.float32)
    fleet = ns.Fleet([ns.recipes.softhebb(4)], inputs=5, seed=3).learn(keys, x, chunk=77)
    for key in range(20):
        chip = ns.Chip([ns.recipes.softhebb(4)], inputs=5, seed=fleet.seed_of(key)).learn(x[keys == key])
        assert fleet.state_sha256(key) == chip.state_sha256
