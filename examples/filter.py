"""A chip as a filter in a pipeline: a record comes out for each line that goes in, while the chip learns."""

import collections
import csv
import math
import random
import subprocess
import sys

WIDTH = 16
COMMAND = [sys.executable, "-m", "neurosim", "stream", "-", "--inputs", str(WIDTH), "--neurons", "8"]
COMMAND += ["--emit", "winner,response"]


def window(kind):
    """A line of numbers: a rising or a falling edge in noise."""
    edge = [1 / (1 + math.exp(-kind * (i - WIDTH / 2))) for i in range(WIDTH)]
    return ",".join(f"{max(0.0, value + draw.gauss(0, 0.05)):.4f}" for value in edge)


draw, kinds_of = random.Random(0), collections.defaultdict(collections.Counter)
with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as chip:
    records = csv.DictReader(chip.stdout)
    for step in range(600):
        kind = draw.choice([-2, 2])
        print(window(kind), file=chip.stdin, flush=True)
        record = next(records)  # it is there before the next sample goes in
        assert int(record["sample"]) == step
        if step >= 300:
            kinds_of[record["winner"]][kind] += 1
    chip.stdin.close()
    assert next(records, None) is None

rightly = sum(max(kinds.values()) for kinds in kinds_of.values())
print(f"{len(kinds_of)} neurons won; each of them for one kind of edge: {rightly / 3:.0f} % of 300 samples")
