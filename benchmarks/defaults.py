"""One on-line epoch of MNIST with the defaults: accuracy over widths, seeds and scales of the input, as a table.

::

    NEUROSIM_DATA=... python -m benchmarks.defaults            # widths and scales of the input
    NEUROSIM_DATA=... python -m benchmarks.defaults --vary     # one constant at a time, winner's label alone
"""

import argparse
import os
from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim.readouts.judge import judge
from neurosim.readouts.labels import answers
from neurosim.readouts.winner import WinnerLabels
from neurosim.streams import ArrayStream

SCALES = {
    "[0, 1]": lambda x: x,
    "times 255": lambda x: x * np.float32(255),
    "times 1e-4": lambda x: x * np.float32(1e-4),
    "unit norm": lambda x: x / np.linalg.norm(x, axis=1, keepdims=True),
}


def row(neurons: int, scale: str, seeds: int, streams: list) -> str:
    """Return a row of the table: means over seeds, and the range of the winner's accuracy."""
    train, test = (ArrayStream(SCALES[scale](block.samples), block.labels) for block in streams)
    found = []
    for seed in range(seeds):
        chip = ns.Chip([ns.recipes.softhebb(neurons)], inputs=784, seed=seed).learn(train)
        found.append(judge(chip, train, test))
    winner = [judgement.winner_accuracy for judgement in found]
    line = np.mean([judgement.readout_accuracy for judgement in found])
    dead = np.max([judgement.never_won_frozen for judgement in found])
    spread = f"{np.mean(winner):.2%} ({min(winner):.2%}-{max(winner):.2%})"
    return f"| {neurons} | {scale} | {spread} | {line:.2%} | {dead:.2%} |"


VARIATIONS = [
    {}, {"temperature": 0.007}, {"temperature": 0.017}, {"normalise": "stream"}, {"radius": 2.0}, {"radius": 10.0},
    {"radius": 35.0}, {"rate": 1.0, "cap": 0.1}, {"rate": 1.0}, {"rate": 3.0}, {"cap": 0.1}, {"cutoff": 0.0},
]  # fmt: skip


def winner_accuracy(chip: ns.Chip, train: ns.Stream, test: ns.Stream) -> float:
    """Return the accuracy by the winner's label of a chip that learns the one and is tested on the other stream."""
    chip.learn(train)
    labels = WinnerLabels()
    for response, truth in answers(chip, train):
        labels.add(response, truth)
    labels.finish()
    right = [labels.predict(response) == truth for response, truth in answers(chip, test)]
    return float(np.concatenate(right).mean())


def vary(constants: dict, seeds: int, streams: list) -> str:
    """Return a row: MNIST at three widths, and scikit-learn's digits at 200 neurons."""
    cells = []
    for neurons in (100, 2000, 4000, 200):
        digits = neurons == 200
        train, test = [ns.open_stream("digits:train"), ns.open_stream("digits:test")] if digits else streams
        chips = [
            ns.Chip([ns.recipes.softhebb(neurons, **constants)], inputs=train.inputs, seed=s) for s in range(seeds)
        ]
        cells.append(f"{np.mean([winner_accuracy(chip, train, test) for chip in chips]):.2%}")
    name = ", ".join(f"{key} {value}" for key, value in constants.items()) or "the defaults"
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--vary", action="store_true")
    seeds, varied = parser.parse_args().seeds, parser.parse_args().vary
    root = Path(os.environ["NEUROSIM_DATA"])
    streams = [ns.open_stream(f"mnist:{part}", root=root) for part in ("train", "test")]
    if varied:
        print(f"| mean of {seeds} seeds | MNIST, 100 | MNIST, 2000 | MNIST, 4000 | digits, 200 |")
        print("| --- | --- | --- | --- | --- |")
        for constants in VARIATIONS:
            print(vary(constants, seeds, streams), flush=True)
        return
    streams = [next(stream.blocks(size=stream.length)) for stream in streams]
    print(f"| neurons | input | winner's label, mean of {seeds} seeds (range) | linear readout | never won, at most |")
    print("| --- | --- | --- | --- | --- |")
    for neurons in (100, 250, 500, 1000, 2000, 4000):
        print(row(neurons, "[0, 1]", seeds, streams), flush=True)
    for scale in ("times 255", "times 1e-4", "unit norm"):
        print(row(2000, scale, seeds, streams), flush=True)


if __name__ == "__main__":
    main()
