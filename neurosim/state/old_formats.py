"""State files of older formats: their contents are converted to the current one."""

from typing import Any

import numpy as np

from neurosim.instruments import RECORD
from neurosim.state.arrays import Arrays


def from_format_1(constants: dict[str, Any], arrays: Arrays) -> tuple[dict[str, Any], Arrays]:
    """Convert the constants and arrays of a layer of format 1: it had one rule, no instruments, and kept window sums.

    Raises
    ------
    ValueError
        If a window is unfinished: the responses that today's window keeps cannot be recovered from its sums.
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
