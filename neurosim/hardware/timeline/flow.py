"""The way of a sample through the cores, as a network of servers for the timeline.

Of each layer, on each of its cores:

- *integrate*: every event that comes in is served by the core, for its synaptic operations;
- *compete*: the core updates its neurons, and takes their exponentials; over several cores, each sends one event to the
  layer's first core, which sends one back when all are there: the sums of the softmax, for each position;
- *transmit*: the core makes the events of its outputs, and sends them when all are made and the next layer is free;
- *learn*: the core writes its synapses, while the next layer integrates.

The next sample enters a layer when that has learned from this one: on-line learning as the simulator does it, to the
bit. Layers work on different samples at the same time. The response leaves from the last layer's first core.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ConfigError
from neurosim.hardware.chips.spec import Hardware
from neurosim.hardware.counting.counts import Counts, share
from neurosim.hardware.placement.mapping import Mapping, Part
from neurosim.hardware.placement.mesh import PORT, way
from neurosim.hardware.timeline.simulation import Emission, Network

PICOSECONDS = 1e12
LONGEST = 2**53  # of a service, so that it is a whole number in float64 too
Whole = NDArray[np.int64]


class Load(NamedTuple):
    """What an emission carries: of which kind, to or on which part, and for events between layers, from which."""

    kind: str
    part: Part
    sender: Part | None = None


class Plan(NamedTuple):
    """A network, and what tells how many messages each emission sends, and how long each is served.

    Attributes
    ----------
    network : Network
    loads : tuple of Load
        What each emission carries.
    response : int
        Stage that fires when the response has left.
    learned : tuple of int
        Stages that fire when a layer is done with a sample.
    """

    network: Network
    loads: tuple[Load, ...]
    response: int
    learned: tuple[int, ...]


class _Builder:
    """Stages, resources and emissions as they come up."""

    def __init__(self, hardware: Hardware) -> None:
        self.hardware = hardware
        self.stages: dict[str, int] = {"sample": 0}
        self.resources: dict[str, int] = {}
        self.emissions: list[Emission] = []
        self.loads: list[Load] = []

    def stage(self, name: str) -> int:
        return self.stages.setdefault(name, len(self.stages))

    def resource(self, name: str) -> int:
        return self.resources.setdefault(name, len(self.resources))

    def links(self, source: int, target: int) -> list[tuple[int, int]]:
        """Return the steps of an event between two cores."""
        hop = picoseconds(self.hardware, "hop")
        return [(self.resource(link), hop) for link in way(self.hardware.structure, source, target)]

    def core(self, part: Part, *operations: str) -> tuple[int, int]:
        """Return a step at a core that takes the time of some operations."""
        fixed = sum(picoseconds(self.hardware, operation) for operation in operations)
        return self.resource(f"core {part.core}"), fixed

    def emit(self, source: str, target: str, route: Sequence[tuple[int, int]], load: Load, offset: int = 0) -> None:
        """Let a stage send messages to another."""
        self.emissions.append(Emission(self.stage(source), self.stage(target), offset, tuple(route)))
        self.loads.append(load)


def picoseconds(hardware: Hardware, operation: str) -> int:
    """Return how long an operation takes, in whole picoseconds; 0 for one that is not timed."""
    constant = hardware.time.get(operation)
    if constant is None:
        return 0
    time = round(constant.value * PICOSECONDS)
    if time == 0 < constant.value:
        raise ConfigError(f"time.{operation}", "0 or at least a picosecond", f"{constant.value:.3g} s")
    return time


def plan(mapping: Mapping) -> Plan:
    """Return the network of a mapping."""
    builder = _Builder(mapping.hardware)
    layers = [mapping.of(layer) for layer in range(len(mapping.demands))]
    _samples_in(builder, layers[0])
    for parts in layers:
        last = parts[0].layer == len(layers) - 1
        _compete(builder, parts, last)
        _learn(builder, parts)
        if not last:
            _transmit(builder, parts, layers[parts[0].layer + 1])
    _gate(builder, layers)
    built = mapping.hardware.structure
    capacity = -1 if built.queue is None else built.queue
    stages, resources = tuple(builder.stages), tuple(builder.resources)
    network = Network(resources, (capacity,) * len(resources), built.when_full, stages, tuple(builder.emissions))
    learned = tuple(builder.stages[f"learned {layer}"] for layer in range(len(layers)))
    return Plan(network, tuple(builder.loads), builder.stages["response"], learned)


def _samples_in(builder: _Builder, parts: Sequence[Part]) -> None:
    """Let the port send each event to all cores of the first layer."""
    entry = builder.resource(PORT), picoseconds(builder.hardware, "hop")
    for part in parts:
        route = [entry, *builder.links(0, part.core), builder.core(part, "event_in")]
        builder.emit("sample", _name("integrated", part), route, Load("events", part))


def _compete(builder: _Builder, parts: Sequence[Part], last: bool) -> None:
    """Let the cores of a layer agree on the softmax, and the last layer's response leave."""
    first = parts[0]
    agreed = f"agreed {first.layer}"
    for part in parts:
        builder.emit(_name("integrated", part), _name("updated", part), [builder.core(part)], Load("updates", part))
        route = [] if part is first else [*builder.links(part.core, first.core), builder.core(first, "event_in")]
        builder.emit(_name("updated", part), agreed, route, Load("positions", part))
    for part in parts:
        route = [] if part is first else [*builder.links(first.core, part.core), builder.core(part, "event_in")]
        builder.emit(agreed, _name("competed", part), route, Load("positions", part))
    if last:
        route = [builder.core(first, "event_out"), *builder.links(first.core, 0)]
        builder.emit(agreed, "response", route, Load("one", first))


