"""The scope of a run: pictures of the chip for a page in another process, and what the page asks of the run."""

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from math import inf

from neurosim.chip.changing import changed
from neurosim.chip.chip import Chip
from neurosim.errors import ConfigError
from neurosim.online.control import Edit
from neurosim.online.report import Report
from neurosim.online.stop import Stop
from neurosim.views.scope.commands import Pause, Resume, Step, parse
from neurosim.views.scope.memory import PictureMemory
from neurosim.views.scope.pictures import Pictures
from neurosim.views.scope.process import HOST, PageProcess, check_bokeh, listening

SHORTEST = 0.1  # seconds between two pictures
SHARE = 0.01  # of the time that pictures may take
REFUSALS = 5  # that the page shows
RUNNING, HELD, ENDED = "running", "held", "ended"


class Scope:
    """Shows a run on a page, and lets the page hold, step and change it: the `control` of `neurosim.run`; a context.

    The page is served at 127.0.0.1 by another process, which the run never waits for: with a page that is closed, or a
    process that has died, the run goes on to the same bits.

    Parameters
    ----------
    chip : Chip
        The chip that runs.
    name : str
        Of the stream.
    length : int, optional
        Samples that the chip will have learned at the end of the stream, if that is known.
    layer : int
        Index of the layer whose wins and weights are shown.
    shape : tuple of int, optional
        Of a sample as an image, (height, width) or (channels, height, width); by default the chip's own shape.
    port : int, optional
        By default the usual one, 5006, or another that is free.
    held : bool
        Whether the run waits for the page before its first sample.
    waiting : callable
        As of `neurosim.run`: entered while the run is held; it may raise `Stop`.
    say : callable
        Gets a line that whoever started the run should read.

    Attributes
    ----------
    address : str
        Of the page.
    process : int
        The system's number of the process that serves the page.

    Raises
    ------
    ConfigError
        If Bokeh is missing, the port is in use, or `layer` or `shape` does not fit the chip.
    """

    def __init__(
        self,
        chip: Chip,
        name: str,
        *,
        length: int | None = None,
        layer: int = 0,
        shape: tuple[int, ...] | None = None,
        port: int | None = None,
        held: bool = False,
        waiting: Callable[[], AbstractContextManager[object]] = nullcontext,
        say: Callable[[str], object] = lambda _line: None,
    ) -> None:
        check_bokeh()
        self._chip, self._waiting, self._say = chip, waiting, say
        self._pictures = Pictures(chip, layer, shape)
        self._memory = PictureMemory(self._pictures.sizes)
        here = listening(port)
        self.address = f"http://{HOST}:{here.getsockname()[1]}/"
        about = {"sizes": self._pictures.sizes, "stream": name, "length": length, "layer": layer}
        self._page = PageProcess(here, self._memory, about | self._pictures.about())
        self.process = self._page.number
        self._report: Report | None = None
        self._status, self._alone, self._refusals = RUNNING, False, list[str]()
        self._until = -inf if held else inf  # samples of the chip at which the run is held
        self._due, self._seconds_held = 0.0, 0.0

    def __enter__(self) -> "Scope":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def watch(self, report: Report) -> None:
        """Take note of the run's report: the `watch` of `neurosim.run`."""
        self._report = report

    def samples_left(self, samples: int) -> float:
        """Return after how many more samples the run is to be held: see `Control`."""
        return max(1, self._until - samples)

    def between(self, samples: int) -> Iterable[Edit]:
        """Show a picture if one is due, hold the run if the page asks for it, and return the page's changes."""
        if samples < self._until and time.perf_counter() < self._due:
            return ()
        edits = self._asked(samples)
        if samples < self._until:
            self._show(RUNNING)
            return edits
        begun = time.perf_counter()
        self._show(HELD)
        with self._waiting():
            while not edits and samples >= self._until:
                self._page.lines.wait(SHORTEST)
                before = self._refusals
                edits = self._asked(samples)
                if self._refusals is not before:
                    self._show(HELD)
        self._seconds_held += time.perf_counter() - begun
        return edits

    def refused(self, edit: Edit, error: ConfigError) -> None:
        """Show on the page why a change was refused."""
        self._refuse(f"{edit.name} {edit.value:.6g}: {error}")

    def ended(self, error: Exception | None = None) -> None:
        """Show the last picture of a run that has ended, or was ended by an error."""
        if error is not None:
            self._refuse(f"the run was ended: {error}")
        self._show(ENDED)

    def stay(self) -> None:
        """Keep the page after the run, until `waiting` raises `Stop` or the page's process ends."""
        try:
            with self._waiting():
                while not self._alone:
                    self._page.lines.wait(10 * SHORTEST)
                    self._asked(self._chip.samples)  # what is asked of a run that has ended has no effect
        except Stop:
            pass

    def end(self) -> None:
        """End the page."""
        self._page.end()

    def _asked(self, samples: int) -> list[Edit]:
        """Do what the page has asked for since the last call; return the changes among it, the last of each kind."""
        if self._alone:
            return []
        edits: dict[tuple[str, int | None], Edit] = {}
        for line in self._page.lines.read():
            try:
                command = parse(line)
            except ValueError as refusal:
                self._refuse(str(refusal))
                continue
            match command:
                case Pause():
                    self._until = min(self._until, samples)
                case Resume():
                    self._until = inf
                case Step(count):
                    self._until = samples + count
                case Edit():
                    edits |= self._admitted(command)
        if self._page.lines.ended:
            self._alone, self._until = True, inf  # nobody is left who could let it go on
            self._say(f"The page's process has ended ({self._page.ended()}); the run goes on without it.")
        return list(edits.values())

    def _admitted(self, edit: Edit) -> dict[tuple[str, int | None], Edit]:
        """Return a change by its kind if the chip's layers admit it; show why not otherwise."""
        try:
            _, changes = changed(self._chip.layers, edit.layer, {edit.name: edit.value})
        except ConfigError as error:
            self.refused(edit, error)
            return {}
        return {(edit.name, edit.layer): edit} if changes or self._chip.samples == 0 else {}

    def _refuse(self, why: str) -> None:
        self._refusals = [*self._refusals, " ".join(why.split())][-REFUSALS:]

    def _show(self, status: str) -> None:
        """Write a picture to the memory; the next one is due when this one's time is a small share of the whole."""
        begun = time.perf_counter()
        clock = begun - self._seconds_held
        values = self._pictures.values(self._report) | {"clock": clock}
        self._memory.write(values, self._pictures.words(status, self._refusals))
        now = time.perf_counter()
        self._due = now + max(SHORTEST, (now - begun) / SHARE)
