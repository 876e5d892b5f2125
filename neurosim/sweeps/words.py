"""Measures in words, with units that fit: the labels of axes."""

import numpy as np
from numpy.typing import NDArray

from neurosim.reporting.figures import as_label
from neurosim.reporting.units import prefixed

PREFIXED = ("J", "s", "W", "Hz")  # units at the end of a name that take a prefix
UNITS = {"mm2": "mm²", "W_per_mm2": "W/mm²", "W_per_cm2": "W/cm²"}  # those that take none
WORDS = {  # what a name without its unit stands for, where its own words do not say it
    "accuracy": "accuracy, share of test samples",
    "energy": "energy a sample",
    "energy_low": "energy a sample, all constants low",
    "energy_high": "energy a sample, all constants high",
    "energy_inference": "energy of inference a sample",
    "energy_learning": "energy of learning a sample",
    "energy_routing": "energy of routing a sample",
    "energy_static": "static energy a sample",
    "latency": "mean latency",
    "latency_low": "mean latency, all times low",
    "latency_high": "mean latency, all times high",
    "latency_p99": "latency that 99 % of samples keep",
    "latency_p99_low": "latency that 99 % of samples keep, all times low",
    "latency_p99_high": "latency that 99 % of samples keep, all times high",
    "latency_max": "longest latency",
    "latency_max_low": "longest latency, all times low",
    "latency_max_high": "longest latency, all times high",
    "waiting": "mean wait for samples before",
    "samples_per_s_limit": "most samples a second",
    "samples_per_s_limit_low": "most samples a second, all times high",
    "samples_per_s_limit_high": "most samples a second, all times low",
    "memory_bytes": "memory in use, bytes",
    "cores_used": "cores in use",
    "never_won": "neurons that never won",
    "synaptic_operations": "synaptic operations a sample",
    "plasticity_operations": "operations of learning a sample",
    "weight_updates": "synapses written a sample",
    "bits_flipped": "bits flipped a sample",
    "lost_share": "share of events that were lost",
    "deadline_misses": "samples later than the deadline",
    "deadline_miss_share": "share of samples later than the deadline",
    "load": "load: samples that come over those that the chip can do",
    "power": "mean power",
    "overload": "overload: more samples than the chip can do (1), or not (0)",
    "lifetime": "lifetime of the synapses",
    "writes_per_synapse_max": "writes of the most written synapse",
    "area": "area of the chip",
    "power_density": "power density",
}


def words(name: str, values: NDArray[np.float64], wish: str) -> tuple[str, float]:
    """Return a measure as the words of an axis, and the size of the axis's unit in that of the values.

    Parameters
    ----------
    name : str
        A measure, its unit at the end: `energy_J`.
    values : float64 (points,)
    wish : {"max", "min"}
    """
    better = "more is better" if wish == "max" else "less is better"
    for ending, unit in UNITS.items():
        if name.endswith(f"_{ending}"):
            return f"{_said(name.removesuffix(f'_{ending}'))}, {unit} ({better})", 1.0
    what, _, unit = name.rpartition("_")
    if not what or unit not in PREFIXED:
        return f"{_said(name)} ({better})", 1.0
    shown, size = prefixed(float(np.median(np.abs(values))), unit)
    return f"{_said(what)}, {shown} ({better})", size


def _said(name: str) -> str:
    return as_label(WORDS.get(name, name.replace("_", " ")))
