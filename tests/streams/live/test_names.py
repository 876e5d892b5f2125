"""Hosts whose names nobody answers for: every wait ends, in one line that says which host and after how long."""

import signal
import socket
import subprocess
import sys
import threading

import pytest
from mock_kafka import broker
from processes import wait_until

import neurosim as ns
from neurosim.streams.live import names, receiver

WAIT = 60.0  # seconds: the end of every wait in these tests
REAL = socket.getaddrinfo
# A resolver that never answers for names that end so, and limits that nobody would wait for.
NEVER = """
import socket, sys, threading
from neurosim.streams.live import names, receiver
real = socket.getaddrinfo
def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
    if not str(host).endswith(".silent") or flags & socket.AI_NUMERICHOST:
        return real(host, port, family, type, proto, flags)
    print("asked", file=sys.stderr, flush=True)
    threading.Event().wait()
socket.getaddrinfo = getaddrinfo
names.LIMIT = receiver.ATTEMPT = receiver.ENDING = 10_000.0
"""


@pytest.fixture
def resolver(monkeypatch):
    """Return what the system was asked, and an event until which it does not answer for names that end in .silent."""
    asked, answers = [], threading.Event()

    def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):  # noqa: A002
        if not host.endswith(".silent") or flags & socket.AI_NUMERICHOST:
            return REAL(host, port, family, type, proto, flags)
        asked.append(host)
        answers.wait(WAIT)
        return REAL("127.0.0.1", port, family, type, proto, flags)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(names, "LIMIT", 0.2)
    monkeypatch.setattr(receiver, "ATTEMPT", 0.2)
    yield asked, answers
    answers.set()
    wait_until(lambda: not names._under_way, seconds=WAIT)


def test_a_lookup_has_a_limit_and_the_error_says_which_host(resolver):
    with pytest.raises(TimeoutError, match=r"the name of the host x\.silent was not found within 0\.05 s"):
        names.addresses("x.silent", 5000, 0.05)


def test_a_question_is_asked_once_until_it_is_answered(resolver):
    """A thread that looks up cannot be ended: one that is tried again for hours must not make another each time."""
    asked, answers = resolver
    for _ in range(5):
        with pytest.raises(TimeoutError):
            names.addresses("x.silent", 5000, 0.0)
    assert asked == ["x.silent"]
    answers.set()
    assert names.addresses("x.silent", 5000, WAIT)[0][4] == ("127.0.0.1", 5000)
    wait_until(lambda: not names._under_way, seconds=WAIT)
    before = len(asked)
    names.addresses("x.silent", 5000, WAIT)
    assert len(asked) == before + 1


def test_what_ends_the_reading_ends_a_lookup(resolver):
    ended = threading.Event()
    ended.set()
    with pytest.raises(ConnectionAbortedError, match=r"the host x\.silent was given up"):
        names.addresses("x.silent", 5000, WAIT, ended=ended)


def test_a_host_that_is_not_there_is_the_systems_error():
    with pytest.raises(OSError, match=r"Name or service not known|nodename nor servname|No address"):
        names.addresses("no-such-host.invalid", 5000, WAIT)


def test_addresses_are_not_looked_up(monkeypatch):
    monkeypatch.setattr(names, "_lookup", None)
    assert names.addresses("127.0.0.1", 5000)[0][4] == ("127.0.0.1", 5000)
    assert names.addresses("::1", 5000)[0][4][:2] == ("::1", 5000)


def test_of_several_hosts_those_are_taken_that_are_found(resolver):
    places = [("x.silent", 1), ("127.0.0.1", 2), ("no-such-host.invalid", 3), ("localhost", 4)]
    assert names.hosts_found(places, 0.5) == [("127.0.0.1", 2), ("localhost", 4)]
    with pytest.raises(OSError, match=r"Name or service|nodename|No address|not found within 0\.05 s"):
        names.hosts_found([places[0], places[2]], 0.05)


def test_all_addresses_of_a_host_are_tried(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_server(("127.0.0.1", 0)) as closed:
        ports = [closed.getsockname()[1], listening.getsockname()[1]]
        closed.close()
        found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)) for port in ports]
        monkeypatch.setattr(names, "addresses", lambda *_, **__: found)
        with names.connected("both", 0, WAIT) as connected:
            assert connected.getpeername()[1] == ports[1]
        monkeypatch.setattr(names, "addresses", lambda *_, **__: found[:1])
        with pytest.raises(ConnectionRefusedError):
            names.connected("one", 0, WAIT)


@pytest.mark.parametrize(("source", "seconds"), [
    ("tcp:x.silent:5000", "0.2"), ("udp:x.silent:5000", "0.2"), ("tcp-listen:x.silent:5000", "0.2"),
    ("udp-events:x.silent:5000", "0.2"), ("mqtt:x.silent/t", "0.2"), ("zmq:tcp://x.silent:5000", "0.2"),
    ("kafka:x.silent:9092/t", "0.1"),
])  # fmt: skip
def test_every_source_says_it(resolver, source, seconds):
    options = {"sensor": (4, 4), "encode": "local"} if source.startswith("udp-events") else {"inputs": 2}
    stream = ns.open_stream(source, **options)
    with pytest.raises(ns.StreamError, match=rf"x\.silent was not found within {seconds} s"):
        list(stream.blocks())


@pytest.mark.slow
def test_kafka_goes_on_with_the_brokers_that_are_found(resolver, monkeypatch):
    with broker() as started:
        started.topic("t", 1)
        started.send("t", [b"1,2"] * 3)
        monkeypatch.setattr(receiver, "ATTEMPT", 2.0)
        stream = ns.open_stream(f"kafka:x.silent:9092,{started.server}/t?until=end", inputs=2)
        assert sum(len(block.samples) for block in stream.blocks()) == 3


def test_a_client_of_kafka_that_cannot_end_is_left(monkeypatch):
    """Its own threads may look up a broker's name, and it waits for them for ever."""
    from neurosim.streams.live import kafka

    monkeypatch.setattr(kafka, "LEAVING", 0.05)
    answers = threading.Event()

    class Stuck:
        def close(self):
            answers.wait(WAIT)

    transport = ns.open_stream("kafka:127.0.0.1:9/t", inputs=2).transport
    transport._consumer = Stuck()
    transport.close()
    assert not answers.is_set()
    answers.set()
    assert transport._consumer is None


@pytest.mark.parametrize("source", ["tcp:x.silent:5000", "udp:x.silent:5000"])
def test_ctrl_c_ends_a_lookup_at_once(source, tmp_path):
    """Within 10,000 s, which is what its limits are here."""
    command = ["stream", source, "--inputs", "2", "--neurons", "2", "--state", str(tmp_path / "chip.h5")]
    code = f"{NEVER}\nfrom neurosim.cli import entry\nsys.argv = {['neurosim', *command]!r}\nentry()"
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) as process:
        watchdog = threading.Timer(WAIT, process.kill)
        watchdog.start()
        try:
            lines = iter(process.stderr.readline, "")
            assert "asked\n" in lines  # reads until then
            process.send_signal(signal.SIGINT)
            rest = process.stderr.read()
            assert process.wait(WAIT) == 128 + signal.SIGINT
        finally:
            watchdog.cancel()
            process.kill()
    assert "Traceback" not in rest
