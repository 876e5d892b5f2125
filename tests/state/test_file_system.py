"""File systems that lack links, modes, flushing or locks: the file is whole, and one line says what follows."""

import errno
import fcntl
import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

import neurosim as ns
from neurosim.experiments.cells import Folder
from neurosim.state import locks, store

LINKS = [errno.ENOSYS, errno.EACCES, errno.EINVAL, errno.EPERM, errno.EMLINK, errno.EXDEV, errno.ENOTSUP]


@pytest.fixture
def path(tmp_path, make_chip):
    make_chip(9).save(tmp_path / "chip.h5")
    return tmp_path / "chip.h5"


@pytest.fixture
def chip(make_chip, samples):
    return make_chip(9).learn(samples)


def lacking(monkeypatch, module, name, code, allowed=0):
    """Let a call of the system fail, but for the first ones."""
    real, calls = getattr(module, name), []

    def call(*arguments, **options):
        calls.append(arguments)
        if len(calls) > allowed:
            raise OSError(code, os.strerror(code))
        return real(*arguments, **options)

    monkeypatch.setattr(module, name, call)


def check(chip, path):
    assert ns.Chip.load(path).state_sha256 == chip.state_sha256
    assert not list(path.parent.glob("*.draft-*"))


@pytest.mark.parametrize("code", LINKS)
def test_without_links_the_generation_before_is_copied(chip, path, monkeypatch, code):
    before = path.read_bytes()
    lacking(monkeypatch, os, "link", code)
    chip.save(path)
    check(chip, path)
    assert store.previous(path).read_bytes() == before


def test_where_it_cannot_be_copied_either_it_is_not_kept(chip, path, monkeypatch):
    lacking(monkeypatch, os, "link", errno.ENOSYS)
    lacking(monkeypatch, __import__("shutil"), "copyfile", errno.ENOSPC)
    with pytest.warns(ns.StorageWarning, match="the file before this one is not kept") as caught:
        chip.save(path)
    assert len(caught) == 1
    check(chip, path)
    assert not store.previous(path).exists()


@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS])
def test_without_modes_the_file_is_written(chip, path, monkeypatch, code):
    lacking(monkeypatch, os, "fchmod", code)
    with pytest.warns(ns.StorageWarning, match="have the mode that the file system gives them") as caught:
        chip.save(path)
    assert len(caught) == 1
    check(chip, path)


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EBADF, errno.EIO, errno.ENOSYS])
def test_a_folder_that_cannot_be_flushed_leaves_the_file_whole(chip, path, monkeypatch, code):
    lacking(monkeypatch, os, "fsync", code, allowed=1)
    with pytest.warns(ns.StorageWarning, match="the newest file there may be lost if the machine stops") as caught:
        chip.save(path)
    assert len(caught) == 1
    check(chip, path)


def test_a_folder_that_cannot_be_opened_leaves_the_file_whole(chip, path, monkeypatch):
    real = os.open
    monkeypatch.setattr(os, "open", lambda name, *rest: real(name, *rest) if name != path.parent else real("/", 99999))
    with pytest.warns(ns.StorageWarning, match="may be lost"):
        chip.save(path)
    check(chip, path)


def test_a_file_that_cannot_be_flushed_is_said(chip, path, monkeypatch):
    lacking(monkeypatch, os, "fsync", errno.EINVAL)
    with pytest.warns(ns.StorageWarning, match="may be lost") as caught:
        chip.save(path)
    assert len(caught) == 2  # the file, and the folder
    check(chip, path)


def test_a_record_of_a_study_is_written_where_files_cannot_be_flushed(tmp_path, monkeypatch):
    lacking(monkeypatch, os, "fsync", errno.ENOSYS)
    with pytest.warns(ns.StorageWarning, match="may be lost if the machine stops") as caught:
        Folder(tmp_path).put(tmp_path / "cells" / "a.json", lambda path: path.write_text("{}"))
    assert len(caught) == 1
    assert (tmp_path / "cells" / "a.json").read_text() == "{}"
    assert len(list((tmp_path / "cells").iterdir())) == 1


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_a_broken_or_full_disk_is_an_error_of_a_record(tmp_path, monkeypatch, code):
    lacking(monkeypatch, os, "fsync", code)
    with pytest.raises(ns.StateError, match="must be writable, and is not"):
        Folder(tmp_path).put(tmp_path / "a.json", lambda path: path.write_text("{}"))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(params=[errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP])
