"""Records of latencies are read back as they were measured, and whatever else is refused in one line."""

import json
import os
import shutil

import h5py
import numpy as np
import pytest
from ticking import digits, ticking

import neurosim as ns
from neurosim.errors import StateError
from neurosim.latency import Period, read_record

COUNT = 54  # samples measured


@pytest.fixture(scope="module")
def report():
    chip = ns.Chip([ns.recipes.softhebb(9), ns.recipes.softhebb(4)], inputs=64)
    return ns.bench(
        chip, digits(), samples=COUNT, warm_up=5, arrivals=Period(1e4), deadline=1e-3, stages=True, clock=ticking(500)
    )


@pytest.fixture(scope="module")
def saved(report, tmp_path_factory):
    path = tmp_path_factory.mktemp("records") / "run.h5"
    report.save(path)
    return path


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copy(saved, tmp_path / "copy.h5")


def test_a_record_is_read_back(report, saved):
    again = read_record(saved)
    assert again.summary() == json.loads(json.dumps(report.summary()))
    assert again.table() == report.table()
    for name in ("due", "start", "done", "service", "response"):
        np.testing.assert_array_equal(getattr(again.record, name), getattr(report.record, name))
    np.testing.assert_array_equal(again.layers, report.layers)
    np.testing.assert_array_equal(again.loop, report.loop)


def test_a_report_without_stages_is_read_back(saved, tmp_path):
    chip = ns.Chip([ns.recipes.softhebb(9)], inputs=64)
    ns.bench(chip, digits(), samples=20, warm_up=2, clock=ticking(500)).save(tmp_path / "few.hdf5")
    again = read_record(tmp_path / "few.hdf5")
    assert again.layers is None
    again.save(tmp_path / "again.h5")
    assert read_record(tmp_path / "again.h5").table() == again.table()


def test_a_record_of_the_first_version_is_read(copy, report):
    with h5py.File(copy, "r+") as file:
        file.attrs["version"] = 1
        del file.attrs["sha256"]
    assert read_record(copy).table() == report.table()


def edited(name, value):
    def edit(file):
        del file[name]
        if value is not None:
            file[name] = value

    return edit


def attribute(name, value):
    def edit(file):
        file.attrs[name] = value

    return edit


def linked(file):
    del file["done_ns"]
    file["done_ns"] = h5py.ExternalLink("/etc/passwd", "/x")


def vast(file):
    del file["done_ns"]
    file.create_dataset("done_ns", (1 << 40,), np.int64, chunks=(1 << 20,), compression="gzip")


def renamed(file):
    file.attrs["summary"] = file.attrs["summary"].replace("digits", "digids")


@pytest.mark.parametrize(("edit", "words"), [
    (attribute("format", "another"), "another HDF5 file"),
    (attribute("version", 99), "a newer neurosim wrote it"),
    (attribute("version", "x"), "must hold version as a whole number"),
    (attribute("summary", "{"), "must hold summary as JSON"),
    (attribute("sha256", "0" * 64), "its checksum differs"),
    (renamed, "its checksum differs"),
    (edited("done_ns", None), "must hold done_ns as a dataset"),
    (edited("due_ns", np.zeros(COUNT)), "must hold due_ns as int64 of 1 axes, and holds float64"),
    (edited("due_ns", np.zeros(3, np.int64)), "as many moments of each kind"),
    (edited("done_ns", np.zeros(COUNT, np.int64)), "due, then started, then done"),
    (edited("loop_ns", np.zeros(COUNT + 1, np.int64)), "and holds more"),
    (linked, "must hold done_ns as a dataset"),
    (vast, "must hold arrays that fit"),
])  # fmt: skip
def test_what_was_edited_is_refused(copy, edit, words):
    with h5py.File(copy, "r+") as file:
        edit(file)
    with pytest.raises(StateError, match=r"record .*copy\.h5 ") as raised:
        read_record(copy)
    assert words in str(raised.value)


def without_environment(summary):
    del summary["environment"]
    return summary


@pytest.mark.parametrize(("change", "words"), [
    (without_environment, "a measurement, but: KeyError: 'environment'"), (list, "and holds another"),
    (lambda summary: summary | {"chip": 3}, "and holds another"),
    (lambda summary: summary | {"deadline_s": -1.0}, "a measurement, but: StopIteration"),
])  # fmt: skip
def test_a_summary_that_makes_no_table_is_refused(copy, change, words):
    with h5py.File(copy, "r+") as file:
        file.attrs["summary"] = json.dumps(change(json.loads(file.attrs["summary"])))
        file.attrs["version"] = 1  # of which there is no checksum
    with pytest.raises(StateError, match="must hold the summary of") as raised:
        read_record(copy)
    assert words in str(raised.value)


def test_other_files_are_refused(tmp_path, copy, make_chip):
    make_chip(5).save(tmp_path / "chip.h5")
    os.mkfifo(tmp_path / "pipe.h5")
    with open(copy, "r+b") as file:
        file.truncate(3000)
    for name, words in {
        "none.h5": "there is none", "chip.h5": "is another file", "pipe.h5": "is a pipe", "copy.h5": "damaged",
        ".": "is a folder",
    }.items():  # fmt: skip
        with pytest.raises(StateError) as raised:
            read_record(tmp_path / name)
        assert words in str(raised.value)


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_record_is_refused_or_the_same(copy, report, seed):
    rng = np.random.default_rng(seed)
    with open(copy, "r+b") as file:
        content = bytearray(file.read())
        for at in rng.integers(8, len(content), 3):
            content[at] ^= 1 << int(rng.integers(8))
        file.seek(0)
        file.write(content)
    try:
        again = read_record(copy)
    except StateError:
        return
    assert again.table() == report.table()
