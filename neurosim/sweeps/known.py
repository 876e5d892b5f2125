"""What is known of a priced point: the band of each part of its energy, and what its price leaves out."""

import json
from typing import Any

import numpy as np

from neurosim.hardware import CostReport
from neurosim.hardware.energy import constant_of, key_of

REST = "rest"  # energy beyond what is counted times constants
STATIC = "static"
ROUNDING = 1e-9


def energy_terms(report: CostReport) -> str:
    """Return low, value and high of each part of a sample's mean energy, in J, as JSON; their sums are the totals.

    A part is what is counted with one constant, by the constant's key; the static energy; or the rest: whatever else a
    description prices.
    """
    terms: dict[str, Any] = {}
    for name, row in report.energy.operations.items():
        key, constant = key_of(report.mapping.hardware, name), constant_of(report.mapping.hardware, name)
        if key is not None and constant is not None and row["count"] > 0:
            scale = row["energy_J"] / constant.value if constant.value else row["count"]
            band = np.array([scale * constant.low, row["energy_J"], scale * constant.high])
            terms[key] = terms.get(key, 0.0) + band
    static = report.mean_parts_J["static"]
    static = np.zeros(3) if static is None else static
    wanted, counted = report.mean_energy_J - static, np.sum([np.zeros(3), *terms.values()], axis=0)
    if np.isclose(wanted[1], counted[1], rtol=ROUNDING, atol=0):
        # Bands of narrower weights may differ from that of the constant.
        factor = np.divide(wanted, counted, out=np.ones(3), where=counted > 0)
        terms = {key: band * factor for key, band in terms.items()}
    else:
        terms[REST] = np.sort(np.maximum(wanted - counted, 0.0))
    terms[STATIC] = static
    return json.dumps({name: band.tolist() for name, band in terms.items() if band[2] > 0})


def left_out(summary: dict[str, Any]) -> dict[str, str]:
    """Return what a price leaves out, as text: `not_priced` by its kinds, `not_modelled` as the description says it.

    Parameters
    ----------
    summary : dict
        Of a `CostReport`.
    """
    kinds = [name.replace("_", " ") for name in summary["not_priced"]]
    kinds += ["static power"] if summary["energy_split_J"]["static"] is None else []
    kinds += ["times"] if summary["latency_s"] is None else []
    kinds += [f"time of {name.replace('_', ' ')}" for name in summary["not_timed"]]
    return {"not_priced": ", ".join(sorted(kinds)), "not_modelled": "; ".join(summary["hardware"]["not_modelled"])}
