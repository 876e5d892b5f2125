"""What the emissions of a sample's path carry: how many messages, and how long each is served, from the counts."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ConfigError
from neurosim.hardware.chips.spec import Hardware
from neurosim.hardware.counting.counts import Counts
from neurosim.hardware.counting.reloading import synapse_bits, waiting_bits
from neurosim.hardware.counting.traffic import operations_of, sent_by, written_by
from neurosim.hardware.counting.words import gathers
from neurosim.hardware.placement.mapping import CoreShare, Mapping, Part
from neurosim.hardware.timeline import accesses
from neurosim.hardware.timeline.power import PICOSECONDS

Whole = NDArray[np.int64]
Time = NDArray[np.floating[Any]] | float
Filled = tuple[Whole | int, Time]  # messages, and how long each is served


class Load(NamedTuple):
    """What an emission carries.

    Attributes
    ----------
    kind : str
        A key of `FILLS`, or "one" for a single message that takes no service.
    share : CoreShare
        What the core holds that receives it, or works on it.
    sender : CoreShare or None
        For events between layers, what the core holds that sends them.
    part : Part or None
        The tile that competes, or the copy of a kernel, that it is about.
    """

    kind: str
    share: CoreShare
    sender: CoreShare | None = None
    part: Part | None = None


def picoseconds(hardware: Hardware, operation: str) -> int:
    """Return how long an operation takes, in whole picoseconds; 0 if the description has no time for it."""
    constant = hardware.time.get(operation)
    if constant is None:
        return 0
    time = round(constant.value * PICOSECONDS)
    if time == 0 < constant.value:
        raise ConfigError(f"time.{operation}", "0 or at least a picosecond", f"{constant.value:.3g} s")
    return time


def moves(mapping: Mapping, share: CoreShare) -> bool:
    """Return whether a core exchanges anything with external memory for a layer."""
    waits = share.core in mapping.states_outside and share.waiting_sites > 0
    return waits or not all(part.resident for part in share.parts)


# Each function below returns how many messages a load is, and how long each is served: arrays if samples differ.
# Services are float64: a product of counts and times that is too long becomes large, where int64 would wrap around.
def _events(carried: Load, mapping: Mapping, counts: Counts) -> Filled:
    share = carried.share
    return counts.layers[share.layer].events, _event_time(share.parts[0], mapping, counts)


def _sent(carried: Load, mapping: Mapping, counts: Counts) -> Filled:
    sender = carried.sender
    assert sender is not None
    return _sent_by(sender, counts), _event_time(carried.share.parts[0], mapping, counts)


def _sent_by(sender: CoreShare, counts: Counts) -> Whole:
    sent: Whole = np.sum([sent_by(counts.layers[sender.layer], part) for part in sender.parts], axis=0, dtype=np.int64)
    return sent


def _event_time(part: Part, mapping: Mapping, counts: Counts) -> NDArray[np.float64]:
    """Return how long an event occupies a core: the synaptic operations of its neurons, `lanes` of them at once.

    Or the words of memory that it reads, if these take longer. Where events are gathered first, one only comes in.
    """
    layer, hardware = counts.layers[part.layer], mapping.hardware
    if gathers(hardware):
        return np.zeros(counts.samples)
    operations = operations_of(layer, part)
    operations_per_event = -(-operations // (np.maximum(layer.events, 1) * hardware.structure.lanes))
    busy: NDArray[np.float64] = operations_per_event * float(picoseconds(hardware, "synaptic_operation"))
    return np.maximum(busy, accesses.of_event(part, layer, hardware, picoseconds(hardware, "memory_access")))


def _updates(carried: Load, mapping: Mapping, counts: Counts) -> Filled:
    """Neurons are updated, after the tiles of all further turns have integrated."""
    share = carried.share
    time = picoseconds(mapping.hardware, "neuron_update")
    if mapping.demands[share.layer].soft:
        time += picoseconds(mapping.hardware, "exponential")
    sites = sum(part.sites for part in share.parts)
    gathered = sum(_gathering(part, mapping, counts) for part in share.parts)
    return 1, sites * time + gathered + _turns(share, mapping, counts)


def _turns(share: CoreShare, mapping: Mapping, counts: Counts) -> Time:
    """Return how long a core integrates in all turns but the first, and puts states aside and fetches them again."""
    events = counts.layers[share.layer].events
    again: Time = sum((events * _event_time(part, mapping, counts) for part in share.parts[1:]), 0.0)
    if share.core in mapping.states_outside:
        return again
    return again + 2.0 * share.waiting_sites * picoseconds(mapping.hardware, "neuron_update")


def _gathering(part: Part, mapping: Mapping, counts: Counts) -> Time:
    """Return how long a core integrates once all events are in; 0 where it does so as they come."""
    hardware, layer = mapping.hardware, counts.layers[part.layer]
    if not gathers(hardware):
        return 0.0
    serial = -(-operations_of(layer, part, hardware.structure.is_dense) // hardware.structure.lanes)
    busy = serial * float(picoseconds(hardware, "synaptic_operation"))
    read = accesses.of_gathering(part, layer, hardware, picoseconds(hardware, "memory_access"))
    longer: NDArray[np.floating[Any]] = np.maximum(busy, read)
    return longer


def _loaded(carried: Load, mapping: Mapping, counts: Counts) -> Filled:
    """What comes in from external memory before neurons are updated, with the states that go there and come back."""
    share = carried.share
    before, _, _ = synapse_bits(share, counts)
    states = 2 * waiting_bits(mapping, share) if share.core in mapping.states_outside else 0
    return 1, (before + states) * _external(mapping)


def _fetched(carried: Load, mapping: Mapping, counts: Counts) -> Filled:
    """Synapses that come in again to learn, and go back."""
    _, again, back = synapse_bits(carried.share, counts)
    return 1, np.rint((again + back) * _external(mapping))


def _external(mapping: Mapping) -> float:
    """Return how many picoseconds a bit takes: less than one, often, as many pass at once."""
    constant = mapping.hardware.time.get("external_bit")
    return 0.0 if constant is None else constant.value * PICOSECONDS


def _positions(carried: Load, mapping: Mapping, counts: Counts) -> Filled:
    assert carried.part is not None
    return carried.part.positions, 0


def _outputs(carried: Load, mapping: Mapping, counts: Counts) -> Filled:
    share = carried.share
    if share.layer == len(mapping.demands) - 1:
        return 1, 0
    targets = 1 if mapping.hardware.structure.multicast else len(mapping.shares(share.layer + 1))
    return 1, _sent_by(share, counts) * targets * float(picoseconds(mapping.hardware, "event_out"))


def _growth(carried: Load, mapping: Mapping, counts: Counts) -> Filled:
    part = carried.part
    assert part is not None
    return written_by(counts.layers[part.layer], part) * mapping.demands[part.layer].fan_in, 0


def _writes(carried: Load, mapping: Mapping, counts: Counts) -> Filled:
    share, hardware = carried.share, mapping.hardware
    layer, access = counts.layers[share.layer], picoseconds(hardware, "memory_access")
    time: Time = 0.0
    for part in share.parts:
        serial = -(-layer.writes_on(part) * part.copies // hardware.structure.lanes)
        busy = serial * float(picoseconds(hardware, "weight_update"))
        time = time + np.maximum(busy, accesses.of_learning(part, layer, hardware, access))
    return 1, time


FILLS = {
    "events": _events, "sent": _sent, "updates": _updates, "positions": _positions, "outputs": _outputs,
    "writes": _writes, "loaded": _loaded, "fetched": _fetched, "growth": _growth,
}  # fmt: skip
