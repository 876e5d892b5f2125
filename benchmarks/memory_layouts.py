"""Words of memory that a layer takes on each layout: one run, priced as often as there are layouts.

python -m benchmarks.memory_layouts --root DIR
"""

import argparse
from dataclasses import replace
from typing import Any

import numpy as np

import neurosim as ns
from neurosim.hardware import Counts, Hardware, count, load, price
from neurosim.hardware.chips.memory import LAYOUTS
from neurosim.hardware.table import joules
from neurosim.hardware.timeline.flow import load as loads
from neurosim.hardware.timeline.flow import plan
from neurosim.reporting.units import duration

COLUMNS = (
    "memory", "cores", "words read to integrate", "words updated", "learning", "learning takes", "energy", "latency",
)  # fmt: skip


def learning_time(run: Counts, hardware: Hardware) -> float:
    """Return how long the slowest core learns from a sample, in seconds, on average."""
    mapping = price(run, hardware).mapping
    planned = plan(mapping)
    _, services = loads(planned, mapping, run)
    writing = [place for place, carried in enumerate(planned.loads) if carried.kind == "writes"]
    return float(services[:, writing].max(axis=1).mean()) * 1e-12


def row(name: str, run: Counts, hardware: Hardware) -> tuple[Any, ...]:
    """Return what a memory costs, as text."""
    report = price(run, hardware)
    found = report.summary()
    done = {key: priced["count"] for key, priced in found["operations"].items()}
    bits = run.layers[0].demand.weight_bits or hardware.structure.weight_bits
    per_word = 64 // bits  # as if every word were full of synapses that are needed
    read = done.get("memory_read_word", done.get("memory_read_bit", 0) / bits / per_word)
    updated = done.get("learning_write_word", done.get("learning_write_bit", 0) / bits / per_word)
    return (
        name, found["mapping"]["cores_used"], f"{read:,.0f}", f"{updated:,.0f}",
        joules(found["energy_split_J"]["learning"]), duration(learning_time(run, hardware)).strip(),
        joules(found["energy_J"]), duration(found["latency_s"]).strip(),
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default=".", help="folder with MNIST")
    parser.add_argument("--stream", default="mnist:train")
    parser.add_argument("--neurons", type=int, default=1000)
    parser.add_argument("--weight-bits", type=int, default=8)
    parser.add_argument("--cutoff", type=float, default=0.01)
    parser.add_argument("--warm-up", type=int, default=59_000)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--chip", default="cmos45-int8")
    given = parser.parse_args(arguments)
    stream = ns.open_stream(given.stream, root=given.root)
    layer = ns.recipes.softhebb(given.neurons, weight_bits=given.weight_bits, cutoff=given.cutoff)
    chip = ns.Chip([layer], inputs=int(np.prod(stream.inputs)), seed=0)
    run = count(chip, stream, warm_up=given.warm_up, samples=given.samples)
    print(" | ".join(COLUMNS))
    packed = replace(load(given.chip), memory=None)
    print(" | ".join(map(str, row("as if packed", run, packed))))
    for banks in (1, 8):
        for layout in LAYOUTS:
            hardware = load(given.chip, {"memory.layout": layout, "memory.banks": banks})
            words = f"{layout.replace('_', '-')}, {banks} bank{'s' if banks > 1 else ''}"
            print(" | ".join(map(str, row(words, run, hardware))))


if __name__ == "__main__":
    main()
