"""Whose turn it is to receive: that of the thread which reads as long as it waits, and else that of the other."""

import threading
import time
from queue import Empty, SimpleQueue

import pytest
from processes import wait_until

import neurosim as ns
from neurosim.streams.live.live import live_stream
from neurosim.streams.live.transport import Closed, Ended, Message, Transport
from neurosim.streams.live.turns import Turns


class Wire(Transport):
    """A transport whose messages a test puts in; it notes which thread received each, and that never two do."""

    kind, any_thread = "wire", True

    def __init__(self):
        self.put, self.threads, self._one = SimpleQueue(), [], threading.Lock()

    def open(self, _seconds):
        return True

    def receive(self, seconds):
        assert self._one.acquire(blocking=False), "two threads receive at once"
        try:
            what = self.put.get(timeout=seconds)
        except Empty:
            return []
        finally:
            self._one.release()
        if isinstance(what, Exception):
            raise what
        self.threads.append(threading.get_ident())
        return [Message(b"%d" % number) for number in what]

    def close(self):
        pass


@pytest.fixture
def wire():
    return Wire()


def reading(wire, **options):
    """Return blocks of a stream of the wire, as a run asks for them: 256 samples at most."""
    stream = live_stream("wire", wire, inputs=1, label=None, **options)
    return stream, stream.arriving(0, lambda: 256)


def numbers(block):
    return block.samples[:, 0].tolist()


def test_samples_that_come_alone_are_received_by_the_thread_that_reads(wire):
    stream, blocks = reading(wire)
    for number in range(200):
        wire.put.put([number])
        assert numbers(next(blocks)) == [number]
    assert wire.threads.count(threading.get_ident()) > 100  # not the first, and not when this test was held up
    assert stream.counted(200) == stream.counted(0) | {"left": 0}
    assert stream.arrived(0, 200).tolist() == sorted(stream.arrived(0, 200))
    blocks.close()


def test_while_the_reader_does_something_else_the_other_thread_receives(wire):
    stream, blocks = reading(wire)
    for number in range(5):
        wire.put.put([number])
        next(blocks)
    for number in range(5, 9):
        wire.put.put([number])
    wait_until(lambda: stream.counts.received == 9)
    assert set(wire.threads[5:]) == set(wire.threads) - {threading.get_ident()}
    read = time.monotonic_ns()
    assert numbers(next(blocks)) == [5, 6, 7, 8]
    assert (stream.arrived(5, 4) < read).all()
    for number in range(9, 200):  # and then the reader again
        wire.put.put([number])
        assert numbers(next(blocks)) == [number]
    assert wire.threads[9:].count(threading.get_ident()) > 50
    blocks.close()


def test_the_reader_has_no_turn_before_it_is_lent_one():
    turns = Turns()
    assert not turns.take()  # also where the other thread has not begun yet
    turns.lend(lambda: True)
    assert not turns.take()


def test_after_many_at_once_the_other_thread_receives_while_they_are_learned(wire, monkeypatch):
    stream, blocks = reading(wire)
    for number in range(50):  # so that it is the reader's turn
        wire.put.put([number])
        next(blocks)
    monkeypatch.setattr("neurosim.streams.live.turns.LOOK", 600.0)
    for number in range(50, 60):  # the other thread waits for so long from now on
        wire.put.put([number])
        next(blocks)
        time.sleep(0.01)
    wire.put.put([*range(60, 80)])
    assert numbers(next(blocks)) == [*range(60, 80)]
    wire.put.put([80])
    wait_until(lambda: stream.counts.received == 81)
    assert numbers(next(blocks)) == [80]
    blocks.close()


def test_who_waits_for_whole_blocks_takes_no_turns(wire, monkeypatch):
    monkeypatch.setattr(Turns, "lend", lambda *_: pytest.fail("lends a turn that nobody takes"))
    stream, _ = reading(wire)
    blocks = stream.blocks(0, 4)
    for number in range(0, 40, 2):
        wire.put.put([number, number + 1])
    assert [numbers(next(blocks)) for _ in range(10)] == [[*range(first, first + 4)] for first in range(0, 40, 4)]
    blocks.close()


def test_after_a_long_silence_too(wire, monkeypatch):
    monkeypatch.setattr("neurosim.streams.live.turns.QUIET", 1)
    stream, blocks = reading(wire)
    for number in range(8):
        threading.Timer(0.05, wire.put.put, [[number]]).start()
        assert numbers(next(blocks)) == [number]
    wire.put.put([8])
    wait_until(lambda: stream.counts.received == 9)
    assert numbers(next(blocks)) == [8]
    blocks.close()


@pytest.mark.parametrize(("policy", "kept"), [("drop-newest", [0, 1]), ("drop-oldest", [4, 5]), ("block", range(6))])
def test_more_than_the_queue_holds_is_left_to_the_other_thread_and_goes_by_the_policy(wire, policy, kept):
    stream, blocks = reading(wire, queue=2, when_full=policy)
    for _ in range(50):  # so that it is the reader's turn
        wire.put.put([9])
        next(blocks)
    wire.put.put([*range(6)])
    wire.put.put(Ended())
    found = [number for block in blocks for number in numbers(block)]
    dropped = stream.counts.dropped
    assert found == sorted(found)
    assert len(found) + dropped == 6
    assert (dropped == 0) == (policy == "block")
    assert set(kept) & set(found)


@pytest.mark.parametrize("end", [Closed(), Ended(), ConnectionResetError("gone")])
def test_what_ends_a_connection_in_the_readers_turn_ends_the_stream(wire, end):
    _, blocks = reading(wire)
    for number in range(50):
        wire.put.put([number])
        next(blocks)
    wire.put.put(end)
    if isinstance(end, Closed):
        assert next(blocks, None) is None
    else:
        with pytest.raises(ns.StreamError, match=r"wire must stay connected .*, but: gone"):
            next(blocks)


def test_silence_in_the_readers_turn_ends_the_stream(wire):
    _, blocks = reading(wire, idle=0.3)
    for number in range(50):
        wire.put.put([number])
        next(blocks)
    assert next(blocks, None) is None


def test_a_reader_that_is_interrupted_in_its_turn_ends_the_thread(wire):
    _, blocks = reading(wire)
    for number in range(50):
        wire.put.put([number])
        next(blocks)
    wire.put.put(KeyboardInterrupt())
    wire.receive = lambda _seconds: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        next(blocks)
    wait_until(lambda: not [thread for thread in threading.enumerate() if thread.name == "neurosim-receiver"])


def test_other_transports_are_received_by_their_own_thread_alone(wire):
    wire.any_thread = False
    _, blocks = reading(wire)
    for number in range(50):
        wire.put.put([number])
        assert numbers(next(blocks)) == [number]
    assert threading.get_ident() not in wire.threads
    blocks.close()
