"""Novelty for every chip of a fleet: how unusual each sample is to the chip of its own key."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import instance
from neurosim.chip.response import Response
from neurosim.chip.use import USER, OneAtATime, alone
from neurosim.chip.wanted import Wanted
from neurosim.errors import ConfigError
from neurosim.fleet.fleet import Fleet
from neurosim.fleet.hearing import KeyedBatch
from neurosim.fleet.keys import Key
from neurosim.fleet.responses import Heard, OfOneFleet, heard, of_one
from neurosim.fleet.rows import carried_over, rows_for
from neurosim.kernels import novelty as kernel
from neurosim.online.emission import scoring
from neurosim.online.emission.novelty import NO_RESPONSES, NO_STEPS, Scored
from neurosim.state.arrays import Arrays

RECENT = 200  # scores of a key, of which its quantile is taken: 3.2 KB


class FleetNovelty(OneAtATime, OfOneFleet):
    r"""Score samples by how unusual they are to the chip of their key: a `Novelty` for every chip of a fleet.

    For each key, scores and thresholds are bit for bit those of ``ns.Novelty(chip, ..., recent=novelty.recent)`` of a
    separate chip that gets the samples of this key alone: the order of keys, chunks and threads do not matter. With
    "shortfall", the potential u of a sample's winner k, in the chip of its key, is compared with those of before,

    .. math:: z = \frac{\mu_k - u_k}{\sigma_k}

    (of the best neuron that has settled, if the winner has not), where the mean and the deviation are that chip's own
    (`Novelty` has the equations). What is usual for one key says nothing about another.

    What is known of a key is a row of each of a few arrays, that begins when the key appears: 3 (K + 3) + K + 2 R + 3
    numbers of eight bytes, with K neurons in the last layer and R recent scores (`bytes_per_key`). By default that is
    3.8 KB for 16 neurons.

    It is given to `neurosim.run_fleet` as a listener and as a companion; or it is told of responses of `Fleet.take` by
    `learn`, or of `Fleet.learn_one` by `learn_one`.

    One thread at a time may use it; a second one is refused, by ConcurrentUseError. It may look at what is
    known of a key.

    Parameters
    ----------
    fleet : Fleet
    measures : str or sequence of str
        Of "shortfall" and "entropy", as of `Novelty`. "step" is refused: it is the difference of a chip's instruments
        before and after a sample, and of a chunk a fleet keeps those after its last sample alone.
    quantile, horizon, prior, settling
        As of `Novelty`, for each key by itself.
    recent : int, optional
        Scores of a key of which the quantile is taken, at least 1 / (1 - quantile); by default 200, or these if they
        are more. They take 16 bytes each, for each key. The fewer they are, the more samples are called novel: of
        exchangeable scores (R - ceil(quantile R) + 1) / (R + 1), which is 1.5 % with 200 and 1.1 % with 1,000 for a
        quantile of 0.99.

    Attributes
    ----------
    scores, thresholds : float64 (samples,)
        Of the samples that were told of last.
    measured : float64 (samples, 3)
        As of `Novelty`.
    measures : tuple of str
    quantile : float
    recent : int

    Raises
    ------
    ConfigError
        If a constant is out of range, or "step" is asked for.

    Examples
    --------
    >>> import neurosim as ns
    >>> import numpy as np
    >>> fleet = ns.Fleet([ns.recipes.softhebb(4, initial="samples")], inputs=8)
    >>> novelty = ns.FleetNovelty(fleet)
    >>> keys = np.arange(600) % 3  # three sensors, each with a pattern of its own, and some noise
    >>> samples = np.eye(8)[keys] + 0.1 * np.random.default_rng(0).random((600, 8))
    >>> scores = novelty.learn(keys, fleet.take(keys, samples))
    >>> novelty.learn_one(0, fleet.learn_one(0, samples[1])).is_novel  # usual for sensor 1, not for sensor 0
    True
    """

    name = "novelty"

    def __init__(
        self,
        fleet: Fleet,
        measures: str | Sequence[str] = "shortfall",
        *,
        quantile: float = 0.99,
        horizon: int = 1000,
        prior: float = 100.0,
        settling: int = 5,
        recent: int | None = None,
    ) -> None:
        instance("fleet", fleet, Fleet)
        self.measures = scoring.measures_of(measures)
        if "step" in self.measures:
            why = "of a chunk, the step of each sample is not kept; ns.Novelty of a chip alone has it"
            raise ConfigError("measures", "of shortfall, entropy for a fleet", self.measures, why)
        recent = scoring.recent_of(recent, quantile, RECENT)
        self._constants = scoring.constants_of(
            self.measures, quantile=quantile, horizon=horizon, prior=prior, settling=settling, recent=recent
        )
        self._fleet, self.quantile, self.recent = fleet, quantile, recent
        self.wants = Wanted(potentials=True, responses="entropy" in self.measures)
        self._neurons = fleet.layers[-1].neurons
        self._states = scoring.first_state(self._neurons, recent, 0)
        self.scores, self.thresholds, self.measured = np.empty(0), np.empty(0), np.empty((0, 3))

    @property
    def flags(self) -> NDArray[np.bool_]:
        """Which of the samples that were told of last are above their threshold: bool (samples,)."""
        return self.scores > self.thresholds

    @property
    @alone
    def scored(self) -> NDArray[np.int64]:
        """How many samples of each key have a score: int64 (chips,), in the order of `Fleet.keys`."""
        return self._of_all().scored[:, 0].copy()

    @property
    def novel(self) -> int:
        """How many samples of all keys were above their threshold."""
        return int(self._states.scored[:, 1].sum())

    @property
    def bytes_per_key(self) -> int:
        """Bytes that are kept in memory for each key."""
        return sum(array.nbytes for array in scoring.first_state(self._neurons, self.recent, 1))

    def threshold_of(self, key: Key) -> float:
        """Return the threshold of a key's next sample: infinite as long as its scores are too few.

        Raises
        ------
        SampleError
            If the fleet has no such key.
        """
        return float(kernel.threshold_of(self._constants, self._of_key(key)))  # type: ignore[no-untyped-call]

    def scored_of(self, key: Key) -> int:
        """Return how many samples of a key have a score; SampleError, if the fleet has no such key."""
        return int(self._of_key(key).scored[0])

    def novel_of(self, key: Key) -> int:
        """Return how many samples of a key were above their threshold; SampleError, if the fleet has no such key."""
        return int(self._of_key(key).scored[1])

    def score_one(self, key: Key, response: Response) -> float:
        """Return the novelty of one sample by its chip's response; nothing is learned. As `learn_one` otherwise."""
        return self._take_one(key, response, learning=False).novelty

    def learn_one(self, key: Key, response: Response) -> Scored:
        """Return how novel one sample is, and learn from it.

        Parameters
        ----------
        key : str or int
            That the fleet has.
        response : Response
            Of `Fleet.learn_one` to the sample.

        Raises
        ------
        SampleError
            If it is no such response, or the fleet has no such key.
        """
        return self._take_one(key, response, learning=True)

    @alone
    def learn(self, keys: Any, response: Response) -> NDArray[np.float64]:
        """Score samples in their order, and learn from them; return their scores: float64 (samples,).

        Parameters
        ----------
        keys : sequence or array of str or int
            One for each sample.
        response : Response
            Of `Fleet.take` to the samples. Those that it passed over have the score NaN, and teach nothing.

        Raises
        ------
        SampleError
            If it is no such response.
        """
        self._score(heard(self._fleet, keys, response, self._neurons), learning=True)
        return self.scores.copy()

    @alone
    def reset(self, key: Key) -> None:
        """Let what is known of a key begin anew, as `Fleet.reset` its chip; SampleError, if there is no such key."""
        chip, states = self._fleet.index(key), self._of_all()
        for array in states:
            array[chip] = 0

    @alone
    def take(self, batch: KeyedBatch) -> None:
        """Score samples of a run that went through together, in their order, and learn from them.

        Raises
        ------
        ConfigError
            If they are those of other layers.
        """
        results = batch.results
        wanted = results.potentials, *([results.responses] if self.wants.responses else [])
        for array in wanted:
            if array.shape != (len(batch), self._neurons):
                raise ConfigError("results", f"those of {self._neurons} neurons, as this was made for", array.shape)
        self._score(Heard(results.potentials, results.responses, results.winners, batch.chips), learning=True)

    def summary(self) -> dict[str, Any]:
        """Return plain values for the summary of a run."""
        return {"novel": self.novel, "novel_keys": int(np.count_nonzero(self._states.scored[:, 1]))}

    @alone
    def arrays(self, taken: int = 0) -> Arrays:
        """Return what a snapshot keeps: arrays with a row a chip, in the order of `Fleet.keys`, and constants."""
        return scoring.arrays_of(self._constants, self._of_all())

    @alone
    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what a snapshot kept of the same fleet, which is loaded before.

        Raises
        ------
        ValueError
            If it was kept by other constants, or for another fleet.
        """
        states = scoring.first_state(self._neurons, self.recent, len(self._fleet))
        rule = "novelty must be of as many keys, of layers of as many neurons, with as many recent scores"
        scoring.go_on(arrays, self._constants, states, rule)
        self._states = states

    def _take_one(self, key: Key, response: Response, *, learning: bool) -> Scored:
        users, call = self._users, object()
        try:  # as `alone` does, written out as it is quicker
            if users.setdefault(USER, call) is not call:
                raise self._in_use()
            self._score(of_one(self._fleet, key, response, self._neurons), learning=learning)
            score, threshold = float(self.scores[0]), float(self.thresholds[0])
            return Scored(score, threshold, score > threshold)
        finally:
            if USER in users and users[USER] is call:
                del users[USER]

    def _of_all(self) -> kernel.State:
        """Return what is known of each key of the fleet."""
        self._make_room(len(self._fleet))
        return kernel.State._make(array[: len(self._fleet)] for array in self._states)

    def _of_key(self, key: Key) -> kernel.State:
        """Return what is known of a key, and change nothing: a thread may look while another one learns."""
        chip, states = self._fleet.index(key), self._states
        if chip >= len(states.wins):
            return scoring.first_state(self._neurons, self.recent)
        return kernel.State._make(array[chip] for array in states)

    def _make_room(self, chips: int) -> None:
        rows = rows_for(chips, len(self._states.wins), self._fleet.capacity)
        if rows > len(self._states.wins):
            larger = scoring.first_state(self._neurons, self.recent, rows)
            carried_over(self._states, larger)
            self._states = larger  # whole: another thread may look at a key

    def _score(self, samples: Heard, *, learning: bool) -> None:
        count = len(samples.winners)
        self._make_room(int(samples.chips.max(initial=-1)) + 1)
        self.scores, self.thresholds, self.measured = np.empty(count), np.empty(count), np.full((count, 3), np.nan)
        responses = samples.responses if self.wants.responses else NO_RESPONSES
        kernel.score_chips(
            samples.potentials, responses, samples.winners, samples.chips, NO_STEPS, self._constants, self._states,
            learning, self.measured, self.scores, self.thresholds,
        )  # fmt: skip
