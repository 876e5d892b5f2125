"""The study of deep chips, and a preset on the command line."""

import json
import os

import numpy as np
import pytest
from click.testing import CliRunner

import neurosim as ns
from neurosim.cli import main
from neurosim.readouts.softmax import SoftmaxReadout
from neurosim.streams import ArrayStream, PadCrop, RandomFlip
from neurosim.studies import deep, published


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_cells_are_unique_and_their_presets_are_there():
    cells = deep.cells(3, fast=False)
    assert len({cell.name for cell in cells}) == len({cell.key for cell in cells}) == len(cells) == 57
    for cell in cells:
        assert cell.settings["preset"] in ns.presets.names()
    dense = next(cell.settings for cell in cells if cell.settings["method"] == "dense")
    assert [layer.constants.cutoff for layer in deep.chip_of(dense).layers] == [0, 0, 0]


def test_random_chips_follow_statistics_and_learn_nothing():
    settings = next(cell.settings for cell in deep.cells(1, True) if cell.settings["method"] == "random")
    chip = deep.chip_of(settings)
    before = [layer.weights for layer in chip.layers]
    chip.learn(np.random.default_rng(0).random((3, 1, 28, 28)))
    for layer, weights in zip(chip.layers, before, strict=True):
        np.testing.assert_array_equal(layer.weights, weights)
        assert layer.state.means.any()


def test_a_row_holds_the_published_number_beside_ours():
    cells = [cell for cell in deep.cells(2, False) if cell.name.startswith("deep-cifar10-online-3")]
    finished = {
        cell.name: {"measures": {"accuracy": accuracy, "mean_norms": [4.5, 5.0, 17.0]}}
        for cell, accuracy in zip(cells, (0.80, 0.802), strict=True)
    }
    (table,) = deep.tables(cells, finished)
    assert table.rows == [
        ["cifar10", "online", "3", "80.31", "80.10 ± 0.14", "-0.21", "4.50 / 5.00 / 17.00", "2"],
    ]
    (empty,) = deep.tables(cells, {})
    assert empty.rows == [["cifar10", "online", "3", "80.31", "-", "-", "-", "0"]]


def test_what_is_not_published_is_none():
    assert published.deep("mnist", "random", 3) is None
    assert published.deep("cifar10", "hard", 1) == 62.69


