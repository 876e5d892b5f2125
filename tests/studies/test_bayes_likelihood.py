"""Part `likelihood` of the Bayesian study: its cells, a measured one on digits, verdicts from made-up records."""

import numpy as np
import pytest

from neurosim.experiments.cells import Folder
from neurosim.experiments.data import Data
from neurosim.studies.bayes import likelihood, study
from neurosim.studies.bayes.images import images_of
from neurosim.studies.bayes.part import Grid

DIGITS = {"train": "digits:train", "test": "digits:test"}
SETTINGS = Grid("digits", *DIGITS.values(), True, range(1), True).samples | {"checkpoints": [100, 1000], "seed": 0}


def cells(fast=True, **sources):
    return [cell for cell in study.cells(1, fast, **(sources or DIGITS)) if cell.settings["part"] == "likelihood"]


def settings(method, neurons=30, em_steps=3):
    return SETTINGS | {"method": method, "neurons": neurons, "em_steps": em_steps}


def digits(seed=0):
    return images_of(settings("soft") | {"seed": seed}, Data("."))


def record(method, curve, em=((1, 9.0), (2, 10.0)), cosine=0.99, concentration=2000.0):
    made = {"curve": curve, "prototypes": 1.0, "centre": 1.0}
    if method != "hard":
        made |= {"em": [list(step) for step in em], "first_cosine": 0.5, "cosine": cosine, "difference": 0.1}
        made |= {"concentration": concentration, "fitted": None if concentration is None else 20.0}
    return {"status": "done", "seconds": 1.0, "measures": made}


def test_a_second_stream_has_fewer_cells():
    whole = [cell.settings for cell in study.cells(1, fast=False) if cell.settings["part"] == "likelihood"]
    of = {
        dataset: {(one["method"], one["neurons"]) for one in whole if one["dataset"] == dataset}
        for dataset in ("mnist", "cifar10")
    }
    assert of["mnist"] >= {("soft", 100), ("soft", 1000), ("hard", 200), ("deep", 200)}
    assert of["cifar10"] == {("soft", 200)}
    assert all(bool(one["em_steps"]) == (one["method"] != "hard") for one in whole)


def test_the_likelihood_of_digits_rises_to_that_of_em():
    made = likelihood.measure(settings("soft"), digits()).measures
    assert [samples for samples, _ in made["curve"]] == [0, 100, 1000, 1437]
    assert made["curve"][-1][1] > made["curve"][1][1] > made["curve"][0][1]
    assert [step for step, _ in made["em"]] == [1, 2, 3]
    assert made["curve"][-1][1] == pytest.approx(made["em"][-1][1], abs=1)
    assert made["cosine"] > 0.98 > made["first_cosine"]
    assert made["concentration"] > 200
    assert made["fitted"] > made["curve"][-1][1] > made["centre"]
    assert 0 < made["difference"] < 0.2


def test_hard_chips_are_measured_at_the_same_concentration():
    made = likelihood.measure(settings("hard", em_steps=0), digits()).measures
    soft = likelihood.measure(settings("soft"), digits()).measures
    assert made["curve"][0] == soft["curve"][0]
    assert made["curve"][-1] != soft["curve"][-1]
    assert "cosine" not in made


def test_layer_two_is_compared_on_the_same_inputs():
    made = likelihood.measure(settings("deep"), digits()).measures
    assert [samples for samples, _ in made["curve"]] == [0, 1437]
    assert made["curve"][-1][1] > made["curve"][0][1]


def test_samples_of_zeros_change_nothing():
    images = digits()
    zeros = np.zeros((5, 64), np.float32)
    padded = images._replace(test=np.concatenate([zeros, images.test]))
    without, padded_too = (likelihood.measure(settings("soft"), each).measures for each in (images, padded))
    assert without == padded_too


def test_samples_that_are_all_alike_have_no_concentration():
    images = digits()
    alike = images._replace(train=np.tile(images.train[:1], (2000, 1)))
    made = likelihood.measure(settings("soft", neurons=2, em_steps=1) | {"checkpoints": []}, alike).measures
    assert made["concentration"] is None
    assert made["fitted"] is None
    assert [samples for samples, _ in made["curve"]] == [0, 2000]


RISING, FALLING = [[0, 1.0], [100, 9.5]], [[0, 10.0], [100, 9.5]]


@pytest.mark.parametrize(("soft", "hard", "verdicts"), [
    (record("soft", RISING), record("hard", [[0, 1.0], [100, 9.0]]), ["yes", "yes", "yes"]),
    (record("soft", FALLING), record("hard", [[0, 1.0], [100, 9.0]]), ["no", "yes", "yes"]),
    (record("soft", RISING, cosine=0.9), record("hard", [[0, 1.0], [100, 9.7]]), ["yes", "no", "no"]),
    (record("soft", RISING, concentration=None), record("hard", [[0, 1.0], [100, 9.0]]), ["yes", "yes", "yes"]),
])  # fmt: skip
def test_claims_follow_from_the_numbers(soft, hard, verdicts):
    asked = cells()
    finished = {cell.name: {"soft": soft, "hard": hard}[cell.settings["method"]] for cell in asked}
    assert [claim.holds for claim in likelihood.claims(asked, finished)] == verdicts
    assert all(len(row) == len(table.header) for table in likelihood.tables(asked, finished) for row in table.rows)


def test_the_claim_says_what_em_gains_and_how_soon():
    asked = [cell for cell in cells() if cell.settings["method"] == "soft"]
    rises, near = likelihood.claims(asked, {cell.name: record("soft", RISING) for cell in asked})
    assert rises.measured == "100 neurons 1.0 -> 9.5 nats; EM, 2 steps, 10.0: 94 % of its gain"
    assert "20 nats at 2000" in rises.reason
    assert near.measured == "100 neurons cosine 0.500 -> 0.990; EM is as likely after step 2"


def test_the_figure_is_drawn_of_soft_chips_only(tmp_path):
    asked, folder = cells(), Folder(tmp_path)
    made = {cell.name: record(cell.settings["method"], RISING) for cell in asked}
    assert likelihood.figures(asked, made, folder) == ["figures/likelihood.png"]
    assert (tmp_path / "figures" / "likelihood.png").stat().st_size > 1000
    assert likelihood.figures(asked, {}, folder) == []
