"""What a sample costs to read: lines of CSV and of JSON and binary frames, beside plain ways in Python.

::

    python -m benchmarks.lines [--inputs 16 64 784] [--digits 9]

Microseconds a sample, and in brackets how many times `np.array(line.split(b","), np.float32)` that is. All ways take
turns in one run; the best of all rounds is shown. The samples are random numbers from 0 to 1, of which JSON has the
same text as CSV.
"""

import argparse
import io
import json
import time
from collections.abc import Callable

import numpy as np

from neurosim.streams.lines import LineStream

BYTES, ROUNDS = 1 << 18, 40  # of text in a round


def by_numpy(text: bytes) -> None:
    """Split lines and convert their cells: the rule that CSV is measured by."""
    for line in text.splitlines():
        np.array(line.split(b","), np.float32)


def by_json(text: bytes) -> None:
    """Decode lines of JSON by the standard library, and pack the numbers."""
    for line in text.splitlines():
        np.array(json.loads(line)["x"], np.float32)


def stream(size: int, inputs: int) -> Callable[[bytes], None]:
    """Return what reads lines as a stream, in blocks of `size`."""

    def read(text: bytes) -> None:
        for _ in LineStream("x", lambda: io.BytesIO(text), inputs=inputs, header="no").blocks(size=size):
            pass

    return read


def ways(inputs: int, digits: int) -> dict[str, tuple[Callable[[bytes], None], bytes, int]]:
    """Return by name what reads a text, the text, and how many samples it has."""
    count = BYTES // (inputs * (digits + 3))
    rows = np.random.default_rng(0).random((count, inputs)).round(digits).tolist()
    csv = b"".join(",".join(map(repr, row)).encode() + b"\n" for row in rows)
    ndjson = b"".join(json.dumps({"x": row}, separators=(",", ":")).encode() + b"\n" for row in rows)
    return {
        'np.array(line.split(b","))': (by_numpy, csv, count),
        "CSV, one at a time": (stream(1, inputs), csv, count),
        "CSV, 256 at a time": (stream(256, inputs), csv, count),
        'np.array(json.loads(line)["x"])': (by_json, ndjson, count),
        "NDJSON, one at a time": (stream(1, inputs), ndjson, count),
        "NDJSON, 256 at a time": (stream(256, inputs), ndjson, count),
    }


def measured(inputs: int, digits: int) -> dict[str, float]:
    """Return microseconds a sample by the name of the way."""
    found = ways(inputs, digits)
    best = dict.fromkeys(found, float("inf"))
    for _ in range(ROUNDS):
        for name, (read, text, count) in found.items():
            begun = time.perf_counter()
            read(text)
            best[name] = min(best[name], (time.perf_counter() - begun) / count * 1e6)
    return best


def main() -> None:
    """Print a row a way, and a column a width."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--inputs", type=int, nargs="+", default=[16, 64, 784])
    options.add_argument("--digits", type=int, default=9, help="decimals of the numbers")
    given = options.parse_args()
    columns = [measured(inputs, given.digits) for inputs in given.inputs]
    print(f"{'inputs':32}" + "".join(f"{inputs:>16,}" for inputs in given.inputs))
    for name in columns[0]:
        cells = [(column[name], column[name] / next(iter(column.values()))) for column in columns]
        print(f"{name:32}" + "".join(f"{f'{cost:.2f} ({ratio:.2f})':>16}" for cost, ratio in cells))


if __name__ == "__main__":
    main()
