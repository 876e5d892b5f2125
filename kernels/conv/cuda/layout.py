"""What a convolutional layer's kernel works on, on a CUDA device."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.kernels.conv import layout
from neurosim.kernels.shared.numbers import LANES

MOST = 1024  # threads of a block
SEATS = MOST // LANES  # sums that a block may be at, at once
LOWEST = np.float32(-math.inf)
ACROSS, BITS = 16, 4  # squares of a tile, and their binary digits
SQUARES = ACROSS * ACROSS
DEPTH = 16  # terms of a matrix product that a block fetches at once, as many as squares
LARGE, SMALL = 4, 2  # sides of a square, which is one thread's: powers of two; a tile has 64 rows and columns, or 32
PADDED = ACROSS * LARGE + 2  # so that threads that write a tile's column meet no two in one bank
COLUMNS, ROWS = 8, 128  # neurons and positions whose terms a block adds up at once
TERMS = 3 * COLUMNS  # of each neuron at a position: change, overlap, event


class Memory(NamedTuple):
    """Working memory on the device; holds nothing from one image to the next."""

    patches: NDArray[np.float32]  # x (window * positions, fan-in)
    responses: NDArray[np.float32]  # y (window or 0, positions, neurons)
    growth: NDArray[np.float32]  # c (window * positions, neurons)
    averages: NDArray[np.float32]  # (window * positions,) mean potential
    won: NDArray[np.int32]  # (window * positions,) who won
    wild: NDArray[np.int32]  # (window * positions,) a neuron that is not finite, or -1
    refused: NDArray[np.int32]  # (1,)
    gains: NDArray[np.float32]  # (channels,) what pixels are multiplied by
    shifts: NDArray[np.float32]  # (channels,) what is taken from them
    means: NDArray[np.float32]  # (channels,) running, after this image
    variances: NDArray[np.float32]  # (channels,)
    counts: NDArray[np.float32]  # (neurons,) positions won
    biases: NDArray[np.float32]  # (neurons,) zeros where none acts; nothing without a bias
    events: NDArray[np.float32]  # (neurons,) responses above the cutoff
    rates: NDArray[np.float32]  # (neurons,)
    changes: NDArray[np.float32]  # (neurons,) sum of a - 1
    overlaps: NDArray[np.float32]  # (neurons,) sum of c u
    proposed: NDArray[np.float32]  # (neurons,) changes + overlaps
    factors: NDArray[np.float32]  # (neurons,) of growth that is added in place
    largest: NDArray[np.float32]  # (neurons or 0,) largest change of a weight
    folds: NDArray[np.int64]  # (neurons,)
    gram: NDArray[np.float32]  # (window * positions or 0, window * positions)
    product: NDArray[np.float32]  # (window * positions or 0, neurons) gram @ c
    step: NDArray[np.float32]  # (neurons or 0, fan-in)


class Seat(NamedTuple):
    """A thread's place in its block: among a group that sums together, of LANES at most; and the block's own memory.

    That memory is made by the kernel itself: Numba links what another function makes as often as that is called.
    """

    member: int
    members: int
    group: int
    groups: int
    lanes: NDArray[np.float32]  # (LANES,) partial sums of the group
    indices: NDArray[np.int64]  # (LANES,) where the partial maxima are
    left: NDArray[np.float32]  # (DEPTH, PADDED) what has been fetched of two matrices
    right: NDArray[np.float32]
    terms: NDArray[np.float32]  # (ROWS, TERMS) of a few neurons at a few positions
    sums: NDArray[np.float32]  # (TERMS,) what they come to


def memory(constants: layout.Constants, neurons: int, window: int, allocate: Callable[..., Any]) -> Memory:
    """Return working memory for a layer.

    Parameters
    ----------
    constants : conv.Constants
    neurons, window : int
    allocate : callable
        Takes a shape and a dtype, and returns an array of them in the device's memory, of any content.
    """
    positions, fan_in = constants.rows * constants.columns, constants.channels * constants.kernel**2
    rows, largest = window * positions, constants.step == layout.LARGEST
    gram = not largest and layout.by_products(rows, neurons, fan_in)
    moves = not gram or constants.cutoff > 0  # some neurons, at least, by a step that is written apart
    names = ("counts", "biases", "events", "rates", "changes", "overlaps", "proposed", "factors")
    neural = {name: allocate((neurons,), np.float32) for name in names}
    of_channels = ("gains", "shifts", "means", "variances")
    channelled = {name: allocate((constants.channels,), np.float32) for name in of_channels}
    return Memory(
        patches=allocate((rows, fan_in), np.float32),
        responses=allocate((window if window > 1 else 0, positions, neurons), np.float32),
        growth=allocate((rows, neurons), np.float32),
        averages=allocate((rows,), np.float32),
        won=allocate((rows,), np.int32),
        wild=allocate((rows,), np.int32),
        refused=allocate((1,), np.int32),
        largest=allocate((neurons if largest else 0,), np.float32),
        folds=allocate((neurons,), np.int64),
        gram=allocate((rows, rows) if gram else (0, 0), np.float32),
        product=allocate((rows if gram else 0, neurons), np.float32),
        step=allocate((neurons if moves else 0, fan_in), np.float32),
        **neural,
        **channelled,
    )
