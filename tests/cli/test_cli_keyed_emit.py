"""`neurosim stream --key --emit`: a record of each sample with its key, and what the state then has."""

import json
import random
import signal
import subprocess
import sys
from itertools import islice

import numpy as np
import pytest
import sensors
from commands import invoke
from processes import COMMAND

import neurosim as ns
from neurosim.fleet import store as fleets

EMIT = ("--emit", "key,winner,response")


@pytest.fixture
def rows(tmp_path):
    keys, samples = sensors.rows(200)
    sensors.write(tmp_path / "rows.csv", keys, samples)
    return keys, samples


def words(tmp_path, *options):
    return ["stream", "rows.csv", "--root", tmp_path, "--key", "sensor", "--neurons", "5", *options]


def run(tmp_path, *options, **others):
    """Return rows of cells, and the summary, which is on standard error."""
    result = invoke(*words(tmp_path, *options, "--json"), **others)
    return [line.split(",") for line in result.stdout.splitlines()], json.loads(result.stderr.splitlines()[-1])


def told(keys, samples, seed=0):
    """Return rows as a loop over `learn_one` has them."""
    chips, rows = ns.Fleet(sensors.layers(), inputs=4, seed=seed), []
    for n, (key, x) in enumerate(zip(keys, samples, strict=True)):
        found = chips.learn_one(key, x)
        rows.append((n, key, found.winner, found.responses.tobytes()))
    return rows


def read(rows):
    return [(int(row[0]), row[1], int(row[2]), np.array(row[3:], np.float32).tobytes()) for row in rows]


@pytest.mark.parametrize("chunk", ["auto", 1, 64])
def test_records_and_state_are_those_of_a_loop(tmp_path, rows, chunk):
    keys, samples = rows
    found, summary = run(tmp_path, *EMIT, "--state", tmp_path / "fleet.h5", "--chunk", chunk)
    assert found[0] == ["sample", "key", "winner", *(f"response_{n}" for n in range(5))]
    assert read(found[1:]) == told(keys, samples)
    assert summary["records"] == summary["samples"] == 200
    assert summary["state_sha256"] == fleets.read(tmp_path / "fleet.h5").state_sha256
    assert sensors.hashes_of(ns.Fleet.load(tmp_path / "fleet.h5")) == sensors.alone(keys, samples)


def test_a_run_without_records_learns_the_same(tmp_path, rows):
    _, summary = run(tmp_path, *EMIT)
    plain = json.loads(invoke(*words(tmp_path, "--json")).stdout)
    assert plain["state_sha256"] == summary["state_sha256"]
    assert "records" not in plain


def test_the_same_command_goes_on_and_counts_on(tmp_path, rows):
    keys, samples = rows
    state = tmp_path / "fleet.h5"
    sensors.write(tmp_path / "rows.csv", keys[:70], samples[:70])
    first, _ = run(tmp_path, *EMIT, "--state", state)
    sensors.write(tmp_path / "rows.csv", keys, samples)
    second, _ = run(tmp_path, *EMIT, "--state", state)
    assert read(first[1:] + second[1:]) == told(keys, samples)


def test_workers_tell_of_their_own_keys(tmp_path, rows):
    keys, samples = rows
    found = []
    for number in (1, 2, 3):
        lines, summary = run(tmp_path, *EMIT, "--worker", f"{number}/3")
        assert summary["records"] == summary["samples"]
        found += read(lines[1:])
    assert sorted(found) == told(keys, samples)


def test_bad_lines_and_refused_samples_have_no_record(tmp_path):
    (tmp_path / "rows.csv").write_text("sensor,a,b\nx,1,2\n,1,2\nz,-1,2\ny,2,1\nx,no,1\nx,3,1\n")
    found, summary = run(tmp_path, "--emit", "key", "--skip-bad", "--keys", 1)
    assert found == [["sample", "key"], ["0", "x"], ["3", "x"]]
    assert (summary["bad_lines"], summary["refused_samples"], summary["refused_keys_samples"]) == (2, 2, 2)
    assert summary["records"] == 2
    result = invoke(*words(tmp_path, "--emit", "key"), code=2)
    assert result.stdout.splitlines() == ["sample,key", "0,x"]
    assert "rows.csv, line 3" in result.stderr


