"""The commands as a user meets them: results, refusals in one line, signals, pipes."""

import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import processes
import pytest
from commands import invoke, stream
from processes import wait_until, waits_for_input
from thinned import few_of

import neurosim as ns
from neurosim.cli.compiled_code import kernel_folders
from neurosim.state import store


def test_the_main_job_learns_and_says_what_came_of_it():
    summary = stream("digits:train", "--test", "digits:test")
    assert summary["samples"] == summary["stream_position"] == 1437
    assert summary["samples_per_s"] > 0
    assert list(summary["latency_s"]) == ["p50", "p95", "p99", "p999"]
    assert 0 < summary["latency_s"]["p50"] <= summary["latency_s"]["p999"]
    assert summary["never_won"] == summary["never_won_frozen"] == 0
    assert summary["winner_accuracy"] > 0.8
    assert summary["readout_accuracy"] > 0.85
    assert summary["test_samples"] == 360
    assert len(summary["state_sha256"]) == 64


def test_people_get_a_table():
    shown = invoke("stream", "digits:train", "--test", "digits:test").stdout
    for words in (
        "1,437 (at 1,437 of the stream)",
        "samples/s",
        "p999",
        "by the winner's label",
        "by a linear readout",
    ):
        assert words in shown


@pytest.mark.parametrize("options", [
    ["--chunk", "7"], ["--chunk", "256"], ["--threads", "2", "--chunk", "7"], ["--chunk", "1"], ["--chunk", "auto"],
    ["--chunk", "auto", "--threads", "2"],
])  # fmt: skip
def test_chunk_and_threads_change_nothing(options):
    plain = stream("digits", "--neurons", "30,10")
    assert stream("digits", "--neurons", "30,10", *options)["state_sha256"] == plain["state_sha256"]


def test_it_resumes_by_itself_and_has_nothing_left_to_do(tmp_path):
    state = tmp_path / "chip.h5"
    whole = stream("digits", "--epochs", "2", "--shuffle", "3")
    first = stream("digits", "--shuffle", "3", "--state", state)
    assert first["stream_position"] == 1797
    second = stream("digits", "--epochs", "2", "--shuffle", "3", "--state", state)
    assert (second["samples"], second["stream_position"]) == (1797, 3594)
    assert second["state_sha256"] == whole["state_sha256"]
    third = stream("digits", "--epochs", "2", "--shuffle", "3", "--state", state)
    assert (third["samples"], third["state_sha256"]) == (0, whole["state_sha256"])
    assert third["snapshots"] == 0
    again = stream("digits", "--shuffle", "3", "--state", state, "--restart")
    assert again["state_sha256"] == first["state_sha256"]


def test_snapshots_come_as_often_as_asked(tmp_path):
    summary = stream("digits", "--state", tmp_path / "chip.h5", "--snapshot-samples", "500")
    assert summary["snapshots"] == 4  # at 500, 1000 and 1500, and at the end
    assert summary["snapshot_s"] > 0


@pytest.mark.parametrize(("options", "words"), [
    (["digits", "--neurons", "9"], "neurons is [100] there, [9] here"),
    (["digits", "--seed", "1"], "seed is 0 there, 1 here"),
    (["digits", "--gain", "2"], "relative_temperature is 0.025 there, gain 2.0 here"),
    (["digits", "--temperature", "0.02"], "relative_temperature is 0.025 there, temperature 0.02 here"),
    (["digits", "--relative-temperature", "0.02"], "relative_temperature is 0.025 there, 0.02 here"),
    (["digits", "--rate", "0.5"], "there, 0.5 here"),
    (["digits", "--window", "5"], "window is 1 there, 5 here"),
    (["digits", "--weight-bits", "5"], "weight_bits is None there, 5 here"),
    (["digits", "--shuffle", "1"], "stream order is stored there, shuffled by seed 1 here"),
    (["digits:train"], "stream name is digits there, digits:train here"),
])  # fmt: skip
def test_another_chip_or_stream_is_refused(tmp_path, options, words):
    state = tmp_path / "chip.h5"
    stream("digits", "--state", state)
    whole = state.read_bytes()
    result = invoke("stream", *options, "--state", state, code=2)
    assert words in result.stderr
    assert "or give --restart" in result.stderr
    assert result.stderr.count("\n") == 1
    assert state.read_bytes() == whole


