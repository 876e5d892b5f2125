"""A layer's constants as the numbers that the compiled loop takes."""

from typing import Any

import numpy as np

from neurosim.engine.dense.devices import numbers as numbers_of_devices
from neurosim.engine.dense.few_bits import highest
from neurosim.kernels.dense import layout
from neurosim.kernels.shared import codes as kernel_codes
from neurosim.kernels.shared import competitions as competition_cells
from neurosim.kernels.shared import rules as rule_cells
from neurosim.layers.competition import Competition
from neurosim.layers.dense import DenseWTA
from neurosim.layers.rules import Rule, schedule

UNITS = {"none": kernel_codes.RAW, "stream": kernel_codes.STREAM_NORM, "sample": kernel_codes.SAMPLE_NORM}


def codes(
    layer: DenseWTA, real: type[np.floating[Any]] = np.float32, salt: int = 0, given: bool = False
) -> layout.Constants:
    """Return a layer's constants as the compiled loop takes them, in one type of real numbers.

    `salt` is what chance depends on, with synapses of few bits (`few_bits.salt`) or of cells (`devices.salt`). `given`
    is whether first weights are given as an array, so that no neuron begins as a sample.
    """
    begins = layer.initial == "samples" and not given
    numbers: dict[str, Any] = {
        **_competition(layer.competition, layer.neurons), **_rule(layer.rule), **schedule(layer.rule).numbers(),
        "bias": layer.bias.code if layer.bias else kernel_codes.UNBIASED,
        "bias_rate": getattr(layer.bias, "rate", 0.0), "bias_strength": getattr(layer.bias, "strength", 0.0),
        "activation": layer.activation.code, "activation_exponent": layer.activation.exponent,
        "transmit": layer.transmit.code, "exponent": layer.transmit.exponent,
        "cap": layer.cap, "cutoff": layer.cutoff, "lebesgue": layer.lebesgue, "renormalise": layer.renormalise,
        "weight_sum": layer.weight_sum or 0.0, "largest": layer.step == "largest",
        "leak": layer.leak, "eligibility": layer.eligibility, "units": UNITS[layer.normalise],
        "beginners": layer.neurons if begins else 0, "first_norm": 1.0 if layer.renormalise else layer.radius,
        "forgetting": 1e-3, "negative": layer.initial != "uniform", "instruments": layer.instruments,
        "highest": highest(layer), "nearest": layer.rounding == "nearest", "salt": np.uint64(salt),
    }  # fmt: skip
    numbers["parameters"] = numbers["parameters"].astype(real)
    numbers["devices"] = np.array(numbers_of_devices(layer), real)
    kinds = layout.Constants.__annotations__
    for name in numbers:
        if kinds[name] is np.float32:
            numbers[name] = real(numbers[name])
    return layout.Constants(**numbers)


def _competition(competition: Competition, neurons: int) -> dict[str, Any]:
    asked = {name: getattr(competition, name) for name in ("soft", "ranked", "by_label", "gated")}
    numbers = {"winners": 1, "signed": False, "winner_only": False, "competition_parameter": 0.0, "sharpness": 1.0,
               "relative": 0.0}  # fmt: skip
    return {
        "competition": competition_cells.CODES[competition.cell], **asked, **(numbers | competition.numbers(neurons)),
    }  # fmt: skip


def _rule(rule: Rule) -> dict[str, Any]:
    parameters = np.zeros(kernel_codes.PARAMETERS)
    parameters[: len(rule.parameters)] = rule.parameters
    return {
        "rule": rule_cells.CODES[rule.cell], "parameters": parameters, "averaging": getattr(rule, "averaging", 0.0),
        "starts_at_mean": getattr(rule, "starts_at_mean", False), "moment": rule.moment, "total": rule.total,
    }  # fmt: skip
