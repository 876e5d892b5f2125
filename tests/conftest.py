import os
from pathlib import Path

import numpy as np
import pytest

import neurosim as ns


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder of the real data sets."""
    if "NEUROSIM_DATA" not in os.environ:
        pytest.skip("NEUROSIM_DATA is unset: it names the folder of MNIST and other real data")
    return Path(os.environ["NEUROSIM_DATA"])


@pytest.fixture(scope="session")
def samples() -> np.ndarray:
    """Real handwritten digits, the first 300 of 64 pixels."""
    stream = ns.open_stream("digits")
    return next(stream.blocks(size=300)).samples


@pytest.fixture
def make_chip():
    """Make chips of SoftHebb layers."""

    def make(*neurons, inputs=64, seed=0, **constants):
        return ns.Chip([ns.recipes.softhebb(n, **constants) for n in neurons], inputs=inputs, seed=seed)

    return make