def _learn(builder: _Builder, parts: Sequence[Part]) -> None:
    """Let each core write its synapses once its events are made."""
    for part in parts:
        builder.emit(_name("competed", part), _name("made", part), [builder.core(part)], Load("outputs", part))
        builder.emit(_name("made", part), f"learned {part.layer}", [builder.core(part)], Load("writes", part))


def _transmit(builder: _Builder, parts: Sequence[Part], following: Sequence[Part]) -> None:
    """Let each core send its events to all cores of the next layer."""
    for part in parts:
        builder.emit(_name("made", part), _name("sending", part), [], Load("one", part))
        for target in following:
            route = [*builder.links(part.core, target.core), builder.core(target, "event_in")]
            builder.emit(_name("sending", part), _name("integrated", target), route, Load("sent", target, part))


def _gate(builder: _Builder, layers: Sequence[Sequence[Part]]) -> None:
    """Let no sample into a layer before that has learned from the one before."""
    builder.emit("learned 0", "sample", [], Load("one", layers[0][0]), offset=1)
    for parts, following in pairwise(layers):
        for part in parts:
            builder.emit(f"learned {following[0].layer}", _name("sending", part), [], Load("one", part), offset=1)


def _name(stage: str, part: Part) -> str:
    return f"{stage} {part.layer} on core {part.core}"


def load(planned: Plan, mapping: Mapping, counts: Counts) -> tuple[Whole, Whole]:
    """Return how many messages each emission sends for each sample, and how long each is served.

    Parameters
    ----------
    planned : Plan
    mapping : Mapping
    counts : Counts

    Returns
    -------
    copies, services : int64 (samples, emissions)
        Services in picoseconds, beside what is fixed.
    """
    shape = (counts.samples, len(planned.loads))
    copies, services = np.ones(shape, np.int64), np.zeros(shape)
    for place, carried in enumerate(planned.loads):
        fill = _FILLS.get(carried.kind)
        if fill is not None:
            copies[:, place], services[:, place] = fill(carried, mapping, counts)
    if services.max(initial=0) > LONGEST:
        rule = f"so short that a core is at one thing for less than {LONGEST / PICOSECONDS:.0f} s"
        raise ConfigError(f"times of {mapping.hardware.name}", rule, f"{services.max() / PICOSECONDS:.3g} s")
    return copies, services.astype(np.int64)


# Services are of float64, which does not wrap where a product of counts and times is too long.
def _events(carried: Load, mapping: Mapping, counts: Counts) -> tuple[Any, Any]:
    part = carried.part
    events = counts.layers[part.layer].events
    return events, _event_time(part, mapping, counts)


def _sent(carried: Load, mapping: Mapping, counts: Counts) -> tuple[Any, Any]:
    sender = carried.sender
    assert sender is not None
    return share(counts.layers[sender.layer].sent, sender), _event_time(carried.part, mapping, counts)


def _event_time(part: Part, mapping: Mapping, counts: Counts) -> NDArray[np.float64]:
    """Return how long a core is busy with an event: the operations of its neurons, some at once."""
    layer, lanes = counts.layers[part.layer], mapping.hardware.structure.lanes
    here = layer.operations * part.neurons // layer.demand.neurons
    each = -(-here // (np.maximum(layer.events, 1) * lanes))
    busy: NDArray[np.float64] = each * float(picoseconds(mapping.hardware, "synaptic_operation"))
    return busy


def _updates(carried: Load, mapping: Mapping, counts: Counts) -> tuple[Any, Any]:
    part = carried.part
    time = picoseconds(mapping.hardware, "neuron_update")
    if mapping.demands[part.layer].soft:
        time += picoseconds(mapping.hardware, "exponential")
    return 1, float(part.sites * time)


def _positions(carried: Load, mapping: Mapping, counts: Counts) -> tuple[Any, Any]:
    return mapping.demands[carried.part.layer].positions, 0


def _outputs(carried: Load, mapping: Mapping, counts: Counts) -> tuple[Any, Any]:
    part = carried.part
    if part.layer == len(mapping.demands) - 1:
        return 1, 0
    targets = len(mapping.of(part.layer + 1))
    made = share(counts.layers[part.layer].sent, part) * targets
    return 1, made * float(picoseconds(mapping.hardware, "event_out"))


def _writes(carried: Load, mapping: Mapping, counts: Counts) -> tuple[Any, Any]:
    part = carried.part
    written = counts.layers[part.layer].writes_on(part)
    serial = -(-written // mapping.hardware.structure.lanes)
    return 1, serial * float(picoseconds(mapping.hardware, "weight_update"))


_FILLS = {
    "events": _events, "sent": _sent, "updates": _updates, "positions": _positions, "outputs": _outputs,
    "writes": _writes,
}  # fmt: skip
