"""A convolutional layer's constants as the numbers that the compiled loop takes."""

from typing import Any

import numpy as np

from neurosim.kernels.conv import layout
from neurosim.kernels.shared import codes as code
from neurosim.layers import activations, competition, rules, schedules
from neurosim.layers.conv import ConvWTA, MaxPool, MeanPool, geometry
from neurosim.layers.own_rules import OwnRule

NORMALISATIONS = {
    "none": layout.PLAIN, "running": layout.RUNNING, "sample": layout.SAMPLE, "layer": layout.LAYER,
    "window": layout.WINDOW,
}  # fmt: skip
STEPS = {"capped": layout.CAPPED, "largest": layout.LARGEST}
COMPETITIONS: dict[type, int] = {competition.SoftWTA: code.SOFT, competition.HardWTA: code.HARD}
RULES: dict[type, int] = {
    rules.Hebb: code.HEBB, rules.Oja: code.OJA, rules.Instar: code.INSTAR, rules.SoftHebb: code.SOFT_HEBB,
    OwnRule: code.OWN,
}  # fmt: skip
SCHEDULES: dict[type, int] = {
    schedules.ConstantRate: code.CONSTANT, schedules.LinearRate: code.LINEAR,
    schedules.ExponentialRate: code.EXPONENTIAL, schedules.NormAdaptiveRate: code.BY_NORM,
    schedules.WinCountRate: code.BY_WINS,
}  # fmt: skip
FUNCTIONS: dict[type, int] = {
    activations.Identity: code.IDENTITY, activations.ReLU: code.RELU, activations.Triangle: code.TRIANGLE,
}  # fmt: skip
POOLS: dict[type, int] = {type(None): layout.NO_POOL, MaxPool: layout.MAX_POOL, MeanPool: layout.MEAN_POOL}


def codes(layer: ConvWTA, image: tuple[int, ...], real: type[np.floating[Any]] = np.float32) -> layout.Constants:
    """Return a layer's constants for images of a shape as the compiled loop takes them, in one type of real numbers."""
    channels, height, width = image
    sizes, pool, schedule = geometry(layer, image, "the layer"), layer.pool, rules.schedule(layer.rule)
    parameters = np.zeros(code.PARAMETERS, real)
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
    kinds = layout.Constants.__annotations__
    for name in numbers:
        if kinds[name] is np.float32:
            numbers[name] = real(numbers[name])
    return layout.Constants(**numbers)
