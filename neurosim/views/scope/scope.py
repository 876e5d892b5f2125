"""The scope of a run: pictures of the chip for a page in another process, and what the page asks of the run."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from math import inf
from socket import socket

from neurosim.chip.chip import Chip
from neurosim.errors import NeurosimError
from neurosim.online.control import Edit
from neurosim.online.report import Report
from neurosim.online.stop import Stop
from neurosim.views.scope.commands import Pause, Resume, Step, parse
from neurosim.views.scope.memory import PictureMemory
from neurosim.views.scope.pictures import Pictures
from neurosim.views.scope.process import HOST, PageProcess, listening

SHORTEST = 0.2  # seconds between two looks at what the page asks for, and two pictures: pages are drawn as often
LONGEST = 1.0  # seconds of one wait for the page
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
        Of the layer's inputs as an image, (height, width) or (channels, height, width); by default the chip's own if
        it is one. None of them, `()`, for no image.
    listener : socket, optional
        From `neurosim.views.scope.process.listening`; by default one at the usual port, 5006, or another that is free.
    held : bool
        Whether the run waits for the page before its first sample.
    stop, waiting : callable
        As of `neurosim.run`: asked, and entered, while the run is held.
    say : callable
        Gets a line that whoever started the run should read.

    Attributes
    ----------
    address : str
        Of the page.
    process : int
        The system's number of the process that serves the page.
    pictures : int
        Pictures shown so far.
    seconds : float
        Processor time that they took.

    Raises
    ------
    ConfigError
        If Bokeh is missing, or `layer` or `shape` does not fit the chip.
    """

    def __init__(
        self,
        chip: Chip,
        name: str,
        *,
        length: int | None = None,
        layer: int = 0,
        shape: tuple[int, ...] | None = None,
        listener: socket | None = None,
        held: bool = False,
        stop: Callable[[], bool] = lambda: False,
        waiting: Callable[[], AbstractContextManager[object]] = nullcontext,
        say: Callable[[str], object] = lambda _line: None,
    ) -> None:
        self._chip, self._stopped, self._waiting, self._say = chip, stop, waiting, say
        self._pictures = Pictures(chip, layer, shape)
        self._memory = PictureMemory(self._pictures.sizes)
        here = listening(None) if listener is None else listener
        self.address = f"http://{HOST}:{here.getsockname()[1]}/"
        about = {"sizes": self._pictures.sizes, "stream": name, "length": length, "layer": layer}
        self._page = PageProcess(here, self._memory, about | self._pictures.about())
        self._memory.close()
        self.process, self.pictures, self.seconds = self._page.number, 0, 0.0
        self._report: Report | None = None
        self._alone, self._news, self._refusals = False, False, list[str]()
        self._shown = ""  # the status on the page
        self._until = -inf if held else inf  # samples of the chip at which the run is held
        self._look_at, self._picture_at, self._seconds_held = 0.0, 0.0, 0.0
        self._pause = SHORTEST  # seconds after a picture until the next one is due

    def __enter__(self) -> "Scope":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def watch(self, report: Report) -> None:
        """Take note of the run's report: the `watch` of `neurosim.run`."""
        self._report = report

    def samples_left(self, samples: int) -> float:
        """Return 0 where it is time to look at the page or the run is to be held, else how many samples come before."""
        if self._alone:
            return inf
        return 0 if time.perf_counter() >= self._look_at else max(0, self._until - samples)

    def between(self, samples: int) -> Iterator[Edit]:
        """Give the page's changes, hold the run if the page asks for it, and show a picture if one is due."""
        yield from self._asked(samples)
        begun = time.perf_counter()
        while samples >= self._until and not self._stopped():
            self._seconds_held += time.perf_counter() - begun
            begun = time.perf_counter()
            if self._news or self._shown != HELD:
                self._show(HELD)
            with self._waiting():  # not while the run makes a change: a signal may raise here
                self._page.lines.wait(SHORTEST)
            yield from self._asked(samples)
        now = time.perf_counter()
        self._seconds_held += now - begun
        if self._news or self._shown != RUNNING or now >= self._picture_at:
            self._show(RUNNING)
        self._look_at = time.perf_counter() + SHORTEST

    def refused(self, edit: Edit, why: NeurosimError) -> None:
        """Show on the page why a change was refused."""
        self._refuse(f"{edit.name} {edit.value:.6g}: {why}")

    def ended(self, error: Exception | None = None) -> None:
        """Show the last picture of a run that has ended, or was ended by an error."""
        if error is not None:
            self._refuse(f"the run was ended: {error}")
        self._show(ENDED)

    def stay(self, waiting: Callable[[], AbstractContextManager[object]]) -> None:
        """Keep the page after the run, until `waiting` raises `Stop` or the page's process ends."""
        try:
            with waiting():
                while not self._alone:
                    self._page.lines.wait(LONGEST)
                    for _ in self._asked(self._chip.samples):  # what is asked of a run that has ended has no effect
                        pass
        except Stop:
            pass

    def end(self) -> None:
        """End the page."""
        self._page.end()

    def _asked(self, samples: int) -> Iterator[Edit]:
        """Do what the page has asked for since the last call; give the changes among it."""
        if self._alone:
            return
        for line in self._page.lines.read():
            self._news = True
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
                    going = samples < self._until < inf  # with samples of steps before it still to come
                    self._until = (self._until if going else samples) + count
                case Edit():
                    yield command
        if self._page.lines.ended:
            self._alone, self._until = True, inf  # nobody is left who could let it go on
            goes_on = "" if self._shown == ENDED else "; the run goes on without it"
            self._say(f"The page's process has ended ({self._page.ended()}){goes_on}.")

    def _refuse(self, why: str) -> None:
        self._refusals = [*self._refusals, " ".join(why.split())][-REFUSALS:]

    def _show(self, status: str) -> None:
        """Write a picture to the memory; the next one is due when this one's time is a small share of the whole."""
        begun = time.thread_time()  # of this thread alone: on a busy machine, waiting for a core is no cost of pictures
        clock = time.perf_counter() - self._seconds_held
        self._shown, self._news = status, False
        values = self._pictures.values(self._report) | {"clock": clock, "pause": self._pause}
        self._memory.write(values, self._pictures.words(status, self._refusals))
        seconds = time.thread_time() - begun
        self.pictures, self.seconds = self.pictures + 1, self.seconds + seconds
        self._pause = max(SHORTEST, seconds / SHARE)
        self._picture_at = time.perf_counter() + self._pause
