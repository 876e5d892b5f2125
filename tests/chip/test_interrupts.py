"""Ctrl-C while a chip learns: all layers have then learned from the same samples, and from each of these once."""

import json
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import neurosim as ns
from neurosim.chip.interrupts import Held

# Interrupts itself, by real signals at random instants, and prints how many samples each layer had learned from and
# whether the bits are those of a chip that learned from these alone.
PROGRAM = """
import json, os, random, signal, threading
import numpy as np
import neurosim as ns

samples = np.random.default_rng(0).random((4000, 16), dtype=np.float32)
def made():
    return ns.Chip([ns.recipes.softhebb(12), ns.recipes.softhebb(9), ns.recipes.softhebb(7)], inputs=16)
def stream():
    for sample in samples:
        yield sample
def end():
    os.kill(os.getpid(), signal.SIGINT)
source, options = {source}, {options}
made().learn(samples[:300], **options)
random.seed(1)
for _ in range(12):
    chip, timer = made(), threading.Timer(random.uniform(0, 8e-3), end)
    try:
        timer.start()
        for _ in range(1000):
            chip.learn(source(), **options)
    except KeyboardInterrupt:
        pass
    counts = [layer.samples for layer in chip.layers]
    twin = made()
    for _ in range(counts[0] // len(samples)):
        twin.learn(samples)
    if counts[0] % len(samples):
        twin.learn(samples[: counts[0] % len(samples)])
    print(json.dumps([counts, chip.state_sha256 == twin.state_sha256]))
"""


@pytest.mark.parametrize(("source", "options"), [
    ("stream", "{'chunk': 64, 'threads': 2}"),
    pytest.param("lambda: samples", "{'chunk': 256}", marks=pytest.mark.slow),
    pytest.param("lambda: samples", "{'chunk': 64, 'threads': 2}", marks=pytest.mark.slow),
    pytest.param(
        "lambda: samples", "{'chunk': 256, 'modulators': [np.ones(4000, np.float32)] * 3}", marks=pytest.mark.slow
    ),
])  # fmt: skip
def test_ctrl_c_leaves_no_layer_behind(source, options):
    program = PROGRAM.replace("{source}", source).replace("{options}", options)
    program = program.replace("made().learn(samples[:300], **options)", "made().learn(samples, **options)")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rounds) == 12
    for counts, alike in rounds:
        assert len(set(counts)) == 1
        assert alike
    assert any(counts[0] % 4000 for counts, _ in rounds)  # some came amid a stream


def interrupted(body):
    """Call a function in which a SIGINT comes; return whether it ended by KeyboardInterrupt, and what it returned."""
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return False, body()
    except KeyboardInterrupt:
        return True, None
    finally:
        signal.signal(signal.SIGINT, before)


main_thread = pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals come to the main thread alone"
)


@main_thread
def test_an_interrupt_waits_until_the_end_or_until_it_is_let():
    seen = []

    def body():
        with Held() as held:
            signal.raise_signal(signal.SIGINT)
            seen.append(held.came)
            with held.free():
                seen.append("never")

    assert interrupted(body) == (True, None)
    assert seen == [True]

    def to_the_end():
        with Held():
            signal.raise_signal(signal.SIGINT)
            seen.append("whole")

    assert interrupted(to_the_end) == (True, None)
    assert seen == [True, "whole"]


@main_thread
def test_a_second_interrupt_comes_at_once():
    seen = []

    def body():
        with Held():
            signal.raise_signal(signal.SIGINT)
            seen.append(1)
            signal.raise_signal(signal.SIGINT)
            seen.append(2)

    assert interrupted(body) == (True, None)
    assert seen == [1]


@main_thread
def test_a_programs_own_handler_is_left_alone():
    came = []
    before = signal.signal(signal.SIGINT, lambda *_: came.append(1))
    try:
        with Held() as held:
            signal.raise_signal(signal.SIGINT)
            assert came == [1]
            assert not held.came
    finally:
        signal.signal(signal.SIGINT, before)


@main_thread
def test_what_watches_may_be_interrupted_and_may_learn_itself():
    samples = np.random.default_rng(0).random((40, 4), dtype=np.float32)
    chip = ns.Chip([ns.recipes.softhebb(5), ns.recipes.softhebb(3)], inputs=4)
    other = ns.Chip([ns.recipes.softhebb(5), ns.recipes.softhebb(3)], inputs=4)

    def stream():
        yield from samples[:10]
        signal.raise_signal(signal.SIGINT)
        yield samples[10]

    def watch(_):
        other.learn(stream(), chunk=4)

    assert interrupted(lambda: chip.learn(samples, chunk=4, every=20, watch=watch)) == (True, None)
    assert [layer.samples for layer in chip.layers] == [20, 20]
    assert [layer.samples for layer in other.layers] == [8, 8]
