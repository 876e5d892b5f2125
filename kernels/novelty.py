r"""How unusual each sample is to a layer: its measures against their own running distributions, and a running quantile.

A distribution is a row of three numbers, :math:`(n, m, v)`: how many values it knows, no more than a horizon, their
running mean and their running variance. A value x moves it by

.. math:: n \leftarrow \min(n + 1, H), \quad m \leftarrow m + \frac{d}{n}, \quad
    v \leftarrow v + \frac1n \Big( \big( 1 - \frac1n \big) d^2 - v \Big), \quad d = x - m

(the plain mean and variance of all values up to the horizon, then those of an exponential window). A value beyond
three deviations moves it as one at three does, so that what is novel hardly widens what counts as usual. Arithmetic is
float64, sums have a fixed order: equal input gives equal bits, however samples are cut into chunks.

References
----------
Finch, Incremental calculation of weighted mean and variance, University of Cambridge (2009), the update; Huber, Annals
of Mathematical Statistics 35 (1964) 73, values that count only up to a limit.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.kernels.compiled import cell, compiled, inlined

NUMBER, MEAN, VARIANCE = 0, 1, 2  # columns of a distribution
POOLED, ENTROPY, STEP, OTHERS = 0, 1, 2, 3  # rows of distributions; those of neurons follow
SHORTFALL, DISORDER, MOVEMENT = 1, 2, 4  # what a score is made of
FEW = 10  # a distribution of fewer values limits none
NOTHING, UNIT, LIMIT = np.float64(0), np.float64(1), np.float64(3)
ROUNDING = np.float64(1e-6)  # the smallest deviation, as a share of the mean: potentials are float32
LEAST_DEVIATION, LEAST_STEP = np.float64(1e-30), np.float64(1e-9)


class Constants(NamedTuple):
    """What a score is made of, and how soon the past is forgotten."""

    measures: int  # SHORTFALL, DISORDER and MOVEMENT, added
    horizon: float  # values after which a distribution forgets
    prior: float  # wins that the distribution of all winners counts for, beside those of the neuron itself
    settling: int  # first wins of a neuron, which teach nothing
    quantile: float  # of the threshold
    enough: int  # scores from which there is a threshold


class State(NamedTuple):
    """What is known so far."""

    distributions: NDArray[np.float64]  # (OTHERS + neurons, 3)
    wins: NDArray[np.int64]  # (neurons,)
    recent: NDArray[np.float64]  # (kept,) the latest scores, each written over the oldest
    ordered: NDArray[np.float64]  # (kept,) the same from the smallest to the largest
    scored: NDArray[np.int64]  # (2,) how many scores there were, and how many above their threshold
    moved: NDArray[np.float64]  # (1,) length of all steps of all neurons before the sample


@cell
def _standardised(value, mean, variance):
    """Return how many deviations a value is from a mean."""
    deviation = math.sqrt(variance)
    least = ROUNDING * abs(mean) + LEAST_DEVIATION
    return (value - mean) / (deviation if deviation > least else least)


@cell
def _among(value, row):
    """Return how many deviations a value is from the mean of a distribution; 0 as long as that has no two values."""
    return _standardised(value, row[MEAN], row[VARIANCE]) if row[NUMBER] > UNIT else NOTHING


@cell
def _blend(own, pooled, prior):
    """Return the mean and variance of a mixture: `own`, by its number of values, and `pooled`, by the prior."""
    share = own[NUMBER] / (own[NUMBER] + prior) if own[NUMBER] > NOTHING else NOTHING
    mean = share * own[MEAN] + (UNIT - share) * pooled[MEAN]
    near, far = own[MEAN] - mean, pooled[MEAN] - mean
    variance = share * (own[VARIANCE] + near * near) + (UNIT - share) * (pooled[VARIANCE] + far * far)
    return mean, variance


@cell
def _learn(value, row, horizon):
    """Let a distribution learn a value."""
    apart = value - row[MEAN]
    if row[NUMBER] >= FEW:
        away = _standardised(value, row[MEAN], row[VARIANCE])
        if abs(away) > LIMIT:
            apart *= LIMIT / abs(away)
    number = min(row[NUMBER] + UNIT, horizon)
    row[NUMBER] = number
    row[MEAN] += apart / number
    row[VARIANCE] += ((UNIT - UNIT / number) * apart * apart - row[VARIANCE]) / number


@cell
def entropy_of(responses):
    """Return the entropy of a sample's responses, as shares of their sum, over that of equal shares: from 0 to 1."""
    total, found = NOTHING, NOTHING
    for k in range(responses.size):
        total += abs(np.float64(responses[k]))
    if total == NOTHING or responses.size < 2:
        return NOTHING
    for k in range(responses.size):
        share = abs(np.float64(responses[k])) / total
        if share > NOTHING:
            found -= share * math.log(share)
    return max(found / math.log(np.float64(responses.size)), NOTHING)


@cell
def length_of_steps(steps):
    """Return the length of all steps that neurons have made, from the instruments' sum and what it lost."""
    total = NOTHING
    for k in range(steps.shape[1]):
        total += np.float64(steps[0, k]) - np.float64(steps[1, k])
    return total


@cell
def _enter(score, recent, ordered, scored):
    """Put a score among the latest ones, in place of the oldest if they are many enough."""
    kept, place = recent.size, scored[0] % recent.size
    if scored[0] < kept:
        at = np.int64(scored[0])
        ordered[at] = score
    else:
        at, above = np.int64(0), kept  # the first place at which the oldest lies
        while at < above:
            middle = (at + above) // 2
            if ordered[middle] < recent[place]:
                at = middle + 1
            else:
                above = middle
    last = min(scored[0], kept - 1)
    while at < last and ordered[at + 1] < score:
        ordered[at] = ordered[at + 1]
        at += 1
    while at > 0 and ordered[at - 1] > score:
        ordered[at] = ordered[at - 1]
        at -= 1
    ordered[at], recent[place] = score, score
    scored[0] += 1


