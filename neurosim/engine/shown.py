"""A layer at work as notebooks show it."""

from typing import Any

import numpy as np

from neurosim.instruments import never_won
from neurosim.reporting import html


def layer_html(layer: Any) -> str:
    """Return a table of what a layer at work is and what it has learned, and the constants that make it."""
    title = f"{type(layer.constants).__name__} at work, layer {layer.index + 1}"
    return html.heading(title) + html.pairs(facts(layer).items()) + html.folded("constants", repr(layer.constants))


def facts(layer: Any) -> dict[str, str]:
    """Return what a layer at work is and what it has learned, as texts by what they are."""
    constants, norms = layer.constants, layer.norms.astype(np.float64)  # sums of what float32 holds may be beyond it
    return {
        "takes": sizes(getattr(layer, "image", (layer.inputs,))),
        "sends": sizes(layer.shape),
        "competition": type(constants.competition).__name__,
        "rule": rule_name(constants.rule),
        "samples": f"{layer.samples:,}",
        "never won": f"{never_won(layer.wins):.1%}",
        "norms": f"{np.median(norms):.3f} ({norms.min():.3f} to {norms.max():.3f})",
    }


def rule_name(rule: Any) -> str:
    """Return the name of a rule; one of the user's own has the name of its function."""
    return str(getattr(rule, "name", type(rule).__name__))


def sizes(shape: tuple[int, ...]) -> str:
    """Return the sizes of an array as text."""
    return " x ".join(f"{size:,}" for size in shape)
