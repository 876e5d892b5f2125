"""How long until something happens: the help, the first learned sample; with compiled code in the cache and without.

::

    python benchmarks/start.py [--runs 5]

Whole processes, one after another; beside them what an interpreter takes that imports NumPy or Numba, and ends.
A cold start compiles everything: it gets an empty cache (NUMBA_CACHE_DIR).
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

FIRST = """
import numpy as np, neurosim as ns
chip = ns.Chip([ns.recipes.softhebb({neurons})], inputs=784, seed=0)
chip.{call}(np.ones(784, np.float32))
"""
CONV = """
import numpy as np, neurosim as ns
chip = ns.Chip.from_preset("softhebb-cifar10-1layer", seed=0)
chip.learn_one(np.ones((3, 32, 32), np.float32))
"""
PROGRAMS = {  # what it is: code
    "python, import numpy": "import numpy",
    "python, import numba": "import numba",
    "import neurosim": "import neurosim",
    "neurosim --help": "import sys; sys.argv = ['neurosim', '--help']; from neurosim.cli import main; main()",
    "first response, 784 -> 2000": FIRST.format(neurons=2000, call="respond_one"),
    "first sample learned, 784 -> 2000": FIRST.format(neurons=2000, call="learn_one"),
    "first image learned, CIFAR-10, one layer": CONV,
}
COLD = ("first response, 784 -> 2000", "first sample learned, 784 -> 2000", "first image learned, CIFAR-10, one layer")


def seconds(code: str, cache: str | None = None) -> float:
    """Return what a process takes, from its start to its end."""
    environment = os.environ | ({"NUMBA_CACHE_DIR": cache} if cache else {})
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main() -> None:
    """Print a row a program."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--runs", type=int, default=5, help="of each; the median is shown")
    runs = options.parse_args().runs
    for code in PROGRAMS.values():
        seconds(code)  # compiles, and brings files into memory
    print(f"{'':42} warm s   / numpy   cold s")
    base = None
    for name, code in PROGRAMS.items():
        warm = statistics.median(seconds(code) for _ in range(runs))
        base = base or warm
        cold = ""
        if name in COLD:
            with tempfile.TemporaryDirectory() as empty:
                cold = f"{seconds(code, empty):>8.1f}"
        print(f"{name:42} {warm:>6.2f} {warm / base:>9.1f} {cold}", flush=True)


if __name__ == "__main__":
    main()
