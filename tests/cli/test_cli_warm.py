"""Code that was compiled ahead is used from a folder that nobody can write."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from commands import invoke
from kernel_copy import copy_package
from numba.core.dispatcher import Dispatcher
from read_only import read_only

from neurosim.cli.warm import command
from neurosim.kernels.conv import (
    competition,
    growing,
    images,
    learning,
    potentials,
    proposing,
    sending,
    window,
)
from neurosim.kernels.dense import layout as dense

COUNTED = """
import json
from numba.core import event
compiled = []
class Listener(event.Listener):
    def on_start(self, event):
        compiled.append(event.data["dispatcher"].__name__)
    def on_end(self, event):
        pass
event.register("numba:compile", Listener())
"""
STREAM = """
from click.testing import CliRunner
from neurosim.cli import main
done = CliRunner().invoke(main, {arguments!r})
assert done.exit_code == 0, (done.output, done.exception)
assert "compiling the" not in done.output
"""
SIMULATE = """
from neurosim.hardware.timeline import Emission, Network, simulate
network = Network(("link",), (-1,), "drop", ("in", "out"), (Emission(0, 1, 0, ((0, 1),)),))
assert simulate(network, [0], [[1]], [[1]]).fired.tolist() == [[0, 2]]
"""


def without_settings(**settings):
    """Return the environment with these settings of Numba's cache and processor alone."""
    return {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_C")} | settings


def compiled_by(program, folder=None, **settings):
    """Return which functions a new process compiles, where no disk can be written; a folder may have code."""
    environment = without_settings(**settings, **({"NUMBA_CACHE_DIR": str(folder)} if folder else {}))
    program = read_only("/") + COUNTED + program + "print(json.dumps(compiled))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def contents(folder):
    """Return a folder's files, and when they were written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def close(folder):
    """Take away all rights to write, which stops whoever is not root."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)


@pytest.fixture(scope="module")
def warmed(tmp_path_factory):
    """A folder that was filled for any machine of this architecture, and what the command printed."""
    folder = tmp_path_factory.mktemp("warm") / "code"
    printed = invoke("warm", "timeline", "--into", folder, "--cpu", "generic").stdout
    close(folder)
    return folder, printed


def test_it_says_what_was_compiled_and_how_to_use_it(warmed):
    folder, printed = warmed
    part, settings = printed.splitlines()
    name, seconds, unit, function = part.split()
    assert (name, unit, function) == ("timeline", "s", "timeline.advance")
    assert float(seconds) > 0
    assert settings == f"later runs need NUMBA_CACHE_DIR={folder} NUMBA_CPU_NAME=generic"


def test_a_later_process_compiles_nothing_and_writes_nothing(warmed):
    folder, before = warmed[0], contents(warmed[0])
    assert before
    assert compiled_by(SIMULATE, folder, NUMBA_CPU_NAME="generic") == []
    assert contents(folder) == before


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "+sse3"}])
def test_a_process_for_another_target_compiles_anew(warmed, tmp_path, settings):
    package = copy_package(tmp_path, whole=True)  # nothing lies beside it
    program = "import warnings; warnings.simplefilter('ignore')\n" + SIMULATE
    assert "advance" in compiled_by(program, warmed[0], PYTHONPATH=str(package), **settings)


def test_what_is_there_is_not_compiled_again(warmed):
    folder, before = warmed[0], contents(warmed[0])
    said = invoke("warm", "timeline", "--into", folder, "--cpu", "generic").stdout.splitlines()
    assert said[0].split(maxsplit=1) == ["timeline", "was there"]
    assert contents(folder) == before


def test_a_folder_that_is_none_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    said = invoke("warm", "timeline", "--into", tmp_path / "file", code=2).stderr
    assert said == f"Error: into must be a folder that can be written, got {tmp_path / 'file'}: File exists\n"


def test_parts_that_there_are_not_are_refused():
    assert "'nothing' is not one of" in invoke("warm", "nothing", "--into", "x", code=2).stderr


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """A copy of the package with code beside it, compiled as docs/containers.md says, and the settings for it."""
    package = copy_package(tmp_path_factory.mktemp("image"), whole=True)
    settings = {"PYTHONPATH": str(package), "NUMBA_CPU_NAME": "generic", "HOME": "/nonexistent"}
    warm = [sys.executable, "-P", "-m", "neurosim", "warm", "timeline"]
    done = subprocess.run(warm, env=without_settings(**settings), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert done.stdout.splitlines()[1:] == ["later runs need NUMBA_CPU_NAME=generic"]
    return package, settings


@pytest.mark.slow
@pytest.mark.parametrize("cache", ["none", "empty"])
def test_an_image_has_its_code_beside_the_package(image, tmp_path, cache):
    package, settings = image
    before = contents(package)
    assert [path for path in before if path.suffix == ".nbc" and path.parent.parent == package / "kernels"]
    assert compiled_by(SIMULATE, tmp_path if cache == "empty" else None, **settings) == []
    assert contents(package) == before


def test_commands_of_the_documentation_are_understood():
    text = Path("docs/containers.md").read_text()
    found = re.findall(r"(?m)^(?:RUN |[A-Z_=a-z/-]+ )*(?:\S*/)?neurosim (warm[^\n`]*)$", text)
    assert len(found) == 2
    for words in found:
        command.make_context("warm", words.split()[1:])


def conv_stages():
    """Return every stage of convolutional layers that is compiled apart."""
    return {
        value
        for module in (competition, growing, images, learning, potentials, proposing, sending, window)
        for value in vars(module).values()
        if isinstance(value, Dispatcher) and value.__module__ == module.__name__
    }


@pytest.mark.slow
def test_streams_benches_and_predictions_need_nothing_more(tmp_path):
    folder, state = tmp_path / "code", str(tmp_path / "chip.h5")
    said = invoke("warm", "dense", "images", "machine", "timeline", "--into", folder, "--cpu", "generic").stdout
    assert len(said.splitlines()) == 5
    apart = [f"dense.apart.{name}" for name in dense.Stages._fields]
    apart += [f"conv.{stage.__module__.rpartition('.')[2]}.{stage.__name__}" for stage in conv_stages()]
    assert [name for name in apart if not re.search(rf"\b{re.escape(name)}\b", said)] == []
    close(folder)
    before = contents(folder)
    for arguments in (
        ["stream", "digits:train", "--neurons", "20,10", "--state", state, "--keep-readout"],
        ["stream", "digits", "--recipe", "bcm", "--rate", "0.001", "--neurons", "12", "--weight-bits", "8"],
        ["predict", state, "digits:test", "--out", str(tmp_path / "out.csv")],
        ["judge", state, "--train", "digits:train", "--test", "digits:test"],
        ["bench", "digits", "--neurons", "20", "--samples", "50", "--stages", "--roofline"],
        ["cost", "softhebb", "--neurons", "20", "--stream", "digits:test", "--samples", "20", "--chip", "cmos45-int8"],
    ):
        assert compiled_by(STREAM.format(arguments=arguments), folder, NUMBA_CPU_NAME="generic") == [], arguments
    assert contents(folder) == before
