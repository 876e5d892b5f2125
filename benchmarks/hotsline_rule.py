r"""The rule of Grimaldi et al. 2024 as published, in float64: what the chip's homeostatic layer is compared with.

.. math::

    \mathrm{winner} = \arg\max_k e^{(1 - K n_k / \sum n) / 4} \cos(w_k, s), \qquad
    w \leftarrow w + \frac{0.01}{1 + n / 20000} \cos(w, s) (s - w)

with n the winner's wins, one to begin with, and first weights uniform from 0 to 1. It responds without homeostasis.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurosim.streams.events import EVENT, LocalSurface, Recording, encoding_of
from neurosim.streams.events.encoding import as_columns
from neurosim.streams.events.event import Events

GAIN, RATE, WINS = 0.25, 0.01, 20_000.0


@njit
def take(samples, weights, norms, wins, learning, winners):
    """Write the winner of each sample, and learn from it before the next one."""
    neurons, inputs = weights.shape
    for i in range(len(samples)):
        x = samples[i]
        best, winner, cosine, total = -1.0, 0, 0.0, wins.sum()
        for k in range(neurons):
            product = 0.0
            for j in range(inputs):
                product += weights[k, j] * x[j]
            own = product / norms[k]
            gain = np.exp(GAIN * (1 - neurons * wins[k] / total)) if learning else 1.0
            if gain * own > best:
                best, winner, cosine = gain * own, k, own
        winners[i] = winner
        if learning:
            step, square = RATE / (1 + wins[winner] / WINS) * cosine, 0.0
            for j in range(inputs):
                weights[winner, j] += step * (x[j] - weights[winner, j])
                square += weights[winner, j] ** 2
            norms[winner] = np.sqrt(square)
            wins[winner] += 1


class PublishedLayers:
    """Layers that learn by the published rule, each from all events of a recording before the next layer."""

    def __init__(self, layers: Sequence[tuple[int, LocalSurface]], sensor: tuple[int, int], seed: int) -> None:
        rng, polarities, self._layers = np.random.default_rng(seed), 2, []
        for neurons, surface in layers:
            encoding = encoding_of(surface, *sensor, polarities)
            weights = rng.random((neurons, encoding.inputs))
            self._layers.append((encoding, weights, np.linalg.norm(weights, axis=1), np.ones(neurons)))
            polarities = neurons

    def learn(self, recordings: Sequence[Recording]) -> None:
        """Learn from recordings."""
        for recording in recordings:
            self._take(recording.events, learning=True)

    def responses(self, recordings: Sequence[Recording]) -> Iterator[list[Events]]:
        """Give the events that each layer sends, for each recording."""
        for recording in recordings:
            yield self._take(recording.events, learning=False)

    def _take(self, events: Events, *, learning: bool) -> list[Events]:
        sent = []
        for encoding, weights, norms, wins in self._layers:
            samples: NDArray[np.float32] = np.zeros((len(events), encoding.inputs), np.float32)
            sources, winners = np.zeros(len(events), np.int64), np.zeros(len(events), np.int64)
            made = encoding.encode(as_columns(events), 0, len(events), samples, sources).samples
            encoding.finish(samples[:0], sources[:0])
            take(samples[:made].astype(np.float64), weights, norms, wins, learning, winners)
            events = events[sources[:made]].astype(EVENT)
            events["p"] = winners[:made]
            sent.append(events)
        return sent
