"""`neurosim judge` as a user meets it: the table, the object, refusals in one line, signals."""

import json
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

import neurosim as ns
from neurosim.cli import main

DIGITS = ["--train", "digits:train", "--test", "digits:test"]
NAMES = ["winner", "soft", "triangle", "relu", "softmax", "output", "logistic", "neighbours"]


def invoke(*arguments, code=0):
    result = CliRunner().invoke(main, ["judge", *(str(argument) for argument in arguments)])
    assert result.exit_code == code, result.output + repr(result.exception)
    return result


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    path = tmp_path_factory.mktemp("state") / "chip.h5"
    ns.Chip([ns.recipes.softhebb(30)], inputs=64).learn(ns.open_stream("digits:train")).save(path)
    return path


@pytest.fixture(scope="module")
def rows(state):
    return ns.compare(ns.Chip.load(state), ns.open_stream("digits:train"), ns.open_stream("digits:test"))


def test_the_object_holds_what_the_comparison_found(state, rows):
    before = state.read_bytes()
    found = json.loads(invoke(state, *DIGITS, "--json").stdout)
    assert found["rows"] == [row._asdict() for row in rows]
    assert found["state_sha256"] == ns.Chip.load(state).state_sha256
    assert (found["train"], found["test"]) == ("digits:train", "digits:test")
    assert state.read_bytes() == before


def test_people_get_a_table_of_it(state, rows):
    lines = invoke(state, *DIGITS).stdout.splitlines()
    assert re.split(r"  +", lines[0].strip()) == [
        "accuracy on 360", "winner", "soft", "triangle", "relu", "softmax(5u)", "output", "logistic", "5-nn",
    ]  # fmt: skip
    for line, row in zip(lines[1:4], rows, strict=True):
        shown = ["-" if row.accuracy[name] is None else f"{row.accuracy[name]:.2%}" for name in NAMES]
        assert line.split() == [row.network, *shown]
    assert lines[5].split()[:2] == ["training", "samples"]
    assert lines[6].split() == ["trained", *["1,437"] * 8]
    assert lines[8].split() == ["raw", *["-"] * 5, *["1,437"] * 3]
    assert len({len(line) for line in lines[:9] if line}) == 1
    assert lines[-3] == "numbers: float64 / 16 in train, float64 / 16 in test"
    counted = ", ".join(f"{row.network} {row.accuracy[row.linear]:.2%} ({row.linear})" for row in rows)
    chosen = "accuracy on the test stream, of output or logistic as held-back training samples choose"
    assert lines[-1] == f"{chosen}: {counted}"


def test_streams_on_other_scales_are_said_in_one_line_and_in_notes(state, tmp_path):
    digits = ns.open_stream("digits:train")
    samples, labels = digits.take(np.arange(300))
    np.savez(tmp_path / "u8.npz", x=np.round(samples * 240).astype(np.uint8), y=labels)
    other = invoke(state, "--train", tmp_path / "u8.npz", "--test", "digits:test", "--json")
    found = json.loads(other.stdout)
    assert found["numbers"] == {"train": "uint8 as stored", "test": "float64 / 16"}
    assert len(found["notes"]) == 1
    assert other.stderr == f"Note: {found['notes'][0]}.\n"
    told = "float64 / 16 in the stream learned from, uint8 as stored in train, float64 / 16 in test"
    assert told not in other.stderr  # the state was saved from Python, and does not say
    assert "differently: uint8 as stored in train, float64 / 16 in test; results hold only if" in other.stderr
    same = invoke(state, *DIGITS, "--json")
    assert (json.loads(same.stdout)["notes"], same.stderr) == ([], "")


def test_an_on_line_readout_is_streamed_and_judged_by_its_own_classes(tmp_path):
    state = tmp_path / "chip.h5"
    stream = ["stream", "digits:train", "--recipe", "delta_readout", "--neurons", "10", "--state", state, "--json"]
    result = CliRunner().invoke(main, [*map(str, stream), "--test", "digits:test"])
    assert result.exit_code == 0, result.output
    samples, labels = zip(*ns.open_stream("digits:test").blocks(), strict=True)
    winner = ns.Chip.load(state).respond(np.concatenate(samples)).winner
    right = (winner == np.concatenate(labels)).mean()
    assert json.loads(result.stdout)["winner_accuracy"] == right > 0.7
    found = json.loads(invoke(state, *DIGITS, "--json").stdout)["rows"]
    assert found[0]["accuracy"]["winner"] == right
    assert found[1]["accuracy"]["winner"] is None
    assert "-" in invoke(state, *DIGITS).stdout.splitlines()[2].split()


def test_lines_with_labels_are_judged(tmp_path, make_chip):
    make_chip(3, inputs=2).save(tmp_path / "chip.h5")
    (tmp_path / "a.csv").write_text("1,2,0\n2,1,1\n" * 5)
    options = ["--root", tmp_path, "--train", "a.csv", "--test", "a.csv"]
    found = json.loads(invoke(tmp_path / "chip.h5", *options, "--label", "-1", "--json").stdout)
    assert found["rows"][2]["accuracy"]["neighbours"] == 1
    refused = invoke(tmp_path / "chip.h5", *options, code=2)
    assert "labels of a.csv must be there to measure accuracy, got none; for lines give --label" in refused.stderr


