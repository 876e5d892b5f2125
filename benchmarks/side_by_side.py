"""A checkout beside another one in the same run: a learned sample at several sizes, and the start, warm and cold.

::

    git worktree add ../before COMMIT
    python -m benchmarks.side_by_side ../before [--rounds 7] [--cold]

Each round measures both in processes of their own, in turn, so that both see the same machine; what is printed is the
median over the rounds of this checkout's time over the other's, and the range. Below 1 this checkout is quicker.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parents[1]
# What a process measures: best of several repetitions, so that a pause of the machine counts for nothing.
MEASURE = """
import json, time, warnings
import numpy as np, neurosim as ns
warnings.simplefilter("ignore")

def best(call, repetitions):
    times = []
    for _ in range(repetitions):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return min(times)

rng, found = np.random.default_rng(0), {}
for inputs, neurons, samples in ((16, 16, 4000), (64, 100, 4000), (784, 100, 2000), (784, 2000, 1000)):
    active = rng.random((samples, inputs)) < (0.5 if inputs < 100 else 0.2)
    values = (rng.random((samples, inputs), np.float32) * active).astype(np.float32)
    chip = ns.Chip([ns.recipes.softhebb(neurons)], inputs=inputs, seed=0)
    for _ in range(20):  # so that records of the instruments are as rare as in a long stream
        chip.learn(values)
    found[f"{inputs} -> {neurons}, learn"] = best(lambda: chip.learn(values), 5) / samples
    few = values[:500]
    def single():
        for x in few:
            chip.learn_one(x)
    single()
    found[f"{inputs} -> {neurons}, learn_one"] = best(single, 5) / len(few)
    found[f"{inputs} -> {neurons}, respond"] = best(lambda: chip.respond(few), 5) / len(few)
    from neurosim.streams import ArrayStream
    stream = ArrayStream(few)
    found[f"{inputs} -> {neurons}, run"] = best(lambda: ns.run(chip, stream), 3) / len(few)
chip = ns.Chip.from_preset("softhebb-cifar10-3layer", seed=0)
images = rng.random((20, 3072), np.float32)
chip.learn(images)
found["CIFAR-10 chip, learn"] = best(lambda: chip.learn(images), 3) / len(images)
found["CIFAR-10 chip, respond"] = best(lambda: chip.respond(images), 3) / len(images)
print(json.dumps(found))
"""
START = """
import time
begun = time.perf_counter()
import neurosim as ns, numpy as np
ns.Chip([ns.recipes.softhebb(100)], inputs=64).learn_one(np.ones(64, np.float32))
print(time.perf_counter() - begun)
"""


def output(checkout: Path, program: list[str], **more: str) -> str:
    """Return what Python prints in a checkout."""
    environment = os.environ | {"PYTHONPATH": str(checkout), **more}
    done = subprocess.run([sys.executable, *program], env=environment, cwd=checkout, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{checkout}: {done.stderr}")
    return done.stdout


def measured(checkout: Path, cold: bool) -> dict[str, float]:
    """Return seconds, by what took them."""
    if cold:
        with tempfile.TemporaryDirectory() as folder:
            return {"start, nothing compiled": float(output(checkout, ["-c", START], NUMBA_CACHE_DIR=folder))}
    seconds: dict[str, float] = json.loads(output(checkout, ["-c", MEASURE]))
    seconds["start, compiled before"] = min(float(output(checkout, ["-c", START])) for _ in range(3))
    return seconds


def main() -> None:
    """Measure both in turn, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="a checkout of another commit")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cold", action="store_true", help="the first start alone, which compiles")
    chosen = parser.parse_args()
    other, ours, theirs = chosen.other.resolve(), [], []
    if not chosen.cold:
        measured(HERE, False), measured(other, False)  # compile
    for _ in range(chosen.rounds):
        ours.append(measured(HERE, chosen.cold))
        theirs.append(measured(other, chosen.cold))
    print(f"{'':28}{'this':>10}{'other':>10}{'ratio':>8}  range, {chosen.rounds} rounds")
    for name in ours[0]:
        pairs = [(a[name], b[name]) for a, b in zip(ours, theirs, strict=True)]
        ratios = [a / b for a, b in pairs]
        medians = [statistics.median(side) * 1e6 for side in zip(*pairs, strict=True)]
        low, high = min(ratios), max(ratios)
        columns = "".join(f"{seconds:8.1f}us" for seconds in medians)
        print(f"{name:28}{columns}{statistics.median(ratios):8.3f}  {low:.2f} to {high:.2f}")


if __name__ == "__main__":
    main()
