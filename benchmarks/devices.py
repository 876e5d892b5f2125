"""What cells of a crossbar cost in accuracy on MNIST, effect by effect; and cells that a peer simulates, beside ours.

::

    OMP_NUM_THREADS=1 python -m benchmarks.devices --root FOLDER  # 20 minutes on one core
    OMP_NUM_THREADS=1 python -m benchmarks.devices --root FOLDER --only PCM --judged 3000  # where time passes
    python -m benchmarks.devices --peer tests/data/aihwkit_cells.json  # seconds; from benchmarks/aihwkit_cells.py

The recipe `softhebb`, 200 neurons, 20,000 samples once; a neuron has the label of most of these that it wins. Where
time passes, labels are those of the moment at which learning ended.
"""

import argparse
import json
from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim.readouts.judge import measure

INPUTS, SAMPLES = 784, 20_000
ADC_RANGE = 10.0  # of column sums, which reach 9.6 where nothing limits them
DAY, YEAR = 86_400.0, 31_536_000.0
EFFECTS = {
    "exact synapses": None, "ideal cells": {}, "64 states": {"states": 64}, "16 states": {"states": 16},
    "8 states": {"states": 8}, "4 states": {"states": 4}, "programming noise 0.01": {"programming_noise": 0.01},
    "programming noise 0.03": {"programming_noise": 0.03}, "programming noise 0.1": {"programming_noise": 0.1},
    "programming noise of PCM": {"programming_noise": ns.Crossbar.PCM["programming_noise"]},
    "read noise 0.01": {"read_noise": 0.01}, "read noise 0.03": {"read_noise": 0.03},
    "read noise 0.1": {"read_noise": 0.1}, "1/f noise of PCM": {"flicker_noise": ns.Crossbar.PCM["flicker_noise"]},
    "ADC 8 bits": {"adc_bits": 8, "adc_range": ADC_RANGE}, "ADC 6 bits": {"adc_bits": 6, "adc_range": ADC_RANGE},
    "ADC 4 bits": {"adc_bits": 4, "adc_range": ADC_RANGE}, "IR drop 1.75e-6": {"ir_drop": 1.75e-6},
    "IR drop 1.75e-5": {"ir_drop": 1.75e-5}, "IR drop 1.75e-4": {"ir_drop": 1.75e-4},
    "drift 0.05": {"drift": 0.05}, "drift of PCM": {name: ns.Crossbar.PCM[name] for name in ("drift", "drift_spread")},
    "PCM, all of it": ns.Crossbar.PCM,
}  # fmt: skip
LATER = {"a second later": 1.0, "a day later": DAY, "a year later": YEAR}


def part(root: str, name: str, count: int) -> ns.streams.ArrayStream:
    """Return the first samples of a part of MNIST."""
    stream, values, labels = ns.open_stream(f"mnist:{name}", root=root), [], []
    for block in stream.blocks():
        values.append(block.samples)
        labels.append(block.labels)
        if sum(map(len, values)) >= count:
            break
    return ns.streams.ArrayStream(np.concatenate(values)[:count], np.concatenate(labels)[:count])


def accuracies(root: str, neurons: int, seeds: int, only: str, judged: int) -> None:
    """Print a row for each effect; so many samples give labels, and so many test them, if not all."""
    train, test = part(root, "train", SAMPLES), part(root, "test", judged or 10_000)
    labelled = part(root, "train", judged or SAMPLES)
    print(f"{'':28}{'accuracy':>9}  of seeds              norm  rewritten a sample  largest sum", flush=True)
    for name, given in EFFECTS.items():
        if only not in name:
            continue
        devices = None if given is None else ns.Crossbar(**given)
        found: dict[str, list[float]] = {name: []}
        for seed in range(seeds):
            chip = ns.Chip([ns.recipes.softhebb(neurons, devices=devices)], inputs=INPUTS, seed=seed).learn(train)
            readouts = ns.Readouts.fit(chip, labelled)
            found[name].append(100 * measure(readouts, chip, test).winner_accuracy)
            for later, seconds in LATER.items() if devices is not None and devices.drift != 0 else ():
                aged = chip.with_constants(idle_s=seconds)
                found.setdefault(f"  {later}", []).append(100 * measure(readouts, aged, test).winner_accuracy)
        layer = chip.layers[0]
        sums = max(np.max(chip.respond(block.samples).potentials / layer.state.scales) for block in test.blocks())
        for row, numbers in found.items():
            told = " ".join(f"{number:.2f}" for number in numbers)
            rewritten = layer.state.counters[3] / layer.samples
            more = f"{np.median(layer.norms):>10.2f}{rewritten:>20.3f}{sums if devices else np.nan:>13.2f}"
            print(f"{row:28}{np.mean(numbers):>8.2f}%  {told:20}{more if row == name else ''}", flush=True)


def peer(path: Path) -> None:
    """Print the peer's cells beside ours."""
    told = json.loads(path.read_text())
    print(f"aihwkit {told['aihwkit']}; errors of {told['repeats']} repeats of {told['cells']:,} cells")
    print("target    seconds    mean: peer        ours   in errors    deviation: peer        ours   in errors")
    for row in told["rows"]:
        cells = programmed(row["target"], row["seconds"], told["cells"])
        numbers = []
        for name, ours in (("mean", cells.mean()), ("deviation", cells.std(ddof=1))):
            off = (ours - row[name]) / (np.sqrt(2) * row[f"{name}_error"])
            numbers.append(f"{row[name]:>15.5f}{ours:>12.5f}{off:>12.1f}")
        print(f"{row['target']:>6}{row['seconds']:>11g}" + "    ".join(numbers))


def programmed(target: float, seconds: float, cells: int, neurons: int = 100) -> np.ndarray:
    """Return so many cells of phase-change memory, programmed to a conductance and read seconds later; 0: not read."""
    inputs = cells // neurons
    weights = np.full((neurons, inputs + 1), target, np.float32)
    weights[:, 0] = 1  # the largest of each neuron is at the largest conductance
    soft, hebb = ns.SoftWTA(temperature=1.0), ns.SoftHebb(rate=0.1)
    given = ns.Crossbar.pcm(idle_s=seconds)
    layer = ns.DenseWTA(neurons, competition=soft, rule=hebb, devices=given)
    chip = ns.Chip([layer], inputs=inputs + 1, seed=round(1000 * target), initial=[weights])
    if seconds == 0:
        return chip.layers[0].weights[:, 1:].astype(np.float64)
    return chip.respond(np.eye(inputs + 1, dtype=np.float32)[1:]).potentials.astype(np.float64)


def main() -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", default=".")
    parser.add_argument("--neurons", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="effects whose names have this in them")
    parser.add_argument("--judged", type=int, default=0, help="samples that give labels, and that test them")
    parser.add_argument("--peer", type=Path)
    given = parser.parse_args()
    if given.peer is None:
        accuracies(given.root, given.neurons, given.seeds, given.only, given.judged)
    else:
        peer(given.peer)


if __name__ == "__main__":
    main()
