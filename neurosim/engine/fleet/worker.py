"""One thread's way through a layer of many chips: its working memory, and the loop's arguments in memory."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from neurosim import aligned
from neurosim.engine.dense.executor import DenseExecutor
from neurosim.engine.dense.layer import DenseLayer
from neurosim.engine.dense.memory import Workspace
from neurosim.engine.executor import Call
from neurosim.engine.fleet.rows import SALT, Rows
from neurosim.engine.results import Results
from neurosim.engine.samples import Samples, single
from neurosim.kernels.dense import fleet, layout
from neurosim.kernels.shared.arguments import place_of
from neurosim.kernels.shared.by_address import entry_of

SAMPLES, CONSTANTS, STATE, RESULTS = 0, 2, 3, 5  # indices of the arguments of a dense layer's loop
FIRST = np.zeros(1, np.int64)  # number of a single sample
COPIES = 256  # of what records are made of, until these are made
TABLES = {  # arrays that may have a row for each sample: where they are among the arguments
    **{name: (SAMPLES, index) for index, name in enumerate(Samples._fields[:2])},
    **{name: (RESULTS, index) for index, name in enumerate(Results._fields[:4])},
}


Indices = NDArray[np.int64]


class Keep(NamedTuple):
    """What becomes of records.

    Attributes
    ----------
    due : callable
        Returns after how many samples of each chip its next record is due, and the interval from there: int64 (room,
        2).
    records : callable
        Takes chips, and copies of what their records are made of.
    """

    due: Callable[[], Indices]
    records: Callable[[Indices, NDArray[np.uint8]], None]


NOT_READY = np.empty((0, 0), np.uint8)


class Fault(NamedTuple):
    """A sample that was not taken.

    Attributes
    ----------
    sample : int
    neuron : int
        As of `neurosim.engine.base.WorkingLayer.fault`.
    """

    sample: int
    neuron: int


class _Table(NamedTuple):
    """Where the address of an array lies in the memory of the arguments, as a view of it, and that for one sample."""

    place: int
    address: NDArray[np.int64]
    alone: int


class FleetExecutor(DenseExecutor):
    """Finds the compiled loop of a dense layer for a state that lies in rows."""

    def kind(self) -> Any:
        """Return the types of the loop's arguments."""
        return self._kind

    def kept(self, call: Call[Workspace]) -> tuple[int, NDArray[np.uint8], Any]:
        """Return where the loop begins, its arguments in memory, and what must outlive them."""
        arguments = self._arguments(call)
        _, _, memory = self.kernel.bound(self._kind, *arguments)
        loop: int = entry_of(self.kernel.stream, self._kind, numbers=0)  # type: ignore[no-untyped-call]
        return loop, memory, arguments


