"""Accuracy by depth, one to five layers, which grow or do not, on images of 32 x 32 and of 64 x 64 pixels.

::

    NEUROSIM_DATA=... python -m benchmarks.depth [--only TEXT] [--learned 3000] [--images 3000]

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
from neurosim.engine.conv.layer import ConvLayer
from neurosim.streams.resample import resample

IMAGES, TEST, FEATURES = 3000, 2000, 3072
CALIBRATED = 500  # images that statistics are measured on where nothing is learned; the horizon of the preset
PRESET = "softhebb-tinyimagenet-5layer-quarter"
METHODS = {"random": 0.0, "learned": None}  # the rate, None for the preset's
WIDTHS = {"growing": None, "equal": 48}
Array, Labels = NDArray[np.float32], NDArray[np.int64]
Images = tuple[Array, Labels]


def layers_of(width: int | None, rate: float | None) -> list[ns.ConvWTA]:
    """Return the preset's layers, of `width` neurons each if it is given, with another rate if that is."""
    layers = ns.presets.preset(PRESET).layers
    if width is not None:
        layers = tuple(replace(layer, neurons=width) for layer in layers)
    if rate is not None:
        layers = tuple(replace(layer, rule=ns.SoftHebb(rate=rate)) for layer in layers)
    return list(layers)


def sent(layer: ConvLayer, train: Array, test: Array) -> tuple[Array, Array]:
    """Return what a layer that has learned sends of images, or of what the layer before it sent of them.

    It stands alone in a chip, with its weights, and measures the statistics of what it gets anew.
    """
    held = replace(layer.constants, rule=ns.SoftHebb(rate=0.0))
    chip = ns.Chip([held], inputs=train.shape[1:], initial=layer.weights).learn(train[:CALIBRATED], chunk=CHUNK)
    shape = chip.layers[0].shape
    return tuple(
        np.concatenate([outputs for outputs, _ in chip.output_blocks(images, chunk=CHUNK)]).reshape(-1, *shape)
        for images in (train, test)
    )  # type: ignore[return-value]


def features(outputs: Array) -> Array:
    """Return outputs of images flat, averaged over squares of positions if there are too many."""
    count, neurons, side, _ = outputs.shape
    squares = side
    while squares > 1 and neurons * squares**2 > FEATURES:
        squares //= 2
    shape = (count, neurons, squares, side // squares, squares, side // squares)
    return outputs.reshape(shape).mean(axis=(3, 5)).reshape(count, -1)


def probe(train: Array, labels: Labels, test: Array, known: Labels) -> float:
    """Return the accuracy of ridge on features, in per cent: the best of three strengths."""
    mean, deviation = train.mean(axis=0), train.std(axis=0) + 1e-6
    train, test = (train - mean) / deviation, (test - mean) / deviation
    gram, wanted = train.T @ train, train.T @ (np.eye(10, dtype=np.float32)[labels] - np.float32(0.1))
    best = 0.0
    for strength in (0.1, 0.3, 1.0):
        ridge = gram + np.float32(strength * len(train)) * np.eye(len(gram), dtype=np.float32)
        found = (test @ linalg.solve(ridge, wanted, assume_a="pos")).argmax(axis=1)
        best = max(best, float((found == known).mean()))
    return 100 * best


def by_depth(chip: ns.Chip, train: Images, test: Images) -> list[float]:
    """Return the probe's accuracy on the outputs of each layer."""
    outputs, others, found = train[0], test[0], []
    for layer in chip.layers:
        outputs, others = sent(layer, outputs, others)
        found.append(probe(features(outputs), train[1], features(others), test[1]))
    return found


def images_of(name: str, count: int, size: int) -> Images:
    """Return images of CIFAR-10, resampled to `size`, and labels."""
    block = next(part(name, count).blocks(size=count))
    images = block.samples.reshape(-1, 3, 32, 32)
    if size != 32:
        images = np.stack([resample(image, size, size) for image in images])
    assert block.labels is not None
    return images, block.labels


def main() -> None:
    """Print a row a chip: its accuracy by depth."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--only", default="", help="rows with this in their name")
    options.add_argument("--learned", type=int, default=3000, help="images learned from")
    options.add_argument("--images", type=int, default=IMAGES, help="images that ridge is fitted on")
    given = options.parse_args()
    for size in (32, 64):
        if not any(given.only in f"{size} x {size}, {kind}, {method}" for kind in WIDTHS for method in METHODS):
            continue
        train, test = images_of("train", max(given.learned, given.images), size), images_of("test", TEST, size)
        for kind, width in WIDTHS.items():
            for method, rate in METHODS.items():
                count = given.learned if rate is None else CALIBRATED
                name = f"{size} x {size}, {kind}, {method}"
                if given.only not in name:
                    continue
                start = time.perf_counter()
                chip = ns.Chip(layers_of(width, rate), inputs=(3, size, size))
                chip.learn(train[0][:count], chunk=CHUNK)
                seconds = time.perf_counter() - start
                found = by_depth(chip, (train[0][: given.images], train[1][: given.images]), test)
                norms = " / ".join(f"{layer.norms.mean():.2f}" for layer in chip.layers)
                row = "  ".join(f"{accuracy:5.2f}" for accuracy in found)
                print(f"{name:28} {row}   norms {norms}   {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
