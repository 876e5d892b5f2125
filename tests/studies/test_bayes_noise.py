"""Part `noise` of the study: its grid, measured cells, the noises themselves, and claims from made-up records."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.experiments import cells as experiment_cells
from neurosim.experiments import data, reproduce
from neurosim.experiments.cells import Folder
from neurosim.studies.bayes import attackers, controls, corruptions, noise, noise_claims, study
from neurosim.studies.bayes.figures import STYLES
from neurosim.studies.bayes.images import images_of

DIGITS = {"train": "digits:train", "test": "digits:test"}


def cells(seeds=1, fast=False, **sources):
    return [cell for cell in study.cells(seeds, fast, **sources) if cell.settings["part"] == "noise"]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return images_of(cells(fast=True, **DIGITS)[0].settings, data.Data(tmp_path_factory.mktemp("none")))


def test_the_grid_has_every_classifier_and_names_are_unique():
    grid = cells(3)
    assert len({cell.name for cell in grid}) == len(grid)
    assert {cell.settings["method"] for cell in grid} == set(controls.NAMES)
    assert set(STYLES) == set(attackers.NAMES) >= set(controls.NAMES)
    twins = {cell.settings["method"] for cell in grid if cell.settings.get("torch")}
    assert twins == set(controls.PASSES)
    fast = cells(3, True)
    assert 0 < len(fast) <= 5
    assert not any(cell.settings.get("torch") for cell in fast)


def test_cells_that_need_pytorch_are_refused_at_once(monkeypatch, tmp_path):
    monkeypatch.setattr(experiment_cells, "find_spec", lambda name: None)
    grid = cells()
    with pytest.raises(
        ns.ConfigError, match=r"PyTorch must be installed for .* cells.*pip install.*--only bayes-noise-"
    ):
        reproduce.run(study.STUDY, grid, tmp_path, Folder(tmp_path / "out"), 1)
    assert not (tmp_path / "out").exists()
    experiment_cells.check_installed([cell for cell in grid if not cell.settings.get("torch")])
    only = [cell for cell in grid if cell.settings.get("torch")]
    with pytest.raises(ns.ConfigError) as refused:
        experiment_cells.check_installed(only)
    assert "--only" not in str(refused.value)


def test_a_cell_measures_each_noise_from_none_on(images):
    settings = cells(fast=True, **DIGITS)[0].settings
    outcome = noise.measure(settings, images)
    curves = outcome.measures["curves"]
    assert list(curves) == list(corruptions.STRENGTHS)
    classifier = controls.classifier_of(settings, images)
    clean = float((classifier.predict(images.test) == images.test_labels).mean())
    for name, curve in curves.items():
        assert [point[0] for point in curve] == [0, *corruptions.STRENGTHS[name]]
        assert curve[0][1] == pytest.approx(clean, abs=0.01)
        assert curve[-1][1] < clean
        assert np.isfinite(curve).all()
    assert noise.measure(settings, images).measures == outcome.measures
    shown = outcome.arrays["examples"]
    assert shown.shape == (5, 5, 1, 8, 8)
    assert (shown[:, 0] == images.test[0].reshape(1, 8, 8)).all()
    assert (shown[:, 1:] != shown[:, :1]).any(axis=(2, 3, 4)).all(axis=1).sum() >= 4  # a corner may be black already


@pytest.mark.parametrize("method", [name for name in controls.NAMES if name not in controls.PASSES])
def test_every_classifier_learns_and_has_probabilities(images, method):
    settings = {"method": method, "neurons": 60, "seed": 0, "label_samples": 1000}
    classifier = controls.classifier_of(settings, images)
    log_proba = classifier.log_proba(images.test)
    assert log_proba.shape == (len(images.test), 10) == (len(images.test), classifier.classes)
    assert np.allclose(np.exp(log_proba).sum(axis=1), 1)
    assert (classifier.predict(images.test) == images.test_labels).mean() > (0.3 if method == "random" else 0.7)


@pytest.mark.parametrize("method", controls.PASSES)
def test_twins_are_classifiers_too(images, method):
    pytest.importorskip("torch", reason="PyTorch is not installed: the twin is trained by it")
    twin = controls.classifier_of({"method": method, "neurons": 60, "seed": 0, "label_samples": 1000}, images)
    assert (twin.predict(images.test) == images.test_labels).mean() > 0.4


def test_prototypes_are_centres_of_norm_one():
    corners = np.repeat(np.eye(4, dtype=np.float32), 50, axis=0)
    found = controls.prototypes(corners, 40, 0)
    assert np.allclose(np.linalg.norm(found, axis=1), 1)
    assert set(map(tuple, found.round(3))) == set(map(tuple, np.eye(4)))
    assert (found == controls.prototypes(corners, 40, 0)).all()
    assert controls.prototypes(corners[:3], 7, 0).shape == (7, 4)


def test_a_chip_of_prototypes_answers_by_the_nearest(images):
    chip = controls.k_means_chip({"neurons": 30, "seed": 0}, images)
    centres = controls.prototypes(controls.unit(images.train), 30, 0)
    assert (chip.respond(images.test).winner == (controls.unit(images.test) @ centres.T).argmax(axis=1)).mean() > 0.99


def test_noises_are_relative_to_the_range_of_inputs(images):
    wider = images._replace(low=-1.0, high=3.0, test=4 * images.test - 1)
    for name, strengths in corruptions.STRENGTHS.items():
        narrow, wide = (corruptions.under(name, strengths[1], own.test[:20], own, 5) for own in (images, wider))
        assert np.allclose(4 * narrow - 1, wide, atol=1e-5), name
        assert narrow.min() >= 0
        assert narrow.max() <= 1
        assert (narrow == corruptions.under(name, strengths[1], images.test[:20], images, 5)).all()


def test_test_samples_may_lie_beyond_the_range_of_training_samples(images):
    beyond = 2 * images.test[:20]
    assert beyond.max() > images.high
    for name, strengths in corruptions.STRENGTHS.items():
        noisy = corruptions.under(name, strengths[0], beyond, images, 5)
        assert images.low <= noisy.min() < noisy.max() <= images.high


def test_plain_vectors_have_the_noises_that_need_no_image(images):
    vectors = images._replace(shape=(64,))
    settings = cells(fast=True, **DIGITS)[0].settings
    outcome = noise.measure(settings, vectors)
    assert list(outcome.measures["curves"]) == ["Gaussian", "salt and pepper"]
    assert not outcome.arrays


def record(gaussian, others=0.9):
    """Return a cell's record: accuracy `gaussian` at each strength of Gaussian noise, `others` at those of others."""
    return {"measures": {"curves": {
        name: [[strength, gaussian if name == "Gaussian" else others, 1.0] for strength in (0, *strengths)]
        for name, strengths in corruptions.STRENGTHS.items()
    }}}  # fmt: skip


