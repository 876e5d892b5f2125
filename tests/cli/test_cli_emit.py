"""`neurosim stream --emit`: a record of each sample on standard output, as a filter in a pipeline writes it."""

import json
import os
import pty
import random
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
from commands import invoke
from processes import COMMAND, wait_until, waits_for_input

import neurosim as ns
from neurosim.cli import emitting

ROWS = np.random.default_rng(0).integers(1, 9, (300, 2)).astype(np.float32)
LINES = [b"%d,%d\n" % tuple(row) for row in ROWS]
PIPE = ("stream", "-", "--inputs", 2, "--neurons", 3, "--seed", 5)
EMIT = ("--emit", "winner,response")
POLL = {"7", "271", "73"}  # numbers of the system calls, on x86-64 and on ARM


@contextmanager
def filtering(*words):
    """Give a filter, which is gone at the end."""
    command = [*COMMAND, *map(str, words)]
    files = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, bufsize=0, **files) as process:
        try:
            yield process
        finally:
            process.kill()


def chip_of(count=300):
    return ns.Chip([ns.recipes.softhebb(3)], inputs=2, seed=5).learn(ROWS[:count])


def summary_of(result):
    """Return the summary on standard error, which may tell of compiling before."""
    return json.loads(result.stderr.splitlines()[-1])


def winners(count):
    chip = ns.Chip([ns.recipes.softhebb(3)], inputs=2, seed=5)
    return [chip.learn_one(row).winner for row in ROWS[:count]]


@contextmanager
def watched(process, seconds=300):
    """A context in which the process is killed if it takes very long."""
    watchdog = threading.Timer(seconds, process.kill)
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()


def line_of(process):
    """Return the next line, which must come while the filter waits for more input."""
    with watched(process):
        return process.stdout.readline()


def ended(process):
    """Wait for the end; return exit code and standard error."""
    with watched(process):
        errors = process.stderr.read().decode()
        return process.wait(), errors


@pytest.mark.parametrize("form", ["csv", "ndjson", "packed"])
def test_records_say_of_each_line_what_the_chip_says(form, tmp_path):
    state = tmp_path / "chip.h5"
    result = invoke(*PIPE, *EMIT, "--emit-format", form, "--state", state, "--json", stdin=b"".join(LINES))
    out = result.stdout_bytes
    if form == "packed":
        found = np.frombuffer(out, [("sample", "<i8"), ("winner", "<i8"), ("response", "<f4", (3,))])["winner"].tolist()
    elif form == "csv":
        assert out.startswith(b"sample,winner,response_0,response_1,response_2\n0,")
        found = [int(line.split(b",")[1]) for line in out.splitlines()[1:]]
    else:
        found = [json.loads(line)["winner"] for line in out.splitlines()]
    assert found == winners(len(ROWS))
    summary = summary_of(result)
    assert summary["records"] == summary["samples"] == len(ROWS)
    assert summary["state_sha256"] == ns.Chip.load(state).state_sha256 == chip_of().state_sha256


def test_a_record_comes_while_the_next_line_is_waited_for_and_a_signal_ends_it(tmp_path):
    with filtering(*PIPE, *EMIT, "--state", tmp_path / "chip.h5") as process:
        assert line_of(process) == b"sample,winner,response_0,response_1,response_2\n"  # before the first sample
        for number, (line, winner) in enumerate(zip(LINES[:20], winners(20), strict=True)):
            process.stdin.write(line)
            assert line_of(process).startswith(b"%d,%d," % (number, winner))
        process.stdin.write(LINES[20][:2])  # the beginning of a line is no sample
        wait_until(waits_for_input(process), process)
        process.send_signal(signal.SIGINT)
        code, errors = ended(process)
        assert (code, process.stdout.read()) == (128 + signal.SIGINT, b"")
    assert "20 on standard output" in errors
    assert ns.Chip.load(tmp_path / "chip.h5").state_sha256 == chip_of(20).state_sha256


def test_a_resumed_filter_counts_on(tmp_path):
    state = tmp_path / "chip.h5"
    for part in (LINES[:50], LINES[50:80]):
        out = invoke(*PIPE, *EMIT, "--state", state, stdin=b"".join(part)).stdout
    assert [int(line.split(",")[0]) for line in out.splitlines()[1:]] == list(range(50, 80))
    assert ns.Chip.load(state).state_sha256 == chip_of(80).state_sha256


def test_a_reader_that_goes_away_ends_it_well(tmp_path):
    state = tmp_path / "chip.h5"
    with filtering(*PIPE, *EMIT, "--state", state) as process:
        line_of(process)
        process.stdin.write(LINES[0])
        line_of(process)
        process.stdout.close()
        process.stdin.write(LINES[1])  # and the pipe brings nothing more
        code, errors = ended(process)
    assert code == 0
    assert "standard output was closed by its reader" in errors
    assert "Traceback" not in errors
    assert ns.Chip.load(state).state_sha256 == chip_of(2).state_sha256


