r"""Resampling of images by a triangle filter: bilinear interpolation, widened if the image gets smaller.

.. math:: y_i = \sum_j w_{ij} x_j, \qquad w_{ij} \propto \max(0, 1 - |j + 1/2 - (i + 1/2) s| / \max(s, 1))

along each axis; s is the old size over the new one. The order of sums is fixed.
"""

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

TOGETHER = 1 << 23  # numbers resampled at a time: what a large image is copied in


def resample(image: NDArray[np.float32] | NDArray[np.uint8], height: int, width: int) -> NDArray[np.float32]:
    """Return an image, float32 or uint8 (..., rows, columns), resampled to float32 (..., height, width)."""
    planes = image.reshape(-1, *image.shape[-2:])
    count, rows, columns = planes.shape
    if (rows, columns) == (height, width):
        return image.astype(np.float32, copy=False)
    vertical = np.empty((height, count, columns), np.float32)
    together = max(1, TOGETHER // (rows * count))  # no column depends on another
    for first in range(0, columns, together):
        strip = planes[:, :, first : first + together].transpose(1, 0, 2).astype(np.float32, order="C", copy=False)
        product = _weights(rows, height) @ strip.reshape(rows, -1)
        vertical[:, :, first : first + together] = product.reshape(height, count, -1)
    turned = vertical.transpose(2, 1, 0).reshape(columns, count * height)
    horizontal = (_weights(columns, width) @ turned).reshape(width, count, height)
    low, high = (bound(axis=(1, 2), keepdims=True).astype(np.float32) for bound in (planes.min, planes.max))
    clipped = np.clip(horizontal.transpose(1, 2, 0), low, high)  # rounding may exceed the image's range
    return np.ascontiguousarray(clipped).reshape(*image.shape[:-2], height, width)


@lru_cache(1024)  # sizes kept: crops of small images repeat them
def _weights(old: int, new: int) -> "csr_array":
    """Return the weights of the triangle filter, float32 (new, old), sparse."""
    from scipy.sparse import csr_array

    scale = old / new
    support = max(scale, 1.0)
    centres = (np.arange(new) + 0.5) * scale
    taps = math.ceil(2 * support) + 1
    indices = np.floor(centres - support).astype(np.int64)[:, None] + np.arange(taps)
    weights = np.maximum(0.0, 1.0 - np.abs(indices + 0.5 - centres[:, None]) / support)
    weights[(indices < 0) | (indices >= old)] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    used = weights > 0
    starts = np.concatenate([[0], np.cumsum(used.sum(axis=1))])
    return csr_array((weights[used].astype(np.float32), indices[used], starts), shape=(new, old))
