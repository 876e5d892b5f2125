"""The records that are counted are those that a reader gets whole, wherever the last write was cut."""

import csv
import fcntl
import io
import os

import numpy as np
import pytest

import neurosim as ns
from neurosim.online.emission import output as writing
from neurosim.online.emission.emitter import Emitter
from neurosim.online.emission.output import Output
from neurosim.streams import ArrayStream

COUNT = 900


class Named(ArrayStream):
    """Labels with marks that lines of text must quote."""

    classes = ('a\nb, "c"', 'say ""\n\n"no"', "plain")


def whole_records(form, got):
    """Count the records that are whole, as a reader would."""
    if form == "packed":
        return len(got) // 16
    if form == "ndjson":
        return got.count(b"\n")
    counted = 0
    for end in range(len(got), -1, -1):  # the longest beginning that is lines, and ends outside quotes
        if got[:end].endswith(b"\n") and got[:end].count(b'"') % 2 == 0:
            counted = len(list(csv.reader(io.StringIO(got[:end].decode(), newline="")))) - 1
            break
    return max(counted, 0)


@pytest.mark.parametrize("form", ["csv", "ndjson", "packed"])
@pytest.mark.parametrize("read", [0, 100, 2000])
def test_records_count_what_a_reader_gets(monkeypatch, form, read):
    monkeypatch.setattr(writing, "PATIENCE", 0.0)
    monkeypatch.setattr(writing, "LOOK", 1)
    reading, writing_end = os.pipe()
    fcntl.fcntl(writing_end, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(reading, False)
    samples = np.random.default_rng(1).random((COUNT, 3), np.float32)
    stream = Named(samples, np.arange(COUNT) % 3)
    chip = ns.Chip([ns.recipes.softhebb(2)], inputs=3)
    got, asked = [], []

    def interrupted():
        asked.append(True)
        if sum(map(len, got)) < read:
            got.append(os.read(reading, read))
            return False
        return True

    with os.fdopen(writing_end, "wb", buffering=0) as file:
        emitter = Emitter(chip, stream, ["label"], form, Output(file, interrupted))
        ns.run(chip, stream, listener=emitter, chunk=7)
        emitter.finish()
    while piece := os.read(reading, 1 << 16):
        got.append(piece)
    os.close(reading)
    assert asked
    assert emitter.stuck
    assert emitter.records == whole_records(form, b"".join(got)) < COUNT
    assert emitter.records + emitter.missing == chip.samples


@pytest.mark.parametrize("form", ["csv", "ndjson", "packed"])
def test_nothing_is_counted_where_nobody_ever_reads(form):
    reading, writing_end = os.pipe()
    os.close(reading)
    stream = Named(np.ones((5, 3), np.float32), np.arange(5) % 3)
    chip = ns.Chip([ns.recipes.softhebb(2)], inputs=3)
    with os.fdopen(writing_end, "wb", buffering=0) as file:
        emitter = Emitter(chip, stream, ["label"], form, Output(file))
        ns.run(chip, stream, listener=emitter)
        emitter.finish()
    assert (emitter.closed, emitter.records, emitter.missing) == (True, 0, chip.samples)
