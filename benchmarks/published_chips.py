"""Published figures of whole chips on MNIST, and what our prices make of networks of that size; nothing is tuned.

python -m benchmarks.published_chips --root DIR

Operations are counted from the published structures and from MNIST's own pixels; what is assumed stands beside a row.
Rows: Renner et al. 2024, doi:10.1038/s41467-024-53827-9, Table 1.
"""

import argparse
from typing import NamedTuple

import numpy as np

import neurosim as ns
from neurosim.hardware.counting.operations import INFERENCE, LEARNING, ROUTING
from neurosim.hardware.energy import energy
from neurosim.hardware.table import joules
from neurosim.streams import open_stream

IMAGES = 5000


class Row(NamedTuple):
    """A published figure, and the operations of a sample that structure and data give."""

    system: str
    published_J: float
    preset: str
    operations: dict[str, float]
    seconds: float  # for static power; 0 where the figure has none in it, or the preset has none
    reason: str


def images(root: str) -> np.ndarray:
    """Return the first training images, (images, 28, 28), from 0 to 255."""
    block = next(iter(open_stream("mnist:train", root=root).blocks(size=IMAGES)))
    return block.samples.reshape(-1, 28, 28) * (255 / block.samples.max())


def smaller(x: np.ndarray, size: int) -> np.ndarray:
    """Return images brought to another size, each pixel the mean of the area that it covers."""
    edges = np.linspace(0, x.shape[1], size + 1)
    low, high = edges[:-1, None], edges[1:, None]
    pixels = np.arange(x.shape[1])
    share = np.clip(np.minimum(high, pixels + 1) - np.maximum(low, pixels), 0, None) * size / x.shape[1]
    return np.einsum("ai,nij,bj->nab", share, x, share)


def rows(x: np.ndarray) -> list[Row]:
    """Return the rows that can be estimated."""
    box = x[:, 4:24, 4:24]
    on = float((box > 127).sum(axis=(1, 2)).mean())
    hidden = 100.0  # neurons of 400 that spike: not published, of little weight
    pixels = float(np.count_nonzero(x, axis=(1, 2)).mean())
    patches = np.lib.stride_tricks.sliding_window_view(x[:500], (5, 5), axis=(1, 2))
    entries = float(np.count_nonzero(patches, axis=(1, 2, 3, 4)).mean())
    learned = 3 * on * 1200 + 2 * 3 * hidden * 10
    loihi = {
        "synaptic_operation": 3 * on * 1200 + 3 * hidden * 30 + 2 * 10 * 400, "neuron_update": 3282 * 12.0,
        "event_out": 3 * (on + hidden),
    }  # fmt: skip
    chip = ns.Chip([ns.recipes.softhebb(10, weight_bits=3, initial="normal")], inputs=256)
    priced = ns.hardware.price(
        ns.hardware.count(chip, smaller(box, 16).reshape(-1, 256), samples=2000), ns.hardware.load("odin")
    )
    return [
        Row(
            "Loihi, Renner 2024, 400-400-10, inference",
            2.5e-6,
            "loihi",
            {"synaptic_operation": on * 400 + hidden * 10, "neuron_update": 814 * 4.0, "event_out": on + hidden},
            0,
            "figure is of energy above idle; gates, resets and barriers are not in our count",
        ),
        Row(
            "Loihi, Renner 2024, learning, synapses of spikes",
            590e-6,
            "loihi",
            loihi | {"weight_update": learned},
            1.5e-3,
            "we price synapses that are written; its engine goes through all of a core's, every time step",
        ),
        Row(
            "Loihi, Renner 2024, learning, all synapses, 12 steps",
            590e-6,
            "loihi",
            loihi | {"weight_update": 12 * 5e5},
            1.5e-3,
            "the same, priced as that engine works; whether static power is in the figure is not told",
        ),
        Row(
            "ODIN, 256-10, learning, counted by a run",
            15e-9,
            "odin",
            {name: row["count"] for name, row in priced.energy.operations.items()},
            float(priced.schedule.held_s.mean()),
            "all pixels are taken here; the chip stops at the first output spike, after how many is not told",
        ),
        Row(
            "Park 2019, 784-200-200-10, inference",
            236e-9,
            "cmos45-int8",
            _dense8(pixels * 200 + 100 * 200 + 100 * 10, 410),
            0,
            "65 nm, and control, clock and wires are in the figure; half of the hidden neurons active is assumed",
        ),
        Row(
            "SPOON, convolution and 128-10, inference",
            313e-9,
            "cmos45-int8",
            _dense8(10 * entries + 0.25 * 1440 * 128 + 128 * 5, 14400 + 138),
            0,
            "28 nm; control, clock and wires are in the figure; its structure is assumed",
        ),
    ]


def _dense8(operations: float, neurons: float) -> dict[str, float]:
    """Return operations on synapses of 8 bits."""
    return {"synaptic_operation": operations, "neuron_update": neurons, "memory_read_bit": 8 * operations}


def estimate(row: Row) -> np.ndarray:
    """Return joules with all constants low, as they are, and all high."""
    described = ns.hardware.load(row.preset)
    names = (*INFERENCE, *ROUTING, *LEARNING)
    spent = energy(described, {name: np.array([row.operations.get(name, 0.0)]) for name in names}).total[:, 0]
    static = described.power.get("static")
    if static is not None:
        spent = spent + row.seconds * np.array([static.low, static.value, static.high])
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default=".")
    print("| system | published | ours, low to high | ours / published | why |\n| --- | --- | --- | --- | --- |")
    for row in rows(images(parser.parse_args().root)):
        low, value, high = estimate(row)
        band = f"{joules(value)} ({joules(low)} to {joules(high)})"
        print(f"| {row.system} | {joules(row.published_J)} | {band} | {value / row.published_J:.2f} | {row.reason} |")


if __name__ == "__main__":
    main()
