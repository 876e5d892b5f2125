"""A sample's path through the cores, as a network of servers for the timeline.

The stages of each layer, on each of its cores:

- *integrate*: the core serves every event that comes in, for the duration of its synaptic operations, or of reading
  their words of memory if that takes longer. Where the memory is neuron-major, an event only comes in, and the core
  integrates all of them once the last one is there;
- *compete*: the core updates its neurons and computes their exponentials. If a layer has several cores, each sends one
  event per position to the first core of these positions, which sends one back when it has all: the sums of the
  softmax;
- *transmit*: the core makes the events of its outputs, and sends them when all are made and the next layer is free;
- *learn*: the core writes its synapses, while the next layer integrates. Copies of a kernel first send what they grew
  by to the first of them, an event a synapse, and get the sum back.

A core that takes turns keeps a sample's inputs, and goes through them once more for each further tile before it
updates. What comes from external memory, and goes there, passes that memory before, one core after the other. Then a
layer begins when the one before has learned, and a sample when the last layer has.

The next sample enters a layer when the layer has learned from this one: on-line learning, bit for bit as the simulator
does it. Layers work on different samples at the same time. The response leaves from the last layer's first core.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from neurosim.errors import ConfigError
from neurosim.hardware.chips.spec import Hardware
from neurosim.hardware.counting.counts import Counts
from neurosim.hardware.placement.flows import GATE, others
from neurosim.hardware.placement.mapping import CoreShare, Mapping, Part
from neurosim.hardware.placement.mesh import PORT, route, tree
from neurosim.hardware.timeline.loads import FILLS, Load, Whole, moves, picoseconds
from neurosim.hardware.timeline.network import LATEST
from neurosim.hardware.timeline.power import PICOSECONDS
from neurosim.hardware.timeline.simulation import Emission, Network

LONGEST = 2**53  # picoseconds of a service, so that it is a whole number in float64 too
CORE = "core "  # how the names of cores begin
INPUT = "input"  # where a sample's events wait outside, and come in one by one
EXTERNAL = "external memory"
Step = tuple[int, int]  # a resource, and how long it is held


class Target(NamedTuple):
    """A core that messages are cast to: the stage that waits for them, their last step, and what they carry."""

    core: int
    stage: str
    at: Step
    load: Load


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

    def __init__(self, mapping: Mapping) -> None:
        self.mapping, self.hardware = mapping, mapping.hardware
        self.stages: dict[str, int] = {"sample": 0}
        self.resources: dict[str, int] = {}
        self.own: set[int] = set()  # resources that serve the chip's own work
        self.emissions: list[Emission] = []
        self.loads: list[Load] = []

    def stage(self, name: str) -> int:
        return self.stages.setdefault(name, len(self.stages))

    def resource(self, name: str) -> int:
        return self.resources.setdefault(name, len(self.resources))

    def link(self, name: str) -> Step:
        return self.resource(name), picoseconds(self.hardware, "hop")

    def links(self, source: int, target: int) -> list[Step]:
        """Return the steps of an event between two cores."""
        return [self.link(name) for name in route(self.hardware.structure, source, target)]

    def core(self, share: CoreShare | Part, *operations: str) -> Step:
        """Return a step at a core that takes at least the time of some operations."""
        fixed = sum(picoseconds(self.hardware, operation) for operation in operations)
        core = self.resource(f"{CORE}{share.core}")
        self.own.add(core)
        return core, fixed

    def outside(self) -> Step:
        """Return a step at external memory."""
        external = self.resource(EXTERNAL)
        self.own.add(external)
        return external, 0

    def emit(self, source: str, target: str, steps: Sequence[Step], load: Load, **more: Any) -> None:
        """Let a stage send messages to another; `more` are `offset` and `copied` of the emission.

        What begins at a core is its own work, which it never loses, unless it is a copy that comes in.
        """
        kept = len(steps) > 0 and steps[0][0] in self.own and more.get("copied") is None
        self.emissions.append(Emission(self.stage(source), self.stage(target), route=tuple(steps), kept=kept, **more))
        self.loads.append(load)

    def cast(
        self,
        source: str,
        first: Sequence[Step],
        core: int,
        targets: Sequence[Target],
        again: Sequence[Step] | None = None,
    ) -> None:
        """Let a stage send each message to several cores: one for each, or one that is copied where their ways part.

        `first` are steps before the first link, and `again` those of messages to all cores but the first one.
        """
        if not self.hardware.structure.multicast:
            for index, one in enumerate(targets):
                begin = first if index == 0 or again is None else again
                self.emit(source, one.stage, [*begin, *self.links(core, one.core), one.at], one.load)
            return
        by_core, begun = {one.core: one for one in targets}, len(self.emissions)
        for number, branch in enumerate(tree(self.hardware.structure, core, by_core)):
            parent, after = branch.parent, branch.after
            if parent is None and first and number > 0:
                parent = 0  # the first steps are taken once: this branch leaves the first one's way after them
            copied = None if parent is None else (begun + parent, len(first) * (parent == 0) + after - 1)
            one, begin = by_core[branch.target], first if number == 0 else ()
            steps = [*begin, *(self.link(name) for name in branch.links), one.at]
            self.emit(source, one.stage, steps, one.load, copied=copied)


def plan(mapping: Mapping) -> Plan:
    """Return the network of a mapping."""
    builder = _Builder(mapping)
    layers = [mapping.shares(layer) for layer in range(len(mapping.demands))]
    _samples_in(builder, layers[0])
    for layer, shares in enumerate(layers):
        last = layer == len(layers) - 1
        _compete(builder, shares, last)
        _learn(builder, shares)
        if not last:
            _transmit(builder, shares, layers[layer + 1])
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
    return -1 if queue is None or resource in (INPUT, PORT, EXTERNAL) else queue


def _samples_in(builder: _Builder, shares: Sequence[CoreShare]) -> None:
    """Let a sample's events come in one after another, and the port send each of them to all cores of the first layer.

    The messages for these cores are one event: only the first of them takes the time between two events.
    """
    interval = picoseconds(builder.hardware, "input")
    outside = [builder.resource(INPUT)] if interval > 0 else []
    entry = builder.resource(PORT), picoseconds(builder.hardware, "hop")
    first, again = ([*((resource, time) for resource in outside), entry] for time in (interval, 0))
    targets = [_hears(builder, "integrated", share, Load("events", share)) for share in shares]
    builder.cast("sample", first, GATE, targets, again)


def _hears(builder: _Builder, stage: str, share: CoreShare, load: Load) -> Target:
    """Return a core that waits at a stage for events, each of which enters it."""
    return Target(share.core, _name(stage, share), builder.core(share, "event_in"), load)


def _compete(builder: _Builder, shares: Sequence[CoreShare], last: bool) -> None:
    """Let the cores that hold the same positions agree on the softmax, and the last layer's response leave."""
    blocks = builder.mapping.blocks(shares[0].layer)
    for share in shares:
        before = _name("integrated", share)
        if moves(builder.mapping, share):
            builder.emit(before, _name("loaded", share), [builder.outside()], Load("loaded", share))
            before = _name("loaded", share)
        builder.emit(before, _name("updated", share), [builder.core(share)], Load("updates", share))
        for parts in blocks:
            part = next((part for part in parts if part.core == share.core), None)
            if part is not None:
                steps = _from_to(builder, part, parts[0], "event_in")
                builder.emit(_name("updated", share), _agreed(part), steps, Load("positions", share, part=part))
    by_core = {share.core: share for share in shares}
    for parts in blocks:
        first, away = parts[0], others(parts)
        home = by_core[first.core]
        builder.emit(_agreed(first), _name("competed", home), [], Load("positions", home, part=first))
        targets = [
            _hears(builder, "competed", by_core[part.core], Load("positions", by_core[part.core], part=part))
            for part in away
        ]
        builder.cast(_agreed(first), [], first.core, targets)
        if last:
            steps = [builder.core(first, "event_out"), *builder.links(first.core, GATE)]
            builder.emit(_agreed(first), "response", steps, Load("one", home))