def test_synapses_of_few_bits_learn_go_on_and_are_shown(tmp_path):
    state = tmp_path / "chip.h5"
    whole = stream("digits", "--weight-bits", "4", "--epochs", "2", "--chunk", "256")
    first = stream("digits", "--weight-bits", "4", "--state", state)
    assert first["state_sha256"] != stream("digits")["state_sha256"]
    again = stream("digits", "--epochs", "2", "--state", state)
    assert again["state_sha256"] == whole["state_sha256"]
    assert "weight_bits=4" in invoke("inspect", state).stdout
    refused = invoke("stream", "digits", "--weight-bits", "8", "--state", state, code=2).stderr
    assert "weight_bits is 4 there, 8 here" in refused


def test_inspect_shows_what_is_there(tmp_path):
    state = tmp_path / "chip.h5"
    summary = stream("digits", "--neurons", "30,10", "--state", state)
    held = json.loads(invoke("inspect", state, "--json").stdout)
    assert held["state_sha256"] == summary["state_sha256"]
    assert held["stream_position"] == 1797
    assert [layer["constants"]["neurons"] for layer in held["layers"]] == [30, 10]
    assert held["layers"][0]["samples"] == 1797
    shown = invoke("inspect", state).stdout
    for words in (
        "digits, stored order, at 1,797",
        "64 inputs -> 30 neurons",
        "relative_temperature=0.025)",
        "normalise=sample",
    ):
        assert words in shown


@pytest.fixture
def bad(tmp_path):
    """Make files that are wrong each in one way."""
    good = np.ones((4, 3), np.float32)
    files = {
        "nan": (np.where(np.eye(4, 3) > 0, np.nan, good), None),
        "inf": (np.where(np.eye(4, 3) > 0, np.inf, good), None),
        "negative": (-good, None),
        "labels": (good, [0, 1, -2, 2]),
        "empty": (np.empty((0, 3)), None),
    }
    for name, (samples, labels) in files.items():
        np.savez(tmp_path / f"{name}.npz", samples=samples, **({} if labels is None else {"labels": labels}))
    (tmp_path / "short.csv").write_text("1,2,3\n1,2")
    (tmp_path / "text.h5").write_text("not an HDF5 file")
    return tmp_path


@pytest.mark.parametrize(("arguments", "words"), [
    (["nan.npz"], "input 0 of layer 1 must be finite, got nan"),
    (["inf.npz"], "input 0 of layer 1 must be finite, got inf"),
    (["negative.npz"], "input 0 of layer 1 must be at least 0"),
    (["labels.npz"], "label 2 of labels.npz must be a whole number from 0 to 2147483647, or -1 or NaN for none"),
    (["empty.npz"], "must hold at least one sample"),
    (["text.h5"], "must be an HDF5 file"),
    (["digits", "--inputs", "9"], "must have the 9 inputs asked for, got 64"),
    (["nonsense"], "source must be one of digits"),
    (["none.csv"], "there is none at"),
    (["digits", "--temperature", "0"], "temperature must be positive, got 0.0"),
    (["digits", "--temperature", "-1"], "temperature must be positive, got -1.0"),
    (["digits", "--gain", "1"], "gain must be above 1, got 1.0"),
    (["digits", "--temperature", "1", "--gain", "2"], "relative_temperature must be given, exactly one of the three"),
    (["digits", "--neurons", "0"], "neurons must be a whole number of at least 1, got 0"),
    (["digits", "--neurons", "10,x"], "must be whole numbers between commas, got '10,x'"),
    (["digits", "--rate", "-1"], "rate must be at least 0, got -1.0"),
    (["digits", "--rate", "nan"], "rate must be at least 0, got nan"),
    (["digits", "--weight-bits", "1"], "weight_bits must be a whole number of at least 2, got 1"),
    (["digits", "--weight-bits", "4", "--window", "2"], "window must be 1 with weight_bits, got 2"),
    (["digits", "--recipe", "hebb", "--weight-bits", "4"], "renormalise must be False with weight_bits, got True"),
    (["digits", "--seed", "-1"], "seed must be a whole number of at least 0, got -1"),
    (["digits", "--epochs", "0"], "epochs must be a whole number of at least 1, got 0"),
    (["digits", "--chunk", "0"], "chunk must be a whole number of at least 1, got 0"),
    (["digits", "--chunk", "all"], "chunk must be auto, or a whole number of at least 1, got 'all'"),
    (["digits", "--chunk", "1.5"], "chunk must be auto, or a whole number of at least 1, got '1.5'"),
    (["digits", "--chunk", ""], "chunk must be auto, or a whole number of at least 1, got ''"),
    (["digits", "--threads", "0"], "threads must be a whole number of at least 1, got 0"),
    (["digits", "--snapshot-seconds", "-1"], "snapshot_seconds must be at least 0, got -1.0"),
    (["digits", "--test", "nan.npz"], "got 3"),
    (["digits", "--test", "none.csv"], "there is none at"),
    (["-"], "with inputs (--inputs)"),
    (["-", "--inputs", "3"], "- must hold at least one sample, got none"),
    (["-", "--inputs", "3", "--test", "digits"], "test must be left out for a pipe"),
    (["digits", "--normalise", "twice"], "'twice' is not one of"),
    (["digits", "--neurons", "2000000000"], "the chip must fit the memory"),
    (["digits", "--neurons", "99999999999"], "neurons must be a whole number of at most 2147483647"),
    (["digits", "--window", str(10**29)], "window must be a whole number of at most 4096"),
    (["digits", "--shuffle", str(10**29)], "shuffle must be a whole number of at most"),
    (["x" * 300 + ".csv"], "must be readable"),
    (["digits", "surplus"], "unexpected extra argument"),
    (["digits", "--nonsense"], "No such option"),
    ([], "Missing argument 'SOURCE'"),
])  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_2_and_nothing_is_written(bad, arguments, words):
    before = sorted(bad.iterdir())
    result = invoke("stream", *arguments, "--root", bad, "--state", bad / "state.h5", code=2, stdin="")
    assert words in result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert sorted(bad.iterdir()) == before


