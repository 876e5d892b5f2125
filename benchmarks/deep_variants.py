"""What makes on-line learning of deep chips as good as batches: one constant at a time, by a small probe.

::

    NEUROSIM_DATA=... python -m benchmarks.deep_variants [--only TEXT] [--most 50000] [--train 12000] [--test 4000]

A probe is a ridge classifier on pooled outputs (4 x 4 of one layer or two, 2 x 2 of three), 12,000 training images, the
best of three strengths. On 4,000 test images its standard error is 0.7 points. A row takes five minutes on one core.
"Apart": each layer learns from all images in turn, the layers before it frozen, which is the published order. With
`--steps`, nothing but how far each layer's first steps are from those of the published presets, where one of the things
is left out that make them so.
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
    """Return 6,144 features of each image (of one layer 1,536), and labels."""
    neurons, side, _ = chip.layers[-1].shape
    squares = {16: 4, 8: 4, 4: 2}[side]
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


def steps(images: np.ndarray, name: str, changed: dict, updates: int = 1) -> str:
    """Return, for each layer, how far its steps from windows of ten are from the preset's, in the preset's own size."""
    made = ns.presets.preset(name).layers
    chips = [
        ns.Chip([replace(layer, **change) for layer in made], inputs=(3, 32, 32)).learn(images[: 10 * updates])
        for change in ({}, changed)
    ]
    apart = [
        np.linalg.norm(other.weights - layer.weights) / np.linalg.norm(layer.weights - layer.first_weights)
        for layer, other in zip(*(chip.layers for chip in chips), strict=True)
    ]
    return " / ".join(f"{share:.1%}" for share in apart)


def print_steps(images: np.ndarray) -> None:
    """Print a row for each thing that is left out."""
    three, two = (f"softhebb-cifar10-{depth}layer-published" for depth in (3, 2))
    alone = {"pre_triangle": False, "activation": ns.Triangle()}
    for what, name, changed in (
        ("answers at once, running statistics by image", three, {"answers": "at once", "momentum": 0.0}),
        ("answers at once, momentum .1", three, {"answers": "at once"}),
        ("the same with two layers", two, {"answers": "at once", "momentum": 0.0}),
    ):
        print(f"{what:45} {steps(images, name, changed)}", flush=True)
    layers = ns.presets.preset(two).layers
    chips = [ns.Chip([layers[0], last], inputs=(3, 32, 32)).learn(images[:10])
             for last in (layers[1], replace(layers[1], **alone))]  # fmt: skip
    ours, other = (chip.layers[1] for chip in reversed(chips))
    share = np.linalg.norm(ours.weights - other.weights) / np.linalg.norm(other.weights - other.first_weights)
    print(f"{'Triangle in the second competition alone':45} - / {share:.1%}")


def main() -> None:
    """Print a row a variant."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--only", default="", help="rows with this in their name")
    options.add_argument("--most", type=int, default=50_000, help="images learned from, at most")
    options.add_argument("--train", type=int, default=12_000, help="the probe's training images")
    options.add_argument("--test", type=int, default=4000, help="test images")
    options.add_argument("--steps", action="store_true", help="only how far first steps are from the published ones")
    given = options.parse_args()
    if given.steps:
        print_steps(next(part("train", 10).blocks(size=10)).samples)
        return
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
