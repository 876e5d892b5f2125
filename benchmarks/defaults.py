"""One on-line epoch of MNIST with the defaults: accuracy over widths, seeds and scales of the input, as a table.

::

    NEUROSIM_DATA=... python benchmarks/defaults.py [--seeds 3]
"""

import argparse
import os
from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim.readouts import judge
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


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    root = Path(os.environ["NEUROSIM_DATA"])
    streams = [ns.open_stream(f"mnist:{part}", root=root) for part in ("train", "test")]
    streams = [next(stream.blocks(size=stream.length)) for stream in streams]
    print(f"| neurons | input | winner's label, mean of {seeds} seeds (range) | linear readout | never won, at most |")
    print("| --- | --- | --- | --- | --- |")
    for neurons in (100, 250, 500, 1000, 2000, 4000):
        print(row(neurons, "[0, 1]", seeds, streams), flush=True)
    for scale in ("times 255", "times 1e-4", "unit norm"):
        print(row(2000, scale, seeds, streams), flush=True)


if __name__ == "__main__":
    main()
