"""Snapshots while the stream is waited for, by the clock and on request: of all that was taken, and of no more."""

import threading
import time

import numpy as np
import pytest
from processes import wait_until

import neurosim as ns
from neurosim.online.request import Request
from neurosim.state import store
from neurosim.streams import Block

ALWAYS = 1e-3  # seconds between snapshots


class Sensor(ns.Stream):
    """A sensor that gives samples, and calls a function after some of them: until it returns, it is silent."""

    name, length, labelled, replayable = "sensor", None, False, False

    def __init__(self, samples, silences):
        self.samples, self.silences, self.inputs = samples, silences, samples.shape[1]

    def blocks(self, start=0, size=256):
        for first in range(start, len(self.samples), size):
            yield Block(self.samples[first : first + size], None)
            if silence := self.silences.get(min(first + size, len(self.samples))):
                silence()

    def fingerprint(self):
        return "sensor"


@pytest.fixture
def state(tmp_path):
    return tmp_path / "chip.h5"


def until_at(state, position):
    """Return a silence that ends when the state is at a position."""
    return lambda: wait_until(lambda: state.exists() and store.read(state).position == position)


@pytest.mark.parametrize(("chunk", "threads"), [
    (10, 3), *(pytest.param(*case, marks=pytest.mark.slow) for case in ((1, 1), (1, 2), (10, 1)))
])  # fmt: skip
def test_a_silent_sensor_is_snapshotted_by_the_clock(make_chip, samples, state, chunk, threads):
    seen = {}

    def silence(position):
        def wait():
            until_at(state, position)()
            seen[position] = ns.Chip.load(state).state_sha256

        return wait

    sensor = Sensor(samples, {position: silence(position) for position in (20, 250)})
    chip = make_chip(30, 20, 10, window=3)
    options = {"chunk": chunk, "threads": threads, "snapshot_seconds": ALWAYS}
    report = ns.run(chip, sensor, state=state, **options)
    for position, digest in seen.items():
        assert digest == make_chip(30, 20, 10, window=3).learn(samples[:position]).state_sha256
    assert chip.state_sha256 == make_chip(30, 20, 10, window=3).learn(samples).state_sha256
    assert report.samples == store.read(state).position == 300


def test_it_works_in_a_thread_that_is_not_the_main_one(make_chip, samples, state):
    found = []
    sensor = Sensor(samples, {50: until_at(state, 50)})
    thread = threading.Thread(
        target=lambda: found.append(ns.run(make_chip(9), sensor, state=state, snapshot_seconds=ALWAYS))
    )
    thread.start()
    thread.join()
    assert found[0].samples == 300


def test_what_is_written_is_not_written_again(make_chip, samples, state):
    written = []

    def silence():
        until_at(state, 100)()
        first = state.stat()
        time.sleep(0.2)  # time for a hundred snapshots; on a slow machine for fewer, and then this cannot fail
        written.append(state.stat() == first)

    ns.run(make_chip(9), Sensor(samples, {100: silence}), state=state, snapshot_seconds=ALWAYS)
    assert written == [True]


def test_by_samples_alone_nothing_is_written_while_it_waits(make_chip, samples, state):
    report = ns.run(
        make_chip(9), Sensor(samples, {110: lambda: time.sleep(0.05)}), state=state, snapshot_seconds=0,
        snapshot_samples=100,
    )  # fmt: skip
    assert report.snapshots == 3  # at 100 and 200, and at the end


@pytest.mark.parametrize("options", [
    {"snapshot_seconds": 1e300}, {"snapshot_seconds": 0}, {"snapshot_seconds": 0, "snapshot_samples": 1000},
])  # fmt: skip
def test_a_snapshot_is_taken_when_it_is_asked_for(make_chip, samples, state, options):
    request = Request()

    def silence():
        request.ask()
        until_at(state, 100)()

    def watch(report):
        if report.samples == 200:
            request.ask()

    # It is taken after the sample, or, while the one before is written, as soon as that is done.
    taken = {100: silence, 250: lambda: wait_until(lambda: not request.pending)}
    report = ns.run(make_chip(9), Sensor(samples, taken), state=state, request=request, watch=watch, **options)
    assert report.snapshots == 3


def test_asked_for_without_a_state_it_does_nothing(make_chip, samples):
    request = Request()
    ns.run(make_chip(9), Sensor(samples, {100: request.ask}), request=request)


def test_a_chip_that_diverges_under_way_ends_the_run_though_it_waits(make_chip, samples, state):
    # Two layers at work at the same time: the second one diverges on a sample under way, which the snapshot waits for.
    chip = make_chip(20, 10)

    def silence():
        chip.layers[1].state.norms[...] = np.nan
        wait_until(lambda: not any(thread.name == "neurosim-snapshots" for thread in threading.enumerate()))

    with pytest.raises((ns.StateError, ns.DivergedError)):
        ns.run(chip, Sensor(samples, {50: silence}), state=state, threads=2, snapshot_seconds=ALWAYS)


def test_the_thread_ends_with_the_run(make_chip, samples, state):
    for error in (None, ns.StreamError("gone")):

        def fail(error=error):
            if error is not None:
                raise error

        before = threading.active_count()
        try:
            ns.run(make_chip(9), Sensor(samples, {100: fail}), state=state, snapshot_seconds=ALWAYS)
        except ns.StreamError:
            assert error is not None
        assert threading.active_count() == before
