"""One layer of many chips: their states, their records, and the samples that go through."""

import os
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.dense import devices, few_bits
from neurosim.engine.dense.layer import DenseLayer
from neurosim.engine.dense.state import first_state
from neurosim.engine.fleet.first import first_states
from neurosim.engine.fleet.records import ManyRecords, records_of
from neurosim.engine.fleet.rows import RECORDED, SALT, Rows, common_arrays
from neurosim.engine.fleet.worker import Fault, Keep, Worker
from neurosim.engine.restoring import Arrays
from neurosim.instruments import Records
from neurosim.kernels.dense import layout
from neurosim.kernels.dense.fleet import find_refused
from neurosim.state.arrays import check_finite

Indices = NDArray[np.int64]
TOGETHER = 1 << 16  # synapses times samples of a thread: for fewer, waking it takes longer than it saves
SURELY = 1e15  # inputs of this size, divided by how many they are, are always admitted


@cache
def _pool(threads: int, _process: int) -> ThreadPoolExecutor:
    """Return the threads of a process: to start them for each chunk takes as long as some hundred samples."""
    return ThreadPoolExecutor(threads, thread_name_prefix="neurosim-fleet")


class Taken(NamedTuple):
    """What became of a chunk of samples.

    Attributes
    ----------
    order : int64 (any,)
        Samples that went through, in order.
    faults : list of Fault
        The others, after which no sample of that chip was taken: in order.
    """

    order: Indices
    faults: list[Fault]


