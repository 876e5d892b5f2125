"""How commands end where text, folders and caches are not what they are at home."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner
from thinned import few_of

import neurosim as ns
from neurosim.cli import faults, main

NAMES = {"no UTF-8": b"n\xff", "Japanese": "日本".encode(), "accents": "é".encode()}
OUTPUTS = {
    "strict": {"PYTHONIOENCODING": "utf-8:strict"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "latin": {"PYTHONIOENCODING": "latin-1"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


def run(folder, *words, **environment):
    """Run the command line in a folder; give its exit code, and standard output and error as bytes."""
    root = os.path.dirname(os.path.dirname(ns.__file__))
    kept = os.environ | {"PYTHONPATH": root} | environment
    command = [sys.executable, "-m", "neurosim", *words]
    done = subprocess.run(command, cwd=folder, env=kept, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """A folder with a state file of each name, of a stream of that name."""
    folder = tmp_path_factory.mktemp("states")
    for name in NAMES.values():
        path = os.path.join(os.fsencode(folder), name)
        with open(path + b".csv", "w") as file:
            file.write("1,2\n" * 3)
        chip = ns.Chip([ns.recipes.softhebb(2)], inputs=2)
        stream = ns.open_stream(os.fsdecode(path + b".csv"))
        chip.save(os.fsdecode(path + b".h5"), stream=stream.identity())
    return folder


@pytest.mark.parametrize(("output", "name"), few_of([
    ("strict", "no UTF-8"), ("ascii", "accents"), ("latin", "Japanese"), ("C", "Japanese"), ("C", "no UTF-8"),
]))  # fmt: skip
def test_names_that_an_output_cannot_show_are_escaped(states, output, name):
    file = os.fsdecode(NAMES[name] + b".h5")
    code, shown, errors = run(states, "inspect", file, **OUTPUTS[output])
    assert (code, errors) == (0, b"")
    lost = os.fsdecode(NAMES[name]).encode("ascii", "backslashreplace")
    assert (b"stream  " + lost + b".csv") in shown or output == "strict"


def test_ctrl_c_is_one_line(monkeypatch):
    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("neurosim.hardware.load", interrupted)
    words = ["cost", "softhebb", "--neurons", "3", "--stream", "digits", "--chip", "loihi"]
    done = CliRunner().invoke(main, words)
    assert (done.exit_code, done.stderr) == (130, "Error: interrupted; no file is half written\n")
    monkeypatch.setattr("neurosim.cli.import_module", interrupted)
    done = CliRunner().invoke(main, words)
    assert (done.exit_code, done.stderr) == (130, "Error: interrupted; no file is half written\n")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "cp1252"])
def test_any_text_can_be_printed_on_any_stream(encoding):
    class Stream:
        pass

    stream = Stream()
    stream.encoding = encoding
    text = "n\udcff é 日本"
    faults._printable(text, stream).encode(encoding)
    assert faults._printable("plain", stream) == "plain"


def test_json_of_any_name_is_json(states):
    import json

    code, shown, _ = run(states, "inspect", os.fsdecode(NAMES["no UTF-8"] + b".h5"), "--json", **OUTPUTS["strict"])
    assert code == 0
    assert json.loads(shown)["stream"]["name"] == "n\udcff.csv"


def test_an_error_names_a_file_of_any_name_in_one_line(states):
    code, shown, errors = run(states, "inspect", os.fsdecode(b"none\xff.h5"), **OUTPUTS["strict"])
    assert (code, shown, errors.count(b"\n")) == (2, b"", 1)
    assert b"\\udcff" in errors


def test_an_end_of_a_file_that_nobody_expected_is_a_bug_and_not_an_aborted_command(monkeypatch):
    from neurosim.state import store

    def fail(path):
        raise EOFError

    monkeypatch.setattr(store, "read", fail)
    done = CliRunner().invoke(main, ["inspect", "x.h5"])
    assert isinstance(done.exception, RuntimeError)
    assert "Aborted" not in done.output


def test_each_warning_is_one_line(monkeypatch):
    import warnings

    from neurosim.state import store

    def warn(path):
        for _ in range(2):
            warnings.warn("two\nlines", RuntimeWarning, stacklevel=1)
        raise ns.StateError("none")

    monkeypatch.setattr(store, "read", warn)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        done = CliRunner().invoke(main, ["inspect", "x.h5"])
    assert done.stderr == "Warning: two lines\nError: none\n"


NO_FOLDERS = """
import os, sys, tempfile
{change}
from neurosim.cli.compiled_code import find_cache
os.access = lambda path, mode: {writable}
find_cache()
print(os.environ.get("NUMBA_CACHE_DIR"))
"""
NOWHERE = """
def fail(*_, **__): raise FileNotFoundError("No usable temporary directory found")
tempfile.gettempdir = fail
"""
HOMELESS = "os.environ.pop('HOME', None); os.environ.pop('XDG_CACHE_HOME', None); os.getuid = lambda: 4242424"
IN_WORKING_FOLDER = "tempfile.gettempdir = os.getcwd"


@pytest.mark.parametrize(("change", "writable", "expected"), [
    (NOWHERE, "False", "None"),
    (IN_WORKING_FOLDER, "False", "None"),
    (HOMELESS, "'kernels' not in str(path)", "neurosim-cache-4242424"),
    ("os.environ['XDG_CACHE_HOME'] = 'relative'", "'kernels' not in str(path)", f"neurosim-cache-{os.getuid()}"),
], ids=["no temporary folder", "only the working folder", "a user without a home", "a relative cache"])  # fmt: skip
def test_a_folder_for_compiled_code_is_sought_without_failing(tmp_path, change, writable, expected):
    code = NO_FOLDERS.format(change=change, writable=writable)
    working, temporary = tmp_path / "working", tmp_path / "temporary"
    working.mkdir()
    temporary.mkdir()
    kept = os.environ | {"PYTHONPATH": os.path.dirname(os.path.dirname(ns.__file__))}
    for name in ("NUMBA_CACHE_DIR", "TMPDIR", "TEMP", "TMP"):
        kept.pop(name, None)
    if "cache-" in expected:
        kept["TMPDIR"] = str(temporary)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=working, env=kept, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith(expected) or (os.getuid() == 0 and "cache" in done.stdout)
    assert not list(working.iterdir())


def test_what_needs_no_compiled_code_looks_for_no_folder(monkeypatch):
    from neurosim.cli import cost

    def fail():
        raise AssertionError("it was looked for")

    monkeypatch.setattr(cost, "find_cache", fail)
    assert CliRunner().invoke(main, ["cost", "--list"]).exit_code == 0
    assert CliRunner().invoke(main, ["cost", "--help"]).exit_code == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize(("words", "code"), [
    (("stream", "nowhere.csv"), 2), pytest.param(("--nothing",), 2, marks=pytest.mark.slow),
    (("stream", "rows.csv", "--neurons", "2"), 0),
    (("stream", "rows.csv", "--neurons", "2", "--emit", "winner"), 0),
])  # fmt: skip
def test_what_cannot_be_said_on_standard_error_is_no_other_exit_code(tmp_path, words, code):
    """Nor where the summary belongs there: all records are out."""
    (tmp_path / "rows.csv").write_text("1,2\n2,1\n" * 3)
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "neurosim", *words]
        root = os.path.dirname(os.path.dirname(ns.__file__))
        environment = os.environ | {"PYTHONPATH": root}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=full, check=False, timeout=120
        )
    assert done.returncode == code
    if "rows.csv" in words:
        assert done.stdout.count(b"\n") >= 6