@cell
def threshold_of(constants, state):
    """Return the quantile of the latest scores: the smallest that at least such a share of them do not exceed.

    It is infinite as long as they are too few.
    """
    count = min(state.scored[0], state.recent.size)
    if count < constants.enough:
        return np.inf
    return state.ordered[max(np.int64(math.ceil(constants.quantile * count)), 1) - 1]


@cell
def _judge(potentials, winner, known):
    """Return the neuron that judges a sample: its winner, or else the best of those with a distribution of their own.

    A winner without one has won rarely, and may have won by the length of its first weights alone. If no neuron has a
    distribution, it is the winner.
    """
    if known[OTHERS + winner, NUMBER] > NOTHING:
        return winner
    best = np.int64(-1)
    for k in range(potentials.size):
        if known[OTHERS + k, NUMBER] > NOTHING and (best < 0 or potentials[k] > potentials[best]):
            best = k
    return best if best >= 0 else winner


@inlined
def _score(n, potentials, responses, winner, steps, constants, state, learning, measured):
    """Score a sample by what was known before it, then learn from it; return its score and the threshold before it."""
    u, known = potentials[n], state.distributions
    blank, winner = True, max(winner, 0)  # a sample that nobody wins
    for k in range(u.size):
        blank &= u[k] == 0
    threshold = threshold_of(constants, state)
    measured[n, POOLED], measured[n, ENTROPY], measured[n, STEP] = np.nan, np.nan, np.nan
    if winner >= min(u.size, state.wins.size):  # of another layer, which callers refuse: it has no place here
        return np.nan, threshold
    total = NOTHING
    own, potential = known[OTHERS + winner], np.float64(u[winner])
    measured[n, POOLED] = potential
    if constants.measures & SHORTFALL and known[POOLED, NUMBER] > UNIT:
        judge = _judge(u, winner, known)
        mean, variance = _blend(known[OTHERS + judge], known[POOLED], constants.prior)
        total -= _standardised(np.float64(u[judge]), mean, variance)
    if constants.measures & DISORDER:
        measured[n, ENTROPY] = entropy_of(responses[n])
        total += _among(measured[n, ENTROPY], known[ENTROPY])
    if constants.measures & MOVEMENT:
        length = length_of_steps(steps)
        measured[n, STEP] = math.log(max(length - state.moved[0], LEAST_STEP))
        total += _among(measured[n, STEP], known[STEP])
        if learning:
            state.moved[0] = length
    if blank:
        return np.nan, threshold
    if not learning:
        return total, threshold
    state.scored[1] += total > threshold
    _enter(total, state.recent, state.ordered, state.scored)
    state.wins[winner] += 1
    if state.wins[winner] > constants.settling:
        _learn(potential, own, constants.horizon)
        _learn(potential, known[POOLED], constants.horizon)
        if constants.measures & DISORDER:
            _learn(measured[n, ENTROPY], known[ENTROPY], constants.horizon)
        if constants.measures & MOVEMENT:
            _learn(measured[n, STEP], known[STEP], constants.horizon)
    return total, threshold


@compiled(nogil=True)
def score(potentials, responses, winners, steps, constants, state, learning, measured, scores, thresholds):
    """Score samples one after another, each by what was known before it; then learn from it.

    A sample that no neuron has a potential for, as it is all zeros or comes before there are weights, has the score NaN
    and teaches nothing.

    Parameters
    ----------
    potentials : float32 (samples, neurons)
    responses : float32 (samples, neurons) or (0, neurons)
        Read only with `DISORDER`.
    winners : int64 (samples,)
    steps : float32 (2, neurons)
        The instruments' sum after the only sample; read only with `MOVEMENT`.
    constants : Constants
    state : State
        Written in place if `learning`.
    learning : bool
    measured : float64 (samples, 3)
        Written: the winner's potential, the entropy, the logarithm of the step, as far as they are asked for.
    scores, thresholds : float64 (samples,)
        Written.
    """
    for n in range(winners.size):
        scores[n], thresholds[n] = _score(
            n, potentials, responses, winners[n], steps, constants, state, learning, measured
        )


@compiled(nogil=True)
def score_chips(
    potentials, responses, winners, chips, steps, constants, states, learning, measured, scores, thresholds
):  # fmt: skip
    """Score samples of many chips as `score` does, each by what is known of its own chip.

    Parameters
    ----------
    chips : int64 (samples,)
        Of each sample; one below 0 or without a row, which callers refuse, has the score NaN and no threshold.
    states : State
        A row of each array is the state of a chip: distributions (chips, OTHERS + neurons, 3), and so on.
    potentials, responses, winners, steps, constants, learning, measured, scores, thresholds
        As of `score`.
    """
    for n in range(winners.size):
        chip = chips[n]
        if chip < 0 or chip >= states.wins.shape[0]:
            scores[n], thresholds[n] = np.nan, np.inf
            continue
        state = State(
            states.distributions[chip], states.wins[chip], states.recent[chip], states.ordered[chip],
            states.scored[chip], states.moved[chip],
        )  # fmt: skip
        scores[n], thresholds[n] = _score(
            n, potentials, responses, winners[n], steps, constants, state, learning, measured
        )
