"""Part `attacks`: its grid, attacks that stay above what is proved, and claims that follow from the numbers."""

import numpy as np
import pytest

from neurosim.bayes import Classifier, attack, sharpened
from neurosim.experiments.cells import Folder
from neurosim.experiments.data import Data
from neurosim.studies.bayes import attackers, attacks, study
from neurosim.studies.bayes.attacks_tables import EPSILONS, LARGEST, NORMS, REFERENCE
from neurosim.studies.bayes.certificate import certified_radii
from neurosim.studies.bayes.images import images_of

DIGITS = {"train": "digits:train", "test": "digits:test"}


def cells(fast=True, **sources):
    return [cell for cell in study.cells(3, fast, **sources) if cell.settings["part"] == "attacks"]


def cell_of(method, **sources):
    return next(cell for cell in cells(**(sources or DIGITS)) if cell.settings["method"] == method)


@pytest.fixture(scope="module")
def digits():
    return images_of(cell_of("soft").settings, Data("."))


@pytest.fixture(scope="module")
def hard(digits):
    settings = cell_of("hard").settings
    return attackers.attacked(settings, digits), attackers.target_of(settings, digits)


def test_the_grid_has_every_classifier_and_twins_need_pytorch():
    asked = cells(fast=False)
    widths = {}
    for cell in asked:
        widths.setdefault((cell.settings["dataset"], cell.settings["method"]), set()).add(cell.settings["neurons"])
    assert widths["mnist", "soft"] == widths["mnist", "twin"] == {100, 200, 1000, 2000}
    assert widths["mnist", "k-means"] == widths["mnist", "hard-ridge"] == {200, 1000}
    assert widths["mnist", "soft-winner"] == widths["mnist", "hard-soft"] == {200, 1000}
    assert (widths["mnist", "deep"], widths["mnist", "delta"]) == ({200}, {0})
    assert {method for dataset, method in widths if dataset == "cifar10"} == {"soft", "soft-ridge", "twin"}
    with_torch = {cell.settings["method"] for cell in asked if cell.settings.get("torch")}
    assert with_torch == {"twin", "twin-converged", "check-twin", "transfers"}
    assert not any(cell.settings.get("torch") for cell in cells(**DIGITS))


def test_smaller_attacks_leave_more_and_the_strongest_leaves_least(digits):
    settings = cell_of("soft").settings
    measures = attacks.measure(settings | {"steps": 10}, digits).measures
    for norm, curve in measures["curves"].items():
        epsilons, noise, own, strongest = np.array(curve).T
        assert epsilons.tolist() == [0.0, *EPSILONS[norm]]
        assert noise[0] == own[0] == strongest[0] > 0.85
        assert (np.diff(own) <= 0).all()
        assert (np.diff(strongest) <= 0).all()
        assert (strongest <= own).all()
        assert (own <= noise + 0.02).all()
        assert strongest[-1] < 0.05 < noise[-1]
    assert measures["scales"]["linf"] == 1.0
    assert measures["scales"]["l2"] == pytest.approx(np.linalg.norm(digits.train, axis=1).mean() / 9.2, rel=0.05)


@pytest.mark.parametrize("norm", NORMS)
def test_no_attack_succeeds_where_safety_is_proved(hard, norm):
    found, target = hard
    weights = np.array(found.chip.layers[0].weights, np.float64)
    radii = certified_radii(weights, found.names, target.samples.astype(np.float64), target.labels, norm)
    winners = found.names[(target.samples @ weights.T).argmax(axis=1)]
    right = winners == target.labels
    assert np.array_equal(found.classifier.predict(target.samples), winners)
    assert np.array_equal(radii > 0, right)
    for epsilon in EPSILONS[norm][:2]:
        ball = target.ball(norm, epsilon)
        left = attackers.still_right(
            found.classifier, [*found.own, *found.others], target.samples, target.labels, right, steps=20, **ball
        )
        safe = radii > ball["epsilon"]
        assert 0.1 < safe.mean() <= left.mean() < right.mean()
        assert left[safe].all()


def test_the_certificate_of_two_neurons_is_the_distance_to_the_plane_between_them():
    weights = np.array([[3.0, 0.0], [0.0, 4.0], [0.0, 4.0]])
    samples = np.array([[2.0, 0.5], [0.5, 2.0], [1.0, 1.0]])
    labels = np.array([0, 1, 2])
    found = certified_radii(weights, np.array([0, 1, 1]), samples, labels, "l2")
    assert found.tolist() == pytest.approx([4 / 5, 6.5 / 5, -np.inf])
    found = certified_radii(weights, np.array([0, 1, 1]), samples, labels, "linf")
    assert found.tolist() == pytest.approx([4 / 7, 6.5 / 7, -np.inf])
    assert certified_radii(weights, np.zeros(3, int), samples[:1], labels[:1], "l2").tolist() == [np.inf]
    repeated = certified_radii(weights[1:], np.array([0, 1]), samples[:1], labels[:1], "l2")
    assert repeated.tolist() == [0.0]


