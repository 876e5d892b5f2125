r"""The definition of correct for synapses of few bits: float64 NumPy, from `docs/weight-bits.md`, not from the kernel.

.. math:: w_{ki} = s_k q_{ki}, \qquad q_{ki} \in \{-L, \ldots, L\}, \qquad L = 2^{bits-1} - 1
"""

import numpy as np
from reference import Layer
from reference_rules import rates

MASK = (1 << 64) - 1
FAINTEST = float(np.float32(1e-18))


def splitmix(word):
    """Return the word of SplitMix64 at a counter, in whole numbers of Python."""
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB & MASK
    return word ^ (word >> 31)


def key_of(salt, sample, neuron):
    """Return the key of a sample, counted from 1 over all that were learned, and a neuron."""
    for place in (sample, neuron):
        salt = splitmix(salt + int(place) * 0x9E3779B97F4A7C15 & MASK)
    return salt


def chance(key, i):
    """Return the number in [0, 1) of a key and an input."""
    return (splitmix(key + i * 0x9E3779B97F4A7C15 & MASK) >> 40) / 2**24


class FewBits(Layer):
    """A layer that keeps whole numbers `q` (neurons, inputs) and scales `s`; `flips`, `whole` tell of the last."""

    def __init__(self, q, s, *, weight_bits, salt, rounding="stochastic", **constants):
        super().__init__(q * s[:, None], **constants)
        self.q, self.s = q.astype(np.int64), s.astype(np.float64)
        self.highest, self.mask = 2 ** (weight_bits - 1) - 1, 2**weight_bits - 1
        self.salt, self.rounding = salt, rounding

    def round(self, x, key, i):
        """Return a whole number: to the nearest, half to even, or away from zero with the chance of the fraction."""
        if self.rounding == "nearest":
            return int(np.rint(x))
        low = int(np.floor(abs(x)))
        size = low + int(chance(key, i) < abs(float(x)) - low)
        return size if x >= 0 else -size

    def apply(self):
        """Learn from a sample."""
        self.move_means()
        rate = rates(self.schedule, self.rate, self.samples, self.norms(), self.wins)
        change, growth = self.sums(rate)
        part = np.where(np.abs(change) > self.cap, self.cap / np.maximum(np.abs(change), 1e-300), 1.0)
        change, growth = self.gate(part * change, part[:, None] * growth)
        before, self.whole = self.q.copy(), np.zeros(len(self.q), bool)
        self.steps += np.linalg.norm(change[:, None] * self.W + growth, axis=1)
        for k in np.flatnonzero((change != 0) | growth.any(axis=1)):
            self.write(k, change[k], growth[k])
        self.W = self.q * self.s[:, None]
        codes = (before ^ self.q) & self.mask
        self.flips = sum(int(code).bit_count() for code in codes.ravel())
        self.updates += 1

    def write(self, k, change, growth):
        """Decay is the scale's; growth is rounded; if one leaves the range, the scale doubles, and all are rounded."""
        self.s[k] = max(self.s[k] * (1 + change), FAINTEST) if self.q[k].any() else FAINTEST
        key = key_of(self.salt, self.samples + 1, k)
        grown = [int(q) + self.round(growth[i] / self.s[k], key, i) for i, q in enumerate(self.q[k])]
        doublings = 0
        while max(map(abs, grown)) / 2**doublings > self.highest:
            doublings += 1
        if doublings:
            grown = [self.round(whole / 2**doublings, splitmix(key), i) for i, whole in enumerate(grown)]
        self.q[k], self.whole[k] = grown, doublings > 0
        self.s[k] *= 2.0**doublings
