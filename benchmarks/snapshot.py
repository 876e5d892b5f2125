"""How long a snapshot of 2,000 neurons by 784 inputs takes, and a plain write of as many bytes with fsync beside it.

::

    python benchmarks/snapshot.py [FOLDER]
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import neurosim as ns


def seconds(work) -> float:
    """Return how long a call takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    """Print medians of twenty."""
    chip = ns.Chip([ns.recipes.softhebb(2000)], inputs=784)
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        state, plain = Path(folder) / "chip.h5", Path(folder) / "plain"
        chip.save(state)
        content = state.read_bytes()

        def write() -> None:
            with plain.open("wb") as file:
                file.write(content)
                os.fsync(file.fileno())

        times = {"snapshot": lambda: chip.save(state), "plain write": write, "load": lambda: ns.Chip.load(state)}
        for name, work in times.items():
            found = sorted(seconds(work) for _ in range(20))
            median, slowest = statistics.median(found) * 1e3, found[-1] * 1e3
            print(f"{name:>12} of {len(content):,} bytes: {median:.0f} ms (to {slowest:.0f})")


if __name__ == "__main__":
    main()
