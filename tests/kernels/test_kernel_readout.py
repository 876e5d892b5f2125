"""The kernel of the trained readout: any partition gives the same bits, any number of classes, and no double."""

import re

import numpy as np
import pytest
import reference_readout as reference
from numba import njit

from neurosim.kernels import readout as kernel

ONE = np.float32(1)
KEY = np.uint64(2**64 - 3)


def world(inputs, classes, samples=21, threshold=kernel.EVEN, seed=0):
    """Return features, parameters of random weights, a past batch of random slopes, another to follow, and dropout."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(60, inputs)).astype(np.float32)
    blocks = -(-inputs // kernel.BLOCK)
    parameters = kernel.Parameters(
        *(np.zeros((blocks, classes, kernel.BLOCK), np.float32) for _ in range(3)), np.zeros((3, classes), np.float32)
    )
    for block in range(blocks):
        size = min(kernel.BLOCK, inputs - block * kernel.BLOCK)
        parameters.weights[block, :, :size] = rng.normal(size=(classes, size))
    past, following = (
        kernel.Batch(rng.permutation(60)[:samples], np.uint64(first), rng.normal(size=(samples, classes)).astype("f4"))
        for first in (5, 10**6)
    )
    each = kernel.LINE if threshold == kernel.EVEN else kernel.FIELDS
    scale = np.float32(65536 / (65536 - threshold))
    return features, parameters, past, following, kernel.Dropout(KEY, threshold, scale, -(-inputs // each))


def scratch(classes):
    tile, lanes = np.zeros(kernel.GROUP * kernel.BLOCK, np.float32), np.zeros(kernel.LINE, np.float32)
    return kernel.Scratch(tile, lanes, np.zeros((classes, kernel.BLOCK), np.float32))


def turned(cuts, inputs=3000, classes=10):
    """Return weights and sums after a turn in parts, in the order of the parts."""
    features, parameters, past, following, dropout = world(inputs, classes)
    sums = np.zeros((len(parameters.weights), 21, classes), np.float32)
    pace = kernel.Pace(np.float32(0.01), np.float32(1.5))
    for first, last in cuts:
        kernel.turn(features, first, last, past, following, dropout, pace, parameters, scratch(classes), sums)
    return parameters.weights, sums


@pytest.mark.parametrize(
    "cuts", [[(0, 3), (3, 6)], [(3, 6), (0, 3)], [(5, 6), (0, 1), (2, 5), (1, 2)], [(0, 0), (0, 5), (5, 6), (6, 6)]]
)
def test_no_partition_changes_a_bit(cuts):
    for ours, whole in zip(turned(cuts), turned([(0, 6)]), strict=True):
        assert np.array_equal(ours, whole)


@pytest.mark.parametrize("classes", [2, 10, 100, 1000])
@pytest.mark.parametrize("threshold", [0, kernel.EVEN, 20_000])
def test_potentials_are_sums_of_products(classes, threshold):
    inputs = 700
    features, parameters, _, batch, dropout = world(inputs, classes, threshold=threshold)
    nobody = kernel.Batch(batch.rows[:0], np.uint64(0), batch.slopes[:0])
    sums, potentials = np.zeros((2, 21, classes), np.float32), np.zeros((21, classes), np.float32)
    pace, bias = kernel.Pace(ONE, ONE), np.arange(classes, dtype=np.float32)
    kernel.turn(features, 0, 2, nobody, batch, dropout, pace, parameters, scratch(classes), sums)
    assert kernel.add_up(sums, bias, potentials) == -1
    weights = parameters.weights.transpose(1, 0, 2).reshape(classes, -1)[:, :inputs].astype(np.float64)
    words = dropout.words
    for n, row in enumerate(batch.rows):
        each = 64 if threshold == kernel.EVEN else 4
        drawn = [reference.splitmix64(int(KEY), 10**6 + n * words + word) for word in range(words)]
        kept = np.array([bit(drawn[i // each], i, threshold) for i in range(inputs)])
        x = features[row] * kept * 65536 / (65536 - threshold)
        assert potentials[n] == pytest.approx(weights @ x + bias, abs=1e-4 * np.sqrt(inputs) + 1e-5 * classes)


def bit(word, i, threshold):
    """Return whether input i is kept by its word."""
    if threshold == kernel.EVEN:
        return (word >> (i % 64)) & 1
    return (word >> (16 * (i % 4))) & 65535 >= threshold


def test_the_first_sample_that_is_not_finite_is_named():
    sums = np.ones((3, 5, 4), np.float32)
    bias, potentials = np.zeros(4, np.float32), np.empty((5, 4), np.float32)
    assert kernel.add_up(sums, bias, potentials) == -1
    sums[2, 4, 1], sums[1, 2, 3] = np.inf, np.nan
    assert kernel.add_up(sums, bias, potentials) == 2


@pytest.mark.slow
def test_float32_code_has_no_double_arithmetic():
    # Compiled anew: what comes from the cache on disk cannot be inspected.
    features, parameters, past, following, dropout = world(600, 3)
    pace, sums, potentials = kernel.Pace(ONE, ONE), np.zeros((2, 21, 3), np.float32), np.zeros((21, 3), np.float32)
    given = {
        kernel.turn: (features, 0, 2, past, following, dropout, pace, parameters, scratch(3), sums),
        kernel.add_up: (sums, parameters.bias[0], potentials),
        kernel.meet: (potentials, np.zeros(21, np.int64), pace, parameters.bias, past.slopes, np.zeros(21, np.float32)),
    }
    for function, arguments in given.items():
        fresh = njit(nogil=True, error_model="numpy")(function.py_func)
        fresh(*arguments)
        code = "\n".join(fresh.inspect_llvm().values())
        assert "float" in code
        assert not re.findall(r"= (?:f(?:add|sub|mul|div) (?:<\d+ x )?double|fpext).*", code)
