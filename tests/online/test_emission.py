"""Records say what a loop over `learn_one` says, to the last bit; they are written whole, and in few calls."""

import csv
import errno
import io
import json
import os
import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import neurosim as ns
from neurosim.online.emission import output as writing
from neurosim.online.emission.emitter import Emitter
from neurosim.online.emission.fields import FIELDS, WHOLE, Field, fields_of
from neurosim.online.emission.formats import FORMATS, columns_of, format_of, packed_dtype
from neurosim.online.emission.output import Output, Stuck
from neurosim.online.snapshots import Snapshots
from neurosim.online.stop import Stop
from neurosim.streams import ArrayStream

ALL = ["winner", "response", "potentials", "output", "latency", "label"]
SOFT, RULE = ns.SoftWTA(temperature=0.5), ns.SoftHebb(rate=0.05)
CHIPS = {
    "dense": ([ns.recipes.softhebb(7), ns.recipes.softhebb(5, transmit=ns.ReLU())], 64),
    "images": ([ns.ConvWTA(3, kernel=3, competition=SOFT, rule=RULE, pool=ns.MaxPool(size=2, stride=2))], (1, 8, 8)),
}  # fmt: skip
COUNT = 70


def chip_of(name):
    layers, inputs = CHIPS[name]
    return ns.Chip(layers, inputs=inputs, seed=3)


@pytest.fixture(scope="module")
def labels():
    numbers = next(ns.open_stream("digits").blocks(size=COUNT)).labels.copy()
    numbers[[3, 40]] = -1
    return numbers


def emitted(chip, stream, form, names=ALL, position=0, **way):
    file = io.BytesIO()
    emitter = Emitter(chip, stream, names, form, Output(file), position)
    ns.run(chip, stream, listener=emitter, **way)
    emitter.finish()
    return file.getvalue()


def wanted(name, samples, labels):
    """Return what is to be told of each sample but its latency, by a loop over `learn_one`."""
    chip, told = chip_of(name), []
    for number, (x, label) in enumerate(zip(samples, labels, strict=True)):
        found = chip.learn_one(x)
        told.append((number, found.winner, found.responses.ravel(), found.potentials.ravel(), found.output, label))
    return told


def check(rows, expected):
    """Compare rows (number, winner, response, potentials, output, latency, label)."""
    assert len(rows) == len(expected) == COUNT
    for row, (number, winner, *arrays, label) in zip(rows, expected, strict=True):
        assert (row[0], row[1], row[6]) == (number, winner, label)
        for mine, its in zip(row[2:5], arrays, strict=True):
            assert np.array(mine, np.float32).tobytes() == np.ascontiguousarray(its).tobytes()
        assert 0 < row[5] < 1


@pytest.mark.parametrize("way", [{"chunk": 1}, {"chunk": "auto"}, {"chunk": 33, "threads": 2}])
@pytest.mark.parametrize("name", CHIPS)
def test_every_format_says_what_a_loop_says(name, way, samples, labels):
    samples = samples[:COUNT]
    expected, chip = wanted(name, samples, labels), chip_of(name)
    size, outputs = chip.layers[-1].responses, chip.layers[-1].outputs
    text, lines, packed = (
        emitted(chip_of(name), ArrayStream(samples, labels), form, **way) for form in ("csv", "ndjson", "packed")
    )
    head, *rows = csv.reader(io.StringIO(text.decode()))
    columns = [f"response_{i}" for i in range(size)] + [f"potentials_{i}" for i in range(size)]
    columns += [f"output_{i}" for i in range(outputs)]
    assert head == ["sample", "winner", *columns, "latency_s", "label"]
    ends = np.cumsum([2, size, size, outputs])
    check([
        (int(row[0]), int(row[1]), *(row[a:b] for a, b in pairwise(ends)), float(row[-2]),
         int(row[-1] or -1)) for row in rows
    ], expected)  # fmt: skip
    objects = [json.loads(line) for line in lines.splitlines()]
    assert list(objects[0]) == ["sample", "winner", "response", "potentials", "output", "latency_s", "label"]
    check([tuple(-1 if cell is None else cell for cell in each.values()) for each in objects], expected)
    floats = [("response", "<f4", (size,)), ("potentials", "<f4", (size,)), ("output", "<f4", (outputs,))]
    layout = [("sample", "<i8"), ("winner", "<i8"), *floats, ("latency_s", "<f8"), ("label", "<i8")]
    check(np.frombuffer(packed, layout).tolist(), expected)
    assert packed_dtype(columns_of(list(fields_of(ALL).values()), chip)).itemsize == 8 * 4 + 4 * (2 * size + outputs)


