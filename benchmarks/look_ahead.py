"""Where looking ahead pays: microseconds a learned sample of MNIST in a chunk, by way of taking sums, and by learn_one.

::

    NEUROSIM_DATA=... taskset -c 0 python -m benchmarks.look_ahead [--neurons 500 2000 4000 8000 16000] [--json FILE]

After 1,000 and after 30,000 images, a chip learns from the next 4,096, each 256 of them four times, from equal weights
in the same memory on: without looking ahead, as it decides (`kernels/dense/ways.py`; at first it knows nothing), always
looking ahead, and by `learn_one`, in another order every time. Times are the process's own, means over all samples; the
ratios are of these means, in brackets the quarter and three quarters of the ratios of single turns. All must end in
equal states. With `--dense-input`, noise on every pixel makes all inputs active.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim.engine.dense import memory
from neurosim.engine.runner import LayerRunner
from neurosim.engine.samples import Samples
from neurosim.experiments.data import Data
from neurosim.kernels.dense import layout

WAYS = ("never", "as it decides", "always", "learn_one")
STAGES, TIMED, CHUNK = (1_000, 30_000), 4_096, 256
FOREVER = 1 << 60


def way_of(name: str, chip: ns.Chip) -> Callable[[np.ndarray], object]:
    """Return what a chip learns a chunk by."""
    if name == "learn_one":
        return lambda images: [chip.learn_one(image) for image in images]
    runner = LayerRunner(chip.layers[0], CHUNK)
    scratch = runner.workspace.scratch
    if name == "never":
        scratch.pays[0] = FOREVER
    if name != "as it decides":  # a memory of its own for times
        scratch = scratch._replace(timing=scratch.timing.copy())
        runner.workspace = runner.workspace._replace(scratch=scratch)
    if name == "always":
        scratch.pays[:3] = 0
        scratch.timing[:, layout.BEST], scratch.timing[:, layout.WAIT] = layout.LOOKING, FOREVER
    return lambda images: runner.run(Samples(images), True)


def timed(chip: ns.Chip, images: np.ndarray) -> tuple[np.ndarray, float, bool]:
    """Return the seconds of each turn (turns, ways), neurons written by a sample, and whether the chip looks ahead."""
    chip.compile()
    ways, layer = {name: way_of(name, chip) for name in WAYS}, chip.layers[0]
    timing, before = layer.executor.workspace().scratch.timing, layer.writes
    timing[:] = memory.timing(len(timing) > 0, team=False)
    seconds = np.zeros((len(images) // CHUNK, len(WAYS)))
    for turn in range(len(seconds)):
        part, saved, states = images[turn * CHUNK : (turn + 1) * CHUNK], [array.copy() for array in layer.state], set()
        for place in np.roll(np.arange(len(WAYS)), turn):
            for array, kept in zip(layer.state, saved, strict=True):
                array[:] = kept
            begun = time.process_time()
            ways[WAYS[place]](part)
            seconds[turn, place] = time.process_time() - begun
            states.add(chip.state_sha256)
        assert len(states) == 1, "the way must change no bit"
    looks = bool(len(timing)) and timing[1, layout.BEST] == layout.LOOKING
    return seconds, (layer.writes - before) / len(images), looks


def ratio(seconds: np.ndarray, one: str, other: str) -> str:
    """Return how much longer one way takes than another."""
    ours, theirs = seconds[:, WAYS.index(one)], seconds[:, WAYS.index(other)]
    low, high = np.percentile(ours / theirs, [25, 75])
    return f"{ours.sum() / theirs.sum():.3f} ({low:.2f} to {high:.2f})"


def main() -> None:
    """Print a row for each width and stage."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--neurons", type=int, nargs="+", default=[500, 2_000, 4_000, 8_000, 16_000])
    options.add_argument("--dense-input", action="store_true", help="all inputs are active")
    options.add_argument("--json", type=Path, help="a file for the seconds of every turn")
    given = options.parse_args()
    images, _ = Data(Path(os.environ["NEUROSIM_DATA"])).part("mnist", "train").take(np.arange(max(STAGES) + TIMED))
    if given.dense_input:
        images = np.maximum(images, np.random.default_rng(0).uniform(0.01, 0.1, images.shape).astype(np.float32))
    titles = "".join(f"{way:>15}" for way in WAYS)
    print(f"neurons  learned  written{titles}  looks ahead        decides / never      decides / learn_one")
    kept = {}
    for neurons in given.neurons:
        chip, seen = ns.Chip([ns.recipes.softhebb(neurons)], inputs=784, seed=0), 0
        for stage in STAGES:
            chip.learn(images[seen:stage], chunk=CHUNK)
            seconds, written, looks = timed(chip, images[stage : stage + TIMED])
            seen = stage + TIMED
            times = "".join(f"{mean:>15.1f}" for mean in seconds.mean(axis=0) / CHUNK * 1e6)
            ratios = [ratio(seconds, "as it decides", other) for other in ("never", "learn_one")]
            print(
                f"{neurons:>7,} {stage:>8,} {written:>8.1f}{times}  {'yes' if looks else 'no':>11}"
                f"  {ratios[0]:>21}  {ratios[1]:>21}",
                flush=True,
            )
            kept[f"{neurons} {stage}"] = dict(zip(WAYS, seconds.T.tolist(), strict=True))
    if given.json:
        given.json.write_text(json.dumps(kept))


if __name__ == "__main__":
    main()
