"""A run with a scope in a thread of the test, and requests to its page without a browser."""

import http.client
import threading
from contextlib import contextmanager
from urllib.parse import urlsplit

from processes import wait_until

import neurosim as ns
from neurosim.views.scope.scope import Scope


class Scoped:
    """A chip that learns from digits in a thread, held before the first sample, and its scope.

    `said` has the lines that the scope tells whoever started the run, and `report` the run's, once it has ended.
    """

    def __init__(self, chip, epochs=1, name="digits", held=True, **options):
        self.chip, self.said, self.report = chip, [], None
        self._stopped = False
        self._stream = ns.open_stream("digits", epochs=epochs)
        self.scope = Scope(
            chip,
            name,
            length=self._stream.length,
            held=held,
            say=self.said.append,
            stop=lambda: self._stopped,
            **options,
        )
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        self.report = ns.run(
            self.chip, self._stream, control=self.scope, watch=self.scope.watch, stop=lambda: self._stopped
        )
        self.scope.ended()

    def start(self):
        self._thread.start()

    def join(self):
        self._thread.join()

    def stop(self):
        self._stopped = True
        self._thread.join()

    def samples(self, count):
        """Wait until the chip has learned from so many samples."""
        wait_until(lambda: self.chip.samples == count)

    def get(self, path="/", method="GET", secret=True, **headers):
        """Return the status, headers and body of an answer; a header of the value None is left out."""
        address = urlsplit(self.scope.address)
        path = address.path.rstrip("/") + path if secret else path
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        connection.putrequest(method, path, skip_host=True)
        for name, value in ({"Host": address.netloc} | headers).items():
            for one in value if isinstance(value, list) else [value]:
                if one is not None:
                    connection.putheader(name.replace("_", "-"), one)
        connection.endheaders()
        answer = connection.getresponse()
        try:
            return answer.status, dict(answer.headers), b"" if answer.status == 101 else answer.read()
        finally:
            connection.close()


@contextmanager
def scoped(chip, **options):
    """Give a `Scoped` that runs; at the end, its run and its page end."""
    made = Scoped(chip, **options)
    try:
        made.start()
        yield made
        made.stop()
    finally:
        made._stopped = True
        made.scope.end()
