"""The definition of correct: a dense layer in slow float64 NumPy, written from the equations, not from the kernel.

Moraitis et al. 2022 (competition, plasticity), Journé et al. 2023 (adaptive rate, signed losers, Triangle), Krotov and
Hopfield 2019 (ranked competition, p-norm), DeSieno 1988 (conscience), `reference_rules` (the other rules), and the
definitions of `DenseWTA`'s docstring for what the papers leave open (cap, cutoff, window, units, zeros, ties).
"""

from typing import NamedTuple

import numpy as np
from reference_rules import mixing_step, plasticity, rates, traced


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def descending(d):
    """Return neurons from the largest to the smallest, ties by the lowest index."""
    return sorted(range(len(d)), key=lambda k: (-d[k], k))


def compete(d, kind="soft", sharpness=1.0, winners=1, signed=False, winner_only=False, rank=2, opposition=0.4,
            label=None):  # fmt: skip
    """Return the responses y; `label` matters to the taught and the corrected only."""
    order, y = descending(d), np.zeros_like(d)
    if kind in ("none", "gate"):
        return d.copy()
    if kind == "taught":
        y[order[0] if label is None else label] = 1.0
        return y
    if kind == "corrected":
        return (0.0 if label is None else np.eye(len(d))[label]) - (1 if label is not None else -1) * softmax(
            sharpness * d
        )
    if kind == "ranked":
        y[order[0]], y[order[rank - 1]] = 1.0, -opposition
        return y
    if kind == "soft k":
        y[order[:winners]] = softmax(sharpness * d[order[:winners]])
    elif kind == "soft":
        y = softmax(sharpness * d)
    else:
        y[order[: {"hard": 1, "k": winners}[kind]]] = 1.0
    losers = np.arange(len(d)) != order[0]
    if winner_only:
        return np.where(losers, 0.0, y)
    return np.where(losers, -y, y) if signed else y


def transmit(u, kind="identity", power=1.0, temperature=1.0):
    """Return f(u), of what is sent on and of the activation."""
    if kind == "softmax":
        return softmax(u / temperature)
    if kind == "triangle":
        return np.maximum(u - u.mean(), 0) ** power
    return np.maximum(u, 0) if kind == "relu" else u.copy()


class Sample(NamedTuple):
    """What a window keeps of a sample: the input in its unit, potentials, activations, responses, winner, modulator."""

    x: np.ndarray
    u: np.ndarray
    v: np.ndarray
    y: np.ndarray
    winner: int
    modulator: float


