"""Reads a live stream in a thread, as a run does, so that a test can send once it is connected; every wait ends."""

import threading
import time

import neurosim as ns

SECONDS = 20


class LiveReading:
    """A stream being read; a context, which ends with the stream, or when so many samples have come.

    Attributes
    ----------
    samples : list of float32 arrays
    labels : list of int
    fault : Exception or None
        What ended it.
    """

    def __init__(self, stream, most=None):
        self.stream, self._most = stream, most
        self.samples, self.labels, self.fault = [], [], None
        self._thread = threading.Thread(target=self._read)

    def __enter__(self):
        self._thread.start()
        self.connected(1)
        return self

    def __exit__(self, *_):
        self.join()

    @property
    def numbers(self):
        """The first input of each sample."""
        return [int(sample[0]) for sample in self.samples]

    def connected(self, times):
        """Wait until it was connected so often, or has ended."""
        self._wait(lambda: self.stream.counts.connections >= times or not self._thread.is_alive())

    def came(self, count):
        """Wait until so many samples have come."""
        self._wait(lambda: len(self.samples) >= count)

    def join(self):
        """Wait until the stream has ended."""
        self._thread.join(SECONDS)
        assert not self._thread.is_alive(), "the stream does not end"

    def _read(self):
        blocks = self.stream.arriving()
        try:
            for samples, labels in blocks:
                self.samples += list(samples)
                self.labels += [] if labels is None else labels.tolist()
                if self._most is not None and len(self.samples) >= self._most:
                    break
        except ns.NeurosimError as error:
            self.fault = error
        finally:
            blocks.close()

    def _wait(self, until):
        limit = time.monotonic() + SECONDS
        while not until():
            assert time.monotonic() < limit, f"{len(self.samples)} samples came, {self.stream.counts}, {self.fault}"
            time.sleep(0.005)
