"""Weights, and patches of images, as pictures in colour, by NumPy alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.reporting.figures import BLUE, VERMILION
from neurosim.reporting.mosaic import mosaic

CHANNELS = (1, 3)  # of what can be shown: grey, or red, green and blue
WHITE = np.ones(3)


def weights_picture(tiles: Any, columns: int) -> NDArray[np.uint8]:
    """Return weights as one picture, each neuron's in its own scale.

    One channel is grey from black, 0, to white; where any weight is negative, white is 0, blue below and vermilion
    above. Three channels are red, green and blue, and grey is 0 where any weight is negative.

    Parameters
    ----------
    tiles : float (n, channels, height, width)
        Of 1 or 3 channels, at least one.
    columns : int
        Tiles in a row.

    Returns
    -------
    uint8 (rows, columns, 3)
    """
    values = np.nan_to_num(np.asarray(tiles, np.float64), posinf=0.0, neginf=0.0)
    largest = np.abs(values).max(axis=(1, 2, 3), keepdims=True)
    scaled = values / np.where(largest > 0, largest, 1.0)
    if (values < 0).any():
        scaled = diverging(scaled[:, 0]) if values.shape[1] == 1 else 0.5 + 0.5 * scaled
    return _picture(scaled, columns)


def patches_picture(tiles: Any, columns: int) -> NDArray[np.uint8]:
    """Return patches of images as one picture, all in one scale; parameters as of `weights_picture`."""
    values = np.asarray(tiles, np.float64)
    low, high = min(0.0, float(values.min())), float(values.max())
    return _picture((values - low) / (high - low if high > low else 1.0), columns)


def diverging(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return colours (n, 3, ...) of numbers (n, ...) from -1, blue, over 0, white, to 1, vermilion."""
    ends = np.where(values[..., None] < 0, _rgb(BLUE), _rgb(VERMILION))
    colours = WHITE + np.abs(values[..., None]) * (ends - WHITE)
    return np.moveaxis(colours, -1, 1)


def _picture(shown: NDArray[np.float64], columns: int) -> NDArray[np.uint8]:
    if shown.shape[1] == 1:
        shown = np.repeat(shown, 3, axis=1)
    return np.asarray(np.rint(255 * mosaic(shown, columns, signed=False)), np.uint8)


def _rgb(colour: str) -> NDArray[np.float64]:
    return np.array([int(colour[first : first + 2], 16) / 255 for first in (1, 3, 5)])
