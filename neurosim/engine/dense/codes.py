"""A layer's constants as the numbers that the compiled loop takes."""

from typing import Any

import numpy as np

from neurosim.engine.dense.few_bits import highest
from neurosim.kernels.dense import layout
from neurosim.kernels.shared import codes as code
from neurosim.layers import activations, biases, competition, rules, schedules
from neurosim.layers.dense import DenseWTA
from neurosim.layers.own_rules import OwnRule

UNITS = {"none": code.RAW, "stream": code.STREAM_NORM, "sample": code.SAMPLE_NORM}
COMPETITIONS: dict[type, int] = {
    competition.SoftWTA: code.SOFT, competition.HardWTA: code.HARD, competition.KWTA: code.K_WINNERS,
    competition.Ranked: code.RANKED, competition.NoInhibition: code.UNINHIBITED,
    competition.SparseGate: code.GATED, competition.Taught: code.TAUGHT,
    competition.Corrected: code.CORRECTED,
}  # fmt: skip
BIASES: dict[type, int] = {
    type(None): code.UNBIASED, biases.Conscience: code.CONSCIENCE, biases.MeanActivity: code.MEAN_ACTIVITY,
    biases.LogPrior: code.LOG_PRIOR,
}  # fmt: skip
RULES: dict[type, int] = {
    rules.Hebb: code.HEBB, rules.Oja: code.OJA, rules.Instar: code.INSTAR, rules.SoftHebb: code.SOFT_HEBB,
    rules.HebbNet: code.HEBB_NET, rules.BCM: code.BCM, rules.EGHR: code.EGHR, rules.Sanger: code.SANGER,
    rules.OjaSubspace: code.SUBSPACE, OwnRule: code.OWN,
}  # fmt: skip
SCHEDULES: dict[type, int] = {
    schedules.ConstantRate: code.CONSTANT, schedules.LinearRate: code.LINEAR,
    schedules.ExponentialRate: code.EXPONENTIAL, schedules.NormAdaptiveRate: code.BY_NORM,
    schedules.WinCountRate: code.BY_WINS,
}  # fmt: skip
FUNCTIONS: dict[type, int] = {
    activations.Identity: code.IDENTITY, activations.ReLU: code.RELU, activations.Triangle: code.TRIANGLE,
    activations.Softmax: code.SOFTMAX,
}  # fmt: skip


def codes(layer: DenseWTA, real: type[np.floating[Any]] = np.float32, salt: int = 0) -> layout.Constants:
    """Return a layer's constants as the compiled loop takes them, in one type of real numbers.

    With synapses of few bits, `salt` is what their growth is rounded by: `few_bits.salt`.
    """
    numbers: dict[str, Any] = {
        **_competition(layer), **_rule(layer.rule), **_schedule(rules.schedule(layer.rule)),
        "bias": BIASES[type(layer.bias)], "bias_rate": getattr(layer.bias, "rate", 0.0),
        "bias_strength": getattr(layer.bias, "strength", 0.0),
        "activation": FUNCTIONS[type(layer.activation)], "activation_exponent": _exponent(layer.activation),
        "transmit": FUNCTIONS[type(layer.transmit)], "exponent": _exponent(layer.transmit),
        "cap": layer.cap, "cutoff": layer.cutoff, "lebesgue": layer.lebesgue, "renormalise": layer.renormalise,
        "leak": layer.leak, "eligibility": layer.eligibility, "units": UNITS[layer.normalise],
        "forgetting": 1e-3, "negative": layer.initial != "uniform", "instruments": layer.instruments,
        "highest": highest(layer), "nearest": layer.rounding == "nearest", "salt": np.uint64(salt),
    }  # fmt: skip
    numbers["parameters"] = numbers["parameters"].astype(real)
    kinds = layout.Constants.__annotations__
    for name in numbers:
        if kinds[name] is np.float32:
            numbers[name] = real(numbers[name])
    return layout.Constants(**numbers)


def _competition(layer: DenseWTA) -> dict[str, Any]:
    chosen, winners = layer.competition, 1
    if isinstance(chosen, competition.KWTA):
        winners = chosen.winners
    if isinstance(chosen, competition.Ranked):
        winners = chosen.rank
    if isinstance(chosen, competition.SparseGate):
        winners = max(1, round(chosen.share * layer.neurons))
    return {
        "competition": COMPETITIONS[type(chosen)], "winners": winners, "signed": getattr(chosen, "signed", False),
        "winner_only": getattr(chosen, "winner_only", False), "opposition": getattr(chosen, "opposition", 0.0),
        "sharpness": getattr(chosen, "sharpness", 1.0),
    }  # fmt: skip


def _rule(rule: rules.Rule) -> dict[str, Any]:
    values: tuple[float, ...] = ()
    total = isinstance(rule, rules.EGHR)
    moment = {rules.HebbNet: 1, rules.BCM: 2}.get(type(rule), 0)
    if isinstance(rule, rules.BCM):
        values = (rule.ceiling, rule.decay)
    if isinstance(rule, rules.EGHR):
        values = (rule.threshold,)
    if isinstance(rule, OwnRule):
        values, moment, total = tuple(value for _, value in rule.constants), rule.moment, rule.total
    parameters = np.zeros(code.PARAMETERS)
    parameters[: len(values)] = values
    averaging = getattr(rule, "averaging", 0.0)
    return {
        "rule": RULES[type(rule)], "parameters": parameters, "averaging": averaging, "moment": moment, "total": total,
    }  # fmt: skip


def _schedule(schedule: schedules.Schedule) -> dict[str, Any]:
    return {
        "schedule": SCHEDULES[type(schedule)], "rate": schedule.rate, "last_rate": getattr(schedule, "last", 0.0),
        "rate_samples": getattr(schedule, "samples", 1.0), "rate_power": getattr(schedule, "power", 0.0),
        "rate_floor": getattr(schedule, "floor", 0.0),
    }  # fmt: skip


def _exponent(function: activations.Transmit) -> float:
    """Return the power of Triangle, the inverse temperature of Softmax."""
    if isinstance(function, activations.Triangle):
        return function.power
    return 1 / function.temperature if isinstance(function, activations.Softmax) else 1.0
