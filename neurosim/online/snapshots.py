"""Snapshots of a chip that goes on learning: the loop stands still for a copy, another process writes it.

A thread would not do: what HDF5 does to some megabytes holds Python's lock for milliseconds at a time, and after each
sample the loop must have that lock back (`docs/performance.md`).
"""

import fcntl
import os
import select
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from neurosim.chip.chip import Chip
from neurosim.errors import StateError
from neurosim.instruments import MOST_RECORDS, RECORD
from neurosim.layers.plain import describe
from neurosim.online import snapshot_writer
from neurosim.online.shared_arrays import SharedArrays, needed, new_file


@dataclass
class Tally:
    """The account of snapshots.

    Attributes
    ----------
    written : int
        Files put in place.
    late : int
        Snapshots that fell due while the one before was still being written.
    pause_seconds, longest_pause_seconds : float
        How long the loop stood still: all together, and the longest.
    write_seconds : float
        How long writing took, most of it beside the loop.
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


class Snapshots:
    """Snapshots of a run, as often as asked; a context, whose end waits for the one that is being written.

    The memory for the copy, as large as the state, is there from the beginning, and so is the process that writes:
    none is made if only the last snapshot is asked for.

    Parameters
    ----------
    chip : Chip
    path : path
        The state file, which the caller has claimed.
    stream : dict or None
        The stream's `identity`.
    tally : Tally
        Filled while they are written.
    samples : int
        Between snapshots; 0 goes by time alone. Where they are counted, the loop waits for the snapshot before.
    seconds : float
        Between snapshots; 0 goes by samples alone. One that falls due while the one before is still being written is
        taken as soon as that is done.

    Raises
    ------
    StateError
        From every method: if a snapshot cannot be written. What stands at `path` is whole.
    """

    def __init__(
        self,
        chip: Chip,
        path: str | Path,
        stream: dict[str, Any] | None,
        tally: Tally,
        *,
        samples: int = 0,
        seconds: float = 0.0,
    ) -> None:
        self.tally, self._chip, self._path, self._stream = tally, chip, Path(path), stream
        self._samples, self._seconds = samples or float("inf"), seconds or float("inf")
        self._last_samples, self._last_time, self._late = 0, time.perf_counter(), False
        self._writer = _Writer(chip, self._path, stream, patient=not samples) if samples or seconds else None

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
            if self._writer is not None:
                self._writer.end()

    def due(self, samples: int) -> bool:
        """Tell whether to take one now, after so many samples of this run."""
        if samples - self._last_samples >= self._samples:
            self._late |= self._busy()
            return True
        if time.perf_counter() - self._last_time < self._seconds:
            return False
        busy = self._busy()
        self._late |= busy
        return not busy

    def take(self, samples: int, position: int) -> None:
        """Copy the chip and order its writing, after so many samples of this run and of the stream.

        Raises
        ------
        StateError
            If the snapshot before could not be written.
        """
        assert self._writer is not None
        begun = time.perf_counter()
        self.settle()
        self._writer.order([layer.arrays() for layer in self._chip.layers], position)
        self.tally.late += self._late
        self._last_samples, self._last_time, self._late = samples, begun, False
        self.tally.paused(time.perf_counter() - begun)

    def settle(self) -> None:
        """Wait for the snapshot that is being written, if there is one."""
        if self._writer is not None and self._writer.ordered:
            self.tally.write_seconds += self._writer.outcome()
            self.tally.written += 1

    def finish(self, samples: int, position: int) -> None:
        """Have all samples in the file, learning being done: wait for the last snapshot, or write one more here."""
        begun = time.perf_counter()
        self.settle()
        waited = time.perf_counter()
        if samples > self._last_samples or not self._path.exists():
            self._chip.save(self._path, position=position, stream=self._stream)
            self.tally.written += 1
            self.tally.write_seconds += time.perf_counter() - waited
            self._last_samples = samples
        self.tally.pause_seconds += time.perf_counter() - begun

    def _busy(self) -> bool:
        return self._writer is not None and self._writer.busy()


class _Writer:
    """The other process, and the memory shared with it.

    Attributes
    ----------
    ordered : bool
        Whether there is an order of which nothing has been heard.
    """

    def __init__(self, chip: Chip, path: Path, stream: dict[str, Any] | None, *, patient: bool) -> None:
        self._path, self.ordered = path, False
        size = needed([array for layer in chip.layers for array in (*layer.state, np.empty(MOST_RECORDS, RECORD))])
        try:
            self._process, self._connection, self._arrays = _start(size, patient)
        except OSError as error:
            raise StateError(
                f"state {path} must have a process that writes its snapshots, and it cannot be started: {error}; "
                "with 0 samples and 0 seconds between snapshots, the last one alone is written, without it"
            ) from error
        self._poll = select.poll()
        self._poll.register(self._connection.fileno(), select.POLLIN)
        constants = [describe(layer.constants) for layer in chip.layers]
        self._tell(snapshot_writer.Chip(os.path.abspath(path), chip.shape, chip.seed, constants, stream))

    def busy(self) -> bool:
        """Tell whether the last order is still being worked on."""
        return self.ordered and not self._poll.poll(0)

    def order(self, layers: list[dict[str, Any]], position: int) -> None:
        """Copy arrays, and have them written."""
        self._tell(snapshot_writer.Order(self._arrays.put(layers), position))
        self.ordered = True

    def outcome(self) -> float:
        """Wait until what was ordered is written; return the seconds that took there, or raise why it is not."""
        try:
            outcome = self._connection.recv()
        except (EOFError, OSError):
            self.ordered = False
            raise self._gone() from None
        self.ordered = False
        if outcome.refusal is not None:
            raise StateError(outcome.refusal)
        return float(outcome.seconds)

    def end(self) -> None:
        """End the process, which has nothing left to do, or is not waited for."""
        self._process.kill()
        self._process.wait()
        self._connection.close()

    def _tell(self, what: Any) -> None:
        try:
            self._connection.send(what)
        except OSError:
            raise self._gone() from None

    def _gone(self) -> StateError:
        code = self._process.wait()
        how = f"signal {-code} (9 when memory runs out)" if code < 0 else f"exit code {code}"
        return StateError(
            f"state {self._path} must have a process that writes its snapshots, and it ended by {how}; "
            "what stands there is whole"
        )


def _start(size: int, patient: bool) -> tuple["subprocess.Popen[bytes]", Any, SharedArrays]:
    """Start the process that writes; return it, the connection to it, and the memory shared with it."""
    ours, theirs = Pipe()
    files = [theirs.fileno()]
    try:
        files.append(new_file(size))
        arrays = SharedArrays(files[1], size)
        arrays.touch()
        # Above the standard ones, which may have been closed: those are replaced before the process begins.
        files += [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 3) for file in files[:2]]
        command = snapshot_writer.command(files[2], files[3], size, patient=patient)
        # Of a group of its own, as Ctrl-C is for the run, which waits for what is being written. Not of a session of
        # its own: systems that share the time among sessions would not look at its niceness.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=files[2:], process_group=0
        )
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
        for file in files[1:]:
            with suppress(OSError):
                os.close(file)
    return process, ours, arrays
