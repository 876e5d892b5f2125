"""The study of the Bayesian claims: its cells on any labelled stream, the part on cross-entropy, the claims."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from neurosim.cli import main
from neurosim.errors import SampleError
from neurosim.experiments import reproduce
from neurosim.experiments.cells import Folder, Outcome
from neurosim.experiments.data import Data
from neurosim.studies.bayes import learning, study
from neurosim.studies.bayes.images import images_of
from neurosim.studies.bayes.part import Claim, measured

DIGITS = {"train": "digits:train", "test": "digits:test"}


def cells(part, fast=True, **sources):
    return [cell for cell in study.cells(1, fast, **(sources or DIGITS)) if cell.settings["part"] == part]


def record(**measures):
    return {"status": "done", "seconds": 1.0, "measures": {"data": "d"} | measures}


def test_cells_have_names_of_their_own():
    whole = study.cells(3, fast=False)
    assert len({cell.name for cell in whole}) == len({cell.key for cell in whole}) == len(whole)
    assert {cell.settings["part"] for cell in whole} == set(study.PARTS)
    assert {cell.settings["seed"] for cell in whole} == {0, 1, 2}
    assert {cell.settings["seed"] for cell in study.cells(3, fast=True)} == {0}
    soft = {cell.settings["neurons"] for cell in whole if cell.name.startswith("bayes-learning-mnist-soft")}
    assert soft == {100, 200, 1000, 2000}


def test_a_stream_of_ones_own_takes_the_place_of_the_others():
    assert {cell.settings["dataset"] for cell in study.cells(1, fast=False)} >= {"mnist", "cifar10"}
    own = [cell.settings for cell in study.cells(1, fast=True, **DIGITS) if cell.settings["train"]]
    assert {settings["dataset"] for settings in own} == {"own"}
    assert {settings["train"] for settings in own} == {"digits:train"}


def test_images_lie_in_the_order_of_the_seed():
    settings = cells("learning")[0].settings
    first, second = (images_of(settings | {"seed": seed}, Data(".")) for seed in (0, 1))
    assert (first.classes, first.shape, first.low, first.high) == (10, (1, 8, 8), 0.0, 1.0)
    assert not np.array_equal(first.train_labels, second.train_labels)
    assert sorted(map(bytes, first.train)) == sorted(map(bytes, second.train))
    assert images_of(settings, Data(".")).train.tobytes() == first.train.tobytes()


def test_cross_entropy_falls_and_soft_beats_hard_on_digits(tmp_path):
    asked = cells("learning")
    folder = Folder(tmp_path)
    for cell in asked:
        outcome = study.measure(cell.settings, Data("."))
        folder.write(cell, {"status": "done", "measures": outcome.measures, "seconds": 1.0})
    text, failed = reproduce.report(study.STUDY, asked, folder)
    assert not failed
    curve = folder.read(asked[0])["measures"]["curve"]
    assert [point[0] for point in curve] == [0, 100, 300, 1000, 1437]
    assert curve[-1][1] < 0.6 < 1.5 < curve[0][1]
    assert curve[-1][1] == curve[-1][3]  # fitted there
    assert "| cross-entropy falls without labels: own, one layer" in text
    assert (tmp_path / "figures" / "cross-entropy.png").stat().st_size > 1000


def entropies(start, end, smoothed, accuracy=0.9):
    curve = [[0, start, 0.1, start], [100, end, accuracy, end]]
    return record(curve=curve, converged=[end, accuracy, end], by_smoothing=[[1e-3, smoothed]])


@pytest.mark.parametrize(("soft", "hard", "verdicts"), [
    (entropies(2.0, 0.5, 0.5), entropies(2.0, 0.9, 0.8), ["yes", "yes"]),
    (entropies(2.0, 2.5, 0.9), entropies(2.0, 0.9, 0.8), ["no", "no"]),
    (entropies(2.0, 0.5, 0.9), entropies(2.0, 0.9, 0.8), ["yes", "no"]),
])  # fmt: skip
def test_claims_follow_from_the_numbers(soft, hard, verdicts):
    asked = cells("learning")
    finished = {cell.name: {"soft": soft, "hard": hard}.get(cell.settings["method"]) for cell in asked}
    found = learning.claims(asked, {name: made for name, made in finished.items() if made})
    assert [claim.holds for claim in found] == verdicts


def test_what_is_not_measured_is_not_claimed():
    asked = study.cells(1, fast=True, **DIGITS)
    claims, *tables = study.tables(asked, {})
    assert claims.rows == []
    assert all(len(row) == len(table.header) for table in tables for row in table.rows)
    assert measured("a", "b", holds=False) == Claim("a", "b", "no", "")


def test_one_seed_is_a_doubt():
    asked = [cell for cell in study.cells(2, fast=False, **DIGITS) if "learning-own-soft-100" in cell.name]
    made = {cell.name: entropies(2.0, 0.5, 0.5) for cell in asked}
    (both,) = study.tables(asked, made)[0].rows
    (one,) = study.tables(asked, {asked[0].name: made[asked[0].name]})[0].rows
    assert one[3].endswith(f"; {study.ONE_SEED}")
    assert study.ONE_SEED not in both[3]


def test_every_class_names_neurons():
    images = images_of(cells("learning")[0].settings, Data("."))
    samples, labels = images.naming(3)
    assert set(labels.tolist()) == set(range(10))
    assert len(labels) < 13
    assert np.array_equal(labels[:3], images.train_labels[:3])
    assert np.array_equal(samples[:3], images.train[:3])
    assert np.array_equal(images.naming(500)[1], images.train_labels[:500])


@pytest.mark.parametrize(("train", "test", "words"), [
    (np.arange(40) % 2, np.arange(10) % 3, "labels of .*test.npz must be among those of the 40 samples .* got 2"),
    (np.zeros(40), np.arange(10) % 2, "labels of .*train.npz must be of two classes"),
])  # fmt: skip
def test_labels_that_were_never_seen_are_refused(tmp_path, train, test, words):
    files = {"train": tmp_path / "train.npz", "test": tmp_path / "test.npz"}
    for file, labels in zip(files.values(), (train, test), strict=True):
        np.savez(file, samples=np.eye(len(labels), 50, dtype=np.float32), labels=labels.astype(np.int64))
    settings = cells("learning")[0].settings | {name: str(file) for name, file in files.items()}
    with pytest.raises(SampleError, match=words):
        images_of(settings, Data("."))


def test_samples_that_are_all_alike_are_refused(tmp_path):
    file = tmp_path / "grey.npz"
    np.savez(file, samples=np.full((20, 4), 0.5, np.float32), labels=np.arange(20) % 2)
    with pytest.raises(SampleError, match=r"grey.npz must differ, got 0.5 in every place"):
        images_of(cells("learning")[0].settings | {"train": str(file), "test": str(file)}, Data("."))


ONE_CLASS = {"samples": np.ones((30, 4), np.float32), "labels": np.ones(30, np.int64)}
UNLABELLED = {"samples": np.ones((30, 4), np.float32)}


@pytest.mark.parametrize(("arrays", "words"), [
    (ONE_CLASS, "labels of {file} must be of two classes at least, got only [1]"),
    (UNLABELLED, "{file} must have labels, and be no pipe, for a study; for lines give --label"),
    (ONE_CLASS | {"labels": np.full(30, -1)}, "samples of {file} must all have a label for this study, and some have"),
])  # fmt: skip
def test_streams_that_no_classifier_can_be_fitted_to_are_refused_before_work(tmp_path, arrays, words):
    file = tmp_path / "own.npz"
    np.savez(file, **arrays)
    options = [
        "--train",
        str(file),
        "--test",
        str(file),
        "--fast",
        "--only",
        "learning",
        "--out",
        str(tmp_path / "out"),
    ]
    done = CliRunner().invoke(main, ["reproduce", "bayes", *options])
    assert done.exit_code == 2
    assert words.format(file=file) in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("options", "words"), [
    (["radius", "--train", "a.csv", "--test", "b.csv"], "--train and --test must be left out for radius"),
    (["bayes", "--train", "digits:train"], "--train and --test must both be given, or neither"),
    (["bayes", "--label", "kind"], "--label must come with --train and --test"),
    (["bayes", "--train", "none.csv", "--test", "none.csv", "--only", "learning"], "none.csv"),
])  # fmt: skip
def test_sources_that_do_not_go_together_are_one_line(tmp_path, options, words):
    done = CliRunner().invoke(main, ["reproduce", *options, "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_negative_samples_need_other_first_weights():
    settings = cells("learning")[0].settings
    images = images_of(settings, Data("."))
    shifted = images._replace(train=images.train - 0.5, test=images.test - 0.5, low=-0.5)
    assert learning.new_chip(settings, shifted).layers[0].constants.initial == "normal"
    assert isinstance(learning.measure(settings | {"checkpoints": [], "passes": 1}, shifted), Outcome)


def put(folder, **files):
    """Write training and test samples as .npz, or text as .csv; return their paths by the options' names."""
    paths = {}
    for name, content in files.items():
        paths[name] = folder / f"{name}.{'csv' if isinstance(content, str) else 'npz'}"
        if isinstance(content, str):
            paths[name].write_text(content)
        else:
            np.savez(paths[name], **content)
    return {name: str(path) for name, path in paths.items()}


