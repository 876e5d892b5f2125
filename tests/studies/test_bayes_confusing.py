"""The part `confusing`: attacks that judges are shown, the judges, directions of classes, and the claim's verdicts."""

import numpy as np
import pytest

from neurosim.experiments.cells import Folder
from neurosim.experiments.data import Data
from neurosim.studies.bayes import confusing, study
from neurosim.studies.bayes.attackers import attacked
from neurosim.studies.bayes.images import images_of
from neurosim.studies.bayes.judges import JUDGES, Judges, share

SOURCES = {"train": "digits:train", "test": "digits:test"}


def cells(fast=True, **sources):
    return [cell for cell in study.cells(3, fast, **sources) if cell.settings["part"] == "confusing"]


@pytest.fixture(scope="module")
def settings():
    (cell,) = (cell for cell in cells(**SOURCES) if cell.settings["method"] == "soft")
    return cell.settings


@pytest.fixture(scope="module")
def images(settings):
    return images_of(settings, Data("."))


def record(chip, small, other=None):
    measures = dict.fromkeys(("success", "plain_success", "smallest", "accuracy", "noise_success", "epsilon"), 0.5)
    measures |= dict.fromkeys(("mean_norm", "energy", "noise_energy", "chance"), 0.25)
    for judge, value in zip(JUDGES, (chip, chip if other is None else other), strict=True):
        what = ("accuracy", "target", "agrees_plain", "agrees", "own", "own_small", "noise_target", "noise_own")
        measures |= {f"{judge}_{name}": value for name in what} | {f"{judge}_agrees_small": small}
    return {"status": "done", "seconds": 1.0, "measures": measures}


def test_twins_need_pytorch_and_the_second_stream_is_measured_less():
    asked = cells(fast=False)
    assert all(cell.settings.get("torch", False) == cell.settings["method"].startswith("twin") for cell in asked)
    number = {name: sum(cell.settings["dataset"] == name for cell in asked) for name in ("mnist", "cifar10")}
    assert number["mnist"] > 5 * number["cifar10"] > 0
    assert {cell.settings["neurons"] for cell in asked if cell.settings["method"] == "soft"} == {200, 1000}
    assert len(cells()) == 2


def test_an_attacked_chip_is_measured(settings):
    outcome = study.measure(settings, Data("."))
    measures, arrays = outcome
    assert measures["epsilon"] == pytest.approx(0.86 * measures["mean_norm"])
    assert measures["chance"] == 9 / 64
    assert measures["success"] >= measures["plain_success"] > 0.2
    assert measures["neighbours_agrees"] > 0.5 > measures["neighbours_noise_target"]
    assert measures["neighbours_agrees_small"] < measures["neighbours_agrees"]
    assert 0 < measures["smallest"] < measures["epsilon"]
    assert measures["energy"] > 2 * measures["noise_energy"]
    assert arrays["large"].shape == (10, 1, 8, 8)
    succeeded = arrays["success"]
    assert np.array_equal(arrays["large_said"][succeeded], arrays["targets"][succeeded])
    assert np.array_equal(arrays["small_said"][succeeded], arrays["targets"][succeeded])
    assert study.measure(settings, Data(".")).measures == measures


def test_the_smallest_change_is_within_the_large_one(settings, images):
    target = attacked(settings, images)
    samples, targets = images.within(images.test[:20]), (images.test_labels[:20] + 1) % 10
    box = {"low": images.low, "high": images.high, "seed": 0}
    large, success, plain, small = confusing.large_and_small(target, samples, targets, 4.0, box)
    assert (success | ~plain).all()
    assert success.any()
    for changed in (large, small):
        moved = np.linalg.norm(changed - samples, axis=1)
        assert moved.max() <= 4 + 1e-9
        assert np.array_equal(target.classifier.predict(changed[success]), targets[success])
    assert np.linalg.norm(small - samples, axis=1).sum() < np.linalg.norm(large - samples, axis=1).sum()
    assert np.array_equal(small[~success], large[~success])


