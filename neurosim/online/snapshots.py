"""Snapshots of a chip that goes on learning: the loop pauses for a copy in memory, and another process writes it.

A thread would not do: HDF5 holds Python's lock for milliseconds when it writes some megabytes, and the loop needs that
lock after each sample (`docs/performance.md`).
"""

import fcntl
import os
import select
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
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
from neurosim.online.snapshot_writer import Message, Order, Outcome, Run
from neurosim.state.arrays import Arrays


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


class Snapshots:
    """Takes the snapshots of a run; a context manager, which at its end waits for the snapshot being written.

    The memory for the copy, as large as the state, and the process that writes are made at the beginning; neither is
    made if only the last snapshot is wanted.

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

    Raises
    ------
    StateError
        From every method: if a snapshot cannot be written. The file at `path` stays whole.
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
        """Tell whether to take a snapshot now, after `samples` samples of this run."""
        if samples - self._last_samples >= self._samples:
            self._late |= self._busy()
            return True
        if time.perf_counter() - self._last_time < self._seconds:
            return False
        busy = self._busy()
        self._late |= busy
        return not busy

    def take(self, samples: int, position: int) -> None:
        """Copy the chip and order its writing, after `samples` of this run; the stream is at `position`.

        Raises
        ------
        StateError
            If the snapshot before could not be written.
        """
        assert self._writer is not None
        begun = time.perf_counter()
        self.settle()
        self._writer.order([layer.arrays() for layer in self._chip.layers], position, self._chip.classes)
        self.tally.late += self._late
        self._last_samples, self._last_time, self._late = samples, begun, False
        self.tally.paused(time.perf_counter() - begun)

    def settle(self) -> None:
        """Wait for the snapshot that is being written, if there is one."""
        if self._writer is not None and self._writer.ordered:
            self.tally.write_seconds += self._writer.outcome()
            self.tally.written += 1

    def finish(self, samples: int, position: int) -> None:
        """Make sure, after learning, that the file includes all samples: wait for the last snapshot, or write one."""
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
    """The process that writes, and the memory shared with it.

    Attributes
    ----------
    ordered : bool
        Whether a write is pending.
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
        run = Run(
            path=os.path.abspath(path),
            shape=chip.shape,
            seed=chip.seed,
            constants=[describe(layer.constants) for layer in chip.layers],
            stream=stream,
            changes=list(chip.changes),
        )
        self._send(run)

    def busy(self) -> bool:
        """Tell whether the last snapshot is still being written."""
        return self.ordered and not self._poll.poll(0)

    def order(self, layers: list[Arrays], position: int, classes: tuple[str, ...]) -> None:
        """Copy arrays, and have the process write them."""
        self._send(Order(self._arrays.put(layers), position, classes))
        self.ordered = True

    def outcome(self) -> float:
        """Wait until the ordered snapshot is written; return how many seconds that took, or raise its error."""
        try:
            outcome = self._connection.recv()
        except (EOFError, OSError):
            self.ordered = False
            raise self._ended() from None
        self.ordered = False
        if outcome.refusal is not None:
            raise StateError(outcome.refusal)
        return outcome.seconds

    def end(self) -> None:
        """End the process; a snapshot that it is still writing is abandoned."""
        self._process.kill()
        self._process.wait()
        self._connection.close()

    def _send(self, message: Message) -> None:
        try:
            self._connection.send(message)
        except OSError:
            raise self._ended() from None

    def _ended(self) -> StateError:
        """Return the error that says how the process ended."""
        code = self._process.wait()
        how = f"signal {-code} (9 when memory runs out)" if code < 0 else f"exit code {code}"
        return StateError(
            f"state {self._path} must have a process that writes its snapshots, and it ended by {how}; "
            "what stands there is whole"
        )


def _start(size: int, patient: bool) -> tuple["subprocess.Popen[bytes]", "Connection[Message, Outcome]", SharedArrays]:
    """Start the process that writes; return it, the connection to it, and the memory shared with it."""
    ours, theirs = Pipe()
    files = [theirs.fileno()]
    try:
        files.append(new_file(size))
        arrays = SharedArrays(files[1], size)
        arrays.touch()
        # Numbers above those of standard input, output and error, which Popen replaces in the new process.
        files += [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 3) for file in files[:2]]
        command = snapshot_writer.command(files[2], files[3], size, patient=patient)
        # In a process group of its own, so that Ctrl-C reaches the run alone, which then waits for the last snapshot.
        # Not in a session of its own: systems that share time among sessions would ignore its niceness.
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