def test_others_lend_their_gradients_and_judge_nothing(digits, hard):
    found, target = hard
    along = attackers.Along(found.classifier, found.others[0].classifier)
    samples, labels = target.samples[:20], target.labels[:20]
    assert np.array_equal(along.log_proba(samples), found.classifier.log_proba(samples))
    assert np.array_equal(along.gradient(samples, labels), found.others[0].classifier.gradient(samples, labels))
    nothing = np.zeros(20, bool)
    left = attackers.still_right(found.classifier, found.own, samples, labels, nothing, norm="l2", epsilon=1.0)
    assert not left.any()


def test_checks_measure_both_ends(digits, monkeypatch):
    settings = cell_of("soft").settings | {"kind": "check", "classifier": "soft", "attacked_samples": 20, "steps": 5}
    monkeypatch.setattr(attacks, "MORE_STEPS", 10)
    check = attacks.measure(settings, digits).measures["check"]
    for norm, points in check.items():
        assert [point[0] for point in points] == [0.0, *REFERENCE[norm], LARGEST[norm]]
        assert points[0][1] == points[0][2] == points[0][3] > 0.8
        assert points[-1][3] == 0
        assert all(more <= usual <= clean for _, clean, usual, more in points)


def test_transfers_are_measured_for_each_pair(digits):
    pytest.importorskip("torch", reason="PyTorch is not installed: the twin is trained by it")
    settings = cell_of("soft").settings | {"kind": "transfers", "attacked_samples": 30, "steps": 10}
    rows = attacks.measure(settings, digits).measures["transfers"]
    left = {tuple(names): value for *names, value in rows}
    assert len(left) == len(rows) == 2 * 3 * 5
    assert left["l2", "soft", "sharpened"] < left["l2", "soft", "twin"]
    assert left["l2", "twin", "twin"] < left["l2", "twin", "soft"]


def test_images_are_those_of_attacks_that_succeed(digits):
    settings = cell_of("soft").settings
    arrays = attacks.measure(settings | {"steps": 5, "attacked_samples": 20}, digits).arrays
    target = attackers.target_of(settings | {"attacked_samples": 20}, digits)
    assert arrays["clean"].shape == arrays["l2"].shape == (10, 1, 8, 8)
    assert np.abs(arrays["linf"] - arrays["clean"]).max() == pytest.approx(0.2, abs=1e-6)
    lengths = np.linalg.norm((arrays["l2"] - arrays["clean"]).reshape(10, -1), axis=1)
    assert lengths.max() <= 4 * target.scales["l2"] + 1e-6
    assert (arrays["l2-said"] != target.labels[:10]).all()


def curve(norm, own, strongest):
    return [[0.0, 0.9, 0.9, 0.9], *([epsilon, 0.9, own, strongest] for epsilon in EPSILONS[norm])]


def record(own, strongest, **measures):
    curves = {norm: curve(norm, own, strongest) for norm in NORMS}
    shares = {"curves": curves, "certified": {}, "scales": {"linf": 1.0, "l2": 1.0}}
    return {"status": "done", "seconds": 1.0, "measures": {"data": "d"} | shares | measures}


def verdicts(**by_method):
    """Return the verdicts of made-up records, by the beginnings of the claims."""
    asked = [cell for cell in cells(fast=False) if cell.settings["method"] in by_method]
    asked = [cell for cell in asked if cell.settings["dataset"] == "mnist" and cell.settings["neurons"] in {0, 200}]
    finished = {cell.name: by_method[cell.settings["method"]] for cell in asked}
    tables = attacks.tables(asked, finished)
    assert any(table.rows for table in tables)
    assert all(len(row) == len(table.header) for table in tables for row in table.rows)
    return {claim.claim.rpartition(":")[0]: claim.holds for claim in attacks.claims(asked, finished)}


STRONG, WEAK = record(0.6, 0.6), record(0.1, 0.1)


@pytest.mark.parametrize(("ours", "theirs", "holds"), [(STRONG, WEAK, "yes"), (WEAK, STRONG, "no"), (WEAK, WEAK, "no")])
def test_robustness_is_that_of_the_strongest_attack(ours, theirs, holds):
    found = verdicts(soft=ours, twin=theirs)
    assert found["robust to L-infinity attacks"] == found["robust to L2 attacks"] == holds


@pytest.mark.parametrize(("own", "strongest", "holds"), [(0.5, 0.49, "yes"), (0.5, 0.4, "no")])
def test_gradients_are_masked_where_others_lead_further(own, strongest, holds):
    assert verdicts(soft=record(own, strongest)) == {"no masking of gradients": holds}