def test_aims_are_other_classes_of_the_training_set():
    labels, classes = np.array([0, 2, 5] * 100), np.array([0, 2, 5, 7])
    targets = confusing.aims(labels, classes, seed=1)
    assert (targets != labels).all()
    assert set(targets[labels == 2]) == {0, 5, 7}
    assert np.array_equal(targets, confusing.aims(labels, classes, seed=1))
    assert not np.array_equal(targets, confusing.aims(labels, classes, seed=2))


def test_energy_is_the_share_along_the_differences_of_means(images):
    directions = confusing.class_directions(images)
    assert directions.shape == (9, 64)
    assert np.allclose(directions @ directions.T, np.eye(9))
    means = [images.train[images.train_labels == label].mean(axis=0) for label in range(10)]
    along = means[3] - means[7]
    across = np.ones(64) - directions.T @ (directions @ np.ones(64))
    across *= np.linalg.norm(along) / np.linalg.norm(across)
    assert confusing.energy(along[None], directions) == pytest.approx(1)
    assert confusing.energy(np.stack([along + across, across, 0 * along]), directions) == pytest.approx(0.25)
    assert confusing.energy(np.zeros((3, 64)), directions) is None


def test_judges_know_digits_and_are_a_function_of_the_seed(images):
    answers, again = (Judges(images, 1000, seed=3)(images.test) for _ in range(2))
    assert list(answers) == list(JUDGES)
    for name, labels in answers.items():
        assert share(labels == images.test_labels) > 0.9
        assert np.array_equal(labels, again[name])
    other = Judges(images, 1000, seed=4)(images.test)
    assert not np.array_equal(other["features"], answers["features"])
    assert share(np.zeros(0, bool)) is None


@pytest.mark.parametrize(("chip", "twin", "holds"), [
    (record(0.9, 0.5), record(0.6, 0.1), ["yes", "yes"]),
    (record(0.9, 0.1), record(0.6, 0.5), ["yes", "no"]),
    (record(0.9, 0.5, 0.5), record(0.6, 0.1, 0.6), ["partly", "yes"]),
    (record(0.64, 0.5), record(0.6, 0.1), ["no", "yes"]),  # less than what counts
    (record(0.5, 0.1), record(0.6, 0.5), ["no", "no"]),
    (record(None, None), record(0.6, 0.5), ["no", "no"]),
])  # fmt: skip
def test_claims_follow_from_the_numbers(chip, twin, holds):
    asked = cells(fast=False, **SOURCES)
    finished = {cell.name: {"soft": chip, "twin": twin, "k-means": chip}.get(cell.settings["method"]) for cell in asked}
    finished = {name: own for name, own in finished.items() if own}
    claims = study.PARTS["confusing"].claims(asked, finished)
    names = ["attacks by epsilon confuse: own", "attacks by the smallest change confuse: own"]
    assert [claim.claim for claim in claims] == names
    assert [claim.holds for claim in claims] == holds
    assert all("k-means" in claim.reason for claim in claims)
    assert ["not 5 points above" in claim.reason for claim in claims] == [own != "yes" for own in holds]


def test_tables_have_a_row_for_each_group_and_figures_need_arrays(tmp_path):
    asked = cells(**SOURCES)
    part = study.PARTS["confusing"]
    tables = part.tables(asked, {asked[0].name: record(0.9, 0.5)})
    assert [len(table.rows) for table in tables] == [2, 2]
    assert all(len(row) == len(table.header) for table in tables for row in table.rows)
    assert tables[0].rows[0][3:6] == ["50.0", "50.0", "0.50"]
    assert set(tables[0].rows[1][3:]) == {"-"}
    assert part.claims(asked, {}) == []
    assert part.figures(asked, {}, Folder(tmp_path)) == []


def test_a_figure_shows_what_was_attacked(settings, tmp_path):
    (cell,) = (cell for cell in cells(**SOURCES) if cell.settings["method"] == "soft")
    folder, outcome = Folder(tmp_path), study.measure(settings, Data("."))
    finished = {cell.name: {"status": "done", "measures": outcome.measures, "seconds": 1.0}}
    folder.write(cell, finished[cell.name], outcome.arrays)
    assert study.PARTS["confusing"].figures([cell], finished, folder) == ["figures/confusing-own-100.png"]
    assert (tmp_path / "figures" / "confusing-own-100.png").stat().st_size > 1000
