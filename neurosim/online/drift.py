"""Drift: whether a layer's inputs have changed since it settled, and how fast its neurons can follow them."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.instruments import STEPS_RISE, WINNERS_FALL, drift
from neurosim.layers.limits import settles
from neurosim.layers.rules import schedule

SLOW = 0.02  # below this rate a neuron takes some hundred wins to come to other inputs


def drift_of(layer: Any, changes: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any] | None:
    """Return what `neurosim.instruments.drift` tells of a layer at work, as plain values.

    None for a layer that keeps no instruments, that has learned from too few samples, or whose steps say nothing about
    its inputs (`neurosim.layers.limits.settles`); and for all layers of a chip but the first, as what they take changes
    while the layers before them learn. Windows before the last of `changes`, the
    chip's record of changed constants, are left out: such a change is none of the inputs.

    Returns
    -------
    dict or None
        `alarm`, whether the inputs have changed, and `since`, from which sample on; `steps`, `winners`,
        `effective_winners` and `effective_winners_most` as in `neurosim.instruments.Drift`; `rate`, that of the median
        neuron at the next sample, and `rate_floor`, below which it cannot fall (None for a schedule that has none).
    """
    constants, records = layer.constants, layer.records
    if layer.index > 0 or not settles(constants):
        return None
    times = schedule(constants.rule)
    after = max((int(change["sample"]) for change in changes if change["layer"] == layer.index), default=0)
    found = drift(records, _rates(times, records), after)
    if found is None:
        return None
    with np.errstate(over="ignore"):  # a large power of a large norm
        rates = times.of_neurons(layer.samples, layer.norms, layer.wins)
    return {
        "alarm": found.alarm,
        "since": found.since,
        "steps": found.steps,
        "winners": found.winners,
        "effective_winners": found.fewest,
        "effective_winners_most": found.most,
        "rate": float(np.nan_to_num(np.median(rates))),
        "rate_floor": getattr(times, "floor", None),
    }


def _rates(times: Any, records: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean rate by time in the window that ends with each record."""
    by_time = np.array([times.by_time(sample) for sample in (0, *records["sample"].tolist())])
    mean: NDArray[np.float64] = (by_time[1:] + by_time[:-1]) / 2
    return mean


def sentence(found: dict[str, Any]) -> str:
    """Return what `drift_of` found, in words."""
    if not found["alarm"]:
        return f"none: steps are {found['steps']:.1f} times their smallest"
    signs = []
    if found["steps"] > STEPS_RISE:
        signs.append(f"steps are {found['steps']:.1f} times their smallest")
    if found["winners"] > WINNERS_FALL:
        fewest, most = found["effective_winners"], found["effective_winners_most"]
        signs.append(f"effective winners fell from {most:,.0f} to {fewest:,.0f}")
    text = f"since sample {found['since']:,} {' and '.join(signs)}: the inputs have changed"
    text += f", and the median neuron's rate is {found['rate']:.2g}"
    follows = found["rate_floor"] is None or found["rate"] >= SLOW
    return text if follows else f"{text}; see --rate-floor"
