"""Ctrl-C during `neurosim.run` in a program: the last snapshot is taken, and all layers are as far."""

import os
import signal
import threading

import numpy as np
import pytest

import neurosim as ns
from neurosim.state import store
from neurosim.streams import ArrayStream

pytestmark = pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals come to the main thread alone"
)
SAMPLES = np.random.default_rng(0).random((500, 8), dtype=np.float32)


@pytest.fixture(autouse=True)
def default_handler():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def made():
    return ns.Chip([ns.recipes.softhebb(9), ns.recipes.softhebb(5)], inputs=8)


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(("chunk", "threads"), [(1, 1), (7, 1), (7, 2)])
def test_a_run_is_ended_whole_and_its_state_is_written(tmp_path, chunk, threads):
    chip, state = made(), tmp_path / "chip.h5"

    def watch(report):
        if report.samples >= 100 and not came:
            came.append(report.samples)
            interrupt()

    came = []
    with pytest.raises(KeyboardInterrupt):
        ns.run(chip, ArrayStream(SAMPLES), state=state, chunk=chunk, threads=threads, watch=watch)
    learned = store.read(state).position
    assert came[0] <= learned <= came[0] + 3 * chunk
    assert [layer.samples for layer in chip.layers] == [learned, learned]
    twin = made().learn(SAMPLES[:learned])
    assert ns.Chip.load(state).state_sha256 == chip.state_sha256 == twin.state_sha256


@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_that_waits_for_its_stream_is_ended_at_once(tmp_path, threads):
    chip, state = made(), tmp_path / "chip.h5"

    def sensor():
        yield from SAMPLES[:50]
        timer = threading.Timer(0.05, interrupt)
        timer.start()
        threading.Event().wait(60)
        yield SAMPLES[50]

    with pytest.raises(KeyboardInterrupt):
        ns.run(chip, sensor(), state=state, threads=threads)
    assert [layer.samples for layer in chip.layers] == [50, 50]
    assert store.read(state).position == 50
    assert chip.state_sha256 == made().learn(SAMPLES[:50]).state_sha256


def test_what_does_not_end_is_ended_by_a_second_one():
    class Stuck:
        wants = ns.Novelty(made()).wants

        def take(self, *_):
            threading.Timer(0.05, interrupt).start()
            threading.Timer(0.2, interrupt).start()
            threading.Event().wait(60)
            raise AssertionError("nothing ended it")

    with pytest.raises(KeyboardInterrupt):
        ns.run(made(), ArrayStream(SAMPLES), listener=Stuck())
