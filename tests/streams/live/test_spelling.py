"""How sources of messages are spelled, what is refused before anything is connected, and missing packages."""

import sys

import pytest

import neurosim as ns
from neurosim.streams.live.spelling import host_and_port, split_options

ADDRESSES = {
    "kafka": "127.0.0.1:9092/readings", "mqtt": "127.0.0.1/readings", "lsl": "amplifier", "zmq": "tcp://127.0.0.1:5555",
}  # fmt: skip
PACKAGES = {"kafka": "confluent_kafka", "mqtt": "paho.mqtt.client", "lsl": "pylsl.lib", "zmq": "zmq"}


@pytest.mark.parametrize("source", ADDRESSES)
def test_a_missing_package_is_one_line_that_names_the_extra(source, monkeypatch):
    monkeypatch.setitem(sys.modules, PACKAGES[source], None)
    with pytest.raises(ns.ConfigError, match=rf"pip install 'neurosim-chip\[{source}\]'"):
        ns.open_stream(f"{source}:{ADDRESSES[source]}", inputs=3)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("kafka:127.0.0.1:9092", "HOST:PORT/TOPIC"),
        ("kafka:/readings", "HOST:PORT"),
        ("kafka:127.0.0.1:99999/readings", "port from 1 to 65535"),
        ("kafka:127.0.0.1/readings?since=yesterday", "among from, until, partitions, properties"),
        ("kafka:127.0.0.1/readings?from=here", "one of start, end, got here"),
        ("kafka:127.0.0.1/readings?until=", r"\?NAME=VALUE"),
        ("kafka:127.0.0.1/readings?until=end&until=end", "once each"),
        ("kafka:127.0.0.1/readings?partitions=0,x", "whole numbers"),
        ("kafka:127.0.0.1/readings?partitions=1,1", "once each"),
        ("mqtt:127.0.0.1", "HOST:PORT/TOPIC"),
        ("mqtt:127.0.0.1:x/readings", "HOST:PORT"),
        ("mqtt:127.0.0.1/readings?qos=3", "one of 0, 1, 2"),
        ("mqtt:127.0.0.1/readings?keepalive=0", "from 1 to 65535"),
        ("mqtt:127.0.0.1/readings?session=1.5", "whole seconds"),
        ("lsl:", "lsl"),
        ("lsl:amplifier?by=colour", "name, type, source_id"),
        ("zmq:127.0.0.1:5555", "tcp://HOST:PORT or ipc://PATH"),
        ("zmq:tcp://127.0.0.1", "HOST:PORT"),
        ("zmq:tcp://127.0.0.1:5555?kind=req", "one of sub, pull"),
        ("zmq:tcp://127.0.0.1:5555?kind=pull&topic=a", "left out for kind=pull"),
    ],
)
def test_what_is_no_address_is_refused(source, told):
    pytest.importorskip(
        {"kafka": "confluent_kafka", "mqtt": "paho", "lsl": "pylsl", "zmq": "zmq"}[source.split(":")[0]]
    )
    with pytest.raises(ns.StreamError, match=told):
        ns.open_stream(source, inputs=3)


def test_options_follow_the_last_question_mark_and_are_unquoted():
    spelled = split_options("mqtt", "host/what?/is?client=a%26b", {"client": "", "qos": "1"})
    assert spelled == ("host/what?/is", {"client": "a&b", "qos": "1"})


def test_hosts_of_ip_version_6_stand_in_brackets():
    assert host_and_port("mqtt", "[::1]:1883") == ("::1", 1883)
    assert host_and_port("mqtt", "[::1]", 1883) == ("::1", 1883)
    with pytest.raises(ns.StreamError, match="HOST:PORT"):
        host_and_port("mqtt", "[::1]")
