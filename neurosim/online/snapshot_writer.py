"""The process that writes snapshots: `neurosim.online.snapshots` starts it, and sends it the messages defined here."""

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

LOWEST_PRIORITY = 19  # niceness


class Run(NamedTuple):
    """What all snapshots of a run have in common: the file's path, and the fields of `Contents` that do not change."""

    path: str
    shape: tuple[int, ...]
    seed: int
    constants: list[dict[str, Any]]
    stream: dict[str, Any] | None
    changes: list[dict[str, Any]]


class Order(NamedTuple):
    """A snapshot to be written: where its arrays are in the shared memory, and what of `Contents` changes in a run."""

    layout: Layout
    position: int
    classes: tuple[str, ...]


class Outcome(NamedTuple):
    """The answer to an order: how many seconds it took, and the error if the file could not be written."""

    seconds: float
    refusal: str | None


Message = Run | Order  # what the run sends: one Run, then Orders


def command(connection: int, memory: int, size: int, *, patient: bool) -> list[str]:
    """Return the command that starts the process: this very Python and its import path, with two inherited files.

    A patient process runs at the lowest priority: no sample waits for it, not even for a core on a busy machine.
    """
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"  # a run that is told to stop waits for its last snapshot
    niceness = LOWEST_PRIORITY if patient else 0
    setup = f"import os, signal, sys; {ignore}; os.nice({niceness}); sys.path[:] = {sys.path!r}"
    call = f"main({connection}, {memory}, {size})"
    return [sys.executable, "-c", f"{setup}; from {__name__} import main; {call}"]


def main(connection: int, memory: int, size: int) -> None:
    """Write the snapshots that are ordered, one after another, until the run's end of the connection is closed."""
    messages: Connection[Outcome, Any] = Connection(connection)
    arrays = SharedArrays(memory, size)
    orders: SimpleQueue[Order] = SimpleQueue()
    with suppress(EOFError, OSError):
        run = messages.recv()
        threading.Thread(target=_receive, args=(messages, orders), daemon=True).start()
        while True:
            messages.send(_outcome(run, arrays, orders.get()))


def _receive(messages: "Connection[Outcome, Any]", orders: "SimpleQueue[Order]") -> None:
    """Queue orders. When the run ends, end this process at once, even amid writing: another run may have begun."""
    with suppress(EOFError, OSError):
        while True:
            orders.put(messages.recv())
    os._exit(1)


def _outcome(run: Run, arrays: SharedArrays, order: Order) -> Outcome:
    """Write a snapshot, and return how that went."""
    begun, refusal = time.perf_counter(), None
    try:
        _write(run, arrays, order)
    except StateError as error:
        refusal = str(error)
    except MemoryError as error:
        refusal = f"state {run.path} is not written: the snapshot must fit into memory, and does not: {error}"
    return Outcome(time.perf_counter() - begun, refusal)


def _write(run: Run, arrays: SharedArrays, order: Order) -> None:
    """Do what `neurosim.Chip.save` does, with the arrays that were copied."""
    contents = Contents(
        shape=run.shape,
        seed=run.seed,
        constants=run.constants,
        layers=arrays.views(order.layout),
        position=order.position,
        stream=run.stream,
        classes=order.classes,
        changes=run.changes,
    )
    store.save(run.path, contents)