@pytest.mark.slow
def test_head_takes_three_lines_and_the_state_is_whole(tmp_path):
    state = tmp_path / "chip.h5"
    words = " ".join(map(str, [*COMMAND[1:], "stream", "digits", "--neurons", 4, *EMIT, "--state", state]))
    shell = f"{sys.executable} {words} | head -3; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, check=True, text=True, timeout=300)
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == ["sample", "0", "1", "0"]
    kept, chip = ns.Chip.load(state), ns.Chip([ns.recipes.softhebb(4)], inputs=64)
    assert chip.learn(next(ns.open_stream("digits").blocks(size=kept.samples)).samples).state_sha256 \
        == kept.state_sha256  # fmt: skip


@pytest.mark.slow
def test_after_kills_no_record_is_missing_and_those_that_come_twice_are_the_same(tmp_path):
    state, draw = tmp_path / "chip.h5", random.Random(0)
    words = ("stream", "digits", "--epochs", 8, "--neurons", 4, *EMIT, "--snapshot-samples", 90, "--state", state)
    whole = invoke("stream", "digits", "--epochs", 8, "--neurons", 4, *EMIT).stdout.encode().splitlines()[1:]
    told, kills = {}, 0
    while len(told) < len(whole):
        with filtering(*words) as process:
            line_of(process)
            with watched(process):
                lines = list(islice(process.stdout, draw.randrange(1, 3000)))
                process.kill()
                lines += process.stdout.readlines()
        kills += process.returncode != 0
        lines = [line for line in lines if line.endswith(b"\n")]  # the last one may be cut
        assert int(lines[0].split(b",")[0]) <= len(told)  # none is missing
        for line in lines:
            number = int(line.split(b",")[0])
            assert line.rstrip(b"\n") == told.setdefault(number, line.rstrip(b"\n")) == whole[number]
    assert kills > 2
    assert sorted(told) == list(range(len(whole)))


@pytest.mark.slow
def test_a_reader_that_does_not_read_holds_up_no_signal(tmp_path):
    state = tmp_path / "chip.h5"
    words = ("stream", "digits", "--epochs", 1000, "--neurons", 4, *EMIT, "--state", state)
    with filtering(*words) as process:
        line_of(process)

        def stands_still():  # waits for space in a pipe that nobody reads
            with open(f"/proc/{process.pid}/syscall") as call:
                return call.read().split()[0] in POLL

        wait_until(stands_still, process)
        process.send_signal(signal.SIGTERM)
        code, errors = ended(process)
    assert code == 128 + signal.SIGTERM
    assert "nobody read standard output, so the records of the last " in errors
    assert ns.Chip.load(state).samples > 0


@pytest.mark.parametrize("chunk", [1, 5, "auto"])
@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_taken_together_changes_no_record(chunk, threads):
    words = ("stream", "-", "--inputs", 2, "--neurons", "3,2", *EMIT, "--chunk", chunk, "--threads", threads)
    out = invoke(*words, stdin=b"".join(LINES[:60])).stdout
    chip, expected = ns.Chip([ns.recipes.softhebb(3), ns.recipes.softhebb(2)], inputs=2), []
    for row in ROWS[:60]:
        expected.append(chip.learn_one(row))
    rows = [line.split(",") for line in out.splitlines()[1:]]
    assert [(int(number), int(winner)) for number, winner, *_ in rows] == [
        (number, found.winner) for number, found in enumerate(expected)
    ]
    for (_, _, *cells), found in zip(rows, expected, strict=True):
        assert np.array(cells, np.float32).tobytes() == found.responses.tobytes()


def test_lines_that_are_refused_or_malformed_have_no_record():
    stdin = b"1,2\nx,y\n3,4\n-1,2\n5,6\n"
    result = invoke(*PIPE, "--emit", "winner", "--skip-bad", "--json", stdin=stdin)
    assert [line.split(",")[0] for line in result.stdout.splitlines()] == ["sample", "0", "1", "3"]
    summary = summary_of(result)
    assert (summary["bad_lines"], summary["refused_samples"], summary["records"]) == (1, 1, 3)
    result = invoke(*PIPE, "--emit", "winner", stdin=stdin, code=2)
    assert [line.split(",")[0] for line in result.stdout.splitlines()] == ["sample", "0"]
    assert result.stderr.startswith("Error: -, line 2")


