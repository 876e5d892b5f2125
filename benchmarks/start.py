"""How long until something happens, and what a process weighs: with compiled code in the cache and without.

::

    python -m benchmarks.start [--runs 5] [--warm-only]

Three tables. Whole processes, one after another; beside them what an interpreter takes that imports NumPy, and ends; a
cold start compiles everything: it gets an empty cache (NUMBA_CACHE_DIR). What a warm start consists of, and which
functions a cold start compiles. What processes hold in memory: all (RSS), their share of what several processes map
(PSS), and what is theirs alone (USS), as Linux tells.
"""

import argparse
import json
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
COMMAND = "import sys; sys.argv = ['neurosim', {words}]; from neurosim.cli import main; main()"
RESPONSE, LEARNED, IMAGE = (
    "first response, 784 -> 2000",
    "first sample learned, 784 -> 2000",
    "first image learned, CIFAR-10, one layer",
)
DIGITS = "neurosim stream digits"
PROGRAMS = {  # what it is: code
    "python, import numpy": "import numpy",
    "python, import numba": "import numba",
    "import neurosim": "import neurosim",
    "neurosim --help": COMMAND.format(words="'--help'"),
    "neurosim stream --help": COMMAND.format(words="'stream', '--help'"),
    RESPONSE: FIRST.format(neurons=2000, call="respond_one"),
    LEARNED: FIRST.format(neurons=2000, call="learn_one"),
    DIGITS: COMMAND.format(words="'stream', 'digits'"),
    IMAGE: CONV,
}
COLD = (RESPONSE, LEARNED, IMAGE)
STEPS = {  # of the first response of a warm start: what it is, and code
    "import numpy": "import numpy as np",
    "import numba": "import numba",
    "import h5py": "import h5py",
    "import neurosim.Chip": "import neurosim as ns; ns.Chip",
    "make the chip": "chip = ns.Chip([ns.recipes.softhebb(2000)], inputs=784, seed=0)",
    "Numba's own functions": "from neurosim.kernels.numba_without_scipy import load_numba; load_numba()\n"
    "from numba.core.registry import cpu_target as cpu\ncpu.target_context.refresh(); cpu.typing_context.refresh()",
    "compiled code": "chip.compile()",
    "respond": "chip.respond_one(np.ones(784, np.float32))",
}
TIMED = """
import json, time
moments, names = [time.perf_counter()], {steps!r}
for step in names.values():
    exec(step)
    moments.append(time.perf_counter())
print(json.dumps([after - before for before, after in zip(moments, moments[1:])]))
"""
COMPILED = """
import json, logging
seconds = {{}}
class Told(logging.Handler):
    def emit(self, record):
        if record.msg.startswith("compiled "):
            seconds[record.args[0]] = seconds.get(record.args[0], 0) + record.args[1]
log = logging.getLogger("neurosim.kernels.code_cache")
log.setLevel(logging.INFO)
log.addHandler(Told())
{program}
print(json.dumps(seconds))
"""
WEIGHED = """
{program}
with open("/proc/self/smaps_rollup") as rollup:
    lines = [line.split() for line in rollup]
size = {{line[0]: int(line[1]) / 1024 for line in lines if len(line) == 3 and line[2] == "kB"}}
import json
print(json.dumps([size["Rss:"], size["Pss:"], size["Private_Clean:"] + size["Private_Dirty:"]]))
"""
WEIGHTS = {  # what it is: code
    "python": "",
    "import numpy, h5py": "import numpy, h5py",
    "the writer of snapshots": "import neurosim.online.snapshot_writer",
    "import numba": "import numba",
    "a dense chip, 784 -> 100, after a sample": FIRST.format(neurons=100, call="learn_one"),
    "an image chip, CIFAR-10, after an image": CONV,
}


def output(code: str, cache: str | None = None) -> str:
    """Return the last line that a process prints."""
    environment = os.environ | ({"NUMBA_CACHE_DIR": cache} if cache else {})
    done = subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True, text=True)
    return (done.stdout.splitlines() or [""])[-1]


def seconds(code: str) -> float:
    """Return what a process takes, from its start to its end."""
    begun = time.perf_counter()
    output(code)
    return time.perf_counter() - begun


def cold(code: str) -> tuple[float, float, dict[str, float]]:
    """Return what a process takes that has to compile: by the wall, of processors, and by function."""
    with tempfile.TemporaryDirectory() as empty:
        begun, before = time.perf_counter(), os.times()
        compiled = json.loads(output(COMPILED.format(program=code), empty))
        wall, after = time.perf_counter() - begun, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, used, compiled


def show_processes(runs: int, warm_only: bool) -> None:
    """Print a row for each program, and then which functions were compiled."""
    print(f"{'':42} warm s   / numpy   cold s  processors' s")
    base, compiled = None, {}
    for name, code in PROGRAMS.items():
        warm = statistics.median(seconds(code) for _ in range(runs))
        base = base or warm
        row = f"{name:42} {warm:>6.2f} {warm / base:>9.1f}"
        if name in COLD and not warm_only:
            wall, used, compiled[name] = cold(code)
            row += f" {wall:>8.1f} {used:>15.1f}"
        print(row, flush=True)
    for name, functions in compiled.items():
        told = ", ".join(f"{function} {taken:.1f} s" for function, taken in functions.items())
        print(f"\ncompiled for the {name}: {told}")


def show_steps(runs: int) -> None:
    """Print what a warm start consists of: the least of several runs."""
    rows = [json.loads(output(TIMED.format(steps=STEPS))) for _ in range(runs)]
    print(f"\n{RESPONSE}, warm, of which" + " " * 8 + "ms")
    for name, times in zip(STEPS, zip(*rows, strict=True), strict=True):
        print(f"{name:42} {min(times) * 1e3:>6.0f}")


def show_weights() -> None:
    """Print what processes hold in memory."""
    print(f"\n{'MiB':42}    RSS    PSS    USS")
    for name, code in WEIGHTS.items():
        print(f"{name:42}" + "".join(f"{size:>7.0f}" for size in json.loads(output(WEIGHED.format(program=code)))))


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--runs", type=int, default=5, help="of each warm process; the median is shown")
    options.add_argument("--warm-only", action="store_true", help="compile nothing")
    given = options.parse_args()
    for code in PROGRAMS.values():
        seconds(code)  # compiles, and brings files into memory
    show_processes(given.runs, given.warm_only)
    show_steps(given.runs)
    if os.path.exists("/proc/self/smaps_rollup"):
        show_weights()


if __name__ == "__main__":
    main()