def reproduced(out, *options, code=2, **sources):
    words = [word for name, source in sources.items() for word in (f"--{name}", source)]
    done = CliRunner().invoke(main, ["reproduce", "bayes", *words, "--fast", "--out", str(out), *options])
    assert done.exit_code == code, done.output + repr(done.exception)
    assert code == 0 or done.stderr.count("\n") == 1
    return done


def words_in_lines(*kinds, count=60):
    """Return CSV whose label, a word, follows from which of two values is large."""
    values = {"cat": "0.9,0.1", "dog": "0.1,0.9"}
    return "left,right,kind\n" + "".join(f"{values.get(kind, '0,0')},{kind}\n" for kind in (kinds * count)[:count])


def test_labels_that_are_words_are_compared_by_name(tmp_path):
    sources = put(tmp_path, train=words_in_lines("cat", "dog"), test=words_in_lines("dog", "cat"))
    images = images_of(cells("learning")[0].settings | sources | {"label": "kind"}, Data("."))
    for samples, labels in ((images.train, images.train_labels), (images.test, images.test_labels)):
        assert np.array_equal(labels, (samples[:, 1] > samples[:, 0]).astype(int))


def test_a_word_that_no_training_sample_has_is_refused_by_name(tmp_path):
    sources = put(tmp_path, train=words_in_lines("cat", "dog"), test=words_in_lines("cow", "cat"))
    with pytest.raises(
        SampleError, match=r"labels of .*test\.csv must be among those of the 60 .*train\.csv, got 'cow'"
    ):
        images_of(cells("learning")[0].settings | sources | {"label": "kind"}, Data("."))


