"""Figures of part `attacks`: accuracy over epsilon, and attacked images for the eye to judge."""

from collections.abc import Sequence
from textwrap import fill

from neurosim.experiments.cells import Cell, Finished, Folder
from neurosim.studies.bayes.attackers import NAMES
from neurosim.studies.bayes.attacks_tables import NORMS, OWN, STRONGEST, UNITS, cells_of_kind
from neurosim.studies.bayes.figures import (
    STYLES,
    Drawn,
    Row,
    finish,
    image_grid,
    means_over_seeds,
    of_one_width,
    width_drawn,
)
from neurosim.studies.figures import titled

LETTERS = 28  # in a line below a panel
SHORT = {"clean": "no attack\n(unchanged below:\nwrong before)", "linf": "L-inf .2", "l2": "L2 4"}


def figures(asked: Sequence[Cell], finished: Finished, folder: Folder) -> list[str]:
    """Draw both figures of each stream, as far as its cells are finished."""
    own = cells_of_kind("accuracy", asked)
    names = [name for drawn in of_one_width(own, finished) for name in _curves(drawn, folder)]
    for dataset in dict.fromkeys(cell.settings["dataset"] for cell in asked):
        cells = [cell for cell in own if cell.settings["dataset"] == dataset and cell.name in finished]
        names += _images(dataset, cells, folder)
    return names


def _curves(drawn: Drawn, folder: Folder) -> list[str]:
    """Draw means over seeds, a panel for each norm and a line for each classifier of one width."""
    figure, grid = titled(NORMS.values(), 3.6, sharey=True)
    for axes, norm in zip(grid, NORMS, strict=True):
        for method, records in drawn.by_method.items():
            curve = means_over_seeds(records, norm)
            colour, line = STYLES[method]
            axes.plot(curve[:, 0], 100 * curve[:, STRONGEST], line, color=colour, linewidth=1.4, label=NAMES[method])
            if method == "soft":
                name = f"{NAMES[method]}: own gradients alone"
                axes.plot(curve[:, 0], 100 * curve[:, OWN], "o:", color="black", markersize=3, label=name)
        axes.set(ylim=(0, 100))
        axes.set_xlabel(fill(f"epsilon, {UNITS[norm].split(';')[0]}", LETTERS))
    figure.supylabel(f"accuracy left, %, {drawn.dataset}, {drawn.neurons} neurons")
    return finish(figure, f"attacks-{drawn.dataset}.png", folder)


def _images(dataset: str, cells: Sequence[Cell], folder: Folder) -> list[str]:
    """Draw images before and after attacks on SoftHebb and on its twin, with what each says of them."""
    with_images = {
        (cell.settings["method"], cell.settings["neurons"]): arrays
        for cell in cells if "clean" in (arrays := folder.arrays(cell))
    }  # fmt: skip
    drawn = width_drawn(neurons for _, neurons in with_images)
    rows: list[Row] = []
    for (method, neurons), arrays in with_images.items():
        if neurons != drawn:
            continue
        if not rows:  # the same images for all
            rows.append(Row(SHORT["clean"], arrays["clean"]))
        for norm in NORMS:
            said = [str(label) for label in arrays[f"{norm}-said"]]
            words = NAMES[method].replace(", ", ",\n")
            rows.append(Row(f"{SHORT[norm]}\n{words}\nsays", arrays[norm], said))
    return image_grid(rows, f"attacks-images-{dataset}.png", folder) if rows else []
