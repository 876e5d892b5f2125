"""Transforms: what happens to the image at a position depends on seed and position alone; each does what it says."""

import ast
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurosim as ns
from neurosim import randomness
from neurosim.streams import ArrayStream
from neurosim.streams.order import repeat
from neurosim.streams.resample import resample
from neurosim.streams.transforms import IMAGENET, _reflected

IMAGES = np.random.default_rng(0).random((23, 3, 9, 7)).astype(np.float32)
LISTS = {
    "crop": [ns.RandomResizedCrop((5, 6))],
    "flip": [ns.RandomFlip()],
    "pad": [ns.PadCrop(3)],
    "all": [ns.RandomFlip(0.3), ns.PadCrop(2), ns.RandomResizedCrop(8), ns.RandomFlip(), IMAGENET],
}


def images(count=23):
    return ArrayStream(IMAGES[:count], np.arange(count), name="noise")


def read(stream, start=0, size=256):
    blocks = list(stream.blocks(start, size))
    empty = np.empty((0, stream.inputs), np.float32)
    samples = np.concatenate([empty, *(block.samples for block in blocks)])
    return samples, np.concatenate([np.empty(0, int), *(block.labels for block in blocks)])


@pytest.mark.parametrize("transforms", LISTS.values(), ids=LISTS)
@given(start=st.integers(0, 69), size=st.integers(1, 80), shuffle=st.none() | st.integers(0, 3))
@settings(max_examples=25, deadline=None)
def test_a_position_has_its_own_numbers_whatever_the_blocks(transforms, start, size, shuffle):
    stream = ns.transform(repeat(images(), 3, shuffle), transforms, seed=7)
    samples, labels = read(stream)
    assert samples.dtype == np.float32
    assert samples.shape == (69, np.prod(stream.shape))
    part, marks = read(stream, start, size)
    assert np.array_equal(part, samples[start:])
    assert np.array_equal(marks, labels[start:])
    places = np.random.default_rng(start).permutation(69)
    assert np.array_equal(stream.take(places).samples, samples[places])


@pytest.mark.parametrize("transforms", LISTS.values(), ids=LISTS)
def test_epochs_and_seeds_differ_and_equal_seeds_do_not(transforms):
    first, second = np.split(read(ns.transform(repeat(images(), 2, None), transforms, seed=1))[0], 2)
    assert not np.array_equal(first, second)
    assert np.array_equal(read(ns.transform(images(), transforms, seed=1))[0], first)
    assert not np.array_equal(read(ns.transform(images(), transforms, seed=2))[0], first)


def test_repeating_what_is_transformed_is_transforming_what_is_repeated():
    inside = repeat(ns.transform(images(), LISTS["all"], 3), 2, 5)
    outside = ns.transform(repeat(images(), 2, 5), LISTS["all"], 3)
    assert np.array_equal(read(inside)[0], read(outside)[0])
    assert inside.identity() == outside.identity()


def test_numbers_of_places_are_one_row_of_words_cut_anywhere():
    whole = randomness.at_places(3, 301, 0, 0, 40, 6)
    assert whole.shape == (40, 6)
    assert np.array_equal(randomness.at_places(3, 301, 0, 17, 9, 6), whole[17:26])
    every = randomness.uniform(3, 301, 0, 40 * 8).reshape(40, 8)
    assert np.array_equal(whole, every[:, :6])
    far = randomness.at_places(3, 301, 0, 10**15, 2, 1)
    assert ((far >= 0) & (far < 1)).all()


def test_words_of_many_seeds_are_those_of_each_from_any_step_on():
    seeds, steps = [0, 7, 7, 2**64 - 1], [3, 0, 2**40, 1]
    assert np.array_equal(
        randomness.words_of_seeds(seeds, 801, 2, 9), [randomness.words(one, 801, 2, 9) for one in seeds]
    )
    alone = [randomness.at_places(seed, 801, 2, step, 1, 1)[0, 0] for seed, step in zip(seeds, steps, strict=True)]
    assert np.array_equal(randomness.unit(randomness.words_of_seeds(seeds, 801, 2, 1, steps)[:, 0]), alone)


