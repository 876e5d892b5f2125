"""State files of older formats: what they hold, in today's terms."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.instruments import RECORD

Arrays = dict[str, NDArray[Any]]


def from_format_1(constants: dict[str, Any], arrays: Arrays) -> tuple[dict[str, Any], Arrays]:
    """Return a layer of format 1, which knew one rule, no instruments, and kept a window's sums.

    Raises
    ------
    ValueError
        If a window is unfinished: its sums do not tell the responses that today's window keeps.
    """
    if len(arrays["pending_sizes"]) > 0:
        raise ValueError(
            "a window of format 1 must be finished to be read here: finish it with the version that wrote it"
        )
    rule = dict(constants["rule"])
    power, floor = rule.pop("power"), rule.pop("floor")
    schedule = {"kind": "NormAdaptiveRate", "rate": rule["rate"], "power": power, "floor": floor}
    neurons = len(arrays["scales"])
    kept = {name: array for name, array in arrays.items() if name not in ("pending_growth", "pending_decay")}
    return constants | {"rule": rule | {"rate": schedule}}, kept | {
        "counters": np.append(arrays["counters"], 0),  # updates are counted from here on, as steps are
        "activity": np.zeros(neurons, np.float32),
        "traces": np.zeros(neurons, np.float32),
        "steps": np.zeros((2, neurons), np.float32),
        "eligibility": np.zeros((0, neurons), np.float32),
        "eligibility_scales": np.zeros(0, np.float32),
        "pending_modulators": np.zeros(0, np.float32),
        "pending_potentials": np.zeros((0, neurons), np.float32),
        "pending_responses": np.zeros((0, neurons), np.float32),
        "pending_sums": np.zeros((2, neurons), np.float32),
        "records": np.zeros(0, RECORD),
    }
