"""For how long a described chip is at work, idle, asleep and waking: the gaps between the samples of a timeline."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
PICOSECONDS = 1e12


class States(NamedTuple):
    """How long each sample keeps the chip in each state, in seconds: float64 (samples,) each.

    Without arrivals a sample keeps it at work from its arrival until all layers have learned from it. With arrivals
    each gets an equal share of the whole run, which lasts until the sample after the last one comes, or until all is
    learned if that is later.

    Attributes
    ----------
    active_s
        There is a sample on the chip.
    idle_s
        There is none, and the chip is awake.
    asleep_s
    waking_s
    wakes
        How often it woke; no time.
    serving_s
        How long a core served something, the mean over all cores of the chip; a part of `active_s`.
    """

    active_s: Floats
    idle_s: Floats
    asleep_s: Floats
    waking_s: Floats
    wakes: Floats
    serving_s: Floats

    @property
    def held_s(self) -> Floats:
        """All of the time: float64 (samples,)."""
        return self.active_s + self.idle_s + self.asleep_s + self.waking_s

    def summary(self) -> dict[str, float]:
        """Return means over the samples, in seconds, and of how often the chip woke."""
        return {name: float(values.mean()) for name, values in self._asdict().items()}


def one_by_one(held: Floats, serving: Floats) -> States:
    """Return the states where each sample comes when the one before is done: there are no gaps."""
    none = np.zeros(len(held))
    return States(held, none, none, none, none, serving)


def by_the_clock(
    arrivals: Whole, done: Whole, until: int, sleep_after: int | None, wake: int, serving: float
) -> States:
    r"""Return the states of a run whose samples come by the clock.

    A gap lasts from the moment at which all samples so far are done until the next arrival, that of the sample after
    the last one included. It is idle; of a gap that is longer than `sleep_after`, what is beyond that is asleep, and
    then the chip takes `wake` to wake. The first sample finds it awake, and in return the chip wakes within the last
    gap: so a run costs the same a sample however long it is.

    Parameters
    ----------
    arrivals, done : int64 (samples,)
        When each sample came, and when all had been learned from it, in ps.
    until : int
        When the sample after the last one comes, in ps.
    sleep_after : int or None
        In ps; None: the chip never sleeps.
    wake : int
        In ps.
    serving : float
        How long a core served something in the whole run, the mean over all cores, in ps.

    Returns
    -------
    States
        In seconds.
    """
    count = len(arrivals)
    gaps = np.maximum(np.append(arrivals[1:], until) - np.maximum.accumulate(done), 0)
    long = gaps > sleep_after if sleep_after is not None else np.zeros(len(gaps), np.bool_)
    wakes = int(np.count_nonzero(long))
    beyond = int(gaps[long].sum()) - (sleep_after or 0) * wakes
    within_last = min(wake, int(gaps[-1]) - (sleep_after or 0)) if long[-1] else 0
    idle, asleep = int(gaps.sum()) - beyond, beyond - within_last
    waking = within_last + wake * int(np.count_nonzero(long[:-1]))
    active = max(1, until, int(done.max())) - int(arrivals[0]) - idle - asleep - waking
    each = [np.full(count, time / PICOSECONDS / count) for time in (active, idle, asleep, waking, serving)]
    return States(each[0], each[1], each[2], each[3], np.full(count, wakes / count), each[4])
