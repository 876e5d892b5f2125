"""`ns.watch`: an event for each sample, as soon as it is learned, and a chip that is whole whenever one leaves it."""

import os
import threading
from contextlib import closing

import numpy as np
import pytest

import neurosim as ns
from neurosim.state import store
from neurosim.streams import ArrayStream
from neurosim.streams.lines import LineStream

LAYERS = [ns.recipes.softhebb(12, transmit=ns.ReLU(), window=3), ns.recipes.softhebb(5)]
WAYS = [{}, {"chunk": "auto"}, {"chunk": 16}, {"chunk": 7, "threads": 2}]


def chip_of():
    return ns.Chip(LAYERS, inputs=64, seed=3)


@pytest.fixture(scope="module")
def labels():
    return next(ns.open_stream("digits").blocks(size=300)).labels


@pytest.mark.parametrize("way", WAYS)
def test_events_are_those_of_a_loop_over_samples(way, samples, labels):
    marked = labels[:90].copy()
    marked[7] = -1
    chip, twin = chip_of(), chip_of()
    events = list(ns.watch(chip, ArrayStream(samples[:90], marked), **way))
    assert len(events) == 90
    for number, (event, x, label) in enumerate(zip(events, samples, marked, strict=False)):
        found = twin.learn_one(x)
        assert (event.number, event.winner) == (number, found.winner)
        assert event.label == (None if label == -1 else label)
        for mine, its in zip((event.potentials, event.responses, event.output), found[:2] + found[3:], strict=True):
            assert mine.tobytes() == its.tobytes()
        assert 0 < event.latency_s < 1
        assert event.novelty is None
    assert chip.state_sha256 == twin.state_sha256


def test_each_event_comes_before_the_next_sample_is_read(samples):
    chip, read = chip_of(), []

    def sensor():
        for x in samples[:20]:
            read.append(chip.samples)
            yield x

    for event in ns.watch(chip, sensor()):
        assert chip.samples == len(read) == event.number + 1
        chip.respond_one(samples[0])  # the body may use the chip


def test_leaving_the_loop_leaves_the_samples_that_came_out_and_no_others(samples, tmp_path):
    chip, state = chip_of(), tmp_path / "chip.h5"
    for event in ns.watch(chip, ArrayStream(samples), state=state):
        if event.number == 41:
            break
    assert chip.samples == 42
    assert chip.state_sha256 == chip_of().learn(samples[:42]).state_sha256
    assert ns.Chip.load(state).state_sha256 == chip.state_sha256


@pytest.mark.parametrize("way", WAYS[1:])
def test_leaving_a_chunk_leaves_a_whole_chip(way, samples, tmp_path):
    chip, state = chip_of(), tmp_path / "chip.h5"
    events = ns.watch(chip, ArrayStream(samples), state=state, **way)
    with closing(events):
        for event in events:
            if event.number == 41:
                break
    assert 42 <= chip.samples <= 300
    assert chip.state_sha256 == chip_of().learn(samples[: chip.samples]).state_sha256
    assert ns.Chip.load(state).state_sha256 == chip.state_sha256
    assert list(events) == []
    learned = chip.samples
    chip.learn(samples[:3])  # nothing holds it any more
    assert chip.samples == learned + 3


@pytest.mark.parametrize("fails", [False, True])
def test_leaving_amid_the_last_events_keeps_the_state(fails, samples, tmp_path):
    chip, state, rows = chip_of(), tmp_path / "chip.h5", samples[:60].copy()
    if fails:
        rows[45, 3] = np.nan
    learned = 45 if fails else 60
    with closing(ns.watch(chip, ArrayStream(rows), state=state, chunk=7, threads=2)) as events:
        for event in events:
            if event.number == learned - 2:
                break
    assert chip.samples == learned
    assert store.read(state).position == learned
    assert ns.Chip.load(state).state_sha256 == chip.state_sha256 == chip_of().learn(samples[:learned]).state_sha256


def test_an_interrupt_in_the_body_leaves_the_chip_as_it_was_at_that_event(samples, tmp_path):
    chip, state = chip_of(), tmp_path / "chip.h5"
    with pytest.raises(KeyboardInterrupt), closing(ns.watch(chip, ArrayStream(samples), state=state)) as events:  # noqa: PT012
        for event in events:
            if event.number == 9:
                raise KeyboardInterrupt
    assert ns.Chip.load(state).state_sha256 == chip.state_sha256 == chip_of().learn(samples[:10]).state_sha256


