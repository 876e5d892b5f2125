"""Accuracy by depth, one to five layers, which grow or do not, on images of 32 x 32 and of 64 x 64 pixels.

::

    NEUROSIM_DATA=... python -m benchmarks.depth [--only TEXT] [--learned 4000]

CIFAR-10; for 64 x 64 its images are resampled, so they show nothing more. The layers are those of
`softhebb-tinyimagenet-5layer-quarter` (12, 48, 192, 768, 3,072 neurons: every layer has four times the neurons and a
quarter of the positions of the one before) or as many with equal widths. All layers learn together, from one image at a
time; then each layer's outputs are judged by the probe of `deep_variants`, with fewer images, on at most 3,072
features: outputs of neighbouring positions are averaged where there are more.
"""

import argparse
import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

import neurosim as ns
from benchmarks.deep_variants import CHUNK, part
from neurosim.streams.resample import resample

IMAGES, TEST, FEATURES = 4000, 3000, 3072
CALIBRATED = 500  # images that the statistics of each prefix of layers are measured on; the preset's horizon
PRESET = "softhebb-tinyimagenet-5layer-quarter"
WIDTHS = {"growing": None, "equal": 96}
Images = tuple[NDArray[np.float32], NDArray[np.int64]]


def layers_of(width: int | None, rate: float | None) -> list[ns.ConvWTA]:
    """Return the preset's layers, of `width` neurons each if it is given, with another rate if that is."""
    layers = ns.presets.preset(PRESET).layers
    if width is not None:
        layers = tuple(replace(layer, neurons=width) for layer in layers)
    if rate is not None:
        layers = tuple(replace(layer, rule=ns.SoftHebb(rate=rate)) for layer in layers)
    return list(layers)


def features(chip: ns.Chip, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the last layer's outputs of each image, averaged over squares of positions if there are too many."""
    neurons, side, _ = chip.layers[-1].shape
    squares = side
    while squares > 1 and neurons * squares**2 > FEATURES:
        squares //= 2
    found = []
    for outputs, _ in chip.output_blocks(images, chunk=CHUNK):
        shape = (len(outputs), neurons, squares, side // squares, squares, side // squares)
        found.append(outputs.reshape(shape).mean(axis=(3, 5)).reshape(len(outputs), -1))
    return np.concatenate(found)


def probe(chip: ns.Chip, train: Images, test: Images) -> float:
    """Return the accuracy of ridge on the features, in per cent: the best of three strengths."""
    values, others = features(chip, train[0]), features(chip, test[0])
    mean, deviation = values.mean(axis=0), values.std(axis=0) + 1e-6
    values, others = (values - mean) / deviation, (others - mean) / deviation
    wanted = values.T @ (np.eye(10, dtype=np.float32)[train[1]] - np.float32(0.1))
    gram, best = values.T @ values, 0.0
    for strength in (0.1, 0.3, 1.0):
        ridge = gram + np.float32(strength * len(values)) * np.eye(len(gram), dtype=np.float32)
        found = (others @ linalg.solve(ridge, wanted, assume_a="pos")).argmax(axis=1)
        best = max(best, float((found == test[1]).mean()))
    return 100 * best


def prefix(chip: ns.Chip, depth: int, images: NDArray[np.float32]) -> ns.Chip:
    """Return a chip of the first layers, with their weights, that has measured its statistics anew."""
    held = [replace(layer.constants, rule=ns.SoftHebb(rate=0.0)) for layer in chip.layers[:depth]]
    weights = [layer.weights for layer in chip.layers[:depth]]
    return ns.Chip(held, inputs=chip.shape, initial=weights).learn(images[:CALIBRATED], chunk=CHUNK)


def images_of(name: str, count: int, size: int) -> Images:
    """Return images of CIFAR-10, resampled to `size`, and labels."""
    block = next(part(name, count).blocks(size=count))
    images = block.samples.reshape(-1, 3, 32, 32)
    if size != 32:
        images = np.stack([resample(image, size, size) for image in images])
    return images, block.labels


def main() -> None:
    """Print a row a chip: its accuracy by depth."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--only", default="", help="rows with this in their name")
    options.add_argument("--learned", type=int, default=4000, help="images learned from")
    given = options.parse_args()
    for size in (32, 64):
        train, test = images_of("train", max(given.learned, IMAGES), size), images_of("test", TEST, size)
        for kind, width in WIDTHS.items():
            for method, rate, count in (("random", 0.0, CALIBRATED), ("learned", None, given.learned)):
                name = f"{size} x {size}, {kind}, {method}"
                if given.only not in name:
                    continue
                start = time.perf_counter()
                chip = ns.Chip(layers_of(width, rate), inputs=(3, size, size))
                chip.learn(train[0][:count], chunk=CHUNK)
                seconds = time.perf_counter() - start
                judged = tuple(values[:IMAGES] for values in train)
                found = [probe(prefix(chip, depth, train[0]), judged, test) for depth in range(1, 6)]
                norms = " / ".join(f"{layer.norms.mean():.2f}" for layer in chip.layers)
                row = "  ".join(f"{accuracy:5.2f}" for accuracy in found)
                print(f"{name:28} {row}   norms {norms}   {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
