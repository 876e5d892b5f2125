"""When each sample is done: counts on a mapping, simulated on the timeline."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import whole
from neurosim.errors import ConfigError
from neurosim.hardware.counting.counts import Counts
from neurosim.hardware.placement.mapping import Mapping
from neurosim.hardware.timeline import simulation
from neurosim.hardware.timeline.flow import CORE, Plan, load, plan
from neurosim.hardware.timeline.power import PICOSECONDS, States, by_the_clock, one_by_one
from neurosim.streams.arrivals import Arrivals

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
BUDGET = 20_000_000  # events of a timeline, unless more samples are asked for
LATEST = 2**61  # picoseconds, some 26 days
BUSIEST = 5
PER_NANOSECOND = 1000
TIMED = ("synaptic_operation", "neuron_update", "exponential", "weight_update", "event_in", "event_out", "hop")


class Schedule(NamedTuple):
    """When each sample was done: of the first samples, as many as were timed.

    Attributes
    ----------
    latency_s : float64 (timed samples,)
        From a sample's arrival until its response leaves.
    waiting_s : float64 (timed samples,)
        The part of the latency until the first layer takes the sample in.
    states : States
        For how long each keeps the chip at work, idle, asleep and waking.
    limit_hz : float or None
        Samples a second when the next one is always available; None where no time passes.
    offered_hz : float or None
        Samples a second that came, the run lasting until the next one; None where each came when the one before was
        done, or all at once, or where a single one was recorded.
    backlog : int
        Most samples that had arrived and had no response yet.
    lost_of : int64 (timed samples,)
        Events of each sample that were lost at full queues.
    sent : int
        Events that were sent, the lost ones included; what cores do of their own is none.
    busiest : tuple of (str, float)
        The busiest cores and links, and the share of the run for which each was busy.
    untimed : tuple of str
        Operations that the description has no time for.
    events : int
        Events that were simulated.
    open_ended : bool
        Whether samples came by the clock, but nothing says when the next one would: the run ends when all are done.
    """

    latency_s: Floats
    waiting_s: Floats
    states: States
    limit_hz: float | None
    offered_hz: float | None
    backlog: int
    lost_of: Whole
    sent: int
    busiest: tuple[tuple[str, float], ...]
    untimed: tuple[str, ...]
    events: int
    open_ended: bool

    @property
    def held_s(self) -> Floats:
        """How long each sample holds the chip, whatever its state: see `States`."""
        return self.states.held_s

    @property
    def lost(self) -> int:
        """Events lost at full queues."""
        return int(self.lost_of.sum())

    @property
    def lost_share(self) -> float:
        """The share of events that were lost, from 0 to 1."""
        return self.lost / max(1, self.sent)

    @property
    def load(self) -> float | None:
        """Samples that come a second over those that the chip can do: above 1, latencies grow as long as it lasts."""
        return None if self.offered_hz is None or self.limit_hz is None else self.offered_hz / self.limit_hz


def schedule(mapping: Mapping, counts: Counts, arrivals: Arrivals, samples: int | None = None) -> Schedule:
    """Simulate a run on the timeline.

    Parameters
    ----------
    mapping : Mapping
    counts : Counts
    arrivals : Closed, Period, Poisson, Bursts or Recorded
    samples : int, optional
        How many samples, from the first; by default as many as some 20 million events allow, but at least one.

    Raises
    ------
    ConfigError
        If `samples` is out of range, or times get too long to be counted in picoseconds.
    """
    planned = plan(mapping)
    copies, services = load(planned, mapping, counts)
    count = _sample_count(planned, copies, samples)
    copies, services = copies[:count], services[:count]
    due = arrivals.due(0, count)
    closed_loop = due is None
    awake = replace(planned.network, sleep_after=None)
    moments = _one_by_one(planned, copies, services) if due is None else _picoseconds(due)
    over = None if closed_loop else int(_picoseconds(np.array([arrivals.until(count)]))[0])
    played = simulation.simulate(awake if closed_loop else planned.network, moments, copies, services)
    # The limit of the rate: all samples arrive at once, so the next one is always available.
    limit = played
    if not (closed_loop and count == 1):
        limit = simulation.simulate(awake, np.zeros(count, np.int64), copies, services)
    end = int(_end(planned, limit) - (moments[0] if limit is played else 0))
    responded = played.fired[:, planned.response]
    done = np.maximum(played.fired[:, planned.learned].max(axis=1), responded)
    timed = mapping.hardware.time
    return Schedule(
        latency_s=(responded - moments) / PICOSECONDS,
        waiting_s=(played.fired[:, 0] - moments) / PICOSECONDS,
        states=_states(mapping, planned, played, (copies, services), (moments, over), done - moments),
        limit_hz=count * PICOSECONDS / end if end else None,
        offered_hz=count * PICOSECONDS / over if over else None,
        backlog=_backlog(moments, responded),
        lost_of=played.lost,
        sent=int(copies[:, [len(emission.route) > emission.kept for emission in planned.network.emissions]].sum()),
        busiest=_busiest(planned, limit, max(1, end)),
        untimed=tuple(name for name in _timed(mapping) if name not in timed),
        events=played.events,
        open_ended=over == 0,
    )


def at_ends(mapping: Mapping, counts: Counts, arrivals: Arrivals, nominal: Schedule) -> tuple[Schedule, Schedule]:
    """Simulate the same samples again with all times low, and with all times high.

    Where no time has such an end, the schedule is the nominal one, and nothing is simulated.

    Parameters
    ----------
    mapping, counts, arrivals
        As for `schedule`.
    nominal : Schedule
        What that returned.

    Returns
    -------
    low, high : Schedule

    Raises
    ------
    ConfigError
        As for `schedule`.
    """
    count = len(nominal.latency_s)
    ends = []
    for end in ("low", "high"):
        changed = mapping.hardware.at(end)
        same = all(changed.time[name].value == time.value for name, time in mapping.hardware.time.items())
        ends.append(nominal if same else _at(end, mapping._replace(hardware=changed), counts, arrivals, count))
    return ends[0], ends[1]


def _at(end: str, mapping: Mapping, counts: Counts, arrivals: Arrivals, count: int) -> Schedule:
    """Return the schedule with all times at one end; an error says at which."""
    try:
        return schedule(mapping, counts, arrivals, count)
    except ConfigError as error:
        name, *rest = error.args
        raise ConfigError(f"{name}, with all times {end},", *rest) from None


def _states(
    mapping: Mapping,
    planned: Plan,
    played: simulation.Timeline,
    work: tuple[Whole, Whole],
    arrivals: tuple[Whole, int | None],
    held: Whole,
) -> States:
    """Return for how long the chip was in which state; without an end of the `arrivals`, each came when it could."""
    network = planned.network
    cores = np.array([name.startswith(CORE) for name in network.resources])
    serving = float(played.busy_ps[cores].sum()) / mapping.hardware.structure.cores
    moments, until = arrivals
    if until is not None:
        return by_the_clock(moments, moments + held, until, network.sleep_after, network.wake, serving)
    own = _served(network, cores, *work)
    return one_by_one(held / PICOSECONDS, own / max(1.0, own.sum()) * serving / PICOSECONDS)


def _served(network: simulation.Network, cores: NDArray[np.bool_], copies: Whole, services: Whole) -> Floats:
    """Return how long cores serve each sample, if it loses no event: float64 (samples,), in ps."""
    own = np.zeros(len(copies))
    for place, emission in enumerate(network.emissions):
        for step, (resource, hold) in enumerate(emission.route, 1):
            if cores[resource]:
                own += copies[:, place] * (hold + services[:, place] * (step == len(emission.route)))
    return own


def _timed(mapping: Mapping) -> tuple[str, ...]:
    """Return the operations that take time on a chip."""
    more = [] if mapping.hardware.memory is None else ["memory_access"]
    return (*TIMED, *more, *(["external_bit"] if mapping.goes_outside else []))


def _sample_count(planned: Plan, copies: Whole, samples: int | None) -> int:
    """Return how many samples to simulate."""
    if samples is not None:
        whole("timed_samples", samples, 1)
        return min(samples, len(copies))
    steps = np.array([len(emission.route) for emission in planned.network.emissions], np.int64)
    return max(1, int(np.searchsorted(np.cumsum(copies @ steps), BUDGET, side="right")))


def _one_by_one(planned: Plan, copies: Whole, services: Whole) -> Whole:
    """Return arrivals so far apart that samples never overlap: each gets the time of all its work on one server."""
    emissions = planned.network.emissions
    fixed = np.array([sum(hold for _, hold in emission.route) for emission in emissions], np.int64)
    work = copies.astype(np.float64) * (fixed + services)
    ends = np.cumsum(work.sum(axis=1))
    if ends[-1] > LATEST:
        raise ConfigError("timed_samples", f"so few that they take less than {LATEST / PICOSECONDS:.0f} s", len(copies))
    starts = np.ceil(ends).astype(np.int64) - np.ceil(work.sum(axis=1)).astype(np.int64)
    moments: Whole = starts + np.arange(len(starts))
    return moments


def _picoseconds(due: Whole) -> Whole:
    """Return arrivals on the timeline's clock, from 0."""
    if due[-1] > LATEST // PER_NANOSECOND:
        rule = f"within {LATEST / PICOSECONDS:.0f} s of the first, the longest time there is in picoseconds"
        raise ConfigError("arrivals", rule, f"{due[-1] / 1e9:.0f} s")
    return due * PER_NANOSECOND


def _end(planned: Plan, played: simulation.Timeline) -> int:
    """Return when the last sample was done."""
    return int(max(played.fired[:, planned.learned].max(), played.fired[:, planned.response].max()))


def _backlog(moments: Whole, responded: Whole) -> int:
    """Return the most samples that had arrived and had no response yet."""
    done = np.searchsorted(np.sort(responded), moments, side="right")
    return int((np.arange(1, len(moments) + 1) - done).max())


def _busiest(planned: Plan, played: simulation.Timeline, end: int) -> tuple[tuple[str, float], ...]:
    """Return the busiest cores and links, which limit the rate, and the share of the time that each is busy."""
    order = np.argsort(-played.busy_ps, kind="stable")[:BUSIEST]
    return tuple((planned.network.resources[resource], float(played.busy_ps[resource] / end)) for resource in order)
