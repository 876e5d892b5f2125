"""What a sample costs to read: lines of CSV and of JSON, and binary frames, beside plain ways in Python.

::

    python -m benchmarks.lines [--inputs 16 64 784] [--digits 9] [--labelled]

Microseconds of processor time a sample, and in brackets how many times that of `np.array(line.split(b","),
np.float32)` it is. All ways take turns in one run; the best of all rounds is shown. Samples are random numbers from 0
to 1, the same in CSV and JSON. Lines lie in memory; frames are read from a file as from a pipe, by calls of the system.
"""

import argparse
import io
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np

from neurosim.streams.base import Stream
from neurosim.streams.frames import FrameStream
from neurosim.streams.lines import LineStream

BYTES, LINES, ROUNDS = 1 << 18, 256, 40  # of text in a round, or lines if that is more
Way = Callable[[], int]  # reads all samples, and returns how many there were


def by_numpy(text: bytes) -> int:
    """Split lines and convert their cells: the rule that all are measured by."""
    return len([np.array(line.split(b","), np.float32) for line in text.splitlines()])


def by_json(text: bytes) -> int:
    """Decode lines of JSON by the standard library, and pack the numbers."""
    return len([np.array(json.loads(line)["x"], np.float32) for line in text.splitlines()])


def by_stream(stream: Stream, size: int) -> int:
    """Read a stream in blocks of `size`."""
    return sum(len(block.samples) for block in stream.blocks(size=size))


def frames(file: io.BufferedReader, form: str, inputs: int, size: int) -> int:
    """Read frames from the beginning of a file."""
    file.seek(0)
    return by_stream(FrameStream("x", file, inputs=inputs, format=form), size)


@contextmanager
def ways(inputs: int, digits: int, labelled: bool = False) -> Iterator[dict[str, Way]]:
    """Return a context with what reads the samples, by name."""
    count = max(LINES, BYTES // (inputs * (digits + 3)))
    rows = np.random.default_rng(0).random((count, inputs)).round(digits)
    labels = [f",{number % 10}" if labelled else "" for number in range(len(rows))]
    cells = [",".join(map(repr, row)) for row in rows.tolist()]
    csv = b"".join(f"{row}{label}\n".encode() for row, label in zip(cells, labels, strict=True))
    key = ',"y":' if labelled else ""
    texts = [f'{{"x":[{row}]{key}{label[1:]}}}\n' for row, label in zip(cells, labels, strict=True)]
    ndjson = "".join(texts).encode()
    found: dict[str, Way] = {'np.array(line.split(b","))': partial(by_numpy, csv)}
    for size, name in ((1, "one"), (256, "256")):
        stream = LineStream("x", partial(io.BytesIO, csv), header="no", label="-1" if labelled else None)
        found[f"CSV, {name} at a time"] = partial(by_stream, stream, size)
    found['np.array(json.loads(line)["x"])'] = partial(by_json, ndjson)
    for size, name in ((1, "one"), (256, "256")):
        stream = LineStream("x", partial(io.BytesIO, ndjson), label="y" if labelled else None)
        found[f"NDJSON, {name} at a time"] = partial(by_stream, stream, size)
    with tempfile.TemporaryFile() as floats, tempfile.TemporaryFile() as small:
        rows.astype("<f4").tofile(floats)
        (rows * 255).astype("u1").tofile(small)
        for form, file in (("f32", floats), ("u8", small)):
            for size, name in ((1, "one"), (256, "256")):
                found[f"frames {form}, {name} at a time"] = partial(frames, file, form, inputs, size)
        yield found


def measured(inputs: int, digits: int, *, labelled: bool = False, rounds: int = ROUNDS) -> dict[str, float]:
    """Return microseconds a sample by the name of the way."""
    with ways(inputs, digits, labelled) as found:
        best = dict.fromkeys(found, float("inf"))
        for _ in range(rounds):
            for name, read in found.items():
                begun = time.process_time()
                count = read()
                best[name] = min(best[name], (time.process_time() - begun) / count * 1e6)
    return best


def main() -> None:
    """Print a row a way, and a column a width."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--inputs", type=int, nargs="+", default=[16, 64, 784])
    options.add_argument("--digits", type=int, default=9, help="decimals of the numbers")
    options.add_argument("--labelled", action="store_true", help="the last cell, or the key y, is a label")
    given = options.parse_args()
    columns = [measured(inputs, given.digits, labelled=given.labelled) for inputs in given.inputs]
    print("| inputs | " + " | ".join(f"{inputs:,}" for inputs in given.inputs) + " |")
    print("| --- |" + " --: |" * len(columns))
    for name in columns[0]:
        cells = [(column[name], column[name] / next(iter(column.values()))) for column in columns]
        print(f"| {name} | " + " | ".join(f"{cost:.2f} ({ratio:.2f})" for cost, ratio in cells) + " |")


if __name__ == "__main__":
    main()
