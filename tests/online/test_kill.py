"""P2: SIGKILL at random points, resume, and the final state equals the uninterrupted run's, bit for bit."""

import contextlib
import json
import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest

import neurosim as ns

EPOCHS = 15
RUN = f"stream digits --epochs {EPOCHS} --shuffle 1 --neurons 150,40 --window 3 --snapshot-samples 700 --json"
# A rule with running means of the bias and of the neurons, that keeps more of an unfinished window.
LIUSON = (
    "stream digits --recipe liuson --epochs 10 --shuffle 1 --neurons 60,20 --window 7 --snapshot-samples 500 --json"
)


def command(state, run):
    return [sys.executable, "-m", "neurosim", *run.split(), "--state", str(state)]


def finish(state, run=RUN):
    done = subprocess.run(command(state, run), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def kill(state, snapshots, seconds, run=RUN):
    """Kill a run some seconds after it has written as many snapshots; return whether it was still at work."""
    process, seen = subprocess.Popen(command(state, run), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), set()
    with contextlib.suppress(FileNotFoundError):
        seen.add(generation(state))  # of the run before
    while len(seen) <= snapshots and process.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            seen.add(generation(state))
        time.sleep(1e-3)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.kill()
    return process.wait() < 0


def generation(state):
    status = os.stat(state)
    return status.st_ino, status.st_mtime_ns


@pytest.fixture(scope="session")  # workers take turns at modules
def uninterrupted(tmp_path_factory):
    """Return the final hash."""
    summary = finish(tmp_path_factory.mktemp("whole") / "chip.h5")
    assert summary["samples"] == EPOCHS * 1797
    assert summary["snapshots"] > 30
    return summary["state_sha256"]


def check(digest, tmp_path, turns, seed):
    """Kill runs at points drawn from a seed: by the snapshots they have written, as no machine is always as fast."""
    draw = random.Random(seed)
    left = []
    for turn in range(turns):
        state = tmp_path / f"chip{turn}.h5"
        struck = kill(state, draw.randrange(1, 25), draw.uniform(0, 0.05))
        while struck and draw.random() < 0.3:  # some are struck again on their way, or before their first snapshot
            struck = kill(state, draw.randrange(10), draw.uniform(0, 1))
        summary = finish(state)
        assert summary["state_sha256"] == digest
        assert summary["stream_position"] == EPOCHS * 1797
        left.append(summary["samples"])
    assert any(0 < samples < EPOCHS * 1797 for samples in left), "no kill struck a run between two snapshots"
    leftovers = [path.name for path in tmp_path.iterdir() if ".draft-" in path.name]
    assert leftovers == []


@pytest.mark.slow
def test_a_killed_run_of_another_recipe_goes_on_to_the_same_bits_and_records(tmp_path):
    digest = finish(tmp_path / "whole.h5", LIUSON)["state_sha256"]
    state = tmp_path / "chip.h5"
    for seconds in (0, 0.01, 0.03):
        assert kill(state, 8, seconds, LIUSON)
    assert finish(state, LIUSON)["state_sha256"] == digest
    whole, resumed = (ns.Chip.load(tmp_path / name) for name in ("whole.h5", "chip.h5"))
    for one, other in zip(whole.layers, resumed.layers, strict=True):
        assert one.records.tobytes() == other.records.tobytes()
        assert np.array_equal(one.steps, other.steps)
        assert len(one.records) > 10


def test_a_killed_run_goes_on_to_the_same_bits(uninterrupted, tmp_path):
    check(uninterrupted, tmp_path, turns=2, seed=0)


@pytest.mark.slow
def test_a_hundred_killed_runs_go_on_to_the_same_bits(uninterrupted, tmp_path):
    check(uninterrupted, tmp_path, turns=100, seed=1)
