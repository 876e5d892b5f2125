"""The chips that the study compares, and how their neurons get names."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.chip import Chip
from neurosim.chip.response import Response
from neurosim.layers.dense import DenseWTA
from neurosim.readouts.soft import SoftLabels
from neurosim.recipes import hard_wta, softhebb
from neurosim.studies.bayes.images import Images

SMOOTHING = 1e-3  # of P(c | k): a neuron that only ever answered one class is not certain of it
TEMPERATURE = 0.01  # of all that is soft here: one concentration, so that likelihoods are comparable
METHODS: dict[
    str, Callable[..., DenseWTA]
] = {  # of the last layer; `deep` has a layer of as many SoftHebb neurons before it
    "soft": partial(softhebb, temperature=TEMPERATURE),
    "deep": partial(softhebb, temperature=TEMPERATURE),
    "hard": hard_wta,
    "random": partial(softhebb, temperature=TEMPERATURE, rate=0.0),
}


def layers(method: str, neurons: int, images: Images) -> list[DenseWTA]:
    """Return the layers of a chip as the recipes make them."""
    signed: dict[str, Any] = {"initial": "normal"} if images.low < 0 else {}
    last = METHODS[method](neurons, **signed if method != "deep" else {})
    return [METHODS["soft"](neurons, **signed), last] if method == "deep" else [last]


def new_chip(settings: dict[str, Any], images: Images) -> Chip:
    """Return a cell's chip before its first sample."""
    made = layers(settings["method"], settings["neurons"], images)
    return Chip(made, inputs=images.train.shape[1], seed=settings["seed"])


def learned_chip(settings: dict[str, Any], images: Images) -> Chip:
    """Return a cell's chip after one pass over the training samples."""
    return new_chip(settings, images).learn(images.train)


def named(chip: Chip, images: Images, count: int) -> SoftLabels:
    """Return soft labels of the chip's neurons, from the first `count` training samples."""
    samples, labels = images.naming(count)
    return soft_labels(chip.respond(samples), labels)


def soft_labels(response: Response, labels: NDArray[np.int64], smoothing: float = SMOOTHING) -> SoftLabels:
    """Return soft labels from responses to samples with these labels."""
    readout = SoftLabels(smoothing=smoothing)
    readout.add(response, labels)
    return readout.finish()
