"""What the page asks of a run: one line of JSON each, checked here, on the run's side."""

import json
import math
import os
import select
from typing import Any, NamedTuple

from neurosim.checks import LARGEST
from neurosim.online.control import Edit

LONGEST = 1 << 12  # bytes of a line
AT_ONCE = 1 << 16  # bytes
CONSTANTS = ("gain", "temperature", "rate")


class Pause(NamedTuple):
    """Hold the run before the next sample."""


class Resume(NamedTuple):
    """Let the run go on."""


class Step(NamedTuple):
    """Let the run take some samples, and hold it then."""

    samples: int


Command = Pause | Resume | Step | Edit


def parse(line: bytes) -> Command:
    """Return the command of a line.

    Raises
    ------
    ValueError
        If it is none; the message is for whoever looks at the page.
    """
    if len(line) > LONGEST:
        raise ValueError(f"a command must be at most {LONGEST} bytes long, got {len(line)}")
    try:
        asked = json.loads(line)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise ValueError(f"a command must be one line of a JSON object, got {_shown(line)}")
    match asked.get("do"):
        case "pause":
            return Pause()
        case "resume":
            return Resume()
        case "step":
            return Step(_whole("samples", asked.get("samples"), 1))
        case "set":
            return _edit(asked)
    raise ValueError(f"do must be pause, resume, step or set, got {_shown(asked.get('do'))}")


def _edit(asked: dict[str, Any]) -> Edit:
    name, value, layer = (asked.get(key) for key in ("name", "value", "layer"))
    if name not in CONSTANTS:
        raise ValueError(f"name must be one of {', '.join(CONSTANTS)}, got {_shown(name)}")
    if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
        raise ValueError(f"{name} must be a finite number, got {_shown(value)}")
    return Edit(name, float(value), None if layer is None else _whole("layer", layer, 0))


def _finite(value: float) -> bool:
    """Tell whether a number is finite, also as a float."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _whole(name: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= LARGEST:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {_shown(value)}")
    return value


def _shown(value: object) -> str:
    return ascii(value)[:80]


class Lines:
    """Lines that come through a pipe, read without waiting for more than there is.

    Parameters
    ----------
    file : int
        Descriptor of the pipe's end.

    Attributes
    ----------
    ended : bool
        Whether the other end is closed.
    """

    def __init__(self, file: int) -> None:
        self._file, self._begun, self.ended = file, b"", False
        os.set_blocking(file, False)
        self._poll = select.poll()  # `select` takes no descriptors beyond 1023
        self._poll.register(file, select.POLLIN)

    def wait(self, seconds: float) -> None:
        """Wait until something comes or the other end is closed, for some seconds at most."""
        self._poll.poll(1000 * seconds)

    def read(self) -> list[bytes]:
        """Return the lines that have come since the last call; what is no whole line yet is kept."""
        try:
            more = b"" if self.ended else os.read(self._file, AT_ONCE)
            self.ended |= not more
        except BlockingIOError:
            return []
        *lines, self._begun = (self._begun + more).split(b"\n")
        if len(self._begun) > LONGEST:  # no command is so long: its rest is refused as one, too
            lines, self._begun = [*lines, self._begun], b""
        return lines