@pytest.mark.parametrize(("lines", "words", "learned"), [
    ("1,2\n3,4\n-1,2\n5,6\n", "sample 2, input 0 of layer 1 must be at least 0", 2),
    ("1,2\n3,4,5\n", "line 2: a sample must have 2 inputs, got 3", 1),
    ("1,2\nx,y\n", "line 2: column 0 must be a decimal number", 1),
])  # fmt: skip
@pytest.mark.parametrize("options", [[], ["--chunk", "100"], ["--threads", "2", "--neurons", "4,3"]])
def test_bad_input_amid_the_stream_keeps_what_was_learned_before(tmp_path, lines, words, learned, options):
    state = tmp_path / "chip.h5"
    result = invoke("stream", "-", "--inputs", "2", "--state", state, *options, stdin=lines, code=2)
    assert words in result.stderr
    assert "--skip-bad" in result.stderr
    counted = f"samples learned in this run before: {learned}; " if learned else ""
    assert f"{counted}the state has all that was learned before, up to sample {learned}: {state}" in result.stderr
    assert result.stderr.count("\n") == 1
    assert ns.Chip.load(state).samples == store.read(state).position == learned


@pytest.mark.parametrize("command", ["stream digits --state", "inspect"])
def test_a_damaged_state_is_one_line_that_offers_the_one_before(tmp_path, command):
    state = tmp_path / "chip.h5"
    stream("digits", "--state", state)
    stream("digits", "--epochs", "2", "--state", state)
    state.write_bytes(state.read_bytes()[:-5])
    result = invoke(*command.split(), state, code=2)
    assert "it is damaged" in result.stderr
    assert "chip.h5.previous, is whole, at sample 1797" in result.stderr
    assert result.stderr.count("\n") == 1


def test_weights_that_diverge_have_their_own_exit_code():
    result = invoke("stream", "digits", "--normalise", "none", "--rate", "3e38", "--temperature", "3e38", code=3)
    assert "layer 1, neuron 0: weights and potentials must stay finite" in result.stderr
    assert "float32's range at sample 0" in result.stderr


