"""The process that writes snapshots: what `neurosim.online.snapshots` starts, and what the two say to each other."""

import os
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, NamedTuple

from neurosim.errors import StateError
from neurosim.online.shared_arrays import Layout, SharedArrays
from neurosim.state import store
from neurosim.state.format import Contents

LEAST_URGENT = 19  # of the system's niceness


class Chip(NamedTuple):
    """What all snapshots of a run have in common: the place of the file, and `Contents` as far as it stays."""

    path: str
    shape: tuple[int, ...]
    seed: int
    constants: list[dict[str, Any]]
    stream: dict[str, Any] | None


class Order(NamedTuple):
    """A snapshot to be written: where the arrays lie, and the samples taken from the stream by then."""

    layout: Layout
    position: int


class Outcome(NamedTuple):
    """What became of an order: the seconds it took, and why the file is not written, if it is not."""

    seconds: float
    refusal: str | None


def command(connection: int, memory: int, size: int, *, patient: bool) -> list[str]:
    """Return what starts the process, with the files it inherits: this very Python, and the same modules.

    A patient one takes the time that others leave: no sample waits for it, nor on a busy machine for a core.
    """
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"  # a run that is told to stop waits for what is written
    first = f"import os, signal, sys; {deaf}; os.nice({LEAST_URGENT if patient else 0}); sys.path[:] = {sys.path!r}"
    call = f"main({connection}, {memory}, {size})"
    return [sys.executable, "-c", f"{first}; from neurosim.online.snapshot_writer import main; {call}"]


def main(connection: int, memory: int, size: int) -> None:
    """Write what is ordered, one after another, until the other side is gone."""
    asked: Connection[Any, Any] = Connection(connection)
    arrays = SharedArrays(memory, size)
    orders: SimpleQueue[Order] = SimpleQueue()
    with suppress(EOFError, OSError):
        chip = asked.recv()
        threading.Thread(target=_receive, args=(asked, orders), daemon=True).start()
        while True:
            asked.send(_outcome(chip, arrays, orders.get()))


def _receive(asked: "Connection[Any, Any]", orders: "SimpleQueue[Order]") -> None:
    """Hand on what comes, and end the process with the other side's, whatever is being written: it may go on anew."""
    with suppress(EOFError, OSError):
        while True:
            orders.put(asked.recv())
    os._exit(1)


def _outcome(chip: Chip, arrays: SharedArrays, order: Order) -> Outcome:
    begun, refusal = time.perf_counter(), None
    try:
        _write(chip, arrays, order)
    except StateError as error:
        refusal = str(error)
    except MemoryError as error:
        refusal = f"state {chip.path} is not written: the snapshot must fit the memory, and does not: {error}"
    return Outcome(time.perf_counter() - begun, refusal)


def _write(chip: Chip, arrays: SharedArrays, order: Order) -> None:
    """Do what `neurosim.Chip.save` does, with a copy."""
    layers = arrays.found(order.layout)
    store.save(chip.path, Contents(chip.shape, chip.seed, chip.constants, layers, order.position, chip.stream))