def no_locks(request, monkeypatch):
    lacking(monkeypatch, fcntl, "flock", request.param)
    return pytest.warns(ns.StorageWarning, match=r"has no locks .*chip.h5.owner names the run that has the state")


def test_without_locks_a_file_names_the_owner(path, no_locks):
    owner = path.with_name("chip.h5.owner")
    with no_locks, store.claim(path):
        names = json.loads(owner.read_text())
        assert (names["pid"], names["host"]) == (os.getpid(), socket.gethostname())
        assert names["process_start"] == locks.started(os.getpid())
        told = f"another one has it: process {os.getpid()} on {socket.gethostname()} since .*; remove {owner}"
        with pytest.raises(ns.StateError, match=told), store.claim(path):
            pass
    assert [file.name for file in path.parent.iterdir()] == ["chip.h5"]


def named(owner, pid, host=None, process_start=None):
    text = {"pid": pid, "host": host or socket.gethostname(), "process_start": process_start, "since": "today"}
    owner.write_text(json.dumps(text))


def test_what_a_dead_process_left_is_taken_over(path, no_locks):
    owner = path.with_name("chip.h5.owner")
    dead = subprocess.Popen(["true"])
    dead.wait()
    named(owner, dead.pid)
    with no_locks, store.claim(path):
        assert json.loads(owner.read_text())["pid"] == os.getpid()
    named(owner, os.getppid(), process_start="7")  # the number is another process's by now
    with no_locks, store.claim(path):
        pass
    assert [file.name for file in path.parent.iterdir()] == ["chip.h5"]


@pytest.mark.parametrize("content", ["", "mine", "[1]", '{"pid": "x"}', None])
def test_what_is_not_dead_for_certain_is_left_alone(path, monkeypatch, content):
    lacking(monkeypatch, fcntl, "flock", errno.ENOSYS)
    owner = path.with_name("chip.h5.owner")
    if content is None:
        named(owner, 2**22 + 1, host="another machine")
    else:
        owner.write_text(content)
    before = owner.read_text()
    with pytest.raises(ns.StateError, match=r"by one run at a time.*remove .*chip.h5.owner if no run uses"):
        store.claim(path).__enter__()
    assert owner.read_text() == before
    assert sorted(file.name for file in path.parent.iterdir()) == ["chip.h5", "chip.h5.owner"]


def test_of_several_that_take_over_one_succeeds(path, monkeypatch):
    lacking(monkeypatch, fcntl, "flock", errno.ENOSYS)
    owner = path.with_name("chip.h5.owner")
    named(owner, 2**22 + 1)
    path.with_name("chip.h5.owner-turn").write_text("")
    with pytest.raises(ns.StateError, match="it is just being taken over"):
        store.claim(path).__enter__()
    assert owner.exists()


def test_with_locks_the_owner_on_a_machine_without_is_respected(path):
    owner = path.with_name("chip.h5.owner")
    named(owner, 7, host="another machine")
    with pytest.raises(ns.StateError, match="process 7 on another machine"), store.claim(path):
        pass
    named(owner, 2**22 + 1)
    with store.claim(path):
        assert not owner.exists()
    owner.write_text("a file of the user's")
    with store.claim(path):
        pass
    assert owner.read_text() == "a file of the user's"


def test_a_missing_folder_is_named(tmp_path, make_chip):
    state = tmp_path / "none" / "chip.h5"
    for save in (lambda: store.claim(state).__enter__(), lambda: make_chip(3).save(state)):
        with pytest.raises(ns.StateError, match=f"the folder {state.parent} is missing: create it first$"):
            save()
    state.parent.write_text("")
    with pytest.raises(ns.StateError, match="none is not a folder"):
        store.claim(state).__enter__()


def test_warnings_of_the_process_that_writes_come_once(make_chip, path, monkeypatch, tmp_path):
    # The other process cannot be patched: the run's own last snapshot says the same once more, and is not repeated.
    lacking(monkeypatch, os, "fchmod", errno.EPERM)
    with pytest.warns(ns.StorageWarning, match="have the mode") as caught:
        ns.run(make_chip(9), ns.open_stream("digits"), state=path, snapshot_seconds=0)
    assert len(caught) == 1
    assert Path(path).exists()
