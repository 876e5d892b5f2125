"""Figures of part `attacks`: accuracy over epsilon, and attacked images for the eye to judge."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurosim.experiments.cells import Cell, Finished, Folder
from neurosim.reporting.figures import new_figure
from neurosim.studies.bayes.attack_tables import NORMS, OWN, STRONGEST, UNITS, of_kind
from neurosim.studies.bayes.attackers import NAMES
from neurosim.studies.bayes.figures import image_grid
from neurosim.studies.bayes.noise_figures import NEURONS
from neurosim.studies.bayes.noise_figures import STYLES as SHARED
from neurosim.studies.figures import write

STYLES = SHARED | {"hard-soft": ("#e69f00", "-."), "soft-winner": ("#0072b2", "-.")}
SHORT = {"clean": "no attack", "linf": "L-inf .2", "l2": "L2 4"}


def figures(asked: Sequence[Cell], finished: Finished, folder: Folder) -> list[str]:
    """Draw both figures of each stream, as far as its cells are finished."""
    names = []
    for dataset in dict.fromkeys(cell.settings["dataset"] for cell in asked):
        own = [cell for cell in asked if cell.settings["dataset"] == dataset and cell.name in finished]
        names += _curves(dataset, own, finished, folder) + _images(dataset, own, folder)
    return names


def _curves(dataset: str, cells: Sequence[Cell], finished: Finished, folder: Folder) -> list[str]:
    """Draw means over seeds, a panel for each norm and a line for each classifier of one width."""
    groups = {(method, neurons): records for (_, method, neurons), records in of_kind("accuracy", cells, finished)}
    widths = {neurons for _, neurons in groups} - {0}
    if not widths:
        return []
    drawn = NEURONS if NEURONS in widths else max(widths)
    lines = {method: records for (method, neurons), records in groups.items() if neurons in {0, drawn}}
    figure = new_figure(10, 4)
    grid = figure.subplots(1, len(NORMS), sharey=True)
    for axes, norm in zip(grid, NORMS, strict=True):
        for method, records in lines.items():
            curves = np.array([record["curves"][norm] for record in records], float).mean(axis=0)
            colour, line = STYLES[method]
            axes.plot(curves[:, 0], 100 * curves[:, STRONGEST], line, color=colour, linewidth=1.4, label=NAMES[method])
            if method == "soft":
                name = f"{NAMES[method]}: own gradients alone"
                axes.plot(curves[:, 0], 100 * curves[:, OWN], "o:", color="black", markersize=3, label=name)
        axes.set(title=NORMS[norm], ylim=(0, 100))
        axes.set_xlabel(f"epsilon, {UNITS[norm].split(';')[0]}", fontsize=8)
    grid[0].set_ylabel(f"accuracy left, %, {dataset}, {drawn} neurons")
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside right center", fontsize=8)
    return [write(figure, folder, f"attacks-{dataset}.png")]


def _images(dataset: str, cells: Sequence[Cell], folder: Folder) -> list[str]:
    """Draw images before and after attacks on SoftHebb and on its twin, with what each says of them."""
    with_images = {
        (cell.settings["method"], cell.settings["neurons"]): arrays
        for cell in cells if cell.settings["seed"] == 0 and "clean" in (arrays := folder.arrays(cell))
    }  # fmt: skip
    widths = {neurons for _, neurons in with_images}
    if not widths:
        return []
    drawn = NEURONS if NEURONS in widths else max(widths)
    rows: list[tuple[str, Any]] = []
    titles: list[str] = []
    for (method, neurons), arrays in with_images.items():
        for name in SHORT if neurons == drawn else ():
            if name == "clean" and rows:  # the same images for all
                continue
            label = SHORT[name] if name == "clean" else f"{SHORT[name]}\n{NAMES[method]}, says"
            rows.append((label, list(arrays[name])))
            titles += [str(said) for said in arrays[f"{name}-said"]] if name != "clean" else [""] * len(arrays[name])
    return image_grid(rows, f"attacks-images-{dataset}.png", folder, titles=titles)
