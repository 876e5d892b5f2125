"""How long a chip lasts that goes on as in a run: until the most written cell has been written too often."""

from typing import Any

from neurosim.hardware.counting.counts import Counts
from neurosim.hardware.counting.reloading import most_rewritten
from neurosim.hardware.counting.wear import wear
from neurosim.hardware.placement.mapping import Mapping

KEYS = ("writes_per_synapse_mean", "writes_per_synapse_max", "wear", "endurance_writes", "writes_per_cell_max",
        "lifetime_samples", "lifetime_s", "lifetime_low_s", "lifetime_high_s")  # fmt: skip


def lifetime(counts: Counts, mapping: Mapping, seconds: float | None) -> dict[str, Any]:
    r"""Return how often synapses were written, and how long they last, as plain values.

    .. math::

        T = E \frac{t}{\max_c n_c}

    with :math:`n_c` writes of a cell in a run of t seconds, and E writes that it endures. A synapse keeps its cells,
    without wear levelling, unless cores take turns: then tiles and states that come and go share some
    (`most_rewritten`). As if the chip went on to learn as much as in the run.

    Parameters
    ----------
    counts : Counts
    mapping : Mapping
        If its hardware has no endurance, lifetimes are None.
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
    endurance = mapping.hardware.endurance
    if endurance is None:
        return found
    most = max(most, most_rewritten(mapping, counts))
    found["endurance_writes"], found["writes_per_cell_max"] = endurance.writes, most
    if most == 0:
        return found
    found["lifetime_samples"] = endurance.writes * counts.samples / most
    if seconds is not None:
        bands = {"low_s": endurance.low, "s": endurance.writes, "high_s": endurance.high}
        found |= {f"lifetime_{name}": writes * seconds / most for name, writes in bands.items() if writes is not None}
    return found
