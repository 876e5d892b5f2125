"""Every readout of one SoftHebb layer of 2,000 neurons after one on-line epoch of MNIST: the table of docs/readouts.md.

python -m benchmarks.readouts FOLDER_OF_DATA [seed ...]
"""

import sys
import time

import numpy as np

import neurosim as ns
from neurosim.readouts.judge import judge

NEURONS = 2000


def main(root: str, seeds: list[int]) -> None:
    """Print accuracy on the test set and the seconds that it took, for each readout and seed."""
    train, test = (ns.open_stream(f"mnist:{part}", root=root) for part in ("train", "test"))
    for seed in seeds:
        layer = ns.recipes.softhebb(NEURONS)
        chip = ns.Chip([layer], inputs=784, seed=seed).learn(train)
        start = time.perf_counter()
        judgement = judge(chip, train, test)
        show(seed, "winner's label", judgement.winner_accuracy, start)
        show(seed, "ridge", judgement.readout_accuracy, start)
        known, asked = (ns.FeatureCache().fill(chip, stream) for stream in (train, test))
        deviation = known.features_.std()
        for name, unit in (("trained softmax", np.float32(1)), ("trained softmax, features of deviation 1", deviation)):
            start = time.perf_counter()
            readout = ns.SoftmaxReadout(seed=seed, threads=2).fit(known.features_ / unit, known.labels_)
            show(seed, name, readout.score(asked.features_ / unit, asked.labels_), start)
        falling = ns.LinearRate(8.0, train.length)
        for name, last in (
            ("on-line delta rule", ns.recipes.delta_readout(10)),
            ("on-line delta rule, falling rate", ns.recipes.delta_readout(10, rate=falling)),
            ("supervised SoftHebb", ns.recipes.supervised_softhebb(10)),
        ):
            start = time.perf_counter()
            together = ns.Chip([layer, last], inputs=784, seed=seed).learn(train)
            show(seed, name, judge(together, train, test).winner_accuracy, start)
        for name, last in (
            ("raw pixels, on-line delta rule", ns.recipes.delta_readout(10)),
            ("raw pixels, supervised SoftHebb", ns.recipes.supervised_softhebb(10)),
        ):
            start = time.perf_counter()
            alone = ns.Chip([last], inputs=784, seed=seed).learn(train)
            show(seed, name, judge(alone, train, test).winner_accuracy, start)


def show(seed: int, name: str, accuracy: float, start: float) -> None:
    """Print a line."""
    print(f"seed {seed}  {name:40} {accuracy:.2%}  {time.perf_counter() - start:6.1f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], [int(seed) for seed in sys.argv[2:]] or [0])
