"""Peers of the dense layer, side by side: what else can learn from one sample at a time, and what that costs.

::

    python -m benchmarks.peers --root DIR --neurons 2000 --samples 500 [--dense-input] [--respond] [--json]

One file a peer, each with

- `NAME`; `REQUIRES`, what must be importable; `SAME_RULE`, whether it computes the chip's rule or one of its own;
- `make(weights, constants)`, which returns an object with `step(x)`, which learns and returns the responses (or the
  winner), `respond(x)`, which changes nothing, and `weights()`, float32 (neurons, inputs);
- where need be `AT_MOST`, samples a round, and `LARGEST`, neurons, as it is slow; `why_not()`, what else is missing.
  An object that has `many(samples)`, a compiled loop over samples, is timed by that, too.

The rule is SoftHebb as `neurosim.recipes.softhebb` has it, samples in units of their own norm (no sample is blank):

    u = W x / |x|,  y = softmax(sharpness u),  c_k = rate | |w_k| - 1 |^power y_k  where y_k >= cutoff, else 0,
    c_k no larger than cap / |u_k|,  w_k <- (1 - c_k u_k) w_k + c_k x / |x|
"""

import importlib
import importlib.util
from types import ModuleType
from typing import NamedTuple

import neurosim as ns
from neurosim.layers.rules import schedule

SAME_RULE = (
    "numpy_dense", "numpy_blas", "numpy_rows", "numba_dense", "numba_rows", "numba_events", "torch_eager",
    "torch_compile", "jax_jit",
)  # fmt: skip
OWN_RULE = ("sklearn_kmeans", "river_kmeans", "superneuromat_stdp")
NAMES = SAME_RULE + OWN_RULE


class Constants(NamedTuple):
    """What the rule is."""

    sharpness: float
    rate: float
    power: float
    cap: float
    cutoff: float


def constants_of(layer: ns.DenseWTA) -> Constants:
    """Return the constants of a layer of `neurosim.recipes.softhebb`."""
    paced = schedule(layer.rule)
    return Constants(layer.competition.sharpness, paced.rate, paced.power, layer.cap, layer.cutoff)


def peer(name: str) -> ModuleType:
    """Return a peer; what it requires is imported where it is made."""
    return importlib.import_module(f"{__name__}.{name}")


def missing(module: ModuleType, neurons: int) -> str | None:
    """Say why a peer cannot run, if it cannot."""
    for package in module.REQUIRES:
        if importlib.util.find_spec(package) is None:
            return f"{package} is not installed: pip install 'neurosim-chip[peers]'"
    if neurons > getattr(module, "LARGEST", neurons):
        return f"it takes too long to build for more than {module.LARGEST} neurons"
    return module.why_not() if hasattr(module, "why_not") else None