def test_chips_that_diverge_are_counted(tmp_path):
    lines = [f"{key},1e3,1e3\n" if key == "b" else f"{key},1,2\n" for key in "abcabc" * 30]
    (tmp_path / "rows.csv").write_text("sensor,a,b\n" + "".join(lines))
    (tmp_path / "mine.py").write_text(
        "import warnings\nimport neurosim as ns\nwarnings.simplefilter('ignore')\n"
        "def growing(neurons):\n    return ns.DenseWTA(neurons, rule=ns.Hebb(rate=1e6), "
        "competition=ns.NoInhibition(), radius=1.0, cap=1.0, cutoff=0.0)\n"
    )
    command = ["stream", "rows.csv", "--root", tmp_path, "--key", "sensor", "--neurons", "2", "--emit", "key"]
    command += ["--recipe", f"{tmp_path / 'mine.py'}:growing", "--state", tmp_path / "fleet.h5"]
    before = invoke(*command, "--chunk", 1, code=3).stdout.splitlines()[1:]
    assert before == [f"{n},{'abc'[n % 3]}" for n in range(len(before))]
    assert 1 <= len(before) < 180
    assert "abc"[len(before) % 3] == "b"
    result = invoke(*command, "--skip-bad", "--restart", "--json")
    summary = json.loads(result.stderr.splitlines()[-1])
    assert summary["diverged_keys"] > 0
    assert summary["records"] == summary["samples"] == 180 - summary["refused_samples"]
    shown = json.loads(invoke("inspect", tmp_path / "fleet.h5", "--json").stdout)
    assert len(shown["diverged"]) == summary["diverged_keys"]
    assert "b" in shown["diverged"]
    assert (
        f"diverged  {', '.join(shown['diverged'])}: these learn no more"
        in invoke("inspect", tmp_path / "fleet.h5").stdout
    )
    table = invoke(*command, "--skip-bad").stderr  # nothing is left to learn
    assert f"diverged  the chips of {summary['diverged_keys']} keys, which learn no more" in table


def test_novelty_and_names_go_on_with_the_state(tmp_path):
    keys, samples = sensors.rows(700, sensors=3)
    labels = np.random.default_rng(2).integers(0, 2, 700)
    lines = ["sensor,a,b,c,d,what"]
    for key, sample, label in zip(keys, samples.tolist(), labels, strict=True):
        lines.append(f"{key},{','.join(map(str, sample))},{'ok' if label else ''}")
    ask = ["--label", "what", "--novelty", "shortfall", "--novelty-quantile", "0.9", "--prequential"]
    ask += ["--label-share", "0.5", "--emit", "key,novelty,threshold,novel,predicted,label"]

    def write(count):
        (tmp_path / "rows.csv").write_text("\n".join(lines[: count + 1]) + "\n")

    write(700)
    whole, summary = run(tmp_path, *ask, "--state", tmp_path / "whole.h5")
    parts = []
    for count in (300, 700):
        write(count)
        found, last = run(tmp_path, *ask, "--state", tmp_path / "parts.h5")
        parts += found[1:]
    assert parts == whole[1:]
    of = ("novel", "novel_keys", "prequential_accuracy", "prequential_samples", "prequential_labels")
    assert [last[name] for name in of] == [summary[name] for name in of]
    assert 0 < summary["novel"] == sum(row[4] == "1" for row in whole[1:])
    assert 0 < summary["prequential_labels"] < summary["prequential_samples"] == np.count_nonzero(labels)
    beside = [fleets.read(tmp_path / name).beside for name in ("whole.h5", "parts.h5")]
    for name in ("novelty", "prequential"):
        assert all(np.array_equal(beside[0][name][of], beside[1][name][of]) for of in beside[0][name])
    said = invoke(*words(tmp_path, "--label", "what", "--state", tmp_path / "parts.h5")).stderr
    assert "keeps novelty, prequential of earlier runs, which this run does not go on with" in said
    table = invoke(*words(tmp_path, *ask[:4]), "--prequential").stdout
    for word in ("novel  ", "prequential  "):
        assert word in table


@pytest.fixture
def state(tmp_path, rows):
    invoke(*words(tmp_path, "--state", tmp_path / "fleet.h5"))
    return tmp_path / "fleet.h5"


