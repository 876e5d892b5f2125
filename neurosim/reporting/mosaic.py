"""Many small images as one, without any library for pictures."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

GAP = 1  # pixels between images


def mosaic(tiles: Any, columns: int, *, signed: bool) -> NDArray[np.float64]:
    """Lay images side by side, row by row, with thin white gaps between them.

    Parameters
    ----------
    tiles : array (n, channels, height, width)
        Images; numbers that are not finite are drawn as 0.
    columns : int
        Images in a row.
    signed : bool
        Whether 0 is the middle of the scale, 0.5, and each image has its own scale, to its largest absolute number;
        otherwise numbers from 0 to 1 are kept, and others are cut off.

    Returns
    -------
    sheet : array float64 (h, w, channels)
        Numbers from 0 to 1; of no height and width for no images.
    """
    tiles = np.nan_to_num(np.asarray(tiles, float), posinf=0.0, neginf=0.0)
    count, channels, height, width = tiles.shape
    if signed:
        largest = np.abs(tiles).max(axis=(1, 2, 3), keepdims=True, initial=0.0)
        shown = 0.5 + 0.5 * tiles / np.where(largest > 0, largest, 1.0)
    else:
        shown = np.clip(tiles, 0, 1)
    columns = min(columns, count)
    rows = -(-count // columns) if count else 0
    sheet = np.ones((max(0, rows * (height + GAP) - GAP), max(0, columns * (width + GAP) - GAP), channels))
    for i, tile in enumerate(shown):
        top, left = i // columns * (height + GAP), i % columns * (width + GAP)
        sheet[top : top + height, left : left + width] = tile.transpose(1, 2, 0)
    return sheet
