"""Rules of plasticity and schedules of their rate, part of the definition of correct (see `reference`).

A rule gives two numbers a neuron and sample: a - 1, what multiplies the old weights, and c, what multiplies the input:
w <- w + (a - 1) w + c x. Oja 1982; Grossberg 1976 (instar); Moraitis et al. 2022 (SoftHebb); Gupta et al. 2021
(HebbNet); Bienenstock, Cooper and Munro 1982, in Intrator and Cooper's form (BCM); Isomura and Toyoizumi 2016 (EGHR).
"""

import numpy as np


def rates(schedule, rate, number, norms, wins):
    """Return the rate of each neuron; `number` is that of the sample that completes the update, from 0."""
    kind, options = schedule
    same = np.ones_like(norms)
    if kind == "norm":
        return np.maximum(rate * np.abs(norms - 1) ** options["power"], options["floor"])
    if kind == "wins":
        return np.maximum(rate * (1.0 + wins) ** -options.get("power", 1.0), options.get("floor", 0.0))
    if kind == "linear":
        return same * (rate + (options.get("last", 0.0) - rate) * min(number / options["samples"], 1))
    if kind == "exponential":
        return same * rate * (options["last"] / rate) ** min(number / options["samples"], 1)
    if kind == "constant":
        return same * rate
    raise ValueError(kind)


def traced(rule, y, ceiling):
    """Return the quantity of one sample whose running mean the rule keeps."""
    if rule == "hebbnet":
        return y
    return np.minimum(y, ceiling) ** 2 if rule == "bcm" else np.zeros_like(y)


def plasticity(rule, rate, u, y, trace, *, ceiling, decay, threshold):
    """Return a - 1 and c of every neuron for one sample; `trace` is the rule's running mean, just moved."""
    if rule == "hebb":
        return np.zeros_like(y), rate * y
    if rule == "oja":
        return -rate * y * y, rate * y
    if rule == "instar":
        return -rate * y, rate * y
    if rule == "softhebb":
        return -rate * y * u, rate * y
    if rule == "hebbnet":
        return np.zeros_like(y), rate * (y - trace)
    if rule == "bcm":
        capped = np.minimum(y, ceiling)
        return -rate * decay, rate * capped * (capped - trace)
    if rule == "eghr":  # the prior of each source: Laplace of variance one, p(u) ~ exp(-sqrt(2) |u|)
        energy, slope = np.sqrt(2) * np.abs(u).sum(), np.sqrt(2) * np.sign(u)
        return np.zeros_like(y), rate * (threshold - energy) * slope
    raise ValueError(rule)


def mixing_step(rule, rate, W, x, y):
    """Return the step of a rule that mixes neurons: y_k (x - sum_j y_j w_j), over j <= k (Sanger 1989) or all j."""
    products = np.outer(y, y)
    if rule == "sanger":
        products = np.tril(products)
    return rate[:, None] * (np.outer(y, x) - products @ W)
