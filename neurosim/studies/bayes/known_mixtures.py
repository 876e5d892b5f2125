"""Samples of mixtures whose shares are known, and the shares that chips learn of them."""

from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from neurosim import randomness
from neurosim.bayes import Mixture
from neurosim.bayes.layers import direct
from neurosim.chip.chip import Chip
from neurosim.layers.biases import LogPrior
from neurosim.recipes import RATE, softhebb

DIRECTIONS = 125  # purpose of random numbers, distinct from those of a chip and of the twin
TRUE_SHARES = (0.4, 0.3, 0.2, 0.1)
INPUTS = 32
PRIOR_RATE = 3e-4
MIXTURES = {  # overlapping components need a lower rate: at the recipe's, directions are too noisy to tell them apart
    "radius-1": {"radius": 1.0, "rate": RATE, "concentration": 50.0, "samples": 20_000},
    "radius-2": {"radius": 2.0, "rate": RATE, "concentration": 50.0, "samples": 20_000},
    "radius-5": {"radius": 5.0, "rate": RATE, "concentration": 50.0, "samples": 20_000},
    "overlap": {"radius": 5.0, "rate": 0.5, "concentration": 20.0, "samples": 40_000},
}


def learned_shares(settings: dict[str, Any], draw: int) -> dict[str, list[float]]:
    """Return, for each component, the share and cosine of its neuron with a prior; without one, its mean response."""
    places = randomness.uniform(draw, DIRECTIONS, 0, len(TRUE_SHARES) * INPUTS).reshape(-1, INPUTS)
    directions = direct(np.where(places > 0.6, places, 0.02))
    truth = Mixture(directions, settings["concentration"], np.array(TRUE_SHARES))
    samples = truth.sample(settings["samples"], draw)[0].astype(np.float32)
    found: dict[str, list[float]] = {}
    for name, bias in (("prior", LogPrior(rate=PRIOR_RATE)), ("none", None)):
        layer = softhebb(
            len(TRUE_SHARES), temperature=1 / settings["concentration"], radius=settings["radius"],
            rate=settings["rate"], initial="normal", bias=bias,
        )  # fmt: skip
        chip = Chip([layer], inputs=INPUTS, seed=draw).learn(samples)
        mixture = Mixture.of(chip)
        shares = mixture.shares if bias else chip.posterior(samples).mean(axis=0)
        cosines = truth.directions @ mixture.directions.T
        component, neuron = linear_sum_assignment(-cosines)
        found |= {name: shares[neuron].tolist(), f"{name}_cosines": cosines[component, neuron].tolist()}
    return found
