"""A fleet's file: how large it is, how long learning stands still for it, and how long it takes to write and to read.

And how many samples from lines of CSV are learned in a second of processor time, with and without writing it, and with
a record of each sample.

::

    python -m benchmarks.fleet_store [--keys N] [--inputs D] [--neurons K] [--samples N] [--rounds N]

Milliseconds are by the clock, the least of some rounds. `copy` is what learning waits for; a thread does the rest.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import neurosim as ns
from neurosim.fleet import format as fleet_format
from neurosim.fleet import store
from neurosim.fleet.emitter import KeyedEmitter
from neurosim.online.emission.output import Output


def least(call: Callable[[], object], rounds: int) -> float:
    """Return the milliseconds of the quickest of some calls."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return min(times) * 1e3


def write_lines(path: Path, keys: int, inputs: int, samples: int) -> None:
    """Write lines of random numbers of four decimals, each key as often as every other."""
    draw = np.random.default_rng(0)
    with path.open("w") as file:
        for number, row in enumerate(draw.random((samples, inputs))):
            file.write(f"sensor-{number % keys}," + ",".join(f"{value:.4f}" for value in row) + "\n")


def speed(lines: Path, layers: list[ns.DenseWTA], inputs: int, state: Path | None, seconds: float) -> tuple[float, int]:
    """Return samples for each second of processor time of a run, new chips and the file included; and snapshots."""
    fleet, begun = ns.Fleet(layers, inputs=inputs), time.process_time()
    report = ns.run_fleet(fleet, ns.open_stream(lines, key="0"), state=state, snapshot_seconds=seconds)
    return report.samples / (time.process_time() - begun), report.tally.written


def speed_of_records(lines: Path, layers: list[ns.DenseWTA], inputs: int, fields: list[str], form: str) -> float:
    """Return samples for each second of processor time of a run that writes a record of each, to nobody."""
    fleet, stream = ns.Fleet(layers, inputs=inputs), ns.open_stream(lines, key="0")
    with open(os.devnull, "wb") as file:
        emitter = KeyedEmitter(fleet, stream, fields, form, Output(file)) if fields else None
        begun = time.process_time()
        report = ns.run_fleet(fleet, stream, listener=emitter)
        if emitter is not None:
            emitter.finish()
        return report.samples / (time.process_time() - begun)


def tell_records(lines: Path, layers: list[ns.DenseWTA], inputs: int, rounds: int) -> None:
    """Print how much quicker a run is without records: the quickest of some rounds, in turns."""
    told = [("key,winner", form) for form in ("csv", "ndjson", "packed")]
    told += [("key,winner,response", "csv"), ("key,novelty,novel", "csv")]
    best = dict.fromkeys([("", "csv"), *told], 0.0)
    for _ in range(rounds):
        for fields, form in best:
            found = speed_of_records(lines, layers, inputs, fields.split(",") if fields else [], form)
            best[fields, form] = max(best[fields, form], found)
    for (fields, form), per_second in best.items():
        share = per_second / best["", "csv"]
        print(f"{form:>12}  {per_second:10,.0f} samples a second, {share:.2f} times: {fields or 'no records'}")


def main() -> None:
    """Print a line for each number."""
    parser = argparse.ArgumentParser()
    for name, default in (("keys", 10_000), ("inputs", 16), ("neurons", 16), ("samples", 200_000), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    layers = [ns.recipes.softhebb(options.neurons)]
    with TemporaryDirectory() as folder:
        lines, state = Path(folder) / "lines.csv", Path(folder) / "fleet.h5"
        write_lines(lines, options.keys, options.inputs, options.samples)
        speed(lines, layers, options.inputs, None, 0)  # compiles
        for what, path, seconds in (("no file", None, 0.0), ("at the end", state, 0.0), ("each second", state, 1.0)):
            per_second, written = speed(lines, layers, options.inputs, path, seconds)
            print(f"{what:>12}  {per_second:10,.0f} samples a second of processor time, {written} snapshots")
        tell_records(lines, layers, options.inputs, options.rounds)
        fleet = ns.Fleet.load(state)
        contents = fleet.contents()
        print(f"{'memory':>12}  {fleet.bytes_per_chip:10,} bytes a key")
        print(
            f"{'file':>12}  {state.stat().st_size / len(fleet):10,.0f} bytes a key, {state.stat().st_size / 1e6:.1f} MB"
        )
        calls: dict[str, Callable[[], object]] = {
            "copy": fleet.contents,
            "to bytes": lambda: fleet_format.image(contents),
            "write": lambda: store.write(state, contents),
            "read": lambda: store.read(state),
            "load": lambda: ns.Fleet.load(state),
        }
        for name, call in calls.items():
            print(f"{name:>12}  {least(call, options.rounds):10.1f} ms")


if __name__ == "__main__":
    main()
