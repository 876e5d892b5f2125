"""A source that replays goes on exactly after any sample, whatever lies in a message; and runs end with equal bits."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurosim as ns
from neurosim.online.companion import restore
from neurosim.state import store
from neurosim.streams.live.live import live_stream
from neurosim.streams.live.transport import Ended, Message, Transport


class Log(Transport):
    """Messages with offsets, of several partitions, given again from where `seek` says, some of them twice."""

    kind, replays = "log", True

    def __init__(self, messages, twice=()):
        self._all, self._twice, self._from = messages, set(twice), {}

    def seek(self, positions):
        self._from = dict(positions)

    def open(self, seconds):
        self._left = [message for message in self._all if message.offset >= self._from.get(message.partition, 0)]
        return True

    def receive(self, seconds):
        if not self._left:
            raise Ended
        message = self._left.pop(0)
        return [message] * (1 + (message.offset in self._twice))

    def close(self):
        pass


def lines(numbers):
    """Return a message of samples, one of each number; a negative number is a line that is none."""
    return b"\n".join(b"%d,1" % number if number >= 0 else b"x,1" for number in numbers)


def messages_of(shape):
    """Return messages of numbered samples, a pair (partition, samples in it) each; every fifth line is bad."""
    messages, number, offsets = [], 0, defaultdict(int)
    for partition, count in shape:
        numbers = [-1 if (number + index) % 5 == 4 else number + index for index in range(count)]
        messages.append(Message(lines(numbers), partition, offsets[partition]))
        number, offsets[partition] = number + count, offsets[partition] + 1 + number % 2
    return messages


def opened(messages, twice=()):
    return live_stream("log", Log(messages, twice), inputs=2, label=None, skip_bad=True)


def numbers(blocks):
    return [int(number) for block in blocks for number in block.samples[:, 0]]


SHAPES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4)), min_size=1, max_size=12)


@given(shape=SHAPES, size=st.integers(1, 7), twice=st.sets(st.integers(0, 5)), data=st.data())
@settings(max_examples=60, deadline=None)
def test_after_any_sample_the_rest_comes_once(shape, size, twice, data):
    messages = messages_of(shape)
    whole = numbers(opened(messages).arriving())
    assert whole == [number for number in range(sum(count for _, count in shape)) if number % 5 != 4]
    stream = opened(messages, twice)
    blocks, given = stream.arriving(size=size), []
    for block in blocks:
        before = len(given)
        given += numbers([block])
        taken = data.draw(st.integers(before, len(given)))  # a snapshot falls anywhere within what was read
        other = opened(messages)
        other.go_on(stream.kept(taken))
        assert sorted(given[:taken] + numbers(other.arriving())) == whole
    assert given == whole
    assert stream.counts.repeated == sum(message.offset in twice for message in messages)


def test_a_place_is_known_of_long_streams_too():
    messages = [Message(lines(range(first, first + 7)), first // 7 % 3, first // 21) for first in range(0, 210_000, 7)]
    stream = live_stream("log", Log(messages), inputs=2, label=None, skip_bad=True)
    given, checked = 0, 0
    for block in stream.arriving():
        given += len(block.samples)
        if given // 30_000 > checked:
            checked += 1
            taken = given - 100
            places = stream.kept(taken)["places"]
            # After `taken` samples the messages before are whole, and the next is read up to the same sample.
            wanted = {number // 7 % 3: (number // 21 + (number % 7 == 6), (number % 7 + 1) % 7)
                      for number in range(max(0, taken - 30), taken)}  # fmt: skip
            assert {partition: (offset, count) for partition, offset, count in places.tolist()} == wanted
    assert (given, checked) == (210_000, 7)


@pytest.mark.parametrize("places", [np.zeros(3, np.int64), np.zeros((1, 2), np.int64), None])
def test_what_is_no_place_is_refused(places):
    with pytest.raises(ValueError, match="the place in log must be"):
        opened([]).go_on({} if places is None else {"places": places})
    udp = ns.open_stream("udp:0", inputs=2)
    assert not udp.keeps
    with pytest.raises(ValueError, match="of a source that can go back"):
        udp.go_on({"places": np.zeros((1, 3), np.int64)})


def test_a_run_that_goes_on_from_any_snapshot_has_the_same_bits(tmp_path):
    messages = messages_of([(0, 3)] * 70)
    whole = ns.Chip([ns.recipes.softhebb(3, normalise="sample")], inputs=2, seed=1)
    ns.run(whole, opened(messages))
    state = tmp_path / "chip.h5"
    for stop in (1, 37, 100):
        chip = ns.Chip([ns.recipes.softhebb(3, normalise="sample")], inputs=2, seed=1)
        seen = []
        ns.run(chip, opened(messages), state=state, watch=lambda report, seen=seen: seen.append(report.samples),
               stop=lambda stop=stop, seen=seen: seen[-1] >= stop, chunk=1)  # fmt: skip
        assert store.read(state).position == stop
        stream, chip = opened(messages), ns.Chip.load(state)
        ns.run(chip, stream, state=state, position=restore(state, stream))
        assert chip.samples == whole.samples
        assert chip.state_sha256 == whole.state_sha256
        state.unlink()


def test_of_a_line_that_is_too_long_no_more_is_held_than_tells_it():
    long = Message(b"1," * 10**7 + b"\n0,1", 0, 0)
    stream = opened([long, Message(b"2,1", 0, 1)])
    [records] = [list(stream._decoder.cutter(True).cut(long.data))]
    assert sum(map(len, records)) < 10_000
    assert numbers_of(stream) == [0, 2]
    assert stream.counts.bad == 1
    with pytest.raises(ns.StreamError, match="must be shorter than"):
        list(live_stream("log", Log([long]), inputs=2, label=None).blocks())


def numbers_of(stream):
    return [int(sample[0]) for block in stream.blocks() for sample in block.samples]
