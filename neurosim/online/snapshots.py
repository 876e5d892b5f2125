"""Snapshots of a chip that goes on learning: the loop pauses for a copy in memory, and another process writes it.

A thread would not do: HDF5 holds Python's lock for milliseconds when it writes some megabytes, and the loop needs that
lock after each sample (`docs/performance.md`).
"""

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from neurosim.chip.chip import Chip
from neurosim.errors import StateError, StorageWarning
from neurosim.online.request import Request
from neurosim.online.snapshot_writer import Outcome
from neurosim.online.writer_process import Writer
from neurosim.state.arrays import Arrays
from neurosim.state.file_system import noted


@dataclass
class Tally:
    """Counts and times of a run's snapshots.

    Attributes
    ----------
    written : int
        Snapshots written.
    late : int
        Snapshots that became due while the one before was still being written.
    pause_seconds, longest_pause_seconds : float
        How long the loop paused for snapshots: in total, and the longest pause.
    write_seconds : float
        How long writing took, most of it while the loop went on.
    """

    written: int = 0
    late: int = 0
    pause_seconds: float = 0.0
    longest_pause_seconds: float = 0.0
    write_seconds: float = 0.0

    def paused(self, seconds: float) -> None:
        """Count a pause."""
        self.pause_seconds += seconds
        self.longest_pause_seconds = max(self.longest_pause_seconds, seconds)


class Saved(Protocol):
    """What snapshots are taken of: a chip, or what is saved as one."""

    @property
    def changes(self) -> tuple[Any, ...]:
        """Another object after each change of constants."""

    def save(
        self,
        path: str | Path,
        *,
        position: int = 0,
        stream: dict[str, Any] | None = None,
        beside: Mapping[str, Arrays] | None = None,
    ) -> None:
        """Write a state file, as `Chip.save` does."""


class Writes(Protocol):
    """What writes snapshots while learning goes on: `neurosim.online.writer_process.Writer`, or another.

    Attributes
    ----------
    ordered : bool
        Whether a snapshot was ordered, and its outcome has not been asked for.
    """

    ordered: bool

    def busy(self) -> bool:
        """Tell whether the last snapshot is still being written."""

    def fits(self, beside: Mapping[str, Arrays]) -> bool:
        """Tell whether there is room for a snapshot."""

    def order(self, position: int, beside: Mapping[str, Arrays]) -> None:
        """Copy the arrays, and have them written."""

    def outcome(self) -> Outcome:
        """Wait until the ordered snapshot is written, or cannot be; return how that went."""

    def end(self) -> None:
        """End what writes."""


