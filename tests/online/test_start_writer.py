"""The process that writes snapshots runs nothing of the user's, whatever lies in the working folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import neurosim as ns
from neurosim.online import start_writer

NAMES = ("signal", "types", "random", "json", "struct", "socket", "queue")
THEIRS = "open('executed', 'w').write(__name__)\nraise SystemExit('the user\\'s code')\n"


@pytest.fixture
def folder(tmp_path):
    """A working folder with modules that are named as Python's own."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(THEIRS)
    return tmp_path


def check(folder, words, **environment):
    done = subprocess.run(
        [sys.executable, *map(str, words)], cwd=folder, env=os.environ | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert not (folder / "executed").exists()
    assert ns.Chip.load(folder / "chip.h5").samples == 1797


RUN = ["stream", "digits", "--state", "chip.h5", "--snapshot-samples", "500"]


def test_the_command_executes_no_file_of_the_working_folder(folder):
    check(folder, ["-P", "-m", "neurosim", *RUN], PYTHONPATH=os.environ.get("PYTHONPATH", ""))


@pytest.mark.slow
def test_nor_does_python_m_but_for_what_python_itself_imports_before(folder):
    for name in ("types", "struct"):  # the first one ends Python itself
        (folder / f"{name}.py").unlink()
    check(folder, ["-m", "neurosim", *RUN])


SCRIPT = """
import pathlib, sys
sys.path.append(pathlib.Path("/nowhere"))
sys.path.insert(0, "/with 'quotes', \\"more\\" and \\udcff")
import neurosim as ns
ns.run(ns.Chip([ns.recipes.softhebb(9)], inputs=64), ns.open_stream("digits"), state="chip.h5", snapshot_samples=500)
"""


@pytest.mark.slow
def test_a_path_of_any_content_is_handed_over(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    check(tmp_path, ["script.py"])


def test_folders_of_python_itself_come_first_and_the_others_stay_in_order():
    found = start_writer.import_path(["", "/b", *sys.path, Path("/c"), "/a"])
    own = [entry for entry in sys.path if entry.endswith(("lib-dynload", f"python3.{sys.version_info[1]}"))]
    assert found[: len(own)] == own
    rest = found[len(own) :]
    assert [rest[0], rest[1], rest[-1]] == ["", "/b", "/a"]
    assert all(isinstance(entry, str) for entry in found)
