"""Dense loops compiled by Numba: what a compiler makes of the rule as it stands, sums in any order (`fastmath`)."""

import numpy as np
from numba import njit

NAME = "Numba dense"
REQUIRES = ()
SAME_RULE = True


@njit(cache=True, error_model="numpy", fastmath=True)
def unit(sample, x):
    """Write the sample at norm one."""
    square = np.float32(0)
    for i in range(x.size):
        square += sample[i] * sample[i]
    scale = np.float32(1) / np.sqrt(square)
    for i in range(x.size):
        x[i] = scale * sample[i]


@njit(cache=True, error_model="numpy", fastmath=True)
def integrate(w, x, u):
    """Write the potentials, four neurons at a time."""
    neurons = u.size - u.size % 4
    for k in range(0, neurons, 4):
        w0, w1, w2, w3 = w[k], w[k + 1], w[k + 2], w[k + 3]
        u0, u1, u2, u3 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for i in range(x.size):
            u0 += w0[i] * x[i]
            u1 += w1[i] * x[i]
            u2 += w2[i] * x[i]
            u3 += w3[i] * x[i]
        u[k], u[k + 1], u[k + 2], u[k + 3] = u0, u1, u2, u3
    for k in range(neurons, u.size):
        total = np.float32(0)
        for i in range(x.size):
            total += w[k, i] * x[i]
        u[k] = total


@njit(cache=True, error_model="numpy", fastmath=True)
def softmax(u, sharpness, y):
    """Write the responses."""
    top, total = u.max(), np.float32(0)
    for k in range(u.size):
        y[k] = np.exp(sharpness * (u[k] - top))
        total += y[k]
    for k in range(u.size):
        y[k] /= total


@njit(cache=True, error_model="numpy", fastmath=True)
def change(w, square, x, u, y, rate, power, cap, cutoff, every):
    """Let every neuron decay and grow; if not `every`, leave those alone that would do neither."""
    one, two = np.float32(1), np.float32(2)
    for k in range(u.size):
        c = rate * abs(np.sqrt(square[k]) - one) ** power * y[k] if y[k] >= cutoff else np.float32(0)
        if c == 0 and not every:
            continue
        if c * abs(u[k]) > cap:
            c = cap / abs(u[k])
        decay, row = one - c * u[k], w[k]
        square[k] = decay * decay * square[k] + two * decay * c * u[k] + c * c
        for i in range(x.size):
            row[i] = decay * row[i] + c * x[i]


@njit(cache=True, error_model="numpy", fastmath=True)
def run(samples, learning, every, w, square, x, u, y, sharpness, rate, power, cap, cutoff):
    """Take samples one by one."""
    for n in range(samples.shape[0]):
        unit(samples[n], x)
        integrate(w, x, u)
        softmax(u, sharpness, y)
        if learning:
            change(w, square, x, u, y, rate, power, cap, cutoff, every)


class Dense:
    """Weights lie as (neurons, inputs)."""

    every, run = True, staticmethod(run)

    def __init__(self, weights, constants):
        self.w = np.array(weights, np.float32, order="C")
        neurons, inputs = weights.shape
        self.y = np.empty(neurons, np.float32)
        square, x, u = np.einsum("ki,ki->k", self.w, self.w), np.empty(inputs, np.float32), np.empty_like(self.y)
        self.arguments = (self.every, self.w, square, x, u, self.y, *map(np.float32, constants))

    def step(self, x):
        self.run(x[None], True, *self.arguments)
        return self.y

    def respond(self, x):
        self.run(x[None], False, *self.arguments)
        return self.y

    def many(self, samples, learning=True):
        """Take many samples in one call."""
        self.run(samples, learning, *self.arguments)

    def weights(self):
        return self.w.copy()


make = Dense
