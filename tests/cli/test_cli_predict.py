"""`neurosim predict`: each sample's prediction, in a file that is whole or not there, or line by line on a pipe."""

import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import invoke, stream
from processes import wait_until, waits_for_input

import neurosim as ns

NAMES = ["cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay", "kiwi", "lark"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A chip with a readout, and digits as lines: `words.csv` with names for labels, `plain.csv` without labels."""
    folder = tmp_path_factory.mktemp("predict")
    samples, labels = next(ns.open_stream("digits:test").blocks(size=360))
    rows = [[f"{value:g}" for value in sample] for sample in samples]
    for name, header, column in (
        ("words.csv", ["name"], [[NAMES[label]] for label in labels]),
        ("plain.csv", [], [[]] * 360),
    ):
        with (folder / name).open("w", newline="") as file:
            csv.writer(file).writerows([[*(f"x{i}" for i in range(64)), *header]])
            csv.writer(file).writerows(row + cell for row, cell in zip(rows, column, strict=True))
    stream("digits:train", "--neurons", 40, "--state", folder / "chip.h5", "--keep-readout")
    stream(
        folder / "words.csv", "--label", "name", "--neurons", 40, "--state", folder / "words.h5", "--keep-readout"
    )  # fmt: skip
    return folder


def predict(*arguments, **options):
    return json.loads(invoke("predict", *arguments, "--json", **options).stdout)


def expected(folder, kind):
    chip, readouts = ns.Chip.load(folder / "chip.h5"), ns.Readouts.load(folder / "chip.h5")
    blocks = readouts.predict(chip, ns.open_stream("digits:test"), kind=kind)
    return np.concatenate([block.predicted for block in blocks]).tolist()


@pytest.mark.parametrize("kind", ["linear", "winner"])
def test_a_table_has_a_row_for_each_sample(folder, tmp_path, kind):
    summary = predict(folder / "chip.h5", "digits:test", "--out", tmp_path / "p.csv", "--readout", kind)
    with (tmp_path / "p.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["sample"]) for row in rows] == list(range(360))
    assert [int(row["prediction"]) for row in rows] == expected(folder, kind)
    correct = sum(row["prediction"] == row["label"] for row in rows)
    assert summary["accuracy"] == correct / 360 > 0.7
    assert (summary["readout"], summary["samples"], summary["labelled_samples"]) == (kind, 360, 360)
    assert summary["state_sha256"] == ns.Chip.load(folder / "chip.h5").state_sha256
    assert os.listdir(tmp_path) == ["p.csv"]


def test_an_array_and_lines_of_json_hold_the_same(folder, tmp_path):
    for name in ("p.npy", "p.ndjson", "p.jsonl"):
        predict(folder / "chip.h5", folder / "plain.csv", "--out", tmp_path / name)
    array = np.load(tmp_path / "p.npy")
    assert (array.dtype, array.tolist()) == (np.int64, expected(folder, "linear"))
    lines = [json.loads(line) for line in (tmp_path / "p.ndjson").read_text().splitlines()]
    assert lines == [{"sample": number, "prediction": label} for number, label in enumerate(array.tolist())]
    assert (tmp_path / "p.jsonl").read_bytes() == (tmp_path / "p.ndjson").read_bytes()


def test_names_are_written_where_labels_have_names(folder, tmp_path):
    summary = predict(
        folder / "words.h5", folder / "words.csv", "--label", "name", "--out", tmp_path / "p.csv"
    )  # fmt: skip
    rows = (tmp_path / "p.csv").read_text().splitlines()
    assert rows[0] == "sample,prediction,label"
    assert {row.split(",")[1] for row in rows[1:]} <= set(NAMES)
    assert summary["accuracy"] == sum(len(set(row.split(",")[1:])) == 1 for row in rows[1:]) / 360 > 0.8


def test_words_are_numbered_on_when_a_run_goes_on(folder, tmp_path):
    lines = (folder / "words.csv").read_text().splitlines(keepends=True)
    short, options = tmp_path / "a.csv", ("--label", "name", "--neurons", 10, "--state", tmp_path / "a.h5")
    short.write_text("".join(lines[:4]))
    stream(short, *options)
    first = ns.Chip.load(tmp_path / "a.h5").classes
    assert len(first) == 3
    short.write_text("".join(lines))
    stream(short, *options)
    names = ns.Chip.load(tmp_path / "a.h5").classes
    assert names[:3] == first
    assert sorted(names) == NAMES
    assert f"0 {names[0]}, 1 {names[1]}" in invoke("inspect", tmp_path / "a.h5").stdout


def test_a_summary_for_people(folder, tmp_path):
    told = invoke("predict", folder / "chip.h5", "digits:test", "--out", tmp_path / "p.csv").stdout
    assert "360 samples" in told
    assert "linear, fitted on 1,437 samples" in told
    assert "% of 360 with a label" in told
    told = invoke("predict", folder / "chip.h5", folder / "plain.csv", "--out", tmp_path / "p.csv").stdout
    assert "accuracy" not in told


def test_on_standard_output_the_summary_is_beside(folder):
    done = invoke("predict", folder / "chip.h5", "digits:test", "--out", "-")
    assert done.stdout.splitlines()[0] == "sample,prediction,label"
    assert len(done.stdout.splitlines()) == 361
    assert "360 samples" in done.stderr
    done = invoke("predict", folder / "chip.h5", "digits:test", "--out", "-", "--json")
    assert json.loads(done.stdout.splitlines()[0]).keys() == {"sample", "prediction", "label"}
    assert json.loads(done.stderr)["samples"] == 360


@pytest.mark.parametrize(("arguments", "words"), [
    (("digits:test", "--out", "p.txt"), "out must be a file that ends in .csv, .ndjson, .jsonl, .npy, got 'p.txt'"),
    (("digits:test", "--out", "no/p.csv"), "out must be a file in a folder that exists"),
    (("digits:test", "--out", "folder.csv"), "out must be a file in a folder that exists"),
    (("digits:test", "--out", "pipe.csv"), "out must be a file in a folder that exists"),
    (("x.csv", "--out", "x.csv"), "out must be a file of its own"),
    (("x.csv", "--out", "p.csv"), "must have 64 inputs"),
    (("digits:test", "--out", "p.csv", "--readout", "softmax"), "readout must be one that there is"),
    (("nothing", "--out", "p.csv"), "source must be one of"),
])  # fmt: skip
def test_what_cannot_be_done_is_one_line(folder, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("1,2,3\n")
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    before = sorted(os.listdir(tmp_path))
    done = invoke("predict", folder / "chip.h5", *arguments, code=2)
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sorted(os.listdir(tmp_path)) == before


def test_a_state_without_a_readout_is_said(tmp_path):
    stream("digits:test", "--neurons", 5, "--state", tmp_path / "bare.h5")
    done = invoke("predict", tmp_path / "bare.h5", "digits:test", "--out", tmp_path / "p.csv", code=2)
    assert "must keep a readout, and keeps none" in done.stderr


def test_an_error_leaves_the_file_that_was_there(folder, tmp_path):
    lines = (folder / "plain.csv").read_text().splitlines(keepends=True)
    (tmp_path / "bad.csv").write_text("".join([*lines[:100], "no,numbers\n", *lines[100:]]))
    (tmp_path / "p.csv").write_text("mine")
    predict_bad = (folder / "chip.h5", tmp_path / "bad.csv", "--out", tmp_path / "p.csv")
    assert "line 101" in invoke("predict", *predict_bad, code=2).stderr
    assert (tmp_path / "p.csv").read_text() == "mine"
    summary = predict(*predict_bad, "--skip-bad")
    assert (summary["samples"], summary["bad_lines"]) == (360, 1)
    assert sorted(os.listdir(tmp_path)) == ["bad.csv", "p.csv"]


def run(*arguments, stdout=subprocess.PIPE):
    command = [sys.executable, "-m", "neurosim", *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=stdout, stderr=subprocess.PIPE)


def test_a_full_disk_is_one_line(folder):
    with open("/dev/full", "wb") as full:
        process = run("predict", folder / "chip.h5", folder / "plain.csv", "--out", "-", stdout=full)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 2
    assert told == b"Error: standard output must be writable, and is not: [Errno 28] No space left on device\n"


def test_a_pipe_is_answered_line_by_line_until_it_is_interrupted(folder):
    lines = (folder / "words.csv").read_bytes().splitlines(keepends=True)
    with run("predict", folder / "words.h5", "-", "--label", "name", "--out", "-") as process:
        process.stdin.write(lines[0])
        said = []
        for line in lines[1:4]:
            process.stdin.write(line)
            process.stdin.flush()
            said += [process.stdout.readline() for _ in range(1 if said else 2)]  # each comes before the next is sent
            process.send_signal(signal.SIGUSR1)  # which asks for a state, and there is none to write
        wait_until(waits_for_input(process), process)  # for between two reads Python would see a signal after the next
        process.send_signal(signal.SIGINT)
        told = process.stderr.read()
        assert process.wait(60) == 130
    assert said[0] == b"sample,prediction,label\n"
    assert [row.split(b",")[0] for row in said[1:]] == [b"0", b"1", b"2"]
    assert b"3 samples (interrupted)" in told


def test_what_a_pipe_brought_before_an_error_is_kept(folder, tmp_path):
    lines = (folder / "plain.csv").read_text().splitlines(keepends=True)
    arguments = ("predict", folder / "chip.h5", "-", "--out", tmp_path / "p.npy")
    done = invoke(*arguments, stdin="".join([*lines[:21], "no,numbers\n"]), code=2)
    assert "line 22" in done.stderr
    assert "20 samples" in done.stdout
    assert np.load(tmp_path / "p.npy").tolist() == expected(folder, "linear")[:20]


@pytest.mark.parametrize("replayable", [True, False])
def test_an_interrupt_leaves_a_file_only_of_a_pipe(folder, tmp_path, monkeypatch, replayable):
    readouts, source = ns.Readouts.load(folder / "chip.h5"), ns.open_stream("digits:test")
    monkeypatch.setattr(type(source), "replayable", replayable)
    blocks = readouts.predict(ns.Chip.load(folder / "chip.h5"), source, chunk=20)

    def interrupted():
        yield next(blocks)
        raise KeyboardInterrupt

    (tmp_path / "p.csv").write_text("mine")
    with pytest.raises(KeyboardInterrupt):
        ns.write_predictions(tmp_path / "p.csv", interrupted(), readouts, source)
    rows = (tmp_path / "p.csv").read_text().splitlines()
    assert rows == ["mine"] if replayable else len(rows) == 21
    assert os.listdir(tmp_path) == ["p.csv"]


def test_an_interrupted_file_is_not_there(folder, tmp_path, monkeypatch):
    from neurosim.readouts.fitted import Readouts

    def waiting(*_, **__):
        os.kill(os.getpid(), signal.SIGTERM)
        yield from ()

    monkeypatch.setattr(Readouts, "responses", waiting)
    done = invoke("predict", folder / "chip.h5", "digits:test", "--out", tmp_path / "p.csv", code=143)
    assert "interrupted" in done.stdout
    assert os.listdir(tmp_path) == []


def test_the_documentation_runs(tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs" / "readouts.md").read_text()
    section = page.partition("## Readouts that are kept\n")[2].partition("\n## ")[0]
    commands, python = (re.search(rf"```{kind}\n(.*?)```", section, re.DOTALL)[1] for kind in ("", "python"))
    for command in commands.splitlines():
        words, _, pipe = command.removeprefix("neurosim ").partition(" < ")
        done = invoke(*shlex.split(words), stdin=(folder / "plain.csv").read_text() if pipe else None)
        assert "with a label" in done.stdout or "360 samples" in done.stdout + done.stderr or "accuracy" in done.stdout
    exec(python, {"ns": ns, "print": lambda *_: None})
    assert len((tmp_path / "predictions.csv").read_text().splitlines()) == 361


def test_test_data_on_another_scale_is_said(tmp_path):
    samples, labels = ns.open_stream("digits:train").take(np.arange(200))
    other, state = tmp_path / "u8.npz", tmp_path / "chip.h5"
    np.savez(other, x=np.round(samples * 240).astype(np.uint8), y=labels)
    told = "stored numbers become inputs differently: float64 / 16 in "
    options = ["--neurons", 6, "--state", state, "--keep-readout", "--test", other, "--json"]
    learned = invoke("stream", "digits:train", *options)
    notes = json.loads(learned.stdout)["notes"]
    assert notes[0].startswith(f"{told}digits:train, uint8 as stored in test")
    assert learned.stderr.count(f"Note: {notes[0]}.\n") == 1
    predicted = invoke("predict", state, other, "--out", tmp_path / "out.csv", "--json")
    summary = json.loads(predicted.stdout)
    assert summary["notes"][0].startswith(f"{told}the stream learned from, uint8 as stored in {other}")
    assert predicted.stderr == f"Note: {summary['notes'][0]}.\n"
