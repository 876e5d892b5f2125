"""The process that writes snapshots, as the run sees it: how it is started, and what is sent to it."""

import fcntl
import os
import select
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.chip import Chip
from neurosim.errors import StateError
from neurosim.instruments import MOST_RECORDS, RECORD
from neurosim.layers.plain import describe
from neurosim.online import start_writer
from neurosim.online.shared_arrays import SharedArrays, needed, new_file
from neurosim.online.snapshot_writer import Message, Order, Outcome, Run
from neurosim.state.arrays import Arrays
from neurosim.state.store import standing

Beside = Mapping[str, Arrays]
ROOM_TO_GROW = 2  # times the bytes that are kept beside the chip at first


class Writer:
    """The process that writes, and the memory shared with it.

    Attributes
    ----------
    ordered : bool
        Whether a snapshot was ordered, and the answer has not been read.
    """

    def __init__(self, chip: Chip, path: Path, stream: dict[str, Any] | None, beside: Beside, *, patient: bool) -> None:
        self._chip, self._path, self.ordered = chip, path, False
        self._size = size = needed(_largest_arrays(chip)) + ROOM_TO_GROW * needed(_all_of(beside))
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
            stream=stream,
        )
        self._send(run)

    def busy(self) -> bool:
        """Tell whether the last snapshot is still being written."""
        return self.ordered and not self._poll.poll(0)

    def fits(self, beside: Beside) -> bool:
        """Tell whether the memory is large enough: a longer window has more arrays than the chip began with."""
        return needed(_largest_arrays(self._chip)) + needed(_all_of(beside)) <= self._size

    def order(self, position: int, beside: Beside) -> None:
        """Copy the chip's arrays, and those that are kept beside it, and have the process write them."""
        chip = self._chip
        layout = self._arrays.put([*(layer.arrays() for layer in chip.layers), *beside.values()])
        constants = [describe(layer.constants) for layer in chip.layers]
        self._send(Order(layout, position, chip.classes, constants, list(chip.changes), tuple(beside)))
        self.ordered = True

    def outcome(self) -> Outcome:
        """Wait until the ordered snapshot is written, or cannot be; return how that went."""
        try:
            outcome = self._connection.recv()
        except (EOFError, OSError):
            outcome = Outcome(0.0, self._ended(), ended=True)
        self.ordered = False
        return outcome

    def end(self) -> None:
        """End the process; a snapshot that it is still writing is abandoned."""
        self._process.kill()
        self._process.wait()
        self._connection.close()

    def _send(self, message: Message) -> None:
        try:
            self._connection.send(message)
        except OSError:
            raise StateError(self._ended()) from None

    def _ended(self) -> str:
        """Return how the process ended."""
        code = self._process.wait()
        how = f"signal {-code} (9 when memory runs out)" if code < 0 else f"exit code {code}"
        must = f"state {self._path} must have a process that writes its snapshots"
        return f"{must}, and it ended by {how}{standing(self._path)}"


def _all_of(beside: Beside) -> Iterator[NDArray[Any]]:
    for arrays in beside.values():
        yield from arrays.values()


def _largest_arrays(chip: Chip) -> Iterator[NDArray[Any]]:
    """Give arrays at least as large as those that a snapshot may have."""
    for layer in chip.layers:
        yield from layer.state
        yield np.empty(MOST_RECORDS, RECORD)
        if layer.initial_array is not None:
            yield layer.initial_array


def _start(size: int, patient: bool) -> tuple["subprocess.Popen[bytes]", "Connection[Message, Outcome]", SharedArrays]:
    """Start the process; return it, the connection to it, and the memory shared with it."""
    ours, theirs = Pipe()
    files = [theirs.fileno()]
    try:
        files.append(new_file(size))
        arrays = SharedArrays(files[1], size)
        arrays.touch()
        # Numbers above those of standard input, output and error, which Popen replaces in the new process.
        files += [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 3) for file in files[:2]]
        command = start_writer.command(
            files[2], files[3], size, niceness=start_writer.LOWEST_PRIORITY if patient else 0
        )
        # In a process group of its own, so that Ctrl-C reaches the run alone, which then waits for the last snapshot.
        # Not in a session of its own: systems that share time among sessions would ignore its niceness.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=files[2:], process_group=0,
            env=start_writer.environment(),
        )  # fmt: skip
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
        for file in files[1:]:
            with suppress(OSError):
                os.close(file)
    return process, ours, arrays