@pytest.mark.parametrize(("hard", "delta", "holds"), [
    (STRONG, WEAK, "yes"), (WEAK, WEAK, "partly"), (STRONG, STRONG, "no"),
])  # fmt: skip
def test_robustness_comes_from_prototypes_if_they_need_no_softness(hard, delta, holds):
    methods = dict.fromkeys(("soft", "soft-ridge", "soft-winner", "k-means", "hard"), STRONG)
    methods |= dict.fromkeys(("random", "random-ridge", "twin"), WEAK) | {"hard-soft": hard, "delta": delta}
    if hard is WEAK:
        methods["hard"] = WEAK
    assert verdicts(**methods)["robust by prototypes, not by softness"] == holds
    del methods["k-means"]  # what is not compared with everything is not claimed
    assert "robust by prototypes, not by softness" not in verdicts(**methods)


def check(usual, more, last=0.0):
    points = {
        norm: [[0.0, 0.9, 0.9, 0.9], *([epsilon, 0.9, usual, more] for epsilon in REFERENCE[norm])]
        + [[LARGEST[norm], 0.9, last, last]]
        for norm in NORMS
    }
    return record(0.5, 0.5, check=points)


@pytest.mark.parametrize(("made", "holds"), [
    (check(0.5, 0.49), "yes"), (check(0.5, 0.4), "partly"), (check(0.5, 0.5, last=0.2), "partly"),
])  # fmt: skip
def test_attacks_are_strong_enough_if_more_of_everything_changes_nothing(made, holds):
    assert verdicts(**{"check-soft": made}) == {"attacks are as strong as they get": holds}


@pytest.mark.parametrize(("from_twin", "holds"), [(0.6, "yes"), (0.3, "no")])
def test_an_attack_by_transfer_must_not_be_stronger(from_twin, holds):
    rows = [[norm, "soft", source, left] for norm in NORMS for source, left in (("soft", 0.5), ("twin", from_twin))]
    found = verdicts(soft=record(0.5, 0.5), transfers=record(0.5, 0.5, transfers=rows))
    assert found["no attack by transfer is stronger"] == holds


def test_figures_are_drawn_of_what_is_finished(tmp_path, digits):
    folder, asked = Folder(tmp_path), cells(**DIGITS)
    assert attacks.figures(asked, {}, folder) == []
    outcome = attacks.measure(asked[0].settings | {"steps": 2, "attacked_samples": 20}, digits)
    done = {"status": "done", "measures": outcome.measures, "seconds": 1.0}
    folder.write(asked[0], done, outcome.arrays)
    names = attacks.figures(asked, {asked[0].name: done}, folder)
    assert names == ["figures/attacks-own.png", "figures/attacks-images-own.png"]
    assert all((tmp_path / name).stat().st_size > 1000 for name in names)


def test_streams_of_vectors_have_no_images_and_classes_may_be_missing(digits):
    vectors = digits._replace(train=digits.train * 10 - 3, test=digits.test * 12 - 4, shape=(64,), low=-3.0, high=7.0)
    rows = vectors.train_labels != 9  # a class that no readout was named by
    vectors = vectors._replace(train=vectors.train[rows], train_labels=vectors.train_labels[rows])
    for method in ("soft", "soft-ridge"):
        settings = cell_of(method).settings | {"steps": 2, "attacked_samples": 30}
        outcome = attacks.measure(settings, vectors)
        assert outcome.arrays == {}
        assert 0 < outcome.measures["curves"]["linf"][0][1] < 1
        assert outcome.measures["scales"]["linf"] == pytest.approx(12.0)


def test_the_sharpened_guide_is_the_one_of_the_docs(digits):
    settings = cell_of("soft").settings
    found, target = attackers.attacked(settings, digits), attackers.target_of(settings, digits)
    labels = attackers.named(found.chip, digits, settings["label_samples"])
    guide = Classifier(found.chip, sharpened(labels), dtype=np.float32)
    ball = target.ball("l2", 2.0)
    usual = attack(found.classifier, target.samples, target.labels, through=[guide], **ball)
    right = found.classifier.predict(target.samples) == target.labels
    ours = attackers.still_right(
        found.classifier, [*found.own, *found.others], target.samples, target.labels, right, **ball
    )
    assert np.array_equal(ours, ~usual.success)


def test_images_are_drawn_from_the_lowest_to_the_highest_value(digits):
    wider = digits._replace(train=100 * digits.train - 50, test=100 * digits.test - 50, low=-50.0, high=50.0)
    settings = cell_of("soft").settings | {"steps": 2, "attacked_samples": 10}
    narrow, wide = (attacks.measure(settings, images).arrays["clean"] for images in (digits, wider))
    assert np.allclose(narrow, wide, atol=1e-6)
    assert attacks.measure(settings, digits._replace(shape=(4, 4, 4))).arrays == {}
