"""Which entries of an image's patches come from pixels that are not zero: what its events reach."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neurosim.layers.conv import ConvWTA

Whole = NDArray[np.int64]


class Reach:
    """Where the pixels of an image lie in its patches, those of the mirrored border included.

    Parameters
    ----------
    layer : ConvWTA
    image : tuple of int
        Channels, height, width.
    """

    def __init__(self, layer: ConvWTA, image: tuple[int, ...]) -> None:
        self._layer, self._image = layer, image

    def _patches(self, pixels: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return patches as the layer cuts them: (rows, columns, channels, kernel, kernel), a view of a padded copy."""
        border, kernel, stride = self._layer.padding, self._layer.kernel, self._layer.stride
        padded = np.pad(pixels.reshape(self._image), ((0, 0), (border, border), (border, border)), mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), axis=(1, 2))
        return windows[:, ::stride, ::stride].transpose(1, 2, 0, 3, 4)

    @cached_property
    def _entries(self) -> Whole:
        """Entries of patches that come from each pixel: int64 (inputs,)."""
        pixels = np.arange(np.prod(self._image))
        return np.bincount(self._patches(pixels).ravel(), minlength=len(pixels))

    def entries(self, sample: NDArray[np.float32]) -> int:
        """Return how many entries of a sample's patches come from pixels that are not zero."""
        return int(self._entries[sample != 0].sum())

    def effective(self, sample: NDArray[np.float32], live: Whole) -> int:
        """Return how many synapses that are not zero these entries meet.

        Parameters
        ----------
        sample : float32 (inputs,)
        live : int64 (fan-in,)
            Synapses of each entry of a patch that are not zero, channels last as the layer has them.
        """
        met = np.count_nonzero(self._patches(sample), axis=(0, 1))
        return int(met.transpose(1, 2, 0).ravel() @ live)
