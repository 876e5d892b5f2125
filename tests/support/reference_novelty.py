"""Novelty in plain Python, from its equations: what the compiled loops are compared with."""

import math

import numpy as np


class Usual:
    """A robust running distribution, from its definition."""

    def __init__(self, horizon):
        self.n, self.m, self.v, self.horizon = 0, 0.0, 0.0, horizon

    def learn(self, x):
        d = x - self.m
        if self.n >= 10:
            deviation = max(math.sqrt(self.v), 1e-6 * abs(self.m) + 1e-30)
            d = min(max(d, -3 * deviation), 3 * deviation)
        self.n = min(self.n + 1, self.horizon)
        self.m += d / self.n
        self.v = (1 - 1 / self.n) * (self.v + d * d / self.n)  # the usual form of the same: Welford's, then exponential

    def of(self, x):
        return (x - self.m) / max(math.sqrt(self.v), 1e-6 * abs(self.m) + 1e-30) if self.n > 1 else 0.0


def replay(told, measures, *, horizon=1000, prior=100.0, settling=5, quantile=0.99, recent=1000):
    """Return novelty and threshold of each (potentials, responses, winner, step), in plain Python."""
    neurons = len(told[0][0])
    own = [Usual(horizon) for _ in range(neurons)]
    pooled, entropies, steps, wins, past, found = Usual(horizon), Usual(horizon), Usual(horizon), [0] * neurons, [], []
    for u, y, k, step in told:
        latest = sorted(past[-recent:])
        needed = math.ceil(round(1 / (1 - quantile), 6))
        threshold = latest[math.ceil(quantile * len(latest)) - 1] if len(latest) >= needed else math.inf
        if not np.any(u):
            found.append((math.nan, threshold))
            continue
        shares = [abs(float(value)) / sum(abs(float(other)) for other in y) for value in y]
        disorder = -sum(p * math.log(p) for p in shares if p > 0) / math.log(neurons)
        movement, score = math.log(max(step, 1e-9)), 0.0
        if "shortfall" in measures and pooled.n > 1:
            a = own[k].n / (own[k].n + prior) if own[k].n else 0.0
            mean = a * own[k].m + (1 - a) * pooled.m
            variance = a * (own[k].v + (own[k].m - mean) ** 2) + (1 - a) * (pooled.v + (pooled.m - mean) ** 2)
            score += (mean - float(u[k])) / max(math.sqrt(variance), 1e-6 * abs(mean) + 1e-30)
        score += entropies.of(disorder) if "entropy" in measures else 0
        score += steps.of(movement) if "step" in measures else 0
        found.append((score, threshold))
        past.append(score)
        wins[k] += 1
        if wins[k] > settling:
            for usual, value in (
                (own[k], float(u[k])), (pooled, float(u[k])), (entropies, disorder), (steps, movement),
            ):  # fmt: skip
                usual.learn(value)
    return np.array(found).T
