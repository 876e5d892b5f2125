"""Feed a chip through a pipe, as any program that prints numbers can: here with windows of a noisy sine wave."""

import json
import math
import random
import subprocess
import sys

WIDTH = 32
COMMAND = [sys.executable, "-m", "neurosim", "stream", "-", "--inputs", str(WIDTH), "--neurons", "12", "--json"]

draw = random.Random(0)
with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as chip:
    for sample in range(2000):
        phase = 0.7 * sample
        wave = [max(0.0, math.sin(phase + 0.2 * i) + draw.gauss(0, 0.05)) for i in range(WIDTH)]
        print(",".join(f"{value:.4f}" for value in wave), file=chip.stdin)
    summary = json.loads(chip.communicate()[0])

p50 = summary["latency_s"]["p50"]
print(f"{summary['samples']} samples through the pipe, half of them in {p50 * 1e6:.0f} us or less each")
print(f"{summary['never_won']:.0%} of the neurons never won")
