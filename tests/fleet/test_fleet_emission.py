"""Records of a fleet's samples say what a loop over `learn_one` says, to the last bit, in every format."""

import csv
import hashlib
import io
import json
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import sensors

import neurosim as ns
from neurosim.errors import ConfigError
from neurosim.fleet.emitter import KeyedEmitter
from neurosim.fleet.fields import KEYED_FIELDS
from neurosim.online.emission.fields import FIELDS, fields_of
from neurosim.online.emission.output import Output
from neurosim.streams.keyed import KeyedBlock

ALL = ["key", "winner", "response", "potentials", "output", "latency", "label"]
COUNT, NEURONS = 80, 5


class Sensors(ns.streams.Stream):
    """Samples with keys and labels, a few in a block."""

    name, inputs, length, labelled, keyed, classes = "sensors", sensors.INPUTS, None, True, True, ("ok", 'a "b", c')

    def __init__(self, keys, samples, labels=None, arrived=None):
        self._rows, self._arrived = (keys, samples, labels), arrived

    def blocks(self, start=0, size=256):
        keys, samples, labels = self._rows
        for n in range(start, len(keys), 7):
            some = slice(n, n + 7)
            numbers = None if labels is None else labels[some]
            yield KeyedBlock(samples[some].astype(np.float32), numbers, keys[some])

    def arriving(self, start=0, size=256):
        return self.blocks(start)

    def arrived(self, first, count):
        return None if self._arrived is None else self._arrived[first : first + count]

    def fingerprint(self):
        return "sensors"


def emitted(stream, form, names=ALL, position=0, **way):
    chips, file = ns.Fleet(sensors.layers(NEURONS), inputs=sensors.INPUTS), io.BytesIO()
    emitter = KeyedEmitter(chips, stream, names, form, Output(file), position)
    ns.run_fleet(chips, stream, listener=emitter, **way)
    emitter.finish()
    assert emitter.records == chips.samples.sum()
    return file.getvalue()


@pytest.fixture(scope="module")
def rows():
    keys, samples = sensors.rows(COUNT)
    keys = [{"s0": 'Pumpe "Süd", 1', "s1": "ключ"}.get(key, key) for key in keys]
    samples[[4, 20]] = -1
    labels = np.arange(COUNT) % 3 - 1
    chips, told = ns.Fleet(sensors.layers(NEURONS), inputs=sensors.INPUTS), []
    for n, (key, x, label) in enumerate(zip(keys, samples, labels, strict=True)):
        if n in (4, 20):
            continue
        found = chips.learn_one(key, x)
        arrays = found.responses, found.potentials, found.output
        told.append((n, key, found.winner, *arrays, [None, "ok", 'a "b", c'][label + 1]))
    return keys, samples, labels, told


def check(found, told):
    """Compare rows (number, key, winner, response, potentials, output, latency, label)."""
    assert len(found) == len(told) == COUNT - 2
    for row, (number, key, winner, *arrays, label) in zip(found, told, strict=True):
        assert (row[0], row[1], row[2], row[7]) == (number, key, winner, label)
        for mine, its in zip(row[3:6], arrays, strict=True):
            assert np.array(mine, np.float32).tobytes() == its.tobytes()
        assert 0 < row[6] < 10


def hash_of(key):
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little")


@pytest.mark.parametrize("way", [{"chunk": 1}, {"chunk": "auto"}, {"chunk": 33}])
def test_every_format_says_what_a_loop_says(rows, way):
    keys, samples, labels, told = rows
    text, lines, packed = (
        emitted(Sensors(keys, samples, labels), form, skip_bad=True, **way) for form in ("csv", "ndjson", "packed")
    )
    head, *cells = csv.reader(io.StringIO(text.decode()))
    numbered = [f"{name}_{i}" for name in ("response", "potentials", "output") for i in range(NEURONS)]
    assert head == ["sample", "key", "winner", *numbered, "latency_s", "label"]
    ends = np.cumsum([3, NEURONS, NEURONS, NEURONS])
    check([
        (int(row[0]), row[1], int(row[2]), *(row[a:b] for a, b in pairwise(ends)), float(row[-2]), row[-1] or None)
        for row in cells
    ], told)  # fmt: skip
    check([tuple(json.loads(line).values()) for line in lines.splitlines()], told)
    floats = [(name, "<f4", (NEURONS,)) for name in ("response", "potentials", "output")]
    layout = [("sample", "<i8"), ("key", "<u8"), ("winner", "<i8"), *floats, ("latency_s", "<f8"), ("label", "<i8")]
    words, names = {hash_of(key): key for key in keys}, [None, "ok", 'a "b", c']
    check([
        (row[0], words[row[1]], *row[2:7], names[row[7] + 1]) for row in np.frombuffer(packed, layout).tolist()
    ], told)  # fmt: skip


