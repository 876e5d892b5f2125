"""Samples at norm one, from a stream or an array, a block at a time: a whole data set is never copied to float64."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.errors import SampleError
from neurosim.outside.arrays import numbers
from neurosim.streams import Stream


def unit_blocks(
    samples: Stream | ArrayLike, inputs: int, size: int, *, leave_out: bool
) -> Iterator[NDArray[np.float64]]:
    """Give samples divided by their norms, float64 (n, inputs), in blocks of at most `size`.

    Parameters
    ----------
    samples : Stream or (samples, inputs)
    inputs : int
        Width that samples must have; arrays may have them in the shape of images.
    size : int
    leave_out : bool
        Whether to leave out samples of zeros, which have no direction; else they are refused.

    Raises
    ------
    SampleError
        If a sample is not finite, the width is another, or no sample has a direction.
    """
    first, count = 0, 0
    for values in _blocks(samples, inputs, size):
        block = np.asarray(values, np.float64)
        norms = np.sqrt(np.einsum("ni,ni->n", block, block))
        finite, directed = np.isfinite(norms), norms > 0
        if not finite.all():
            raise SampleError(f"sample {first + int(np.argmin(finite))} must be finite, as must be its norm in float64")
        if not (leave_out or directed.all()):
            advice = "it has no direction: leave it out"
            raise SampleError(f"sample {first + int(np.argmin(directed))} must not be zeros in all inputs; {advice}")
        first += len(block)
        count += int(directed.sum())
        yield block[directed] / norms[directed, None]
    if count == 0:
        raise SampleError(f"samples must include one that is not all zeros, got {first}")


def _blocks(samples: Stream | ArrayLike, inputs: int, size: int) -> Iterator[NDArray[Any]]:
    """Cut a stream or an array into blocks of at most `size` samples, flat."""
    if isinstance(samples, Stream):
        if samples.inputs != inputs:
            raise SampleError(f"samples of {samples.name} must have {inputs} inputs, got {samples.inputs}")
        yield from (block.samples for block in samples.blocks(size=size))
        return
    values = numbers("samples", samples)
    if values.ndim < 2 or math.prod(values.shape[1:]) != inputs:
        raise SampleError(f"samples must have the shape (samples, {inputs}), got {values.shape}")
    yield from (values[first : first + size].reshape(-1, inputs) for first in range(0, len(values), size))
