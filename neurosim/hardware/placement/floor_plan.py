"""The picture of a floor plan: which layers each core holds, and how full it is."""

from typing import Any

import numpy as np

from neurosim.hardware.placement.mapping import Mapping
from neurosim.reporting.figures import COLOURS, FAINT, GREY, legend_at_right

LABELLED = 10  # most columns and rows of cores with numbers on them: with more, they could not be read
DRAWN = 10_000  # most cores of a drawn chip: with more, a core would be smaller than a pixel
GAP = 0.04  # between cores, of a core's width
TINT = 0.25  # opacity of a core in use, so that one that is hardly filled is seen, too
LOWEST, HIGHEST = 0.12, 0.45  # of a panel, of its width


def relative_height(mapping: Mapping) -> float:
    """Return how high the panel of a floor plan should be, as a multiple of its width."""
    columns, rows = _mesh(mapping)
    return min(max(rows / columns, LOWEST), HIGHEST)


def floor_plan(mapping: Mapping, axes: Any) -> None:
    """Draw each core of the mesh as a square: tinted if in use, filled as high as its neurons or synapses are.

    Parameters
    ----------
    mapping : Mapping
    axes : matplotlib.axes.Axes
    """
    structure, used = mapping.hardware.structure, len(mapping.cores)
    axes.grid(False)
    if structure.cores > DRAWN:
        axes.set_axis_off()
        words = f"{used:,} of {structure.cores:,} cores, too many to draw"
        axes.text(0.5, 0.5, words, ha="center", transform=axes.transAxes)
        return
    columns, rows = _mesh(mapping)
    _cores(mapping, axes)
    if max(columns, rows) <= LABELLED:
        _numbers(mapping, axes)
    axes.set(
        xlim=(0, columns),
        ylim=(rows, 0),
        title=f"{used:,} of {structure.cores:,} cores in use (tinted); height: how full",
    )
    axes.set_aspect("equal" if columns <= 4 * rows else "auto")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    legend_at_right(axes)


def _mesh(mapping: Mapping) -> tuple[int, int]:
    """Return columns and rows of cores."""
    return mapping.hardware.structure.mesh or (mapping.hardware.structure.cores, 1)


def _cores(mapping: Mapping, axes: Any) -> None:
    """Draw an outline of each core, tinted if it is in use, and in it what each layer takes, from below."""
    from matplotlib.collections import PatchCollection
    from matplotlib.colors import to_rgba

    structure = mapping.hardware.structure
    tints = {part.core: to_rgba(_colour(part.layer), TINT) for part in reversed(mapping.parts)}  # of the first layer
    outlines = [
        _square(*structure.place(core), 0.0, 1.0, tints.get(core, "none"), GREY if core in tints else FAINT)
        for core in range(structure.cores)
    ]
    axes.add_collection(PatchCollection(outlines, match_original=True))  # one artist: there may be thousands of cores
    filled = np.zeros(structure.cores)
    named = set()
    for part in mapping.parts:
        share = max(part.sites / structure.neurons_per_core, part.synapse_bits / structure.synapse_bits_per_core)
        if mapping.in_turns:  # tiles are not there at the same time: each gets its part of the fullest moment
            share = max(mapping.filled(part.core)) / sum(other.core == part.core for other in mapping.parts)
        height = min(share, 1.0 - filled[part.core])
        patch = _square(*structure.place(part.core), filled[part.core], height, _colour(part.layer), "none")
        if part.layer not in named:
            patch.set_label(f"layer {part.layer + 1}")  # as tables count them
        named.add(part.layer)
        axes.add_patch(patch)
        filled[part.core] += height


def _colour(layer: int) -> str:
    return COLOURS[layer % len(COLOURS)]


def _numbers(mapping: Mapping, axes: Any) -> None:
    """Write on each core how many neurons it holds."""
    structure = mapping.hardware.structure
    for core in mapping.cores:
        x, y = structure.place(core)
        neurons = sum(part.neurons for part in mapping.parts if part.core == core)
        back = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
        axes.text(x + 0.5, y + 0.5, f"{neurons:,}", ha="center", va="center", bbox=back)
    axes.set_xlabel("numbers: neurons of a core", color=GREY)


def _square(x: float, y: float, bottom: float, height: float, colour: Any, edge: str) -> Any:
    """Return a rectangle in a core, from a height to another one, both from 0 to 1; axes count y downwards."""
    from matplotlib.patches import Rectangle

    inner = 1 - 2 * GAP
    return Rectangle(
        (x + GAP, y + 1 - GAP - (bottom + height) * inner), inner, height * inner, facecolor=colour, edgecolor=edge,
        linewidth=0.8,
    )  # fmt: skip
