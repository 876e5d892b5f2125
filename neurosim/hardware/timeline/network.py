"""A network of servers and queues: its elements, and checks that it can run."""

from dataclasses import dataclass

from neurosim.checks import LARGEST, one_of, truth, whole
from neurosim.errors import ConfigError
from neurosim.hardware.timeline import stages

POLICIES = ("drop", "block")
LATEST = 2**62 - 1  # picoseconds, some 53 days; two such times together still fit in 64 bits


@dataclass(frozen=True, slots=True)
class Emission:
    """What a stage sends when it fires: messages that travel along a route and are delivered to another stage.

    Parameters
    ----------
    source, target : int
        Indices of the stages in the network.
    offset : int
        0: the target belongs to the same sample; 1: to the next one.
    route : tuple of (int, int)
        Indices of resources, and how long each is held, in picoseconds. Empty: messages arrive at once.
    kept : bool
        Whether messages are never lost at the first resource, as its own work is not: they wait for a full queue.
    copied : (int, int), optional
        An earlier emission of the same stage, and a step of its route: each message is a copy of one of its messages,
        made when that ends this step. By default the stage sends the messages itself.

    Raises
    ------
    ConfigError
        If a number is not whole, or out of range.
    """

    source: int
    target: int
    offset: int = 0
    route: tuple[tuple[int, int], ...] = ()
    kept: bool = False
    copied: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        whole("source", self.source, 0, LARGEST)
        whole("target", self.target, 0, LARGEST)
        whole("offset", self.offset, 0, 1)
        truth("kept", self.kept)
        for step in self.route if isinstance(self.route, tuple) else (self.route,):
            if not isinstance(step, tuple) or len(step) != 2:
                raise ConfigError("route", "pairs of a resource and a hold in picoseconds", step)
            whole("resource of a route", step[0], 0, LARGEST)
            whole("hold of a route", step[1], 0, LATEST)
        if self.copied is not None:
            if not isinstance(self.copied, tuple) or len(self.copied) != 2:
                raise ConfigError("copied", "an emission and a step of its route", self.copied)
            whole("emission that is copied", self.copied[0], 0, LARGEST)
            whole("step after which a message is copied", self.copied[1], 0, LARGEST)
            if not self.route:
                raise ConfigError("route", "of at least one step where messages are copies", self.route)


@dataclass(frozen=True, slots=True)
class Network:
    """Resources with queues, stages, and what stages send.

    Parameters
    ----------
    resources : tuple of str
        Names; each serves one message at a time, in the order in which they arrive.
    capacities : tuple of int
        How many messages may wait at each resource, besides the one in service; -1: any number.
    policy : {"drop", "block"}
        What happens to a message at a full queue: it is lost, or it waits, and so does the resource that it comes from.
    stages : tuple of str
        Names; the first one fires when a sample arrives.
    emissions : tuple of Emission
        In the order in which a stage sends them.
    sleep_after : int, optional
        Picoseconds without any message after which the network sleeps; by default it never does.
    wake : int
        Picoseconds from the arrival at which it wakes until the sample's first stage fires, and that of samples which
        arrive meanwhile.

    Raises
    ------
    ConfigError
        If a number is out of range, or a stage never fires: nothing is sent to it, or it waits for itself.
    """

    resources: tuple[str, ...]
    capacities: tuple[int, ...]
    policy: str
    stages: tuple[str, ...]
    emissions: tuple[Emission, ...]
    sleep_after: int | None = None
    wake: int = 0

    def __post_init__(self) -> None:
        one_of("policy", self.policy, POLICIES)
        for name in ("sleep_after", "wake"):
            if getattr(self, name) is not None:
                whole(name, getattr(self, name), 0, LATEST)
        if not self.stages:
            raise ConfigError("stages", "at least one", self.stages)
        if len(self.capacities) != len(self.resources):
            raise ConfigError("capacities", f"one for each of {len(self.resources)} resources", len(self.capacities))
        for capacity in self.capacities:
            whole("capacity", capacity, -1, LARGEST)
        for index, emission in enumerate(self.emissions):
            self._check(emission)
            if emission.copied is not None:
                self._check_copied(index, *emission.copied)
        stages.check(self.stages, [(e.source, e.target) for e in self.emissions if e.offset == 0])

    def _check(self, emission: Emission) -> None:
        if not isinstance(emission, Emission):
            raise ConfigError("emissions", "of the class Emission", emission)
        for name, stage in (("source", emission.source), ("target", emission.target)):
            if stage >= len(self.stages):
                raise ConfigError(f"{name} of an emission", f"one of {len(self.stages)} stages", stage)
        for resource, _ in emission.route:
            if resource >= len(self.resources):
                raise ConfigError("resource of a route", f"one of {len(self.resources)} resources", resource)

    def _check_copied(self, index: int, original: int, step: int) -> None:
        """Refuse copies of what comes later, of another stage's, or after a step that the route does not have."""
        if original >= index or self.emissions[original].source != self.emissions[index].source:
            raise ConfigError("emission that is copied", "an earlier one of the same stage", original)
        if step >= len(self.emissions[original].route):
            steps = len(self.emissions[original].route)
            raise ConfigError("step after which a message is copied", f"one of the {steps} of its route", step)
