"""P2: SIGKILL at random instants, resume, and the final state equals the uninterrupted run's, bit for bit."""

import json
import random
import subprocess
import sys
import time

import pytest

RUN = "stream digits --epochs 40 --shuffle 1 --neurons 150,40 --window 3 --snapshot-samples 700 --json --state"
COMMAND = [sys.executable, "-m", "neurosim", *RUN.split()]


def finish(state):
    done = subprocess.run([*COMMAND, str(state)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def kill(state, instant):
    """Kill a run after `instant` seconds; return whether it was still at work."""
    process = subprocess.Popen([*COMMAND, str(state)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(instant)
    process.kill()
    return process.wait() < 0


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Return the final hash, and how long a run takes from start to end."""
    state = tmp_path_factory.mktemp("whole") / "chip.h5"
    finish(state)
    state.unlink()
    begun = time.perf_counter()
    summary = finish(state)
    assert summary["samples"] == 40 * 1797
    assert summary["snapshots"] > 90
    return summary["state_sha256"], time.perf_counter() - begun


def check(uninterrupted, tmp_path, turns, seed):
    digest, seconds = uninterrupted
    draw = random.Random(seed)
    left = []
    for turn in range(turns):
        state = tmp_path / f"chip{turn}.h5"
        struck = kill(state, draw.uniform(0.1, 1) * seconds)
        while struck and draw.random() < 0.3:  # some are struck again on their way
            struck = kill(state, draw.uniform(0.1, 1) * seconds)
        summary = finish(state)
        assert summary["state_sha256"] == digest
        assert summary["stream_position"] == 40 * 1797
        left.append(summary["samples"])
    assert any(0 < samples < 40 * 1797 for samples in left), "no kill struck a run between two snapshots"
    leftovers = [path.name for path in tmp_path.iterdir() if ".draft-" in path.name]
    assert leftovers == []


def test_a_killed_run_goes_on_to_the_same_bits(uninterrupted, tmp_path):
    check(uninterrupted, tmp_path, turns=4, seed=0)


@pytest.mark.slow
def test_a_hundred_killed_runs_go_on_to_the_same_bits(uninterrupted, tmp_path):
    check(uninterrupted, tmp_path, turns=100, seed=1)