def test_a_flip_mirrors_as_often_as_it_says():
    for probability in (0.0, 0.25, 1.0):
        samples, _ = read(ns.transform(repeat(images(), 100, None), [ns.RandomFlip(probability)]))
        flipped = np.tile(IMAGES[..., ::-1].reshape(23, -1), (100, 1))
        plain = np.tile(IMAGES.reshape(23, -1), (100, 1))
        mirrored = (samples == flipped).all(axis=1)
        assert (mirrored | (samples == plain).all(axis=1)).all()
        assert abs(mirrored.mean() - probability) < 4 * np.sqrt(0.25 / 2300) * (0 < probability < 1) + 1e-12


def test_two_flips_draw_their_own_numbers():
    once, _ = read(ns.transform(images(), [ns.RandomFlip()]))
    twice, _ = read(ns.transform(images(), [ns.RandomFlip(), ns.RandomFlip()]))
    assert not np.array_equal(twice, IMAGES.reshape(23, -1))
    assert not np.array_equal(twice, once)


@given(st.integers(0, 6), st.tuples(st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True)))
def test_pad_and_crop_is_a_part_of_numpys_reflection(padding, draws):
    image = IMAGES[0]
    padded = np.pad(image, ((0, 0), (padding, padding), (padding, padding)), "reflect")
    top, left = (int(draw * (2 * padding + 1)) for draw in draws)
    wanted = padded[:, top : top + 9, left : left + 7]
    assert np.array_equal(ns.PadCrop(padding).apply(image, np.array(draws)), wanted)


@given(st.integers(1, 8), st.integers(0, 30))
def test_reflection_goes_on_as_numpys_beyond_the_image(count, padding):
    line = np.arange(count)
    wanted = np.pad(line, padding, "reflect")
    for first in (-padding, 0, padding):
        assert np.array_equal(_reflected(first, count), wanted[first + padding : first + padding + count])


def test_pad_and_crop_visits_every_place():
    samples, _ = read(ns.transform(repeat(images(1), 300, None), [ns.PadCrop(1)]))
    assert len(np.unique(samples, axis=0)) == 9


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 10**6))
@settings(deadline=None)
def test_a_crop_lies_in_the_image_and_keeps_its_bounds(rows, columns, place):
    crop = ns.RandomResizedCrop(4)
    draws = randomness.at_places(0, crop.purpose, 0, place, 1, crop.draws)[0]
    top, left, height, width = crop.box(rows, columns, draws)
    assert 0 <= top <= top + height <= rows
    assert 0 <= left <= left + width <= columns
    assert height > 0
    assert width > 0
    # Each side is rounded by at most half a pixel.
    assert (height + 0.5) * (width + 0.5) >= 0.08 * rows * columns or (width in (1, columns)) or (height in (1, rows))


def test_crops_have_the_published_distribution_of_area_and_aspect():
    crop = ns.RandomResizedCrop(8, scale=(0.1, 0.5))
    draws = randomness.at_places(0, crop.purpose, 0, 0, 4000, crop.draws)
    boxes = np.array([crop.box(1000, 1000, one) for one in draws])
    area = boxes[:, 2] * boxes[:, 3] / 1e6
    aspect = np.log(boxes[:, 3] / boxes[:, 2])
    assert area.min() == pytest.approx(0.1, abs=2e-3)
    assert area.max() == pytest.approx(0.5, abs=2e-3)
    assert area.mean() == pytest.approx(0.3, abs=0.01)
    assert aspect.mean() == pytest.approx(0, abs=0.02)
    assert np.abs(aspect).max() <= np.log(4 / 3) + 0.01
    free = 1000 - boxes[:, 2:]
    assert (boxes[:, :2] / free).mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.02)


def test_a_crop_that_never_fits_is_the_middle():
    crop = ns.RandomResizedCrop(4, scale=(1, 1))
    draws = randomness.at_places(0, crop.purpose, 0, 0, 1, crop.draws)[0]
    assert crop.box(10, 100, draws) == (0, 43, 10, 13)
    assert crop.box(100, 10, draws) == (43, 0, 13, 10)
    whole = ns.RandomResizedCrop((9, 7), scale=(1, 1), ratio=(7 / 9, 7 / 9))
    assert np.array_equal(whole.apply(IMAGES[0], np.zeros(whole.draws)), IMAGES[0])


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
@settings(deadline=None, max_examples=60)
def test_resampling_is_pillows_bilinear(rows, columns, height, width):
    image = pytest.importorskip("PIL.Image")
    plane = np.random.default_rng(rows).random((rows, columns)).astype(np.float32)
    wanted = image.fromarray(plane).resize((width, height), image.Resampling.BILINEAR)
    found = resample(plane, height, width)
    assert found.dtype == np.float32
    assert np.allclose(found, np.asarray(wanted), atol=1e-5)
    assert found.min() >= plane.min()
    assert found.max() <= plane.max()
    stack = np.stack([plane, plane[::-1]])
    assert np.array_equal(resample(stack, height, width)[0], found)