def _from_to(builder: _Builder, part: Part, home: Part, *operations: str) -> list[Step]:
    """Return the steps of an event from a part's core to another one; none if it is the same core."""
    if part.core == home.core:
        return []
    return [*builder.links(part.core, home.core), builder.core(home, *operations)]


def _learn(builder: _Builder, shares: Sequence[CoreShare]) -> None:
    """Let each core make its output events, and then write its synapses, once copies of a kernel have agreed."""
    for share in shares:
        builder.emit(_name("competed", share), _name("made", share), [builder.core(share)], Load("outputs", share))
        before = _name("made", share)
        if _merge(builder, share, shares):
            before = _name("merged", share)
        if moves(builder.mapping, share):
            builder.emit(before, _name("fetched", share), [builder.outside()], Load("fetched", share))
            before = _name("fetched", share)
        builder.emit(before, f"learned {share.layer}", [builder.core(share)], Load("writes", share))


def _merge(builder: _Builder, share: CoreShare, shares: Sequence[CoreShare]) -> bool:
    """Let a core's copies of kernels be merged with the others; return whether it has any."""
    merged, by_core = False, {share.core: share for share in shares}
    for parts in builder.mapping.copies(share.layer):
        own = next((part for part in parts if part.core == share.core), None)
        if own is None or not others(parts):
            continue
        merged = True
        grown = f"grown {own.layer}, neurons from {own.first}"
        if share.core != parts[0].core:
            steps = [
                builder.core(own, "event_out"),
                *_from_to(builder, own, parts[0], "event_in", "synaptic_operation"),
            ]
            builder.emit(_name("made", share), grown, steps, Load("growth", share, part=own))
            continue
        builder.emit(_name("made", share), grown, [], Load("one", share))
        builder.emit(grown, _name("merged", share), [], Load("one", share))
        targets = [
            _hears(builder, "merged", by_core[part.core], Load("growth", by_core[part.core], part=part))
            for part in others(parts)
        ]
        builder.cast(grown, [builder.core(own, "event_out")], own.core, targets)
    return merged


