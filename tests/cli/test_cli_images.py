"""`neurosim stream` and `judge` on images: augmented, standardised, resumed; what does not fit is one line."""

import json

import numpy as np
import pytest
from commands import invoke, stream

import neurosim as ns
from neurosim.cli.transforms import AUGMENTATIONS
from neurosim.state import store

AUGMENTED = ["digits:test", "--neurons", "12", "--augment", "crop,flip,pad:1", "--epochs", "2", "--shuffle", "1"]


@pytest.fixture
def pictures(tmp_path):
    """Two classes of noisy pictures, of different sizes, bright on top or below; one part to learn, one to test."""
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    for part in ("train", "test"):
        for name, top in (("below", 0), ("top", 1)):
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(20):
                height, width = rng.integers(10, 30, 2)
                pixels = rng.integers(0, 100, (height, width, 3), np.uint8)
                half = slice(0, height // 2) if top else slice(height // 2, height)
                pixels[half] += 150
                image.fromarray(pixels).save(tmp_path / part / name / f"{number}.png")
    return tmp_path


def test_pictures_are_learned_augmented_and_judged_as_they_are(pictures):
    options = ["--root", pictures, "--image-size", "8"]
    state = ["--state", pictures / "chip.h5"]
    learn = ["images:train", "--test", "images:test", "--augment", "crop,flip", "--epochs", "20", "--shuffle", "0"]
    summary = stream(*learn, *options, *state, "--neurons", "20")
    assert summary["samples"] == 800
    assert summary["winner_accuracy"] > 0.7
    judged = invoke(
        "judge", pictures / "chip.h5", "--train", "images:train", "--test", "images:test", *options, "--json"
    )
    rows = json.loads(judged.stdout)["rows"]
    assert rows[0]["accuracy"]["winner"] == summary["winner_accuracy"]


def test_chunks_change_nothing_and_the_seed_something():
    first = stream(*AUGMENTED)["state_sha256"]
    assert stream(*AUGMENTED, "--chunk", "33")["state_sha256"] == first
    assert stream(*AUGMENTED, "--augment-seed", "0")["state_sha256"] == first
    assert stream(*AUGMENTED, "--augment-seed", "1")["state_sha256"] != first
    assert stream("digits:test", "--neurons", "12", "--epochs", "2", "--shuffle", "1")["state_sha256"] != first


def test_corruptions_are_those_of_python():
    options = [
        "--neurons",
        "12",
        "--augment",
        "noise:0.3,salt:0.1,occlude:3,blur:1,contrast:0.5",
        "--augment-seed",
        "4",
    ]
    corruptions = [ns.GaussianNoise(0.3), ns.SaltAndPepper(0.1), ns.Occlusion(3), ns.Blur(1), ns.Contrast(0.5)]
    chip = ns.Chip([ns.recipes.softhebb(12)], inputs=64, seed=0)
    chip.learn(ns.transform(ns.open_stream("digits:test"), corruptions, seed=4))
    assert stream("digits:test", *options)["state_sha256"] == chip.state_sha256


def test_vectors_take_noise(tmp_path):
    np.save(tmp_path / "vectors.npy", np.random.default_rng(0).random((30, 5)))
    options = ["--root", tmp_path, "--neurons", "4"]
    plain, noisy = (stream("vectors.npy", *options, *more) for more in ([], ["--augment", "noise:0.1,salt:0.1"]))
    assert plain["samples"] == noisy["samples"] == 30
    assert plain["state_sha256"] != noisy["state_sha256"]


@pytest.mark.parametrize(("option", "name"), [("noise:0.1", "GaussianNoise"), ("contrast:0.5", "Contrast")])
def test_samples_beyond_the_bounds_of_a_corruption_are_refused_in_one_line(option, name, tmp_path):
    np.save(tmp_path / "wide.npy", np.linspace(-3, 3, 30 * 16).reshape(30, 4, 4))
    options = ["--root", tmp_path, "--neurons", "4", "--initial", "normal", "--augment", option]
    words = invoke("stream", "wide.npy", *options, code=2).stderr.strip()
    assert f"samples must be within low, 0, and high, 1, of {name}, got -3; give their range" in words
    assert "\n" not in words


def test_a_run_goes_on_to_the_same_bits_and_only_with_the_same_transforms(tmp_path):
    state = tmp_path / "chip.h5"
    once = [word if word != "2" else "1" for word in AUGMENTED]
    assert stream(*once, "--state", state)["samples"] == 360
    assert store.read(state).stream["transforms"].endswith("PadCrop(padding=1) by seed 0")
    for other in (["--augment-seed", "1"], ["--augment", "flip"], ["--standardise", "0:1"]):
        words = invoke("stream", *AUGMENTED, *other, "--state", state, code=2).stderr
        assert "stream transforms is RandomResizedCrop(size=(8, 8)" in words
    bare = ["digits:test", "--neurons", "12", "--shuffle", "1", "--epochs", "2", "--state", state]
    assert "by seed 0 there, None here" in invoke("stream", *bare, code=2).stderr
    went_on = stream(*AUGMENTED, "--state", state)
    assert went_on["samples"] == 360
    assert went_on["state_sha256"] == stream(*AUGMENTED)["state_sha256"]


def test_a_run_without_transforms_does_not_go_on_with_them(tmp_path):
    state = ["--state", tmp_path / "chip.h5"]
    stream("digits:test", *state)
    words = invoke("stream", "digits:test", "--augment", "flip", *state, code=2).stderr
    assert "stream transforms is None there, RandomFlip(probability=0.5) by seed 0 here" in words


def test_standardised_samples_are_what_chips_are_given_and_tested_on(tmp_path):
    options = ["--standardise", "0.5:0.25", "--initial", "normal", "--neurons", "15"]
    summary = stream("digits:train", "--test", "digits:test", *options)
    chip = ns.Chip([ns.recipes.softhebb(15, initial="normal")], inputs=64, seed=0)
    parts = [
        ns.transform(ns.open_stream(f"digits:{part}"), [ns.Standardise([0.5], [0.25])]) for part in ("train", "test")
    ]
    chip.learn(parts[0])
    assert summary["state_sha256"] == chip.state_sha256
    assert summary["winner_accuracy"] == ns.judge(chip, *parts).winner_accuracy
    chip.save(tmp_path / "chip.h5")
    arguments = ["--train", "digits:train", "--test", "digits:test", *options[:2], "--json"]
    rows = json.loads(invoke("judge", tmp_path / "chip.h5", *arguments).stdout)["rows"]
    assert rows[0]["accuracy"]["winner"] == summary["winner_accuracy"]


def test_other_classes_are_not_tested_on(pictures):
    (pictures / "test" / "below").rename(pictures / "test" / "low")
    options = ["--root", pictures, "--image-size", "4"]
    words = invoke("stream", "images:train", "--test", "images:test", *options, code=2).stderr
    assert "classes of images:test must be those of images:train, as labels count them: only one of them has" in words
    stream("images:train", *options, "--state", pictures / "chip.h5")
    judge = ["judge", pictures / "chip.h5", "--train", "images:train", "--test", "images:test"]
    assert "the class below" in invoke(*judge, *options, code=2).stderr


REFUSED = {
    "no size": (["images:train"], "image_size must be given for images:FOLDER (--image-size), got None"),
    "a size of others": (["digits", "--image-size", "8"], "image_size must be left out for all sources but"),
    "no folder": (["images:none", "--image-size", "8"], "images:FOLDER must name a folder: there is none at"),
    "another word": (["digits", "--augment", "flip,turn"], f"augment must be {AUGMENTATIONS}, between commas"),
    "no word": (["digits", "--augment", ""], f"augment must be {AUGMENTATIONS}, between commas, got ''"),
    "half a pad": (["digits", "--augment", "pad:"], f"{AUGMENTATIONS}, between commas, got 'pad:'"),
    "a long pad": (["digits", "--augment", "pad:" + "9" * 5000], f"{AUGMENTATIONS}, between commas"),
    "a flip of 2": (["digits", "--augment", "flip:2"], "got 'flip:2'"),
    "a noise without strength": (["digits", "--augment", "noise"], "contrast:FACTOR, between commas, got 'noise'"),
    "a word of noise": (["digits", "--augment", "noise:much"], "between commas, got 'noise:much'"),
    "less than no noise": (["digits", "--augment", "noise:-1"], "deviation must be at least 0, got -1.0"),
    "no number of noise": (["digits", "--augment", "noise:nan"], "deviation must be at least 0, got nan"),
    "more than all salt": (["digits", "--augment", "salt:1.5"], "share must be from 0 to 1, got 1.5"),
    "half a square": (["digits", "--augment", "occlude:1.5"], "between commas, got 'occlude:1.5'"),
    "a large square": (["digits", "--augment", "occlude:9"], "size must be at most the image's shorter side, 8 pixels"),
    "a wide blur": (["digits", "--augment", "blur:9"], "deviation must be at most the image's longer side, 8 pixels"),
    "infinite contrast": (["digits", "--augment", "contrast:inf"], "factor must be at least 0 and finite, got inf"),
    "noise on lines": (["a.csv", "--augment", "noise:0.1"], "stream to transform must be one that can be read in any"),
    "a crop of vectors": (["vectors.npy", "--augment", "crop"], "stream to transform must be of images, (height"),
    "a seed alone": (["digits", "--augment-seed", "2"], "augment_seed must be left out without --augment, got 2"),
    "a seed": (["digits", "--augment", "flip", "--augment-seed", "-2"], "a whole number of at least 0, got -2"),
    "no images": (["a.csv", "--augment", "flip"], "stream to transform must be of images, (height, width)"),
    "a word of means": (["digits", "--standardise", "mnist"], "standardise must be imagenet, or MEAN[,MEAN...]:STD"),
    "three channels": (["digits", "--standardise", "imagenet"], "mean must be one number for each of the 1 channels"),
    "no spread": (["digits", "--standardise", "0:0"], "std must be positive, got 0.0"),
    "a broken image": (["images:broken", "--image-size", "8"], "broken/x/a.png must be one that decodes, but: "),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_one_line(pictures, case):
    arguments, words = REFUSED[case]
    (pictures / "a.csv").write_text("1,2\n")
    np.save(pictures / "vectors.npy", np.zeros((3, 5)))
    (pictures / "broken" / "x").mkdir(parents=True)
    (pictures / "broken" / "x" / "a.png").write_bytes(b"no image")
    result = invoke("stream", *arguments, "--root", pictures, "--state", pictures / "chip.h5", code=2)
    assert words in result.stderr
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert not (pictures / "chip.h5").exists()


def test_signed_samples_are_refused_with_advice_by_a_chip_for_unsigned_ones():
    words = invoke("stream", "digits", "--standardise", "0.5:0.25", code=2).stderr
    assert "must be at least 0" in words
    assert "normal" in words
