"""The timeline: samples go through a network of servers and queues, event by event, in whole picoseconds.

The network knows nothing of neurons: resources serve messages, stages wait for messages and send others.
docs/timeline.md defines the order of events, including that of simultaneous ones.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.checks import LARGEST
from neurosim.errors import ConfigError
from neurosim.hardware.timeline.network import LATEST
from neurosim.hardware.timeline.network import Emission as Emission
from neurosim.hardware.timeline.network import Network as Network
from neurosim.hardware.timeline.stages import circle
from neurosim.kernels import timeline as kernel
from neurosim.outside.arrays import WHOLE, numbers, plain_array

Whole = NDArray[np.int64]
Progress = Callable[[int, int], object]
SLICE = 1 << 19  # events after which the loop returns, so that Ctrl-C is noticed: some 100 ms
MESSAGES = 1 << 10  # messages that memory is allocated for at first; it grows when needed


@dataclass(frozen=True, slots=True)
class Timeline:
    """The results of a simulation.

    Attributes
    ----------
    fired : int64 (samples, stages)
        When each stage fired, in picoseconds.
    lost : int64 (samples,)
        Messages lost at full queues.
    waited : int64 (samples,)
        Total waiting time of a sample's messages, in picoseconds: from the end of a service, or from being sent, to the
        beginning of the next service.
    busy_ps : int64 (resources,)
        How long each resource served.
    blocked_ps : int64 (resources,)
        How long each resource was occupied by a message that it had served and that had to wait for a full queue.
    served : int64 (resources,)
        Messages that each resource served.
    longest_queue : int64 (resources,)
        Most messages that waited in its queue at once.
    events : int
        Services of all resources.
    """

    fired: Whole
    lost: Whole
    waited: Whole
    busy_ps: Whole
    blocked_ps: Whole
    served: Whole
    longest_queue: Whole
    events: int


def simulate(
    network: Network, arrivals: ArrayLike, copies: ArrayLike, services: ArrayLike, progress: Progress | None = None
) -> Timeline:
    """Simulate samples going through a network.

    Parameters
    ----------
    network : Network
    arrivals : int (samples,)
        When each sample arrives, in picoseconds, not decreasing.
    copies : int (samples, emissions)
        Messages that each emission sends, below 2**31.
    services : int (samples, emissions)
        How long the last step of each emission's route takes on top of its hold, in picoseconds.
    progress : callable, optional
        Called from time to time with how many stages have fired, and how many will in total.

    Returns
    -------
    Timeline

    Raises
    ------
    ConfigError
        If an array has another shape, is not of whole numbers, or is out of range; if a moment, or the total waiting
        time of a sample's messages, exceeds 2**62 - 1 ps; if messages wait for each other in a circle; or if they do
        not fit in memory.
    """
    work = _work(network, arrivals, copies, services)
    compiled = _compiled(network)
    state = _begin(network, work)
    while True:
        outcome = kernel.advance(compiled, work, state, SLICE)
        if progress is not None:
            progress(int(state.clock[kernel.FIRED]), state.fired.size)
        if outcome == kernel.DONE:
            break
        if outcome == kernel.FULL:
            state = _enlarged(state)
        elif outcome != kernel.PAUSED:
            _refuse(outcome, state)
    _check_free(network, compiled, state)
    return _result(state)


def _work(network: Network, arrivals: ArrayLike, copies: ArrayLike, services: ArrayLike) -> kernel.Work:
    """Check the arrays, and return them as the loop reads them."""
    due = _whole("arrivals", arrivals, None, LATEST)
    if np.any(due[1:] < due[:-1]):
        raise ConfigError("arrivals", "in order", int(due[1:][due[1:] < due[:-1]][0]), "sort them")
    shape = (due.size, len(network.emissions))
    longest = _whole("services", services, shape, LATEST)
    for index, emission in enumerate(network.emissions):
        most = int(longest[:, index].max(initial=0))
        if not emission.route and most > 0:
            raise ConfigError("services", f"0 for emission {index}, whose route is empty", most)
        if emission.route and most + emission.route[-1][1] > LATEST:
            raise ConfigError("services", "below 2**62 ps together with the hold of the route", most)
    messages = _whole("copies", copies, shape, LARGEST)
    for index, emission in enumerate(network.emissions):
        if emission.copied is not None and np.any(messages[:, index] != messages[:, emission.copied[0]]):
            raise ConfigError("copies", f"the same for emission {index} as for {emission.copied[0]}, which it copies",
                              int(messages[:, index].max(initial=0)))  # fmt: skip
    return kernel.Work(due, messages, longest)


def _whole(name: str, values: ArrayLike, shape: tuple[int, int] | None, most: int) -> Whole:
    """Return whole numbers from 0 to `most` as int64, or raise ConfigError."""
    array = plain_array(name, values, ConfigError)
    if (shape is None and array.ndim != 1) or (shape is not None and array.shape != shape):
        expected = "one for each sample" if shape is None else f"{shape[0]} samples x {shape[1]} emissions"
        raise ConfigError(f"shape of {name}", expected, array.shape)
    if array.size > 0:
        numbers(name, array, WHOLE, refuse=ConfigError)
    for value in (array.min(initial=0), array.max(initial=0)):
        if not 0 <= int(value) <= most:
            raise ConfigError(name, f"at least 0 and at most {most}", int(value))
    return np.require(array, np.int64, ["C", "A", "W"])


def _compiled(network: Network) -> kernel.Network:
    """Return a network as the loop reads it."""
    steps: list[tuple[int, int, int, int, int]] = []
    emissions = np.full((len(network.emissions), 4), -1, np.int64)
    for index, emission in enumerate(network.emissions):
        is_copy = int(emission.copied is not None)
        emissions[index] = len(steps) if emission.route else -1, emission.target, emission.offset, is_copy
        for i, (resource, hold) in enumerate(emission.route):
            ends = index if i + 1 == len(emission.route) else -1
            steps.append(
                (resource, hold, ends, emission.route[i - 1][0] if i > 0 else -1, int(emission.kept and i == 0))
            )
    sources = np.array([emission.source for emission in network.emissions], np.int64)
    outgoing = np.argsort(sources, kind="stable")
    starts = np.searchsorted(sources[outgoing], np.arange(len(network.stages) + 1))
    copied, copied_starts, fallen, fallen_starts = _copies(network)
    return kernel.Network(
        capacities=np.array(network.capacities, np.int64),
        blocks=int(network.policy == "block"),
        steps=np.array(steps, np.int64).reshape(-1, 5),
        emissions=emissions,
        outgoing=outgoing,
        starts=starts,
        copied=copied,
        copied_starts=copied_starts,
        fallen=fallen,
        fallen_starts=fallen_starts,
        sleep_after=-1 if network.sleep_after is None else network.sleep_after,
        wake=network.wake,
    )


def _copies(network: Network) -> tuple[Whole, Whole, Whole, Whole]:
    """Return what begins when a message ends a step, and what never begins if it is lost on its way there.

    Emissions for each step of each route, one after the other, and where each step's begin: `copied`, `copied_starts`,
    `fallen`, `fallen_starts` of the loop's network.
    """
    children: dict[int, list[tuple[int, int]]] = {}  # of each emission: after which step which one is copied from it
    for index, emission in enumerate(network.emissions):
        if emission.copied is not None:
            children.setdefault(emission.copied[0], []).append((emission.copied[1], index))

    def below(index: int, step: int) -> list[int]:
        own = [child for after, child in children.get(index, ()) if after >= step]
        return own + [deeper for child in own for deeper in below(child, 0)]

    copied, fallen = list[int](), list[int]()
    starts, fallen_starts = [0], [0]
    for index, emission in enumerate(network.emissions):
        for step in range(len(emission.route)):
            copied += [child for after, child in children.get(index, ()) if after == step]
            fallen += sorted(below(index, step))
            starts.append(len(copied))
            fallen_starts.append(len(fallen))
    return tuple(np.array(found, np.int64) for found in (copied, starts, fallen, fallen_starts))  # type: ignore[return-value]


def _begin(network: Network, work: kernel.Work) -> kernel.State:
    """Return the state before the first event."""
    samples, stages, leaves = work.arrivals.size, len(network.stages), 1
    while leaves < len(network.resources):
        leaves *= 2
    clock = np.zeros(kernel.CLOCK, np.int64)
    clock[[kernel.READY, kernel.LAST_READY, kernel.FREE, kernel.TOO_LONG]] = -1
    servers = np.zeros((len(network.resources), kernel.SERVER), np.int64)
    servers[:, [kernel.SERVING, kernel.HEAD, kernel.TAIL, kernel.DOOR]] = -1
    due = np.full((leaves, 2), kernel.NEVER, np.int64)
    tree = np.zeros(2 * leaves, np.int64)
    tree[leaves:] = np.arange(leaves)
    for node in range(leaves - 1, 0, -1):
        tree[node] = tree[2 * node]
    return kernel.State(
        clock=clock,
        servers=servers,
        due=due,
        tree=tree,
        messages=np.zeros((MESSAGES, 4), np.int64),
        missing=_missing(network, work),
        fired=np.full((samples, stages), -1, np.int64),
        lost=np.zeros(samples, np.int64),
        waited=np.zeros(samples, np.int64),
        sending=np.zeros(len(network.emissions), np.int64),
    )


def _missing(network: Network, work: kernel.Work) -> Whole:
    """Return how many deliveries each stage waits for: every message, and one more for each emission to it."""
    missing = np.zeros((work.arrivals.size, len(network.stages)), np.int64)
    missing[:, 0] = 1
    for index, emission in enumerate(network.emissions):
        count = len(missing) - emission.offset
        missing[emission.offset :, emission.target] += work.copies[: max(0, count), index] + 1
    return missing


def _enlarged(state: kernel.State) -> kernel.State:
    """Return the state with memory for more messages."""
    wanted = int(state.clock[kernel.WANTED])
    try:
        messages = np.zeros((max(wanted, 2 * len(state.messages)), 4), np.int64)
    except MemoryError:
        rule = "so few that all messages on their way fit in memory, 32 bytes each"
        raise ConfigError("copies", rule, wanted) from None
    messages[: len(state.messages)] = state.messages
    return state._replace(messages=messages)


def _refuse(outcome: int, state: kernel.State) -> None:
    """Raise the error that stopped the loop."""
    if outcome == kernel.LATE:
        moment = int(state.due[state.tree[1], kernel.MOMENT])
        raise ConfigError(
            "every moment", "before 2**62 ps, some 53 days", moment, "take fewer samples or shorter holds"
        )
    sample = int(state.clock[kernel.TOO_LONG])
    rule = f"below 2**62 ps for all messages of sample {sample} together"
    raise ConfigError("waiting", rule, int(state.waited[sample]), "let samples arrive further apart, or take fewer")


def _check_free(network: Network, compiled: kernel.Network, state: kernel.State) -> None:
    """Refuse a run at whose end messages still wait for each other: a deadlock."""
    occupied = np.flatnonzero(state.servers[:, kernel.SERVING] >= 0)
    if not len(occupied):
        return
    steps = state.messages[state.servers[:, kernel.SERVING], kernel.STEP]
    waits_for = compiled.steps[steps, kernel.RESOURCE]
    names = [network.resources[resource] for resource in circle(int(occupied[0]), waits_for.__getitem__)]
    moment = int(state.clock[kernel.NOW])
    rule = f"free of deadlock, but at {moment} ps nothing can go on, as each of these waits for room in the next"
    raise ConfigError("network", rule, " -> ".join(names), "give their queues more places, or let messages drop")


def _result(state: kernel.State) -> Timeline:
    servers = state.servers
    return Timeline(
        fired=state.fired,
        lost=state.lost,
        waited=state.waited,
        busy_ps=servers[:, kernel.BUSY].copy(),
        blocked_ps=servers[:, kernel.BLOCKED].copy(),
        served=servers[:, kernel.SERVED].copy(),
        longest_queue=servers[:, kernel.LONGEST].copy(),
        events=int(state.clock[kernel.SERVICES]),
    )