def test_numbers_of_samples_go_on_where_the_run_does(samples):
    chip = chip_of("dense")
    text = emitted(chip, ArrayStream(samples[:20]), "csv", ["winner"], position=5, start=5)
    assert [line.split(b",")[0] for line in text.splitlines()] == [b"sample", *(b"%d" % i for i in range(5, 20))]


@pytest.mark.parametrize("form", FORMATS)
def test_a_field_of_one_number_a_list_of_one_and_nothing(form, samples):
    chip = ns.Chip([ns.recipes.softhebb(1)], inputs=64)
    data = emitted(chip, ArrayStream(samples[:3]), form, ["label", "response"])
    assert (
        data
        == {
            "csv": b"sample,label,response_0\n0,,1.0\n1,,1.0\n2,,1.0\n",
            "ndjson": b"".join(b'{"sample":%d,"label":null,"response":[1.0]}\n' % i for i in range(3)),
            "packed": np.array([(i, -1, 1) for i in range(3)], "<i8,<i8,<f4").tobytes(),
        }[form]
    )


def test_words_are_quoted_and_numbers_that_are_none_are_missing():
    words = ("plain", 'say "a, b"', "n\udcff", "")
    field = Field("word", "", lambda *_: None, names=lambda *_: words)
    real = Field("x", "", lambda *_: None, np.dtype("<f8"))
    columns = columns_of([field, real], ns.Chip([ns.recipes.softhebb(2)], inputs=2), object())
    numbers = range(9, 14)
    values = [np.array([0, 1, 2, -1, 7]), np.array([0.5, np.nan, -0.0, 1e-300, 3])]
    text = format_of("csv", columns).records(numbers, values)
    expected = b'9,plain,0.5\n10,"say ""a, b""",\n11,n\xff,-0.0\n12,,1e-300\n13,7,3.0\n'
    assert text == expected
    lines = [json.loads(line) for line in format_of("ndjson", columns).records(numbers, values).splitlines()]
    assert [line["word"] for line in lines] == ["plain", 'say "a, b"', "n\udcff", None, 7]
    assert [line["x"] for line in lines] == [0.5, None, 0.0, 1e-300, 3.0]
    packed = np.frombuffer(
        format_of("packed", columns).records(numbers, values), [("n", WHOLE), ("w", WHOLE), ("x", "<f8")]
    )
    assert packed["w"].tolist() == [0, 1, 2, -1, 7]


@pytest.mark.parametrize("form", FORMATS)
def test_a_single_record_is_as_one_of_several(form):
    words = Field("word", "", lambda *_: None, names=lambda *_: ("plain", 'say "a, b"'))
    whole, real = Field("n", "", lambda *_: None), Field("x", "", lambda *_: None, np.dtype("<f8"))
    several = Field("y", "", lambda *_: None, np.dtype("<f4"), lambda _: 3)
    columns = columns_of([words, whole, real, several], ns.Chip([ns.recipes.softhebb(3)], inputs=2), object())
    rows = np.array([[0.1, -0.0, np.nan], [1e-30, 3, 4], [np.nan, np.nan, 1], [5, 6, 7]], np.float32)
    values = [np.array([0, 1, -1, 7]), np.arange(4) - 2, np.array([0.5, np.nan, -0.0, 1e-300]), rows]
    single = [format_of(form, columns).records([9 + i], [array[i : i + 1] for array in values]) for i in range(4)]
    assert b"".join(single) == format_of(form, columns).records(range(9, 13), values)


