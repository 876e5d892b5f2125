"""One learned sample, 784 inputs, MNIST: the compiled loop beside NumPy's dense float32 step, in the same run.

::

    NEUROSIM_DATA=... python -m pytest -n 0 benchmarks --benchmark-enable --benchmark-group-by=param:neurons
    NEUROSIM_DATA=... python -m benchmarks.bench_dense            # ratios, pair by pair

Without `--benchmark-enable` each runs once, as a test that both compute the same update.
"""

import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one core against one core; before NumPy is imported

import numpy as np
import pytest

import neurosim as ns
from neurosim.layers.rules import schedule

CHUNK = 500


class NumpyDense:
    """The same layer as NumPy would do it: dense float32, in place, the norm followed rather than recomputed."""

    def __init__(self, layer: ns.DenseWTA, weights: np.ndarray) -> None:
        self.layer, self.weights, self.schedule = layer, weights, schedule(layer.rule)
        self.square = np.einsum("ki,ki->k", weights, weights)
        self.growth = np.empty_like(weights)

    def learn_one(self, x: np.ndarray) -> np.ndarray:
        """Respond and learn."""
        x = x / np.linalg.norm(x)
        u = self.weights @ x
        y = np.exp((u - u.max()) * np.float32(self.layer.competition.sharpness))
        y /= y.sum()
        rate = self.schedule.rate * np.abs(np.sqrt(self.square) - 1) ** self.schedule.power
        c = np.where(y >= self.layer.cutoff, rate * y, 0).astype(np.float32)
        size = np.abs(c * u)
        c = np.where(size > self.layer.cap, c * self.layer.cap / np.maximum(size, 1e-30), c).astype(np.float32)
        decay = 1 - c * u
        self.square = decay**2 * self.square + 2 * decay * c * u + c**2
        self.weights *= decay[:, None]
        np.multiply(c[:, None], x, out=self.growth)
        self.weights += self.growth
        return u


def load() -> np.ndarray:
    """Return the first samples of MNIST."""
    stream = ns.open_stream("mnist:train", root=Path(os.environ["NEUROSIM_DATA"]))
    return np.concatenate([block.samples for block in stream.blocks(size=1000)])[:20_000]


def trained(neurons: int, samples: np.ndarray) -> ns.Chip:
    """Return a chip past its beginnings: the first samples write far more neurons than the later ones."""
    return ns.Chip([ns.recipes.softhebb(neurons, temperature=0.01)], inputs=784, seed=0).learn(samples[:10_000])


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    """Real samples."""
    if "NEUROSIM_DATA" not in os.environ:
        pytest.skip("NEUROSIM_DATA is unset: it names the folder of MNIST and other real data")
    return load()


@pytest.mark.parametrize("neurons", [100, 500, 2000])
def bench_compiled(benchmark, neurons, samples):
    chip = trained(neurons, samples)
    benchmark.pedantic(chip.learn, (samples[10_000 : 10_000 + CHUNK],), rounds=20, warmup_rounds=1)


@pytest.mark.parametrize("neurons", [100, 500, 2000])
def bench_one_by_one(benchmark, neurons, samples):
    chip = trained(neurons, samples)
    benchmark.pedantic(one_by_one(chip), (samples[10_000 : 10_000 + CHUNK],), rounds=20, warmup_rounds=1)


@pytest.mark.parametrize("neurons", [100, 500, 2000])
def bench_numpy(benchmark, neurons, samples):
    chip = trained(neurons, samples)
    dense = NumpyDense(chip.layers[0].constants, chip.layers[0].weights)
    benchmark.pedantic(one_by_one(dense), (samples[10_000 : 10_000 + CHUNK],), rounds=3, warmup_rounds=1)


def test_both_compute_the_same_update(samples):
    chip = trained(100, samples)
    dense = NumpyDense(chip.layers[0].constants, chip.layers[0].weights)
    for x in samples[10_000:10_010]:
        np.testing.assert_allclose(dense.learn_one(x), chip.learn_one(x).potentials, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(dense.weights, chip.layers[0].weights, rtol=1e-3, atol=1e-5)


def microseconds(work, samples: np.ndarray) -> float:
    """Return the time a sample takes."""
    begun = time.perf_counter()
    work(samples)
    return (time.perf_counter() - begun) / len(samples) * 1e6


def one_by_one(layer: ns.Chip | NumpyDense):
    """Return a function that learns from samples by as many calls, and keeps none of the responses."""

    def work(samples: np.ndarray) -> None:
        for x in samples:
            layer.learn_one(x)

    return work


def main() -> None:
    """Print medians and ratios of pairs measured one right after the other."""
    samples = load()
    print("neurons   NumPy us   chunk us     one us   NumPy/chunk (min-max)   NumPy/one (min-max)")
    for neurons in (100, 500, 2000):
        chip = trained(neurons, samples)
        dense = NumpyDense(chip.layers[0].constants, chip.layers[0].weights)
        rows = []
        for first in range(10_000, 10_000 + 9 * CHUNK, CHUNK):
            part = samples[first : first + CHUNK]
            rows.append([microseconds(work, part) for work in (one_by_one(dense), chip.learn, one_by_one(chip))])
        times = [f"{statistics.median(column):>10.2f}" for column in zip(*rows, strict=True)]
        ratios = [sorted(row[0] / row[column] for row in rows) for column in (1, 2)]
        shown = [f"{statistics.median(r):>11.1f} ({r[0]:.1f}-{r[-1]:.1f})" for r in ratios]
        print(f"{neurons:>7} " + " ".join(times + shown))


if __name__ == "__main__":
    main()