@pytest.mark.parametrize("way", WAYS)
def test_an_error_comes_after_the_events_of_all_samples_before(way, samples):
    bad, numbers, chip = samples[:60].copy(), [], chip_of()
    bad[41, 3] = np.nan
    with pytest.raises(ns.SampleError, match="sample 41"):
        numbers.extend(event.number for event in ns.watch(chip, ArrayStream(bad), **way))
    assert numbers == list(range(41))
    chip = chip_of()
    passed = [event.number for event in ns.watch(chip, ArrayStream(bad), skip_bad=True, **way)]
    assert passed == [*range(41), *range(42, 60)]


def test_a_source_that_fails_or_has_nothing_says_so(samples):
    def sensor():
        yield from samples[:5]
        raise ZeroDivisionError

    events = ns.watch(chip_of(), sensor())
    numbers = []
    with pytest.raises(ZeroDivisionError):
        numbers.extend(event.number for event in events)
    assert numbers == list(range(5))
    with pytest.raises(ns.SampleError, match="at least one sample"):
        list(ns.watch(chip_of(), iter(())))
    with pytest.raises(ns.ConfigError, match="stream must be a Stream"):
        ns.watch(chip_of(), "digits")


@pytest.mark.parametrize("way", WAYS)
def test_a_frozen_chip_responds_and_nothing_changes(way, samples):
    chip = chip_of().learn(samples)
    before, names = chip.state_sha256, chip.classes
    wanted = chip.respond(samples[:50])
    events = list(ns.watch(chip, ArrayStream(samples[:50]), learn=False, **way))
    assert [event.winner for event in events] == wanted.winner.tolist()
    for event, responses, output in zip(events, wanted.responses, wanted.output, strict=True):
        assert event.responses.tobytes() == responses.tobytes()
        assert event.output.tobytes() == output.tobytes()
    assert (chip.state_sha256, chip.samples, chip.classes) == (before, 300, names)
    with pytest.raises(ns.ConfigError, match="state must be None where the chip only responds"):
        list(ns.watch(chip, ArrayStream(samples), learn=False, state="chip.h5", **way))


def test_a_pipe_is_read_no_further_than_the_events_that_were_asked_for():
    reading, writing = os.pipe()
    os.write(writing, b"".join(b"%d,%d\n" % (i % 7, 3) for i in range(40)))
    chip = ns.Chip([ns.recipes.softhebb(4)], inputs=2)
    with os.fdopen(reading, "rb") as pipe:
        stream = LineStream("-", lambda: pipe, inputs=2, replayable=False)
        for event in ns.watch(chip, stream):
            if event.number == 9:
                break
        os.close(writing)
        rest = [event.number for event in ns.watch(chip, stream, position=10)]
    assert rest == list(range(10, 40))
    assert chip.samples == 40


def test_an_event_comes_while_the_next_line_is_waited_for():
    reading, writing = os.pipe()
    chip, come = ns.Chip([ns.recipes.softhebb(4)], inputs=2), threading.Event()
    seen = []

    def write():
        for number in range(10):
            os.write(writing, b"%d,3\n" % number)
            seen.append(come.wait(60))
            come.clear()
        os.close(writing)

    with os.fdopen(reading, "rb") as pipe:
        writer = threading.Thread(target=write)
        writer.start()
        stream = LineStream("-", lambda: pipe, inputs=2, replayable=False)
        for _ in ns.watch(chip, stream, chunk="auto"):
            come.set()
        writer.join(60)
    assert seen == [True] * 10


@pytest.mark.parametrize("chunk", [1, 4])
def test_novelty_is_that_of_a_loop_and_goes_with_the_state(samples, tmp_path, chunk):
    chip, twin, state = chip_of(), chip_of(), tmp_path / "chip.h5"
    by_hand = ns.Novelty(twin)
    wanted = [by_hand.learn_one(twin.learn_one(x)).novelty for x in samples[:60]]
    events = list(ns.watch(chip, ArrayStream(samples[:60]), novelty=ns.Novelty(chip), chunk=chunk, state=state))
    assert np.array([event.novelty for event in events]).tobytes() == np.array(wanted).tobytes()
    assert "novelty" in store.read(state).beside
