"""Lab Streaming Layer: the samples of a stream on the local network, found by its name or its type.

Kothe et al. (2024), "The Lab Streaming Layer for Synchronized Multimodal Recording", bioRxiv 2024.02.13.580071;
time stamps and their correction: https://labstreaminglayer.readthedocs.io/info/time_synchronization.html
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurosim.errors import StreamError
from neurosim.streams.live.live import reader
from neurosim.streams.live.spelling import package, split_options
from neurosim.streams.live.transport import Message, Transport

OPTIONS = {"by": "name"}
PROPERTIES = ("name", "type", "source_id")  # by which a stream may be found
MOST = 1024  # samples that are taken at once
LOOKED_FOR = 5.0  # seconds, for a stream whose width must be known at once
BUFFERED = 60  # seconds of samples, or hundreds of them if they come at no rate, that wait within the library
QUIET = b"[log]\nlevel = -3\n"  # it writes to the standard error otherwise


class LSL(Transport):
    """Samples of a stream of numbers: each is a message of its channels as little-endian float32.

    Its stamp is the sender's time in nanoseconds of this machine's `time.monotonic_ns()`, corrected by what the
    library measures of the two clocks.

    Parameters
    ----------
    value : str
        Of the property by which it is found.
    by : {"name", "type", "source_id"}
    """

    format = "f32"

    def __init__(self, value: str, *, by: str = "name") -> None:
        self.kind = f"lsl {by} {value}"
        self._lsl, self._lost = quiet(), package("lsl", "pylsl.util", "lsl").LostError
        self._value, self._by = value, by
        self._width: int | None = None
        self._inlet: Any = None
        self._correction = 0.0

    def width(self, asked: int | None) -> int | None:
        """Return the channels that are asked for, or those that the stream has: see `Transport`."""
        self._width = found(self._by, self._value, LOOKED_FOR).channel_count() if asked is None else asked
        return self._width

    def open(self, seconds: float) -> bool:
        """Find the stream and connect to it.

        Raises
        ------
        OSError
            If no such stream is there, or it does not answer.
        StreamError
            If it is one of texts, or of another width.
        """
        lsl = self._lsl
        info = found(self._by, self._value, seconds)
        if info.channel_format() == lsl.cf_string:
            raise StreamError(f"lsl {self._value} must be a stream of numbers, got one of texts")
        if self._width not in (None, info.channel_count()):
            raise StreamError(f"lsl {self._value} must have {self._width} channels, got {info.channel_count()}")
        # Without recovery: the library would connect again by itself, and nobody would know.
        self._inlet = lsl.StreamInlet(info, max_buflen=BUFFERED, recover=False)
        try:
            self._inlet.open_stream(timeout=seconds)
            self._correction = self._inlet.time_correction(timeout=seconds)
        except (self._lost, TimeoutError, RuntimeError) as error:
            self.close()
            raise ConnectionError(f"lsl {self._value}: {error}") from None
        return True

    def receive(self, seconds: float) -> Sequence[Message]:
        """Return samples that are there; wait for the first of them.

        Raises
        ------
        ConnectionError
            If the stream is gone.
        """
        try:
            samples, times = self._inlet.pull_chunk(timeout=seconds, max_samples=1)
            if not times:
                return ()
            more, later = self._inlet.pull_chunk(timeout=0.0, max_samples=MOST)
        except self._lost:
            raise ConnectionError(f"lsl {self._value} is gone") from None
        with np.errstate(over="ignore"):  # beyond float32 becomes infinite, which the layer refuses
            rows = np.asarray([*samples, *more]).astype("<f4")
        stamps = np.asarray([*times, *later]) + self._correction
        return [
            Message(row.tobytes(), stamp=stamp)
            for row, stamp in zip(rows, np.rint(1e9 * stamps).astype(np.int64).tolist(), strict=True)
        ]

    def close(self) -> None:
        """Leave the stream."""
        if self._inlet is not None:
            self._inlet.close_stream()
            self._inlet = None


def quiet() -> Any:
    """Return the library's package, told to write nothing to the standard error.

    Raises
    ------
    ConfigError
        If it is not installed, or comes without the library itself.
    """
    try:
        library = package("lsl", "pylsl.lib", "lsl").lib
    except (RuntimeError, OSError) as error:  # the package is there, and liblsl is not
        raise StreamError(f"lsl must find its library liblsl, but: {error}") from None
    if hasattr(library, "lsl_set_config_content"):
        library.lsl_set_config_content(QUIET)
    return package("lsl", "pylsl", "lsl")


def found(by: str, value: str, seconds: float) -> Any:
    """Return the description of the first stream found; raise ConnectionError if none answers in so many seconds."""
    answers = quiet().resolve_byprop(by, value, minimum=1, timeout=max(0.1, seconds))
    if not answers:
        raise ConnectionError(f"no stream of the {by} {value} answers")
    return answers[0]


@reader("lsl")
def lsl(text: str) -> LSL:
    """Open `lsl:NAME`, or another property's value: `lsl:VALUE?by=type`.

    Raises
    ------
    StreamError
        If it says none.
    ConfigError
        If pylsl is not installed.
    """
    value, options = split_options("lsl", text, OPTIONS)
    if options["by"] not in PROPERTIES or not value:
        raise StreamError(f"lsl must be NAME, or VALUE?by= one of {', '.join(PROPERTIES)}, got {text!r}")
    return LSL(value, by=options["by"])
