"""Learning a line of neurons at a time gives every bit that learning them singly gives."""

import numpy as np
import pytest
from dense_kernel import Kernel
from numba import njit

from neurosim.kernels.dense import by_lines, learning
from neurosim.kernels.dense.layout import Stages

RATE, SQUARE = np.float32(0.3), np.float32(2.5)
WILD = [np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-40, 3e38]  # as potential or norm


@njit(error_model="numpy")
def singly(u, y, constants, state, scratch):
    count = learning.select_written(y, constants.cutoff, scratch.written)
    learning.propose_steps(count, u, y, RATE, None, constants, state, scratch, 0)
    folded = learning.apply_decay(count, constants, state, scratch)
    return count, folded


@njit(error_model="numpy")
def in_lines(u, y, constants, state, scratch):
    count = learning.select_written(y, constants.cutoff, scratch.written)
    by_lines.propose_by_lines(count, u[0], y[0], RATE, constants, state, scratch)
    folded = by_lines.decay_by_lines(y[0], constants, state, scratch)
    return count, folded


def drawn(neurons, seed, **constants):
    """Return a kernel in the midst of learning, and one sample's potentials and responses."""
    rng = np.random.default_rng(seed)
    kernel = Kernel(rng.normal(size=(neurons, 9)), dtype=np.float32, **constants)
    state, scratch = kernel.state, kernel.scratch
    state.scales[:] = rng.choice([1.0, -1.0, 0.7, 1.0000001e-6, 9.9e5], neurons)  # some are folded by this step
    state.norms[:] = rng.choice([1.0, 0.5, 40.0, 1e-12, *WILD], neurons)
    state.steps[:] = rng.random((2, neurons)) * np.array([[100.0], [1e-6]])
    state.pending_modulators[:] = rng.choice([1.0, -0.5])
    scratch.gram[0, 0] = SQUARE
    for array in (scratch.growth, scratch.changes, scratch.overlaps, scratch.sizes):
        array[:] = 0  # what is not written is not compared with what stood there before
    u = rng.normal(size=(1, neurons)).astype(np.float32) * 3
    u[0, rng.random(neurons) < 0.2] = rng.choice(WILD)
    y = rng.random((1, neurons)).astype(np.float32) * rng.choice([0, 1e-3, 1, -1], (1, neurons)).astype(np.float32)
    y[0, rng.random(neurons) < 0.1] = np.nan
    return kernel, u, y


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
@pytest.mark.parametrize("constants", [
    {}, {"cutoff": 0.01}, {"cutoff": 0.9}, {"cap": 0.2}, {"floor": 0.05}, {"schedule": ("constant", {})},
    {"schedule": ("linear", {"last": 0.1, "samples": 50})}, {"instruments": False},
], ids=str)  # fmt: skip
def test_bits_are_equal(constants):
    for seed, neurons in enumerate([1, 2, 15, 16, 17, 31, 33, 64, 65, 100] * 3):
        outcomes = []
        for learn in singly, in_lines:
            kernel, u, y = drawn(neurons, seed, **constants)
            assert by_lines.learns_by_lines(1, kernel.constants, Stages())
            kept = learn(u, y, kernel.constants, kernel.state, kernel.scratch)
            scratch = kernel.scratch
            arrays = *kernel.state, scratch.growth, scratch.changes, scratch.overlaps, scratch.sizes
            outcomes.append((kept, [bits(array) for array in arrays]))
        assert outcomes[0] == outcomes[1]


def bits(array):
    """Return an array's bytes, every NaN the same: which one it is follows the order of an instruction's operands."""
    return np.where(np.isnan(array), np.nan, array).astype(array.dtype).tobytes()


@pytest.mark.parametrize(("window", "constants"), [
    (2, {}), (1, {"rule": "instar"}), (1, {"lebesgue": 3.0}), (1, {"power": 0.4}), (1, {"step": "largest"}),
    (1, {"schedule": ("wins", {"power": 1.0, "floor": 0.1})}),
], ids=str)  # fmt: skip
def test_other_layers_learn_singly(window, constants):
    kernel = Kernel(np.ones((4, 3)), dtype=np.float32, **constants)
    assert not by_lines.learns_by_lines(window, kernel.constants, Stages())


@pytest.mark.parametrize("stage", ["propose", "gate", "eligibility", "write_few_bits"])
def test_a_stage_of_its_own_learns_singly(stage):
    kernel = Kernel(np.ones((4, 3)), dtype=np.float32)
    assert by_lines.learns_by_lines(1, kernel.constants, Stages())
    assert not by_lines.learns_by_lines(1, kernel.constants, Stages(**{stage: 1}))
