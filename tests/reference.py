"""The definition of correct: a dense layer in slow float64 NumPy, written from the equations, not from the kernel.

Moraitis et al. 2022 (competition, plasticity), Journé et al. 2023 (adaptive rate, signed losers, Triangle), and the
definitions of `DenseWTA`'s docstring for what the papers leave open (cap, cutoff, window, units, zeros, ties).
"""

import numpy as np


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def compete(u, kind="soft", sharpness=1.0, winners=1, signed=False):
    """Return the responses y."""
    first = int(np.argmax(u))
    if kind == "soft":
        y = softmax(sharpness * u)
    else:
        y = np.zeros_like(u)
        y[sorted(range(len(u)), key=lambda k: (-u[k], k))[: 1 if kind == "hard" else winners]] = 1.0
    if signed:
        y = np.where(np.arange(len(u)) == first, y, -y)
    return y


def transmit(u, kind="identity", power=1.0, temperature=1.0):
    """Return z = f(u)."""
    if kind == "softmax":
        return softmax(u / temperature)
    if kind == "triangle":
        return np.maximum(u - u.mean(), 0) ** power
    return np.maximum(u, 0) if kind == "relu" else u.copy()


class Layer:
    """A dense layer: weights W (neurons, inputs), one sample after another."""

    def __init__(self, W, *, kind="soft", sharpness=1.0, winners=1, signed=False, rate=0.1, power=0.5, floor=0.0,
                 cap=0.1, cutoff=0.0, window=1, normalise="none", transmit=("identity", {})):  # fmt: skip
        self.W = np.array(W, np.float64)
        self.competition = {"kind": kind, "sharpness": sharpness, "winners": winners, "signed": signed}
        self.rate, self.power, self.floor = rate, power, floor
        self.cap, self.cutoff, self.window, self.normalise = cap, cutoff, window, normalise
        self.transmit, self.pending, self.seen, self.mean = transmit, [], 0, 0.0

    def unit(self, x, learning):
        """Return m, the unit of the input."""
        norm = np.linalg.norm(x)
        if norm == 0 or self.normalise == "none":
            return 1.0
        if self.normalise == "sample":
            return norm
        if learning:
            self.seen += 1
            self.mean += max(1 / self.seen, 1e-3) * (norm - self.mean)
        return self.mean if self.seen else norm

    def respond(self, x, learning=False):
        """Return u, y, z and the input in its unit."""
        x = np.asarray(x, np.float64) / self.unit(x, learning)
        u = self.W @ x
        return u, compete(u, **self.competition), transmit(u, self.transmit[0], **self.transmit[1]), x

    def learn(self, x):
        """Respond and learn; return u, y, z."""
        u, y, z, x = self.respond(x, learning=True)
        if np.any(x != 0):
            eta = np.maximum(self.rate * np.abs(np.linalg.norm(self.W, axis=1) - 1) ** self.power, self.floor)
            c = np.where(np.abs(y) >= self.cutoff, eta * y, 0.0)
            self.pending.append((c, u, x))
            if len(self.pending) == self.window:
                self.apply()
        return u, y, z

    def apply(self):
        """Sum c (x - u w) over the window, no neuron decaying by more than the cap, and add it."""
        decay = sum(c * u for c, u, _ in self.pending)
        part = np.where(np.abs(decay) > self.cap, self.cap / np.maximum(np.abs(decay), 1e-300), 1.0)
        growth = sum(np.outer(c, x) for c, _, x in self.pending)
        self.W += part[:, None] * (growth - decay[:, None] * self.W)
        self.pending = []
