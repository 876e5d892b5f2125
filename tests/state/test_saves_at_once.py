"""Chips are saved and loaded in many threads at once, also beside HDF5 files of the caller's own."""

import contextlib
import errno
import io
import os
import threading

import h5py
import numpy as np
import pytest

import neurosim as ns

THREADS, TIMES = 4, 15


def in_threads(task, threads=THREADS):
    """Call a task with each thread's number, all at once; return what they raised."""
    raised, begin = [], threading.Barrier(threads)

    def run(number):
        begin.wait()
        try:
            task(number)
        except BaseException as error:
            raised.append(error)

    others = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    return raised


@pytest.fixture
def chips(make_chip):
    return [make_chip(20, 30, seed=seed) for seed in range(THREADS)]


@pytest.mark.slow
def test_chips_of_their_own_are_saved_and_loaded_at_once(chips, tmp_path):
    def save_and_load(number):
        path = tmp_path / f"{number}.h5"
        for _ in range(TIMES):
            chips[number].save(path)
            assert ns.Chip.load(path).state_sha256 == chips[number].state_sha256

    assert in_threads(save_and_load) == []


def test_chips_saved_at_once_to_one_file_leave_one_of_them_whole(chips, tmp_path):
    path = tmp_path / "chip.h5"

    def save(number):
        for _ in range(TIMES):
            chips[number].save(path)

    assert in_threads(save) == []
    hashes = {chip.state_sha256 for chip in chips}
    assert ns.Chip.load(path).state_sha256 in hashes
    assert ns.Chip.load(tmp_path / "chip.h5.previous").state_sha256 in hashes
    assert {entry.name for entry in tmp_path.iterdir()} == {"chip.h5", "chip.h5.previous"}


def test_a_file_that_is_replaced_while_it_is_linked_is_linked_again(chips, tmp_path, monkeypatch):
    link, tries = os.link, []

    def replaced_meanwhile(path, name):
        tries.append(path)
        if len(tries) < 3:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(path), str(name))
        link(path, name)

    monkeypatch.setattr(os, "link", replaced_meanwhile)
    for chip in chips[:2]:
        chip.save(tmp_path / "chip.h5")
    assert len(tries) == 3
    assert ns.Chip.load(tmp_path / "chip.h5.previous").state_sha256 == chips[0].state_sha256


def test_no_second_name_is_left_where_another_writer_kept_the_same_file(chips, tmp_path):
    path = tmp_path / "chip.h5"
    chips[0].save(path)
    os.link(path, tmp_path / "chip.h5.previous")  # as the other writer did
    chips[1].save(path)
    assert {entry.name for entry in tmp_path.iterdir()} == {"chip.h5", "chip.h5.previous"}
    assert ns.Chip.load(tmp_path / "chip.h5.previous").state_sha256 == chips[0].state_sha256


@pytest.mark.slow
def test_one_file_is_loaded_in_many_threads_while_it_is_written(chips, tmp_path):
    path = tmp_path / "chip.h5"
    chips[0].save(path)

    def save_or_load(number):
        for _ in range(TIMES):
            if number == 0:
                chips[0].save(path)
            else:
                assert ns.Chip.load(path).state_sha256 == chips[0].state_sha256

    assert in_threads(save_or_load) == []


@pytest.mark.parametrize("name", ["image", "chip.h5"])
def test_a_caller_may_hold_files_in_memory_of_any_name(chips, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with contextlib.ExitStack() as files:
        held = files.enter_context(h5py.File(name, "w", driver="core", backing_store=False))
        held["mine"] = np.arange(3)
        files.enter_context(h5py.File(io.BytesIO(), "w"))
        chips[0].save("chip.h5")
        assert ns.Chip.load("chip.h5").state_sha256 == chips[0].state_sha256
        assert held["mine"][:].tolist() == [0, 1, 2]


def test_a_caller_may_hold_the_state_file_itself(chips, tmp_path):
    path = tmp_path / "chip.h5"
    chips[0].save(path)
    with h5py.File(path, "r") as held:
        assert ns.Chip.load(path).state_sha256 == chips[0].state_sha256
        chips[1].save(path)
        assert held.attrs["state_sha256"] == chips[0].state_sha256  # the file that was opened
        assert ns.Chip.load(path).state_sha256 == chips[1].state_sha256
