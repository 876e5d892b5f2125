"""A softmax regression with its gradient: the plainest classifier that attacks and paths take."""

import numpy as np
from scipy.special import log_softmax


class SoftmaxRegression:
    """log P(c | x) = log softmax(W x + b): weights float64 (classes, inputs), biases float64 (classes,)."""

    def __init__(self, weights, biases=0.0):
        self.weights, self.biases = np.asarray(weights, np.float64), biases
        self.classes = len(self.weights)

    def log_proba(self, samples):
        return log_softmax(samples @ self.weights.T + self.biases, axis=1)

    def gradient(self, samples, labels):
        return self.weights[labels] - np.exp(self.log_proba(samples)) @ self.weights


def learned(samples, labels, steps=300, rate=0.5):
    """Return a softmax regression fitted to samples by gradient descent."""
    model = SoftmaxRegression(np.zeros((labels.max() + 1, samples.shape[1])))
    for _ in range(steps):
        error = np.exp(model.log_proba(samples))
        error[np.arange(len(labels)), labels] -= 1
        model.weights = model.weights - rate * error.T @ samples / len(samples)
    return model


def blobs(count=120, inputs=12, classes=3, seed=0):
    """Return samples in [0, 1] around one centre a class, and their labels."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0.2, 0.8, (classes, inputs))
    labels = rng.integers(0, classes, count)
    return np.clip(centres[labels] + rng.normal(0, 0.1, (count, inputs)), 0, 1), labels
