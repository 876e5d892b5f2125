"""A run with a scope: the same bits, whatever becomes of the page; and a page for this machine alone."""

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from processes import wait_until
from scoped import scoped

import neurosim as ns
from neurosim.errors import ConfigError
from neurosim.views.scope.process import USUAL_PORT, listening
from neurosim.views.scope.scope import Scope

pytest.importorskip("bokeh")

SOCKET = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13",
    "Sec_WebSocket_Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}  # fmt: skip


@pytest.fixture(scope="module")
def held():
    with scoped(ns.Chip([ns.recipes.softhebb(20)], inputs=64)) as made:
        yield made


def address(made):
    return urlsplit(made.scope.address)


def test_the_page_is_served(held):
    status, headers, body = held.get()
    assert status == 200
    assert b"A chip of 64" in body
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert held.get(Host=f"localhost:{address(held).port}")[0] == 200
    assert held.get(Origin=f"http://{address(held).netloc}")[0] == 200


@pytest.mark.parametrize("path", ["/", "/autoload.js", "/metadata", "/static/js/bokeh.min.js", "/nothing"])
def test_no_other_page_may_load_or_frame_what_is_served(held, path):
    _, headers, _ = held.get(path)
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"  # as a script: no Origin is sent then
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/", "/ws", "/autoload.js", "/metadata", "/static/js/bokeh.min.js", "/nothing"])
@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:PORT", "127.0.0.1.evil.example", "127.0.0.2:PORT", "0.0.0.0:PORT", "[::1]:PORT"],
)
def test_a_foreign_host_is_refused(held, path, host):
    status, _, body = held.get(path, Host=host.replace("PORT", str(address(held).port)))
    assert status == 403
    assert b"64" not in body


@pytest.mark.parametrize("host", [None, "", "evil@127.0.0.1", "127.0.0.1/", ["127.0.0.1", "127.0.0.1"]])
def test_what_is_no_host_is_a_bad_request(held, host):
    assert held.get(Host=host)[0] in {400, 403}


@pytest.mark.parametrize("path", ["/", "/ws", "/autoload.js"])
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:PORT", "http://127.0.0.1:1", "http://localhost:PORT"]
)
def test_a_foreign_origin_is_refused(held, path, origin):
    origin = origin.replace("PORT", str(address(held).port))
    assert held.get(path, Origin=origin, **(SOCKET if path == "/ws" else {}))[0] == 403


def test_a_socket_says_where_its_page_is_from(held):
    assert held.get("/ws", **SOCKET)[0] == 403
    own = {"Origin": f"http://{address(held).netloc}", "Sec_WebSocket_Protocol": "bokeh, none"}
    assert held.get("/ws", **SOCKET, **own)[0] == 101


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_is_sent_but_by_the_socket(held, method):
    assert held.get(method=method, Content_Length="0")[0] == 405


def test_other_addresses_have_no_page(held):
    others = {"127.0.0.2"}
    with suppress(socket.gaierror):  # of a machine whose name is not known
        others |= {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for other in others - {"127.0.0.1"}:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((other, address(held).port), timeout=10)


def test_the_page_has_no_simulator(held):
    held.get()
    libraries = Path(f"/proc/{held.scope.process}/maps").read_text()
    assert "numpy" in libraries
    assert "llvmlite" not in libraries
    assert "matplotlib" not in libraries


def test_a_port_in_use_is_refused_where_it_was_asked_for():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port must be one that is free at 127.0.0.1, got {port}.*in use"):
            listening(port)


def test_a_free_port_is_taken_where_none_was_asked_for():
    with listening(None) as one, listening(None) as two:
        assert two.getsockname()[1] not in {USUAL_PORT, one.getsockname()[1]}


@pytest.mark.parametrize(
    ("options", "why"),
    [({"layer": 2}, "layer must be"), ({"shape": (8, 9)}, "shape must be"), ({"shape": (2, 4, 8)}, "shape must be")],
)
def test_what_does_not_fit_the_chip_is_refused(options, why):
    with pytest.raises(ConfigError, match=why):
        Scope(ns.Chip([ns.recipes.softhebb(20)], inputs=64), "digits", **options)


CHIPS = [
    ([ns.recipes.softhebb(20)], 64, {"shape": (8, 8)}),
    ([ns.recipes.softhebb(150), ns.recipes.softhebb(10)], 64, {"layer": 1}),
    ([ns.ConvWTA(12, kernel=3, competition=ns.SoftWTA(temperature=0.1), rule=ns.SoftHebb(rate=0.1))], (1, 8, 8), {}),
]


@pytest.mark.parametrize(("layers", "inputs", "options"), CHIPS)
def test_a_run_with_a_scope_has_the_same_bits(layers, inputs, options):
    chip, alone = (ns.Chip(layers, inputs=inputs, seed=1) for _ in range(2))
    alone.learn(ns.open_stream("digits"))
    with scoped(chip, held=False, **options) as made:
        made.join()
    assert chip.state_sha256 == alone.state_sha256
    assert chip.changes == ()
    assert made.report.samples == 1797


def test_a_page_that_is_killed_changes_nothing():
    chip, alone = (ns.Chip([ns.recipes.softhebb(20)], inputs=64) for _ in range(2))
    with scoped(chip, epochs=3) as made:
        os.kill(made.scope.process, signal.SIGKILL)  # while the run is held: then nobody else could let it go on
        made.join()
    alone.learn(ns.open_stream("digits", epochs=3))
    assert chip.state_sha256 == alone.state_sha256
    assert made.said == ["The page's process has ended (signal 9); the run goes on without it."]


def test_a_page_that_hangs_changes_nothing():
    chip, alone = (ns.Chip([ns.recipes.softhebb(20)], inputs=64) for _ in range(2))
    with scoped(chip, epochs=200, held=False) as made:
        os.kill(made.scope.process, signal.SIGSTOP)
        made.join()
        os.kill(made.scope.process, signal.SIGCONT)
    alone.learn(ns.open_stream("digits", epochs=200))
    assert chip.state_sha256 == alone.state_sha256
    assert made.said == []


def test_a_run_that_is_held_can_be_stopped():
    chip = ns.Chip([ns.recipes.softhebb(20)], inputs=64)
    with scoped(chip) as made:
        made.stop()
    assert made.report.interrupted
    assert chip.samples == 0


def test_the_page_ends_with_the_process_that_runs():
    chip = ns.Chip([ns.recipes.softhebb(20)], inputs=64)
    with scoped(chip) as made:
        process = Path(f"/proc/{made.scope.process}")
        assert process.exists()
    wait_until(lambda: not process.exists())
