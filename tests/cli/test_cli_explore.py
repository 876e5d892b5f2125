"""`neurosim explore` writes a page, with a chip's samples or without, and refuses what it cannot show."""

import json
import os
import re
import subprocess
import sys
import tempfile
import webbrowser
from pathlib import Path

import pytest
from commands import invoke

import neurosim as ns
from neurosim.views import opening


@pytest.fixture
def state(make_chip, samples, tmp_path):
    path = tmp_path / "chip.h5"
    make_chip(20, 5).learn(samples).save(path)
    return path


@pytest.fixture(autouse=True)
def opened(monkeypatch, tmp_path):
    """Addresses that were opened, in a session with a display and a folder for temporary files of its own."""
    addresses = []
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", lambda address: addresses.append(address) or True)
    return addresses


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', Path(page).read_text("utf-8"))[1])


def test_without_out_a_temporary_file_is_opened(opened):
    (path,) = invoke("explore").stdout.splitlines()
    assert opened == [Path(path).as_uri()]
    assert data_of(path)["chip"]["samples"] == []


@pytest.mark.parametrize(("options", "opens"), [((), False), (("--open",), True), (("--no-open",), False)])
def test_with_out_it_is_opened_if_asked_for(tmp_path, opened, options, opens):
    path = tmp_path / "explorer.html"
    assert invoke("explore", "--out", path, *options).stdout == f"{path}\n"
    assert opened == [path.as_uri()] * opens
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask():
    value = os.umask(0)
    os.umask(value)
    return value


@pytest.mark.parametrize("answer", ["no display", "none starts", "fails"])
def test_where_no_browser_starts_the_file_is_named(monkeypatch, answer):
    def fail(_address):
        if answer == "fails":
            raise webbrowser.Error("could not locate runnable browser")
        assert answer == "none starts"
        return False

    monkeypatch.setattr(webbrowser, "open", fail)
    if answer == "no display":
        for name in opening.DISPLAYS:
            monkeypatch.delenv(name, raising=False)
    result = invoke("explore")
    assert Path(result.stdout.strip()).is_file()
    assert result.stderr == "No browser could be started: open the file above in one.\n"


def test_samples_of_a_chip_are_on_the_page(state, tmp_path):
    page, before = tmp_path / "explorer.html", state.read_bytes()
    invoke("explore", state, "--stream", "digits:test", "--sample", "3,0", "--layer", "2", "--out", page)
    chip = data_of(page)["chip"]
    assert chip["text"].startswith("Potentials of 5 neurons, layer 2 of chip.h5, for samples of digits:test.")
    assert [sample["name"] for sample in chip["samples"]] == ["sample 3: 5", "sample 0: 2"]
    assert chip["sharpness"] == pytest.approx(ns.Chip.load(state).layers[1].sharpness)
    x = next(ns.open_stream("digits:test").blocks(size=4)).samples
    expected = ns.Chip.load(state).respond(x).potentials
    for sample, potentials in zip(chip["samples"], expected[[3, 0]], strict=True):
        assert sample["layer"]["potentials"] == pytest.approx(potentials, rel=1e-6)
    assert state.read_bytes() == before


def test_eight_samples_by_default_or_as_many_as_there_are(state, tmp_path, samples):
    import numpy as np

    np.save(tmp_path / "few.npy", samples[:3])
    np.savetxt(tmp_path / "few.csv", samples[:2], delimiter=",")  # whose length is known only at its end
    for source, count in (("digits", 8), ("few.npy", 3), ("few.csv", 2)):
        page = tmp_path / f"{source}.html"
        invoke("explore", state, "--stream", source, "--root", tmp_path, "--out", page)
        assert len(data_of(page)["chip"]["samples"]) == count


def test_a_file_is_replaced_only_if_told(tmp_path):
    path = tmp_path / "explorer.html"
    path.write_text("mine")
    message = invoke("explore", "--out", path, code=2).stderr
    assert "out must be a file that does not exist yet" in message
    assert "--overwrite" in message
    assert path.read_text() == "mine"
    invoke("explore", "--out", path, "--overwrite")
    assert data_of(path)["presets"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--stream", "digits"), "stream must be left out without STATE, got digits"),
        (("--layer", "1"), "layer must be left out without STATE, got 1"),
        (("--sample", "1"), "sample must be left out without STATE, got [1]"),
        (("--out", "page.pdf"), "out must be a file that ends in .html or .htm"),
        (("--out", "nowhere/page.html"), "out must be a file in a folder that exists"),
        (("STATE",), "stream must be given with STATE"),
        (("STATE", "--stream", "-"), "stream must be a source that can be read again, got a pipe"),
        (("STATE", "--stream", "nothing"), "nothing"),
        (("STATE", "--stream", "digits", "--layer", "3"), "layer must be a whole number of at most 2, got 3"),
        (("STATE", "--stream", "digits", "--layer", "0"), "layer must be a whole number of at least 1, got 0"),
        (("STATE", "--stream", "digits", "--sample", "-1"), "sample must be a whole number of at least 0, got -1"),
        (("STATE", "--stream", "digits", "--sample", "1797"), "within digits, which ends before 1797"),
        (("STATE", "--stream", "digits", "--sample", "one"), "must be whole numbers between commas, got 'one'"),
        (("STATE", "--stream", "digits", "--out", "STATE"), "out must be a file of its own, not that of STATE"),
        (("MISSING", "--stream", "digits"), "must be a file, and there is none"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_is_one_line(state, tmp_path, opened, arguments, message):
    paths = {"STATE": str(state), "MISSING": str(tmp_path / "missing.h5")}
    result = invoke("explore", *(paths.get(argument, argument) for argument in arguments), code=2)
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert opened == []


def test_a_page_without_a_chip_needs_no_compiled_code(tmp_path):
    code = (
        "import sys; from neurosim.cli import main; main(['explore', '--no-open'], standalone_mode=False); "
        "print(sorted({'numba', 'matplotlib', 'bokeh', 'h5py', 'scipy'} & set(sys.modules)))"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines()[-1] == "[]"
