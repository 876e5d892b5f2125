"""Live sources with keys: of a column of their lines, or of the message that brings the sample."""

import socket
import threading

import numpy as np
import pytest
import sensors

import neurosim as ns
from neurosim.errors import ConfigError, StreamError
from neurosim.fleet import store as fleets
from neurosim.online.companion import go_on
from neurosim.streams.live.live import live_stream
from neurosim.streams.live.transport import Ended, Message, Transport


class Told(Transport):
    """Messages that are there, from any offset on, and then the end."""

    kind, replays = "told", True

    def __init__(self, messages):
        self._messages, self._at = messages, 0

    def seek(self, positions):
        self._at = positions.get(0, 0)

    def began(self):
        return {0: self._at}

    def open(self, seconds):
        return True

    def receive(self, seconds):
        if self._at >= len(self._messages):
            raise Ended
        data, key = self._messages[self._at]
        self._at += 1
        return [Message(data, 0, self._at - 1, key=key)]

    def close(self):
        pass


def told(messages, **options):
    return live_stream("told", Told(messages), **{"inputs": 4, "label": None, "key": "@message"} | options)


def text(sample):
    return ",".join(map(str, sample.tolist())).encode()


@pytest.mark.parametrize("packed", [False, True])
def test_each_message_has_the_key_of_its_samples(packed):
    keys, samples = sensors.rows(60)
    if packed:
        messages = [(row.astype("<f4").tobytes(), key.encode()) for key, row in zip(keys, samples, strict=True)]
    else:
        messages = [(text(row), key.encode()) for key, row in zip(keys, samples, strict=True)]
    fleet = ns.Fleet(sensors.layers(), inputs=4)
    report = ns.run_fleet(fleet, told(messages, format="f32" if packed else None))
    assert report.samples == 60
    assert sensors.hashes_of(fleet) == sensors.alone(keys, samples)


def test_a_message_of_several_lines_is_of_one_key():
    stream = told([(b"1,2,3,4\n5,6,7,8\n", b"a"), (b"1,0,0,0", b"b")])
    assert [key for block in stream.blocks() for key in block.keys] == ["a", "a", "b"]


@pytest.mark.parametrize(("key", "words"), [(None, "got none"), (b"", "got none"), (b"\xff", "UTF-8"), (b"nan", "nan")])
def test_a_message_without_a_key_is_malformed(key, words):
    messages = [(b"1,2,3,4", b"a"), (b"1,2,3,4", key), (b"1,2,x,4", b"a"), (b"4,3,2,1", b"b")]
    with pytest.raises(StreamError, match=f"told: a .*key.*{words}.*--skip-bad skips such messages"):
        list(told(messages).blocks())
    stream = told(messages, skip_bad=True)
    fleet = ns.Fleet(sensors.layers(), inputs=4)
    report = ns.run_fleet(fleet, stream, skip_bad=True)
    assert (report.samples, report.bad_lines, fleet.keys) == (2, 2, ("a", "b"))


def test_a_source_that_replays_goes_on_where_the_state_says(tmp_path):
    keys, samples = sensors.rows(100)
    messages = [(text(row), key.encode()) for key, row in zip(keys, samples, strict=True)]
    state, report = tmp_path / "fleet.h5", None

    def watch(now):
        nonlocal report
        report = now

    fleet = ns.Fleet(sensors.layers(), inputs=4)
    ns.run_fleet(fleet, told(messages), state=state, chunk=1, watch=watch, stop=lambda: report.taken == 37)
    contents, stream = fleets.read(state), told(messages)
    assert contents.position == 37
    go_on(state, contents.beside, stream)
    rest = ns.run_fleet(ns.Fleet.load(state), stream, state=state, position=37)
    assert rest.samples == 63
    assert sensors.hashes_of(ns.Fleet.load(state)) == sensors.alone(keys, samples)


def test_lines_of_a_socket_have_a_column_of_keys():
    keys, samples = sensors.rows(50)
    lines = b"".join(key.encode() + b"," + text(row) + b"\n" for key, row in zip(keys, samples, strict=True))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)

        def send():
            peer, _ = server.accept()
            with peer:
                peer.sendall(lines)

        sending = threading.Thread(target=send)
        sending.start()
        stream = ns.open_stream(f"tcp:127.0.0.1:{server.getsockname()[1]}", inputs=4, key="0", idle=30.0)
        fleet = ns.Fleet(sensors.layers(), inputs=4)
        ns.run_fleet(fleet, stream)
        sending.join(30)
    assert stream.identity()["key"] == "0"
    assert sensors.hashes_of(fleet) == sensors.alone(keys, samples)


def test_keys_of_messages_need_messages():
    with pytest.raises(ConfigError, match="brings no messages"):
        ns.open_stream("tcp:127.0.0.1:9", inputs=4, key="@message")
    with pytest.raises(ConfigError, match="key must be @message or left out for frames"):
        ns.open_stream("udp:127.0.0.1:0", inputs=4, format="f32", key="0")


def test_without_keys_nothing_has_any():
    stream = told([(b"1,2,3,4", b"a")], key=None)
    (block,) = stream.blocks()
    assert not stream.keyed
    assert "key" not in stream.identity()
    assert np.array_equal(block.samples, [[1, 2, 3, 4]])
