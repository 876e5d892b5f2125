"""Lines on the command line: headers, delimiters, words for labels, rows without one."""

import json
import os

import pytest
from click.testing import CliRunner
from commands import invoke

from neurosim.cli import main

TRAIN = "a,b,kind\n" + "1,0,cat\n0,1,dog\n.9,0,cat\n0,.8,dog\n.5,.5,\n" * 4
TEST = "a,b,kind\n0,1,dog\n1,0,cat\n1,0,cow\n1,0,\n0,1,dog\n"


def run(*words, code=0, **options):
    result = CliRunner().invoke(main, [*map(str, words)], **options)
    assert result.exit_code == code, result.output + repr(result.exception)
    if code:
        assert result.stderr.count("\n") == 1
        assert result.stderr.startswith("Error: ")
    return result


@pytest.fixture
def files(tmp_path):
    (tmp_path / "train.csv").write_text(TRAIN)
    (tmp_path / "test.csv").write_text(TEST)
    (tmp_path / "test.tsv").write_text(TEST.replace(",", "\t"))
    return tmp_path


def test_classes_are_named_and_compared_by_name(files):
    command = ["stream", "train.csv", "--root", files, "--neurons", "4", "--label", "kind", "--test", "test.csv"]
    summary = json.loads(run(*command, "--json").stdout)
    assert summary["classes"] == ["cat", "dog"]
    assert summary["winner_accuracy"] == summary["readout_accuracy"] == 0.75  # the cow is wrong
    assert (summary["test_samples"], summary["test_unlabelled"], summary["test_unknown"]) == (4, 1, 1)
    assert json.loads(run(*command[:-1], "test.tsv", "--json").stdout)["readout_accuracy"] == 0.75
    table = run(*command).stdout
    assert "classes  0 cat, 1 dog" in table
    assert "unlabelled  1 test samples, which are left out" in table
    assert "unknown  1 test samples of classes never learned: wrong" in table


def test_a_taught_layer_learns_words(files):
    command = ["stream", "train.csv", "--root", files, "--neurons", "2", "--recipe", "supervised_softhebb"]
    options = ["--label", "kind", "--test", "test.csv", "--json"]
    words = json.loads(run(*command, *options).stdout)
    for name, text in (("train.csv", TRAIN), ("test.csv", TEST)):
        (files / name).write_text(text.replace("cat", "0").replace("dog", "1").replace("cow", "7"))
    numbers = json.loads(run(*command, *options).stdout)
    for name in ("state_sha256", "winner_accuracy", "readout_accuracy", "test_samples"):
        assert words[name] == numbers[name]
    assert "classes" not in numbers
    (files / "train.csv").write_text(TRAIN)
    refused = run(*command[:-4], "--neurons", "1", *command[-2:], "--label", "kind", code=2).stderr
    assert "which is taught, must be below its 1 neurons, got 1" in refused


def test_judge_names_what_it_leaves_out(files):
    state = files / "chip.h5"
    more = "".join(f"{1 - number % 2},{number % 2},{('cat', 'dog')[number % 2]}\n" for number in range(20))
    (files / "train.csv").write_text(TRAIN + more)
    lines = ["--root", files, "--label", "kind"]
    run("stream", "train.csv", *lines, "--neurons", "4", "--state", state)
    sources = ["--train", "train.csv", "--test", "test.csv"]
    found = json.loads(run("judge", state, *sources, *lines, "--json").stdout)
    assert [row["test_unlabelled"] for row in found["rows"]] == [1, 1, 1]
    assert found["rows"][0]["accuracy"]["output"] == 0.75
    table = run("judge", state, *sources, *lines).stdout
    assert "test samples: 1 without a label, left out; 1 of unknown classes, counted as wrong" in table


@pytest.mark.parametrize("command", ["stream", "bench", "cost"])
def test_header_and_delimiter_are_options(tmp_path, command):
    (tmp_path / "a.csv").write_text("0;1;2\n" + "5;6;1\n" * 20)
    source = ["softhebb", "--stream", "a.csv"] if command == "cost" else ["a.csv"]
    options = [command, *source, "--root", tmp_path, "--neurons", "2", "--label", "2", "--delimiter", ";"]
    chip = ["--chip", "cmos45-int8", "--weight-bits", "8"] if command == "cost" else []
    few = [] if command == "stream" else ["--warm-up", "2", "--samples", "9"]
    assert "give --header yes if it names the columns" in run(*options, *chip, *few, code=2).stderr
    run(*options, *chip, *few, "--header", "yes")
    assert "delimiter must be one character" in run(*options, *chip, *few, "--delimiter", "ab", code=2).stderr


def test_a_pipe_takes_a_header_and_words(tmp_path):
    options = ["stream", "-", "--inputs", "2", "--neurons", "2", "--label", "kind", "--json"]
    assert json.loads(run(*options, input=TRAIN).stdout)["classes"] == ["cat", "dog"]
    refused = run(*options, input="1,2,cat\n", code=2).stderr
    assert "the label's column must be one of '1', '2', 'cat', got 'kind'" in refused


def test_names_that_come_again_are_counted(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\na,b\n3,4\n")
    options = ["stream", tmp_path / "a.csv", "--neurons", "2"]
    assert "line 3: it repeats the names of the columns" in run(*options, code=2).stderr
    assert json.loads(run(*options, "--skip-bad", "--json").stdout)["bad_lines"] == 1


def test_a_fifo_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    assert "must be a regular file, got a pipe; only - is a pipe" in run("stream", tmp_path / "a.csv", code=2).stderr


ROWS = "1,2,x\n3,1,y\n5,4,x\n2,2,y\n"


def test_columns_in_another_order_are_refused_wherever_two_streams_meet(tmp_path):
    train, turned, state = tmp_path / "train.csv", tmp_path / "turned.csv", tmp_path / "chip.h5"
    train.write_text("a,b,label\n" + ROWS)
    turned.write_text("b,a,label\n" + ROWS)
    lines = ["--label", "label"]
    learned = ["stream", train, *lines, "--neurons", "3", "--state", state, "--keep-readout"]
    rule = "columns of turned.csv must be those of "
    assert rule + "train.csv, in the same order" in invoke(*learned, "--test", turned, code=2).stderr
    invoke(*learned, "--test", train)
    assert rule in invoke("predict", state, turned, *lines, "--out", tmp_path / "out.csv", code=2).stderr
    assert rule in invoke("judge", state, "--train", train, "--test", turned, *lines, code=2).stderr
    invoke("predict", state, train, *lines, "--out", tmp_path / "out.csv")


def test_a_pipe_goes_on_with_numbers_where_labels_were_numbers(tmp_path):
    run = ["stream", "-", "--inputs", "2", "--label", "-1", "--neurons", "3", "--state", tmp_path / "chip.h5"]
    invoke(*run, stdin="1,2,1\n3,1,0\n")
    assert "a label must be a whole number from 0" in invoke(*run, stdin="1,2,x\n", code=2).stderr
    invoke(*run, stdin="1,2,2\n")
