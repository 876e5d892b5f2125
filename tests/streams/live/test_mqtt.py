"""Messages of a broker of MQTT: mosquitto, where it is installed."""

import shutil
import socket
import subprocess

import pytest
from live_reading import LiveReading
from mosquitto import free_port, mosquitto

import neurosim as ns

PASSWORDS = shutil.which("mosquitto_passwd")
SILENCE = 0.4  # seconds that end a stream


@pytest.fixture
def mqtt(tmp_path):
    with mosquitto(tmp_path) as broker:
        yield broker


def opened(broker, topic, **options):
    return ns.open_stream(f"mqtt:127.0.0.1:{broker.port}/{topic}", **({"inputs": 2, "idle": SILENCE} | options))


def lines(count, first=0):
    """Return messages of samples (number, 1)."""
    return [f"{number},1".encode() for number in range(first, first + count)]


@pytest.mark.parametrize("qos", [1, pytest.param(0, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_each_message_comes_once_and_in_order(mqtt, qos):
    with LiveReading(opened(mqtt, f"a/+/c?qos={qos}")) as reading:
        mqtt.send("a/b/c", lines(300), qos=qos)
        mqtt.send("a/b/d", lines(3), qos=qos)
    assert reading.fault is None
    assert reading.numbers == list(range(300))
    assert reading.stream.counts.received == 300
    assert not reading.stream.keeps


def test_frames_come_several_in_a_message_and_odd_ones_are_counted(mqtt):
    import numpy as np

    frames = np.stack([np.arange(6), np.ones(6)], axis=1).astype("<f4")
    with LiveReading(opened(mqtt, "f", format="f32", skip_bad=True)) as reading:
        mqtt.send("f", [frames[:4].tobytes(), b"\0" * 7, b"", frames[4:].tobytes()])
    assert reading.numbers == list(range(6))
    assert reading.stream.counts.bad == 2


def test_a_retained_message_is_of_another_time(mqtt):
    mqtt.send("r", lines(1, first=99), retain=True)
    with LiveReading(opened(mqtt, "r")) as reading:
        mqtt.send("r", lines(2))
    assert reading.numbers == [0, 1]


def test_a_broker_that_goes_away_is_tried_again(mqtt):
    with LiveReading(opened(mqtt, "a", reconnect=10.0, idle=5.0), most=10) as reading:
        mqtt.send("a", lines(5))
        reading.came(5)
        mqtt.stop()
        mqtt.start()
        reading.connected(2)
        mqtt.send("a", lines(5, first=5))
        reading.came(10)
    assert reading.fault is None
    assert reading.numbers == list(range(10))


def test_a_broker_that_stays_away_is_an_error(mqtt):
    with LiveReading(opened(mqtt, "a", idle=20.0)) as reading:
        mqtt.stop()
    assert "must stay connected" in str(reading.fault)
    with LiveReading(opened(mqtt, "a", reconnect=0.3, idle=20.0)) as reading:
        pass
    assert "be there within 0.3 s" in str(reading.fault)


def test_a_broker_keeps_what_comes_meanwhile_for_a_client_with_a_name(mqtt):
    for client, kept in (("?client=chip", [3, 4, 5]), ("", [])):
        with LiveReading(opened(mqtt, f"a{client}"), most=3) as reading:
            mqtt.send("a", lines(3))
        assert reading.numbers == [0, 1, 2]
        mqtt.send("a", lines(3, first=3))
        with LiveReading(opened(mqtt, f"a{client}")) as reading:
            pass
        assert reading.numbers == kept


@pytest.mark.skipif(PASSWORDS is None, reason="mosquitto_passwd is not installed: apt-get install mosquitto")
def test_a_password_comes_from_the_environment(tmp_path, monkeypatch):
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o700)
    subprocess.run([PASSWORDS, "-b", passwords, "chip", "secret"], check=True, timeout=20)
    with mosquitto(tmp_path, passwords) as broker:
        with LiveReading(opened(broker, "a?user=chip", reconnect=5.0)) as reading:
            pass
        assert "must let us in" in str(reading.fault)
        assert "secret" not in str(reading.fault)
        monkeypatch.setenv("NEUROSIM_MQTT_PASSWORD", "secret")
        with LiveReading(opened(broker, "a?user=chip")) as reading:
            pass
        assert reading.fault is None
        assert reading.stream.counts.connections == 1


def test_whoever_listens_and_says_nothing_is_no_broker():
    pytest.importorskip("paho.mqtt.client")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        stream = ns.open_stream(f"mqtt:127.0.0.1:{port}/a", inputs=2)
        stream.transport.prepare()
        with pytest.raises(OSError, match="does not answer as a broker"):
            stream.transport.open(0.3)
    with pytest.raises(ns.StreamError, match="refused"):
        list(ns.open_stream(f"mqtt:127.0.0.1:{free_port()}/a", inputs=2).arriving())
