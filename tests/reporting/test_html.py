"""Tables of notebooks, and pictures within them."""

import base64
import io
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from neurosim.reporting import html
from neurosim.reporting.pictures import patches_picture, weights_picture
from neurosim.reporting.png import png

HOSTILE = "<script>alert('1')</script> \"&\x00\x1b[31m\udcff"


@pytest.mark.parametrize(
    "shown",
    [
        html.heading(HOSTILE, HOSTILE),
        html.table([HOSTILE], [[HOSTILE]]),
        html.pairs([(HOSTILE, HOSTILE)]),
        html.image(b"", HOSTILE),
        html.folded(HOSTILE, HOSTILE),
    ],
)
def test_no_text_becomes_markup(shown):
    shown.encode()  # no lone surrogate is left
    tree = ElementTree.fromstring(shown)  # nor anything that XML does not allow
    assert not [node for node in tree.iter() if node.tag == "script"]
    told = [*tree.itertext(), *(node.get("alt", "") for node in tree.iter())]
    assert r"""<script>alert('1')</script> "&\x00\x1b[31m\udcff""" in " ".join(told)


def test_numbers_stand_to_the_right_under_their_names():
    tree = ElementTree.fromstring(html.table(["name", "count"], [["one", "1,200"], ["two", "-"]]))
    sides = [re.search("text-align:(.*)", node.get("style"))[1] for node in tree.iter() if node.tag in {"td", "th"}]
    assert sides == ["left", "right"] * 3


def test_a_table_may_be_empty():
    assert "count" in html.table(["count"], [])


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (7, 2, 3), (1, 300, 3)])
def test_a_png_file_holds_the_pixels(shape):
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    opened = image.open(io.BytesIO(png(pixels)))
    opened.load()  # checks the sums
    assert opened.mode == ("L" if len(shape) == 2 else "RGB")
    np.testing.assert_array_equal(np.asarray(opened), pixels)


@pytest.mark.parametrize(
    "pixels", [np.zeros((2, 2)), np.zeros((2, 0), np.uint8), np.zeros(4, np.uint8), np.zeros((2, 2, 4), np.uint8)]
)
def test_pixels_of_another_form_are_refused(pixels):
    with pytest.raises(ValueError, match="pixels must be uint8"):
        png(pixels)


def test_a_picture_is_within_the_page():
    shown = html.image(b"bytes", "what", 30)
    assert base64.b64decode(re.search('base64,([^"]*)"', shown)[1]) == b"bytes"
    assert "width:30px" in shown


def test_weights_that_are_never_negative_are_grey():
    tiles = np.array([[[[0.0, 1.0]]], [[[0.0, 4.0]]]])
    np.testing.assert_array_equal(weights_picture(tiles, 1)[[0, 2]], [[[0] * 3, [255] * 3]] * 2)


def test_weights_with_a_sign_are_blue_and_vermilion():
    tiles = np.array([[[[-1.0, 0.0, 1.0]]]])
    blue, white, vermilion = weights_picture(tiles, 1)[0].astype(int)
    assert blue[2] > blue[0]
    assert (white == 255).all()
    assert vermilion[0] > vermilion[2]


def test_weights_of_three_channels_are_colours():
    tiles = np.zeros((1, 3, 1, 2))
    tiles[0, 0] = 2
    np.testing.assert_array_equal(weights_picture(tiles, 1)[0, 0], [255, 0, 0])
    tiles[0, 1] = -2
    np.testing.assert_array_equal(weights_picture(tiles, 1)[0, 0], [255, 0, 128])


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, 3e38])
def test_any_weights_make_a_picture(value):
    assert weights_picture(np.full((3, 1, 2, 2), value, np.float32), 2).shape == (5, 5, 3)


def test_patches_have_one_scale():
    tiles = np.array([[[[0.0, 1.0]]], [[[0.0, 4.0]]]])
    np.testing.assert_array_equal(patches_picture(tiles, 1)[[0, 2], :, 0], [[0, 64], [0, 255]])
    np.testing.assert_array_equal(patches_picture(tiles - 4, 1)[[0, 2], :, 0], [[0, 64], [0, 255]])