class FleetLayer:
    """One layer of many chips at work.

    Parameters
    ----------
    layer : DenseLayer
        Of any chip of the shape: for constants, types and errors.
    threads : int
        Among which the chips are dealt; no bit depends on it.

    Attributes
    ----------
    layer : DenseLayer
    threads : int
    rows : Rows
    """

    def __init__(self, layer: DenseLayer, threads: int) -> None:
        constants, state = layer.constants, layer.state
        self.layer, self.threads, self._lock = layer, threads, Lock()
        self._synapses = layer.inputs * constants.neurons
        self._salted = constants.weight_bits is not None or constants.devices is not None
        self._first = first_state(constants, layer.inputs, 0, layer.index)
        names = common_arrays(constants, layer.codes)
        self._common = {name: getattr(self._first, name) for name in state._fields}
        self.rows = Rows(state, names, self._salted)
        self._common = {name: array for name, array in self._common.items() if name not in self.rows.fields}
        self._workers: dict[tuple[bool, bool, int], Worker] = {}
        self.records = ManyRecords()

    def __getstate__(self) -> dict[str, Any]:
        """Return everything but memory that compiled code is bound to."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_workers", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _workers={}, _lock=Lock())

    def grow(self, chips: int) -> None:
        """Make room for so many chips."""
        self.rows.grow(chips)
        self.records.grow(chips)

    def samples(self, chips: int) -> Indices:
        """Return how many samples each of the first chips has learned from: int64 (chips,)."""
        return self.rows.all("counters", chips)[:, layout.SAMPLES].copy()

    def begin(self, first: int, seeds: NDArray[np.uint64], drawn: bool = True) -> None:
        """Let chips begin, from row `first` on, with the first weights of these seeds, if they are to be drawn."""
        layer, index, end = self.layer.constants, self.layer.index, first + len(seeds)
        alike = [name for name in self.rows.fields if name != SALT]
        for name in alike:
            self.rows.all(name, end)[first:] = getattr(self._first, name)
        for some, arrays in first_states(layer, self.layer.inputs, seeds, index) if drawn else ():
            for name in arrays.keys() & self.rows.fields.keys():
                self.rows.all(name, first + some.stop)[first + some.start :] = arrays[name]
        if self._salted:
            salts = self.rows.all(SALT, end)[first:]
            salts[:] = [self._salt(seed) for seed in seeds.tolist()]

    def _salt(self, seed: int) -> int:
        constants, index = self.layer.constants, self.layer.index
        return devices.salt(seed, index) if constants.devices is not None else few_bits.salt(constants, seed, index)

    def copy_to(self, row: int, layer: DenseLayer) -> None:
        """Let a layer of a single chip go on where a chip's is."""
        for name, array in layer.state._asdict().items():
            if name in self.rows.fields:
                array[...] = self.rows.of(name, row)
        layer.take_records(self.records.of(row))

    def copy_from(self, row: int, layer: DenseLayer, seed: int) -> None:
        """Let a chip's layer go on where a layer of a single chip is."""
        for name, array in layer.state._asdict().items():
            if name in self.rows.fields:
                self.rows.of(name, row)[...] = array
        if self._salted:
            self.rows.of(SALT, row)[...] = self._salt(seed)
        self.records.put(row, Records(layer.records), layer.samples)

    def arrays(self, chips: int) -> Arrays:
        """Return all that the first chips have learned, by name: arrays (chips, ...), copies; and their records."""
        return {name: self.rows.all(name, chips).copy() for name in self._kept()} | self.records.arrays(chips)

    def _kept(self) -> list[str]:
        return [name for name in self.rows.fields if name not in (SALT, *self.layer.derived)]

    def restore(self, arrays: Arrays, seeds: NDArray[np.uint64]) -> None:
        """Take over what `arrays` returned, of as many chips as there are seeds; there must be room for them.

        Raises
        ------
        ValueError
            If an array is missing, of another type or shape, or has values that no layer can have learned.
        """
        chips, own = len(seeds), {name: self.rows.fields[name] for name in self._kept()}
        for name, (_, shape, dtype) in own.items():
            if name not in arrays:
                raise ValueError(f"{name} must be there, and is not")
            if arrays[name].dtype != dtype or arrays[name].shape != (chips, *shape):
                what = f"got {arrays[name].dtype} {arrays[name].shape}"
                raise ValueError(f"{name} must be {dtype} {(chips, *shape)}, {what}")
        check_finite(arrays)
        self.layer.check_many({name: arrays[name] for name in own})
        self.records.restore(arrays, arrays["counters"][:, layout.SAMPLES])
        self.begin(0, seeds, drawn=False)
        for name in own:
            self.rows.all(name, chips)[...] = arrays[name]
        if "squares" in self.rows.fields:
            self.rows.all("squares", chips)[...] = (arrays["synapses"].astype(np.int64) ** 2).sum(axis=1)

    def run(self, order: Indices, chips: Indices, arrays: dict[str, NDArray[Any]], learning: bool) -> Taken:
        """Take samples through the layer of their chips; parameters as of `Worker.run`."""
        if self.threads == 1 or len(order) * self._synapses < self.threads * TOGETHER:
            faults = self._run(0, order, chips, arrays, learning)
        else:
            shares = [order[chips[order] % self.threads == number] for number in range(self.threads)]
            pool, calls = _pool(self.threads, os.getpid()), list[Future[list[Fault]]]()
            try:
                for share in enumerate(shares):
                    calls.append(pool.submit(self._run, *share, chips, arrays, learning))
                faults = sorted(fault for call in calls for fault in call.result())
            finally:
                wait(calls)  # after an interrupt, too, no thread is at work
        for sample, _ in faults:  # no later one of that chip
            order = order[(order < sample) | (chips[order] != chips[sample])]
        return Taken(order, faults)

    def _run(
        self, number: int, order: Indices, chips: Indices, arrays: dict[str, NDArray[Any]], learning: bool
    ) -> list[Fault]:
        worker = self.worker(learning, "outputs" in arrays, number)
        return worker.run(order, chips, arrays)

    def worker(self, learning: bool, outputs: bool, number: int = 0) -> Worker:
        """Return what takes samples through, for one thread."""
        found = self._workers.get((learning, outputs, number))
        if found is None:
            keep = Keep(lambda: self.records.due, self._keep_records)
            found = Worker(self.layer, self.rows, self._common, learning, outputs, keep)
            self._workers[learning, outputs, number] = found
        return found

    def _keep_records(self, chips: Indices, copies: NDArray[np.uint8]) -> None:
        """Take the records for which copies of the state were made."""
        counters, steps, wins, norms = (self.rows.view(name, copies) for name in RECORDED)
        samples, updates, writes = (counters[:, name] for name in (layout.SAMPLES, layout.UPDATES, layout.WRITES))
        sizes = (steps[:, 0].astype(np.float64) - steps[:, 1]) / np.maximum(1, updates)[:, None]
        lengths = norms ** np.float32(1 / self.layer.constants.lebesgue)
        by_now = self.rows.view("counters", self.rows.memory)[chips, layout.SAMPLES]
        with self._lock:
            self.records.add(chips, records_of(samples, sizes, wins, lengths, writes), by_now)

    def refused(self, values: NDArray[np.float32]) -> NDArray[np.bool_] | None:
        """Return which samples (samples, inputs) the layer will refuse: bool (samples,); None, if it takes all."""
        most = SURELY / self.layer.inputs
        lowest = -most if self.layer.admits_negative else 0.0
        if values.size == 0 or (values.min() >= lowest and values.max() <= most):
            return None  # no NaN among them, and no sum of squares that float32 cannot hold
        found, inputs = np.empty(len(values), np.bool_), self.layer.inputs
        active, packed = np.empty(inputs, np.int32), np.empty(inputs, np.float32)
        return found if find_refused(values, self.layer.admits_negative, active, packed, found) else None