def test_a_frozen_fleet_responds_and_its_state_stays(tmp_path, rows, state):
    keys, samples = rows
    before = state.read_bytes()
    command = ["stream", "rows.csv", "--root", tmp_path, "--key", "sensor", "--state", state, "--respond", *EMIT]
    result = invoke(*command, "--json")
    wanted = ns.Fleet.load(state).respond(keys, samples)
    found = read([line.split(",") for line in result.stdout.splitlines()[1:]])
    assert found == [
        (n, key, wanted.winner[n], wanted.responses[n].tobytes()) for n, key in enumerate(keys)
    ]  # fmt: skip
    assert state.read_bytes() == before
    text = "".join(f"{key},{','.join(map(str, x))}\n" for key, x in zip(keys, samples.tolist(), strict=True))
    piped = ["stream", "-", "--key", "0", "--state", state, "--respond", *EMIT]
    assert invoke(*piped, stdin=text).stdout == result.stdout
    said = invoke(*piped, stdin="x,1,2,3,4\n", code=2).stderr
    assert "sample 0: key must be one of the fleet's 7, got 'x'" in said
    result = invoke(*piped, "--skip-bad", "--json", stdin="x,1,2,3,4\n" + text)
    summary = json.loads(result.stderr.splitlines()[-1])
    assert (summary["samples"], summary["refused_samples"], summary["refused_keys_samples"]) == (200, 1, 1)
    assert result.stdout.splitlines()[1].startswith(f"1,{keys[0]},")
    assert state.read_bytes() == before


