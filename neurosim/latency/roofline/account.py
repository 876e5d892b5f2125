"""The account of a chip: its samples once more, stage by stage, beside what the machine can do."""

from collections.abc import Callable
from typing import Any

from neurosim.chip.chip import Chip
from neurosim.chip.samples import as_labels, as_samples, teachable
from neurosim.engine.base import WorkingLayer
from neurosim.engine.conv.layer import ConvLayer
from neurosim.engine.dense.layer import DenseLayer
from neurosim.engine.samples import NO_LABELS
from neurosim.latency.roofline.bandwidth import machine_rates
from neurosim.latency.roofline.conv_roofline import ConvTrace
from neurosim.latency.roofline.roofline import Trace
from neurosim.latency.timing.clock import Clock
from neurosim.latency.timing.samples import Calls


def account_of(
    chip: Chip, calls: Calls, learning: bool, clock: Clock, stop: Callable[[], bool]
) -> dict[str, Any] | None:
    """Take samples once more, time the stages within each layer, and return how far each is from its floor.

    Returns
    -------
    dict, or None
        Plain values, units in the names (docs/latency.md); None if `stop` came before the first sample.

    Raises
    ------
    SampleError, DivergedError
        As `Chip.learn_one` does.
    """
    traces = [_trace(layer) for layer in chip.layers]
    for call in calls.given[:1]:  # memory that is new must not be met by the first sample: it responds once before
        _through(traces, call, chip, False, calls.first, keep=False)
    count = 0
    for call in calls.given:
        if stop():
            break
        _through(traces, call, chip, learning, calls.first + count)
        count += 1
    if count == 0:
        return None
    machine = machine_rates(clock, stop)
    layers = [trace.account(learning, machine, clock) for trace in traces]
    return {"samples": count, "machine": machine, "layers": layers}


def _trace(layer: WorkingLayer) -> Trace | ConvTrace:
    if isinstance(layer, DenseLayer):
        return Trace(layer, True)
    assert isinstance(layer, ConvLayer)
    return ConvTrace(layer)


def _through(
    traces: list[Trace | ConvTrace], call: tuple[Any, ...], chip: Chip, learning: bool, number: int, keep: bool = True
) -> None:
    """Take one sample through all layers."""
    sample = as_samples(call[0], chip.shape, 1)
    labels = as_labels([call[1] if len(call) > 1 else -1], 1) if learning else NO_LABELS
    _, fault = teachable(chip.layers, 1, labels, number) if learning else (1, None)
    if fault is not None:
        raise fault
    for trace in traces:
        sample = trace.take(sample, learning, labels, number, keep)
