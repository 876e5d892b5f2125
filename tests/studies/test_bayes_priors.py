"""Part `priors` of the Bayesian study: known mixtures, classes of unequal shares, verdicts from made-up records."""

import numpy as np
import pytest

from neurosim.experiments.cells import Folder
from neurosim.experiments.data import Data
from neurosim.studies.bayes import priors, study
from neurosim.studies.bayes.images import images_of
from neurosim.studies.bayes.known_mixtures import TRUE_SHARES, learned_shares
from neurosim.studies.bayes.unequal import Subset, classes_by_prior, unequal

DIGITS = {"train": "digits:train", "test": "digits:test"}


def cells(fast=True, **sources):
    return [cell for cell in study.cells(1, fast, **(sources or DIGITS)) if cell.settings["part"] == "priors"]


def settings(method):
    return next(cell.settings for cell in cells() if cell.settings["method"] == method)


def test_known_mixtures_are_measured_once_and_need_no_stream():
    whole = [cell.settings for cell in study.cells(2, fast=False) if cell.settings["part"] == "priors"]
    synthetic = [one for one in whole if one["dataset"] == "synthetic"]
    assert len(synthetic) == 2 * 4
    assert {one["train"] for one in synthetic} == {None}
    assert {one["dataset"] for one in whole} == {"synthetic", "mnist"}


def test_a_known_mixture_is_learned():
    made = study.measure(settings("radius-5"), Data(".")).measures["draws"]
    assert len(made) == 1
    assert min(made[0]["prior_cosines"]) > 0.9
    assert np.abs(np.array(made[0]["prior"]) - TRUE_SHARES).max() < 0.03
    assert sum(made[0]["none"]) == pytest.approx(1, abs=1e-3)
    assert learned_shares(settings("radius-5"), 1) != made[0]


def test_classes_fall_geometrically_and_keep_their_order():
    labels = np.tile(np.arange(3), 100)
    samples = np.arange(300, dtype=np.float32)[:, None]
    made = unequal(Subset(samples, labels), np.array([2, 0, 1]))
    assert np.bincount(made.labels).tolist() == [31, 10, 100]
    assert (np.diff(made.samples[:, 0]) > 0).all()
    assert (labels[made.samples[:, 0].astype(int)] == made.labels).all()


def test_rare_classes_are_spread_over_the_stream():
    labels = np.tile(np.arange(2), 500)
    made = unequal(Subset(np.arange(1000, dtype=np.float32)[:, None], labels), np.array([0, 1]))
    half = len(made.labels) // 2
    assert np.bincount(made.labels[:half]).tolist() == pytest.approx(np.bincount(made.labels[half:]).tolist(), abs=2)


def test_a_class_that_is_missing_in_the_test_is_left_out_there():
    made = unequal(Subset(np.ones((20, 1), np.float32), np.repeat([0, 2], 10)), np.array([1, 0, 2]))
    assert np.bincount(made.labels).tolist() == [10, 0, 3]


def test_classes_of_digits():
    images = images_of(settings("unequal"), Data("."))
    made = classes_by_prior(settings("unequal"), images)
    true = np.array(made["true"])
    assert true.sum() == pytest.approx(1)
    assert 8 < true.max() / true.min() < 13
    for name in ("prior", "none"):
        assert sum(made[name]["shares"]) == pytest.approx(1, abs=1e-3)
        assert 0.5 < made[name]["accuracy"] <= 1
        assert 0 < made[name]["entropy"] < 2


def test_an_own_stream_of_few_samples_and_gaps_in_its_labels():
    images = images_of(settings("unequal"), Data("."))
    rows = np.isin(images.train_labels, [1, 4, 9])
    few = images._replace(
        train=images.train[rows][:40], train_labels=images.train_labels[rows][:40],
        test=images.test[:30], test_labels=images.test_labels[:30],
    )  # fmt: skip
    made = classes_by_prior(settings("unequal"), few)
    assert np.flatnonzero(made["true"]).tolist() == [1, 4, 9]
    assert made["rate"] == pytest.approx(10 / made["samples"])


def record(**measures):
    return {"status": "done", "seconds": 1.0, "measures": measures}


def draws(shares, cosine=0.95):
    one = {"prior": list(shares), "none": list(TRUE_SHARES)}
    return record(draws=[one | {"prior_cosines": [0.95, 0.95, 0.95, cosine], "none_cosines": [0.95] * 4}])


def classes(prior, entropy):
    own = {"responses": [0.5, 0.5], "accuracy": 0.9, "likelihood": 1.0, "unused": 0}
    none = own | {"shares": [0.5, 0.5], "entropy": 0.3}
    return record(samples=10, rate=0.1, true=[0.9, 0.1], none=none, prior=own | {"shares": prior, "entropy": entropy})


GOOD, BAD = draws(TRUE_SHARES), draws((0.3, 0.3, 0.3, 0.1))
LOST = draws(TRUE_SHARES, cosine=0.2)


@pytest.mark.parametrize(("small", "large", "unequal_classes", "verdicts"), [
    (GOOD, GOOD, classes([0.8, 0.2], 0.2), ["yes", "yes", "yes"]),
    (LOST, GOOD, classes([0.6, 0.4], 0.4), ["partly", "partly", "no"]),
    (GOOD, BAD, classes([0.8, 0.2], 0.3), ["no", "yes", "no"]),
    (LOST, LOST, classes([0.4, 0.6], 0.2), ["no", "no", "yes"]),
])  # fmt: skip
def test_claims_follow_from_the_numbers(small, large, unequal_classes, verdicts):
    asked = cells()
    by_method = {"radius-1": small, "radius-5": large, "unequal": unequal_classes}
    finished = {cell.name: by_method[cell.settings["method"]] for cell in asked}
    assert [claim.holds for claim in priors.claims(asked, finished)] == verdicts
    assert all(len(row) == len(table.header) for table in priors.tables(asked, finished) for row in table.rows)


def test_the_figure_is_drawn(tmp_path):
    asked, folder = cells(), Folder(tmp_path)
    by_method = {"radius-1": GOOD, "radius-5": GOOD, "unequal": classes([0.8, 0.2], 0.2)}
    finished = {cell.name: by_method[cell.settings["method"]] for cell in asked}
    assert priors.figures(asked, finished, folder) == ["figures/priors.png"]
    assert (tmp_path / "figures" / "priors.png").stat().st_size > 1000
    assert priors.figures(asked, {}, folder) == []