def _transmit(builder: _Builder, shares: Sequence[CoreShare], following: Sequence[CoreShare]) -> None:
    """Let each core send its events to all cores of the next layer."""
    for share in shares:
        sending = _name("sending", share)
        builder.emit(_name("made", share), sending, [], Load("one", share))
        if builder.mapping.in_turns:
            builder.emit(f"learned {share.layer}", sending, [], Load("one", share))
        targets = [_hears(builder, "integrated", target, Load("sent", target, share)) for target in following]
        builder.cast(sending, [], share.core, targets)


def _gate(builder: _Builder, layers: Sequence[Sequence[CoreShare]]) -> None:
    """Let a sample into a layer only when the layer has learned from the sample before; in turns, the last layer."""
    gate = len(layers) - 1 if builder.mapping.in_turns else 0
    builder.emit(f"learned {gate}", "sample", [], Load("one", layers[0][0]), offset=1)
    for shares, following in pairwise(layers):
        for share in shares:
            sending = _name("sending", share)
            builder.emit(f"learned {following[0].layer}", sending, [], Load("one", share), offset=1)


def _name(stage: str, share: CoreShare) -> str:
    return f"{stage} {share.layer} on core {share.core}"


def _agreed(part: Part) -> str:
    return f"agreed {part.layer}, block {part.block}"


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
        fill = FILLS.get(carried.kind)
        if fill is not None:
            copies[:, emission_index], services[:, emission_index] = fill(carried, mapping, counts)
    if services.max(initial=0) > LONGEST:
        rule = f"so short that no service of a core takes {LONGEST / PICOSECONDS:.0f} s"
        raise ConfigError(f"times of {mapping.hardware.name}", rule, f"{services.max() / PICOSECONDS:.3g} s")
    return copies, services.astype(np.int64)
