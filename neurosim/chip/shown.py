"""A chip as notebooks show it."""

from typing import Any

import numpy as np

from neurosim.engine.conv.layer import ConvLayer
from neurosim.engine.shown import facts, sizes
from neurosim.layers.expressions import chip_expression
from neurosim.reporting import html
from neurosim.reporting.pictures import CHANNELS, weights_picture
from neurosim.reporting.png import png

MOST_FIELDS, COLUMNS = 32, 16  # of the most used neurons, in a row
MOST_PIXELS, ENLARGED = 640, 4  # width on the page at most, and as a multiple of the picture's own


def chip_html(chip: Any) -> str:
    """Return a table of a chip's layers, the weights of the most used neurons if they are images, and what makes it."""
    rows = [facts(layer) for layer in chip.layers]
    about = f"takes {sizes(chip.shape)}, seed {chip.seed}, {chip.samples:,} samples learned"
    table = html.table(["layer", *rows[0]], [[number, *row.values()] for number, row in enumerate(rows, 1)])
    return html.heading("Chip", about) + table + _fields(chip) + html.folded("constants", chip_expression(chip))


def _fields(chip: Any) -> str:
    """Return a picture of the weights of the first layer's most used neurons; nothing if they are no images."""
    layer, channels = chip.layers[0], chip.shape[0]
    if len(chip.shape) != 3 or channels not in CHANNELS:
        return ""
    size = (layer.constants.kernel,) * 2 if isinstance(layer, ConvLayer) else chip.shape[1:]
    chosen = np.argsort(-layer.wins, kind="stable")[:MOST_FIELDS]
    picture = weights_picture(layer.weights_of(chosen).reshape(len(chosen), channels, *size), COLUMNS)
    width = min(MOST_PIXELS, ENLARGED * picture.shape[1])
    return html.image(png(picture), f"weights of the {len(chosen)} most used neurons of layer 1", width)
