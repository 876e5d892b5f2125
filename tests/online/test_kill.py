"""P2: SIGKILL at random instants, resume, and the final state equals the uninterrupted run's, bit for bit."""

import contextlib
import json
import random
import subprocess
import sys
import time

import numpy as np
import pytest

import neurosim as ns

RUN = "stream digits --epochs 40 --shuffle 1 --neurons 150,40 --window 3 --snapshot-samples 700 --json"
# A rule with running means of the bias and of the neurons, that keeps more of an unfinished window.
LIUSON = (
    "stream digits --recipe liuson --epochs 10 --shuffle 1 --neurons 60,20 --window 7 --snapshot-samples 500 --json"
)


def command(state, run):
    return [sys.executable, "-m", "neurosim", *run.split(), "--state", str(state)]


def finish(state, run=RUN):
    done = subprocess.run(command(state, run), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def kill(state, instant, run=RUN):
    """Kill a run after `instant` seconds; return whether it was still at work."""
    process = subprocess.Popen(command(state, run), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(instant)
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
        state, begun = tmp_path / f"chip{turn}.h5", time.perf_counter()
        struck = kill(state, draw.uniform(0.1, 1) * seconds)
        if not struck:  # it had come to its end: the machine has less to do than when the whole run was timed
            seconds = time.perf_counter() - begun
        while struck and draw.random() < 0.3:  # some are struck again on their way
            struck = kill(state, draw.uniform(0.1, 1) * seconds)
        summary = finish(state)
        assert summary["state_sha256"] == digest
        assert summary["stream_position"] == 40 * 1797
        left.append(summary["samples"])
    assert any(0 < samples < 40 * 1797 for samples in left), "no kill struck a run between two snapshots"
    leftovers = [path.name for path in tmp_path.iterdir() if ".draft-" in path.name]
    assert leftovers == []


@pytest.mark.slow
def test_a_killed_run_of_another_recipe_goes_on_to_the_same_bits_and_records(tmp_path):
    begun = time.perf_counter()
    digest = finish(tmp_path / "whole.h5", LIUSON)["state_sha256"]
    seconds = time.perf_counter() - begun
    state, struck = tmp_path / "chip.h5", False
    for part in (0.4, 0.7, 0.9):
        struck |= kill(state, part * seconds, LIUSON)
    assert struck
    assert finish(state, LIUSON)["state_sha256"] == digest
    whole, resumed = (ns.Chip.load(tmp_path / name) for name in ("whole.h5", "chip.h5"))
    for one, other in zip(whole.layers, resumed.layers, strict=True):
        assert one.records.tobytes() == other.records.tobytes()
        assert np.array_equal(one.steps, other.steps)
        assert len(one.records) > 10


def test_a_killed_run_goes_on_to_the_same_bits(uninterrupted, tmp_path):
    check(uninterrupted, tmp_path, turns=4, seed=0)


@pytest.mark.slow
def test_a_hundred_killed_runs_go_on_to_the_same_bits(uninterrupted, tmp_path):
    check(uninterrupted, tmp_path, turns=100, seed=1)
