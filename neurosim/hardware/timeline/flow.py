"""A sample's path through the cores, as a network of servers for the timeline.

The stages of each layer, on each of its cores:

- *integrate*: the core serves every event that comes in, for the duration of its synaptic operations, or of reading
  their words of memory if that takes longer. Where the memory is neuron-major, an event only comes in, and the core
  integrates all of them once the last one is there;
- *compete*: the core updates its neurons and computes their exponentials. If a layer has several cores, each sends one
  event per position to the layer's first core, which sends one back when it has all: the sums of the softmax;
- *transmit*: the core makes the events of its outputs, and sends them when all are made and the next layer is free;
- *learn*: the core writes its synapses, while the next layer integrates.

The next sample enters a layer when the layer has learned from this one: on-line learning, bit for bit as the simulator
does it. Layers work on different samples at the same time. The response leaves from the last layer's first core.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ConfigError
from neurosim.hardware.chips.spec import Hardware
from neurosim.hardware.counting.counts import Counts, share
from neurosim.hardware.counting.words import gathers
from neurosim.hardware.placement.mapping import Mapping, Part
from neurosim.hardware.placement.mesh import PORT, route
from neurosim.hardware.timeline import accesses
from neurosim.hardware.timeline.network import LATEST
from neurosim.hardware.timeline.power import PICOSECONDS
from neurosim.hardware.timeline.simulation import Emission, Network

CORE = "core "  # how the names of cores begin
INPUT = "input"  # where a sample's events wait outside, and come in one by one
LONGEST = 2**53  # picoseconds of a service, so that it is a whole number in float64 too
Whole = NDArray[np.int64]
Filled = tuple[Whole | int, NDArray[np.floating[Any]] | float]  # messages, and how long each is served


class Load(NamedTuple):
    """What an emission carries.

    Attributes
    ----------
    kind : str
        A key of `_FILLS`, or "one" for a single message that takes no service.
    part : Part
        The part that receives it, or works on it.
    sender : Part or None
        For events between layers, the part that sends them.
    """

    kind: str
    part: Part
    sender: Part | None = None


class Plan(NamedTuple):
    """A network, and what its emissions carry: `load` turns that into messages and services.

    Attributes
    ----------
    network : Network
    loads : tuple of Load
        What each emission carries.
    response : int
        The stage that fires when the response has left.
    learned : tuple of int
        For each layer, the stage that fires when it has learned from a sample.
    """

    network: Network
    loads: tuple[Load, ...]
    response: int
    learned: tuple[int, ...]


class _Builder:
    """Collects stages, resources and emissions; each name gets an index at its first use."""

    def __init__(self, hardware: Hardware) -> None:
        self.hardware = hardware
        self.stages: dict[str, int] = {"sample": 0}
        self.resources: dict[str, int] = {}
        self.cores: set[int] = set()
        self.emissions: list[Emission] = []
        self.loads: list[Load] = []

    def stage(self, name: str) -> int:
        return self.stages.setdefault(name, len(self.stages))

    def resource(self, name: str) -> int:
        return self.resources.setdefault(name, len(self.resources))

    def links(self, source: int, target: int) -> list[tuple[int, int]]:
        """Return the steps of an event between two cores."""
        hop = picoseconds(self.hardware, "hop")
        return [(self.resource(link), hop) for link in route(self.hardware.structure, source, target)]

    def core(self, part: Part, *operations: str) -> tuple[int, int]:
        """Return a step at a core that takes at least the time of some operations."""
        fixed = sum(picoseconds(self.hardware, operation) for operation in operations)
        core = self.resource(f"{CORE}{part.core}")
        self.cores.add(core)
        return core, fixed

    def emit(self, source: str, target: str, steps: Sequence[tuple[int, int]], load: Load, offset: int = 0) -> None:
        """Let a stage send messages to another; what begins at a core is its own work, which it never loses."""
        own = len(steps) > 0 and steps[0][0] in self.cores
        self.emissions.append(Emission(self.stage(source), self.stage(target), offset, tuple(steps), own))
        self.loads.append(load)


def picoseconds(hardware: Hardware, operation: str) -> int:
    """Return how long an operation takes, in whole picoseconds; 0 if the description has no time for it."""
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
    structure = mapping.hardware.structure
    network = Network(
        resources=tuple(builder.resources),
        capacities=tuple(_places(mapping.hardware, resource) for resource in builder.resources),
        policy=structure.when_full,
        stages=tuple(builder.stages),
        emissions=tuple(builder.emissions),
        sleep_after=_sleep_after(mapping.hardware),
        wake=picoseconds(mapping.hardware, "wake"),
    )
    learned = tuple(builder.stages[f"learned {layer}"] for layer in range(len(layers)))
    return Plan(network, tuple(builder.loads), builder.stages["response"], learned)


def _sleep_after(hardware: Hardware) -> int | None:
    """Return after how many picoseconds without a sample the chip sleeps; None where it never does."""
    states = hardware.power_states
    if states is None or states.sleep_after_s is None or "sleep" not in hardware.power:
        return None
    return min(round(states.sleep_after_s * PICOSECONDS), LATEST)


def _places(hardware: Hardware, resource: str) -> int:
    """Return how many events may wait at a resource; those of a sample wait for the port outside of the chip."""
    queue = hardware.structure.queue
    return -1 if queue is None or resource in (INPUT, PORT) else queue


def _samples_in(builder: _Builder, parts: Sequence[Part]) -> None:
    """Let a sample's events come in one after another, and the port send each of them to all cores of the first layer.

    The messages for these cores are one event: only the first of them takes the time between two events.
    """
    entry = builder.resource(PORT), picoseconds(builder.hardware, "hop")
    interval = picoseconds(builder.hardware, "input")
    for part in parts:
        outside = [(builder.resource(INPUT), interval if part is parts[0] else 0)] if interval > 0 else []
        steps = [*outside, entry, *builder.links(0, part.core), builder.core(part, "event_in")]
        builder.emit("sample", _name("integrated", part), steps, Load("events", part))


def _compete(builder: _Builder, parts: Sequence[Part], last: bool) -> None:
    """Let the cores of a layer agree on the softmax, and the last layer's response leave."""
    first = parts[0]
    agreed = f"agreed {first.layer}"
    for part in parts:
        builder.emit(_name("integrated", part), _name("updated", part), [builder.core(part)], Load("updates", part))
        steps = [] if part is first else [*builder.links(part.core, first.core), builder.core(first, "event_in")]
        builder.emit(_name("updated", part), agreed, steps, Load("positions", part))
    for part in parts:
        steps = [] if part is first else [*builder.links(first.core, part.core), builder.core(part, "event_in")]
        builder.emit(agreed, _name("competed", part), steps, Load("positions", part))
    if last:
        steps = [builder.core(first, "event_out"), *builder.links(first.core, 0)]
        builder.emit(agreed, "response", steps, Load("one", first))


