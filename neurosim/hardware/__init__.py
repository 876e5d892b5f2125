"""What a simulated chip would cost as hardware: layers are placed on the cores of a described chip and priced.

One run of a stream counts what the layers do (`count`). Any described chip (`load`) then prices these counts (`price`),
learning included: energy with its uncertainty, latency from an event-ordered simulation of the cores, and memory. `on`
prices sample by sample.
"""

from neurosim.hardware.chips.spec import Hardware, load, names
from neurosim.hardware.counting.count import count
from neurosim.hardware.counting.counts import Counts
from neurosim.hardware.energy import check_learns
from neurosim.hardware.placed import PlacedChip, on
from neurosim.hardware.placement.mapping import Mapping
from neurosim.hardware.placement.strategies.options import Placement
from neurosim.hardware.placement.strategies.placing import place
from neurosim.hardware.pricing import CostReport, price

__all__ = [
    "CostReport",
    "Counts",
    "Hardware",
    "Mapping",
    "PlacedChip",
    "Placement",
    "check_learns",
    "count",
    "load",
    "names",
    "on",
    "place",
    "price",
]
