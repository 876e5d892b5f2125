"""Messages of a broker of Kafka: each once, in the order of its partition, from the place that a snapshot keeps."""

import os
import signal
import threading
import time
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest
from mock_kafka import broker

import neurosim as ns
from neurosim.streams.live.kafka import Kafka


@pytest.fixture(scope="module")
def kafka():
    """A broker for all tests of the module; each has topics of its own."""
    with broker() as started:
        yield started


def opened(kafka, topic, **options):
    """Open a topic up to what is its end now; silence ends it, if nothing else does."""
    return ns.open_stream(f"kafka:{kafka.server}/{topic}", **({"inputs": 2, "idle": 10.0} | options))


def lines(count, first=0):
    """Return messages of samples (number, 1)."""
    return [f"{number},1".encode() for number in range(first, first + count)]


def numbers(blocks, most=None):
    """Return the first input of each sample, of the first `most` ones if so many come."""
    found = []
    for block in blocks:
        found += block.samples[:, 0].astype(int).tolist()
        if most is not None and len(found) >= most:
            break
    blocks.close()
    return found


def test_each_message_comes_once_in_the_order_of_its_partition(kafka):
    kafka.topic("twice", 2)
    kafka.send("twice", lines(500), partitions=2)
    stream = opened(kafka, "twice?until=end")
    found = numbers(stream.arriving())
    assert [number for number in found if number % 2 == 0] == list(range(0, 500, 2))
    assert [number for number in found if number % 2 == 1] == list(range(1, 500, 2))
    counts = asdict(stream.counts)
    assert counts["received"] == 500
    assert counts["connections"] == 1
    assert {name: counts[name] for name in ("dropped", "lost", "repeated", "bad")} == dict.fromkeys(
        ("dropped", "lost", "repeated", "bad"), 0
    )
    assert numbers(opened(kafka, "twice?until=end&partitions=1").blocks()) == list(range(1, 500, 2))


def test_a_run_goes_on_after_any_sample_with_the_next_also_within_a_message(kafka):
    kafka.topic("packed", 2)
    frames = np.stack([np.arange(90, dtype="<f4"), np.ones(90, "<f4")], axis=1)
    kafka.send("packed", [frames[first : first + 3].tobytes() for first in range(0, 90, 3)], partitions=2)
    stream = opened(kafka, "packed?until=end", format="f32")
    assert stream.keeps
    found = numbers(stream.blocks(size=7))
    assert sorted(found) == list(range(90))
    for taken in range(91):
        kept = stream.kept(taken)
        if taken % 9:  # some are enough
            continue
        rest = opened(kafka, "packed?until=end", format="f32")
        rest.go_on(kept)
        assert sorted(found[:taken] + numbers(rest.arriving())) == list(range(90))
    ends = [[0, 15, 0], [1, 15, 0]]
    assert stream.kept(90)["places"].tolist() == ends
    assert opened(kafka, "packed").identity()["name"] == "kafka packed"


def test_where_reading_began_is_kept_before_anything_comes(kafka):
    kafka.topic("later")
    kafka.send("later", lines(5))
    stream = opened(kafka, "later?from=end")

    def send_when_open():
        until = time.monotonic() + 10
        while not stream.transport.began() and time.monotonic() < until:
            time.sleep(0.01)
        kafka.send("later", lines(3, first=5))

    sender = threading.Thread(target=send_when_open)
    sender.start()
    blocks = stream.arriving()
    first = next(blocks)
    sender.join(10)
    assert stream.transport.began() == {0: 5}
    assert first.samples[0, 0] == 5
    blocks.close()
    again = opened(kafka, "later?from=end&until=end")
    again.go_on(stream.kept(0))
    assert numbers(again.arriving()) == [5, 6, 7]


def test_a_broker_that_goes_away_and_comes_back_loses_and_repeats_nothing(kafka):
    kafka.topic("away")
    kafka.send("away", lines(10))
    stream = opened(kafka, "away", reconnect=10.0)
    blocks, found = stream.arriving(), []
    while len(found) < 10:
        found += next(blocks).samples[:, 0].astype(int).tolist()
    kafka.order("down")

    def come_back():
        kafka.order("up")
        kafka.send("away", lines(10, first=10))

    back = threading.Timer(1.0, come_back)
    back.start()
    while len(found) < 20:
        found += next(blocks).samples[:, 0].astype(int).tolist()
    back.join(20)
    assert not back.is_alive()
    blocks.close()
    assert found == list(range(20))
    assert stream.counts.connections == 2
    assert stream.counts.repeated == 0


def test_a_broker_that_stays_away_is_an_error(kafka):
    kafka.topic("gone")
    kafka.send("gone", lines(3))
    stream = opened(kafka, "gone")
    blocks = stream.arriving()
    assert len(next(blocks).samples) > 0
    kafka.order("down")
    try:
        with pytest.raises(ns.StreamError, match="must stay connected"):
            numbers(blocks)
    finally:
        kafka.order("up")


