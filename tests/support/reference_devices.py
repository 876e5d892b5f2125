"""The definition of correct for cells of a crossbar: float64 NumPy, from `docs/devices.md`, not from the kernel."""

import math

import numpy as np
from reference import Layer, Sample, compete, transmit
from reference_few_bits import FAINTEST, MASK, chance, splitmix
from reference_rules import rates

GOLDEN = 0x9E3779B97F4A7C15
ROUNDING, WRITING, READING = 1, 2, 3
DARKEST = 1e-7


def normal(word):
    """Return the normal number of a random word: of its highest 24 bits, and of the next 24."""
    first, second = ((word >> 40) + 1) / 2**24, ((word >> 16) & (2**24 - 1)) / 2**24
    return math.sqrt(-2 * math.log(first)) * math.cos(2 * math.pi * second)


def word_at(salt, *places):
    """Return the word of a salt and of places, one after another."""
    for place in places:
        salt = splitmix(salt + place * GOLDEN & MASK)
    return salt


def word_of_sample(salt, learned, x):
    """Return the word of reading a sample: of the samples learned from so far, and of its active inputs."""
    word = word_at(splitmix(salt + READING & MASK), learned)
    for i in np.flatnonzero(x):
        steps = int(min(max(x[i], -(2.0**20)), 2.0**20) * 2**20)
        word = splitmix(word ^ ((steps + int(i) * GOLDEN) & MASK))
    return word


def by_conductance(g, four):
    slope, value, least, most = four
    return min(max(slope * math.log(max(g, DARKEST)) + value, least), most)


class Cells(Layer):
    """A layer that keeps conductances `v` (neurons, inputs), scales `s`, and, of each cell, `born` and `nu`."""

    def __init__(self, v, s, nu, devices, *, salt, rounding="stochastic", **constants):
        super().__init__(v * s[:, None], **constants)
        self.v, self.s, self.nu = v.astype(np.float64), s.astype(np.float64), nu.astype(np.float64)
        self.born, self.devices, self.salt, self.rounding = np.zeros(v.shape, np.int64), devices, salt, rounding
        self.measured = np.linalg.norm(self.W, axis=1)

    def norms(self):
        return self.measured

    def ages(self, learned, idle=0.0):
        return (learned - self.born) * self.devices.sample_s + idle

    def now(self, learned, idle=0.0):
        """Return what the cells are after so many samples."""
        return self.v * (1 + self.ages(learned, idle) / self.devices.drift_start_s) ** -self.nu

    def read(self, x, learning=True):
        """Return u."""
        d, inputs = self.devices, len(x)
        idle = 0.0 if learning else d.idle_s
        g, ages = self.now(self.samples, idle), self.ages(self.samples, idle)
        sums = g @ x
        a = inputs * d.ir_drop * (np.abs(g) @ np.abs(x))
        far = g @ (x * (1 - (1 - np.arange(inputs) / inputs) ** 2))
        root = np.sqrt(np.maximum(a, 1e-12))
        sums = sums - 1.5 * (1 - np.tanh(root) / root) * far
        q, power, most = d.flicker()
        share = np.minimum(q * np.maximum(np.abs(self.v), DARKEST) ** -power, most)
        grown = np.sqrt(np.log((ages + d.drift_start_s + d.read_time_s) / (2 * d.read_time_s)))
        variance = (d.read_noise**2 + (np.abs(g) * share * grown) ** 2) @ x**2
        if d.read_noise or q:
            word = word_of_sample(self.salt, self.samples, x)
            sums += np.sqrt(variance) * [normal(word_at(word, k)) for k in range(len(sums))]
        if d.adc_bits:
            step = d.adc_range / (2 ** (d.adc_bits - 1) - 1)
            sums = np.rint(np.clip(sums, -d.adc_range, d.adc_range) / step) * step
        return self.s * sums

    def sense(self, x, learning=False, label=None, modulator=1.0):
        x = np.asarray(x, np.float64) / self.unit(x, learning and self.teaches(x, label))
        u = self.read(x, learning)
        v = transmit(u, self.activation[0], **self.activation[1])
        d = v + self.biases(learning)
        return Sample(x, u, v, compete(d, **self.competition, label=label), int(np.argmax(d)), modulator)

    def apply(self):
        """Learn from a sample."""
        self.move_means()
        rate = rates(self.schedule, self.rate, self.samples, self.norms(), self.wins)
        change, growth = self.sums(rate)
        part = np.where(np.abs(change) > self.cap, self.cap / np.maximum(np.abs(change), 1e-300), 1.0)
        change, growth = part * change, part[:, None] * growth
        self.rewritten = np.zeros(len(self.v), bool)
        for k in np.flatnonzero((change != 0) | growth.any(axis=1)):
            self.write(k, change[k], growth[k])
        (sample,) = self.pending
        lengths = np.linalg.norm(self.s[:, None] * self.now(self.samples + 1), axis=1)
        self.measured = np.where(np.abs(sample.y) >= self.cutoff, lengths, self.measured)
        self.updates += 1

    def keys(self, kind, k):
        return word_at(splitmix(self.salt + kind & MASK), self.samples + 1, int(k))

    def rounded(self, x, key, i):
        if self.rounding == "nearest":
            return float(np.rint(x))
        low = math.floor(abs(x))
        return math.copysign(low + (chance(key, i) < abs(x) - low), x)

    def write(self, k, change, growth):
        """Decay is the scale's; what grows is programmed; if one would leave the range, all are, at half or less."""
        self.s[k] = max(self.s[k] * (1 + change), FAINTEST) if self.measured[k] > 0 else FAINTEST
        levels = self.devices.states and self.devices.states - 1
        rounding, writing = self.keys(ROUNDING, k), self.keys(WRITING, k)
        now, targets = self.now(self.samples + 1)[k], {}
        for i in np.flatnonzero(growth):
            i, step = int(i), growth[i] / self.s[k]
            if not levels:
                targets[i] = now[i] + step
            elif whole := self.rounded(step * levels, rounding, i):
                targets[i] = (np.rint(now[i] * levels) + whole) / levels
            elif not whole:
                now[i] = np.rint(now[i] * levels) / levels  # what a whole rewriting begins with
        peak, halvings = max(map(abs, targets.values()), default=0), 0
        while peak / 2**halvings > 1:
            halvings += 1
        if halvings:
            targets = {i: targets.get(i, v) / 2**halvings for i, v in enumerate(now)}
            rounding, writing = splitmix(rounding), splitmix(writing)
            if levels:
                targets = {i: self.rounded(v * levels, rounding, i) / levels for i, v in targets.items()}
            self.s[k] *= 2.0**halvings
        self.rewritten[k] = halvings > 0
        for i, target in targets.items():
            self.program(k, i, target, word_at(writing, i))

    def program(self, k, i, target, word):
        d, g = self.devices, abs(target)
        deviation = max(sum(p * g**n for n, p in enumerate(d.polynomial())), 0)
        written = target + deviation * normal(word)
        self.v[k, i] = 0 if written * target < 0 else written
        self.born[k, i] = self.samples + 1
        error = normal(splitmix(word + GOLDEN & MASK))
        self.nu[k, i] = abs(
            by_conductance(g, d.exponent("drift")) + by_conductance(g, d.exponent("drift_spread")) * error
        )
