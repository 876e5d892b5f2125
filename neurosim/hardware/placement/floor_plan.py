"""The picture of a floor plan: which core holds what, and how full it is."""

from typing import Any

import numpy as np

from neurosim.hardware.placement.mapping import Mapping

COLOURS = ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple", "tab:brown")
LABELLED = 64  # cores: of more, numbers would not be read
GAP = 0.04  # between cores, of a core's width


def floor_plan(mapping: Mapping, axes: Any) -> None:
    """Draw each core of the mesh as a square: coloured by layer, as high as it is full of neurons or synapses.

    Parameters
    ----------
    mapping : Mapping
    axes : matplotlib.axes.Axes
    """
    built = mapping.hardware.structure
    for core in range(built.cores):
        x, y = built.place(core)
        axes.add_patch(_square(x, y, 1, "none", "lightgrey"))
    bottom = np.zeros(built.cores)
    for part in mapping.parts:
        x, y = built.place(part.core)
        height = max(part.sites / built.neurons_per_core, part.synapse_bits / built.synapse_bits_per_core)
        axes.add_patch(_square(x, y + bottom[part.core], height, COLOURS[part.layer % len(COLOURS)], "none"))
        bottom[part.core] = min(1.0, bottom[part.core] + height)
        if built.cores <= LABELLED:
            axes.text(x + 0.5, y + 0.5, f"{part.neurons}", ha="center", va="center", fontsize=7)
    columns, rows = built.mesh or (built.cores, 1)
    used = len(mapping.cores)
    axes.set(xlim=(0, columns), ylim=(rows, 0), title=f"{used} of {built.cores} cores, as high as they are full")
    axes.set_aspect("equal" if columns <= 4 * rows else "auto")
    axes.set_xticks([])
    axes.set_yticks([])


def _square(x: float, y: float, height: float, colour: str, edge: str) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(
        (x + GAP, y + GAP), 1 - 2 * GAP, height * (1 - 2 * GAP), facecolor=colour, edgecolor=edge, linewidth=0.5
    )