def test_standardising_is_by_channel():
    stream = ns.transform(images(), [ns.Standardise([0.1, 0.2, 0.3], np.float32([1, 2, 4]))])
    found = read(stream)[0].reshape(IMAGES.shape)
    mean, std = (np.float32(values).reshape(3, 1, 1) for values in ([0.1, 0.2, 0.3], [1, 2, 4]))
    assert np.array_equal(found, (IMAGES - mean) / std)
    grey = ns.transform(ArrayStream(IMAGES[:, 0]), [ns.Standardise([0.5], [0.5])])
    assert grey.shape == (9, 7)
    assert np.array_equal(grey.take(np.arange(23)).samples, ((IMAGES[:, 0] - 0.5) / 0.5).reshape(23, 63))


def test_shapes_and_identities_tell_what_was_done():
    plain = images()
    stream = ns.transform(plain, [ns.RandomResizedCrop((4, 5)), ns.PadCrop(1)], seed=3)
    assert (stream.shape, stream.inputs, stream.length, stream.labelled, stream.name) == (
        (3, 4, 5),
        60,
        23,
        True,
        "noise",
    )
    told = stream.identity()
    assert told["inputs"] == 60
    assert "RandomResizedCrop(size=(4, 5)," in told["transforms"]
    assert told["transforms"].endswith("PadCrop(padding=1) by seed 3")
    assert told["content"] == plain.identity()["content"]
    assert "seed" not in ns.transform(plain, [IMAGENET], seed=3).identity()["transforms"]
    nested = ns.transform(stream, [ns.RandomFlip()], seed=4).identity()["transforms"]
    assert nested == told["transforms"] + " RandomFlip(probability=0.5) by seed 4"
    assert ns.transform(plain, []) is plain


def test_one_that_holds_no_images_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("1,2\n3,4\n")
    flat = ArrayStream(np.zeros((2, 5)))
    deep = ArrayStream(np.zeros((2, 5, 4, 3, 2)))
    for stream in (flat, deep, ns.open_stream("a.csv", root=tmp_path)):
        with pytest.raises(ns.ConfigError, match=r"stream to transform must be of images, .* of the shape"):
            ns.transform(stream, [ns.RandomFlip()])


def test_constants_are_told_alike_however_they_are_given():
    wanted = "RandomResizedCrop(size=(4, 4), scale=(0.5, 1.0), ratio=(0.5, 2.0))"
    for size, scale in ((4, (0.5, 1)), ([4, 4], [0.5, 1.0]), (np.int64(4), np.float32([0.5, 1]).tolist()),
                        ((np.int32(4), 4), (np.float64(0.5), np.int64(1)))):  # fmt: skip
        assert repr(ns.RandomResizedCrop(size, scale, (0.5, 2))) == wanted
    assert repr(ns.RandomFlip(np.float64(0.5))) == "RandomFlip(probability=0.5)"
    assert repr(ns.PadCrop(np.int64(2))) == "PadCrop(padding=2)"
    assert repr(ns.Standardise(np.float64([1]), (2,))) == "Standardise(mean=(1.0,), std=(2.0,))"


