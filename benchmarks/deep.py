"""One image through 3 -> 96 -> 384 -> 1,536: learning and responding beside the matrix products alone, in the same run.

::

    NEUROSIM_DATA=... python -m benchmarks.deep [--threads 2] [--train 5000]

The floor of learning densely is six matrix products, three for responding; what learns from few responses has the three
as its floor too. With PyTorch installed, its plain operations stand beside, checked to learn the same first.
"""

import argparse
import os
import statistics
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numba import njit
from threadpoolctl import threadpool_limits

import neurosim as ns
from neurosim.kernels.conv import blas, layout

PRESET, IMAGES, ROUNDS = "softhebb-cifar10-3layer", 50, 9
CUTOFFS = {"cutoff 0": 0.0, "the preset's cutoffs": None, "cutoff 0.001": 0.001, "cutoff 0.01": 0.01}


@njit(error_model="numpy")
def forward(product, patches, synapses, potentials, scratch):
    """Run one layer's first product."""
    blas.times_transposed(product, patches, synapses, potentials, scratch, 0, len(synapses))


@njit(error_model="numpy")
def growth(product, responses, patches, step, scratch):
    """Run its second."""
    blas.transposed_times(product, responses, patches, scratch.factors[1:], step, scratch, 0, len(step))


def products(chip: ns.Chip, learning: bool):
    """Return a function that runs the matrix products of IMAGES images, and nothing else."""
    product, parts = blas.PRODUCTS[np.dtype(np.float32)], []
    for layer in chip.layers:
        scratch, room = layer.executor.workspace().scratch, layer.executor.results(1, 1, True)
        scratch.patches[:] = np.random.default_rng(0).normal(size=scratch.patches.shape)
        parts.append((scratch, room.potentials[0], layer.state.synapses.copy(), np.zeros_like(layer.state.synapses)))

    def run() -> None:
        for _ in range(IMAGES):
            for scratch, potentials, synapses, step in parts:
                forward(product, scratch.patches, synapses, potentials, scratch)
                if learning:
                    growth(product, potentials, scratch.patches, step, scratch)

    return run


def chips(images: np.ndarray) -> dict[str, ns.Chip]:
    """Return chips past their beginnings, with the same weights, dense and with cutoffs."""
    preset = ns.presets.preset(PRESET)
    learned = ns.Chip(preset.layers, inputs=preset.shape).learn(images, chunk=250)
    made = {}
    for name, cutoff in CUTOFFS.items():
        layers = [layer if cutoff is None else replace(layer, cutoff=cutoff) for layer in preset.layers]
        chip = made[name] = ns.Chip(layers, inputs=preset.shape)
        for layer, other in zip(chip.layers, learned.layers, strict=True):
            layer.restore(other.arrays())
    return made


def torch_step(chip: ns.Chip):
    """Return a function that learns from one image with PyTorch's plain operations, and the weights it changes."""
    import torch
    from torch.nn import functional

    weights = [torch.from_numpy(layer.weights.reshape(len(layer.weights), -1)) for layer in chip.layers]
    means = [torch.from_numpy(layer.state.means.copy()) for layer in chip.layers]
    variances = [torch.from_numpy(layer.state.variances.copy()) for layer in chip.layers]
    counts = [int(layer.state.counters[layout.MEASURED]) for layer in chip.layers]

    @torch.no_grad()
    def step(image: np.ndarray) -> None:
        x = torch.from_numpy(image)[None]
        for place, layer in enumerate(chip.layers):
            constants, w = layer.constants, weights[place]
            counts[place] += 1
            rate = max(1 / counts[place], 1 / constants.horizon)
            mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
            away = mean - means[place]
            means[place] += rate * away
            variances[place] = (1 - rate) * (variances[place] + rate * away**2) + rate * variance
            x = (x - means[place][:, None, None]) / torch.sqrt(variances[place] + 1e-5)[:, None, None]
            x = functional.pad(x, [constants.padding] * 4, mode="reflect")
            patches = functional.unfold(x, constants.kernel)[0].T
            u = patches @ w.T
            y = torch.softmax(u / constants.competition.temperature, 1)
            won = functional.one_hot(u.argmax(1), len(w)).bool()
            schedule = constants.rule.rate
            rates = schedule.rate * (torch.linalg.norm(w, dim=1) - 1).abs() ** schedule.power
            c = torch.where(won, y, -y) * rates / len(u)
            change = -(c * u).sum(0)
            scale = torch.clamp(constants.cap / change.abs(), max=1)
            w += scale[:, None] * (c.T @ patches + change[:, None] * w)
            z = torch.relu(u - u.mean(1, keepdim=True)) ** constants.transmit.power
            z = z.T.reshape(1, len(w), layer.geometry.rows, layer.geometry.columns)
            pool = functional.max_pool2d if isinstance(constants.pool, ns.MaxPool) else functional.avg_pool2d
            x = pool(z, constants.pool.size, constants.pool.stride, constants.pool.padding)

    return step, weights


