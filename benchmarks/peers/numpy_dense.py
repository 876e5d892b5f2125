"""NumPy alone: every weight decays and grows, in place, in blocks that stay in the cache."""

import numpy as np

NAME = "NumPy dense"
REQUIRES = ()
SAME_RULE = True
BLOCK = 1 << 17  # weights: half a megabyte of growth


class Dense:
    """Weights lie as (inputs, neurons): NumPy multiplies whole rows by a row faster than by a number each."""

    def __init__(self, weights, constants):
        self.constants, self.w = constants, self.laid_out(weights)
        neurons, inputs = weights.shape
        self.square = np.einsum("ki,ki->k", weights, weights)  # followed from here on, not computed anew
        self.u, self.y = np.empty(neurons, np.float32), np.empty(neurons, np.float32)
        self.x = np.empty(inputs, np.float32)
        self.decay, self.growth = np.empty(neurons, np.float32), np.empty(neurons, np.float32)
        self.block = np.empty((max(1, BLOCK // neurons), neurons), np.float32)

    @staticmethod
    def laid_out(weights):
        """Return a copy as this peer wants it."""
        return np.array(weights.T, np.float32, order="C")

    def weights(self):
        return self.w.T.copy()

    def integrate(self):
        """Compute the potentials."""
        np.dot(self.x, self.w, out=self.u)

    def respond(self, x):
        np.multiply(x, 1 / np.sqrt(np.dot(x, x)), out=self.x)
        self.integrate()
        np.multiply(self.u, self.constants.sharpness, out=self.y)
        self.y -= self.y.max()
        np.exp(self.y, out=self.y)
        self.y *= 1 / self.y.sum()
        return self.y

    def step(self, x):
        self.respond(x)
        written = np.flatnonzero(self.y >= self.constants.cutoff)
        self.change(written, *self.coefficients(written))
        return self.y

    def coefficients(self, written):
        """Return by how much these neurons decay and grow, and follow their squared norms; all others keep theirs."""
        constants, u, square = self.constants, self.u[written], self.square[written]
        c = constants.rate * np.abs(np.sqrt(square) - 1) ** constants.power * self.y[written]
        np.minimum(c, constants.cap / np.maximum(np.abs(u), np.float32(1e-30)), out=c)
        decay = 1 - c * u
        self.square[written] = decay * decay * square + 2 * decay * c * u + c * c
        return decay, c

    def spread(self, written, decay, growth):
        """Give every neuron its numbers, also those that neither decay nor grow."""
        self.decay[:], self.growth[:] = 1, 0
        self.decay[written], self.growth[written] = decay, growth

    def change(self, written, decay, growth):
        """Change all weights."""
        self.spread(written, decay, growth)
        for first in range(0, len(self.w), len(self.block)):
            rows = self.w[first : first + len(self.block)]
            block = self.block[: len(rows)]
            rows *= self.decay
            np.einsum("i,k->ik", self.x[first : first + len(rows)], self.growth, out=block)
            rows += block


make = Dense
