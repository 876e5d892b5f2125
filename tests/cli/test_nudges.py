"""A signal that comes just before a wait ends it: Python itself would hear of it only when the wait is over."""

import ctypes
import operator
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from functools import partial

import numpy as np
import pytest

import neurosim as ns
from neurosim.cli.interrupts import Interrupts
from neurosim.cli.nudges import NUDGE, Nudges
from neurosim.online.stop import Stop
from neurosim.streams import ArrayStream

pytestmark = pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals come to the main thread alone"
)
SOON = 20  # seconds, within which every wait here is over, whatever else the machine does; without nudges none ends


def after_a_signal(number, wait):
    """Call the C library's `raise` and then what waits: no step of Python, which would call a handler, is between."""
    return list(map(operator.call, [partial(ctypes.CDLL(None)["raise"], number), wait]))[1]


@pytest.fixture
def silent():
    """A pipe to which something comes only when all should be over, so that a test fails and does not hang."""
    read, write = os.pipe()
    late = threading.Timer(SOON, os.write, (write, b"late\n"))
    late.start()
    yield read
    assert late.is_alive()  # so it was not this that ended the wait
    late.cancel()
    late.join()
    os.close(read)
    os.close(write)


def test_without_nudges_the_signal_is_heard_when_the_wait_is_over():
    read, write = os.pipe()
    threading.Timer(0.3, os.write, (write, b"x")).start()
    came = []
    before = signal.signal(signal.SIGINT, lambda *_: came.append(time.monotonic()))
    try:
        begun = time.monotonic()
        assert after_a_signal(signal.SIGINT, partial(os.read, read, 1)) == b"x"
    finally:
        signal.signal(signal.SIGINT, before)
        os.close(read)
        os.close(write)
    assert came[0] - begun > 0.2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_wait_is_ended_by_a_signal_just_before_it(silent, number):
    with Nudges(), Interrupts(Stop) as interrupts, pytest.raises(Stop), interrupts.waiting():
        after_a_signal(number, partial(os.read, silent, 1))
    assert interrupts.signal == number


def test_ctrl_c_before_a_command_has_begun_to_note_it(silent):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with Nudges(), pytest.raises(KeyboardInterrupt):
            after_a_signal(signal.SIGINT, partial(os.read, silent, 1))
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_waits_are_ended_as_well():
    lock = threading.Lock()
    lock.acquire()
    for wait in (partial(time.sleep, SOON), partial(lock.acquire, True, SOON)):
        begun = time.monotonic()
        with Nudges(), Interrupts(Stop) as interrupts, pytest.raises(Stop), interrupts.waiting():
            after_a_signal(signal.SIGINT, wait)
        assert time.monotonic() - begun < SOON


def test_an_exception_that_python_dropped_is_raised_again(silent, monkeypatch):
    class Thing:
        pass

    things = [Thing()]
    kept = weakref.ref(things[0], lambda _: signal.raise_signal(signal.SIGINT))

    def drop_and_wait():
        things.clear()
        os.read(silent, 1)

    dropped = []
    monkeypatch.setattr(sys, "unraisablehook", lambda given: dropped.append(given.exc_type))
    with Nudges(), Interrupts(Stop) as interrupts, pytest.raises(Stop), interrupts.waiting():
        drop_and_wait()
    assert dropped == [Stop]
    assert kept() is None


def test_what_ends_a_wait_is_not_ended_by_a_nudge():
    done = []

    def wait_and_clean_up():
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            time.sleep(0.1)  # longer than a nudge takes
            done.append(True)

    with Nudges(), Interrupts(Stop) as interrupts, pytest.raises(Stop), interrupts.waiting():
        wait_and_clean_up()
    assert done == [True]


def test_what_others_have_set_is_left_alone():
    read, write = os.pipe()
    os.set_blocking(write, False)
    mine, before = signal.set_wakeup_fd(write), signal.getsignal(NUDGE)
    try:
        with Nudges():
            assert signal.getsignal(NUDGE) == before
            assert signal.set_wakeup_fd(write) == write
    finally:
        assert signal.set_wakeup_fd(mine) == write
        os.close(read)
        os.close(write)
    with Nudges():
        assert signal.getsignal(NUDGE) != before
        assert any(thread.name == "neurosim-signals" for thread in threading.enumerate())
    assert signal.getsignal(NUDGE) == before
    assert signal.set_wakeup_fd(-1) == -1
    assert not any(thread.name == "neurosim-signals" for thread in threading.enumerate())


def test_other_threads_have_no_nudges():
    seen = []

    def body():
        with Nudges():
            seen.append(signal.getsignal(NUDGE))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_DFL]


# The command, whose standard input is a pipe that is silent after some lines; then a signal comes just before it waits.
PROGRAM = """
import ctypes, operator, sys
from functools import partial

class Input:
    def __init__(self, file):
        self.file, self.calls = file, 0
    def __getattr__(self, name):
        return getattr(self.file, name)
    def peek(self, size):
        self.calls += 1
        if self.calls <= LINES:
            return self.file.peek(size)
        calls = [partial(ctypes.CDLL(None)["raise"], 2), partial(self.file.peek, size)]
        return list(map(operator.call, calls))[1]

class Text:
    buffer = Input(sys.stdin.buffer)

sys.stdin = Text()
from neurosim.cli import entry
entry()
"""


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    path = tmp_path_factory.mktemp("nudges") / "chip.h5"
    chip = ns.Chip([ns.recipes.softhebb(6)], inputs=4)
    samples = np.random.default_rng(0).random((60, 4), dtype=np.float32)
    chip.learn(samples).save(path)
    ns.Readouts.fit(chip, ArrayStream(samples, np.arange(60) % 2)).keep(path)
    return path


@pytest.mark.parametrize(("lines", "arguments"), [
    (0, ("predict", "STATE", "-", "--out", "-")),
    pytest.param(1, ("predict", "STATE", "-", "--out", "-"), marks=pytest.mark.slow),
    pytest.param(1, ("stream", "-", "--inputs", "4", "--neurons", "6", "--emit", "winner"), marks=pytest.mark.slow),
    pytest.param(1, ("stream", "-", "--inputs", "4", "--neurons", "6", "--state", "NEW"), marks=pytest.mark.slow),
])  # fmt: skip
def test_a_command_that_waits_for_a_silent_pipe_ends(state, tmp_path, lines, arguments):
    program, files = PROGRAM.replace("LINES", str(lines)), {"STATE": str(state), "NEW": str(tmp_path / "new.h5")}
    command = [sys.executable, "-c", program, *(files.get(word, word) for word in arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdin.write(b"0.1,0.2,0.3,0.4\n" * lines)
        process.stdin.flush()
        try:
            assert process.wait(60) == 130
        finally:
            process.kill()
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.slow
def test_predictions_that_nobody_reads_do_not_outlast_ctrl_c(state, tmp_path):
    source = tmp_path / "many.csv"
    source.write_text("0.1,0.2,0.3,0.4\n" * 20_000)  # predictions of which fill any pipe
    command = [sys.executable, "-m", "neurosim", "predict", str(state), str(source), "--out", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout.read(18) == b"sample,prediction\n"
            time.sleep(0.5)  # in which the pipe is filled
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
        finally:
            process.kill()
        told = process.stderr.read()
    assert b"nobody read standard output" in told
    assert b"Traceback" not in told
