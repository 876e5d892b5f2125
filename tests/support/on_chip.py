"""A chip of one dense layer behind the constructor and attributes of `reference.Layer`."""

import warnings

import numpy as np

import neurosim as ns


def make_competition(
    kind, *, sharpness, winners, signed, winner_only, rank, opposition, share, quantile=False, relative=None
):
    if kind == "soft" and relative is not None:
        return ns.SoftWTA(relative_temperature=relative, signed=signed, winner_only=winner_only)
    if kind == "soft":
        return ns.SoftWTA(temperature=1 / sharpness, signed=signed, winner_only=winner_only)
    return {
        "hard": lambda: ns.HardWTA(), "k": lambda: ns.KWTA(winners, signed=signed),
        "soft k": lambda: ns.KWTA(winners, signed=signed, temperature=1 / sharpness),
        "ranked": lambda: ns.Ranked(rank=rank, opposition=opposition), "none": lambda: ns.NoInhibition(),
        "gate": lambda: ns.SparseGate(share=share, signed=signed, quantile=quantile), "taught": lambda: ns.Taught(),
        "corrected": lambda: ns.Corrected(temperature=1 / sharpness),
    }[kind]()  # fmt: skip


def make_schedule(kind, options, rate, power, floor):
    if kind == "norm":
        return ns.NormAdaptiveRate(rate, **{"power": power, "floor": floor, **options})
    return {"constant": ns.ConstantRate, "linear": ns.LinearRate, "exponential": ns.ExponentialRate,
            "wins": ns.WinCountRate}[kind](rate, **options)  # fmt: skip


def make_rule(kind, rate, *, averaging, starts_at_mean, ceiling, decay, threshold):
    averaging = {} if averaging is None else {"averaging": averaging}
    maker, constants = {
        "softhebb": (ns.SoftHebb, {}), "hebb": (ns.Hebb, {}), "oja": (ns.Oja, {}), "instar": (ns.Instar, {}),
        "hebbnet": (ns.HebbNet, {"starts_at_mean": starts_at_mean, **averaging}),
        "bcm": (ns.BCM, {"ceiling": ceiling, "decay": decay, **averaging}),
        "eghr": (ns.EGHR, {"threshold": threshold}), "sanger": (ns.Sanger, {}), "subspace": (ns.OjaSubspace, {}),
    }[kind]  # fmt: skip
    return maker(rate=rate, **constants)


def make_function(kind, options):
    return {"identity": ns.Identity, "relu": ns.ReLU, "triangle": ns.Triangle, "softmax": ns.Softmax}[kind](**options)


def make_bias(kind, options):
    return {"conscience": ns.Conscience, "mean": ns.MeanActivity, "prior": ns.LogPrior,
            "threshold": ns.AdaptiveThreshold}[kind](**options)  # fmt: skip


def make_layer(neurons, *, kind="soft", sharpness=1.0, winners=1, signed=False, rate=0.1, power=0.5, floor=0.0,
               transmit=("identity", {}), winner_only=False, rank=2, opposition=0.4, share=0.2, quantile=False,
               activation=("identity", {}), bias=None, rule="softhebb", averaging=None, starts_at_mean=False,
               ceiling=2.0, decay=0.0, threshold=1.0, schedule=("norm", {}), cutoff=0.0, relative=None,
               **constants):  # fmt: skip
    """Return the layer that `reference.Layer` is with these constants."""
    paced = make_schedule(*schedule, rate, power, floor)
    together = {
        "competition": make_competition(kind, sharpness=sharpness, winners=winners, signed=signed,
                                        winner_only=winner_only, rank=rank, opposition=opposition, share=share,
                                        quantile=quantile, relative=relative),
        "rule": make_rule(rule, paced, averaging=averaging, starts_at_mean=starts_at_mean, ceiling=ceiling,
                          decay=decay, threshold=threshold),
        "activation": make_function(*activation), "transmit": make_function(*transmit),
        "bias": bias and make_bias(*bias), "initial": "normal", "cutoff": cutoff, **constants,
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ns.StabilityWarning)  # checks go where it is not stable, too
        return ns.DenseWTA(neurons, **together)


class OnChip:
    """What a chip learns in float32, as `reference.Layer` tells it."""

    tolerance = 1e-6

    def __init__(self, W, **constants):
        self.chip = ns.Chip([make_layer(len(W), **constants)], inputs=W.shape[1])
        self.layer = self.chip.layers[0]
        self.start(np.asarray(W, np.float64), constants.get("lebesgue", 2.0))

    def start(self, W, lebesgue):
        """Put first weights in the place of those drawn."""
        state = self.layer.state
        state.synapses[:] = W.T
        state.scales[:] = 1
        state.norms[:] = (np.abs(W) ** lebesgue).sum(axis=1)

    def learn(self, x, label=None, modulator=1.0):
        response = self.chip.learn_one(np.asarray(x, np.float32), label=label, modulator=modulator)
        return response.potentials, response.responses, response.output

    @property
    def W(self):
        return self.layer.weights.astype(np.float64)

    @property
    def wins(self):
        return self.layer.wins

    @property
    def activity(self):
        return self.layer.state.activity.astype(np.float64)

    @property
    def traces(self):
        return self.layer.state.traces.astype(np.float64)

    @property
    def steps(self):
        return self.layer.state.steps[0].astype(np.float64)
