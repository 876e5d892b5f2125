"""A run with a scope: the same bits, whatever becomes of the page; and a page for this machine alone."""

import asyncio
import json
import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from processes import wait_until
from scoped import scoped
from thinned import few_of

import neurosim as ns
from neurosim.cli.scope import _stay
from neurosim.errors import ConfigError
from neurosim.views.scope.process import USUAL_PORT, listening
from neurosim.views.scope.scope import Scope

pytest.importorskip("bokeh")
from bokeh.util.token import generate_jwt_token
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClosedError, websocket_connect

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
    [
        "evil.example",
        "evil.example:PORT",
        "127.0.0.1.evil.example",
        "127.0.0.2:PORT",
        "0.0.0.0:PORT",
        "[::1]:PORT",
        "127.0.0.1:PORT.evil.example",
        "localhost:PORT.evil.example",
        "127.0.0.1:9",
        "localhost:9",
        "127.0.0.1",
    ],
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
    token = generate_jwt_token("one")
    own = {"Origin": f"http://{address(held).netloc}", "Sec_WebSocket_Protocol": f"bokeh, {token}"}
    assert held.get("/ws", **SOCKET, **own)[0] == 101
    name = f"localhost:{address(held).port}"
    assert held.get("/ws", **SOCKET, **own | {"Host": name, "Origin": f"http://{name}"})[0] == 101


@pytest.mark.parametrize("protocols", [None, "", "bokeh", "bokeh, none", "bokeh, !!!", "bokeh, W10", "other, TOKEN"])
def test_a_socket_without_a_session_is_a_bad_request(held, protocols):
    protocols = protocols and protocols.replace("TOKEN", generate_jwt_token("one"))
    own = {"Origin": f"http://{address(held).netloc}", "Sec_WebSocket_Protocol": protocols}
    assert held.get("/ws", **SOCKET, **own)[0] == 400


@pytest.mark.parametrize("path", ["/static/%00", "/%00", "/static/js/%0abokeh.js"])
def test_what_is_no_name_of_a_file_is_a_bad_request(held, path):
    assert held.get(path)[0] == 400


@pytest.mark.parametrize("path", ["/", "/ws", "/autoload.js", "/static/js/bokeh.min.js", "/0123456789abcdef/"])
def test_who_does_not_know_the_address_gets_nothing(held, path):
    status, _, body = held.get(path, secret=False)
    assert status == (404 if path != "/ws" else 403)
    assert b"64" not in body
    assert held.get(address(held).path[:-2] + "/", secret=False)[0] == 404
    assert held.get(address(held).path + "x", secret=False)[0] == 404


@pytest.mark.slow
def test_the_address_is_another_one_each_time(held):
    with scoped(ns.Chip([ns.recipes.softhebb(20)], inputs=64)) as other:
        assert len(address(other).path) == len("/" + 32 * "0" + "/")
        assert address(other).path != address(held).path
        assert held.get(address(other).path, secret=False)[0] == 404


@pytest.mark.parametrize("path", ["/", "/static/js/bokeh.min.js"])
def test_a_request_that_another_site_causes_is_refused(held, path):
    assert held.get(path, Sec_Fetch_Site="cross-site")[0] == 403
    assert held.get(path, Sec_Fetch_Site="same-origin")[0] == 200
    assert held.get(path, Sec_Fetch_Site="none")[0] == 200


async def send_nonsense(made):
    """Send what is no message of Bokeh's, and patches of models that are not there, through web sockets."""
    patch = {"events": [{"kind": "ModelChanged", "model": {"id": "p1"}, "attr": "value", "new": {"type": "nonsense"}}]}
    whole = [json.dumps({"msgid": "1", "msgtype": "PATCH-DOC"}), "{}", json.dumps(patch)]
    headers = {"Origin": f"http://{address(made).netloc}"}
    for fragments in (["x" * 10_000], [b"\xff" * 100], ["{}", "{}", "{}"], whole, ["[" * 100_000] * 3) * 4:
        request = HTTPRequest(made.scope.address.replace("http", "ws") + "ws", headers=headers)
        socket = await websocket_connect(request, subprotocols=["bokeh", generate_jwt_token("one")])
        await socket.read_message()
        with suppress(WebSocketClosedError):
            for fragment in fragments:
                await socket.write_message(fragment, binary=isinstance(fragment, bytes))
        socket.close()


@pytest.mark.slow
def test_the_page_process_says_little(held, capfd):
    with scoped(ns.Chip([ns.recipes.softhebb(20)], inputs=64)) as other:
        for number in range(30):
            other.get("/static/%00")
            other.get("/autoload.js?bokeh-autoload-element=%ff&bokeh-session-id=%00", Bokeh_Session_Id="?" * number)
        asyncio.run(send_nonsense(other))
        assert other.get()[0] == 200
    said = capfd.readouterr().err
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 5
    assert all(len(line) < 200 for line in said.splitlines())


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


@pytest.mark.parametrize(("layers", "inputs", "options"), few_of(CHIPS))
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


def test_a_page_that_is_killed_at_the_end_does_not_stay(capsys):
    with scoped(ns.Chip([ns.recipes.softhebb(20)], inputs=64), held=False) as made:
        made.join()
        assert not made.scope.is_alone
        os.kill(made.scope.process, signal.SIGKILL)
        wait_until(lambda: made.scope.is_alone)
        _stay(made.scope)
    assert made.said == ["The page's process has ended (signal 9)."]
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_a_page_that_hangs_changes_nothing():
    chip, alone = (ns.Chip([ns.recipes.softhebb(20)], inputs=64) for _ in range(2))
    with scoped(chip, epochs=200, held=False) as made:
        os.kill(made.scope.process, signal.SIGSTOP)
        made.join()
        os.kill(made.scope.process, signal.SIGCONT)
    alone.learn(ns.open_stream("digits", epochs=200))
    assert chip.state_sha256 == alone.state_sha256
    assert made.said == []


@pytest.mark.slow
def test_a_run_that_is_held_can_be_stopped():
    chip = ns.Chip([ns.recipes.softhebb(20)], inputs=64)
    with scoped(chip) as made:
        made.stop()
    assert made.report.interrupted
    assert chip.samples == 0


@pytest.mark.slow
def test_the_page_ends_with_the_process_that_runs():
    chip = ns.Chip([ns.recipes.softhebb(20)], inputs=64)
    with scoped(chip) as made:
        process = Path(f"/proc/{made.scope.process}")
        assert process.exists()
    wait_until(lambda: not process.exists())
