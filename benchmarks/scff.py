r"""Self-contrastive forward-forward learning with one image of memory, in the first layer, beside SoftHebb.

::

    NEUROSIM_DATA=... python -m benchmarks.scff [--only TEXT]

A layer sees the sum of two images, at every position; its goodness g is the mean over neurons of relu(u)^2, and
dw = m relu(u) (x1 + x2), with m = sigmoid(low - g) for an image and itself, -sigmoid(g - high) for an image and the one
before it. NumPy; every second position in both directions. The weights are then those of a chip's layer, judged by the
probe of `deep_variants`, with fewer images, like all rows.
"""

import argparse
import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

import neurosim as ns
from benchmarks.deep_variants import CHUNK, part, probe

Array = NDArray[np.float32]
IMAGES, TEST, NEURONS, KERNEL = 4000, 3000, 96, 5
ROWS: dict[str, dict[str, Any]] = {
    "random weights": {"images": 0},
    "SoftHebb on-line, 3,000": {"softhebb": 3000},
    "SCFF on-line, 3,000": {"images": 3000, "rate": 1.0},
    "SCFF on-line, rate 10, 3,000": {"images": 3000, "rate": 10.0},
    "SCFF on-line, steps of at most .01, 20,000": {"images": 20_000, "rate": 1.0, "cap": 0.01},
    "the same, Triangle in place of u": {"images": 20_000, "rate": 3.0, "cap": 0.01, "triangle": True},
    "SCFF, batches of 50, AdamW, as published, 20,000": {"images": 20_000, "rate": 0.01, "batch": 50},
}
LOW, HIGH = 0.0, 1.0  # published thresholds of the first layer
PENALTY, DECAY = 0.0012, 1e-4  # published, with AdamW


def patches(image: Array) -> Array:
    """Return an image's patches, mean and deviation of all its pixels taken out: (positions, 75)."""
    image = np.pad((image - image.mean()) / image.std(), ((0, 0), (2, 2), (2, 2)), "reflect")
    windows = sliding_window_view(image, (KERNEL, KERNEL), axis=(1, 2))[:, ::2, ::2]
    return np.ascontiguousarray(windows.transpose(1, 2, 0, 3, 4)).reshape(-1, image.shape[0] * KERNEL**2)


def first_weights(inputs: int) -> Array:
    """Return weights as published: uniform, of variance 2 / (inputs + outputs) with a kernel's outputs."""
    bound = (6 / (inputs + NEURONS * KERNEL**2)) ** 0.5
    return np.random.default_rng(0).uniform(-bound, bound, (NEURONS, inputs)).astype(np.float32)


def pair(weights: Array, x: Array, equal: bool, row: dict[str, Any]) -> Array:
    """Return the step of a pair with the sum of patches x, the mean over positions: minus the loss's gradient."""
    u = x @ weights.T
    if row.get("triangle"):
        u -= u.mean(axis=1, keepdims=True)
    y = np.maximum(u, 0)
    goodness = np.square(y).mean(axis=1)
    if equal:
        m = 1 / (1 + np.exp(goodness - LOW))
        if "batch" in row:
            m -= PENALTY * len(x) * goodness / (np.linalg.norm(goodness) + 1e-9)
    else:
        m = -1 / (1 + np.exp(HIGH - goodness))
    step: Array = ((m[:, None] * y).T @ x) * np.float32(2 / (NEURONS * len(x)))
    return step


def scff(images: Array, row: dict[str, Any]) -> Array:
    """Return the weights that a row learns."""
    weights = first_weights(images.shape[1] * KERNEL**2)
    first = second = total = np.zeros_like(weights)
    before = patches(images[-1])
    for number, image in enumerate(images[: row["images"]], start=1):
        x = patches(image)
        step = pair(weights, 2 * x, True, row) + pair(weights, x + before, False, row)
        before = x
        if "batch" not in row:
            step *= row["rate"]
            if "cap" in row:  # a neuron's step is at most this share of its weights
                sizes = np.linalg.norm(step, axis=1) + np.float32(1e-12)
                step *= np.minimum(1, row["cap"] * np.linalg.norm(weights, axis=1) / sizes)[:, None]
            weights = weights + step
            continue
        total = total + step / row["batch"]
        if number % row["batch"] == 0:
            times = number // row["batch"]
            first, second = 0.9 * first + 0.1 * total, 0.999 * second + 0.001 * total**2
            scaled = first / (1 - 0.9**times) / (np.sqrt(second / (1 - 0.999**times)) + 1e-8)
            weights, total = weights + row["rate"] * (scaled - DECAY * weights), np.zeros_like(total)
    return weights.astype(np.float32)


def chip_of(row: dict[str, Any], images: Array) -> tuple[ns.Chip, float]:
    """Return a row's chip, which has learned, and seconds an image."""
    (layer,) = ns.presets.preset("softhebb-cifar10-1layer").layers
    start = time.perf_counter()
    if "softhebb" in row:
        chip = ns.Chip([layer], inputs=images.shape[1:]).learn(images[: row["softhebb"]], chunk=CHUNK)
        return chip, (time.perf_counter() - start) / row["softhebb"]
    weights = scff(images, row)
    seconds = (time.perf_counter() - start) / max(1, row["images"])
    held = replace(layer, rule=ns.SoftHebb(rate=0.0), normalise="layer", cutoff=0.0)
    shape = (NEURONS, images.shape[1], KERNEL, KERNEL)
    return ns.Chip([held], inputs=images.shape[1:], initial=weights.reshape(shape)), seconds


def main() -> None:
    """Print a row a method."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--only", default="", help="rows with this in their name")
    given = options.parse_args()
    images = next(part("train", 20_000).blocks(size=20_000)).samples.reshape(-1, 3, 32, 32)
    train, test = part("train", IMAGES), part("test", TEST)
    for name, row in ROWS.items():
        if given.only not in name:
            continue
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # what diverges is told below
                chip, seconds = chip_of(row, images)
        except ns.ConfigError:  # weights that are not finite
            print(f"{name:50} diverged", flush=True)
            continue
        print(f"{name:50} {probe(chip, train, test):6.2f}   {1e3 * seconds:.2f} ms an image", flush=True)


if __name__ == "__main__":
    main()
