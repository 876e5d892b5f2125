"""Address events in datagrams become samples as they arrive, and the surface is in the state."""

import json
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

import neurosim as ns
from neurosim.online.companion import restore
from neurosim.state import store
from neurosim.streams.events import EventStream, as_events
from neurosim.streams.live.packets import LAYOUTS

WAIT = 20.0


def made_up(count, seed=0):
    rng = np.random.default_rng(seed)
    t = np.cumsum(rng.integers(0, 400, count))
    return as_events(t, rng.integers(0, 8, count), rng.integers(0, 6, count), rng.integers(0, 2, count))


def packed(events, layout):
    raw = np.zeros(len(events), LAYOUTS[layout])
    raw["t"], raw["x"] = events["t"], events["x"]
    if layout == "t64":
        raw["y"], raw["p"] = events["y"], events["p"]
    else:
        raw["yp"] = events["y"] << 1 | events["p"]
    return raw.tobytes()


def free_port():
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def learned(events):
    chip = ns.Chip([ns.recipes.softhebb(4)], inputs=(2, 3, 3))
    ns.run(chip, EventStream(events, ns.LocalSurface(radius=1, tau_us=3000), sensor=(8, 6)))
    return chip


@pytest.mark.slow
@pytest.mark.parametrize(("source", "layout"), [("udp-events", "t64"), ("udp-events32", "t32")])
def test_the_command_line_learns_from_events_as_they_arrive_and_keeps_the_surface(tmp_path, source, layout):
    events, state, port = made_up(400), tmp_path / "chip.h5", free_port()
    words = ["stream", f"{source}:{port}", "--encode", "local:radius=1,tau=3ms", "--sensor", "8,6", "--neurons", "4"]
    command = [sys.executable, "-m", "neurosim", *words, "--idle", "4", "--skip-bad", "--json", "--state", str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        line = process.stderr.readline()
        assert line == f"Listening at 127.0.0.1:{port}.\n", line + process.communicate(timeout=WAIT)[1]
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            for first in range(0, 400, 16):
                sender.sendto(packed(events[first : first + 16], layout), ("127.0.0.1", port))
                if first % 160 == 0:
                    sender.sendto(b"abc", ("127.0.0.1", port))
                time.sleep(0.002)
        try:
            said, errors = process.communicate(timeout=WAIT)
        finally:
            process.kill()
    assert process.returncode == 0, errors
    summary = json.loads(said)
    assert summary["samples"] == 400
    assert summary["state_sha256"] == learned(events).state_sha256
    assert (summary["source"]["events"], summary["source"]["received"]) == (400, 28)
    assert summary["bad_lines"] == summary["source"]["bad"] == 3
    kept = store.read(state).beside["stream"]
    assert kept["clock"][0] == events["t"][-1]
    again = ns.open_stream(f"{source}:{port}", encode="local:radius=1,tau=3ms", sensor=(8, 6))
    assert restore(state, again) == 400
    np.testing.assert_array_equal(again.kept(0)["memory"], kept["memory"])


def test_a_camera_needs_an_encoder_and_a_sensor():
    with pytest.raises(ns.ConfigError, match="encode must be given"):
        ns.open_stream("udp-events:7000")
    with pytest.raises(ns.ConfigError, match="sensor must be given"):
        ns.open_stream("udp-events:7000", encode="local")
    with pytest.raises(ns.StreamError, match="source must be udp-events"):
        ns.open_stream("udp-events:seven", encode="local", sensor=(8, 6))
    stream = ns.open_stream("udp-events:7000", encode="local", sensor=(8, 6))
    assert (stream.keeps, stream.replayable, stream.shape) == (True, False, (2, 5, 5))
