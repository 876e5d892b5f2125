"""The page's side of the shared memory: pictures are read, and kept for all browsers; orders go back to the run."""

import json
import os
import time
from contextlib import suppress
from typing import Any, NamedTuple

from neurosim.views.scope.history import History
from neurosim.views.scope.memory import PictureMemory, Sizes, words_of

SILENCE = 2.0  # seconds without a picture that was due, of a run that is not held, after which the page says so


class About(NamedTuple):
    """What never changes in a run.

    Attributes
    ----------
    stream : str
        Its name.
    length : int or None
        Samples that the chip will have learned at its end, if that is known.
    layer : int
        Index of the layer that is shown.
    chip : str
        The shapes of its layers.
    """

    stream: str
    length: int | None
    layer: int
    chip: str


class Recorder:
    """Reads the run's pictures, and sends it orders.

    Parameters
    ----------
    memory : PictureMemory
    sizes : Sizes
    about : About
    orders : int
        Descriptor of the pipe that orders go through, which never waits.

    Attributes
    ----------
    sizes : Sizes
    picture : structured array (1,), or None
        The latest one.
    words : dict
        Its texts.
    history : History
    version : int
        Grows with every new picture.
    """

    def __init__(self, memory: PictureMemory, sizes: Sizes, about: About, orders: int) -> None:
        self.about, self.history, self.version = about, History(sizes.neurons), 0
        self.picture: Any = None
        self.words: dict[str, Any] = {
            "status": "begins", "layers": [], "changes": [], "changes_made": 0, "refusals": [], "drift": None,
            "error": "",
        }  # fmt: skip
        self.sizes, self._memory, self._orders = sizes, memory, orders
        self._own: list[dict[str, Any]] = []
        self._sequence, self._seen = 0, time.monotonic()

    def look(self) -> None:
        """Read the memory, and keep the picture if it is a new one."""
        sequence = self._memory.sequence
        if sequence == self._sequence:
            return
        picture = self._memory.read()
        if picture is None:
            return
        self._sequence, self._seen = sequence, time.monotonic()
        self.picture, self.words = picture, words_of(picture)
        self.history.add(picture)
        self.version += 1

    @property
    def status(self) -> str:
        """What the run does: as it says itself, or waiting, where it has shown nothing new for some seconds."""
        status: str = self.words["status"]
        if status != "running" or time.monotonic() - self._seen <= SILENCE + float(self.picture["pause"][0]):
            return status
        return "waiting"

    @property
    def refusals(self) -> list[dict[str, Any]]:
        """What was refused, by the run or before it was sent: each `at` a time in seconds since 1970, and `why`."""
        return [*self._own, *self.words["refusals"]]

    def refuse(self, why: str) -> None:
        """Take note that something was not sent to the run, for all browsers."""
        self._own = [{"at": time.time(), "why": why}]

    def order(self, **command: Any) -> None:
        """Send the run a command; if it has left too many unread, this one is lost."""
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(self._orders, json.dumps(command).encode() + b"\n")
