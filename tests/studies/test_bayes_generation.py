"""The part `generation`: paths between classes, prototypes, samples of the mixture, and the claims' verdicts."""

import numpy as np
import pytest

from neurosim.experiments.cells import Folder
from neurosim.experiments.data import Data
from neurosim.studies.bayes import generation, study
from neurosim.studies.bayes.generation_report import KINDS
from neurosim.studies.bayes.images import images_of
from neurosim.studies.bayes.judges import JUDGES

SOURCES = {"train": "digits:train", "test": "digits:test"}
PART = study.PARTS["generation"]


def cells(fast=True, **sources):
    return [cell for cell in study.cells(3, fast, **sources) if cell.settings["part"] == "generation"]


@pytest.fixture(scope="module")
def measured():
    (cell,) = cells(**SOURCES)
    return cell, study.measure(cell.settings, Data("."))


@pytest.fixture(scope="module")
def images():
    return images_of(cells(**SOURCES)[0].settings, Data("."))


def record(path, between, own, fitted):
    measures = {"between_said": between, "between_angle": 40.0}
    for kind in KINDS:
        measures |= dict.fromkeys((f"{kind}_{name}" for name in ("said", "stalled", "stayed", "sure", "moved")), path)
        measures |= {f"{kind}_{judge}{what}": path for judge in JUDGES for what in ("", "_agrees", "_frames")}
    measures |= {f"between_{judge}{what}": between for judge in JUDGES for what in ("", "_ends")}
    for name, value in (("own", own), ("fitted", fitted)):
        measures |= {f"drawn_{name}_{what}": value for what in ("concentration", "cosine", "said", *JUDGES)}
    return {"status": "done", "seconds": 1.0, "measures": measures}


def test_cells_of_the_second_stream_are_paths_alone():
    asked = cells(fast=False)
    assert {cell.settings["method"] for cell in asked} == {"soft", "deep", "twin"}
    assert all(cell.settings.get("torch", False) == (cell.settings["method"] == "twin") for cell in asked)
    second = [cell.settings for cell in asked if cell.settings["dataset"] == "cifar10"]
    assert [(own["method"], own["seed"], own["mixture"]) for own in second] == [("soft", 0, False)]


def test_images_of_digits_are_measured(measured):
    _, (measures, arrays) = measured
    for kind in KINDS:
        shares = [measures[f"{kind}_{name}"] for name in ("said", "stalled", "stayed")]
        assert sum(shares) == pytest.approx(1)
        assert 0 < measures[f"{kind}_moved"] <= 2
        assert arrays[f"{kind}_images"].shape == (4, 11, 1, 8, 8)
    assert measures["sharp_said"] > measures["paths_said"] > 0
    assert measures["sharp_neighbours"] > 0.5
    assert measures["between_said"] > 0.75
    assert 5 < measures["between_angle"] < 90
    assert measures["drawn_own_concentration"] == pytest.approx(100)
    assert measures["drawn_fitted_concentration"] > 150
    assert measures["drawn_fitted_cosine"] > measures["drawn_own_cosine"] > 0
    assert measures["drawn_fitted_neighbours"] > 0.75
    assert arrays["drawn_from"].shape == arrays["drawn_own"].shape == (10, 1, 8, 8)


def test_the_first_frame_is_the_sample_and_the_last_is_where_it_led(measured):
    arrays = measured[1].arrays
    said, sure = arrays["sharp_said"], arrays["sharp_sure"]
    assert said.shape == sure.shape == (4, 11)
    assert ((sure > 0.1) & (sure <= 1)).all()
    assert (said[:, 0] != said[:, -1]).any()


def test_a_chip_without_a_mixture_has_paths_alone():
    settings = cells(**SOURCES)[0].settings | {"method": "deep", "mixture": False, "neurons": 50, "seed": 1}
    measures, arrays = study.measure(settings, Data("."))
    assert {name.split("_")[0] for name in measures} == {"data", "paths"}
    assert arrays == {}


def test_pairs_are_all_pairs_of_classes_or_some_at_random(images):
    rows, targets = generation.pairs(images, 1000, seed=0)
    own = images.test_labels[rows]
    assert len({*zip(own.tolist(), targets.tolist(), strict=True)}) == len(rows) == 90
    assert (own != targets).all()
    few, _ = generation.pairs(images, 7, seed=0)
    assert len(few) == 7
    assert set(few) <= set(rows)
    assert not np.array_equal(few, generation.pairs(images, 7, seed=1)[0])


@pytest.mark.parametrize(("own", "verdicts"), [
    (record(0.8, 0.8, 0.8, 0.9), ["yes", "yes", "yes"]),
    (record(0.6, 0.6, 0.1, 0.9), ["partly", "partly", "partly"]),
    (record(0.4, 0.4, 0.1, 0.2), ["no", "no", "no"]),
])  # fmt: skip
def test_claims_follow_from_the_numbers(own, verdicts):
    asked = cells(fast=False, **SOURCES)
    claims = PART.claims(asked, {cell.name: own for cell in asked})
    assert [claim.holds for claim in claims] == verdicts
    assert [claim.claim for claim in claims] == [
        f"{name}: own"
        for name in ("interpolations along gradients", "interpolations of prototypes", "samples of the mixture")
    ]
    assert PART.claims(asked, {}) == []


def test_the_worst_width_decides():
    asked = cells(fast=False, **SOURCES)
    good, bad = record(0.9, 0.9, 0.9, 0.9), record(0.3, 0.9, 0.9, 0.9)
    finished = {cell.name: bad if cell.settings["neurons"] == 1000 else good for cell in asked}
    assert [claim.holds for claim in PART.claims(asked, finished)] == ["no", "yes", "yes"]


@pytest.mark.slow
def test_tables_and_figures(measured, tmp_path):
    cell, outcome = measured
    folder = Folder(tmp_path)
    finished = {cell.name: {"status": "done", "measures": outcome.measures, "seconds": 1.0}}
    folder.write(cell, finished[cell.name], outcome.arrays)
    tables = PART.tables([cell], finished)
    assert [len(table.rows) for table in tables] == [2, 1, 2]
    assert all(len(row) == len(table.header) for table in tables for row in table.rows)
    assert [len(table.rows) for table in PART.tables([cell], {})] == [1, 0, 0]
    names = PART.figures([cell], finished, folder)
    assert names == [f"figures/{kind}-own-soft-100.png" for kind in (*KINDS, "between", "samples")]
    assert all((tmp_path / name).stat().st_size > 1000 for name in names)
    assert PART.figures([cell], {}, folder) == []
