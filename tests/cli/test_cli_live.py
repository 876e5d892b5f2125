"""`neurosim stream` of live sources: what ends them, what they say, and that Ctrl-C ends a silent one well."""

import json
import re
import signal
import socket
import subprocess
import threading
import time

import pytest
from commands import invoke
from processes import COMMAND, wait_until

import neurosim as ns
from neurosim.state import store

WAIT = 60.0  # seconds: the end of every wait


def free_port(kind=socket.SOCK_STREAM):
    """Return a port that nobody has at the moment."""
    with socket.socket(type=kind) as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


@pytest.fixture
def sender():
    """Return the source of a sender that gives ten samples to each who connects, and closes."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(WAIT)

    def serve():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.sendall(b"a,b\n" + b"0.5,0.25\n" * 10 + b"0.5,-1\n" + b"0.5,0.7")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"tcp:127.0.0.1:{listening.getsockname()[1]}"
    listening.close()


def test_the_summary_tells_what_arrived_and_a_run_goes_on(sender, tmp_path):
    command = ("stream", sender, "--inputs", 2, "--neurons", 3, "--skip-bad", "--state", tmp_path / "chip.h5")
    summary = json.loads(invoke(*command, "--json").stdout)
    source = {name: count for name, count in summary["source"].items() if count}
    assert source == {"received": 12, "names": 1, "cut": 1, "connections": 1}
    assert (summary["samples"], summary["refused_samples"]) == (10, 1)
    again = invoke(*command)
    assert "Going on at sample 11 with what arrives from now on." in again.stderr
    assert again.stderr.count(f"Receiving from {sender}.") == 1
    assert "arrived  12 lines, frames or packets; 1 cut off" in again.stdout
    assert ns.Chip.load(tmp_path / "chip.h5").samples == 20
    assert store.read(tmp_path / "chip.h5").stream["name"] == "tcp"


@pytest.mark.parametrize(("options", "words"), [
    (("tcp:127.0.0.1:{port}", "--inputs", 2), "must be there (--reconnect S tries for S seconds), but:"),
    (("tcp:127.0.0.1:{port}", "--inputs", 2, "--reconnect", 0.3), "must be there within 0.3 s"),
    (("udp:{port}", "--inputs", 2, "--idle", 0.1), "udp:{port} must hold at least one sample, got none"),
    (("udp:{port}",), "the width of its samples must be given with inputs (--inputs)"),
    (("udp:{port}", "--inputs", 2, "--replay"), "replay must be left out for a source that is no pipe"),
    (("udp:{port}", "--inputs", 2, "--test", "digits"), "test must be left out for a pipe, and for"),
    (("digits", "--queue", 5), "queue must be left out for all sources but tcp:HOST:PORT"),
    (("udp:{port}", "--inputs", 2, "--queue", 0), "queue must be a whole number of at least 1"),
])  # fmt: skip
def test_what_cannot_be_is_one_line(options, words):
    port = str(free_port())
    done = invoke("stream", *(str(option).replace("{port}", port) for option in options), code=2)
    line, *_ = done.stderr.strip().removeprefix(f"Listening at 127.0.0.1:{port}.\n").splitlines()
    assert words.replace("{port}", port) in line


def test_a_signal_ends_a_silent_source_with_the_state_written(tmp_path):
    port, state = free_port(socket.SOCK_DGRAM), tmp_path / "chip.h5"
    command = [*COMMAND, "stream", f"udp:{port}", "--inputs", "2", "--neurons", "3", "--state", str(state), "--json"]
    process = subprocess.Popen(
        [*command, "--snapshot-seconds", "0.05"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )

    def learned():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"0.5,0.25", ("127.0.0.1", port))
        time.sleep(0.02)
        return state.exists()

    try:
        wait_until(learned, process, WAIT)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=WAIT)
    finally:
        process.kill()
    summary = json.loads(output)
    assert process.returncode == 128 + signal.SIGINT
    assert summary["interrupted"]
    assert summary["samples"] == ns.Chip.load(state).samples == store.read(state).position
    assert summary["source"]["received"] == summary["samples"] + summary["source"]["left"]
    assert "Traceback" not in errors


@pytest.mark.parametrize("words", [
    ("udp:0", "--inputs", "2"),
    pytest.param(("tcp-listen:0", "--inputs", "1", "--key", "0"), marks=pytest.mark.slow),
    pytest.param(("tcp-listen:0", "--inputs", "2"), marks=pytest.mark.slow),
    pytest.param(("udp-events:0", "--encode", "local:radius=1", "--sensor", "4,4"), marks=pytest.mark.slow),
])  # fmt: skip
def test_a_source_that_listens_says_when_it_can_be_reached(words):
    """What is sent at once after the line is learned from: nothing is lost while code is compiled."""
    command = [*COMMAND, "stream", *words, "--neurons", "2", "--idle", "3", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        watchdog = threading.Timer(WAIT, process.kill)
        watchdog.start()
        line = process.stderr.readline()
        place = re.fullmatch(r"Listening at 127\.0\.0\.1:([0-9]+)\.\n", line)
        assert place, line
        kind = socket.SOCK_STREAM if words[0].startswith("tcp") else socket.SOCK_DGRAM
        with socket.socket(type=kind) as sender:
            sender.settimeout(WAIT)
            sender.connect(("127.0.0.1", int(place[1])))
            sender.sendall(bytes([5, *[0] * 12]) if "--sensor" in words else b"1,2\n")
        said, errors = process.communicate(timeout=WAIT)
        watchdog.cancel()
    assert process.returncode == 0, errors
    assert json.loads(said)["samples"] == 1


def test_a_source_that_listens_needs_no_standard_error():
    command = " ".join([*COMMAND, "stream", "udp:0", "--inputs", "2", "--neurons", "2", "--idle", "0.2", "2>&-"])
    assert subprocess.run(command, shell=True, timeout=WAIT, check=False, stdout=subprocess.DEVNULL).returncode == 2
