"""Texts are written whole or not at all."""

import os
import stat
from pathlib import Path
from threading import Thread

import pytest

from neurosim.errors import ConfigError
from neurosim.reporting.writing import write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_text_is_written_as_utf_8_and_keeps_the_mode_of_what_it_replaces(tmp_path):
    path = tmp_path / "a.html"
    write_text("out", path, "µ\n")
    assert path.read_bytes() == "µ\n".encode()
    path.chmod(0o640)
    write_text("out", str(path), "new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o640)
    assert names(tmp_path) == ["a.html"]


def test_of_a_link_the_target_is_replaced(tmp_path):
    (tmp_path / "target.html").write_text("old")
    (tmp_path / "link.html").symlink_to("target.html")
    write_text("out", tmp_path / "link.html", "new")
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "target.html").read_text() == "new"


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch, failing):
    path = tmp_path / "a.html"
    path.write_text("old")

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(ConfigError, match=r"out must be a file that can be written, but: No space left .*a\.html"):
        write_text("out", path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.html"]


def test_a_folder_that_is_not_there_is_told():
    with pytest.raises(ConfigError, match="No such file or directory"):
        write_text("out", Path("none") / "a.html", "new")


def test_a_pipe_is_written_to_and_stays_one(tmp_path):
    path, read = tmp_path / "pipe.html", []
    os.mkfifo(path)
    (tmp_path / "link.html").symlink_to(path)
    reader = Thread(target=lambda: read.append(path.read_bytes()), daemon=True)
    reader.start()
    write_text("out", tmp_path / "link.html", "new")
    assert stat.S_ISFIFO(path.stat().st_mode)
    reader.join()
    assert read == [b"new"]
    assert names(tmp_path) == ["link.html", "pipe.html"]