REFUSED = {
    "no size": (lambda: ns.RandomResizedCrop(0), "size must be a whole number of at least 1, got 0"),
    "three sizes": (lambda: ns.RandomResizedCrop((1, 2, 3)), "size must be one number, or two"),
    "more than the image": (lambda: ns.RandomResizedCrop(4, scale=(0.5, 1.5)), "scale must be at most 1"),
    "no area": (lambda: ns.RandomResizedCrop(4, scale=(0, 1)), "scale must be positive"),
    "backwards": (lambda: ns.RandomResizedCrop(4, ratio=(2, 1)), "ratio must be the least, then the greatest"),
    "one bound": (lambda: ns.RandomResizedCrop(4, ratio=1.0), "ratio must be two numbers"),
    "sure and more": (lambda: ns.RandomFlip(1.1), "probability must be from 0 to 1, got 1.1"),
    "not a number": (lambda: ns.RandomFlip(float("nan")), "probability must be from 0 to 1"),
    "less than no padding": (lambda: ns.PadCrop(-1), "padding must be a whole number of at least 0"),
    "no spread": (lambda: ns.Standardise([0.0], [0.0]), "std must be positive, got 0.0"),
    "unequal": (lambda: ns.Standardise([0.0, 0.0], [1.0]), "std must be one number for each channel, as many as"),
    "infinite": (lambda: ns.Standardise([float("inf")], [1.0]), "mean must be a number for each channel and finite"),
    "channels": (lambda: ns.transform(images(), [ns.Standardise([0.0], [1.0])]), "mean must be one number for each of"),
    "a seed": (lambda: ns.transform(images(), [ns.RandomFlip()], seed=-1), "seed of the transforms must be"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_constant_is_refused(case):
    make, words = REFUSED[case]
    with pytest.raises(ns.ConfigError) as caught:
        make()
    assert words in str(caught.value)


def test_a_chip_learns_the_same_bits_for_any_chunk_and_after_a_resume(tmp_path, make_chip):
    stream = ns.transform(ns.open_stream("digits:test", epochs=2, shuffle=1), [ns.RandomFlip(), ns.PadCrop(1)], seed=2)
    whole = make_chip(10)
    ns.run(whole, stream, chunk=50)
    parts = make_chip(10)
    for sample in read(stream)[0][:123]:
        parts.learn_one(sample)
    ns.run(parts, stream, start=123, chunk=7)
    assert parts.state_sha256 == whole.state_sha256


def purposes(tree):
    """Give the purpose, an expression, of every draw of random numbers in a module, and of every transform."""
    draws = {"words", "uniform", "at_places", "normal", "permutation"}
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    by_name = {name.name for node in imports if node.module == "neurosim.randomness" for name in node.names}
    draws = {f"randomness.{draw}" for draw in draws} | (draws & by_name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and len(node.args) > 1 and ast.unparse(node.func) in draws:
            yield ast.unparse(node.args[1])
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "purpose" and node.value is not None:
            yield ast.unparse(node.value)


def test_no_two_kinds_of_random_numbers_share_a_purpose():
    root, constants = Path(ns.__file__).parents[1], {}
    for path in sorted((root / "neurosim").rglob("*.py")):
        tree = ast.parse(path.read_text())
        assignments = [node for node in tree.body if isinstance(node, ast.Assign)]
        targets = [target for node in assignments for target in ast.walk(node) if isinstance(target, ast.Name)]
        own_names = {target.id for target in targets if isinstance(target.ctx, ast.Store)}
        for purpose in purposes(tree):
            if purpose.rpartition(".")[2] in {"purpose", "0"}:  # passed on; 0 is of a transform that draws nothing
                continue
            name = purpose.removeprefix("randomness.")
            assert name.isupper(), f"{path}: the purpose {purpose} must be a constant"
            module = ".".join(path.relative_to(root).with_suffix("").parts)
            owner = module if purpose in own_names else "neurosim.randomness"
            constants[owner, name] = getattr(import_module(owner), name)
    assert {"neurosim.randomness", "neurosim.studies.liuson_head"} < {owner for owner, _ in constants}
    assert len(set(constants.values())) == len(constants) >= 17


@pytest.mark.parametrize(
    "transforms", [ns.RandomFlip(), ns.RandomFlip, [ns.RandomFlip], ["flip"], [None], None, 3], ids=str
)
def test_what_is_no_sequence_of_transforms_is_refused(transforms):
    with pytest.raises(ns.ConfigError, match="transforms must be a sequence of RandomResizedCrop"):
        ns.transform(ns.open_stream("digits"), transforms)


def test_an_array_is_no_stream_to_transform():
    with pytest.raises(
        ns.ConfigError, match="stream to transform must be a Stream, got 'ndarray'; make one from arrays"
    ):
        ns.transform(np.zeros((2, 3, 4, 4)), [ns.RandomFlip()])


@pytest.mark.parametrize("mean", ["a", [[0, 0], [0]], {}], ids=str)
def test_means_are_numbers(mean):
    with pytest.raises(ns.ConfigError, match="mean must be a number for each channel, got"):
        ns.Standardise(mean, (1, 1, 1))