class Worker:
    """Takes samples through one layer of their chips, one after another.

    Parameters
    ----------
    layer : DenseLayer
        Of any chip of the shape.
    rows : Rows
    common : dict of arrays
        What no row has, by name.
    learning : bool
    outputs : bool
        Whether what the layer transmits is computed.
    keep : Keep

    Attributes
    ----------
    sample : Samples
        Memory for a single sample.
    results : Results
        Memory for its results.
    """

    def __init__(
        self, layer: DenseLayer, rows: Rows, common: dict[str, NDArray[Any]], learning: bool, outputs: bool, keep: Keep
    ) -> None:
        self._rows, self._row = rows, aligned.zeros(rows.stride, np.uint8)
        self._keep, self._recording = keep, learning and layer.constants.instruments
        self._chip, self._ready_for = np.zeros(1, np.int64), NOT_READY  # of a single sample
        state = {name: rows.array(name, self._row) for name in rows.fields if name != SALT}
        own = {name: array.copy() for name, array in common.items()}
        executor = FleetExecutor(layer.constants, layer.inputs, layer.index, layer.codes, layout.State(**state, **own))
        self.sample, self.results = single(layer.inputs), executor.results(1, 1, outputs)
        self._call = Call(self.sample, learning, executor.workspace(), self.results)
        self._kind, (loop, self._memory, self._needs) = executor.kind(), executor.kept(self._call)
        self._fields = np.array([*self._places(executor.state)], np.int64)
        self._plan, self._of_one = self._first_plan(loop, layer), True
        self._tables = {name: self._table(*place) for name, place in TABLES.items()}
        taken = types.Array(types.int64, 1, "C"), types.TypeRef(self._kind), types.intp, types.intp
        self._fleet = fleet.fleet.compile(taken)

    def _places(self, state: layout.State) -> Any:
        for name, field in self._rows.fields.items():
            if name != SALT:
                yield self._place(STATE, state._fields.index(name)), field.place

    def _place(self, *fields: int) -> int:
        place: int = place_of(self._kind, *fields)  # type: ignore[no-untyped-call]
        return place

    def _first_plan(self, loop: int, layer: DenseLayer) -> NDArray[np.int64]:
        plan, fields = np.zeros(fleet.PLAN + self._fields.size + 3 * len(TABLES), np.int64), self._rows.fields
        plan[fleet.LOOP], plan[fleet.ARGUMENTS], plan[fleet.STRIDE] = loop, _address(self._memory), self._rows.stride
        plan[fleet.FIELDS], plan[fleet.COUNTERS] = len(self._fields), fields["counters"].place
        plan[fleet.PLAN : fleet.PLAN + self._fields.size] = self._fields.ravel()
        if SALT in fields:
            plan[fleet.SALT] = self._place(CONSTANTS, layer.codes._fields.index(SALT))
            plan[fleet.SALT_FIELD] = fields[SALT].place
        if self._recording:
            self._copies = np.zeros((COPIES, fleet.WORD + self._rows.head), np.uint8)
            plan[fleet.HEAD], plan[fleet.ROOM], plan[fleet.COPIES] = self._rows.head, COPIES, _address(self._copies)
        return plan

    def _table(self, *place: int) -> _Table:
        at = self._place(*place)
        address = self._memory[at : at + fleet.WORD].view(np.int64)
        return _Table(at, address, int(address[0]))

    def run(self, order: Indices, chips: Indices, arrays: dict[str, NDArray[Any]]) -> list[Fault]:
        """Take samples through the loop.

        After a sample that is refused, or that makes its chip diverge, no later one of that chip is taken.

        Parameters
        ----------
        order : int64 (any,)
            Which samples, in order.
        chips : int64 (samples,)
            Row of each sample's chip.
        arrays : dict of arrays
            By the names of `Samples` and `Results`, with a row for each sample; in place of those that are missing,
            the memory for a single sample is used.
        """
        plan, faults, first, self._ready_for = self._plan, list[Fault](), 0, NOT_READY
        self._set_tables(arrays)
        plan[fleet.ROWS], plan[fleet.CHIPS] = _address(self._rows.memory), _address(chips)
        plan[fleet.DUE] = _address(self._keep.due())
        plan[fleet.COPIED] = 0
        while True:
            plan[fleet.ORDER] = _address(order)
            first, neuron = self._fleet(plan, self._kind, first, len(order))
            if plan[fleet.COPIED] and (neuron == fleet.FULL or first == len(order)):
                self._hand_over()
            if first == len(order):
                return faults
            if neuron == fleet.FULL:
                continue
            faults.append(Fault(int(order[first]), int(neuron)))
            rest = order[first + 1 :]
            order, first = rest[chips[rest] != chips[order[first]]], 0

    def one(self, row: int) -> int | None:
        """Take the sample that lies in memory through the loop of its chip; return None, or the neuron of a fault."""
        plan = self._plan
        if self._rows.memory is not self._ready_for:
            self._set_tables({})
            plan[fleet.ROWS], plan[fleet.DUE] = _address(self._rows.memory), _address(self._keep.due())
            plan[fleet.ORDER], plan[fleet.CHIPS] = _address(FIRST), _address(self._chip)
            self._ready_for = self._rows.memory
        self._chip[0] = row
        done, neuron = self._fleet(plan, self._kind, 0, 1)
        if self._recording and plan.item(fleet.COPIED):
            self._hand_over()
        return None if done == 1 else int(neuron)

    def _hand_over(self) -> None:
        """Let records be made of what was copied for them."""
        copies = self._copies[: self._plan[fleet.COPIED]]
        self._keep.records(copies[:, : fleet.WORD].view(np.int64)[:, 0].copy(), copies[:, fleet.WORD :].copy())
        self._plan[fleet.COPIED] = 0

    def _set_tables(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Let the arguments be the rows of arrays, or the memory for a single sample."""
        if self._of_one and not arrays:
            return
        plan, at, tables = self._plan, fleet.PLAN + self._fields.size, 0
        for name, (place, address, alone) in self._tables.items():
            array = arrays.get(name)
            if array is None:
                address[0] = alone
                continue
            plan[at : at + 3] = place, _address(array), array.strides[0]
            at, tables = at + 3, tables + 1
        plan[fleet.TABLES], self._of_one = tables, not arrays


def _address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
