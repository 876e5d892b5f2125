"""A convolutional layer's constants as the numbers that the compiled loop takes."""

from typing import Any

import numpy as np

from neurosim.kernels.conv import layout
from neurosim.kernels.shared import codes as kernel_codes
from neurosim.kernels.shared import competitions as competition_cells
from neurosim.kernels.shared import rules as rule_cells
from neurosim.layers.conv import ConvWTA, MaxPool, MeanPool, geometry
from neurosim.layers.rules import schedule

NORMALISATIONS = {
    "none": layout.PLAIN, "running": layout.RUNNING, "sample": layout.SAMPLE, "layer": layout.LAYER,
    "window": layout.WINDOW,
}  # fmt: skip
STEPS = {"capped": layout.CAPPED, "largest": layout.LARGEST}
CHOSEN = {"winners": 1, "signed": False, "competition_parameter": 0.0, "sharpness": 1.0}  # where it says nothing else
POOLS: dict[type, int] = {type(None): layout.NO_POOL, MaxPool: layout.MAX_POOL, MeanPool: layout.MEAN_POOL}


def codes(layer: ConvWTA, image: tuple[int, ...], real: type[np.floating[Any]] = np.float32) -> layout.Constants:
    """Return a layer's constants for images of a shape as the compiled loop takes them, in one type of real numbers."""
    channels, height, width = image
    sizes, pool, competition = geometry(layer, image, "the layer"), layer.pool, layer.competition
    parameters = np.zeros(kernel_codes.PARAMETERS, real)
    parameters[: len(layer.rule.parameters)] = layer.rule.parameters
    choice = CHOSEN | competition.numbers(layer.neurons)
    numbers: dict[str, Any] = {
        "channels": channels, "height": height, "width": width,
        "kernel": layer.kernel, "stride": layer.stride, "padding": layer.padding, **sizes._asdict(),
        "pool": POOLS[type(pool)], "pool_size": pool.size if pool else 1, "pool_stride": pool.stride if pool else 1,
        "pool_padding": pool.padding if pool else 0,
        "competition": competition_cells.CODES[competition.cell], "soft": competition.soft,
        "ranked": competition.ranked, **{name: choice[name] for name in CHOSEN},
        "activation": layer.activation.code, "activation_exponent": layer.activation.exponent,
        "bias": layer.bias.code if layer.bias else kernel_codes.UNBIASED,
        "bias_rate": getattr(layer.bias, "rate", 0.0), "bias_strength": getattr(layer.bias, "strength", 0.0),
        "rule": rule_cells.CODES[layer.rule.cell], "parameters": parameters, **schedule(layer.rule).numbers(),
        "step": STEPS[layer.step], "renormalise": layer.renormalise, "cap": layer.cap, "cutoff": layer.cutoff,
        "normalise": NORMALISATIONS[layer.normalise], "forgetting": 1 / layer.horizon, "warm_up": layer.warm_up,
        "momentum": layer.momentum, "waits": layer.answers == "window", "pre_triangle": layer.pre_triangle,
        "negative": layer.initial == "normal",
        "transmit": layer.transmit.code, "exponent": layer.transmit.exponent,
        "instruments": layer.instruments,
    }  # fmt: skip
    kinds = layout.Constants.__annotations__
    for name in numbers:
        if kinds[name] is np.float32:
            numbers[name] = real(numbers[name])
    return layout.Constants(**numbers)
