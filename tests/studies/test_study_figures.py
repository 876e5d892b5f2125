"""Figures of the studies keep the style, on made-up records."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import made_up_records
import readable

from neurosim.experiments.cells import Folder
from neurosim.studies import figures, liuson, radius
from neurosim.studies.bayes import figures as bayes_figures
from neurosim.studies.bayes import study

rng = np.random.default_rng(0)


@pytest.fixture
def drawn(monkeypatch):
    """Return the list to which every figure is added when it is written."""
    made = []
    as_png = figures.as_png
    monkeypatch.setattr(figures, "as_png", lambda figure: made.append(figure) or as_png(figure))
    return made


@pytest.mark.slow
def test_figures_of_liusons_study(tmp_path, drawn):
    folder, finished = Folder(tmp_path), {}
    cells = [cell for cell in liuson.cells(2, False) if cell.settings["neurons"] in (32, 2048)]
    for cell in cells:
        updates = np.arange(0, 1900, 100)
        curve = np.column_stack([updates, np.exp(-updates / rng.uniform(300, 9000))])
        finished[cell.name] = {"status": "done", "measures": {"curve": curve.tolist()}}
        if cell.settings["neurons"] == 32 and cell.settings["seed"] == 0:
            inputs = 784 if cell.settings["dataset"] == "mnist" else 3072
            weights = {name: rng.normal(size=(8, inputs)) for name in ("most", "least")}
            folder.write(cell, {"status": "done"}, {"steps": rng.exponential(size=32), **weights})
    names = figures.draw_liuson(cells, finished, folder)
    assert len(names) == len(drawn) == 2 + 11
    for figure in drawn:
        readable.check(figure)
    curves = drawn[0].axes[0]
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == ["32 neurons", "2048 neurons"]
    assert len(curves.get_lines()) == 4
    assert sum(axes.get_visible() for axes in drawn[0].axes) == 11


def test_the_figure_of_radii(tmp_path, drawn):
    cells = radius.cells(1, False)
    names = ("winner_accuracy", "readout_accuracy", "never_won")
    finished = {cell.name: {"measures": dict(zip(names, rng.uniform(size=3), strict=True))} for cell in cells}
    figures.draw_radius(cells, finished, Folder(tmp_path))
    readable.check(drawn[0])


@pytest.mark.slow
@pytest.mark.parametrize("fast", [False, True])
def test_figures_of_the_bayesian_study(tmp_path, drawn, fast):
    sources = {"train": "digits:train", "test": "digits:test"} if fast else {}
    asked = [cell for cell in study.cells(1, fast, **sources) if cell.settings["dataset"] != "cifar10"]
    finished = {cell.name: made_up_records.record(cell.settings, rng.uniform) for cell in asked}
    names = study.figures(asked, finished, Folder(tmp_path))
    assert len(names) == len(drawn) >= 5
    for figure in drawn:
        readable.check(figure)


def test_images_stand_beside_what_they_are(tmp_path, drawn):
    image = rng.uniform(size=(2, 3, 8, 8))
    rows = [bayes_figures.Row("two\nof them", image, ["8 (3)", "7"]), bayes_figures.Row("a\nb\nc\nd", image[:1])]
    bayes_figures.image_grid(rows, "images.png", Folder(tmp_path))
    readable.check(drawn[0])
