"""Figures of part `noise`: accuracy over strength, and an image under each noise."""

from collections.abc import Sequence
from typing import Any

from neurosim.experiments.cells import Cell, Finished, Folder
from neurosim.studies.bayes.controls import NAMES
from neurosim.studies.bayes.corruptions import STRENGTHS, UNITS
from neurosim.studies.bayes.figures import (
    STYLES,
    Drawn,
    Row,
    finish,
    image_grid,
    means_over_seeds,
    of_one_width,
)
from neurosim.studies.figures import titled


def figures(asked: Sequence[Cell], finished: Finished, folder: Folder) -> list[str]:
    """Draw both figures of each stream, as far as its cells are finished."""
    names = [name for drawn in of_one_width(asked, finished) for name in _curves(drawn, folder)]
    for dataset in dict.fromkeys(cell.settings["dataset"] for cell in asked):
        own = [cell for cell in asked if cell.settings["dataset"] == dataset and cell.name in finished]
        names += _examples(dataset, own, folder)
    return names


def _curves(drawn: Drawn, folder: Folder) -> list[str]:
    """Draw means over seeds, a panel for each noise and a line for each classifier of one width."""
    noises = [noise for noise in STRENGTHS if all(noise in of[0]["curves"] for of in drawn.by_method.values())]
    figure, grid = titled(noises, sharey=True)
    for axes, noise in zip(grid, noises, strict=True):
        for method, records in drawn.by_method.items():
            curve = means_over_seeds(records, noise)
            colour, line = STYLES[method]
            axes.plot(curve[:, 0], 100 * curve[:, 1], line, color=colour, linewidth=1.3, label=NAMES[method])
        axes.set(ylim=(0, 100))
        axes.set_xlabel(UNITS[noise])
    figure.supylabel(f"accuracy, %, {drawn.dataset}, {drawn.neurons} neurons")
    return finish(figure, f"noise-{drawn.dataset}.png", folder)


def _examples(dataset: str, cells: Sequence[Cell], folder: Folder) -> list[str]:
    """Draw a test image under each noise."""
    found: Any = next((arrays["examples"] for cell in cells if "examples" in (arrays := folder.arrays(cell))), None)
    if found is None:
        return []
    rows = [
        Row(noise, images, [f"{strength:g}" for strength in (0.0, *strengths)])
        for (noise, strengths), images in zip(STRENGTHS.items(), found, strict=True)
    ]
    return image_grid(rows, f"noise-examples-{dataset}.png", folder)