@pytest.mark.parametrize("names", [[], ["winner", "winner"], ["winner", "foo"], [""]])
def test_fields_are_known_and_come_once(names):
    with pytest.raises(ns.ConfigError, match=r"emit must be some of winner, .* each once"):
        fields_of(names)


class Arriving(ArrayStream):
    """Samples that arrived so many seconds ago."""

    def arrived(self, first, count):
        return time.monotonic_ns() - np.arange(first, first + count) * 10**9


@pytest.mark.parametrize("chunk", [1, 20])
def test_latency_counts_from_arrival_where_the_stream_tells_of_it(samples, chunk):
    chip = chip_of("dense")
    text = emitted(chip, Arriving(samples[:20]), "ndjson", ["latency"], chunk=chunk)
    found = [json.loads(line)["latency_s"] for line in text.splitlines()]
    assert all(number <= seconds < number + 1 for number, seconds in enumerate(found))


class Clock:
    """Nanoseconds that pass when they are told to."""

    def __init__(self, monkeypatch):
        self.now = 0
        monkeypatch.setattr(writing.time, "monotonic_ns", lambda: self.now)


class Calls(io.BytesIO):
    """Notes the bytes of each write."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def write(self, data):
        self.calls.append(bytes(data))
        return super().write(data)


def test_records_are_held_back_for_a_moment_or_some_bytes(monkeypatch):
    clock, file = Clock(monkeypatch), Calls()
    output = Output(file)
    for _ in range(9):
        clock.now += writing.LONGEST // 10
        output.add(b"ab\n")
    assert file.calls == []
    clock.now += writing.LONGEST // 10
    output.add(b"cd\n")
    assert file.calls == [b"ab\n" * 9 + b"cd\n"]
    output.add(b"e\n")
    output.flush()
    output.flush()
    assert file.calls[1:] == [b"e\n"]
    output.add(b"x" * writing.MOST)
    assert file.calls[2:] == [b"x" * writing.MOST]


@pytest.mark.parametrize("replayable", [True, False])
def test_what_is_held_back_is_written_before_the_stream_is_waited_for(monkeypatch, samples, replayable):
    Clock(monkeypatch)
    file, chip, written = Calls(), chip_of("dense"), []
    stream = ArrayStream(samples[:30])
    stream.replayable = replayable
    emitter = Emitter(chip, stream, ["winner"], "csv", Output(file))

    def blocks(start=0, size=256):
        for number, block in enumerate(ArrayStream(samples[:30]).blocks(start, 1)):
            written.append(len(file.getvalue().splitlines()))
            assert written[-1] == number + 1  # with the header
            yield block

    monkeypatch.setattr(stream, "blocks", blocks)
    monkeypatch.setattr(stream, "arriving", blocks)
    ns.run(chip, stream, listener=emitter)
    assert written == list(range(1, 31))


def test_a_pipe_gets_all_of_it_while_somebody_reads():
    reading, writing_end = os.pipe()
    got, data = [], b"".join(b"%d\n" % i for i in range(200_000))

    def read():
        while piece := os.read(reading, 1 << 16):
            got.append(piece)

    reader = threading.Thread(target=read)
    reader.start()
    with os.fdopen(writing_end, "wb", buffering=0) as file:
        output = Output(file)
        output.add(data)
        output.flush()
    reader.join(60)
    os.close(reading)
    assert b"".join(got) == data


@pytest.mark.parametrize("blocking", [True, False])
def test_a_reader_that_does_not_read_holds_up_nobody_who_was_told_to_end(monkeypatch, blocking):
    monkeypatch.setattr(writing, "PATIENCE", 0.1)
    reading, writing_end = os.pipe()
    os.set_blocking(writing_end, blocking)
    asked = []

    def interrupted():
        asked.append(True)
        return len(asked) > 2

    with os.fdopen(writing_end, "wb", buffering=0) as file, pytest.raises(Stuck):
        Output(file, interrupted).add(b"x" * (1 << 20))
    os.close(reading)


def test_a_reader_that_is_gone_ends_the_run_and_the_chip_is_whole(samples, tmp_path):
    reading, writing_end = os.pipe()
    chip, state = chip_of("dense"), tmp_path / "chip.h5"
    os.close(reading)
    with os.fdopen(writing_end, "wb", buffering=0) as file:
        stream = ArrayStream(samples)
        emitter = Emitter(chip, stream, ["winner"], "csv", Output(file))
        report = ns.run(chip, stream, listener=emitter, stop=lambda: emitter.closed, state=state)
        with pytest.raises(Stop):
            emitter.rest(True)
        emitter.finish()
    assert report.interrupted
    assert emitter.closed
    assert not emitter.stuck
    assert ns.Chip.load(state).state_sha256 == chip_of("dense").learn(samples[: report.samples]).state_sha256


class Full(io.BytesIO):
    """A disk with space for some lines."""

    def write(self, data):
        if len(self.getvalue()) > 300:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_full_disk_is_an_error_and_the_state_has_all_that_was_learned(samples, tmp_path):
    chip, state = chip_of("dense"), tmp_path / "chip.h5"
    emitter = Emitter(chip, ArrayStream(samples), ["winner"], "csv", Output(Full()))
    with pytest.raises(ns.StreamError, match=r"standard output must be writable, and is not: .*No space") as caught:
        ns.run(chip, ArrayStream(samples), listener=emitter, state=state)
    assert "the state has all that was learned before" in caught.value.__notes__[-1]
    kept = ns.Chip.load(state)
    assert kept.samples > 0
    assert kept.state_sha256 == chip.state_sha256 == chip_of("dense").learn(samples[: kept.samples]).state_sha256


@pytest.mark.parametrize("way", [{}, {"chunk": 1}, {"chunk": 20}, {"threads": 2}])
def test_no_snapshot_has_a_sample_whose_record_is_not_written(monkeypatch, samples, tmp_path, way):
    """So that after a kill no record is missing, whenever it comes."""
    Clock(monkeypatch)  # nothing is due by time
    chip, file, found = chip_of("dense"), io.BytesIO(), []
    stream = ArrayStream(samples[:90])
    emitter = Emitter(chip, stream, ["winner"], "csv", Output(file))
    for name in ("take", "finish"):
        before = getattr(Snapshots, name)

        def noted(own, taken, position, before=before):
            found.append((taken, len(file.getvalue().splitlines()) - 1))
            before(own, taken, position)

        monkeypatch.setattr(Snapshots, name, noted)
    ns.run(chip, stream, listener=emitter, state=tmp_path / "chip.h5", snapshot_samples=40, snapshot_seconds=0, **way)
    assert len(found) > 1
    assert all(taken == written for taken, written in found)
    assert "threads" in way or [taken for taken, _ in found] == [40, 80, 90]


def test_a_field_may_be_given_and_may_keep_arrays(samples, monkeypatch):
    class Counting:
        name = "counting"

        def __call__(self, batch):
            return np.arange(batch.first, batch.first + len(batch)) * 10

        def arrays(self, taken):
            return {"taken": np.array([taken])}

        def restore(self, arrays):
            pass

    monkeypatch.setitem(FIELDS, "tens", Field("tens", "ten times its number", lambda *_: Counting()))
    chip, file = chip_of("dense"), io.BytesIO()
    stream = ArrayStream(samples[:4])
    emitter = Emitter(chip, stream, ["tens"], "csv", Output(file))
    assert [companion.name for companion in emitter.companions] == ["counting"]
    given = Emitter(chip, stream, ["tens"], "csv", Output(file), begun={"tens": lambda batch: batch.results.winners})
    assert given.companions == []
    ns.run(chip, stream, listener=emitter)
    emitter.finish()
    assert file.getvalue() == b"sample,tens\n0,0\n1,10\n2,20\n3,30\n"


def test_the_page_has_every_field_and_format():
    page = (Path(__file__).parents[2] / "docs/filter.md").read_text()
    table = "".join(line for line in page.splitlines() if line.startswith("| `"))
    assert [name for name, field in FIELDS.items() if f"`{name}`" not in table or field.key not in page] == []
    assert [name for name in FORMATS if f"**`{name}`**" not in page] == []