def check_torch(chip: ns.Chip, images: np.ndarray) -> None:
    """Refuse to time what does not learn the same."""
    step, weights = torch_step(chip)
    mine = ns.Chip([layer.constants for layer in chip.layers], inputs=chip.shape)
    for layer, other in zip(mine.layers, chip.layers, strict=True):
        layer.restore(other.arrays())
    for image in images[:2]:
        step(image)
        mine.learn_one(image)
    for layer, theirs in zip(mine.layers, weights, strict=True):
        ours = layer.weights.reshape(theirs.shape)
        assert np.abs(ours - theirs.numpy()).max() < 1e-3 * np.abs(ours).max()


def main() -> None:
    """Print times of an image and ratios, medians of pairs."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--threads", type=int, default=2, help="of BLAS and of PyTorch")
    options.add_argument("--train", type=int, default=5000, help="images learned from before")
    given = options.parse_args()
    stream = ns.open_stream("cifar10:train", root=Path(os.environ["NEUROSIM_DATA"]))
    images = next(stream.blocks(size=given.train + IMAGES)).samples.reshape(-1, 3, 32, 32)
    made = chips(images[: given.train])
    few = np.ascontiguousarray(images[given.train :])
    dense = made["cutoff 0"]
    runs = {"six products": products(dense, True), "three products": products(dense, False)}
    runs |= {f"learns, {name}": lambda chip=chip: chip.learn(few, chunk=IMAGES) for name, chip in made.items()}
    runs["responds"] = lambda: list(dense.output_blocks(few, chunk=IMAGES))
    try:
        import torch

        torch.set_num_threads(given.threads)
        check_torch(dense, few)
        step, _ = torch_step(dense)
        runs["PyTorch learns"] = lambda: [step(image) for image in few]
    except ImportError:
        print("PyTorch is not installed: its row is left out")
    with threadpool_limits(given.threads, user_api="blas"):
        report(measure(runs))


def measure(runs) -> dict[str, list[float]]:
    """Time all in turn, round after round."""
    times = {name: [] for name in runs}
    for _ in range(ROUNDS + 1):
        for name, run in runs.items():
            time.sleep(0.3)  # BLAS's own threads look for more work for a while, and take a core from what follows
            begun = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - begun) / IMAGES)
    return {name: values[1:] for name, values in times.items()}


def report(times: dict[str, list[float]]) -> None:
    """Print a row a run, its ratio to both floors round by round."""
    print(f"{'':24} {'ms an image':>12} {'/ six products':>15} {'/ three products':>17}")
    for name, values in times.items():
        ratios = [statistics.median(a / b for a, b in zip(values, times[floor], strict=True))
                  for floor in ("six products", "three products")]  # fmt: skip
        print(f"{name:24} {statistics.median(values) * 1e3:12.2f} {ratios[0]:15.2f} {ratios[1]:17.2f}")


if __name__ == "__main__":
    main()
