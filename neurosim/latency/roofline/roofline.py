r"""How far each stage of a dense layer is from what the machine could do: its time over the floor, the least possible.

.. math::

    floor = \max(bytes_{synapses} / bandwidth_{there},\ bytes_{vectors} / bandwidth_{L1},\ operations / rate)

The bandwidth of the synapses is measured on an array of their size, read in the order of the run's active inputs: so
the floor is that of the memory level in which they are.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.aligned import LINE_BYTES
from neurosim.engine.dense.layer import DenseLayer
from neurosim.engine.dense.marked import Marked, marked
from neurosim.engine.runner import LayerRunner
from neurosim.engine.samples import NO_LABELS, Array, Labels, Samples
from neurosim.latency.roofline.bandwidth import Rates, largest_array, row_rates
from neurosim.latency.roofline.work import STAGES, learning_is_counted, work
from neurosim.latency.timing.clock import Clock
from neurosim.latency.timing.outcome import SECOND
from neurosim.randomness import ROOFLINE, uniform

KEPT = 256  # samples whose active inputs are kept
MOST = 64 << 20  # most bytes of a pass over rows
READINGS = 101
BOUNDS = ("synapses", "vectors", "operations")


class Trace:
    """What a layer did of the samples so far, stage by stage."""

    def __init__(self, layer: DenseLayer, outputs: bool) -> None:
        self.layer, self.counted = layer, learning_is_counted(layer)
        self._runner = LayerRunner(layer, 1, outputs=outputs, marking=True)
        self.times: list[NDArray[np.int64]] = []  # (STAGES,) nanoseconds each
        self.works: list[tuple[tuple[int, ...], ...]] = []  # of each sample and stage
        self.active: list[NDArray[np.int64]] = []
        self.sizes: list[tuple[int, int]] = []  # active inputs, written neurons

    def take(self, sample: Array, learning: bool, labels: Labels, number: int, keep: bool) -> Array:
        """Take a sample, write down what it took, and return what the next layer sees."""
        outputs, (moments, written) = marking_run(self.layer, self._runner, Samples(sample, labels), learning, number)
        if keep:
            moments[-1] = moments[-1] or moments[-2]
            written = written if self.counted else written[:0]
            active = np.flatnonzero(sample[0])
            self.times.append(np.diff(moments))
            self.works.append(work(self.layer, active, written))
            self.sizes.append((len(active), len(written)))
            if len(self.active) < KEPT:
                self.active.append(active)
        return outputs

    def account(self, learning: bool, machine: dict[str, Any], clock: Clock) -> dict[str, Any]:
        """Return the samples' times and floors, as plain values."""
        return _account(self, learning, machine, clock)


def marking_run(
    layer: DenseLayer, runner: LayerRunner, sample: Samples, learning: bool, number: int
) -> tuple[Array, Marked]:
    """Take a sample of a number through a layer; return what the layer transmits, and what it did when.

    Raises
    ------
    SampleError, DivergedError
        As `Chip.learn_one` does.
    """
    taken = runner.run(sample, learning, number)
    if taken.error is not None:
        raise taken.error
    return taken.results.outputs, marked(layer, runner)


class Bandwidths(NamedTuple):
    """Rates of an array of the layer's size: rows in the run's order, those of one sample repeated, random rows."""

    run: Rates
    sample: Rates
    random: Rates


def _account(trace: Trace, learning: bool, machine: dict[str, Any], clock: Clock) -> dict[str, Any]:
    layer, speeds = trace.layer, _bandwidths(trace, clock)
    active, written = np.mean(trace.sizes, axis=0)
    counted = learning and trace.counted
    vectors = max(level["read_bytes_per_s"] or 0.0 for level in machine["levels"].values()) or np.inf
    stages = {}
    for stage, name in enumerate(STAGES if learning else STAGES[:-1]):
        synapses, random = speeds.run.read, speeds.random.read
        if name == "learn":
            synapses, random = speeds.sample.update, speeds.random.update
        done = np.array([works[stage] for works in trace.works], np.float64)
        times = np.array([times[stage] for times in trace.times])
        known = name != "learn" or counted
        others = (vectors, machine["operations_per_s"])
        stages[name] = stage_account(done if known else None, times, (synapses, *others))
        with_random = stage_account(done if known else None, times, (random, *others))
        stages[name] |= {f"random_rows_{key}": with_random[key] for key in ("floor_s", "measured_over_floor")}
    return {
        "threads": 1,
        "synapses_bytes": layer.state.synapses.nbytes,
        "active_inputs_mean": float(active),
        "written_neurons_mean": float(written) if counted else None,
        "rows_read_bytes_per_s": finite(speeds.run.read),
        "rows_of_a_sample_update_bytes_per_s": finite(speeds.sample.update),
        "random_rows_read_bytes_per_s": speeds.random.read,
        "random_rows_update_bytes_per_s": speeds.random.update,
        "timer_s": _reading(layer),
        "stages": stages,
    }


def stage_account(done: NDArray[np.float64] | None, times: NDArray[np.int64], rates: ArrayLike) -> dict[str, Any]:
    """Return a stage's medians: its work, how long that takes at least, and how long it took.

    Parameters
    ----------
    done : float64 (samples, 3), optional
        Bytes of synapses, bytes of vectors, operations; None where they are not counted.
    times : int64 (samples,)
        Nanoseconds.
    rates : float (3,) or (samples, 3)
        How many of each the machine does per second.
    """
    measured = float(np.median(times)) / SECOND
    counts: list[float | None] = [None, None, None]
    floor = bound = ratio = None
    if done is not None:
        floors = done / np.asarray(rates, np.float64)
        counts, floor = np.median(done, axis=0).tolist(), float(np.median(floors.max(axis=1)))
        bound = BOUNDS[int(np.median(floors, axis=0).argmax())] if floor else None
        ratio = measured / floor if floor else None
    names = ("synapse_bytes", "vector_bytes", "operations")
    return dict(zip(names, counts, strict=True)) | {
        "floor_s": floor, "bound_by": bound, "measured_s": measured, "measured_over_floor": ratio,
    }  # fmt: skip


def _bandwidths(trace: Trace, clock: Clock) -> Bandwidths:
    """Measure an array like the layer's synapses in three orders; without active inputs, two are infinitely fast."""
    inputs, neurons = trace.layer.state.synapses.shape
    lines = -(-neurons * 4 // LINE_BYTES)
    rows = max(1, min(inputs, largest_array() // (lines * LINE_BYTES)))  # a larger array would be in memory as well
    infinite, most = Rates(np.inf, np.inf), max(1, MOST // (lines * LINE_BYTES))
    random = row_rates(rows, lines, np.floor(uniform(0, ROOFLINE, 0, min(most, 4 * inputs)) * rows), clock)
    run, typical = np.concatenate(trace.active)[:most], sorted(trace.active, key=len)[len(trace.active) // 2][:most]
    return Bandwidths(
        run=row_rates(rows, lines, run % rows, clock) if len(run) else infinite,
        sample=row_rates(rows, lines, typical % rows, clock) if len(typical) else infinite,
        random=random,
    )


def _reading(layer: DenseLayer) -> float:
    """Return what reading the clock takes within the loop: the stage that sends, where there is nobody to send to."""
    silent, sample = Trace(layer, False), np.zeros((1, layer.inputs), np.float32)
    for _ in range(READINGS):
        silent.take(sample, False, NO_LABELS, 0, True)
    return float(np.median([times[STAGES.index("transmit")] for times in silent.times])) / SECOND


def finite(rate: float) -> float | None:
    """Return a rate, or None for one without a bound."""
    return rate if np.isfinite(rate) else None
