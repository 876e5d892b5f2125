"""Novelty: how unusual each sample is to a chip, told before the chip and the measure learn from it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import instance
from neurosim.chip.chip import Chip
from neurosim.chip.response import Response
from neurosim.chip.use import USER, OneAtATime, alone
from neurosim.chip.wanted import Wanted
from neurosim.engine.results import Results
from neurosim.errors import ConfigError, SampleError
from neurosim.kernels import novelty as kernel
from neurosim.online.emission import scoring
from neurosim.online.listener import Batch, check_layer
from neurosim.state.arrays import Arrays

RECENT = 1000  # scores, of which the quantile is taken
NO_STEPS, NO_RESPONSES = np.zeros((2, 0), np.float32), np.zeros((0, 0), np.float32)


class Scored(NamedTuple):
    """How unusual a sample is.

    Attributes
    ----------
    novelty : float
        Its score, in deviations from what is usual: about 0 for a usual sample, large for a novel one. NaN where no
        neuron has a potential: for a sample of zeros, and for one that comes before there are weights.
    threshold : float
        The quantile of the scores before it; infinite as long as these are too few.
    is_novel : bool
        Whether the score is above the threshold.
    """

    novelty: float
    threshold: float
    is_novel: bool


class Novelty(OneAtATime):
    r"""Score samples by how unusual they are to a chip's last layer, at a cost of O(neurons) a sample.

    The score of a sample is the sum of its measures, each in deviations from what is usual for it:

    - "shortfall": by how much the potential u of the winner k is below those with which it won before,

      .. math:: z = \frac{\mu_k - u_k}{\sigma_k}, \qquad a_k = \frac{n_k}{n_k + P}, \qquad
          \mu_k = a_k m_k + (1 - a_k) m, \qquad
          \sigma_k^2 = a_k (v_k + (m_k - \mu_k)^2) + (1 - a_k) (v + (m - \mu_k)^2)

      with the running mean :math:`m_k` and variance :math:`v_k` of the :math:`n_k` potentials with which the neuron
      won, and m and v of those of all winners. So a neuron that has won rarely is judged by the whole layer's
      distribution, and P says how soon by its own. If the winner has not settled yet, so that :math:`n_k = 0`, its
      potential says how long its first weights are, not how well the sample fits: then k is the neuron of the largest
      potential among those with :math:`n_k > 0`, or the winner, if there is none;
    - "entropy": how evenly neurons respond, :math:`H(p) / \ln K` with :math:`p_k = |y_k| / \sum_l |y_l|`: 1 if all K
      respond alike, 0 if one does alone;
    - "step": how far the sample moved the weights, :math:`\ln \sum_k \|\Delta w_k\|`, by the layer's instruments.

    From the last two, their own running mean is subtracted, and they are divided by their running deviation. All
    distributions are robust running ones (`neurosim.kernels.novelty`): beyond `horizon` values they forget, and a
    value beyond three deviations counts as one at three.

    A sample is scored by what was known before it. Then it is learned: the threshold of the next sample is the quantile
    of the `recent` scores up to this one. The bits do not depend on how samples are cut into chunks.

    It is given to `neurosim.run` as a `listener`, and as one of `companions`, so that a run that is resumed goes on
    with the same scores; or to `neurosim.watch` as `novelty`; or it is told of each `Response` by `learn_one`.

    One thread at a time may use it; a second one is refused, by ConcurrentUseError.

    Parameters
    ----------
    chip : Chip
        Its last layer is dense.
    measures : str or sequence of str
        Of "shortfall", "entropy" and "step". With "step", samples must come one at a time, and learn: `learn_one` of
        the chip before that of this, or `run` with `chunk=1`.
    quantile : float
        Of the threshold, from 0.5 to below 1: 0.99 calls about one sample in a hundred novel.
    horizon : int
        Values, at least 2, after which a distribution forgets: a neuron's wins for its own, samples for the others.
    prior : float
        P, at least 0, in wins.
    settling : int
        The first wins of a neuron, which teach nothing: its weights still move. Until then others judge its samples.
    recent : int, optional
        Scores of which the quantile is taken, at least 1 / (1 - quantile); by default 1,000, or these if they are more.

    Attributes
    ----------
    scores, thresholds : float64 (samples,)
        Of the samples that were told of last.
    measured : float64 (samples, 3)
        Their winners' potentials, entropies and logarithms of steps; NaN for what is no measure.

    Raises
    ------
    ConfigError
        If a constant is out of range; if the chip ends in images; if "step" is asked of a layer that keeps no
        instruments, or is not on the CPU.

    Examples
    --------
    >>> import neurosim as ns
    >>> chip = ns.Chip([ns.recipes.softhebb(20)], inputs=64)
    >>> novelty = ns.Novelty(chip)
    >>> for x, label in ns.open_stream("digits"):
    ...     scored = novelty.learn_one(chip.learn_one(x))
    """

    name = "novelty"

    def __init__(
        self,
        chip: Chip,
        measures: str | Sequence[str] = "shortfall",
        *,
        quantile: float = 0.99,
        horizon: int = 1000,
        prior: float = 100.0,
        settling: int = 5,
        recent: int | None = None,
    ) -> None:
        instance("chip", chip, Chip)
        self.measures = scoring.measures_of(measures)
        recent = scoring.recent_of(recent, quantile, RECENT)
        self._constants = scoring.constants_of(
            self.measures, quantile=quantile, horizon=horizon, prior=prior, settling=settling, recent=recent
        )
        _check_layer(chip, self.measures)
        self._chip, self.quantile, self.recent = chip, quantile, recent
        self.wants = Wanted(potentials=True, responses="entropy" in self.measures)
        neurons = chip.layers[-1].shape[0]
        self._state = scoring.first_state(neurons, recent)
        self._state.moved[0] = self._moved()
        one = np.zeros((1, neurons), np.float32)
        self._single = Results(one, one.copy(), np.zeros(1, np.int64), NO_RESPONSES)
        self._room(1)

    @property
    def threshold(self) -> float:
        """The threshold of the next sample: infinite as long as scores are too few."""
        return float(kernel.threshold_of(self._constants, self._state))  # type: ignore[no-untyped-call]

    @property
    def novel(self) -> int:
        """How many samples were above their threshold."""
        return int(self._state.scored[1])

    @property
    def needs_learning(self) -> bool:
        """Whether "step" is a measure: a chip that only responds takes none."""
        return "step" in self.measures

    @property
    def flags(self) -> NDArray[np.bool_]:
        """Which of the samples that were told of last are above their threshold: bool (samples,)."""
        return self.scores > self.thresholds

    def score_one(self, response: Response) -> float:
        """Return the novelty of a sample by the chip's response to it; nothing is learned.

        Parameters
        ----------
        response : Response
            Of this chip to one sample, by `learn_one` or `respond_one`. With "step", the former, before this learns it.

        Raises
        ------
        SampleError
            If it is no such response.
        """
        return self._take_one(response, learning=False).novelty

    def learn_one(self, response: Response) -> Scored:
        """Return how novel a sample is, and learn from it; as `score_one` otherwise."""
        return self._take_one(response, learning=True)

    def check_chip(self, chip: Chip) -> None:
        """Refuse a chip of another last layer; with "step", any other chip.

        Raises
        ------
        ConfigError
            If its last layer has not as many inputs and neurons.
        """
        check_layer(self.name, chip, self._chip)
        if "step" in self.measures and chip is not self._chip:
            raise ConfigError(self.name, "of the very chip that learns", "one of another", "'step' reads its weights")

    @alone
    def take(self, batch: Batch) -> None:
        """Score samples that went through together, in their order, and learn from them; `scores` then has theirs.

        Raises
        ------
        ConfigError
            If they are several, and "step" is a measure.
        """
        if self._constants.measures & kernel.MOVEMENT and len(batch) > 1:
            raise ConfigError("chunk", "1 with the measure 'step'", len(batch), "it is of single samples")
        self._score(batch.results, learning=True)

    def summary(self) -> dict[str, Any]:
        """Return plain values for the summary of a run."""
        return {"novel": self.novel, "novelty_threshold": None if np.isinf(self.threshold) else self.threshold}

    @alone
    def arrays(self, taken: int) -> Arrays:
        """Return what a snapshot keeps."""
        return scoring.arrays_of(self._constants, self._state)

    @alone
    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what a snapshot kept of the same chip, which is loaded before.

        Raises
        ------
        ValueError
            If it was kept by other constants, or for another layer.
        """
        rule = "novelty must be of a layer of as many neurons, with as many recent scores"
        scoring.go_on(arrays, self._constants, self._state, rule)
        self._state.moved[0] = self._moved()

    def _steps(self) -> NDArray[np.float32]:
        """Return the sum of the steps that each neuron of the last layer has made, as its loop keeps it."""
        if "step" not in self.measures:
            return NO_STEPS
        steps: NDArray[np.float32] = self._chip.layers[-1].state.steps
        return steps

    def _moved(self) -> float:
        """Return the length of all steps so far, as the kernel sums them up."""
        return float(kernel.length_of_steps(self._steps()))  # type: ignore[no-untyped-call]

    def _take_one(self, response: Response, *, learning: bool) -> Scored:
        users, call = self._users, object()
        try:  # as `alone` does, written out as it is quicker
            if users.setdefault(USER, call) is not call:
                raise self._in_use()
            self._score(self._one(response), learning=learning)
            score, threshold = float(self.scores[0]), float(self.thresholds[0])
            return Scored(score, threshold, score > threshold)
        finally:
            if USER in users and users[USER] is call:
                del users[USER]

    def _one(self, response: Response) -> Results:
        """Return a response to one sample as the results of a chunk, in memory that is ready."""
        if type(response) is not Response or np.shape(response.potentials) != self._state.wins.shape:
            raise SampleError(
                f"response must be that of this chip, of {len(self._state.wins)} neurons, to one sample; learn_one is "
                f"called for each"
            )
        potentials, responses, winners, _, _, _ = self._single
        potentials[0], responses[0], winners[0] = response.potentials, response.responses, response.winner
        return self._single

    def _room(self, samples: int) -> None:
        self.scores, self.thresholds, self.measured = np.empty(samples), np.empty(samples), np.empty((samples, 3))

    def _score(self, results: Results, *, learning: bool) -> None:
        if len(self.scores) != len(results.winners):
            self._room(len(results.winners))
        neurons, count = len(self._state.wins), len(results.winners)
        responses = results.responses if self.wants.responses else NO_RESPONSES
        if results.potentials.shape != (count, neurons) or responses.shape not in (
            NO_RESPONSES.shape,
            (count, neurons),
        ):
            raise ConfigError("results", f"those of {neurons} neurons, as this was made for", results.potentials.shape)
        kernel.score(
            results.potentials, responses, results.winners, self._steps(), self._constants, self._state, learning,
            self.measured, self.scores, self.thresholds,
        )  # fmt: skip


def _check_layer(chip: Chip, measures: Sequence[str]) -> None:
    """Refuse a last layer that has not what the measures are of."""
    layer = chip.layers[-1]
    if len(layer.shape) != 1:
        raise ConfigError("novelty", "of a chip whose last layer is dense", f"one of the shape {layer.shape}")
    if "step" in measures:
        if not layer.constants.instruments:
            raise ConfigError("instruments", "True for the measure 'step', which they keep", False)
        if layer.device != "cpu":
            raise ConfigError("device", "'cpu' for the measure 'step'", layer.device)
