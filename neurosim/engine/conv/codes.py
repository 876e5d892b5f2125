"""A convolutional layer's constants as the numbers that the compiled loop takes."""

from typing import Any

import numpy as np

from neurosim.kernels.conv import layout
from neurosim.kernels.shared import codes as kernel_codes
from neurosim.kernels.shared import rules as rule_cells
from neurosim.layers.conv import ConvWTA, MaxPool, MeanPool, geometry
from neurosim.layers.rules import schedule

NORMALISATIONS = {
    "none": layout.PLAIN, "running": layout.RUNNING, "sample": layout.SAMPLE, "layer": layout.LAYER,
    "window": layout.WINDOW,
}  # fmt: skip
STEPS = {"capped": layout.CAPPED, "largest": layout.LARGEST}
POOLS: dict[type, int] = {type(None): layout.NO_POOL, MaxPool: layout.MAX_POOL, MeanPool: layout.MEAN_POOL}


def codes(layer: ConvWTA, image: tuple[int, ...], real: type[np.floating[Any]] = np.float32) -> layout.Constants:
    """Return a layer's constants for images of a shape as the compiled loop takes them, in one type of real numbers."""
    channels, height, width = image
    sizes, pool, competition = geometry(layer, image, "the layer"), layer.pool, layer.competition
    parameters = np.zeros(kernel_codes.PARAMETERS, real)
    parameters[: len(layer.rule.parameters)] = layer.rule.parameters
    choice = {"signed": False, "sharpness": 1.0} | competition.numbers(layer.neurons)
    numbers: dict[str, Any] = {
        "channels": channels, "height": height, "width": width,
        "kernel": layer.kernel, "stride": layer.stride, "padding": layer.padding, **sizes._asdict(),
        "pool": POOLS[type(pool)], "pool_size": pool.size if pool else 1, "pool_stride": pool.stride if pool else 1,
        "pool_padding": pool.padding if pool else 0,
        "soft": competition.soft, "signed": choice["signed"], "sharpness": choice["sharpness"],
        "activation": layer.activation.code, "activation_exponent": layer.activation.exponent,
        "rule": rule_cells.CODES[layer.rule.cell], "parameters": parameters, **schedule(layer.rule).numbers(),
        "step": STEPS[layer.step], "cap": layer.cap, "cutoff": layer.cutoff,
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