def arrays(count=40, width=5, classes=2, **changes):
    samples = np.random.default_rng(count).random((count, width)).astype(np.float32)
    return {"samples": samples, "labels": np.arange(count) % classes} | changes


def unusable():
    samples = arrays()["samples"]
    samples[7, 2] = np.nan
    return arrays(samples=samples)


@pytest.mark.parametrize(("train", "test", "words"), [
    (unusable(), arrays(), "samples of {train} must be finite numbers, got nan in sample 7"),
    (arrays(), unusable(), "samples of {test} must be finite numbers, got nan in sample 7"),
    (arrays(), arrays(width=6), "samples of {test} must have 5 inputs, as those of {train}, got 6"),
    (arrays(), arrays(classes=3), "labels of {test} must be among those of the 40 samples to learn from, of {train}"),
])  # fmt: skip
def test_bad_data_of_ones_own_are_refused_before_work(tmp_path, train, test, words):
    sources = put(tmp_path, train=train, test=test)
    done = reproduced(tmp_path / "out", "--only", "learning", **sources)
    assert words.format(**sources) in done.stderr
    assert not (tmp_path / "out").exists()


def done_cells(folder, measures, **sources):
    """Write made-up records of the cells of `learning`; return the folder's path."""
    for cell in cells("learning", **sources):
        made = entropies(2.0, 0.5, 0.5)
        folder.write(cell, made | {"measures": made["measures"] | measures})
    return folder.path


