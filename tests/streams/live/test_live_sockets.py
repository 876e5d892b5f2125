"""TCP and UDP by real sockets: what arrives is learned in order, and what does not is counted."""

import socket
import threading

import numpy as np
import pytest

import neurosim as ns
from neurosim.streams.live.receiver import Counts

WAIT = 20.0  # seconds: the end of every wait in these tests


@pytest.fixture
def opened():
    """Return a function that opens a source which is listened to, with its address."""

    def open_live(source, **options):
        stream = ns.open_stream(source, **{"idle": WAIT} | options)
        stream.prepare()
        return stream, stream.transport.address

    return open_live


def connected(address):
    return socket.create_connection(address, timeout=WAIT)


def told(target, *arguments):
    """Start a thread that sends."""
    thread = threading.Thread(target=target, args=arguments, daemon=True)
    thread.start()
    return thread


def numbered(count, inputs=4):
    """Return samples of which each has its number in it."""
    return np.arange(count * inputs, dtype="<f4").reshape(count, inputs)


def line(sample):
    return (",".join(map(repr, sample.tolist())) + "\n").encode()


def read(stream):
    """Return all samples of a stream."""
    blocks = [block.samples for block in stream.arriving()]
    return np.concatenate(blocks) if blocks else np.empty((0, stream.inputs), np.float32)


def send_all(address, pieces):
    with connected(address) as sender:
        for piece in pieces:
            sender.sendall(piece)


@pytest.mark.parametrize("packed", [False, True])
def test_what_a_connection_sends_is_given_in_order_however_it_is_cut(opened, packed):
    samples = numbered(500)
    data = samples.tobytes() if packed else b"".join(map(line, samples))
    draw = np.random.default_rng(0)
    cuts = np.sort(draw.integers(0, len(data), 200))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    stream, address = opened("tcp-listen:0", inputs=4, **({"format": "f32"} if packed else {}))
    told(send_all, address, pieces)
    assert np.array_equal(read(stream), samples)
    assert stream.counts == Counts(received=500, connections=1)
