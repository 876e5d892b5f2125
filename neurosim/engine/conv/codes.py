"""A convolutional layer's constants as the numbers that the compiled loop takes."""

from typing import Any

import numpy as np

from neurosim.kernels import conv
from neurosim.layers import activations, competition, rules, schedules
from neurosim.layers.conv import ConvWTA, MaxPool, MeanPool, geometry
from neurosim.layers.own_rules import OwnRule

NORMALISATIONS = {
    "none": conv.PLAIN, "running": conv.RUNNING, "sample": conv.SAMPLE, "layer": conv.LAYER, "window": conv.WINDOW,
}  # fmt: skip
STEPS = {"capped": conv.CAPPED, "largest": conv.LARGEST}
COMPETITIONS: dict[type, int] = {competition.SoftWTA: conv.SOFT, competition.HardWTA: conv.HARD}
RULES: dict[type, int] = {
    rules.Hebb: conv.HEBB, rules.Oja: conv.OJA, rules.Instar: conv.INSTAR, rules.SoftHebb: conv.SOFT_HEBB,
    OwnRule: conv.OWN,
}  # fmt: skip
SCHEDULES: dict[type, int] = {
    schedules.ConstantRate: conv.CONSTANT, schedules.LinearRate: conv.LINEAR,
    schedules.ExponentialRate: conv.EXPONENTIAL, schedules.NormAdaptiveRate: conv.BY_NORM,
    schedules.WinCountRate: conv.BY_WINS,
}  # fmt: skip
FUNCTIONS: dict[type, int] = {
    activations.Identity: conv.IDENTITY, activations.ReLU: conv.RELU, activations.Triangle: conv.TRIANGLE,
}  # fmt: skip
POOLS: dict[type, int] = {type(None): conv.NO_POOL, MaxPool: conv.MAX_POOL, MeanPool: conv.MEAN_POOL}


def codes(layer: ConvWTA, image: tuple[int, ...], real: type[np.floating[Any]] = np.float32) -> conv.Constants:
    """Return a layer's constants for images of a shape as the compiled loop takes them, in one type of real numbers."""
    channels, height, width = image
    sizes, pool, schedule = geometry(layer, image, "the layer"), layer.pool, rules.schedule(layer.rule)
    parameters = np.zeros(conv.PARAMETERS, real)
    if isinstance(layer.rule, OwnRule):
        values = [value for _, value in layer.rule.constants]
        parameters[: len(values)] = values
    numbers: dict[str, Any] = {
        "channels": channels, "height": height, "width": width,
        "kernel": layer.kernel, "stride": layer.stride, "padding": layer.padding, **sizes._asdict(),
        "pool": POOLS[type(pool)], "pool_size": pool.size if pool else 1, "pool_stride": pool.stride if pool else 1,
        "pool_padding": pool.padding if pool else 0,
        "competition": COMPETITIONS[type(layer.competition)], "signed": getattr(layer.competition, "signed", False),
        "sharpness": getattr(layer.competition, "sharpness", 1.0),
        "activation": FUNCTIONS[type(layer.activation)], "activation_exponent": getattr(layer.activation, "power", 1.0),
        "rule": RULES[type(layer.rule)], "parameters": parameters,
        "schedule": SCHEDULES[type(schedule)], "rate": schedule.rate, "last_rate": getattr(schedule, "last", 0.0),
        "rate_samples": getattr(schedule, "samples", 1.0), "rate_power": getattr(schedule, "power", 0.0),
        "rate_floor": getattr(schedule, "floor", 0.0),
        "step": STEPS[layer.step], "cap": layer.cap, "cutoff": layer.cutoff,
        "normalise": NORMALISATIONS[layer.normalise], "forgetting": 1 / layer.horizon, "warm_up": layer.warm_up,
        "negative": layer.initial == "normal",
        "transmit": FUNCTIONS[type(layer.transmit)], "exponent": getattr(layer.transmit, "power", 1.0),
        "instruments": layer.instruments,
    }  # fmt: skip
    kinds = conv.Constants.__annotations__
    for name in numbers:
        if kinds[name] is np.float32:
            numbers[name] = real(numbers[name])
    return conv.Constants(**numbers)
