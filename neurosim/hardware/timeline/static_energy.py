r"""Static energy of each sample: what the chip takes for being on, in the states that it is in.

.. math::

    E = P_{static} (T_{active} + T_{waking}) + P_{idle} T_{idle} + P_{sleep} T_{asleep} + N_{wake} E_{wake}

Without `power.idle` it is :math:`P_{static}` while idle too. If each core's clock stops when it serves nothing
(``power_states.gated = "core"``), it is :math:`P_{idle} T_{active} + (P_{static} - P_{idle}) T_{serving}` while there
are samples on the chip.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.hardware.chips.spec import Hardware
from neurosim.hardware.timeline.power import States

Floats = NDArray[np.float64]
ENDS = ("low", "value", "high")


def static_energy(hardware: Hardware, states: tuple[States, States, States], samples: int) -> Floats | None:
    """Return the static energy of each sample, with all constants low, nominal and high, times included.

    Parameters
    ----------
    hardware : Hardware
    states : tuple of States
        With low, nominal and high times.
    samples : int
        How many samples there are; of those that were not timed it is not known.

    Returns
    -------
    float64 (3, samples) or None
        In J, NaN where it is not known; None where the description has no static power.
    """
    if "static" not in hardware.power:
        return None
    energy = np.full((len(ENDS), samples), np.nan)
    for row, (end, times) in enumerate(zip(ENDS, states, strict=True)):
        energy[row, : len(times.active_s)] = _at(hardware, end, times)
    return energy


def _at(hardware: Hardware, end: str, states: States) -> Floats:
    """Return the static energy of each sample with all constants at one end of their bands."""
    static = getattr(hardware.power["static"], end)
    idle = getattr(hardware.power.get("idle", hardware.power["static"]), end)
    asleep = getattr(hardware.power.get("sleep", hardware.power["static"]), end)
    wake = getattr(hardware.energy["wake"], end) if "wake" in hardware.energy else 0.0
    total: Floats = static * states.active_s
    if hardware.power_states is not None and hardware.power_states.gated == "core":
        total = idle * states.active_s + (static - idle) * states.serving_s
    total += static * states.waking_s + idle * states.idle_s + asleep * states.asleep_s + wake * states.wakes
    return total


def power_summary(hardware: Hardware, states: States) -> dict[str, Any] | None:
    """Return plain values of the power states, means over the samples; None where there is only static power."""
    if not {"idle", "sleep"} & hardware.power.keys():
        return None
    return states.summary() | {"break_even_s": break_even(hardware)}


def break_even(hardware: Hardware) -> float | None:
    r"""Return how long the chip must be asleep, so that sleeping takes no more energy than being idle.

    .. math:: t = \frac{E_{wake} + (P_{static} - P_{idle}) T_{wake}}{P_{idle} - P_{sleep}}

    Returns
    -------
    float or None
        In seconds; None where the chip cannot sleep, or saves nothing by it.
    """
    power = hardware.power
    if "sleep" not in power:
        return None
    static = power["static"].value
    idle = power["idle"].value if "idle" in power else static
    saved = idle - power["sleep"].value
    wake_J = hardware.energy["wake"].value if "wake" in hardware.energy else 0.0
    wake_s = hardware.time["wake"].value if "wake" in hardware.time else 0.0
    return (wake_J + (static - idle) * wake_s) / saved if saved > 0 else None
