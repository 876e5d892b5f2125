"""Corruptions: functions of seed and position alone, of the distribution and the strength that they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurosim as ns
from neurosim.streams import ArrayStream
from neurosim.streams.order import repeat

IMAGES = np.random.default_rng(0).random((23, 3, 9, 7)).astype(np.float32)
GREY = np.full((400, 20, 30), 0.5, np.float32)
LISTS = {
    "noise": [ns.GaussianNoise(0.3)],
    "salt": [ns.SaltAndPepper(0.2)],
    "occlusion": [ns.Occlusion(3)],
    "all": [ns.Blur(1), ns.GaussianNoise(0.1), ns.Occlusion(2, 1.0), ns.SaltAndPepper(0.1), ns.Contrast(0.5)],
    "twice": [ns.GaussianNoise(0.1, None, None), ns.GaussianNoise(0.1, None, None)],
}
NONE = {
    "noise": ns.GaussianNoise(0),
    "salt": ns.SaltAndPepper(0),
    "occlusion": ns.Occlusion(0),
    "blur": ns.Blur(0),
    "contrast": ns.Contrast(1),
}


def read(samples, transforms, seed=0):
    stream = ns.transform(ArrayStream(samples), transforms, seed)
    return np.concatenate([block.samples for block in stream.blocks()]).reshape(samples.shape)


@pytest.mark.parametrize("transforms", LISTS.values(), ids=LISTS)
@given(start=st.integers(0, 68), size=st.integers(1, 80), shuffle=st.none() | st.integers(0, 3))
@settings(max_examples=15, deadline=None)
def test_a_position_has_its_own_numbers_whatever_the_blocks(transforms, start, size, shuffle):
    stream = ns.transform(repeat(ArrayStream(IMAGES), 3, shuffle), transforms, seed=7)
    samples = stream.take(np.arange(69)).samples
    assert samples.dtype == np.float32
    assert np.array_equal(np.concatenate([block.samples for block in stream.blocks(start, size)]), samples[start:])
    places = np.random.default_rng(start).permutation(69)
    assert np.array_equal(stream.take(places).samples, samples[places])


@pytest.mark.parametrize("transforms", LISTS.values(), ids=LISTS)
def test_epochs_positions_and_seeds_differ_and_equal_seeds_do_not(transforms):
    stream = ns.transform(repeat(ArrayStream(IMAGES), 2, None), transforms, seed=1)
    first, second = np.split(stream.take(np.arange(46)).samples, 2)
    assert not np.array_equal(first, second)
    assert np.array_equal(read(IMAGES, transforms, 1).reshape(23, -1), first)
    assert not np.array_equal(read(IMAGES, transforms, 2).reshape(23, -1), first)
    changes = read(np.tile(IMAGES[:1], (23, 1, 1, 1)), transforms, 1)
    assert len(np.unique(changes.reshape(23, -1), axis=0)) > 10


@pytest.mark.parametrize("transform", NONE.values(), ids=NONE)
def test_no_strength_leaves_images_as_they_are(transform):
    assert np.array_equal(read(IMAGES, [transform]), IMAGES)


@pytest.mark.parametrize("transforms", LISTS.values(), ids=LISTS)
def test_the_source_is_not_changed(transforms):
    images = IMAGES.copy()
    read(images, transforms)
    assert np.array_equal(images, IMAGES)


def test_noise_is_normal_and_independent():
    noise = (read(GREY, [ns.GaussianNoise(0.2, None, None)], 3) - 0.5).reshape(400, -1).astype(np.float64) / 0.2
    count = noise.size
    assert abs(noise.mean()) < 4 / np.sqrt(count)
    assert abs((noise**2).mean() - 1) < 4 * np.sqrt(2 / count)
    assert abs((noise**4).mean() - 3) < 4 * np.sqrt(96 / count)
    for neighbours in (noise[1:] * noise[:-1], noise[:, 1:] * noise[:, :-1], noise[:, ::2] * noise[:, 1::2]):
        assert abs(neighbours.mean()) < 4 / np.sqrt(neighbours.size)


def test_noise_is_clipped_to_its_bounds():
    plain, clipped, above = (read(IMAGES, [ns.GaussianNoise(1, *bounds)]) for bounds in ((None, None), (), (None, 1)))
    assert plain.min() < 0 < 1 < plain.max()
    assert np.array_equal(clipped, np.clip(plain, 0, 1))
    assert np.array_equal(above, np.minimum(plain, 1))
    assert np.isfinite(read(IMAGES, [ns.GaussianNoise(3e38, None, None)])).all()


def test_two_noises_draw_their_own_numbers():
    once, twice = (read(GREY, [ns.GaussianNoise(0.1, None, None)] * count) - 0.5 for count in (1, 2))
    assert twice.std() == pytest.approx(np.sqrt(2) * once.std(), rel=0.01)


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_salt_and_pepper_are_as_many_as_the_share_says_half_each(share):
    changed = read(GREY, [ns.SaltAndPepper(share, 0.25, 0.75)], 2)
    assert set(np.unique(changed)) <= {np.float32(value) for value in (0.25, 0.5, 0.75)}
    for value in (0.25, 0.75):
        found = (changed == np.float32(value)).mean()
        assert abs(found - share / 2) < 4 * np.sqrt(share / 2 * (1 - share / 2) / GREY.size)


def test_channels_are_peppered_by_themselves():
    changed = read(np.full((200, 3, 9, 7), 0.5, np.float32), [ns.SaltAndPepper(0.5)]) != 0.5
    both = (changed[:, 0] & changed[:, 1]).mean()
    assert abs(both - 0.25) < 4 * np.sqrt(0.25 * 0.75 / (200 * 63))


def test_an_occlusion_is_one_square_anywhere_in_the_image():
    images = np.full((2000, 2, 6, 5), 0.5, np.float32)
    covered = read(images, [ns.Occlusion(3, 0.9)]) == np.float32(0.9)
    assert np.array_equal(covered[:, 0], covered[:, 1])
    tops, lefts = (covered[:, 0].any(axis=axis).argmax(axis=1) for axis in (2, 1))
    for mask, top, left in zip(covered[:, 0], tops, lefts, strict=True):
        assert mask.sum() == mask[top : top + 3, left : left + 3].sum() == 9
    shares = np.bincount(tops * 3 + lefts, minlength=12) / 2000
    assert np.abs(shares - 1 / 12).max() < 4 * np.sqrt(1 / 12 * 11 / 12 / 2000)
    assert (read(images, [ns.Occlusion(5)])[:, :, :5].sum(axis=(1, 2, 3)) < 40).all()


def test_an_image_smaller_than_the_occlusion_is_covered():
    draws = np.array([0.9, 0.9])
    assert not ns.Occlusion(20).apply(IMAGES[0], draws).any()
    assert not ns.Occlusion(8).apply(IMAGES[0, :, :, :3], draws)[:, 1:].any()


def naive_blur(plane, deviation):
    """Convolve pixel by pixel; beyond its edges a plane goes on mirrored, edge pixels repeated."""
    reach = int(4 * deviation + 0.5)
    steps = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (steps / deviation) ** 2)
    weights /= weights.sum()
    rows, columns = plane.shape
    tall, wide = (np.pad(np.arange(count), reach, "symmetric") for count in (rows, columns))
    blurred = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            for down in steps:
                for right in steps:
                    pixel = plane[tall[i + down + reach], wide[j + right + reach]]
                    blurred[i, j] += weights[down + reach] * weights[right + reach] * pixel
    return blurred


@pytest.mark.parametrize("deviation", [0.1, 0.5, 1.0, 2.0])
def test_blur_is_a_convolution_by_hand(deviation):
    found = ns.Blur(deviation).apply(IMAGES[0], np.empty(0))
    assert found.dtype == np.float32
    for plane, wanted in zip(found, IMAGES[0], strict=True):
        assert np.allclose(plane, naive_blur(wanted, deviation), atol=1e-6)


@given(st.floats(0, 9))
def test_blur_keeps_the_mean_of_each_channel(deviation):
    found = ns.Blur(deviation).apply(IMAGES[1], np.empty(0))
    assert found.mean(axis=(1, 2)) == pytest.approx(IMAGES[1].mean(axis=(1, 2)), abs=1e-5)


@pytest.mark.parametrize("factor", [0.0, 0.3, 2.0])
def test_contrast_is_about_the_mean_of_each_channel(factor):
    mean = IMAGES.mean(axis=(2, 3), keepdims=True, dtype=np.float64)
    wanted = mean + factor * (IMAGES - mean)
    assert np.allclose(read(IMAGES, [ns.Contrast(factor, None, None)]), wanted, atol=1e-6)
    assert np.allclose(read(IMAGES, [ns.Contrast(factor)]), np.clip(wanted, 0, 1), atol=1e-6)
    if factor > 1:
        assert not np.allclose(np.clip(wanted, 0, 1), wanted, atol=1e-6)


def test_vectors_take_noise_and_nothing_that_needs_an_image():
    vectors = np.full((500, 5), 0.5, np.float32)
    assert read(vectors, [ns.GaussianNoise(0.1)]).std() == pytest.approx(0.1, rel=0.1)
    assert (read(vectors, [ns.SaltAndPepper(0.3)]) != 0.5).mean() == pytest.approx(0.3, abs=0.05)
    for other in (ns.Occlusion(1), ns.Blur(1), ns.Contrast(0.5), ns.RandomFlip(), ns.PadCrop(1)):
        with pytest.raises(ns.ConfigError, match="stream to transform must be of images"):
            read(vectors, [ns.GaussianNoise(0.1), other])


def test_lines_take_no_noise(tmp_path):
    (tmp_path / "a.csv").write_text("1,2\n3,4\n")
    with pytest.raises(ns.ConfigError, match="stream to transform must be one that can be read in any order, got"):
        ns.transform(ns.open_stream("a.csv", root=tmp_path), [ns.GaussianNoise(0.1)])


def test_constants_are_told_alike_however_they_are_given():
    for one in (1, 1.0, np.float32(1), np.int64(1)):
        assert repr(ns.GaussianNoise(one, None, one)) == "GaussianNoise(deviation=1.0, low=None, high=1.0)"
        assert repr(ns.SaltAndPepper(one, 0, one)) == "SaltAndPepper(share=1.0, low=0.0, high=1.0)"
        assert repr(ns.Blur(one)) == "Blur(deviation=1.0)"
        assert repr(ns.Contrast(one)) == "Contrast(factor=1.0, low=0.0, high=1.0)"
    assert repr(ns.Occlusion(np.int64(2), 0)) == "Occlusion(size=2, value=0.0)"
    told = ns.transform(ArrayStream(IMAGES), LISTS["all"], seed=5).identity()["transforms"]
    assert told.startswith("Blur(deviation=1.0), GaussianNoise(")
    assert told.endswith("by seed 5")
    assert "seed" not in ns.transform(ArrayStream(IMAGES), [ns.Blur(1)], seed=5).identity()["transforms"]


@pytest.mark.parametrize("make", [ns.GaussianNoise, ns.Contrast])
def test_samples_beyond_the_bounds_are_refused_in_one_line(make):
    wide = (IMAGES - 0.5) * 6
    name = make.__name__
    for samples, bounds, words in (
        (wide, (), f"within low, 0, and high, 1, of {name}, got -"),
        (IMAGES * 2, (), f"within low, 0, and high, 1, of {name}, got 1.9"),
        (wide, (None, 1), f"within low, None, and high, 1, of {name}, got 2.9"),
        (wide, (-1, None), f"within low, -1, and high, None, of {name}, got -"),
    ):
        with pytest.raises(ns.SampleError) as caught:
            read(samples, [make(0, *bounds)])
        assert words in str(caught.value)
        assert f"{name}(..., low=..., high=...), with None for no bound" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_samples_within_bounds_that_are_given_are_left_as_they_are():
    wide = (IMAGES - 0.5) * 6
    for bounds in ((-3, 3), (None, None), (None, 3), (-3, None)):
        assert np.array_equal(read(wide, [ns.GaussianNoise(0, *bounds)]), wide)
        assert np.allclose(read(wide, [ns.Contrast(1, *bounds)]), wide)
    rounded = IMAGES + np.float32(5e-7)  # what sums of float32 may be beyond 1
    assert read(rounded, [ns.GaussianNoise(0)]).max() <= 1


REFUSED = {
    "less than no noise": (lambda: ns.GaussianNoise(-0.1), "deviation must be at least 0, got -0.1"),
    "NaN of noise": (lambda: ns.GaussianNoise(float("nan")), "deviation must be at least 0, got nan"),
    "endless noise": (lambda: ns.GaussianNoise(float("inf")), "deviation must be at least 0 and finite, got inf"),
    "true noise": (lambda: ns.GaussianNoise(True), "deviation must be at least 0, got True"),
    "a word": (lambda: ns.GaussianNoise("0.1"), "deviation must be at least 0, got '0.1'"),
    "backwards": (lambda: ns.GaussianNoise(0.1, 1, 0), "high must be above low, which is 1, got 0"),
    "a bound of NaN": (lambda: ns.GaussianNoise(0.1, float("nan")), "low must be a number, got nan"),
    "too much salt": (lambda: ns.SaltAndPepper(1.01), "share must be from 0 to 1, got 1.01"),
    "no salt at all": (lambda: ns.SaltAndPepper(-0.01), "share must be from 0 to 1, got -0.01"),
    "NaN of salt": (lambda: ns.SaltAndPepper(float("nan")), "share must be from 0 to 1, got nan"),
    "true salt": (lambda: ns.SaltAndPepper(True), "share must be from 0 to 1, got True"),
    "no pepper": (lambda: ns.SaltAndPepper(0.1, None), "low must be a number, got None"),
    "equal": (lambda: ns.SaltAndPepper(0.1, 1, 1), "high must be above low, which is 1, got 1"),
    "half a pixel": (lambda: ns.Occlusion(1.5), "size must be a whole number of at least 0, got 1.5"),
    "less than none": (lambda: ns.Occlusion(-1), "size must be a whole number of at least 0, got -1"),
    "a true square": (lambda: ns.Occlusion(True), "size must be a whole number of at least 0, got True"),
    "no value": (lambda: ns.Occlusion(1, float("nan")), "value must be a number, got nan"),
    "too large": (lambda: read(IMAGES, [ns.Occlusion(8)]), "size must be at most the image's shorter side, 7 pixels"),
    "sharper": (lambda: ns.Blur(-1), "deviation must be at least 0, got -1"),
    "NaN of blur": (lambda: ns.Blur(float("nan")), "deviation must be at least 0, got nan"),
    "a true blur": (lambda: ns.Blur(False), "deviation must be at least 0, got False"),
    "too wide": (lambda: read(IMAGES, [ns.Blur(9.5)]), "deviation must be at most the image's longer side, 9 pixels"),
    "a negative": (lambda: ns.Contrast(-0.5), "factor must be at least 0, got -0.5"),
    "NaN of contrast": (lambda: ns.Contrast(float("nan")), "factor must be at least 0, got nan"),
    "true contrast": (lambda: ns.Contrast(True), "factor must be at least 0, got True"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_constant_is_refused_in_one_line(case):
    make, words = REFUSED[case]
    with pytest.raises(ns.ConfigError) as caught:
        make()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
