"""`neurosim stream --edits FILE`: the changes of another state, made again at their samples."""

import json

import pytest
from click.testing import CliRunner
from controls import Scripted

import neurosim as ns
from neurosim.cli import main
from neurosim.online.control import Edit

BEGUN = ["digits", "--neurons", "20", "--rate", "0.5"]


@pytest.fixture
def edited(tmp_path):
    """Return a state whose run was changed on its way, and its file."""
    chip = ns.Chip([ns.recipes.softhebb(20, rate=0.5)], inputs=64)
    edits = {
        0: [Edit("rate", 0.25)], 300: [Edit("gain", 30.0)], 1000: [Edit("rate", 0.125), Edit("cap", 0.125)],
        1797: [Edit("floor", 0.01)],
    }  # fmt: skip
    path = tmp_path / "edited.h5"
    ns.run(chip, ns.open_stream("digits"), control=Scripted(edits), state=path)
    return chip, str(path)


def stream(*arguments, code=0):
    result = CliRunner().invoke(main, ["stream", *arguments])
    assert result.exit_code == code, result.stderr
    return result.stderr if code else result.stdout


def test_the_same_beginning_and_the_same_edits_give_the_same_state(edited, tmp_path):
    chip, path = edited
    other = str(tmp_path / "other.h5")
    summary = json.loads(stream(*BEGUN, "--edits", path, "--state", other, "--json"))
    assert (summary["state_sha256"], summary["edits_left"]) == (chip.state_sha256, 0)
    again = ns.Chip.load(other)
    assert (again.state_sha256, again.changes) == (chip.state_sha256, chip.changes)
    assert [layer.constants for layer in again.layers] == [layer.constants for layer in chip.layers]
    assert stream(*BEGUN, "--edits", other, "--state", other, "--restart").endswith(f"{chip.state_sha256[:16]}\n")


def test_the_same_command_goes_on_with_what_was_edited(edited, tmp_path):
    chip, path = edited
    told = CliRunner().invoke(main, ["stream", *BEGUN, "--epochs", "2", "--state", path])
    assert told.exit_code == 0
    assert "Going on with the constants as they were changed since the beginning" in told.stderr
    on = chip.learn(ns.open_stream("digits"))
    assert ns.Chip.load(path).state_sha256 == on.state_sha256
    error = stream("digits", "--neurons", "20", "--rate", "0.75", "--epochs", "3", "--state", path, code=2)
    assert "rate is 0.125 there, 0.75 here" in error


@pytest.mark.parametrize(("arguments", "differing"), [
    ([], ""), (["--seed", "4"], "seed"), (["--window", "7"], "window of layer 1"),
    (["--seed", "4", "--neurons", "30"], "seed, neurons of layer 1"),
    (["--neurons", "20,10"], "number of layers"),
])  # fmt: skip
def test_edits_of_another_chip_are_told(edited, arguments, differing):
    path = edited[1]
    told = CliRunner().invoke(main, ["stream", *BEGUN, *arguments, "--edits", path])
    assert told.exit_code == 0
    warning = f"Edits of another chip: {path} differs in {differing}.\n"
    assert told.stderr == (warning if differing else "")


def test_edits_beyond_the_end_are_told(edited, tmp_path):
    _, path = edited
    longer, state = str(tmp_path / "longer.h5"), str(tmp_path / "state.h5")
    ns.run(ns.Chip.load(path), ns.open_stream("digits"), control=Scripted({2000: [Edit("rate", 1.0)]}), state=longer)
    told = CliRunner().invoke(main, ["stream", *BEGUN, "--edits", longer, "--state", state])
    assert told.stderr == f"Edits of {longer} for samples beyond the stream's end, not made: 1.\n"
    told = CliRunner().invoke(main, ["stream", *BEGUN, "--edits", longer, "--state", state, "--epochs", "2"])
    assert (told.exit_code, ns.Chip.load(state).state_sha256) == (0, ns.Chip.load(longer).state_sha256)


@pytest.mark.parametrize(("arguments", "words"), [
    (["digits", "--neurons", "20", "--rate", "0.75"], "old of rule.rate of layer 1 must be what the chip then has"),
    (["digits", "--neurons", "20", "--recipe", "krotov_hopfield"], "edits, sample 0"),
])  # fmt: skip
def test_edits_of_another_beginning_are_refused(edited, tmp_path, arguments, words):
    state = tmp_path / "state.h5"
    error = stream(*arguments, "--edits", edited[1], "--state", str(state), code=2)
    assert words in error
    assert error.count("\n") == 1
    assert not state.exists()


def test_a_file_that_is_no_state_is_refused(tmp_path):
    assert "must be a file, and there is none" in stream(*BEGUN, "--edits", str(tmp_path / "none.h5"), code=2)
    other = tmp_path / "other.h5"
    other.write_bytes(b"x" * 5000)
    assert "must be a neurosim state file" in stream(*BEGUN, "--edits", str(other), code=2)


def test_a_state_that_was_never_changed_has_no_edits(tmp_path):
    path = str(tmp_path / "chip.h5")
    stream(*BEGUN, "--state", path)
    assert stream(*BEGUN, "--edits", path).endswith(f"{ns.Chip.load(path).state_sha256[:16]}\n")
