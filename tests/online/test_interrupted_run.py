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


@pytest.mark.parametrize(("chunk", "threads"), [(1, 1), (7, 2)])
def test_what_is_watched_is_ended_whole_and_its_state_is_written(tmp_path, chunk, threads):
    chip, state, events = made(), tmp_path / "chip.h5", []

    class Interrupting:  # hears of samples amid what the chip does with them
        wants = ns.Novelty(made()).wants

        def take(self, batch):
            if batch.first >= 100 and not came:
                came.append(batch.first)
                interrupt()
                interrupt_was_held.append(True)

    came, interrupt_was_held = [], []
    options = {"state": state, "chunk": chunk, "threads": threads, "listener": Interrupting()}
    with pytest.raises(KeyboardInterrupt):
        events.extend(event.number for event in ns.watch(chip, ArrayStream(SAMPLES), **options))
    assert interrupt_was_held
    learned = store.read(state).position
    assert events == list(range(len(events)))
    assert len(events) <= learned <= len(events) + 4 * chunk
    assert [layer.samples for layer in chip.layers] == [learned, learned]
    assert ns.Chip.load(state).state_sha256 == chip.state_sha256 == made().learn(SAMPLES[:learned]).state_sha256


def test_what_is_watched_and_waits_is_ended_at_once(tmp_path):
    chip, state = made(), tmp_path / "chip.h5"

    def sensor():
        yield from SAMPLES[:50]
        timer = threading.Timer(0.05, interrupt)
        timer.start()
        threading.Event().wait(60)
        yield SAMPLES[50]

    with pytest.raises(KeyboardInterrupt):
        list(ns.watch(chip, sensor(), state=state))
    assert [layer.samples for layer in chip.layers] == [50, 50]
    assert store.read(state).position == 50


def test_a_body_that_is_interrupted_leaves_the_chip_at_its_event():
    chip = made()

    def body(event):
        if event.number == 9:
            interrupt()
            raise AssertionError("it was held back")

    with pytest.raises(KeyboardInterrupt):
        list(map(body, ns.watch(chip, ArrayStream(SAMPLES))))
    assert [layer.samples for layer in chip.layers] == [10, 10]


def test_an_interrupt_of_the_streams_own_is_raised():
    def sensor():
        yield SAMPLES[0]
        raise KeyboardInterrupt

    for run in (lambda: ns.run(made(), sensor()), lambda: list(ns.watch(made(), sensor()))):
        with pytest.raises(KeyboardInterrupt):
            run()
