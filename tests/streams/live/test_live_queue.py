"""The queue: never more than it may hold, in order, and everything accounted for, whatever the two threads do."""

import threading
import time

import pytest

import neurosim as ns
from neurosim.streams.live.queue import POLICIES, Queue, Record

WAIT = 20.0  # seconds


def record(number):
    return Record(b"%d" % number, number)


def numbers(records):
    return [record.arrived for record in records]


@pytest.fixture
def limited():
    """Return what makes a queue that ends with an error after a while, so that nobody waits at it for ever."""
    timers = []

    def made(most, policy):
        queue = Queue(most, policy)
        timers.append(threading.Timer(WAIT, queue.end, [TimeoutError("nothing comes")]))
        timers[-1].start()
        return queue

    yield made
    for timer in timers:
        timer.cancel()
        joined(timer)


def joined(thread):
    thread.join(WAIT)
    assert not thread.is_alive()


def filled(most, policy, count):
    queue = Queue(most, policy)
    for number in range(count):
        queue.put(record(number))
    return queue


@pytest.mark.parametrize(("policy", "kept"), [("drop-oldest", [7, 8, 9]), ("drop-newest", [0, 1, 2])])
def test_what_does_not_fit_is_dropped_and_counted(policy, kept):
    queue = filled(3, policy, 10)
    assert len(queue) == 3
    assert (queue.received, queue.dropped) == (10, 7)
    assert numbers(queue.take(10)) == kept


def test_with_block_the_thread_that_puts_waits(limited):
    queue = limited(3, "block")
    thread = threading.Thread(target=lambda: [queue.put(record(number)) for number in range(10)], daemon=True)
    thread.start()
    taken, deadline = [], time.monotonic() + WAIT
    while len(taken) < 10:
        assert time.monotonic() < deadline
        assert len(queue) <= 3
        taken += numbers(queue.take(2))
    joined(thread)
    assert taken == list(range(10))
    assert (queue.received, queue.dropped) == (10, 0)


def test_a_put_that_waits_ends_when_nothing_more_is_taken():
    queue = filled(2, "block", 2)
    thread = threading.Thread(target=lambda: queue.put(record(2)), daemon=True)
    thread.start()
    queue.close()
    joined(thread)
    assert (queue.received, queue.dropped, len(queue)) == (3, 1, 2)


@pytest.mark.parametrize("fault", [None, ns.StreamError("gone")])
def test_what_is_left_comes_before_the_end(fault):
    queue = filled(5, "block", 5)
    queue.end(fault)
    assert numbers(queue.take(3)) == [0, 1, 2]
    assert numbers(queue.take(3)) == [3, 4]
    if fault is None:
        assert queue.take(3) == []
    else:
        with pytest.raises(ns.StreamError, match="gone"):
            queue.take(3)


def test_as_many_as_are_wanted_are_waited_for_but_never_more_than_fit(limited):
    queue = limited(4, "block")
    thread = threading.Thread(target=lambda: [queue.put(record(number)) for number in range(8)], daemon=True)
    thread.start()
    assert numbers(queue.take(3, wanted=3)) == [0, 1, 2]
    assert len(queue.take(100, wanted=100)) == 4
    joined(thread)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("most", [1, 7, 1000])
def test_two_threads_account_for_every_record_and_keep_the_order(limited, policy, most):
    queue, count = limited(most, policy), 20_000

    def put():
        for number in range(count):
            queue.put(record(number))
        queue.end()

    thread = threading.Thread(target=put, daemon=True)
    thread.start()
    taken = []
    while records := queue.take(5):
        assert len(records) <= 5
        taken += numbers(records)
    joined(thread)
    assert taken == sorted(set(taken))
    assert queue.received == count
    assert len(taken) + queue.dropped == count
    assert policy != "block" or taken == list(range(count))


def test_an_unknown_policy_is_refused():
    with pytest.raises(ns.ConfigError, match="when_full must be one of block, drop-oldest, drop-newest, got 'drop'"):
        Queue(1, "drop")
