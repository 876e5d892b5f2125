r"""How far each stage of a convolutional layer is from what the machine could do: measured time over the floor.

.. math::

    floor = \max(bytes_{synapses} / bandwidth_{there},\ bytes_{vectors} / bandwidth_{there},\ operations / rate)

A bandwidth is that of an array as large as what is gone through, so the floor is that of the level it lives in; with a
team of threads, that of each one's share, times the threads. The rate of a matrix product is that of BLAS's own by one
thread, times the threads: BLAS's threads wait for one another, and a floor must not.
"""

import time
from collections import Counter
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.aligned import LINE_BYTES
from neurosim.engine.conv.layer import ConvLayer
from neurosim.engine.conv.marked import Marked, marked
from neurosim.engine.runner import LayerRunner
from neurosim.engine.samples import Array, Labels, Samples
from neurosim.latency.roofline.bandwidth import PAGE_LINES, Rates, largest_array, level_rates
from neurosim.latency.roofline.conv_work import IN_PLACE, LEARNING, STAGES, products, work, written_by
from neurosim.latency.roofline.products import Product, product_rate
from neurosim.latency.roofline.roofline import finite, stage_account
from neurosim.latency.roofline.work import Work
from neurosim.latency.timing.clock import Clock
from neurosim.latency.timing.outcome import SECOND

READINGS = 11


class ConvTrace:
    """What a layer did of the samples so far, stage by stage."""

    def __init__(self, layer: ConvLayer) -> None:
        self.layer, self._runner = layer, LayerRunner(layer, 1, marking=True)
        self.marked: list[Marked] = []
        self.works: list[dict[str, Work]] = []

    def take(self, sample: Array, learning: bool, labels: Labels, number: int, keep: bool) -> Array:
        """Take a sample, write down what it took, and return what the next layer sees."""
        outputs, done = marking_run(self.layer, self._runner, Samples(sample, labels), learning, number)
        if keep:
            self.marked.append(done)
            self.works.append(work(self.layer, learning, done))
        return outputs

    def account(self, learning: bool, machine: dict[str, Any], clock: Clock) -> dict[str, Any]:
        """Return what the samples took, and what they must take at least, as plain values."""
        layer, learned = self.layer, [marked for marked in self.marked if marked.moments[-1]]
        threads = max(marked.threads for marked in self.marked)
        rates = _Rates(self, threads, machine["operations_per_s"], clock)
        times = np.array([durations(marked.moments) for marked in self.marked])
        return {
            "threads": threads,
            "positions": layer.positions,
            "patch": layer.state.synapses.shape[1],
            "neurons": layer.constants.neurons,
            "window": layer.constants.window,
            "synapses_bytes": layer.state.synapses.nbytes,
            "learned_windows": len(learned),
            "written_by": dict(Counter(written_by(marked) for marked in learned)),
            "events_mean": float(np.mean([marked.events for marked in learned])) if learned else None,
            "written_neurons_mean": float(np.mean([marked.written for marked in learned])) if learned else None,
            "synapses_read_bytes_per_s": rates.synapses.read,
            "synapses_update_bytes_per_s": rates.synapses.update,
            "call_s": _median(np.array([marked.call for marked in self.marked])),
            "beside_stages_s": _median([m.call for m in self.marked] - np.maximum(times, 0).sum(axis=1)),
            "timer_s": self._reading(),
            "stages": {
                name: self._stage(name, times[:, place], rates)
                for place, name in enumerate(STAGES)
                if (times[:, place] >= 0).any()
            },
        }

    def _stage(self, name: str, times: NDArray[np.int64], rates: "_Rates") -> dict[str, Any]:
        """Return a stage's account: medians over the samples in which it took place."""
        there = np.flatnonzero(times >= 0)
        done, each = None, rates.none
        if name in self.works[there[0]]:
            done = np.array([self.works[i][name] for i in there], np.float64)
            each = rates.of(name, [written_by(self.marked[i]) if name in LEARNING else "" for i in there], done)
        found = stage_account(done, times[there], each)
        return found | {
            "random_rows_floor_s": None, "random_rows_measured_over_floor": None, "samples": len(there),
            "vector_bytes_per_s": finite(float(each[0, 1])) if done is not None else None,
            "operations_per_s": finite(float(np.median(each[:, 2]))) if done is not None else None,
        }  # fmt: skip

    def _reading(self) -> float:
        """Return what a mark takes, the clock's and the threads': transmit where there is nobody to send to."""
        silent = LayerRunner(self.layer, 1, outputs=False, marking=True)
        sample = Samples(np.zeros((1, self.layer.inputs), np.float32))
        marks = [marking_run(self.layer, silent, sample, False, 0)[1].moments for _ in range(READINGS)]
        return _median(np.array([durations(moments)[STAGES.index("transmit")] for moments in marks]))


def marking_run(
    layer: ConvLayer, runner: LayerRunner, sample: Samples, learning: bool, number: int
) -> tuple[Array, Marked]:
    """Take a sample of a number through a layer; return what the layer transmits, and what it did when.

    Raises
    ------
    SampleError, DivergedError
        As `Chip.learn_one` does.
    """
    begun = time.monotonic_ns()
    taken = runner.run(sample, learning, number)
    call = time.monotonic_ns() - begun
    if taken.error is not None:
        raise taken.error
    return taken.results.outputs, marked(layer, runner, call)


class _Rates:
    """What the machine does with a layer's arrays in a second, by so many threads."""

    none: NDArray[np.float64] = np.ones((1, 3))

    def __init__(self, trace: ConvTrace, threads: int, operations: float, clock: Clock) -> None:
        self._threads, self._clock, self._operations = threads, clock, operations * threads
        self._products, self._bytes = products(trace.layer), trace.layer.state.synapses.nbytes
        self._known: dict[int, Rates] = {}
        self._multiplied: dict[tuple[Product, ...], float] = {}

    @cached_property
    def synapses(self) -> Rates:
        """Bytes a second of the synapses."""
        return self._there(self._bytes)

    def of(self, name: str, ways: list[str], done: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return rates of synapses, vectors and operations for each sample: float64 (samples, 3)."""
        synapses = self.synapses.update if name == "write" else self.synapses.read
        vectors = max(self._there(int(np.median(done[:, 1]))))
        by_product = [name in self._products and (name != "write" or how == IN_PLACE) for how in ways]
        rates = [self._product(name) if multiplied else self._operations for multiplied in by_product]
        return np.column_stack((np.full(len(ways), synapses), np.full(len(ways), vectors), rates))

    def _there(self, size: int) -> Rates:
        """Return the bandwidths of an array of this size that the threads share, in whole pages."""
        page = PAGE_LINES * LINE_BYTES
        share = min(-(-max(1, size // self._threads) // page) * page, largest_array())
        if share not in self._known:
            found = level_rates(share, self._clock)
            self._known[share] = Rates(found.read * self._threads, found.update * self._threads)
        return self._known[share]

    def _product(self, name: str) -> float:
        wanted = self._products[name]
        if wanted not in self._multiplied:
            self._multiplied[wanted] = self._threads * product_rate(wanted, self._clock)
        return self._multiplied[wanted]


def durations(moments: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return nanoseconds of each of STAGES, -1 for one that did not take place."""
    times, before = np.full(len(STAGES), -1, np.int64), moments[0]
    for place, moment in enumerate(moments[1:]):
        if moment:
            times[place], before = moment - before, moment
    return times


def _median(nanoseconds: NDArray[Any]) -> float:
    return float(np.median(nanoseconds)) / SECOND
