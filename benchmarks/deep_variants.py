"""What makes on-line learning of deep chips as good as batches: one constant at a time, by a small probe.

::

    NEUROSIM_DATA=... python benchmarks/deep_variants.py [--only TEXT] [--most 50000] [--train 12000] [--test 4000]

A probe is a ridge classifier on pooled outputs (4 x 4 of two layers, 2 x 2 of three), 12,000 training images, the best
of three strengths. On 4,000 test images its standard error is 0.7 points. A row takes five minutes on one core.
"Apart": each layer learns from all images in turn, the layers before it frozen, which is the published order.
"""

import argparse
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import linalg

import neurosim as ns

CHUNK = 250
AT_ONCE = {"published": True, "answers": "at once", "momentum": 0.0}
ROWS = {  # name: layers, images learned from, rates, what is changed in all layers
    "three layers, random": (3, 500, (0, 0, 0), {}),
    "three layers, batches": (3, 12_000, None, {"published": True}),
    "three layers, batches, apart": (3, 12_000, None, {"published": True}),
    "three layers, batches, answers at once": (3, 12_000, None, AT_ONCE),
    "three layers, published rates": (3, 12_000, (0.08, 0.005, 0.01), {}),
    "three layers, first rate a tenth": (3, 12_000, (0.008, 0.005, 0.01), {}),
    "three layers, largest step, a tenth": (3, 12_000, (0.008, 0.0005, 0.001), {"step": "largest"}),
    "three layers, first rate .8, all images": (3, 50_000, (0.8, 0.005, 0.01), {}),
    "two layers, random": (2, 300, (0, 0), {}),
    "two layers, batches": (2, 20_000, None, {"published": True}),
    "two layers, batches, apart": (2, 20_000, None, {"published": True}),
    "two layers, batches, answers at once": (2, 20_000, None, AT_ONCE),
    "two layers, rates .02 .005": (2, 20_000, (0.02, 0.005), {}),
    "two layers, rates .08 .005": (2, 20_000, (0.08, 0.005), {}),
    "two layers, rates .3 .005": (2, 20_000, (0.3, 0.005), {}),
    "two layers, rates .8 .005": (2, 20_000, (0.8, 0.005), {}),
    "two layers, rates 3 .005": (2, 20_000, (3.0, 0.005), {}),
    "two layers, rates .08 .002": (2, 20_000, (0.08, 0.002), {}),
    "two layers, rates .08 .02": (2, 20_000, (0.08, 0.02), {}),
    "two layers, rates .8 .02": (2, 20_000, (0.8, 0.02), {}),
    "two layers, horizon 5,000": (2, 20_000, (0.08, 0.005), {"horizon": 5000.0}),
    "two layers, cap .03": (2, 20_000, (0.08, 0.005), {"cap": 0.03}),
}


def chip_of(depth: int, rates: tuple[float, ...] | None, changed: dict) -> ns.Chip:
    """Return the first layers of the three-layer preset, with some constants of their own; with rates, no cutoff."""
    changed = dict(changed)
    name = "softhebb-cifar10-3layer" + ("-published" if changed.pop("published", False) else "")
    layers = list(ns.presets.preset(name).layers[:depth])
    layers = [replace(layer, **changed) for layer in layers]
    if rates is not None:
        layers = [
            replace(layer, cutoff=0.0, rule=ns.SoftHebb(rate=ns.NormAdaptiveRate(rate)))
            for layer, rate in zip(layers, rates, strict=True)
        ]
    return ns.Chip(layers, inputs=(3, 32, 32))


def pooled(chip: ns.Chip, stream: ns.Stream) -> tuple[np.ndarray, np.ndarray]:
    """Return 6,144 features of each image, and labels."""
    neurons, side, _ = chip.layers[-1].shape
    squares = {8: 4, 4: 2}[side]
    found, labels = [], []
    for outputs, known in chip.output_blocks(stream, chunk=CHUNK):
        shape = (len(outputs), neurons, squares, side // squares, squares, side // squares)
        found.append(outputs.reshape(shape).mean(axis=(3, 5)).reshape(len(outputs), -1))
        labels.append(known)
    return np.concatenate(found), np.concatenate(labels)


def probe(chip: ns.Chip, train: ns.Stream, test: ns.Stream) -> float:
    """Return the probe's accuracy in per cent."""
    (values, labels), (others, known) = pooled(chip, train), pooled(chip, test)
    mean, deviation = values.mean(axis=0), values.std(axis=0) + 1e-6
    values, others = (values - mean) / deviation, (others - mean) / deviation
    gram, wanted = values.T @ values, values.T @ (np.eye(10, dtype=np.float32)[labels] - np.float32(0.1))
    best = 0.0
    for strength in (0.1, 0.3, 1.0):
        ridge = gram + np.float32(strength * len(values)) * np.eye(len(gram), dtype=np.float32)
        best = max(best, ((others @ linalg.solve(ridge, wanted, assume_a="pos")).argmax(axis=1) == known).mean())
    return 100 * best


def part(name: str, count: int) -> ns.Stream:
    """Return the first images of CIFAR-10's training or test part."""
    stream = ns.open_stream(f"cifar10:{name}", root=Path(os.environ["NEUROSIM_DATA"]))
    block = next(stream.blocks(size=count))
    return ns.streams.ArrayStream(block.samples.reshape(-1, 3, 32, 32), block.labels)


def main() -> None:
    """Print a row a variant."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--only", default="", help="rows with this in their name")
    options.add_argument("--most", type=int, default=50_000, help="images learned from, at most")
    options.add_argument("--train", type=int, default=12_000, help="the probe's training images")
    options.add_argument("--test", type=int, default=4000, help="test images")
    given = options.parse_args()
    learned, train, test = part("train", 50_000), part("train", given.train), part("test", given.test)
    for name, (depth, count, rates, changed) in ROWS.items():
        if given.only in name:
            chip = chip_of(depth, rates, changed)
            for layers in [[place] for place in range(depth)] if "apart" in name else [None]:
                blocks = learned.blocks(size=CHUNK)
                for _ in range(min(count, given.most) // CHUNK):
                    chip.learn(next(blocks).samples, layers=layers, chunk=CHUNK)
            norms = " / ".join(f"{layer.norms.mean():.2f}" for layer in chip.layers)
            print(f"{name:40} {probe(chip, train, test):6.2f}   norms {norms}", flush=True)


if __name__ == "__main__":
    main()
