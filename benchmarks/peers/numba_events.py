"""The chip's own algorithm for this one case alone: active inputs, neurons above the cutoff, no choice of anything.

What a chip's choices (of rule, competition, unit, window, norm, bits) cost is what it takes longer than this.
"""

import numpy as np
from numba import njit

from benchmarks.peers import numba_dense
from neurosim.kernels.shared.softmax import decaying_exponential  # vectorised; np.exp would be slower

NAME = "Numba, by hand for this case: active inputs, neurons above the cutoff"
REQUIRES = ()
SAME_RULE = True
ZERO, HALF, ONE, TWO = np.float32(0), np.float32(0.5), np.float32(1), np.float32(2)
FAINT, HUGE, LEAST = np.float32(1e-6), np.float32(1e6), np.float32(-70)


@njit(cache=True, error_model="numpy")
def take_in(sample, active, values):
    """Pack the active inputs at norm one; return how many."""
    size, square = 0, ZERO
    for i in range(sample.size):
        active[size] = i
        size += sample[i] != ZERO
    for j in range(size):
        values[j] = sample[active[j]]
        square += values[j] * values[j]
    scale = ONE / np.sqrt(square)
    for j in range(size):
        values[j] *= scale
    return size


@njit(cache=True, error_model="numpy")
def integrate(v, s, active, values, size, u):
    """Write the potentials, eight inputs at a time."""
    eights = size - size % 8
    for k in range(u.size):
        u[k] = ZERO
    for j in range(0, eights, 8):
        v0, v1, v2, v3 = v[active[j]], v[active[j + 1]], v[active[j + 2]], v[active[j + 3]]
        v4, v5, v6, v7 = v[active[j + 4]], v[active[j + 5]], v[active[j + 6]], v[active[j + 7]]
        x0, x1, x2, x3 = values[j], values[j + 1], values[j + 2], values[j + 3]
        x4, x5, x6, x7 = values[j + 4], values[j + 5], values[j + 6], values[j + 7]
        for k in range(u.size):
            half = (((u[k] + x0 * v0[k]) + x1 * v1[k]) + x2 * v2[k]) + x3 * v3[k]
            u[k] = (((half + x4 * v4[k]) + x5 * v5[k]) + x6 * v6[k]) + x7 * v7[k]
    for j in range(eights, size):
        row, x = v[active[j]], values[j]
        for k in range(u.size):
            u[k] += x * row[k]
    for k in range(u.size):
        u[k] *= s[k]


@njit(cache=True, error_model="numpy")
def compete(u, sharpness, y):
    """Write the responses; return the winner."""
    winner, total = 0, ZERO
    for k in range(u.size):
        winner = k if u[k] > u[winner] else winner
    top = u[winner]
    for k in range(u.size):
        y[k] = decaying_exponential(max(sharpness * (u[k] - top), LEAST))
    for k in range(u.size):
        total += y[k]
    share = ONE / total
    for k in range(u.size):
        y[k] *= share
    return winner


@njit(cache=True, error_model="numpy")
def change(v, s, square, active, values, size, u, y, rate, power, cap, cutoff):
    """Let the neurons above the cutoff decay by their scale and grow where an input is active."""
    for k in range(u.size):
        if y[k] < cutoff:
            continue
        distance = abs(np.sqrt(square[k]) - ONE)
        c = rate * (np.sqrt(distance) if power == HALF else distance**power) * y[k]
        if c * abs(u[k]) > cap:
            c = cap / abs(u[k])
        decay = ONE - c * u[k]
        square[k] = decay * decay * square[k] + TWO * decay * c * u[k] + c * c
        s[k] *= decay
        if not FAINT <= abs(s[k]) <= HUGE:
            v[:, k] *= s[k]
            s[k] = ONE
        step = c / s[k]
        for j in range(size):
            v[active[j], k] += step * values[j]


@njit(cache=True, error_model="numpy")
def run(samples, learning, v, s, square, wins, active, values, u, y, sharpness, rate, power, cap, cutoff):
    """Take samples one by one."""
    for n in range(samples.shape[0]):
        size = take_in(samples[n], active, values)
        integrate(v, s, active, values, size, u)
        winner = compete(u, sharpness, y)
        if learning:
            wins[winner] += 1
            change(v, s, square, active, values, size, u, y, rate, power, cap, cutoff)


class Events(numba_dense.Dense):
    """Synapses lie as (inputs, neurons), in units of a scale for each neuron, as the chip's do."""

    run = staticmethod(run)

    def __init__(self, weights, constants):
        neurons, inputs = weights.shape
        self.v, self.s = np.array(weights.T, np.float32, order="C"), np.ones(neurons, np.float32)
        square, wins = np.einsum("ki,ki->k", weights, weights).astype(np.float32), np.zeros(neurons, np.int64)
        active, values = np.empty(inputs, np.int32), np.empty(inputs, np.float32)
        u, self.y = np.empty((2, neurons), np.float32)
        self.arguments = (self.v, self.s, square, wins, active, values, u, self.y, *map(np.float32, constants))

    def weights(self):
        return np.ascontiguousarray((self.v * self.s).T)


make = Events