def test_nobody_there_and_no_such_topic_are_errors(kafka):
    with pytest.raises(ns.StreamError, match=r"be there within 0\.3 s"):
        numbers(opened(kafka, "nothing", reconnect=0.3).arriving())
    kafka.topic("single")
    with pytest.raises(ns.StreamError, match="has 1 partitions, and none 4"):
        numbers(opened(kafka, "single?partitions=0,4").arriving())


def test_messages_that_are_deleted_are_missed_only_if_they_were_not_taken(kafka):
    kafka.topic("deleted")
    kafka.send("deleted", lines(20))
    stream = opened(kafka, "deleted?until=end")
    numbers(stream.arriving())
    kafka.delete("deleted", 0, 12)
    again = opened(kafka, "deleted?until=end")
    again.go_on(stream.kept(12))
    assert numbers(again.arriving()) == list(range(12, 20))
    again = opened(kafka, "deleted?until=end")
    again.go_on(stream.kept(11))
    with pytest.raises(ns.StreamError, match=r"must have the message 11.*it has 12 to before 20"):
        numbers(again.arriving())
    again.go_on({"places": np.array([[0, 21, 0]])})
    with pytest.raises(ns.StreamError, match="must have the message 21"):
        numbers(again.arriving())


def test_messages_that_are_no_samples_are_counted_or_end_the_run(kafka):
    kafka.topic("odd")
    kafka.send("odd", [b"0,1", None, b"1,2,3", b"", b"words", b"1,1"])
    with pytest.raises(ns.StreamError, match="skip-bad"):
        numbers(opened(kafka, "odd?until=end").arriving())
    stream = opened(kafka, "odd?until=end", skip_bad=True)
    assert numbers(stream.arriving()) == [0, 1]
    assert stream.counts.bad >= 2  # a message without a value has no line


def test_properties_stand_in_a_file_and_leave_ours_alone(kafka, tmp_path):
    kafka.topic("with")
    kafka.send("with", lines(3))
    file = tmp_path / "kafka.properties"
    file.write_text("# how to get there\ngroup.id = neurosim-7\n\nfetch.min.bytes=1\n")
    assert numbers(opened(kafka, f"with?until=end&properties={file}").arriving()) == [0, 1, 2]
    faults = {"auto.offset.reset=latest": "none of", "no value": "NAME=VALUE", "no.such.property=1": "librdkafka"}
    for text, told in faults.items():
        file.write_text(text)
        with pytest.raises(ns.StreamError, match=told):
            numbers(opened(kafka, f"with?properties={file}").arriving())
    with pytest.raises(ns.StreamError, match=r"properties .* must be a file that can be read"):
        opened(kafka, f"with?properties={tmp_path}/none")


def test_a_small_queue_that_is_full_stops_reading_and_loses_nothing(kafka):
    kafka.topic("full")
    kafka.send("full", lines(5000))
    stream = opened(kafka, "full?until=end", queue=3)
    found = []
    for block in stream.arriving():
        if not found:
            time.sleep(0.2)
            assert stream.counts.received <= len(block.samples) + 3 + 1  # three wait, and one has no room
        found += block.samples[:, 0].astype(int).tolist()
    assert found == list(range(5000))
    assert stream.counts.dropped == 0


@pytest.mark.slow
def test_a_broker_that_says_nothing_any_more_is_an_error():
    with broker() as own:
        own.topic("frozen")
        own.send("frozen", lines(3))
        blocks = opened(own, "frozen", idle=60.0).arriving()
        next(blocks)
        os.kill(own.pid, signal.SIGSTOP)
        try:
            with pytest.raises(ns.StreamError, match="must stay connected"):
                numbers(blocks)
        finally:
            os.kill(own.pid, signal.SIGCONT)


def test_a_topic_without_a_partition_is_an_error_and_no_wait_for_messages():
    pytest.importorskip("confluent_kafka")
    transport = Kafka(["127.0.0.1:9"], "empty")
    found = SimpleNamespace(topics={"empty": SimpleNamespace(error=None, partitions={})})
    transport._consumer = SimpleNamespace(list_topics=lambda topic, timeout: found)
    with pytest.raises(ConnectionError, match="has no partition"):
        transport._places(time.monotonic() + 1)


def test_a_partition_that_lost_its_place_is_told_though_others_have_messages():
    message = SimpleNamespace(
        partition=lambda: 1, offset=lambda: 7, error=lambda: None, value=lambda: b"0,1", key=lambda: None
    )
    pytest.importorskip("confluent_kafka")
    transport = Kafka(["127.0.0.1:9"], "busy")
    transport._consumer = SimpleNamespace(poll=lambda seconds: message, consume=lambda most, seconds: [])
    assert [each.data for each in transport.receive(0.1)] == [b"0,1"]
    transport._fault = ns.StreamError("partition 0 lost its place")
    with pytest.raises(ns.StreamError, match="lost its place"):
        transport.receive(0.1)
