"""The process that serves the scope's page, to browsers of this machine alone; it never imports the simulator.

A web page from elsewhere that is open in the same browser must not see or change the run. So requests are refused whose
Host is no name of this machine (a foreign name may be made to point here), and those that another page sends (their
Origin differs, or the browser says so); no other page may frame this one, and it may load nothing from elsewhere. The
address begins with a random prefix, which the run prints: who does not know it, as other users of the machine, gets
nothing.
"""

import json
import logging
import os
import socket
import sys
from collections.abc import Container
from contextlib import suppress
from hmac import compare_digest
from typing import Any
from urllib.parse import unquote

from bokeh.resources import Resources
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from bokeh.server.views.static_handler import StaticHandler
from bokeh.util.logconfig import basicConfig
from bokeh.util.token import get_session_id
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.web import ErrorHandler, OutputTransform

from neurosim.views.scope.memory import PictureMemory, Sizes
from neurosim.views.scope.page import page
from neurosim.views.scope.recorder import About, Recorder

NAMES = ("127.0.0.1", "localhost")
LOOK = 100  # milliseconds between two looks at the memory
LAST = 0.5  # seconds that browsers have to get the last picture
BAD, FORBIDDEN, NOT_FOUND = 400, 403, 404
LINES, SHORT = 5, 120  # that the process writes to standard error, and characters of each
LARGEST = 1 << 20  # bytes of what a browser may send at once
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data: "
    "blob:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
}  # fmt: skip


class OwnHeaders(OutputTransform):
    """Adds to every answer what browsers are to refuse."""

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Return the first piece of an answer with the headers."""
        for name, value in HEADERS.items():
            headers[name] = value
        return status_code, headers, chunk


class OwnMachine(BokehTornado):
    """Bokeh's application, for requests to this machine by its own names, from its own page, to its own prefix."""

    def resources(self, absolute_url: str | bool | None = None) -> Resources:
        """Return which scripts the page loads, all from here: those of plots and widgets."""
        return Resources(
            mode="server",
            root_url=f"{self.prefix}/",
            path_versioner=StaticHandler.append_version,
            components=["bokeh", "bokeh-widgets"],
        )

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        """Return what answers a request: an error where it is refused."""
        status = refusal(request.headers, request.path, self.websocket_origins, self.prefix)
        if status is None:
            return super().find_handler(request, **kwargs)
        return self.get_handler_delegate(request, ErrorHandler, {"status_code": status})


def refusal(headers: HTTPHeaders, path: str, hosts: Container[str], prefix: str) -> int | None:
    """Return the status of an answer that refuses a request; None where it is admitted.

    One is admitted that is to one of the hosts, NAME:PORT, from no other page, and to an address that begins with the
    secret prefix. A browser says at each web socket where its page is from, so one without is refused, too.
    """
    asked, origins = headers.get_list("Host"), headers.get_list("Origin")
    if len(asked) != 1 or asked[0] not in hosts or headers.get("Sec-Fetch-Site") == "cross-site":
        return FORBIDDEN
    if origins != [f"http://{asked[0]}"] if origins else path.endswith("/ws"):
        return FORBIDDEN
    if not compare_digest(f"{path}/".encode()[: len(prefix) + 1], f"{prefix}/".encode()):
        return NOT_FOUND
    plain = unquote(path).isprintable()  # no file has such a name: the system would refuse it by an error
    if not plain or (path.endswith("/ws") and not is_session(headers.get("Sec-WebSocket-Protocol", ""))):
        return BAD
    return None


def is_session(protocols: str) -> bool:
    """Tell whether a web socket's protocols are Bokeh's name and a token that names a session."""
    name, _, token = protocols.partition(",")
    try:
        return name.strip() == "bokeh" and bool(get_session_id(token.strip()))
    except Exception:  # whatever decoding of nonsense may raise
        return False


class FewLines(logging.Handler):
    """Writes the first few records to standard error, each as one short line without a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self._left = LINES

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, if not too many came before."""
        if self._left == 0:
            return
        self._left -= 1
        with suppress(Exception):  # a message that cannot be made is none
            line = " ".join(ascii(record.getMessage()).split())[:SHORT]
            print(f"The page's process says: {line}", file=sys.stderr, flush=True)


def log_little() -> None:
    """Have all that libraries log go to `FewLines`: what browsers send must not fill the run's terminal."""
    basicConfig(level=logging.ERROR, handlers=[FewLines()], force=True)
    logging.captureWarnings(capture=True)


def main(listener: int, memory: int, _: int) -> None:
    """Serve the page until the run closes its end of standard input.

    Parameters
    ----------
    listener, memory : int
        Descriptors of a socket that listens, and of the shared memory. The first line of standard input says the rest.
    """
    orders = os.dup(1)
    os.dup2(2, 1)  # what anything else prints is no order
    os.set_blocking(orders, False)
    log_little()
    said = json.loads(sys.stdin.buffer.readline())
    neurons, fields, tile = said.pop("sizes")
    prefix, here = said.pop("prefix"), socket.socket(fileno=listener)
    port = here.getsockname()[1]
    sizes = Sizes(neurons, fields, tuple(tile))
    pictures = PictureMemory(sizes, memory)
    recorder = Recorder(pictures, sizes, About(**said), orders)
    loop = IOLoop.current()
    application = OwnMachine(
        lambda document: page(document, recorder), sign_sessions=False, generate_session_ids=True,
        extra_websocket_origins=[f"{name}:{port}" for name in NAMES], websocket_max_message_size_bytes=LARGEST,
        prefix=prefix,
    )  # fmt: skip
    application.transforms.append(OwnHeaders)
    http = HTTPServer(application, max_body_size=LARGEST)
    http.add_sockets([here])
    server = BaseServer(loop, application, http)
    server.start()
    PeriodicCallback(recorder.look, LOOK).start()

    def last(*_: object) -> None:
        loop.remove_handler(0)
        recorder.look()
        loop.call_later(LAST, loop.stop)

    loop.add_handler(0, last, IOLoop.READ)  # nothing more is sent: what comes is the end
    loop.start()
    os._exit(0)  # browsers may still be connected
