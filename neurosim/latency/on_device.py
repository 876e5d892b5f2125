"""What a device takes of a sample when it is called once for many: beside what a call for each sample takes."""

from typing import Any

import numpy as np

from neurosim.chip.chip import Chip
from neurosim.latency.timing.clock import Clock
from neurosim.latency.timing.outcome import SECOND
from neurosim.latency.timing.samples import Calls

CHUNK = 256  # samples a call


def device_times(chip: Chip, calls: Calls, learning: bool, clock: Clock) -> dict[str, Any] | None:
    """Take the samples once more, many a call; return seconds a sample, or None for a chip that is on no device.

    Returns
    -------
    dict
        `resident_s` by the device's own clock, samples in its memory; `end_to_end_s` from the host's memory and back,
        by the wall; `chunk`; `samples`; and `placement`, how each layer lies on the device.

    Raises
    ------
    SampleError, DivergedError
        As `Chip.learn` does.
    """
    if chip.device == "cpu":
        return None
    samples = np.stack([np.asarray(call[0], np.float32).reshape(chip.inputs) for call in calls.given])
    labels = np.array([call[1] if len(call) > 1 and call[1] is not None else -1 for call in calls.given])
    before, begun = _busy(chip), clock.now()
    if learning:
        chip.learn(samples, labels=labels, chunk=CHUNK)
    else:
        for _ in chip.output_blocks(samples, chunk=CHUNK):
            pass
    return {
        "resident_s": (_busy(chip) - before) / len(samples),
        "end_to_end_s": (clock.now() - begun) / SECOND / len(samples),
        "chunk": CHUNK,
        "samples": len(samples),
        "placement": [layer.placement for layer in chip.layers],
    }


def _busy(chip: Chip) -> float:
    """Return how long the device has been at work for the chip."""
    return sum(layer.device_seconds or 0.0 for layer in chip.layers)