@pytest.fixture
def bad(tmp_path):
    """Make sources that are wrong each in one way."""
    files = {
        "plain": (np.ones((9, 64)), None),
        "narrow": (np.ones((9, 3)), np.arange(9)),
        "empty": (np.empty((0, 64)), []),
        "single": (np.ones((9, 64)), np.ones(9, int)),
        "few": (np.eye(4, 64), [0, 1, 0, 1]),
        "nan": (np.full((9, 64), np.nan), np.arange(9)),
        "many": (np.ones((9, 64)), np.full(9, 10_000)),
        "zeros": (np.zeros((9, 64)), np.arange(9)),
    }
    for name, (samples, labels) in files.items():
        np.savez(tmp_path / f"{name}.npz", samples=samples, **({} if labels is None else {"labels": labels}))
    (tmp_path / "empty.csv").write_text("")
    return tmp_path


@pytest.mark.parametrize(("train", "test", "words"), [
    ("plain.npz", "digits", "labels of plain.npz must be there to measure accuracy, got none"),
    ("digits", "plain.npz", "labels of plain.npz must be there to measure accuracy, got none"),
    ("narrow.npz", "digits", "samples of narrow.npz must have 64 inputs, got 3"),
    ("digits", "narrow.npz", "samples of narrow.npz must have 64 inputs, got 3"),
    ("empty.npz", "digits", "must hold at least one sample"),
    ("digits", "empty.csv", "must hold"),
    ("single.npz", "digits", "labels must be of two classes at least"),
    ("few.npz", "digits", "samples must be at least 5 for as many nearest neighbours, got 4"),
    ("nan.npz", "digits", "input 0 of layer 1 must be finite, got nan"),
    ("digits:train", "nan.npz", "input 0 of layer 1 must be finite, got nan"),
    ("many.npz", "digits", "labels must be below 10000 to measure accuracy, got 10000"),
    ("zeros.npz", "digits", "samples must include one that is not all zeros"),
    ("-", "digits", "train must be a source that can be read again, got a pipe"),
    ("digits", "-", "test must be a source that can be read again, got a pipe"),
    ("none.npz", "digits", "there is none at"),
    ("nonsense", "digits", "source must be one of digits"),
])  # fmt: skip
def test_bad_sources_are_one_line_and_exit_code_2(state, bad, train, test, words):
    result = invoke(state, "--train", train, "--test", test, "--root", bad, code=2)
    assert words in result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


def test_bad_states_and_options_are_one_line_and_exit_code_2(state, tmp_path):
    (tmp_path / "text.h5").write_text("mine")
    (tmp_path / "short.h5").write_bytes(state.read_bytes()[:-5])
    for arguments, words in (
        ([tmp_path / "none.h5", *DIGITS], "none.h5"),
        ([tmp_path / "text.h5", *DIGITS], "text.h5"),
        ([tmp_path / "short.h5", *DIGITS], "it is damaged"),
        ([state, "--train", "digits"], "Missing option '--test'"),
        (DIGITS, "Missing argument 'STATE'"),
    ):
        result = invoke(*arguments, code=2)
        assert words in result.stderr
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(("number", "module", "owner", "method", "seconds"), [
    (signal.SIGINT, "readouts.linear", "LinearReadout", "finish", 600),  # a fit is ended at once
    (signal.SIGTERM, "readouts.soft", "SoftLabels", "predict", 0),  # a prediction is awaited
    pytest.param(signal.SIGTERM, "readouts.linear", "LinearReadout", "finish", 600, marks=pytest.mark.slow),
    pytest.param(signal.SIGINT, "readouts.soft", "SoftLabels", "predict", 0, marks=pytest.mark.slow),
    pytest.param(signal.SIGINT, "readouts.soft", "SoftLabels", "add", 0, marks=pytest.mark.slow),
    pytest.param(signal.SIGTERM, "readouts.soft", "SoftLabels", "add", 0, marks=pytest.mark.slow),
])  # fmt: skip
def test_a_signal_ends_it_without_a_trace(state, number, module, owner, method, seconds):
    script = f"""
import os, time
from neurosim.{module} import {owner}
from neurosim.cli import main

def slow(self, *arguments):
    print("here", flush=True)
    time.sleep({seconds})
    while not os.path.exists({str(state) + ".signalled"!r}):
        time.sleep(0.01)
    return usual(self, *arguments)

usual, {owner}.{method} = {owner}.{method}, slow
main(["judge", {str(state)!r}, "--train", "digits:train", "--test", "digits:test"])
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "here\n"
    process.send_signal(number)
    state.with_name(state.name + ".signalled").touch()
    out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (128 + number, "")
    assert "accuracy" not in out


def test_help_is_there():
    shown = invoke("--help").stdout
    assert "--train SOURCE" in shown
    assert "docs/judging.md" in shown
