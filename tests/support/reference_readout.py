"""The trained readout in slow float64 NumPy, from the equations: softmax cross-entropy, inverted dropout, Adam.

Kingma and Ba 2015, algorithm 1; Srivastava et al. 2014; the random words of dropout are SplitMix64's, in plain Python.
"""

import numpy as np

WORD = 2**64 - 1


def splitmix64(key, number):
    """Return word `number`, from 0, of SplitMix64 from a state of `key`."""
    z = (key + (number + 1) * 0x9E3779B97F4A7C15) & WORD
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
    return z ^ (z >> 31)


def kept(key, step, batch, samples, inputs, probability):
    """Return which inputs a step keeps: bool (samples, inputs); `batch` is that of a full step."""
    threshold = round(probability * 65536)
    each = 64 if threshold == 32768 else 4
    words = -(-inputs // each)
    choice = np.ones((samples, inputs), bool)
    for n in range(samples) if threshold else ():
        for i in range(inputs):
            word = splitmix64(key, (step * batch + n) * words + i // each)
            bit = (word >> (i % 64)) & 1
            field = (word >> (16 * (i % 4))) & 65535
            choice[n, i] = bit == 1 if each == 64 else field >= threshold
    return choice


def softmax(u):
    e = np.exp(u - u.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def loss(W, b, X, labels):
    """Return the mean cross-entropy."""
    return -np.log(softmax(X @ W.T + b)[np.arange(len(labels)), labels]).mean()


def gradient(W, b, X, labels):
    """Return its gradient by W and b."""
    slopes = (softmax(X @ W.T + b) - np.eye(len(b))[labels]) / len(labels)
    return slopes.T @ X, slopes.sum(axis=0)


class Adam:
    """Adam on several arrays."""

    def __init__(self, *arrays):
        self.arrays = [np.array(array, np.float64) for array in arrays]
        self.first = [np.zeros_like(array) for array in self.arrays]
        self.second = [np.zeros_like(array) for array in self.arrays]
        self.steps = 0

    def step(self, gradients, rate):
        self.steps += 1
        for x, m, v, g in zip(self.arrays, self.first, self.second, gradients, strict=True):
            m[:] = 0.9 * m + 0.1 * g
            v[:] = 0.999 * v + 0.001 * g**2
            x -= rate * (m / (1 - 0.9**self.steps)) / (np.sqrt(v / (1 - 0.999**self.steps)) + 1e-8)


def train(W, b, X, labels, orders, rates, *, batch, probability, key):
    """Return weights and bias after epochs in the given orders at the given rates."""
    adam = Adam(W, b)
    threshold = round(probability * 65536)
    for order, rate in zip(orders, rates, strict=True):
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            mask = kept(key, adam.steps, batch, len(rows), X.shape[1], probability)
            values = np.where(mask, X[rows] * 65536 / (65536 - threshold), 0.0)
            adam.step(gradient(*adam.arrays, values, labels[rows]), rate)
    return adam.arrays
