"""A broker of MQTT on loopback: mosquitto, with a configuration and a folder of its own."""

import contextlib
import shutil
import socket
import subprocess
import time

import pytest

SECONDS = 10  # that anything may take
COMMAND = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def free_port():
    """Return a port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Mosquitto:
    """A broker that can be stopped and started again at the same port, with what it has kept.

    Parameters
    ----------
    folder : path
    passwords : path, optional
        File of users and their passwords; without one, anybody may come.
    """

    def __init__(self, folder, passwords=None):
        self.port, self._process = free_port(), None
        self._config = folder / "mosquitto.conf"
        who = "allow_anonymous true" if passwords is None else f"allow_anonymous false\npassword_file {passwords}"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\n{who}\npersistence true\npersistence_location {folder}/\n"
            "max_queued_messages 0\nuser root\n"
        )

    def start(self):
        """Start, and wait until it listens."""
        self._process = subprocess.Popen([COMMAND, "-c", self._config], stderr=subprocess.DEVNULL)
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), SECONDS).close()
                return
            assert self._process.poll() is None, "mosquitto ended at once"
            time.sleep(0.02)
        raise AssertionError("mosquitto does not listen")

    def stop(self):
        """End in good order: it writes what it keeps."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(SECONDS)
            self._process = None

    def send(self, topic, values, qos=1, retain=False):
        """Publish messages, one after another, and wait until the broker has them."""
        import paho.mqtt.client as paho

        client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        try:
            for sent in [client.publish(topic, value, qos=qos, retain=retain) for value in values]:
                sent.wait_for_publish(SECONDS)
        finally:
            client.disconnect()
            client.loop_stop()


@contextlib.contextmanager
def mosquitto(folder, passwords=None):
    """Return a context with a broker that has started; skip the test without one."""
    pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed")
    if COMMAND is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    broker = Mosquitto(folder, passwords)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
