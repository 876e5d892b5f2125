"""The process that serves the scope's page, to browsers of this machine alone; it never imports the simulator.

A web page from elsewhere that is open in the same browser must not see or change the run. So requests are refused whose
Host is no name of this machine (a foreign name may be made to point here), and those that another page sends (their
Origin differs); no other page may frame this one, and it may load nothing from elsewhere.
"""

import json
import logging
import os
import socket
import sys
from typing import Any
from urllib.parse import urlsplit

from bokeh.resources import Resources
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from bokeh.server.views.static_handler import StaticHandler
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.web import ErrorHandler, OutputTransform

from neurosim.views.scope.memory import PictureMemory, Sizes
from neurosim.views.scope.page import page
from neurosim.views.scope.recorder import About, Recorder

NAMES = {"127.0.0.1", "localhost"}
LOOK = 100  # milliseconds between two looks at the memory
LAST = 0.5  # seconds that browsers have to get the last picture
FORBIDDEN = 403
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
    """Bokeh's application, for requests to this machine by its own names, and from its own page."""

    def resources(self, absolute_url: str | bool | None = None) -> Resources:
        """Return which scripts the page loads, all from here: those of plots and widgets."""
        return Resources(
            mode="server",
            root_url="/",
            path_versioner=StaticHandler.append_version,
            components=["bokeh", "bokeh-widgets"],
        )

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        """Return what answers a request: an error where it is refused."""
        if admitted(request.headers, request.path):
            return super().find_handler(request, **kwargs)
        return self.get_handler_delegate(request, ErrorHandler, {"status_code": FORBIDDEN})


def admitted(headers: HTTPHeaders, path: str) -> bool:
    """Tell whether a request is to one of this machine's own names, and from no other page.

    A browser says at each web socket where its page is from, so one without is refused, too.
    """
    hosts, origins = headers.get_list("Host"), headers.get_list("Origin")
    if len(hosts) != 1 or _name(hosts[0]) not in NAMES:
        return False
    if not origins:
        return not path.endswith("/ws")
    return bool(origins == [f"http://{hosts[0]}"])


def _name(host: str) -> str | None:
    try:
        split = urlsplit(f"//{host}")
        return split.hostname if split.netloc == host and split.username is None else None
    except ValueError:
        return None


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
    logging.getLogger().setLevel(logging.ERROR)
    said = json.loads(sys.stdin.buffer.readline())
    neurons, fields, tile = said.pop("sizes")
    sizes = Sizes(neurons, fields, tuple(tile))
    pictures = PictureMemory(sizes, memory)
    recorder = Recorder(pictures, sizes, About(**said), orders)
    loop = IOLoop.current()
    application = OwnMachine(
        lambda document: page(document, recorder), sign_sessions=False, generate_session_ids=True,
        extra_websocket_origins=[f"{name}:*" for name in NAMES], websocket_max_message_size_bytes=LARGEST,
    )  # fmt: skip
    application.transforms.append(OwnHeaders)
    http = HTTPServer(application, max_body_size=LARGEST)
    http.add_sockets([socket.socket(fileno=listener)])
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
