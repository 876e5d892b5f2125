"""SIGKILL at random points, resume, and every key's chip equals that of the uninterrupted run, bit for bit."""

import json
import random
import subprocess

import pytest
import sensors
from processes import COMMAND, wait_until, waits_for_input
from striking import kill

import neurosim as ns
from neurosim.fleet import store as fleets

SAMPLES, EPOCHS = 3000, 8
RUN = ["--key", "sensor", "--neurons", "6", "--window", "3", "--snapshot-samples", "700", "--json"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Return the folder of a file of samples, and what an uninterrupted run of its epochs comes to."""
    folder = tmp_path_factory.mktemp("shared")
    keys, samples = sensors.rows(SAMPLES, sensors=40)
    sensors.write(folder / "rows.csv", keys, samples)
    summary = finish(folder, folder / "whole.h5")
    assert summary["samples"] == EPOCHS * SAMPLES
    assert summary["snapshots"] > 30
    return folder, summary["state_sha256"], sensors.hashes_of(ns.Fleet.load(folder / "whole.h5"))


def command(folder, state):
    return [*COMMAND, "stream", "rows.csv", "--root", str(folder), "--epochs", str(EPOCHS), *RUN, "--state", str(state)]


def finish(folder, state):
    done = subprocess.run(command(folder, state), capture_output=True, text=True, timeout=300, check=True)
    return json.loads(done.stdout)


def check(shared, tmp_path, turns, seed):
    """Kill runs at points drawn from a seed: by the snapshots they have written, as no machine is always as fast."""
    folder, digest, hashes = shared
    draw, left = random.Random(seed), []
    for turn in range(turns):
        state = tmp_path / f"fleet{turn}.h5"
        struck = kill(command(folder, state), state, draw.randrange(1, 25), draw.uniform(0, 0.05))
        while struck and draw.random() < 0.3:  # some are struck again on their way, or before their first snapshot
            struck = kill(command(folder, state), state, draw.randrange(10), draw.uniform(0, 1))
        summary = finish(folder, state)
        assert summary["state_sha256"] == digest
        assert summary["stream_position"] == EPOCHS * SAMPLES
        assert sensors.hashes_of(ns.Fleet.load(state)) == hashes
        left.append(summary["samples"])
    assert any(0 < samples < EPOCHS * SAMPLES for samples in left), "no kill struck a run between two snapshots"
    assert [path.name for path in tmp_path.iterdir() if ".draft-" in path.name] == []


def test_a_killed_run_of_a_fleet_goes_on_to_the_same_bits(shared, tmp_path):
    check(shared, tmp_path, turns=1, seed=4)


@pytest.mark.slow
def test_many_killed_runs_of_a_fleet_go_on_to_the_same_bits(shared, tmp_path):
    check(shared, tmp_path, turns=24, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("replay", [False, True])
def test_a_pipe_of_a_killed_run_goes_on(tmp_path, replay):
    """The pipe brings what was not learned, or everything again: the same chips either way."""
    keys, samples = sensors.rows(400)
    sensors.write(tmp_path / "rows.csv", keys, samples, name=None)
    lines = (tmp_path / "rows.csv").read_text().splitlines(keepends=True)
    state, options = tmp_path / "fleet.h5", ["--neurons", "6", "--snapshot-samples", "50", "--json"]
    run = [*COMMAND, "stream", "-", "--inputs", "4", "--key", "0", *options]
    for turn in range(3):
        done = fleets.read(state).position if state.exists() else 0
        process = subprocess.Popen(
            [*run, "--state", state, *(["--replay"] if replay and turn else [])], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.writelines(lines[0 if replay else done : 120 * (turn + 1)])
        process.stdin.flush()
        wait_until(waits_for_input(process), process, seconds=120)
        process.kill()
        process.communicate(timeout=60)
    done = fleets.read(state).position
    assert 0 < done < 400
    last = [*run, "--state", state, *(["--replay"] if replay else [])]
    text = "".join(lines if replay else lines[done:])
    result = subprocess.run(last, input=text, capture_output=True, text=True, timeout=300, check=True)
    assert json.loads(result.stdout)["stream_position"] == 400
    assert sensors.hashes_of(ns.Fleet.load(state)) == sensors.alone(keys, samples, 6)