@pytest.mark.slow
@pytest.mark.skipif("NEUROSIM_DATA" not in os.environ, reason="NEUROSIM_DATA is unset: it names the folder of MNIST")
def test_the_study_runs_small(tmp_path):
    result = run("reproduce", "deep", "--fast", "--root", os.environ["NEUROSIM_DATA"], "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert "4 of 4 cells are finished" in result.output


def test_a_preset_streams_stops_and_goes_on(tmp_path):
    state, options = tmp_path / "chip.h5", ["--preset", "softhebb-cifar10-1layer", "--json"]
    X = np.random.default_rng(0).random((12, 3, 8, 8))
    np.save(tmp_path / "all.npy", X)
    whole = run("stream", tmp_path / "all.npy", *options)
    assert whole.exit_code == 0, whole.output
    two = ["stream", tmp_path / "all.npy", *options, "--state", state]
    chip = ns.Chip.from_preset("softhebb-cifar10-1layer", inputs=(3, 8, 8)).learn(X[:5])
    chip.save(state, position=5, stream=ns.open_stream(tmp_path / "all.npy").identity())
    result = run(*two)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["samples"] == 7
    assert json.loads(result.stdout)["state_sha256"] == json.loads(whole.stdout)["state_sha256"]
    other = run("stream", tmp_path / "all.npy", "--preset", "softhebb-cifar10-2layer", "--state", state)
    assert other.exit_code == 2
    assert "there are 1 layers there, 2 here" in other.stderr
    dense = run("stream", tmp_path / "all.npy", "--recipe", "softhebb", "--state", state)
    assert dense.exit_code == 2
    assert "there" in dense.stderr
    plain = run("stream", tmp_path / "all.npy", "--state", state, "--epochs", 2, "--json")
    assert plain.exit_code == 0, plain.output
    assert json.loads(plain.stdout)["samples"] == 12
    assert run("inspect", state).exit_code == 0


@pytest.mark.parametrize(("options", "words"), [
    (["--preset", "cifar"], "preset must be one of softhebb-cifar10-1layer"),
    (["--preset", "softhebb-cifar10-1layer", "--neurons", "5"], "neurons must be left out with --preset"),
    (["--preset", "softhebb-cifar10-1layer", "--rate", "0.5"], "rate must be left out with --preset"),
    (["--preset", "softhebb-cifar10-1layer", "--recipe", "hebb"], "recipe must be left out with --preset"),
    (["--preset", "softhebb-stl10-4layer"], "padding of layer 4 must be below its images' 1 x 1 pixels, got 1"),
], ids=str)  # fmt: skip
def test_what_does_not_go_with_a_preset_is_said(options, words):
    result = run("stream", "digits:train", *options)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_a_preset_on_what_is_no_image_is_said(tmp_path):
    np.save(tmp_path / "flat.npy", np.zeros((4, 10)))
    result = run("stream", tmp_path / "flat.npy", "--preset", "softhebb-cifar10-1layer")
    assert result.exit_code == 2
    assert "inputs of layer 1 must be images (channels, height, width), got (10,)" in result.stderr


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_preset_does_not_take_rows_of_pixels_for_channels(tmp_path, channels):
    np.save(tmp_path / "last.npy", np.random.default_rng(0).random((4, 32, 32, channels)))
    result = run("stream", tmp_path / "last.npy", "--preset", "softhebb-cifar10-1layer")
    assert result.exit_code == 2
    words = f"images of last.npy must be channels first, ({channels}, 32, 32), got (32, 32, {channels}); turn them"
    assert words in result.stderr


def test_a_chip_of_images_is_measured_by_the_readout_that_the_papers_train(tmp_path):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    X = rng.random((300, 1, 8, 8)) * 0.5
    X[labels == 1, 0, :, 3:5] += 0.5  # a line down the middle
    for name, part in (("train", slice(200)), ("test", slice(200, 300))):
        np.savez(tmp_path / f"{name}.npz", samples=X[part], labels=labels[part])
    result = run("stream", tmp_path / "train.npz", "--preset", "softhebb-cifar10-1layer", "--state", tmp_path / "c.h5",
                 "--test", tmp_path / "test.npz", "--readout-epochs", 10, "--json")  # fmt: skip
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["readout_accuracy"] > 0.9
    assert found["winner_accuracy"] is None
    judged = run("judge", tmp_path / "c.h5", "--train", tmp_path / "train.npz", "--test", tmp_path / "test.npz")
    assert judged.exit_code == 2
    assert "last layer must be one whose neurons see a whole sample, got 'images of 96 x 4 x 4'" in judged.stderr


def images_with_a_line(count=60, seed=0):
    """Return labelled images, some with a line at the left."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    X = rng.random((count, 1, 8, 8), np.float32) * 0.5
    X[labels == 1, 0, :, 1:3] += 0.5
    return ArrayStream(X, labels)


def test_a_readout_is_trained_on_images_transformed_anew():
    chip = ns.Chip.from_preset("softhebb-cifar10-1layer", inputs=(1, 8, 8))
    train, test = images_with_a_line(), images_with_a_line(200, 1)
    chip.learn(train)
    plain = ns.judge_images(chip, train, test, epochs=4)
    assert ns.judge_images(chip, train, test, epochs=4, augment=[PadCrop(0)], views=3) == plain
    samples, labels = train.take(np.arange(60))
    mirrored = ArrayStream(samples.reshape(-1, 1, 8, 8)[..., ::-1], labels)
    expected = ns.judge_images(chip, mirrored, test, epochs=4)
    assert expected != plain
    assert ns.judge_images(chip, train, test, epochs=4, augment=[RandomFlip(1.0)], views=2) == expected


def test_every_view_is_another_and_comes_in_its_epoch(monkeypatch):
    chip, train = ns.Chip.from_preset("softhebb-cifar10-1layer", inputs=(1, 8, 8)), images_with_a_line()
    seen = []

    def fit(self, features, labels, watch, renew):
        seen.extend([features, *(renew(epoch) for epoch in range(2, 8))])
        raise KeyboardInterrupt

    monkeypatch.setattr(SoftmaxReadout, "fit", fit)
    with pytest.raises(KeyboardInterrupt):
        ns.judge_images(chip, train, train, epochs=7, augment=[PadCrop(2)], views=3)
    assert [features is not None for features in seen] == [True, False, True, False, True, False, False]
    views = [features for features in seen if features is not None]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not np.array_equal(views[one], views[other])


@pytest.mark.parametrize(
    ("given", "message"),
    [({"views": 2}, "views must be 1 without augment, as all views would be equal, got 2"),
     ({"views": 4, "augment": [PadCrop(1)]}, "views must be at most the 3 epochs, got 4"),
     ({"views": 0, "augment": [PadCrop(1)]}, "views must be a whole number of at least 1, got 0"),
     ({"augment": [PadCrop]}, "transforms must be a sequence")],
)  # fmt: skip
def test_views_that_cannot_be_are_refused(given, message):
    chip, train = ns.Chip.from_preset("softhebb-cifar10-1layer", inputs=(1, 8, 8)), images_with_a_line()
    with pytest.raises(ns.ConfigError, match=message):
        ns.judge_images(chip, train, train, epochs=3, **given)


def run_preset(source, root, preset, *options):
    result = run("stream", source, "--root", root, "--preset", preset, "--json", *options)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("layers", ["3layer", "4layer", "4layer-published"])
def test_stl10_presets_run_at_full_shape(tmp_path, layers):
    folder, rng = tmp_path / "stl10_binary", np.random.default_rng(0)
    folder.mkdir()
    count = 32 if "published" in layers else 3  # a window
    (folder / "unlabeled_X.bin").write_bytes(rng.integers(0, 256, count * 3 * 96 * 96, np.uint8).tobytes())
    assert run_preset("stl10:unlabelled", tmp_path, f"softhebb-stl10-{layers}")["samples"] == count


@pytest.mark.slow
def test_the_imagenet_preset_runs_at_full_shape_on_a_folder_of_images(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for number, name in enumerate(("cat", "dog")):
        (tmp_path / "train" / name).mkdir(parents=True)
        picture = np.random.default_rng(number).integers(0, 256, (200, 180, 3), np.uint8)
        image.fromarray(picture).save(tmp_path / "train" / name / "a.png")
    options = ["--image-size", 160, "--augment", "crop,flip", "--standardise", "imagenet"]
    found = run_preset("images:train", tmp_path, "softhebb-imagenet-5layer", *options)
    assert found["samples"] == 2


@pytest.mark.parametrize(("options", "words"), [
    (["--preset", "softhebb-cifar10-1layer"], "must be left out without --test or --keep-readout, got 3"),
    (["--test", "digits:test"], "readout_epochs must be left out for a chip that does not end in images"),
], ids=str)  # fmt: skip
def test_epochs_of_a_readout_that_nobody_trains_are_refused(options, words):
    result = run("stream", "digits:train", "--readout-epochs", 3, *options)
    assert result.exit_code == 2
    assert words in result.stderr