def found(accuracies, others=None):
    """Return the claims if methods have these accuracies, by width if they are dicts."""
    asked = [cell for cell in cells(1, **DIGITS) if cell.settings["method"] in accuracies]
    finished = {}
    for cell in asked:
        method, neurons = cell.settings["method"], cell.settings["neurons"]
        value = accuracies[method]
        own = value[neurons] if isinstance(value, dict) else value
        finished[cell.name] = record(own, (others or {}).get(method, 0.9))
    return noise.PART.claims(asked, finished), asked, finished


def test_softhebb_must_be_above_its_twin_at_every_width():
    (yes,) = found({"soft": 0.8, "twin": 0.3}, {"soft": 0.95})[0]
    assert yes.holds == "yes"
    assert yes.reason == "5 points above at every noise"
    assert "against backpropagation, one pass: 100 neurons 80.0 to 30.0, 2000 neurons 80.0 to 30.0" in yes.measured
    (close,) = found({"soft": 0.34, "twin": 0.3}, {"soft": 0.95})[0]
    assert close.holds == "no"
    (partly,) = found({"soft": {100: 0.8, 200: 0.8, 1000: 0.8, 2000: 0.2}, "twin": 0.3})[0]
    assert partly.holds == "partly"
    assert "Gaussian 0.75 (1 of 4 twins), salt and pepper 0.5 (4 of 4 twins)" in partly.reason
    assert partly.reason.endswith("; without noise 1 of 4 twins are better")
    assert found({"soft": 0.3, "twin": 0.3})[0][0].holds == "no"
    assert found({"soft": 0.8})[0] == []


def test_robustness_is_its_own_only_if_no_control_has_it():
    (own,) = found({"soft": 0.8, "soft-ridge": 0.4, "hard": 0.6, "k-means": 0.7})[0]
    assert own.holds == "yes"
    assert "SoftHebb for hard WTA +20.0 to +20.0" in own.measured
    assert own.reason.endswith("as many by: soft labels for a ridge")
    (partly,) = found({"soft": 0.8, "hard": {100: 0.6, 200: 0.6, 1000: 0.6, 2000: 0.79}, "k-means": 0.7})[0]
    assert partly.holds == "partly"
    (no,) = found({"soft": 0.8, "soft-ridge": 0.4, "hard": 0.8, "k-means": 0.9})[0]
    assert no.holds == "no"
    assert found({"soft": 0.8, "hard": 0.4})[0] == []  # without k-means
    assert noise_claims.claims([], {}) == []


def test_tables_and_figures_show_every_noise(tmp_path):
    _, asked, finished = found({"soft": 0.8, "k-means": 0.9, "delta": 0.4})
    made = noise.PART.tables(asked, finished)
    assert len({table.name for table in made}) == 7
    assert made[-1].rows == [["own", "SoftHebb for k-means", "4", "-10.0", "-10.0", "no"]]
    row = next(row for row in made[0].rows if row[1] == "k-means, soft labels")
    assert row[2:] == ["100", *["90.0"] * 5]
    assert all(len(row) == len(table.header) for table in made for row in table.rows)
    assert noise.PART.tables(asked, {})[0].rows[0][3:] == ["-"] * 5
    folder = Folder(tmp_path)
    folder.write(asked[0], {"status": "done"}, {"examples": np.zeros((5, 5, 8, 8), np.float32)})
    names = noise.PART.figures(asked, finished, folder)
    assert [name.rpartition("/")[2] for name in names] == ["noise-own.png", "noise-examples-own.png"]
    assert noise.PART.figures(asked, {}, folder) == []
