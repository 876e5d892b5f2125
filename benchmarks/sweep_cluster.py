"""A study on Dask clusters of one and of two local workers, and killed half-way: the same rows, and how much quicker.

python -m benchmarks.sweep_cluster examples/mnist_designs.toml --root DIR [--only TEXT]
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
from distributed import LocalCluster

OWN = ("seconds", "status", "front")  # of a run, not of a point


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study")
    parser.add_argument("--root", default=".")
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    line = [sys.executable, "-m", "neurosim", "sweep", given.study, "--root", given.root, "--only", given.only, "--out"]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        run([*line, folder / "local.h5", "--jobs", "2"])  # compiles, too
        wanted = rows(folder / "local.h5")
        taken = {count: clustered(line, folder, count) for count in (1, 2)}
        for count in taken:
            assert rows(folder / f"dask{count}.h5") == wanted, f"rows of {count} workers differ"
        killed(line, folder / "killed.h5", len(wanted) // 2)
        assert rows(folder / "killed.h5") == wanted, "rows after a kill differ"
    print(f"{len(wanted)} points, equal rows: two processes, one and two Dask workers, killed half-way and resumed")
    print(f"one worker {taken[1]:.0f} s, two {taken[2]:.0f} s: {taken[1] / taken[2]:.2f} times the speed")


def run(line: list[object]) -> None:
    subprocess.run([str(word) for word in line], check=True, stdout=subprocess.DEVNULL)


def rows(path: Path) -> dict[bytes, list[str]]:
    """Return what was measured, by the key of the point."""
    with h5py.File(path) as file:
        table = file["points"][:]
    names = [name for name in table.dtype.names if name not in OWN]
    return {row["key"]: [repr(row[name]) for name in names] for row in table if row["status"] == b"done"}


def clustered(line: list[object], folder: Path, count: int) -> float:
    """Run the study on a cluster; return how long that took, from start to table."""
    with LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None) as cluster:
        begun = time.perf_counter()
        run([*line, folder / f"dask{count}.h5", "--dask", cluster.scheduler_address])
        return time.perf_counter() - begun


def killed(line: list[object], out: Path, half: int) -> None:
    """Kill a run when half of its points are on record, and let another one finish."""
    words = [str(word) for word in [*line, out, "--jobs", "2"]]
    process = subprocess.Popen(words, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    cells = out.with_suffix(".points") / "cells"
    while len(list(cells.glob("point-*.json"))) < half and process.poll() is None:
        time.sleep(0.02)
    assert process.poll() is None, "it ended before it was killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    run(words)


if __name__ == "__main__":
    main()
