"""A guard on speed: ratios within the same run, to NumPy or to the engine, so wide that only a real loss breaks them.

::

    python -m pytest -n 0 -m guard

Not part of any other run. Digits enlarged to 784 inputs, so that it needs no data set.
"""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import neurosim as ns
from benchmarks import main_loop, peers
from benchmarks.peers import numba_dense, numpy_dense, sameness, setting
from benchmarks.peers.timing import in_a_chunk, in_turn, one_by_one, ratio

pytestmark = pytest.mark.guard
ROUNDS, SAMPLES, CHECKED = 7, 100, 20


def enlarged() -> np.ndarray:
    """Return digits of 28 x 28 pixels, one in five of them not zero."""
    images = np.concatenate([block.samples for block in ns.open_stream("digits").blocks(size=600)]).reshape(-1, 8, 8)
    images = np.where(images > images.max() / 2, images, 0)
    return np.pad(images.repeat(3, 1).repeat(3, 2), ((0, 0), (2, 2), (2, 2))).reshape(-1, 784).astype(np.float32)


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    """What all learn from."""
    return enlarged()


def faster(module, neurons, samples, learning):
    """Return how many times as fast the chip is as a peer that does the same: in a chunk, and one a call."""
    chip = setting.trained(neurons, samples[:900])
    first, constants = chip.layers[0].weights, peers.constants_of(chip.layers[0].constants)
    few, parts = samples[900 : 900 + CHECKED], samples[920 : 920 + (ROUNDS + 1) * SAMPLES]
    ours = sameness.reference(setting.copy_of(chip), few)
    assert sameness.difference(module.make(first, constants), few, ours) < sameness.TOLERANCE
    peer, one = module.make(first, constants), setting.copy_of(chip)
    runs = {
        "chunk": in_a_chunk(chip.learn if learning else lambda part: list(chip.respond_blocks(part))),
        "peer": one_by_one(peer.step if learning else peer.respond),
        "one": one_by_one(one.learn_one if learning else one.respond_one),
    }
    with threadpool_limits(1):
        times = in_turn(runs, parts.reshape(ROUNDS + 1, SAMPLES, -1), {})
    return ratio(times["peer"], times["chunk"]).median, ratio(times["peer"], times["one"]).median


@pytest.mark.parametrize(("module", "neurons", "learning", "least"), [
    (numpy_dense, 2000, True, (10, 6)), (numpy_dense, 2000, False, (2.5, 2)), (numpy_dense, 100, True, (4, 2)),
    (numba_dense, 2000, True, (4, 3)),
], ids=lambda value: getattr(value, "NAME", str(value)))  # fmt: skip
def test_the_chip_is_still_faster(module, neurons, learning, least, samples):
    chunk, one = faster(module, neurons, samples, learning)
    print(f"{module.NAME}, {neurons} neurons, {'learning' if learning else 'responding'}: {chunk:.1f}, {one:.1f}")
    assert chunk >= least[0], "samples in a chunk"
    assert one >= least[1], "one a call"


def test_the_main_loop_is_as_quick_as_the_engine():
    with threadpool_limits(1):
        found = main_loop.measure(64, 100, ROUNDS)
    print(found)
    assert found.p50 <= 1.3 * found.learn_one, "one sample at a time, in the loop"
    assert found.one <= 1.8 * found.learn_one, "one sample at a time, all that a run does"
    assert found.auto <= 1.6 * found.learn, "what has arrived, all that a run does"
    assert found.learn_one <= 3.5 * found.learn, "a call of learn_one"
