"""The picture of a floor plan: which layers each core holds, and how full it is."""

from typing import Any

import numpy as np

from neurosim.hardware.placement.mapping import Mapping

COLOURS = ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple", "tab:brown")
LABELLED = 64  # most cores with numbers on them: with more, they could not be read
DRAWN = 10_000  # most cores of a drawn chip: with more, a core would be smaller than a pixel
GAP = 0.04  # between cores, of a core's width


def floor_plan(mapping: Mapping, axes: Any) -> None:
    """Draw each core of the mesh as a square: coloured by layer, filled as high as its neurons or synapses are used.

    Parameters
    ----------
    mapping : Mapping
    axes : matplotlib.axes.Axes
    """
    structure = mapping.hardware.structure
    if structure.cores > DRAWN:
        axes.set_axis_off()
        axes.text(0.5, 0.5, f"{len(mapping.cores):,} of {structure.cores:,} cores,\ntoo many to draw", ha="center")
        return
    for core in range(structure.cores):
        x, y = structure.place(core)
        axes.add_patch(_square(x, y, 1, "none", "lightgrey"))
    bottom = np.zeros(structure.cores)
    for part in mapping.parts:
        x, y = structure.place(part.core)
        height = max(part.sites / structure.neurons_per_core, part.synapse_bits / structure.synapse_bits_per_core)
        axes.add_patch(_square(x, y + bottom[part.core], height, COLOURS[part.layer % len(COLOURS)], "none"))
        bottom[part.core] = min(1.0, bottom[part.core] + height)
        if structure.cores <= LABELLED:
            axes.text(x + 0.5, y + 0.5, f"{part.neurons}", ha="center", va="center", fontsize=7)
    columns, rows = structure.mesh or (structure.cores, 1)
    used = len(mapping.cores)
    axes.set(xlim=(0, columns), ylim=(rows, 0), title=f"{used} of {structure.cores} cores, as high as they are full")
    axes.set_aspect("equal" if columns <= 4 * rows else "auto")
    axes.set_xticks([])
    axes.set_yticks([])


def _square(x: float, y: float, height: float, colour: str, edge: str) -> Any:
    """Return a rectangle that fills a core up to a height from 0 to 1."""
    from matplotlib.patches import Rectangle

    return Rectangle(
        (x + GAP, y + GAP), 1 - 2 * GAP, height * (1 - 2 * GAP), facecolor=colour, edgecolor=edge, linewidth=0.5
    )