@pytest.mark.parametrize("changed", ["train", "test"])
def test_data_that_changed_are_not_reported_as_the_same(tmp_path, changed):
    sources = put(tmp_path, train=arrays(), test=arrays(30))
    known = images_of(cells("learning", **sources)[0].settings, Data(".")).data
    out = done_cells(Folder(tmp_path / "out"), {"data": known}, **sources)
    options = (out, "--only", "learning-own")
    assert "| cross-entropy falls" in reproduced(*options, code=0, **sources).stdout
    before = (out / "report.md").read_bytes()
    put(tmp_path, **{changed: arrays(50)})
    assert (
        f" in {out} is of other samples than {sources[changed]} holds now: move {out} away, or choose another --out"
        in (reproduced(*options, **sources).stderr)
    )
    assert (out / "report.md").read_bytes() == before
    assert reproduced(*options, "--report", code=0, **sources).stdout.encode() == before + b"\n"  # of what was measured


@pytest.mark.parametrize("options", [["--report"], []])
@pytest.mark.parametrize("measures", [
    {"curve": []}, {"curve": [[1]]}, {"curve": 3}, {"by_smoothing": "none"}, {"data": 4},
])  # fmt: skip
def test_records_with_other_measures_are_one_line(tmp_path, measures, options):
    sources = put(tmp_path, train=arrays(), test=arrays(30))
    known = images_of(cells("learning", **sources)[0].settings, Data(".")).data
    out = done_cells(Folder(tmp_path / "out"), {"data": known} | measures, **sources)
    done = reproduced(out, "--only", "learning-own", *options, **sources)
    assert str(out / "cells") in done.stderr
    assert "away" in done.stderr


def test_a_column_of_labels_is_a_setting_only_if_it_is_given():
    without, named = study.cells(1, True, **DIGITS), study.cells(1, True, **DIGITS, label="kind")
    assert not any("label" in cell.settings for cell in without)
    assert all(cell.settings["label"] == "kind" for cell in named if cell.settings["train"])
    assert [cell.name for cell in without] == [cell.name for cell in named]


@pytest.mark.slow
def test_lines_with_a_column_of_labels_are_measured(tmp_path):
    sources = put(tmp_path, train=words_in_lines("cat", "dog", count=400), test=words_in_lines("dog", "cat"))
    out = tmp_path / "out"
    reproduced(out, "--only", "learning-own-soft", "--label", "kind", code=0, **sources)
    (file,) = (out / "cells").glob("*.json")
    made = json.loads(file.read_text())
    assert made["settings"]["label"] == "kind"
    assert made["measures"]["curve"][-1][2] == 1.0  # accuracy: all are right, though words come in another order
    numbers = put(tmp_path, numbers="0.5,1\n1.5,0\n")["numbers"]
    done = reproduced(tmp_path / "none", "--only", "learning-own-soft", train=numbers, test=numbers)
    assert f"{numbers} must have labels, and be no pipe, for a study; for lines give --label" in done.stderr
    assert "colour" in reproduced(tmp_path / "none", "--only", "learning", "--label", "colour", **sources).stderr
