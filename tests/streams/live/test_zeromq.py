"""Messages of ZeroMQ's sockets, without a broker between."""

import time

import pytest
from live_reading import LiveReading

import neurosim as ns

zmq = pytest.importorskip("zmq", reason="pyzmq is not installed")
SILENCE = 0.4  # seconds that end a stream


@pytest.fixture
def context():
    """Makes sockets, and closes them."""
    made, sockets = zmq.Context(), []

    class Context:
        def socket(self, kind):
            sockets.append(made.socket(kind))
            return sockets[-1]

    yield Context()
    for each in sockets:
        each.close(0)
    made.term()


def bound(context, kind, endpoint="tcp://127.0.0.1:*"):
    """Return a socket that is bound, and its endpoint."""
    made = context.socket(kind)
    made.bind(endpoint)
    return made, made.last_endpoint.decode()


def bound_again(context, kind, endpoint):
    """Return a socket that is bound where one is being closed."""
    made = context.socket(kind)
    for _ in range(500):
        try:
            made.bind(endpoint)
        except zmq.ZMQError:
            time.sleep(0.02)
        else:
            return made
    raise AssertionError(f"{endpoint} does not become free")


def opened(endpoint, **options):
    return ns.open_stream(f"zmq:{endpoint}", **({"inputs": 2, "idle": SILENCE} | options))


def test_a_subscriber_gets_the_last_part_of_messages_of_its_topic(context):
    publisher, endpoint = bound(context, zmq.XPUB)
    with LiveReading(opened(f"{endpoint}?topic=a")) as reading:
        assert publisher.poll(10_000)
        assert publisher.recv() == b"\x01a"  # it has subscribed
        for number in range(500):
            publisher.send_multipart([b"a", b"ignored", f"{number},1".encode()])
            publisher.send_multipart([b"b", b"ignored", f"{number},2".encode()])
    assert reading.fault is None
    assert reading.numbers == list(range(500))
    assert {sample[1] for sample in reading.samples} == {1}


@pytest.mark.parametrize("bind", [True, False])
def test_what_is_pushed_comes_once_and_the_pusher_waits(context, bind, tmp_path):
    if bind:
        endpoint, sender = f"ipc://{tmp_path}/chip", context.socket(zmq.PUSH)
        sender.connect(endpoint)
    else:
        sender, endpoint = bound(context, zmq.PUSH)
    stream = opened(f"{endpoint}?kind=pull&bind={'yes' if bind else 'no'}", queue=8)
    sender.sndtimeo = 10_000
    with LiveReading(stream) as reading:
        for number in range(5000):
            sender.send(f"{number},1".encode())
    assert reading.numbers == list(range(5000))
    assert stream.counts.dropped == 0


def test_a_publisher_that_goes_away_is_tried_again_and_all_that_it_sent_is_taken(context):
    publisher, endpoint = bound(context, zmq.XPUB)
    with LiveReading(opened(endpoint, reconnect=10.0, idle=5.0), most=200) as reading:
        assert publisher.poll(10_000)
        for number in range(100):
            publisher.send(f"{number},1".encode())
        publisher.close(linger=5000)
        publisher = bound_again(context, zmq.XPUB, endpoint)
        reading.connected(2)
        assert publisher.poll(10_000)
        for number in range(100, 200):
            publisher.send(f"{number},1".encode())
        reading.came(200)
    assert reading.fault is None
    assert reading.numbers == list(range(200))


def test_nobody_there_and_a_port_that_is_taken_are_errors(context):
    pusher, endpoint = bound(context, zmq.PUSH)
    with pytest.raises(ns.StreamError, match="in use"):
        list(opened(f"{endpoint}?kind=pull&bind=yes").arriving())
    pusher.close(0)
    with pytest.raises(ns.StreamError, match=r"be there within 0\.3 s.*nobody answers"):
        list(opened(endpoint, reconnect=0.3).arriving())


def test_an_address_to_listen_at_is_told_how():
    stream = ns.open_stream("zmq:tcp://*:18855?kind=pull", inputs=2, idle=5)
    with pytest.raises(ns.StreamError, match="it takes bind=yes"):
        list(stream.blocks())


def test_a_peer_that_goes_away_for_good_is_an_error(context):
    publisher, endpoint = bound(context, zmq.XPUB)
    with LiveReading(opened(endpoint, idle=20.0)) as reading:
        assert publisher.poll(10_000)
        publisher.close(0)
    assert "must stay connected" in str(reading.fault)
