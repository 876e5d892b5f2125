"""How long a chip lasts that goes on as in a run: until the most written synapse has been written too often."""

from typing import Any

from neurosim.hardware.chips.endurance import Endurance
from neurosim.hardware.counting.counts import Counts
from neurosim.hardware.counting.wear import wear

KEYS = ("writes_per_synapse_mean", "writes_per_synapse_max", "wear", "endurance_writes", "lifetime_samples",
        "lifetime_s", "lifetime_low_s", "lifetime_high_s")  # fmt: skip


def lifetime(counts: Counts, endurance: Endurance | None, seconds: float | None) -> dict[str, Any]:
    r"""Return how often synapses were written, and how long they last, as plain values.

    .. math::

        T = E \frac{t}{\max_{ki} n_{ki}}

    with :math:`n_{ki}` writes of a synapse in a run of t seconds, and E writes that it endures. Without wear levelling,
    and as if the chip went on to learn as much as in the run.

    Parameters
    ----------
    counts : Counts
    endurance : Endurance or None
        If there is none, lifetimes are None.
    seconds : float or None
        How long the run took; without it, there is a lifetime in samples only.
    """
    found: dict[str, Any] = dict.fromkeys(KEYS)
    if not counts.learning:
        return found
    worn = [wear(layer) for layer in counts.layers]
    most = max(layer.most for layer in worn)
    synapses = [layer.demand.neurons * layer.demand.fan_in for layer in counts.layers]
    written = sum(layer.mean * count for layer, count in zip(worn, synapses, strict=True))
    found["writes_per_synapse_mean"], found["writes_per_synapse_max"] = written / sum(synapses), most
    found["wear"] = [layer.summary() for layer in worn]
    if endurance is None:
        return found
    found["endurance_writes"] = endurance.writes
    if most == 0:
        return found
    found["lifetime_samples"] = endurance.writes * counts.samples / most
    if seconds is not None:
        bands = {"low_s": endurance.low, "s": endurance.writes, "high_s": endurance.high}
        found |= {f"lifetime_{name}": writes * seconds / most for name, writes in bands.items() if writes is not None}
    return found
