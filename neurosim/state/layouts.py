"""Which arrays the state of a layer has: names, types, and shapes in terms of the layer's constants.

`docs/state-format.md` says what each is. The arrays themselves are made by `neurosim.engine.dense.state` and
`neurosim.engine.conv.state`; what is saved from them must be as it stands here, or it would not be read again.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from neurosim.errors import StateError
from neurosim.instruments import MOST_RECORDS, RECORD
from neurosim.state.arrays import FIRST_WEIGHTS

FLOAT, INDEX, COUNT = np.dtype(np.float32), np.dtype(np.int32), np.dtype(np.int64)
LARGEST = 2**31 - 1  # of the sizes of an array
LONGEST_WINDOW = 4096  # samples


class Array(NamedTuple):
    """Type and shape of an array. A size is a number or a name: equal names are equal sizes within a layer."""

    dtype: np.dtype[Any]
    shape: tuple[int | str, ...]


_EVERY_NEURON = Array(FLOAT, ("neurons",))
_INSTRUMENTS = {"steps": Array(FLOAT, (2, "neurons")), "records": Array(RECORD, ("records",))}
_FORMAT_1 = {
    "synapses": Array(FLOAT, ("inputs", "neurons")),
    "scales": _EVERY_NEURON,
    "norms": _EVERY_NEURON,
    "wins": Array(COUNT, ("neurons",)),
    "counters": Array(COUNT, (5,)),
    "input_norm": Array(FLOAT, (1,)),
    "pending_inputs": Array(FLOAT, ("waiting", "inputs")),
    "pending_active": Array(INDEX, ("waiting", "inputs")),
    "pending_sizes": Array(COUNT, ("waiting",)),
    "pending_growth": Array(FLOAT, ("waiting", "neurons")),
    "pending_decay": Array(FLOAT, (2, "neurons")),
    "weights": Array(FLOAT, ("neurons", "inputs")),
}
_DENSE = {name: array for name, array in _FORMAT_1.items() if name not in ("pending_growth", "pending_decay")} | {
    "counters": Array(COUNT, (6,)),
    "pending_modulators": Array(FLOAT, ("waiting",)),
    "pending_potentials": Array(FLOAT, ("waiting", "neurons")),
    "pending_responses": Array(FLOAT, ("waiting", "neurons")),
    "pending_sums": Array(FLOAT, (2, "neurons")),
    "lead": Array(FLOAT, (2,)),
    "activity": _EVERY_NEURON,
    "traces": _EVERY_NEURON,
    "eligibility": Array(FLOAT, ("inputs", "neurons")),
    "eligibility_scales": _EVERY_NEURON,
    "programmed": Array(COUNT, ("inputs", "neurons")),
    "exponents": Array(FLOAT, ("inputs", "neurons")),
    FIRST_WEIGHTS: Array(FLOAT, ("neurons", "inputs")),
    **_INSTRUMENTS,
}
_UNTRACED = {"eligibility": Array(FLOAT, (0, "neurons")), "eligibility_scales": Array(FLOAT, (0,))}
_CONV = {
    "synapses": Array(FLOAT, ("neurons", "patch")),
    "scales": _EVERY_NEURON,
    "norms": _EVERY_NEURON,
    "wins": Array(COUNT, ("neurons",)),
    "counters": Array(COUNT, (7,)),
    "means": Array(FLOAT, ("channels",)),
    "variances": Array(FLOAT, ("channels",)),
    "pending_inputs": Array(FLOAT, ("waiting", "inputs")),
    "pending_modulators": Array(FLOAT, ("waiting",)),
    "pending_potentials": Array(FLOAT, ("waiting", "positions", "neurons")),
    "weights": Array(FLOAT, ("neurons", "channels", "kernel", "kernel")),
    FIRST_WEIGHTS: Array(FLOAT, ("neurons", "channels", "kernel", "kernel")),
    **_INSTRUMENTS,
}
_BIASED = {"activity": _EVERY_NEURON, "pending_sums": _EVERY_NEURON}  # of a ConvWTA with a bias
# Only where a layer began with an array; where a mean lead is known; where cells age.
OPTIONAL = frozenset({FIRST_WEIGHTS, "lead", "programmed", "exponents"})
KINDS = {"DenseWTA": _DENSE, "ConvWTA": _CONV}
READOUTS = {
    "winner": {"labels": Array(COUNT, ("neurons",)), "wins": Array(COUNT, ("neurons",))},
    "linear": {
        "labels": Array(COUNT, ("classes",)),
        "weights": Array(FLOAT, ("classes", "features")),
        "intercepts": Array(FLOAT, ("classes",)),
        "means": Array(FLOAT, ("features",)),
        "scales": Array(FLOAT, ("features",)),
    },
    "softmax": {"weights": Array(FLOAT, ("classes", "features")), "bias": Array(FLOAT, ("classes",))},
}


def arrays_of(constants: Any, version: int) -> dict[str, Array]:
    """Return the arrays of a layer by name, `weights` among them, in a file of a version.

    Raises
    ------
    StateError
        From here and from below: if the constants are none of a layer.
    """
    if not isinstance(constants, dict):
        raise StateError("must hold constants that are a JSON object, and holds others")
    kind = constants.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise _impossible("kind", f"one of {', '.join(KINDS)}", kind)
    if version == 1:
        return _FORMAT_1
    untraced = kind == "DenseWTA" and constants.get("eligibility") == 0
    biased = kind == "ConvWTA" and constants.get("bias") is not None
    return KINDS[kind] | (_UNTRACED if untraced else {}) | (_BIASED if biased else {})


def sizes_of(constants: Mapping[str, Any], sample: tuple[int, ...] | None) -> dict[str, int]:
    """Return the sizes that a layer's constants say, and the shape of its samples, if that is known."""
    sizes = {"neurons": _size(constants, "neurons", LARGEST)}
    if constants["kind"] == "ConvWTA":
        sizes["kernel"] = _size(constants, "kernel", LARGEST)
        if sample is not None:
            sizes |= {"channels": sample[0], "patch": sample[0] * sizes["kernel"] ** 2}
    return sizes if sample is None else sizes | {"inputs": math.prod(sample)}


def highest_of(constants: Mapping[str, Any]) -> dict[str, int]:
    """Return the largest values of the sizes that a layer's constants leave open."""
    return {"waiting": _size(constants, "window", LONGEST_WINDOW) - 1, "records": MOST_RECORDS - 1}


def _size(constants: Mapping[str, Any], name: str, highest: int) -> int:
    value = constants.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= highest:
        raise _impossible(name, f"a whole number from 1 to {highest}", value)
    return value


def _impossible(name: str, rule: str, value: Any) -> StateError:
    told = repr(value)
    told = told if len(told) <= 60 else told[:60] + "..."
    return StateError(f"must hold layers that this version knows, but: {name} must be {rule}, got {told}")