def test_numbers_go_on_where_the_run_does_and_whole_keys_are_numbers():
    keys, samples = [n % 3 * 10**12 for n in range(20)], np.ones((20, sensors.INPUTS))
    whole = Sensors(keys, samples)
    found = [json.loads(line) for line in emitted(whole, "ndjson", ["key"], position=105, start=5).splitlines()]
    assert [(row["sample"], row["key"]) for row in found] == [(n + 100, keys[n]) for n in range(5, 20)]
    assert emitted(whole, "csv", ["key"]).splitlines()[:3] == [b"sample,key", b"0,0", b"1,1000000000000"]
    packed = np.frombuffer(emitted(whole, "packed", ["key"]), [("sample", "<i8"), ("key", "<u8")])
    assert packed["key"].tolist() == [hash_of(str(key)) for key in keys]


def test_latency_is_that_since_each_sample_came(rows):
    keys, samples, _, told = rows
    came = time.monotonic_ns() - np.arange(COUNT) * 1_000_000_000
    text = emitted(Sensors(keys, samples, arrived=came), "csv", ["latency"], skip_bad=True)
    found = [float(line.split(b",")[1]) for line in text.splitlines()[1:]]
    assert all(n <= seconds < n + 60 for seconds, (n, *_) in zip(found, told, strict=True))
    assert max(np.diff(found)) < 60


@pytest.mark.parametrize("form", [pytest.param("csv", marks=pytest.mark.slow), "ndjson"])
def test_novelty_and_names_are_those_of_each_key_alone(form):
    keys, samples = sensors.rows(900, sensors=3)
    labels = np.random.default_rng(1).integers(0, 2, 900)
    names = ["key", "novelty", "threshold", "novel", "predicted"]
    data = emitted(Sensors(keys, samples, labels), form, names)
    if form == "csv":
        found = [[cell or None for cell in row] for row in csv.reader(io.StringIO(data.decode()))][1:]
    else:
        found = [list(json.loads(line).values()) for line in data.splitlines()]
    for key in ("s0", "s1", "s2"):
        chip = ns.Chip(sensors.layers(NEURONS), inputs=sensors.INPUTS, seed=sensors.seed_of(key))
        novelty, prequential = ns.Novelty(chip, recent=200), ns.Prequential(chip)
        for row in (row for row in found if row[1] == key):
            n = int(row[0])
            x = samples[n].astype(np.float32)
            told = []

            class Hears:
                wants = ns.Novelty(chip).wants

                def take(self, batch, told=told, novelty=novelty, prequential=prequential):
                    novelty.take(batch)
                    prequential.take(batch)
                    told.append((novelty.scores[0], novelty.thresholds[0], novelty.flags[0], prequential.predicted[0]))

            ns.run(chip, ns.streams.ArrayStream(x[None], labels[n : n + 1]), listener=Hears(), chunk=1)
            score, threshold, flag, predicted = told[0]
            expected = [None if np.isnan(score) else score, None if np.isinf(threshold) else threshold]
            assert [None if cell is None else float(cell) for cell in row[2:4]] == expected
            assert int(row[4]) == flag
            assert row[5] == (None if predicted < 0 else ["ok", 'a "b", c'][predicted])


def test_fields_are_those_of_a_chip_and_the_key():
    assert list(KEYED_FIELDS) == ["key", *FIELDS]
    with pytest.raises(ConfigError, match=r"emit must be some of key, winner, .* each once"):
        fields_of(["winner", "winner"], KEYED_FIELDS)
    with pytest.raises(ConfigError, match="emit must be without key where there are no keys, got 'key'; --key COLUMN"):
        fields_of(["key"])


def test_the_page_tells_of_keys():
    page = (Path(__file__).parents[2] / "docs/filter.md").read_text()
    table = "".join(line for line in page.splitlines() if line.startswith("| `"))
    assert [name for name, field in KEYED_FIELDS.items() if f"`{name}`" not in table or field.key not in page] == []