class Layer:
    """A dense layer: weights W (neurons, inputs), one sample after another.

    After `learn`: W, `wins`, `steps` (sizes of each neuron's steps, summed), `activity` (the bias's running mean),
    `traces` (the rule's running mean), `winner` (of the last sample, by the biased activation).
    """

    def __init__(self, W, *, kind="soft", sharpness=1.0, winners=1, signed=False, rate=0.1, power=0.5, floor=0.0,
                 cap=0.1, cutoff=0.0, window=1, normalise="none", transmit=("identity", {}), winner_only=False,
                 rank=2, opposition=0.4, share=0.2, quantile=False, activation=("identity", {}), bias=None,
                 rule="softhebb", averaging=None, starts_at_mean=False, ceiling=2.0, decay=0.0, threshold=1.0,
                 schedule=("norm", {}), lebesgue=2.0, renormalise=False, leak=0.0, eligibility=0.0, relative=None,
                 initial="given", radius=35.0, weight_sum=None, step="capped"):  # fmt: skip
        self.W = np.array(W, np.float64)
        self.competition = {"kind": kind, "sharpness": sharpness, "winners": winners, "signed": signed,
                            "winner_only": winner_only, "rank": rank, "opposition": opposition}  # fmt: skip
        self.rate, self.schedule = rate, schedule
        if schedule[0] == "norm":
            self.schedule = ("norm", {"power": power, "floor": floor, **schedule[1]})
        self.rule = rule
        self.averaging = {"hebbnet": 0.95}.get(rule, 0.1) if averaging is None else averaging
        self.constants = {"ceiling": ceiling, "decay": decay, "threshold": threshold}
        self.cap, self.cutoff, self.window, self.normalise = cap, cutoff, window, normalise
        self.lebesgue, self.renormalise, self.leak, self.share = lebesgue, renormalise, leak, share
        self.weight_sum, self.step = weight_sum, step
        self.quantile, self.starts_at_mean = quantile, starts_at_mean
        self.eligibility, self.eligible = eligibility, np.zeros_like(self.W)
        self.relative, self.lead, self.leads = relative, 0.0, 0
        self.begins, self.begun, self.radius = initial == "samples", 0, radius
        self.transmit, self.activation = transmit, activation
        self.pending, self.seen, self.mean, self.samples, self.updates, self.winner = [], 0, 0.0, 0, 0, -1
        neurons = len(self.W)
        self.sharpness = sharpness
        self.bias, self.bias_options = bias or ("none", {})
        self.activity = np.full(neurons, 1 / neurons if self.bias in ("conscience", "prior") else 0.0)
        self.traces, self.steps, self.wins = np.zeros(neurons), np.zeros(neurons), np.zeros(neurons, np.int64)

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

    def norms(self):
        """Return each neuron's p-norm."""
        return (np.abs(self.W) ** self.lebesgue).sum(axis=1) ** (1 / self.lebesgue)

    def biases(self, learning):
        """Return b; only the logarithm of the prior is there while responding, too."""
        if self.bias == "prior":
            return np.log(self.activity) * (self.relative * self.lead if self.relative else 1 / self.sharpness)
        if self.bias == "conscience" and learning:
            return self.bias_options["strength"] * (1 / len(self.W) - self.activity)
        if self.bias == "threshold":
            return -self.activity
        return -self.activity if self.bias == "mean" and learning else np.zeros(len(self.W))

    def teaches(self, x, label):
        """Say whether a sample can be learned from: it is not blank, and it has a label where neurons are taught."""
        return bool(np.any(np.asarray(x) != 0)) and (
            self.competition["kind"] not in ("taught", "corrected") or label is not None
        )

    def sense(self, x, learning=False, label=None, modulator=1.0):
        """Return all there is to know of a sample."""
        x = np.asarray(x, np.float64) / self.unit(x, learning and self.teaches(x, label))
        u = (np.sign(self.W) * np.abs(self.W) ** (self.lebesgue - 1)) @ x
        v = transmit(u, self.activation[0], **self.activation[1])
        d = v + self.biases(learning)
        if self.begins:
            d[self.begun :] = -1e30  # behind all that have begun
        if self.relative:
            lead = self.lead if self.leads else u.max() - u.mean()
            self.competition["sharpness"] = 1 / max(self.relative * lead, 1e-30)
        return Sample(x, u, v, compete(d, **self.competition, label=label), int(np.argmax(d)), modulator)

    def respond(self, x, learning=False, label=None):
        """Return u, y, z and the input in its unit."""
        sample = self.sense(x, learning, label)
        self.winner = sample.winner
        return sample.u, sample.y, transmit(sample.u, self.transmit[0], **self.transmit[1]), sample.x

    def learn(self, x, label=None, modulator=1.0):
        """Respond and learn; return u, y, z."""
        label = None if label == -1 else label
        sample = self.sense(x, True, label, modulator)
        self.winner = sample.winner
        if self.teaches(x, label) and self.begins and self.begun < len(self.W):
            self.begin(sample.x)
        elif self.teaches(x, label):
            self.leads += 1
            self.lead += max(1 / self.leads, 1e-3) * (sample.u.max() - sample.u.mean() - self.lead)
            self.wins[sample.winner] += 1
            self.pending.append(sample)
            if len(self.pending) == self.window:
                self.apply()
                self.pending = []
        elif self.eligibility:  # time passes: the trace decays, and the modulator meets what is left of it
            self.move(modulator, np.zeros_like(self.W))
        self.samples += 1
        return sample.u, sample.y, transmit(sample.u, self.transmit[0], **self.transmit[1])

    def begin(self, x):
        """Let the next neuron begin in the direction of a sample."""
        norm = (np.abs(x) ** self.lebesgue).sum() ** (1 / self.lebesgue)
        self.W[self.begun] = (1.0 if self.renormalise else self.radius) * x / norm
        self.wins[self.begun] += 1
        self.begun += 1

    def apply(self):
        """Learn from a full window."""
        self.move_means()
        rate = rates(self.schedule, self.rate, self.samples, self.norms(), self.wins)
        if self.rule in ("sanger", "subspace"):
            (sample,) = self.pending  # of a window of one
            learning = (np.abs(sample.y) >= self.cutoff)[:, None]
            step = sample.modulator * learning * mixing_step(self.rule, rate, self.W, sample.x, sample.y)
        else:
            change, growth = self.sums(1.0 if self.step == "largest" else rate)
            # No neuron's weights change, by what multiplies them, by more than the cap.
            part = np.where(np.abs(change) > self.cap, self.cap / np.maximum(np.abs(change), 1e-300), 1.0)
            part = np.ones_like(part) if self.step == "largest" else part
            change, growth = self.gate(part * change, part[:, None] * growth)
            step = change[:, None] * self.W + growth
            if self.step == "largest" and step.any():
                step *= np.broadcast_to(rate, len(step))[:, None] / np.abs(step).max()
        self.move(self.pending[0].modulator, step)
        self.updates += 1
        self.W *= (1 - self.leak) ** len(self.pending)

    def move(self, modulator, step):
        """Take a step; with eligibility, what the modulator makes of its trace."""
        if self.eligibility:
            self.eligible = self.eligibility * self.eligible + step
            step = modulator * self.eligible
        self.W += step
        self.steps += np.linalg.norm(step, axis=1)
        if self.renormalise:
            norms = self.norms()
            moved = step.any(axis=1) & (norms > 0)
            self.W[moved] /= norms[moved, None]
        if self.weight_sum is not None:
            sums = np.abs(self.W).sum(axis=1)
            moved = step.any(axis=1) & (sums > 0)
            self.W[moved] *= self.weight_sum / sums[moved, None]

    def move_means(self):
        """Move the running means of the bias and of the rule by the means over the window."""
        kind, rate = self.bias, self.bias_options.get("rate", 0.0)
        if kind == "threshold":
            # Every sample leaks once; of a window, wins are added when all have leaked.
            self.activity *= (1 - self.bias_options["leak"]) ** len(self.pending)
            for s in self.pending:
                self.activity[s.winner] += self.bias_options["step"]
        if kind == "mean":
            now = np.mean([s.v for s in self.pending], axis=0)
            rate = rate if self.updates else 1.0  # the first mean is the first window's
        elif kind == "conscience":
            now = np.mean([np.arange(len(self.W)) == s.winner for s in self.pending], axis=0)
        else:
            now = np.mean([s.y for s in self.pending], axis=0)
        self.activity += rate * (now - self.activity)
        if kind == "prior":
            self.activity = np.maximum(self.activity, 1e-30)
        now = np.mean([traced(self.rule, s.y, self.constants["ceiling"]) for s in self.pending], axis=0)
        self.traces += (1.0 if self.starts_at_mean and not self.updates else self.averaging) * (now - self.traces)

    def sums(self, rate):
        """Return what multiplies the weights, and what is added to them, of all neurons, summed over the window."""
        change, growth = np.zeros(len(self.W)), np.zeros_like(self.W)
        for s in self.pending:
            a, c = plasticity(self.rule, rate, s.u, s.y, self.traces, **self.constants)
            # An eligibility trace is of what happened; the modulator comes when it is used.
            weight = np.where(np.abs(s.y) >= self.cutoff, 1.0 if self.eligibility else s.modulator, 0.0)
            change += weight * a
            growth += np.outer(weight * c, s.x)
        return change, growth

    def gate(self, change, growth):
        """Let only the neurons that would move farthest learn; if signed, all of these but the first unlearn."""
        if self.competition["kind"] != "gate":
            return change, growth
        sizes = np.linalg.norm(change[:, None] * self.W + growth, axis=1)
        count = max(1, round(self.share * len(self.W)))
        if self.quantile:
            count = int((sizes >= np.quantile(sizes, 1 - self.share)).sum())
        learning = descending(sizes)[:count]
        sign = np.zeros(len(self.W))
        sign[learning] = -1.0 if self.competition["signed"] else 1.0
        sign[learning[0]] = 1.0
        return sign * change, sign[:, None] * growth
