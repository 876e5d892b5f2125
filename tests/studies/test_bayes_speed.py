"""Part `speed` of the Bayesian study: its grid, accuracies on digits, verdicts from made-up curves, tables, figure."""

import numpy as np
import pytest

from neurosim.experiments.cells import Folder
from neurosim.experiments.data import Data
from neurosim.studies.bayes import speed, speed_claims, speed_tables, study, tuning
from neurosim.studies.bayes.images import images_of

DIGITS = {"train": "digits:train", "test": "digits:test"}


def cells(fast=True, **sources):
    return [cell for cell in study.cells(3, fast, **sources) if cell.settings["part"] == "speed"]


def record(**curves):
    measures = {"curves": curves}
    if "own" in curves:
        measures["constants"] = [[samples, 0.1, 8] for samples, _ in curves["own"]]
    return {"measures": measures}


def test_the_grid_says_which_cells_need_pytorch():
    asked = [cell.settings for cell in cells(fast=False)]
    assert all((settings["method"] in tuning.KINDS) == settings.get("torch", False) for settings in asked)
    wide = {(settings["method"], settings["neurons"]) for settings in asked if settings["dataset"] == "mnist"}
    assert {("soft", 2000), ("sgd-decay", 2000), ("sgd-constant", 2000), ("delta", 0), ("adam-decay", 1000)} <= wide
    assert {settings["neurons"] for settings in asked if settings["dataset"] == "cifar10"} == {200}
    assert {settings["method"] for settings in asked} == set(speed_tables.NAMES)


def digits(method, **changes):
    common = {"dataset": "own", "train_samples": None, "test_samples": None, "label_samples": 500, "seed": 0}
    settings = DIGITS | common | {"method": method, "neurons": 50, "checkpoints": [100, 1000]} | changes
    images = images_of(settings, Data("."))
    return settings, images


def test_a_chip_is_read_with_both_budgets_of_labels():
    curves = speed.measure(*digits("soft")).measures["curves"]
    assert set(curves) == {f"{name}-{budget}" for name in ("soft", "winner", "linear") for budget in ("fixed", "seen")}
    assert all([samples for samples, _ in curve] == [100, 1000, 1437] for curve in curves.values())
    assert curves["soft-fixed"][0][1] > curves["soft-seen"][0][1]  # 500 labels against 100
    assert curves["soft-seen"][-1][1] > 0.8
    more = speed.measure(*digits("soft", checkpoints=[100, 700, 1000])).measures["curves"]
    assert {name: [curve[0], *curve[2:]] for name, curve in more.items()} == curves


@pytest.mark.parametrize(("method", "curve", "least"), [
    ("hard", "winner-seen", 0.7), ("random", "linear-seen", 0.7), ("delta", "own", 0.7),
])  # fmt: skip
def test_controls_learn_from_the_first_samples(method, curve, least):
    found = speed.measure(*digits(method)).measures["curves"][curve]
    assert [samples for samples, _ in found] == [100, 1000, 1437]
    assert found[-1][1] > max(least, found[0][1])


def test_samples_of_one_class_have_no_linear_readout():
    settings, images = digits("soft")
    order = np.argsort(images.train_labels, kind="stable")
    sorted_by_class = images._replace(train=images.train[order], train_labels=images.train_labels[order])
    curves = speed.measure(settings, sorted_by_class).measures["curves"]
    assert curves["linear-seen"][0] == [100, None]
    assert curves["linear-fixed"][0][1] is not None
    text = speed_tables.tables(cells(**DIGITS), {})[0]
    assert text.rows == []


def test_a_twin_is_trained_for_each_number_of_samples():
    pytest.importorskip("torch", reason="the twin needs PyTorch")
    settings, images = digits("sgd-decay", checkpoints=[300], neurons=20)
    few = images._replace(train=images.train[:600], train_labels=images.train_labels[:600])
    found = speed.measure(settings, few).measures
    assert [samples for samples, _ in found["curves"]["own"]] == [300, 600]
    assert found["curves"]["own"][-1][1] > 0.5
    assert all(rate > 0 and batch in {1, 8} for _, rate, batch in found["constants"])


def test_constants_of_mnist_are_in_the_table():
    twins = [cell.settings for cell in cells(fast=False) if cell.settings["method"] in tuning.KINDS]
    for settings in [settings for settings in twins if settings["dataset"] == "mnist"]:
        at = [*settings["checkpoints"], 60_000]
        assert list(tuning.constants(settings, None, at)) == at  # without images nothing can be chosen


def finished_with(chip, twins, asked):
    """Give each cell of a chip or a twin a made-up curve."""
    made = {"soft": record(**{"soft-seen": chip, "soft-fixed": chip})}
    made |= {method: record(own=curve) for method, curve in twins.items()}
    return {cell.name: made[cell.settings["method"]] for cell in asked if cell.settings["method"] in made}


@pytest.mark.parametrize(("chip", "holds", "where"), [
    ([0.8, 0.9, 0.95], "yes", "above in all seeds: 100 neurons 300-3000; below in all seeds: nowhere"),
    ([0.5, 0.9, 0.7], "partly", "above in all seeds: 100 neurons 1000; below in all seeds: 100 neurons 300"),
    ([0.5, 0.6, 0.6], "no", "above in all seeds: nowhere; below in all seeds: 100 neurons 300-3000"),
])  # fmt: skip
def test_verdicts_follow_from_the_curves(chip, holds, where):
    asked = cells(**DIGITS)
    samples = [300, 1000, 3000]
    curves = [list(point) for point in zip(samples, chip, strict=True)], [[300, 0.7], [1000, 0.7], [3000, 0.7]]
    found = speed_claims.claims(asked, finished_with(curves[0], {"sgd-constant": curves[1]}, asked))
    assert [claim.holds for claim in found] == [holds, holds]  # with labels seen, and with a fixed number
    assert {claim.reason for claim in found} == {where}
    assert "constant rate (the end unknown)" in found[0].claim
    assert "1000 labels" in found[1].claim


def test_the_best_twin_counts():
    asked = cells(fast=False, **DIGITS)
    twins = {"sgd-decay": [[1000, 0.7]], "adam-decay": [[1000, 0.9]]}
    found = speed_claims.claims(asked, finished_with([[1000, 0.8]], twins, asked))[0]
    assert found.holds == "partly"  # Adam is measured at two widths of four
    assert "200 neurons -10.0 (1000)" in found.measured
    assert "100 neurons +10.0 (1000)" in found.measured


def test_tables_and_figure(tmp_path):
    asked = cells(**DIGITS)
    curve = [[300, 0.7], [1000, None], [1437, 0.912]]
    finished = finished_with(curve, {"sgd-decay": [[300, 0.6], [1437, 0.8]]}, asked)
    accuracy, constants = speed_tables.tables(asked, finished)
    assert accuracy.rows[0] == ["own", "SoftHebb", "100", "soft labels", "seen", "70.0", "-", "91.2"]
    assert constants.rows == [["own", speed_tables.NAMES["sgd-decay"], "100", "0.1 / 8", "-", "0.1 / 8"]]
    assert speed_tables.figures(asked, finished, Folder(tmp_path)) == ["figures/speed-own.png"]
    assert (tmp_path / "figures" / "speed-own.png").stat().st_size > 1000
    assert speed_tables.figures(asked, {}, Folder(tmp_path)) == []
