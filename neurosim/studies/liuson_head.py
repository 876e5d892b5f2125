"""The published head: a linear layer with a softmax, trained as Liuson's code trains it, in NumPy.

Two oddities of that code are kept. The softmax is taken twice, as its output goes into a cross-entropy that takes one
of its own; it saturates with many features that are not normalised. And the test set decides when to stop.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness

Array = NDArray[np.float32]
WEIGHTS, ORDER, DROPOUT = 101, 102, 103  # purposes of random numbers, distinct from those of a chip
BATCH, EPOCHS = 32, 10
LEAST_GAIN = 1e-3  # training stops when the test loss falls by less in an epoch
RATE, DECAY, MEMORY, TINY = 1e-3, 0.01, (0.9, 0.999), 1e-8  # AdamW's defaults


class HeadResult(NamedTuple):
    """The best accuracy of a head on the test set, from 0 to 1, and its accuracy and loss there after each epoch."""

    accuracy: float
    accuracies: list[float]
    losses: list[float]


class AdamW:
    """AdamW on one array of parameters, in place.

    Parameters
    ----------
    parameters : float32 array

    References
    ----------
    Loshchilov and Hutter, ICLR 2019, arXiv 1711.05101.
    """

    def __init__(self, parameters: Array) -> None:
        self.parameters, self.steps = parameters, 0
        self.mean, self.square = np.zeros_like(parameters), np.zeros_like(parameters)
        self._work = np.empty_like(parameters)

    def step(self, gradient: Array) -> None:
        """Take one step against the gradient."""
        self.steps += 1
        work, (first, second) = self._work, MEMORY
        self.parameters *= np.float32(1 - RATE * DECAY)
        self.mean *= np.float32(first)
        self.mean += np.multiply(gradient, np.float32(1 - first), out=work)
        self.square *= np.float32(second)
        np.multiply(gradient, gradient, out=work)
        work *= np.float32(1 - second)
        self.square += work
        np.sqrt(self.square, out=work)
        work *= np.float32(1 / np.sqrt(1 - second**self.steps))
        work += np.float32(TINY)
        np.divide(self.mean, work, out=work)
        work *= np.float32(RATE / (1 - first**self.steps))
        self.parameters -= work


def train_head(
    train: tuple[Array, NDArray[np.int64]],
    test: tuple[Array, NDArray[np.int64]],
    *,
    classes: int = 10,
    seed: int = 0,
    twice: bool = True,
) -> HeadResult:
    """Train the head on features and their labels, and measure it on the test set after each epoch.

    Parameters
    ----------
    train, test : pair of float32 (samples, neurons) and int64 (samples,)
    classes : int
    seed : int
        Seed of first weights, order and dropout: equal seeds give equal results on equal machines.
    twice : bool
        Whether softmax is taken twice, as published; False is the usual cross-entropy, for comparison.

    References
    ----------
    Liuson, "Learning Dynamics in Competitive Hebbian Learning", and its code, hliuson/kickback-learning.
    """
    features, labels = train
    neurons = features.shape[1]
    bound = np.sqrt(6 / (neurons + classes))  # Xavier's initialisation
    first = randomness.uniform(seed, WEIGHTS, 0, neurons * classes).reshape(neurons, classes)
    parameters = np.zeros((neurons + 1, classes), np.float32)  # the last row is the bias
    parameters[:-1] = bound * (2 * first - 1)
    optimiser = AdamW(parameters)
    accuracies: list[float] = []
    losses: list[float] = []
    for epoch in range(EPOCHS):
        order = randomness.permutation(seed, ORDER, epoch, len(labels))
        for start in range(0, len(labels), BATCH):
            rows = order[start : start + BATCH]
            inputs = dropped(features[rows], seed, optimiser.steps)
            optimiser.step(gradient_of(parameters, inputs, labels[rows], twice))
        accuracy, loss = measured(parameters, *test, twice)
        accuracies.append(accuracy)
        losses.append(loss)
        if epoch > 0 and losses[-2] - loss < LEAST_GAIN:
            break
    return HeadResult(max(accuracies), accuracies, losses)


def dropped(features: Array, seed: int, step: int) -> Array:
    """Return features of which a random half is zero, and the others are doubled."""
    count = features.size
    words = randomness.words(seed, DROPOUT, step, -(-count // 64))
    kept = np.unpackbits(words.astype("<u8").view(np.uint8), count=count).reshape(features.shape)
    return features * (np.float32(2) * kept)


def gradient_of(parameters: Array, features: Array, labels: NDArray[np.int64], twice: bool = True) -> Array:
    """Return the gradient of the mean loss: float32 (neurons + 1, classes)."""
    shares = softmax(features @ parameters[:-1] + parameters[-1])
    slope = softmax(shares) if twice else shares.copy()
    slope[np.arange(len(labels)), labels] -= 1
    slope /= np.float32(len(labels))
    if twice:
        slope = shares * (slope - (slope * shares).sum(axis=1, keepdims=True))
    return np.concatenate([features.T @ slope, slope.sum(axis=0, keepdims=True)])


def measured(parameters: Array, features: Array, labels: NDArray[np.int64], twice: bool = True) -> tuple[float, float]:
    """Return accuracy and mean loss."""
    shares = softmax(features @ parameters[:-1] + parameters[-1])
    right = shares[np.arange(len(labels)), labels]
    loss = np.log(np.exp(shares).sum(axis=1)) - right if twice else -np.log(np.maximum(right, np.float32(1e-30)))
    return float((shares.argmax(axis=1) == labels).mean()), float(loss.mean(dtype=np.float64))


def softmax(values: Array) -> Array:
    """Return the softmax of each row."""
    shares: Array = np.exp(values - values.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return shares