def test_labels_are_told_by_their_names():
    stdin = b'1,2,cat\n3,4,"a, b"\n5,6,\n7,8,cat\n'
    out = invoke(*PIPE, "--label", -1, "--emit", "label,winner", stdin=stdin).stdout
    assert [line.rpartition(",")[0] for line in out.splitlines()[1:]] == ["0,cat", '1,"a, b"', "2,", "3,cat"]
    out = invoke(*PIPE, "--label", -1, "--skip-bad", "--emit", "label", "--emit-format", "ndjson", stdin=stdin).stdout
    assert [json.loads(line)["label"] for line in out.splitlines()] == ["cat", "a, b", None, "cat"]


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    path = tmp_path_factory.mktemp("frozen") / "chip.h5"
    invoke(*PIPE, "--state", path, stdin=b"".join(LINES))
    return path


def test_a_frozen_chip_responds_and_its_state_stays(state):
    before, chip = state.read_bytes(), ns.Chip.load(state)
    words = ("stream", "-", "--state", state, "--respond", "--emit", "winner,response,output", "--json")
    result = invoke(*words, stdin=b"".join(LINES[:90]))
    rows = [line.split(",") for line in result.stdout.splitlines()[1:]]
    wanted = chip.respond(ROWS[:90])
    assert [(int(row[0]), int(row[1])) for row in rows] == list(enumerate(wanted.winner.tolist()))
    assert np.array([row[2:5] for row in rows], np.float32).tobytes() == wanted.responses.tobytes()
    assert np.array([row[5:] for row in rows], np.float32).tobytes() == wanted.output.tobytes()
    assert state.read_bytes() == before
    summary = summary_of(result)
    assert summary["state_sha256"] == chip.state_sha256
    assert (summary["samples"], summary["snapshots"]) == (90, 0)


def test_a_new_chip_that_is_frozen(tmp_path):
    out = invoke(*PIPE, "--respond", "--emit", "winner", stdin=b"".join(LINES[:20])).stdout
    chip = ns.Chip([ns.recipes.softhebb(3)], inputs=2, seed=5)
    assert [int(line.split(",")[1]) for line in out.splitlines()[1:]] == chip.respond(ROWS[:20]).winner.tolist()


@pytest.mark.parametrize(("words", "message"), [
    (("--emit", "foo"), "emit must be some of winner, response, "),
    (("--emit", "winner,winner"), "each once, got 'winner'"),
    (("--emit", ""), "emit must be some of "),
    (("--emit", "winner,"), "emit must be some of "),
    (("--emit-format", "csv"), "emit_format must be left out without --emit"),
    (("--emit", "winner", "--emit-format", "xml"), "'xml' is not one of"),
    (("--respond",), "respond must come with --emit"),
    (("--respond", "--emit", "winner", "--test", "digits"), "test must be left out with --respond"),
    (("--respond", "--emit", "winner", "--set", "rate=1"), "constant_changes must be left out with --respond"),
    (("--respond", "--emit", "winner", "--state", "absent.h5"), "state must be there for --respond"),
    (("--respond", "--emit", "winner", "--state", "STATE", "--neurons", "7"), "neurons must be left out with --state"),
    (("--respond", "--emit", "winner", "--state", "STATE", "--restart"), "restart must be left out with --respond"),
    (("--respond", "--emit", "winner", "--state", "STATE", "--inputs", "3"), "must have 2 inputs, got 3"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused_in_one_line(words, message, state):
    words = [str(state) if word == "STATE" else word for word in words]
    inputs = () if "--inputs" in words or "--state" in words else ("--inputs", 2)
    result = invoke("stream", "-", *inputs, *words, stdin=b"".join(LINES[:3]), code=2)
    assert message in result.stderr
    assert result.stdout == ""
    assert len([line for line in result.stderr.splitlines() if "rror" in line]) == 1


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_full_disk_is_one_line(tmp_path):
    words = [*COMMAND, "stream", "digits", *EMIT, "--state", str(tmp_path / "chip.h5")]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, check=False, text=True, timeout=300)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("Error: standard output must be writable, and is not")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_no_bar_stands_between_records_on_a_terminal():
    ours, theirs = pty.openpty()
    words, shown = [*COMMAND, "stream", "digits", "--neurons", "3", "--emit", "winner"], b""
    with subprocess.Popen(words, stdout=theirs, stderr=theirs) as process, watched(process):
        os.close(theirs)
        with suppress(OSError):  # at the end
            while piece := os.read(ours, 1 << 16):
                shown += piece
    os.close(ours)
    lines = shown.split(b"\r\n")
    assert [line.split(b",")[0] for line in lines[:1798]] == [b"sample", *(b"%d" % i for i in range(1797))]
    assert b"\r" not in b"".join(lines)


def test_standard_output_that_is_closed_is_refused(monkeypatch):
    monkeypatch.setattr(emitting, "sys", SimpleNamespace(stdout=None))
    assert "standard output must be open for --emit" in invoke("stream", "digits", *EMIT, code=2).stderr


def test_a_summary_on_standard_output_is_as_it_was():
    assert "records" not in json.loads(invoke("stream", "digits", "--json").stdout)