@pytest.mark.parametrize(("options", "message"), [
    (("--emit", "foo"), "emit must be some of key, winner, response, "),
    (("--respond",), "respond must come with --emit"),
    (("--respond", "--emit", "key"), "state must be given with --key and --respond"),
    (("--respond", "--emit", "key", "--state", "STATE", "--keys", "9"), "keys must be left out with --state"),
    (("--novelty", "step", "--chunk", "1"), "measures must be of shortfall, entropy for a fleet"),
    (("--prequential",), "labels of rows.csv must be there for --prequential"),
    (("--novelty-quantile", "0.9"), "novelty_quantile must be left out without --novelty"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused_in_one_line(tmp_path, state, options, message):
    options = [str(state) if word == "STATE" else word for word in options]
    command = ["stream", "rows.csv", "--root", tmp_path, "--key", "sensor", *options]
    result = invoke(*command, code=2)
    assert message in result.stderr.replace("novelty must be of", "measures must be of")
    assert result.stdout == ""


def test_the_key_goes_with_keys_alone():
    result = invoke("stream", "digits", "--emit", "key", code=2)
    assert "emit must be without key where there are no keys, got 'key'; --key COLUMN says whose" in result.stderr
    assert "and key with --key." in " ".join(invoke("stream", "--help").stdout.split())


def filtering(*command):
    files = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen([*COMMAND, *map(str, command)], bufsize=0, **files)


def test_a_record_comes_while_the_next_line_is_waited_for_and_a_closed_reader_ends_it(tmp_path, rows):
    keys, samples = rows
    lines = [f"{key},{','.join(map(str, x))}\n".encode() for key, x in zip(keys, samples.tolist(), strict=True)]
    command = ["stream", "-", "--inputs", 4, "--key", 0, "--neurons", 5, *EMIT, "--state", tmp_path / "fleet.h5"]
    with filtering(*command) as process:
        try:
            assert process.stdout.readline().startswith(b"sample,key,winner,")
            for n, line in enumerate(lines[:10]):
                process.stdin.write(line)
                assert process.stdout.readline().startswith(f"{n},{keys[n]},".encode())
            process.stdout.close()
            process.stdin.write(lines[10])  # and the pipe brings nothing more
            errors = process.stderr.read().decode()
            assert process.wait(120) == 0
        finally:
            process.kill()
    assert "standard output was closed by its reader" in errors
    assert "Traceback" not in errors
    assert "10 on standard output" in errors
    assert sensors.hashes_of(ns.Fleet.load(tmp_path / "fleet.h5")) == sensors.alone(keys[:11], samples[:11])


@pytest.mark.slow
def test_head_takes_three_lines(tmp_path, rows):
    command = " ".join(map(str, [*COMMAND[1:], *words(tmp_path, *EMIT, "--epochs", 1000)]))
    shell = f"{sys.executable} {command} | head -3; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, check=True, text=True, timeout=300)
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == ["sample", "0", "1", "0"]


def kill_and_go_on(tmp_path, keys, samples, epochs, kills, seed):
    """Kill runs amid their records, and check what is told and what is kept; return how many were killed."""
    state, draw = tmp_path / "fleet.h5", random.Random(seed)
    expected = told(keys * epochs, np.tile(samples, (epochs, 1)))
    command = words(tmp_path, *EMIT, "--epochs", epochs, "--snapshot-samples", 90, "--state", state)
    seen, killed = {}, 0
    while len(seen) < len(expected):
        with filtering(*command) as process:
            process.stdout.readline()
            lines = []
            if killed < kills:
                lines = list(islice(process.stdout, draw.randrange(1, len(expected) // kills)))
                process.kill()
            lines += process.stdout.readlines()
        killed += process.returncode != 0
        found = read([line.decode().split(",") for line in lines if line.endswith(b"\n")])  # the last one may be cut
        assert found[0][0] <= len(seen)  # none is missing
        for row in found:
            assert seen.setdefault(row[0], row) == row == expected[row[0]]
        if state.exists():
            position = fleets.read(state).position
            assert position <= len(seen)  # no state has a sample whose record is not written
            alone = sensors.alone((keys * epochs)[:position], np.tile(samples, (epochs, 1))[:position])
            assert sensors.hashes_of(ns.Fleet.load(state)) == alone
    assert sorted(seen) == list(range(len(expected)))
    return killed


def test_after_a_kill_no_record_is_missing_and_the_state_agrees(tmp_path, rows):
    assert kill_and_go_on(tmp_path, *rows, epochs=10, kills=1, seed=1) == 1


@pytest.mark.slow
def test_after_many_kills_no_record_is_missing_and_the_state_agrees(tmp_path, rows):
    assert kill_and_go_on(tmp_path, *rows, epochs=20, kills=8, seed=2) > 3


@pytest.mark.slow
def test_a_signal_ends_it_with_its_code_and_all_records(tmp_path, rows):
    state = tmp_path / "fleet.h5"
    with filtering(*words(tmp_path, *EMIT, "--epochs", 100000, "--state", state)) as process:
        try:
            lines = list(islice(process.stdout, 500))
            process.send_signal(signal.SIGTERM)
            lines += process.stdout.readlines()
            assert process.wait(120) == 128 + signal.SIGTERM
        finally:
            process.kill()
    assert len(lines) - 1 == fleets.read(state).position == ns.Fleet.load(state).samples.sum()


@pytest.mark.usefixtures("rows")
def test_a_frozen_fleet_scores_and_names_on_from_what_it_learned(tmp_path):
    state, measured = tmp_path / "fleet.h5", ("--novelty", "shortfall", "--novelty-quantile", 0.9)
    invoke(*words(tmp_path, *measured, "--state", state))
    before = state.read_bytes()
    frozen = ["stream", "rows.csv", "--root", tmp_path, "--key", "sensor", "--state", state, "--respond"]
    told = invoke(*frozen, *measured, "--emit", "novelty", "--emit-format", "ndjson")
    assert f"novelty goes on from what state {state} keeps of it" in told.stderr
    fleet, scores = ns.Fleet.load(state), []
    novelty = ns.FleetNovelty(fleet, quantile=0.9)
    novelty.restore(fleets.read(state).beside["novelty"])

    class Scores:
        wants = novelty.wants

        def take(self, batch):
            novelty.take(batch)
            scores.extend(novelty.scores.tolist())

    stream = ns.open_stream("rows.csv", root=tmp_path, key="sensor")
    ns.run_fleet(fleet, stream, listener=Scores(), learning=False)
    found = [json.loads(line)["novelty"] for line in told.stdout.splitlines()]
    assert found == [None if np.isnan(score) else score for score in scores]
    refused = invoke(*frozen, "--novelty", "entropy", "--emit", "novelty", code=2).stderr
    assert "give --novelty LIST and --novelty-quantile Q as when this was kept" in refused
    anew = invoke(*frozen, "--emit", "predicted").stderr
    assert f"prequential begins anew: state {state} keeps none" in anew
    assert state.read_bytes() == before
