"""A chip that has learned digits, with soft labels."""

import pytest
from naming import digits, fitted

import neurosim as ns


@pytest.fixture(scope="session")
def chip_and_readout():
    """Return a chip of 60 neurons and the readout; tests must not change them."""
    samples, labels = digits("train")
    chip = ns.Chip([ns.recipes.softhebb(60)], inputs=64).learn(samples)
    return chip, fitted(ns.SoftLabels(smoothing=1e-3), chip, samples, labels)
