"""What snapshots cost the samples: learned from without, with them written in the loop, by a thread, by a process.

All in one run, each way in every round, on a chip that has learned from `--warm-up` samples; then how long a snapshot
takes, and a plain write of as many bytes with fsync beside it.

::

    python -m benchmarks.snapshot --root DIR [--folder DIR] [--neurons 2000] [--samples 100000] [--seconds 1]
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim.online.snapshots import Snapshots, Tally


def rare(save, seconds):
    """Return what calls `save` every so many seconds, when it is asked."""
    last = time.perf_counter()

    def ask():
        nonlocal last
        if time.perf_counter() - last >= seconds:
            last = time.perf_counter()
            save()

    return ask


@contextmanager
def by_a_thread(chip, path, seconds):
    """Copy the arrays of the chip into those of another, and have a thread save that."""
    twin = ns.Chip([layer.constants for layer in chip.layers], inputs=chip.shape)
    threads = [threading.Thread(target=twin.save, args=(path,))]

    def save():
        if threads[-1].is_alive():
            return
        for layer, other in zip(chip.layers, twin.layers, strict=True):
            for array, copy in zip(layer.state, other.state, strict=True):
                copy[...] = array
        threads.append(threading.Thread(target=twin.save, args=(path,)))
        threads[-1].start()

    threads[-1].start()
    threads[-1].join()  # so that the copy's pages are there
    yield rare(save, seconds)
    threads[-1].join()


@contextmanager
def by_a_process(chip, path, seconds):
    """Do what `neurosim.run` does."""
    with Snapshots(chip, path, None, Tally(), seconds=seconds) as snapshots:
        snapshots.take(0, 0)  # so that the process is at hand
        snapshots.settle()

        def ask():
            if snapshots.due(0):
                snapshots.take(0, 0)

        yield ask


def latencies(chip, rows, samples, ask):
    """Return nanoseconds of each sample, what comes before it included: int64 (samples,)."""
    starts, dones = np.zeros(samples, np.int64), np.zeros(samples, np.int64)
    now, learn, count = time.perf_counter_ns, chip.learn_one, len(rows)
    for i in range(samples):
        starts[i] = now()
        if ask is not None:
            ask()
        learn(rows[i % count])
        dones[i] = now()
    return dones - starts


def compare(chip, rows, path, options) -> None:
    """Print percentiles, the median of the rounds, in microseconds."""
    ways = {
        "none": lambda: nullcontext(None),
        "in the loop": lambda: nullcontext(rare(lambda: chip.save(path), options.seconds)),
        "by a thread": lambda: by_a_thread(chip, path, options.seconds),
        "by a process": lambda: by_a_process(chip, path, options.seconds),
    }
    found = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, way in ways.items():
            with way() as ask:
                ordered = np.sort(latencies(chip, rows, options.samples, ask)) / 1e3
            ranks = [-(-options.samples * part // 10_000) - 1 for part in (5000, 9900, 9990, 9999, 10_000)]
            found[name].append([*ordered[ranks], (ordered > 1000).sum()])
    names = ("p50", "p99", "p99.9", "p99.99", "max", "> 1 ms", "p99.9 / p50")
    print(f"{'snapshots':>12}" + "".join(f"{name:>12}" for name in names))
    for name, rounds in found.items():
        p50, p99, p999, p9999, most, slow = np.median(rounds, axis=0)
        shown = "".join(f"{value:12.1f}" for value in (p50, p99, p999, p9999, most))
        print(f"{name:>12}{shown}{slow:12.0f}{p999 / p50:12.2f}")


def seconds(work) -> float:
    """Return how long a call takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def whole(chip, state, folder) -> None:
    """Print medians of ten."""
    chip.save(state)
    content, plain = state.read_bytes(), Path(folder) / "plain"

    def write() -> None:
        with plain.open("wb") as file:
            file.write(content)
            os.fsync(file.fileno())

    times = {"snapshot": lambda: chip.save(state), "plain write": write, "load": lambda: ns.Chip.load(state)}
    pauses = []
    with Snapshots(chip, state, None, Tally(), seconds=1) as snapshots:
        for _ in range(11):
            snapshots.settle()
            pauses.append(seconds(lambda: snapshots.take(0, 0)))
    median, slowest = statistics.median(pauses[1:]) * 1e3, max(pauses[1:]) * 1e3
    size = sum(array.nbytes for layer in chip.layers for array in layer.state)
    print(f"{'copy':>12} of {size:,} bytes: {median:.2f} ms (to {slowest:.2f})")
    for name, work in times.items():
        found = sorted(seconds(work) for _ in range(10))
        median, slowest = statistics.median(found) * 1e3, found[-1] * 1e3
        print(f"{name:>12} of {len(content):,} bytes: {median:.0f} ms (to {slowest:.0f})")


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", default=".", help="folder that holds MNIST")
    parser.add_argument("--folder", help="where the state is written; by default that of temporary files")
    parser.add_argument("--neurons", type=int, default=2000)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--warm-up", type=int, default=60_000)
    parser.add_argument("--seconds", type=float, default=1.0, help="between snapshots")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rows = list(next(ns.open_stream("mnist:train", root=options.root).blocks(size=60_000)).samples)
    chip = ns.Chip([ns.recipes.softhebb(options.neurons)], inputs=784)
    for i in range(options.warm_up):
        chip.learn_one(rows[i % len(rows)])
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        state = Path(folder) / "chip.h5"
        compare(chip, rows, state, options)
        whole(chip, state, folder)


if __name__ == "__main__":
    main()
