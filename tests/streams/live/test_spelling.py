"""How sources of messages are spelled, what is refused before anything is connected, and missing packages."""

import os
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
        ("kafka:a..b/readings", "must have the name of a host"),
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


@pytest.mark.parametrize(
    "source",
    [
        "mqtt:me:secret@127.0.0.1:1883/readings", "mqtt://me:secret@127.0.0.1/readings", "mqtt:me:secret@127.0.0.1",
        "mqtt:127.0.0.1/readings?password=secret", "mqtt:127.0.0.1/readings?password=secret&user=",
        "mqtts://me:secret@127.0.0.1/readings", "kafka:me:secret@127.0.0.1:9092/readings", "kafka:me:secret@127.0.0.1",
        "zmq:tcp://me:secret@127.0.0.1:5555", "tcp:me:secret@127.0.0.1:5000", "tcp:me:secret@127.0.0.1:x",
    ],
)  # fmt: skip
def test_no_error_repeats_a_password(source):
    if (package := {"kafka": "confluent_kafka", "mqtt": "paho", "zmq": "zmq"}.get(source.split(":")[0])) is not None:
        pytest.importorskip(package)
    with pytest.raises(ns.StreamError) as told:
        ns.open_stream(source, inputs=3)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("name", ["tcp", "tcp-listen", "udp"])
@pytest.mark.parametrize("host", ["a..b", "a" * 64])
def test_what_is_no_host_is_refused_before_it_is_looked_for(name, host):
    with pytest.raises(ns.StreamError, match="must have the name of a host"):
        ns.open_stream(f"{name}:{host}:5000", inputs=3)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"# who\nsasl.password = s3cret\nhidden-s3cret\n", "NAME=VALUE.*line 3 is not"),
        (b"a=1\ngroup.id=\xff\n", "text in UTF-8"),
        (b"enable.auto.commit=true\n", "none of .*line 1 is not"),
    ],
)
def test_files_of_properties_are_read_with_care(tmp_path, content, told):
    pytest.importorskip("confluent_kafka")
    path = tmp_path / "client.properties"
    path.write_bytes(content)
    with pytest.raises(ns.StreamError, match=told) as error:
        ns.open_stream(f"kafka:127.0.0.1/readings?properties={path}", inputs=3)
    assert "s3cret" not in str(error.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_pipe_in_place_of_properties_is_not_waited_for(tmp_path):
    pytest.importorskip("confluent_kafka")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ns.StreamError, match="regular file"):
        ns.open_stream(f"kafka:127.0.0.1/readings?properties={tmp_path / 'pipe'}", inputs=3)


def test_options_follow_the_last_question_mark_and_are_unquoted():
    spelled = split_options("mqtt", "host/what?/is?client=a%26b", {"client": "", "qos": "1"})
    assert spelled == ("host/what?/is", {"client": "a&b", "qos": "1"})


def test_hosts_of_ip_version_6_stand_in_brackets():
    assert host_and_port("mqtt", "[::1]:1883") == ("::1", 1883)
    assert host_and_port("mqtt", "[::1]", 1883) == ("::1", 1883)
    with pytest.raises(ns.StreamError, match="HOST:PORT"):
        host_and_port("mqtt", "[::1]")