def test_a_pipe_goes_on_or_replays(tmp_path):
    rows = np.random.default_rng(0).random((20, 3)).round(3)
    lines = "\n".join(",".join(map(str, row)) for row in rows) + "\n"
    options = ["-", "--inputs", "3", "--neurons", "5", "--state"]
    whole = stream(*options, tmp_path / "whole.h5", stdin=lines)
    half = lines[: len(lines) // 2].rpartition("\n")[0] + "\n"
    stream(*options, tmp_path / "live.h5", stdin=half)
    live = invoke("stream", *options, tmp_path / "live.h5", "--json", stdin=lines[len(half) :])
    assert "what the pipe brings" in live.stderr
    assert json.loads(live.stdout)["state_sha256"] == whole["state_sha256"]
    stream(*options, tmp_path / "again.h5", stdin=half)
    again = stream(*options, tmp_path / "again.h5", "--replay", stdin=lines)
    assert again["state_sha256"] == whole["state_sha256"]
    assert again["stream_position"] == 20


def test_bad_lines_are_passed_over_if_asked():
    summary = stream("-", "--inputs", "2", "--neurons", "3", "--skip-bad", stdin="1,2\nx\n3,4\n5\n")
    assert (summary["samples"], summary["bad_lines"]) == (2, 2)


@pytest.mark.parametrize("options", [[], ["--chunk", "100"]])
def test_a_run_whose_samples_were_all_refused_says_so(options):
    wanted = ["stream", "-", "--inputs", "2", "--neurons", "3", "--skip-bad", "--json", *options]
    result = invoke(*wanted, stdin="-1,2\n3,-4\n")
    assert "Warning: all 2 samples were refused, so nothing was learned; the last: sample 1, input 1" in result.stderr
    assert "--initial samples" in result.stderr
    assert json.loads(result.stdout)["samples"] == 0
    assert "were refused" not in invoke(*wanted, stdin="-1,2\n3,4\n").stderr


def test_samples_that_the_chip_refuses_are_bad_too(tmp_path):
    lines = "1,2\n-1,2\nx\n3,1e38\n3,4\n3,-1\n"
    options = ["-", "--inputs", "2", "--neurons", "3", "--skip-bad", "--state", tmp_path / "chip.h5"]
    summary = stream(*options, stdin=lines)
    assert (summary["samples"], summary["bad_lines"], summary["refused_samples"]) == (2, 1, 3)
    assert summary["stream_position"] == 5
    again = stream(*options, "--replay", stdin=lines + "5,6\n")
    assert (again["samples"], again["refused_samples"], again["stream_position"]) == (1, 0, 6)
    shown = invoke("stream", *options[:-2], stdin=lines).stdout
    assert "bad lines  1 passed over" in shown
    assert "refused  3 samples passed over" in shown


def test_zeros_are_counted():
    summary = stream("-", "--inputs", "2", "--neurons", "3", stdin="1,2\n0,0\n")
    assert (summary["samples"], summary["blank_samples"]) == (2, 1)


def test_a_chip_saved_from_python_goes_on_any_stream(tmp_path, make_chip):
    make_chip(7).save(tmp_path / "chip.h5")
    assert stream("digits", "--state", tmp_path / "chip.h5")["samples"] == 1797


COMMAND = [*processes.COMMAND, "stream"]


def is_learning(state):
    """Return a condition: the first snapshot is there, so the signals are in the run's hands."""
    return state.exists


@pytest.mark.parametrize(
    ("number", "code"),
    few_of([(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]),
)
def test_a_signal_writes_the_state_and_has_its_exit_code(tmp_path, number, code):
    state = tmp_path / "chip.h5"
    command = [*COMMAND, "digits", "--epochs", "100000", "--state", str(state), "--json", "--snapshot-samples", "500"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(is_learning(state), process)
    process.send_signal(number)
    out, err = process.communicate(timeout=300)
    assert process.returncode == code, err
    assert err == ""
    summary = json.loads(out)
    assert summary["interrupted"]
    assert ns.Chip.load(state).samples == summary["stream_position"] == summary["samples"] > 0


@pytest.mark.parametrize("number", few_of([signal.SIGTERM, signal.SIGINT, signal.SIGHUP]))
def test_a_signal_at_the_end_of_the_process_changes_nothing(number):
    # What a process does last, it does in functions that `atexit` knows: one of them sends the signal here.
    program = (
        f"import atexit, os; atexit.register(os.kill, os.getpid(), {int(number)})\n"
        "import sys; sys.argv = ['neurosim', 'stream', 'digits', '--neurons', '3', '--json']\n"
        "from neurosim.cli import entry; entry()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["interrupted"] is False


@pytest.mark.slow
def test_a_signal_during_the_evaluation_keeps_what_was_learned(tmp_path):
    (tmp_path / "a.csv").write_text("1,2,0\n2,1,1\n" * 60_000)
    command = [*COMMAND, "a.csv", "--label", "-1", "--test", "a.csv", "--root", str(tmp_path), "--json"]
    command += ["--neurons", "3", "--chunk", "1000", "--snapshot-seconds", "0", "--state", str(tmp_path / "chip.h5")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(is_learning(tmp_path / "chip.h5"), process)  # without other snapshots, written when learning is done
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (130, "")
    summary = json.loads(out)
    assert summary["interrupted"]
    assert summary["samples"] == 120_000
    assert summary["winner_accuracy"] is None


def test_an_error_in_the_evaluation_keeps_what_was_learned(tmp_path):
    np.savez(tmp_path / "one.npz", x=np.ones((5, 64)), y=np.zeros(5))
    result = invoke("stream", "one.npz", "--test", "one.npz", "--root", tmp_path, "--json", code=2)
    assert json.loads(result.stdout)["samples"] == 5
    assert "two classes at least" in result.stderr


def test_interrupted_before_the_first_sample_the_state_is_written_too(tmp_path):
    state = tmp_path / "chip.h5"
    command = [*COMMAND, "-", "--inputs", "2", "--neurons", "3", "--state", str(state)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(waits_for_input(process), process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=300) == 143
    process.communicate()
    assert ns.Chip.load(state).samples == 0


def test_a_chunk_of_a_pipe_that_is_not_full_is_not_lost_by_a_signal(tmp_path):
    state = tmp_path / "chip.h5"
    command = [
        *COMMAND,
        "-",
        "--inputs",
        "2",
        "--neurons",
        "3",
        "--chunk",
        "10",
        "--state",
        str(state),
        "--snapshot-samples",
        "20",
    ]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdin.write("1,2\n" * 25)
    process.stdin.flush()
    wait_until(waits_for_input(process), process)  # all 25 lines are read, and 20 of them learned
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=300) == 130
    process.communicate()
    assert ns.Chip.load(state).samples == 25


@pytest.mark.slow
def test_without_a_terminal_a_hangup_is_ignored(tmp_path):
    state = tmp_path / "chip.h5"
    command = [*COMMAND, "-", "--inputs", "2", "--neurons", "3", "--state", str(state)]
    quiet = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(["nohup", *command], **quiet)
    wait_until(waits_for_input(process), process)
    assert processes.ignores(process, signal.SIGHUP)()
    process.send_signal(signal.SIGHUP)
    process.communicate("1,2\n", timeout=300)
    assert process.returncode == 0
    assert ns.Chip.load(state).samples == 1


def test_sigusr1_takes_a_snapshot_and_the_run_goes_on(tmp_path):
    state = tmp_path / "chip.h5"
    command = [*COMMAND, "-", "--inputs", "2", "--neurons", "3", "--json"]
    quiet = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # Without a state there is nothing to take, and nothing ends.
    for options in (["--state", str(state), "--snapshot-seconds", "0"], []):
        process = subprocess.Popen([*command, *options], **quiet)
        process.stdin.write("1,2\n3,4\n")
        process.stdin.flush()
        wait_until(waits_for_input(process), process)
        process.send_signal(signal.SIGUSR1)
        if options:
            wait_until(state.exists, process)
            assert ns.Chip.load(state).samples == store.read(state).position == 2
        out, err = process.communicate("5,6\n", timeout=300)
        assert (process.returncode, err) == (0, "")
        assert json.loads(out)["samples"] == 3
    assert ns.Chip.load(state).samples == 3


def test_a_silent_pipe_is_snapshotted_by_the_clock(tmp_path):
    state = tmp_path / "chip.h5"
    command = [*COMMAND, "-", "--inputs", "2", "--neurons", "3", "--state", str(state), "--snapshot-seconds", "0.1"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdin.write("1,2\n3,4\n")
    process.stdin.flush()
    wait_until(lambda: state.exists() and store.read(state).position == 2, process)
    process.kill()
    process.communicate()
    assert ns.Chip.load(state).samples == 2


def test_a_signal_when_all_is_done_changes_nothing(tmp_path, monkeypatch):
    state, save = tmp_path / "chip.h5", ns.Chip.save

    def saved(chip, *arguments, **options):
        os.kill(os.getpid(), signal.SIGINT)
        save(chip, *arguments, **options)

    monkeypatch.setattr(ns.Chip, "save", saved)
    summary = stream("digits", "--state", state)
    assert not summary["interrupted"]
    assert ns.Chip.load(state).samples == summary["samples"] == 1797


@pytest.mark.parametrize(("redirection", "words"), [
    ("> /dev/full", "standard output must be writable, and is not"),
    ("<&-", "- must be a standard input that is open, and it is closed"),
])  # fmt: skip
def test_closed_and_full_ends_are_said(redirection, words):
    source = "- --inputs 2" if "<" in redirection else "digits"
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m neurosim stream {source} {redirection}"], stderr=-1, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


FIND_CACHE = """
import os
from neurosim.cli.compiled_code import find_cache
os.access = lambda path, mode: {writable}
find_cache()
print(os.environ.get("NUMBA_CACHE_DIR"))
"""


def found_cache(tmp_path, writable):
    """Return the folder that `find_cache` names, where `writable` is what the system says of a path."""
    environment = os.environ | {"HOME": "/nonexistent", "TMPDIR": str(tmp_path)}
    environment.pop("NUMBA_CACHE_DIR", None)
    environment.pop("XDG_CACHE_HOME", None)
    run = [sys.executable, "-c", FIND_CACHE.format(writable=writable)]
    return subprocess.run(run, capture_output=True, text=True, env=environment, check=True).stdout.strip()


def test_without_a_folder_for_compiled_code_it_makes_one(tmp_path):
    first = found_cache(tmp_path, "False")
    assert first == str(tmp_path / f"neurosim-cache-{os.getuid()}")
    assert os.stat(first).st_mode & 0o777 == 0o700
    os.chmod(first, 0o777)  # somebody else may have written there: not to be trusted
    second = found_cache(tmp_path, "False")
    assert second.startswith(str(tmp_path / "neurosim-cache-"))
    assert second != first


def test_each_folder_of_kernels_has_to_be_writable(tmp_path):
    folders = kernel_folders()
    assert {"conv", "dense", "shared", "kernels"} <= {folder.name for folder in folders}
    assert found_cache(tmp_path, "'kernels' in str(path)") == "None"
    for folder in folders:
        refused = f"'kernels' in str(path) and str(path) not in {(str(folder), str(folder / '__pycache__'))}"
        assert found_cache(tmp_path, refused) == str(tmp_path / f"neurosim-cache-{os.getuid()}"), folder
        assert found_cache(tmp_path, f"{refused} or str(path) == '/'") == "None"  # the user's cache can be made


def test_two_runs_on_one_state_file_are_refused(tmp_path):
    state = tmp_path / "chip.h5"
    with store.claim(state):
        result = invoke("stream", "digits", "--state", state, code=2)
    assert "must be used by one run at a time" in result.stderr


@pytest.mark.slow
def test_runs_at_the_same_time_lose_nothing(tmp_path):
    # Whoever comes second is refused before it reads the state, not after.
    state = tmp_path / "chip.h5"
    command = [*COMMAND, "-", "--inputs", "2", "--neurons", "3", "--state", str(state)]
    ends = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in ends:
        process.stdin.write("1,2\n")
    codes = [process.communicate(timeout=300) and process.returncode for process in ends]
    assert set(codes) <= {0, 2}
    assert ns.Chip.load(state).samples == codes.count(0)


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_a_state_must_have_a_name(name):
    assert "state must name a file" in invoke("stream", "digits", "--state", name, code=2).stderr
    assert "state must name a file" in invoke("inspect", name, code=2).stderr


def test_a_dangling_link_is_a_new_state_behind_it(tmp_path):
    (tmp_path / "link.h5").symlink_to("target.h5")
    stream("digits", "--state", tmp_path / "link.h5")
    assert ns.Chip.load(tmp_path / "target.h5").samples == 1797


def test_another_file_is_refused_before_learning_with_restart_too(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    result = invoke("stream", "digits", "--state", tmp_path / "mine.txt", "--restart", code=2)
    assert "is another: it is left alone" in result.stderr
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_folder_that_is_missing_is_said_before_learning(tmp_path):
    result = invoke("stream", "digits", "--state", tmp_path / "none" / "x.h5", code=2)
    assert f"must be in a folder that can be written, but the folder {tmp_path / 'none'} is missing" in result.stderr


@pytest.mark.parametrize(("options", "words"), [
    (["--replay"], "replay must be left out for a source that is no pipe, got digits"),
    (["--restart"], "restart must be left out without --state"),
    (["--snapshot-samples", "5"], "snapshot_samples must be left out without --state"),
    (["--snapshot-samples", "0"], "snapshot_samples must be left out without --state"),
    (["--snapshot-seconds", "10"], "snapshot_seconds must be left out without --state"),
])  # fmt: skip
def test_options_that_would_do_nothing_are_refused(options, words):
    assert words in invoke("stream", "digits", *options, code=2).stderr
    if options != ["--replay"]:
        return
    assert "replay must be left out without" in invoke("stream", "-", "--inputs", "2", *options, code=2).stderr


def test_fewer_epochs_than_were_learned_are_refused(tmp_path):
    stream("digits", "--epochs", "2", "--state", tmp_path / "chip.h5")
    result = invoke("stream", "digits", "--state", tmp_path / "chip.h5", code=2)
    assert "is at sample 3594, past the 1797 of the stream: ask for as many --epochs as before" in result.stderr


def test_a_signal_ends_the_wait_for_a_pipe(tmp_path):
    state = tmp_path / "chip.h5"
    command = [*COMMAND, "-", "--inputs", "2", "--neurons", "3", "--state", str(state), "--snapshot-samples", "2"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdin.write("1,2\n3,4\n")
    process.stdin.flush()
    wait_until(waits_for_input(process), process)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=300) == 130
    process.communicate()
    assert ns.Chip.load(state).samples == 2


def test_help_imports_nothing_heavy():
    probe = (
        "import sys; from click.testing import CliRunner; from neurosim.cli import main;"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0;"
        "print([name for name in ('numba', 'numpy', 'h5py', 'sklearn', 'tqdm') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=os.getcwd())
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["stream", "--help"], ["inspect", "--help"], ["data", "get", "--help"], ["--version"]]
)
def test_help_is_there(arguments):
    assert invoke(*arguments).stdout


@pytest.mark.parametrize("recipe", [
    "hard_wta", "k_wta", "hebb", "oja", "instar", "krotov_hopfield", "hebbnet", "liuson", "bcm", "eghr",
    "supervised_softhebb", "delta_readout",
])  # fmt: skip
def test_every_recipe_runs_and_goes_on(recipe, tmp_path):
    arguments = ["stream", "digits:train", "--recipe", recipe, "--neurons", "12", "--json"]
    whole = json.loads(invoke(*arguments).stdout)
    assert whole["samples"] == 1437
    state = tmp_path / "chip.h5"
    invoke("stream", "digits:train", "--recipe", recipe, "--neurons", "12", "--state", state)
    assert json.loads(invoke(*arguments, "--state", state).stdout)["state_sha256"] == whole["state_sha256"]
    other = "softhebb" if recipe != "supervised_softhebb" else "liuson"
    said = invoke("stream", "digits:train", "--recipe", other, "--state", state, code=2).stderr
    assert f"by the recipe {other} here" in said


OWN = """
import neurosim as ns

@ns.rule
def leaky(response, rate=0.1, loss=0.01):
    return 1 - loss * response, rate * response

def layer(neurons, **constants):
    return ns.DenseWTA(neurons, competition=ns.SoftWTA(temperature=0.1), rule=leaky(), renormalise=True, **constants)

def nothing(neurons):
    return neurons

def broken(neurons):
    return 1 / 0
"""


def test_a_recipe_of_ones_own_runs_goes_on_and_is_inspected(tmp_path):
    file, state = tmp_path / "mine.py", tmp_path / "chip.h5"
    file.write_text(OWN)
    first = ["stream", "digits", "--recipe", f"{file}:layer", "--neurons", "9", "--state", state]
    invoke(*first)
    invoke(*first, "--epochs", "2")
    said = invoke("stream", "digits", "--state", state, code=2).stderr
    assert "must be given with 'leaky' among them" in said
    assert said.count("\n") == 1
    invoke("inspect", state, code=2)
    shown = invoke("inspect", state, "--rules", file).stdout
    assert "OwnRule(name=leaky" in shown
    assert "3,594" in shown
    tables = ["judge", state, "--train", "digits:train", "--test", "digits:test"]
    assert "untrained" in invoke(*tables, "--rules", file).stdout


OWN_COMPETITION = """
import neurosim as ns

@ns.competition
def linear(drive, responses, *, threshold=0.1):
    for k in range(drive.size):
        responses[k] = max(drive[k] - threshold, 0.0)

def layer(neurons, **constants):
    rule = ns.SoftHebb(rate=0.1)
    return ns.DenseWTA(neurons, competition=linear(), rule=rule, normalise="sample", radius=2.0, **constants)
"""


@pytest.mark.slow
def test_a_competition_of_ones_own_runs_goes_on_and_is_used(tmp_path):
    file, state = tmp_path / "mine.py", tmp_path / "chip.h5"
    file.write_text(OWN_COMPETITION)
    first = ["stream", "digits", "--recipe", f"{file}:layer", "--neurons", "9"]
    invoke(*first, "--state", state)
    invoke(*first, "--state", state, "--epochs", "2", "--set", "threshold=0.2")
    said = invoke("stream", "digits", "--state", state, code=2).stderr
    assert "must be given with 'linear' among them, a competition of the user's own" in said
    assert said.count("\n") == 1
    shown = invoke("inspect", state, "--rules", file).stdout
    assert "OwnCompetition(name=linear" in shown
    assert "threshold, 0.2" in shown.replace("'", "")
    invoke(*first, "--state", state, "--epochs", "3", "--set", "threshold=0.2", "--keep-readout")
    invoke("predict", state, "digits:test", "--rules", file, "--out", tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_text().count("\n") > 360
    cost = invoke("cost", state, "--chip", "cmos45-fp32", "--stream", "digits:test", "--rules", file).stdout
    assert "layer 1: what competition linear computes is not counted" in cost
    assert "us" in invoke("bench", "digits:test", "--state", state, "--rules", file).stdout


@pytest.mark.parametrize(("recipe", "words"), [
    ("nowhere.py:layer", "file of recipes or rules must be there, got"),
    ("mine.py:missing", "recipe must be a function in"),
    ("mine.py:nothing", "what the recipe nothing returns must be a DenseWTA, got 9"),
    ("mine.py:broken", "return 1 / 0: ZeroDivisionError: division by zero"),
    ("syntax.py:layer", "must be Python that runs"),
    ("rule.py:layer", "rule bad must be compilable and return (decay, growth), got 'line 4 of"),
    ("exits.py:layer", "must be Python that runs"),
    ("own.py:linear", "recipe must be a function that returns a layer, got 'linear, a competition'; write a"),
    ("own.py:plain", "recipe must be a function that returns a layer, got 'plain, a rule'; write a"),
    ("nonsense", "recipe must be one of softhebb, hard_wta"),
])  # fmt: skip
def test_a_recipe_that_is_none_is_one_line(recipe, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(OWN)
    (tmp_path / "own.py").write_text(
        "import neurosim as ns\n@ns.competition\ndef linear(drive, responses):\n    responses[0] = 1.0\n"
        "@ns.rule\ndef plain(response):\n    return 1, response\n"
    )
    (tmp_path / "exits.py").write_text("import sys\nsys.exit(7)\n")
    (tmp_path / "syntax.py").write_text("def layer(:\n")
    (tmp_path / "rule.py").write_text("import neurosim as ns\n@ns.rule\ndef bad(response):\n    return response.x, 1\n")
    said = invoke("stream", "digits", "--recipe", recipe, "--neurons", "9", code=2).stderr
    assert words in said
    assert said.count("\n") == 1


def test_unstable_constants_are_warned_of_in_one_line(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import neurosim as ns\n"
        "def layer(neurons):\n"
        "    return ns.DenseWTA(neurons, competition=ns.HardWTA(), rule=ns.Hebb(rate=0.1))\n"
    )
    result = invoke("stream", "digits", "--recipe", f"{tmp_path}/mine.py:layer", "--neurons", "5,4")
    said = [line for line in result.stderr.splitlines() if line.startswith("Warning: ")]
    assert said == [
        "Warning: Hebb has no decay, so weights grow without bound: "
        "renormalise must be True or leak above 0, got False and 0.0"
    ]


def test_a_recipe_of_ones_own_may_use_its_options_as_it_likes_and_is_compared_whole(tmp_path):
    file, state = tmp_path / "mine.py", tmp_path / "chip.h5"
    file.write_text(
        "import neurosim as ns\n"
        "K = 1\n"
        "def twice(neurons, rate):\n"
        "    return ns.recipes.k_wta(2 * neurons, winners=K, rate=rate / 10)\n"
    )
    same = ["stream", "digits:train", "--recipe", f"{file}:twice", "--neurons", "5", "--rate", "1", "--state", state]
    invoke(*same)
    invoke(*same, "--epochs", "2")
    file.write_text(file.read_text().replace("K = 1", "K = 3"))
    said = invoke(*same, "--epochs", "3", code=2).stderr
    assert "competition of layer 1 is KWTA(winners=1, " in said
    assert "there, KWTA(winners=3, " in said
    invoke("stream", "digits", "--recipe", "", code=2)


def test_a_recipe_that_diverges_exits_with_3_and_says_where(tmp_path):
    said = invoke("stream", "digits:train", "--recipe", "hebb", "--rate", "1e30", "--neurons", "10", code=3).stderr
    assert re.search(r"layer 1, neuron \d+: .*at sample \d+", said)
