"""Snapshots of a fleet that goes on learning: the loop pauses for a copy in memory, and a thread writes it.

For one chip, another process writes, as HDF5 holds Python's lock for milliseconds. A fleet takes its samples in chunks,
and its arrays are few and large, so that HDF5 copies them at the speed of memory: a thread will do.
"""

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from neurosim.errors import StateError
from neurosim.fleet import store
from neurosim.fleet.fleet import Fleet
from neurosim.fleet.format import FleetContents
from neurosim.online.snapshot_writer import Outcome
from neurosim.online.snapshots import Snapshots
from neurosim.state.arrays import Arrays
from neurosim.streams import Stream

Identity = dict[str, Any] | None


class LabelledFleet:
    """A fleet, saved with the names of the labels that its stream has found so far.

    Parameters
    ----------
    fleet : Fleet
    stream : Stream
    """

    changes: tuple[Any, ...] = ()  # of constants, which stay as they are

    def __init__(self, fleet: Fleet, stream: Stream) -> None:
        self._fleet, self._stream = fleet, stream

    def contents(self, position: int, stream: Identity, beside: Mapping[str, Arrays] | None) -> FleetContents:
        """Return a copy of what a file is to hold."""
        return self._fleet.contents(position, stream, beside, self._stream.classes)

    def save(
        self,
        path: str | Path,
        *,
        position: int = 0,
        stream: Identity = None,
        beside: Mapping[str, Arrays] | None = None,
    ) -> None:
        """Write a file, as `neurosim.fleet.store.write` does."""
        store.write(path, self.contents(position, stream, beside))


class ThreadWriter:
    """A thread that writes snapshots, one after another.

    Attributes
    ----------
    ordered : bool
        Whether a snapshot was ordered, and its outcome has not been asked for.
    """

    def __init__(self, saved: LabelledFleet, path: Path, stream: Identity) -> None:
        self._saved, self._path, self._stream, self.ordered = saved, path, stream, False
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="neurosim-fleet-writer")
        self._written: Future[Outcome] = Future()

    def busy(self) -> bool:
        """Tell whether the last snapshot is still being written."""
        return self.ordered and not self._written.done()

    def fits(self, _beside: Mapping[str, Arrays]) -> bool:
        """Tell whether there is room for a snapshot: always, as each is a copy of its own."""
        return True

    def order(self, position: int, beside: Mapping[str, Arrays]) -> None:
        """Copy the fleet's arrays, and have the thread write them."""
        contents = self._saved.contents(position, self._stream, beside)
        self._written = self._threads.submit(_written, self._path, contents)
        self.ordered = True

    def outcome(self) -> Outcome:
        """Wait until the ordered snapshot is written, or cannot be; return how that went."""
        outcome = self._written.result()
        self.ordered = False
        return outcome

    def end(self) -> None:
        """Wait for the thread's end."""
        self._threads.shutdown()


class FleetSnapshots(Snapshots):
    """Takes the snapshots of a fleet's run, as `Snapshots` does those of a chip's."""

    _chip: LabelledFleet

    def _start_writer(self, _beside: Mapping[str, Arrays]) -> ThreadWriter:
        return ThreadWriter(self._chip, self._path, self._stream)


def _written(path: Path, contents: FleetContents) -> Outcome:
    """Write a snapshot, and return how that went."""
    begun, refusal, diverged = time.perf_counter(), None, False
    try:
        store.check_learned(path, contents)
    except StateError as error:
        refusal, diverged = str(error), True
    else:
        try:
            store.write(path, contents)
        except (StateError, MemoryError) as error:
            refusal = str(error) or f"state {path} is not written: the snapshot must fit into memory, and does not"
    return Outcome(time.perf_counter() - begun, refusal, diverged)