class Snapshots:
    """Takes the snapshots of a run; a context manager, which at its end waits for the snapshot being written.

    The memory for the copy, as large as the state, and the process that writes are made at the beginning; neither is
    made if only the last snapshot is wanted.

    A snapshot on the way that cannot be written is no reason to lose what the chip goes on to learn: there is one
    warning, and the next snapshot tries again, with another process if the one before has ended. What cannot be written
    at the end is an error.

    Parameters
    ----------
    chip : Chip
    path : path
        The state file, which the caller has claimed.
    stream : dict or None
        The stream's `identity`.
    tally : Tally
        Updated with every snapshot.
    samples : int
        Samples between snapshots; 0 to go by time only. At each of them the loop waits for the snapshot before.
    seconds : float
        Seconds between snapshots; 0 to go by samples only. A snapshot that becomes due while the one before is still
        being written is taken as soon as that is done.
    request : Request, optional
        Asks for snapshots besides.
    beside : callable, optional
        Returns what is kept beside the chip, after so many samples taken in this run.

    Raises
    ------
    StateError
        From every method: if the chip has diverged, or the last snapshot cannot be written. The file at `path` stays
        whole.
    """

    def __init__(
        self,
        chip: Saved,
        path: str | Path,
        stream: dict[str, Any] | None,
        tally: Tally,
        *,
        samples: int = 0,
        seconds: float = 0.0,
        request: Request | None = None,
        beside: Callable[[int], Mapping[str, Arrays]] | None = None,
    ) -> None:
        self._beside = (lambda _: {}) if beside is None else beside
        self.tally, self._chip, self._path, self._stream = tally, chip, Path(path), stream
        self._samples, self._seconds = samples or float("inf"), seconds or float("inf")
        self._request = Request() if request is None else request
        self._last_samples, self._last_time, self._late = 0, time.perf_counter(), False
        self._failing, self._warned = False, set[str]()
        self._last_changes = chip.changes  # of constants, as a run makes them
        self._starts = bool(samples or seconds)
        self._writer = self._start_writer(self._beside(0)) if self._starts else None

    def __enter__(self) -> "Snapshots":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            self.settle()
        except StateError as refusal:
            if error is None:
                raise
            error.add_note(f"and the last snapshot failed: {refusal}")
        finally:
            self._drop_writer()

    def due(self, samples: int) -> bool:
        """Tell whether to take a snapshot now, after `samples` samples of this run."""
        if samples - self._last_samples >= self._samples:
            self._late |= self.busy()
            return True
        if time.perf_counter() - self._last_time < self._seconds and not self._request.pending:
            return False
        busy = self.busy()
        self._late |= busy
        return not busy

    def samples_left(self, samples: int) -> float:
        """Return how many samples after `samples` of this run a snapshot falls due, if it goes by samples."""
        return self._last_samples + self._samples - samples

    def due_while_waiting(self, samples: int) -> bool:
        """Tell whether the clock or a request wants a snapshot while no sample comes: not one of what is written."""
        if not self.busy():
            self._collect()
        if self._request.pending:
            return True
        return self.overdue() and (self._is_new(samples) or self._failing)

    def _is_new(self, samples: int) -> bool:
        """Tell whether a chip of so many samples of this run is another than in the last snapshot."""
        return samples > self._last_samples or self._last_changes is not self._chip.changes

    def overdue(self) -> bool:
        """Tell whether the clock wants a snapshot, if there is anything new."""
        return time.perf_counter() - self._last_time >= self._seconds

    def seconds_left(self) -> float:
        """Return the seconds until a snapshot is due by the clock; all of them if one has been due for some time."""
        left = self._seconds - (time.perf_counter() - self._last_time)
        return left if left > 0 else self._seconds

    def take(self, samples: int, position: int) -> None:
        """Copy the chip and order its writing, after `samples` of this run; the stream is at `position`.

        Raises
        ------
        StateError
            If the chip has diverged.
        """
        begun = time.perf_counter()
        self.take_while_waiting(samples, position)
        self.tally.paused(time.perf_counter() - begun)

    def take_while_waiting(self, samples: int, position: int) -> None:
        """Do the same as `take`, where no sample has to wait for it."""
        begun = time.perf_counter()
        self._request.pending = False
        self._collect()
        beside = self._beside(samples)
        may_grow = bool(beside) or self._last_changes is not self._chip.changes
        if self._writer is not None and may_grow and not self._writer.fits(beside):
            self._drop_writer()
        try:
            if self._starts and self._writer is None:
                self._writer = self._start_writer(beside)
            if self._writer is None:
                self._save(position, beside)
            else:
                self._writer.order(position, beside)
        except StateError as refusal:
            self._drop_writer()
            self._fail(str(refusal))
        self.tally.late += self._late
        self._last_samples, self._last_time, self._late = samples, begun, False
        self._last_changes = self._chip.changes

    def settle(self) -> None:
        """Wait for the snapshot that is being written, if there is one; raise StateError if it cannot be written."""
        refusal = self._outcome()
        if refusal is not None:
            raise StateError(refusal)

    def finish(self, samples: int, position: int) -> None:
        """Make sure, after learning, that the file includes all samples: wait for the last snapshot, or write one.

        Raises
        ------
        StateError
            If it cannot be written.
        """
        begun = time.perf_counter()
        self._failing |= self._outcome() is not None
        if self._is_new(samples) or self._failing or not self._path.exists():
            self._save(position, self._beside(samples))
            self._last_samples, self._last_changes = samples, self._chip.changes
        self.tally.pause_seconds += time.perf_counter() - begun

    def keep(self, samples: int, position: int, error: Exception) -> None:
        """Do what `finish` does, if there is a sample, after an error that ends the run; note on it how that went."""
        if samples == 0:
            return
        try:
            self.finish(samples, position)
        except StateError as refusal:
            error.add_note(f"and the last snapshot failed: {refusal}")
        else:
            error.add_note(f"the state has all that was learned before, up to sample {position}: {self._path}")

    def tell_standing(self, error: Exception) -> None:
        """Note on an error after which no last snapshot is taken what stands in the file."""
        if self._path.exists() and not isinstance(error, StateError):  # which says so itself
            error.add_note(f"the state is that of the snapshot before: {self._path}")

    def busy(self) -> bool:
        """Tell whether a snapshot is still being written."""
        return self._writer is not None and self._writer.busy()

    def _start_writer(self, beside: Mapping[str, Arrays]) -> Writes:
        assert isinstance(self._chip, Chip)
        return Writer(self._chip, self._path, self._stream, beside, patient=self._samples == float("inf"))

    def _drop_writer(self) -> None:
        """End the other process, if there is one; the next snapshot starts another."""
        if self._writer is not None:
            self._writer.end()
            self._writer = None

    def _save(self, position: int, beside: Mapping[str, Arrays]) -> None:
        """Write a snapshot without the other process."""
        begun = time.perf_counter()
        with noted() as notes:
            self._chip.save(self._path, position=position, stream=self._stream, beside=beside)
        self._say(notes)
        self._count(time.perf_counter() - begun)

    def _collect(self) -> None:
        """Wait for the snapshot that is being written, if there is one; warn if it cannot be written."""
        refusal = self._outcome()
        if refusal is not None:
            self._fail(refusal)

    def _outcome(self) -> str | None:
        """Wait for the snapshot that is being written, if there is one; return why it cannot be written.

        Raises
        ------
        StateError
            If the chip has diverged.
        """
        if self._writer is None or not self._writer.ordered:
            return None
        outcome = self._writer.outcome()
        self._say(outcome.notes)
        if outcome.diverged:
            raise StateError(outcome.refusal)
        if outcome.ended:
            self._drop_writer()
        if outcome.refusal is None:
            self._count(outcome.seconds)
        return outcome.refusal

    def _count(self, seconds: float) -> None:
        """Count a snapshot that is written."""
        self.tally.written += 1
        self.tally.write_seconds += seconds
        self._failing = False

    def _fail(self, refusal: str) -> None:
        """Warn of a snapshot that cannot be written, but once until one is written again."""
        if not self._failing:
            self._failing = True
            text = f"{refusal}; learning goes on, and the next snapshot tries again"
            warnings.warn(text, StorageWarning, stacklevel=4)

    def _say(self, notes: list[str]) -> None:
        """Pass on each of the writer's warnings once."""
        for note in notes:
            if note not in self._warned:
                self._warned.add(note)
                warnings.warn(note, StorageWarning, stacklevel=4)
