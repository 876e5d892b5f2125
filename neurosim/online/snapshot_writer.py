"""The process that writes snapshots: `neurosim.online.writer_process` sends it the messages defined here."""

import os
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, NamedTuple

from neurosim.errors import StateError
from neurosim.online.shared_arrays import Layout, SharedArrays
from neurosim.state import store
from neurosim.state.file_system import noted
from neurosim.state.format import Contents


class Run(NamedTuple):
    """What all snapshots of a run have in common: the file's path, and the fields of `Contents` that do not change."""

    path: str
    shape: tuple[int, ...]
    seed: int
    stream: dict[str, Any] | None


class Order(NamedTuple):
    """A snapshot to be written: where its arrays are in the shared memory, and what of `Contents` changes in a run.

    The arrays are those of the layers, and then those of what is kept beside the chip, by these names.
    """

    layout: Layout
    position: int
    classes: tuple[str, ...]
    constants: list[dict[str, Any]]
    changes: list[dict[str, Any]]
    beside: tuple[str, ...]


class Outcome(NamedTuple):
    """The answer to an order.

    Attributes
    ----------
    seconds : float
        How long it took.
    refusal : str or None
        Why the file could not be written.
    diverged : bool
        Whether that is because the chip has diverged: no later snapshot will be better.
    ended : bool
        Whether the process has ended, and this is not its answer.
    notes : list of str
        Warnings of what the file system lacks.
    """

    seconds: float
    refusal: str | None = None
    diverged: bool = False
    ended: bool = False
    notes: list[str] = []  # noqa: RUF012 - nobody adds to it


Message = Run | Order  # what the run sends: one Run, then Orders


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
    begun, refusal, diverged = time.perf_counter(), None, True
    with noted() as notes:
        try:
            contents = _contents(run, arrays, order)
            store.check_learned(run.path, contents)
            diverged = False
            store.write(run.path, contents)
        except StateError as error:
            refusal = str(error)
        except MemoryError as error:
            diverged = False
            refusal = f"state {run.path} is not written: the snapshot must fit into memory, and does not: {error}"
    return Outcome(time.perf_counter() - begun, refusal, diverged and refusal is not None, notes=notes)


def _contents(run: Run, arrays: SharedArrays, order: Order) -> Contents:
    """Return what `neurosim.Chip.save` writes, with the arrays that were copied."""
    views, layers = arrays.views(order.layout), len(order.constants)
    return Contents(
        shape=run.shape,
        seed=run.seed,
        constants=order.constants,
        layers=views[:layers],
        position=order.position,
        stream=run.stream,
        classes=order.classes,
        changes=order.changes,
        beside=dict(zip(order.beside, views[layers:], strict=True)),
    )
