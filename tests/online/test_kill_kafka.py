"""SIGKILL at random points of a run from Kafka: what the state has learned is what it says, no message twice or never.

The offsets are in the snapshot, so a run that goes on ends with the bits of one that was not interrupted.
"""

import json
import random
import subprocess
import sys
import threading

import numpy as np
import pytest
from mock_kafka import broker
from striking import kill

from neurosim.state import store

SAMPLES, INPUTS, EACH = 1500, 8, 3  # the last: samples of a message
OPTIONS = f"--inputs {INPUTS} --format f32 --neurons 12,5 --window 7 --json"
OFTEN = "--snapshot-samples 100 --chunk 16"
SECONDS = 300  # that a run may take


def messages():
    """Return messages of several samples each."""
    samples = np.random.default_rng(0).random((SAMPLES, INPUTS), np.float32)
    return [samples[first : first + EACH].tobytes() for first in range(0, SAMPLES, EACH)]


@pytest.fixture(scope="module")
def kafka():
    with broker() as started:
        yield started


@pytest.fixture(scope="module")
def topic(kafka):
    """The source of a topic in whose messages snapshots fall."""
    kafka.topic("sensor")
    kafka.send("sensor", messages())
    return f"kafka:{kafka.server}/sensor?until=end"


@pytest.fixture(scope="module")
def uninterrupted(topic, tmp_path_factory):
    """The summary of a run that nobody kills."""
    return finish(tmp_path_factory.mktemp("whole") / "chip.h5", topic)


def command(state, topic, snapshots):
    options = [*OPTIONS.split(), *snapshots.split()]
    return [sys.executable, "-m", "neurosim", "stream", topic, *options, "--state", str(state)]


def finish(state, topic, snapshots=OFTEN):
    done = subprocess.run(command(state, topic, snapshots), capture_output=True, text=True, check=True, timeout=SECONDS)
    return json.loads(done.stdout)


def check(uninterrupted, topic, tmp_path, *, turns, most, seed):
    draw, struck = random.Random(seed), 0
    for turn in range(turns):
        state = tmp_path / f"chip{turn}.h5"
        for _ in range(draw.randrange(1, most)):
            struck += kill(command(state, topic, OFTEN), state, draw.randrange(1, 6), draw.uniform(0, 0.02))
        summary = finish(state, topic)
        assert summary["state_sha256"] == uninterrupted["state_sha256"]
        assert summary["stream_position"] == SAMPLES
    assert struck >= turns, "hardly a kill struck a run at work"


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bits_from_the_offset_in_its_state(uninterrupted, topic, tmp_path):
    assert uninterrupted["stream_position"] == uninterrupted["samples"] == SAMPLES
    assert uninterrupted["snapshots"] >= 15
    check(uninterrupted, topic, tmp_path, turns=1, most=2, seed=0)


@pytest.mark.slow
def test_runs_killed_many_times_go_on_to_the_same_bits(uninterrupted, topic, tmp_path):
    check(uninterrupted, topic, tmp_path, turns=9, most=6, seed=1)


@pytest.mark.slow
def test_runs_killed_while_samples_arrive_and_while_they_wait_have_learned_all_of_them_once(kafka, tmp_path):
    kafka.topic("arriving")
    draw, pause, done, pieces = random.Random(2), random.Random(3), threading.Event(), messages()
    state, source, sent = tmp_path / "chip.h5", f"kafka:{kafka.server}/arriving", [0]

    def send():
        while not done.wait(pause.choice((0.01, 0.2, 0.5))):
            kafka.send("arriving", [pieces[(sent[0] + number) % len(pieces)] for number in range(20)])
            sent[0] += 20

    sender = threading.Thread(target=send)
    sender.start()
    try:
        struck, positions = 0, list[int]()
        for _ in range(6):
            run = command(state, source, "--snapshot-seconds 0.05")
            struck += kill(run, state, draw.randrange(1, 4), draw.uniform(0, 0.3))
            positions.append(store.read(str(state)).position)
    finally:
        done.set()
        sender.join(SECONDS)
    summary = finish(state, f"{source}?until=end")
    assert struck == 6
    assert positions == sorted(positions)
    assert len(set(positions)) >= 3, "hardly a kill came after a snapshot"
    assert summary["stream_position"] == EACH * sent[0]
    assert summary["state_sha256"] == finish(tmp_path / "whole.h5", f"{source}?until=end")["state_sha256"]
