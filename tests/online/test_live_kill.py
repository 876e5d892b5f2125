"""SIGKILL of a run whose source cannot replay: what the state says was learned is what was learned, to the bit."""

import json
import random
import socket
import subprocess
import threading
import time
from contextlib import suppress

import numpy as np
import pytest
from processes import COMMAND, wait_until

import neurosim as ns
from neurosim.state import store

INPUTS, WAIT = 8, 60.0  # seconds: the end of every wait
OPTIONS = ["--inputs", str(INPUTS), "--format", "f32", "--neurons", "12", "--window", "3", "--seed", "1"]


def sample(numbers):
    """Return the samples of some numbers, float32: each is a function of its number alone, and no two are alike."""
    numbers = np.asarray(numbers, np.int64)[:, None]
    low, high = (numbers % 1021 * (2 * np.arange(1, INPUTS) + 1) % 1021 + 1) / 1024, (numbers // 1021 + 1) / 4096
    return np.hstack([low, high]).astype("<f4")


class Sensor:
    """Sends one numbered sample after the other to whoever connects; those that nobody took are gone.

    Attributes
    ----------
    begun : list of int
        Number of the first sample of each connection.
    sent : int
        Samples so far.
    """

    def __init__(self):
        self.begun, self.sent, self.total = [], 0, None
        self._ended = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(0.2)
        self.source = f"tcp:127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while not self._ended.is_set():
            try:
                connection, _ = self._listening.accept()
            except TimeoutError:
                continue
            self.begun.append(self.sent)
            with connection, suppress(OSError):
                connection.settimeout(WAIT)
                while not self._ended.is_set() and self.sent != self.total:
                    count = 10 if self.total is None else min(10, self.total - self.sent)
                    self.sent += count  # before they are sent: a call that fails may have sent some of them
                    connection.sendall(sample(range(self.sent - count, self.sent)).tobytes())
                    time.sleep(1e-3)

    def close(self):
        self._ended.set()
        self._thread.join(WAIT)
        self._listening.close()


@pytest.fixture
def sensor():
    made = Sensor()
    yield made
    made.close()


def position(state):
    with suppress(ns.StateError, FileNotFoundError):
        return store.read(state).position
    return 0


def struck(sensor, state, draw):
    """Kill a run at a random instant after it has written something new, now and then before."""
    before, command = position(state), [*COMMAND, "stream", sensor.source, *OPTIONS, "--state", str(state)]
    connections = len(sensor.begun)
    process = subprocess.Popen(
        [*command, "--snapshot-seconds", "0.02"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: len(sensor.begun) > connections, process, WAIT)
        if draw.random() < 0.8:
            wait_until(lambda: position(state) > before, process, WAIT)
        time.sleep(draw.uniform(0, 0.3))
    finally:
        process.kill()
    assert process.wait(WAIT) < 0


def check(sensor, state, kills, seed):
    draw, learned, at = random.Random(seed), [], 0
    for _ in range(kills):
        struck(sensor, state, draw)
        now, first = position(state), sensor.begun[-1]
        assert first + now - at <= sensor.sent
        learned += range(first, first + now - at)
        at = now
    sensor.total = sensor.sent + 500
    command = [*COMMAND, "stream", sensor.source, *OPTIONS, "--state", str(state), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT, check=True)
    summary = json.loads(done.stdout)
    if at:
        assert f"Going on at sample {at} with what arrives from now on." in done.stderr
    learned += range(sensor.begun[-1], sensor.total)
    assert len(sensor.begun) == kills + 1
    assert summary["source"]["received"] == summary["samples"] == sensor.total - sensor.begun[-1]
    assert summary["source"]["left"] == summary["source"]["dropped"] == summary["source"]["cut"] == 0
    assert summary["stream_position"] == len(learned) == ns.Chip.load(state).samples
    # Of those that were sent, each was learned once or not at all; a chip that learns these in order is the same one.
    assert len(set(learned)) == len(learned) <= sensor.total
    layer = ns.recipes.softhebb(12, window=3)
    assert ns.Chip([layer], inputs=INPUTS, seed=1).learn(sample(learned)).state_sha256 == summary["state_sha256"]


@pytest.mark.slow
def test_a_killed_run_has_learned_what_its_state_says(sensor, tmp_path):
    check(sensor, tmp_path / "chip.h5", kills=1, seed=0)


@pytest.mark.slow
def test_runs_killed_at_25_random_instants_have_learned_what_their_states_say(sensor, tmp_path):
    check(sensor, tmp_path / "chip.h5", kills=25, seed=1)