def _learn(builder: _Builder, parts: Sequence[Part]) -> None:
    """Let each core make its output events, and then write its synapses."""
    for part in parts:
        builder.emit(_name("competed", part), _name("made", part), [builder.core(part)], Load("outputs", part))
        builder.emit(_name("made", part), f"learned {part.layer}", [builder.core(part)], Load("writes", part))


def _transmit(builder: _Builder, parts: Sequence[Part], following: Sequence[Part]) -> None:
    """Let each core send its events to all cores of the next layer."""
    for part in parts:
        builder.emit(_name("made", part), _name("sending", part), [], Load("one", part))
        for target in following:
            steps = [*builder.links(part.core, target.core), builder.core(target, "event_in")]
            builder.emit(_name("sending", part), _name("integrated", target), steps, Load("sent", target, part))


def _gate(builder: _Builder, layers: Sequence[Sequence[Part]]) -> None:
    """Let a sample into a layer only when the layer has learned from the sample before."""
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
        Services in picoseconds, on top of the holds of the route.
    """
    shape = (counts.samples, len(planned.loads))
    copies, services = np.ones(shape, np.int64), np.zeros(shape)
    for emission_index, carried in enumerate(planned.loads):
        fill = _FILLS.get(carried.kind)
        if fill is not None:
            copies[:, emission_index], services[:, emission_index] = fill(carried, mapping, counts)
    if services.max(initial=0) > LONGEST:
        rule = f"so short that no service of a core takes {LONGEST / PICOSECONDS:.0f} s"
        raise ConfigError(f"times of {mapping.hardware.name}", rule, f"{services.max() / PICOSECONDS:.3g} s")
    return copies, services.astype(np.int64)


# Each function below returns how many messages a load is, and how long each is served: arrays if samples differ.
# Services are float64: a product of counts and times that is too long becomes large, where int64 would wrap around.
def _events(carried: Load, mapping: Mapping, counts: Counts) -> Filled:
    part = carried.part
    events = counts.layers[part.layer].events
    return events, _event_time(part, mapping, counts)


def _sent(carried: Load, mapping: Mapping, counts: Counts) -> Filled:
    sender = carried.sender
    assert sender is not None
    return share(counts.layers[sender.layer].sent, sender), _event_time(carried.part, mapping, counts)


def _event_time(part: Part, mapping: Mapping, counts: Counts) -> NDArray[np.float64]:
    """Return how long an event occupies a core: the synaptic operations of its neurons, `lanes` of them at once.

    Or the words of memory that it reads, if these take longer. Where events are gathered first, one only comes in.
    """
    layer, hardware = counts.layers[part.layer], mapping.hardware
    if gathers(hardware):
        return np.zeros(counts.samples)
    entries = layer.operations // layer.demand.neurons  # every event reaches all neurons: nothing is left over
    operations_per_event = -(-entries * part.neurons // (np.maximum(layer.events, 1) * hardware.structure.lanes))
    busy: NDArray[np.float64] = operations_per_event * float(picoseconds(hardware, "synaptic_operation"))
    return np.maximum(busy, accesses.of_event(part, layer, hardware, picoseconds(hardware, "memory_access")))


def _updates(carried: Load, mapping: Mapping, counts: Counts) -> Filled:
    part, demand = carried.part, mapping.demands[carried.part.layer]
    time = picoseconds(mapping.hardware, "neuron_update")
    if demand.soft:
        time += picoseconds(mapping.hardware, "exponential")
    return 1, part.sites * time + _gathering(part, mapping, counts)


def _gathering(part: Part, mapping: Mapping, counts: Counts) -> NDArray[np.floating[Any]] | float:
    """Return how long a core integrates once all events are in; 0 where it does so as they come."""
    hardware, layer = mapping.hardware, counts.layers[part.layer]
    if not gathers(hardware):
        return 0.0
    entries = layer.done(hardware.structure.is_dense) // layer.demand.neurons
    serial = -(-entries * part.neurons // hardware.structure.lanes)
    busy = serial * float(picoseconds(hardware, "synaptic_operation"))
    read = accesses.of_gathering(part, layer, hardware, picoseconds(hardware, "memory_access"))
    longer: NDArray[np.floating[Any]] = np.maximum(busy, read)
    return longer


def _positions(carried: Load, mapping: Mapping, counts: Counts) -> Filled:
    return mapping.demands[carried.part.layer].positions, 0


def _outputs(carried: Load, mapping: Mapping, counts: Counts) -> Filled:
    part = carried.part
    if part.layer == len(mapping.demands) - 1:
        return 1, 0
    targets = len(mapping.of(part.layer + 1))
    made = share(counts.layers[part.layer].sent, part) * targets
    return 1, made * float(picoseconds(mapping.hardware, "event_out"))


def _writes(carried: Load, mapping: Mapping, counts: Counts) -> Filled:
    part, hardware = carried.part, mapping.hardware
    layer = counts.layers[part.layer]
    serial = -(-layer.writes_on(part) // hardware.structure.lanes)
    busy = serial * float(picoseconds(hardware, "weight_update"))
    return 1, np.maximum(busy, accesses.of_learning(part, layer, hardware, picoseconds(hardware, "memory_access")))


_FILLS = {
    "events": _events, "sent": _sent, "updates": _updates, "positions": _positions, "outputs": _outputs,
    "writes": _writes,
}  # fmt: skip
