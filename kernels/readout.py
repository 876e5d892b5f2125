r"""A linear softmax classifier, trained by Adam on the cross-entropy of features that stay as they are.

.. math::

    u = W (r \odot x) + b, \qquad p = \mathrm{softmax}(u), \qquad
    \frac{\partial L}{\partial W} = \frac{1}{n} \sum (p - e_\mathrm{label}) (r \odot x)^T

with r the dropout of a sample's inputs, 0 or 1 / (1 - probability), anew in every step. Inputs are cut into blocks,
each with its own weights, moments and summands of the potentials. The caller may divide the blocks among threads in any
way: the bits do not depend on it.

A batch is read twice, for the potentials and for the gradient. The weights of a block stay in the fastest cache while a
group of samples is taken; a group is packed, and dropout applied, once for all classes; Adam's step is taken while the
gradient is still in that cache. `turn` computes the gradient of one batch and the potentials of the next, so that
threads meet once a batch.

Everything is float32; sums have a fixed order, so equal input gives equal bits.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.kernels.compiled import cell, compiled
from neurosim.kernels.shared.numbers import NEGLIGIBLE, ONE, ZERO
from neurosim.kernels.shared.random_words import GOLDEN, random_word
from neurosim.kernels.shared.softmax import decaying_exponential

BLOCK = 512  # inputs: the eight lines that `_dot` adds
LINE = 64  # inputs that one random word keeps or drops, a bit for each
FIELDS, FIELD_BITS, FIELD = 4, np.uint64(16), np.uint64(0xFFFF)  # of a random word, at any probability but a half
CERTAIN, EVEN = 65536, 32768  # a dropout probability of one, and of a half, in units of 1 / 65536
GROUP = 8  # samples packed at a time
FIRST, SECOND = np.float32(0.9), np.float32(0.999)  # what Adam's moments keep
FIRST_REST, SECOND_REST, TINY = np.float32(1 - 0.9), np.float32(1 - 0.999), np.float32(1e-8)
NO_BIT, BIT = np.uint64(0), np.uint64(1)
# Smaller slopes, and gradients so small that their squares would be subnormal, are zero, as moments below NEGLIGIBLE
# are: on subnormal numbers arithmetic takes a hundred times as long, and next to TINY they move nothing.
FAINT, FAINT_GRADIENT = np.float32(1e-25), np.float32(1e-16)


class Parameters(NamedTuple):
    """What is learned, and Adam's two moments of it; weights of inputs beyond the last are zero and stay so."""

    weights: NDArray[np.float32]  # (blocks, classes, BLOCK)
    means: NDArray[np.float32]  # (blocks, classes, BLOCK)
    squares: NDArray[np.float32]  # (blocks, classes, BLOCK)
    bias: NDArray[np.float32]  # (3, classes): the bias and its two moments


class Batch(NamedTuple):
    """Samples of one step; may be empty."""

    rows: NDArray[np.int64]  # (n,) their rows in the features
    first: np.uint64  # number of the first random word of the first sample
    slopes: NDArray[np.float32]  # (n, classes) (p - e_label) / n


class Dropout(NamedTuple):
    """Which inputs are dropped: a function of the key and of the number of the random word.

    The words are those of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) from `key` on; a sample has `words` of them.
    At a probability of a half input i is kept if bit i % 64 of the word i // 64 is one. At any other it is kept if the
    field of 16 bits at i % 4 (0 the lowest) of the word i // 4 is not below `threshold`.
    """

    key: np.uint64
    threshold: int  # probability in units of 1 / 65536, below CERTAIN; 0: nothing is dropped
    scale: np.float32  # of what is kept
    words: int


class Pace(NamedTuple):
    """One step of Adam."""

    rate: np.float32  # with the correction of the first moment, 1 / (1 - 0.9^t)
    correction: np.float32  # of the root of the second moment, 1 / sqrt(1 - 0.999^t)


class Scratch(NamedTuple):
    """Memory of one thread."""

    tile: NDArray[np.float32]  # (GROUP * BLOCK,) one block of inputs of a group of samples
    lanes: NDArray[np.float32]  # (LINE,)
    gradient: NDArray[np.float32]  # (classes, BLOCK)


@cell
def _word(key, number):
    """Return a random word by its number."""
    return random_word(key + (number + BIT) * GOLDEN)


@cell
def _drop(x, first, dropout):
    """Drop inputs of one packed sample by multiplying with zero, which keeps NaN and infinity visible."""
    if dropout.threshold == EVEN:
        for line in range(BLOCK // LINE):
            word = _word(dropout.key, first + np.uint64(line))
            for j in range(LINE):
                kept = (word >> np.uint64(j)) & BIT
                x[line * LINE + j] *= dropout.scale if kept != NO_BIT else ZERO
        return
    for number in range(BLOCK // FIELDS):
        word = _word(dropout.key, first + np.uint64(number))
        for j in range(FIELDS):
            field = np.int64((word >> (FIELD_BITS * np.uint64(j))) & FIELD)
            x[number * FIELDS + j] *= dropout.scale if field >= dropout.threshold else ZERO


@cell
def _pack(features, batch, start, count, block, dropout, tile):
    """Copy one block of inputs of `count` samples of a batch into the tile, and drop some; the rest is zero."""
    size = min(BLOCK, features.shape[1] - block * BLOCK)
    each = LINE if dropout.threshold == EVEN else FIELDS
    for g in range(GROUP):
        packed = tile[g * BLOCK : (g + 1) * BLOCK]
        if g >= count or size < BLOCK:
            packed[:] = ZERO
        if g >= count:
            continue
        x = features[batch.rows[start + g], block * BLOCK : block * BLOCK + size]
        for i in range(size):
            packed[i] = x[i]
        if dropout.threshold > 0:
            number = (start + g) * dropout.words + block * (BLOCK // each)
            _drop(packed, batch.first + np.uint64(number), dropout)


@cell
def _dot(x, w, lanes):
    """Return the product of x and w over a block: eight lines, then their lanes by halves.

    The last eight lanes are added in another order than in `shared.softmax.fold_lanes`: the bits differ.
    """
    for j in range(LINE):
        lanes[j] = ((x[j] * w[j] + x[64 + j] * w[64 + j]) + (x[128 + j] * w[128 + j] + x[192 + j] * w[192 + j])) + (
            (x[256 + j] * w[256 + j] + x[320 + j] * w[320 + j]) + (x[384 + j] * w[384 + j] + x[448 + j] * w[448 + j])
        )
    for j in range(32):
        lanes[j] += lanes[32 + j]
    for j in range(16):
        lanes[j] += lanes[16 + j]
    for j in range(8):
        lanes[j] += lanes[8 + j]
    return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]))


@cell
def _integrate(features, batch, first, last, dropout, weights, scratch, sums):
    """Write the blocks' summands of the potentials of a batch; samples outermost, as long reads are fastest."""
    for start in range(0, batch.rows.size, GROUP):
        count = min(GROUP, batch.rows.size - start)
        for block in range(first, last):
            _pack(features, batch, start, count, block, dropout, scratch.tile)
            for c in range(weights.shape[1]):
                for g in range(count):
                    x = scratch.tile[g * BLOCK : (g + 1) * BLOCK]
                    sums[block, start + g, c] = _dot(x, weights[block, c], scratch.lanes)


@cell
def _descend(features, batch, block, dropout, scratch):
    """Write the gradient of one block's weights."""
    x, slopes, last = scratch.tile, batch.slopes, batch.rows.size - 1
    scratch.gradient[:] = ZERO
    for start in range(0, batch.rows.size, GROUP):
        _pack(features, batch, start, min(GROUP, batch.rows.size - start), block, dropout, x)
        for c in range(scratch.gradient.shape[0]):
            g = scratch.gradient[c]
            # Beyond the last sample the tile is zero, so any slope will do.
            s0, s1 = slopes[start, c], slopes[min(start + 1, last), c]
            s2, s3 = slopes[min(start + 2, last), c], slopes[min(start + 3, last), c]
            s4, s5 = slopes[min(start + 4, last), c], slopes[min(start + 5, last), c]
            s6, s7 = slopes[min(start + 6, last), c], slopes[min(start + 7, last), c]
            for i in range(BLOCK):
                g[i] += ((s0 * x[i] + s1 * x[BLOCK + i]) + (s2 * x[2 * BLOCK + i] + s3 * x[3 * BLOCK + i])) + (
                    (s4 * x[4 * BLOCK + i] + s5 * x[5 * BLOCK + i]) + (s6 * x[6 * BLOCK + i] + s7 * x[7 * BLOCK + i])
                )


@cell
def _adam(gradient, weights, means, squares, pace):
    """Take one step of Adam (Kingma and Ba, ICLR 2015)."""
    for i in range(weights.size):
        g = ZERO if abs(gradient[i]) <= FAINT_GRADIENT else gradient[i]
        mean = FIRST * means[i] + FIRST_REST * g
        square = SECOND * squares[i] + SECOND_REST * (g * g)
        mean = ZERO if abs(mean) <= NEGLIGIBLE else mean
        square = ZERO if square <= NEGLIGIBLE else square
        means[i], squares[i] = mean, square
        weights[i] -= pace.rate * mean / (math.sqrt(square) * pace.correction + TINY)


@compiled(nogil=True)
def turn(features, first, last, past, following, dropout, pace, parameters, scratch, sums):
    """Learn one batch and integrate the next, on some of the blocks.

    Parameters
    ----------
    features : float32 (samples, inputs), C order
    first, last : int
        The blocks, `last` not among them.
    past : Batch
        With its slopes.
    following : Batch
        Its slopes are not read.
    dropout : Dropout
    pace : Pace
        Of the past batch.
    parameters : Parameters
        Written in place, except the bias.
    scratch : Scratch
        Of this thread.
    sums : float32 (blocks, n or more, classes)
        Each block's summand of the potentials, written in place.
    """
    size = parameters.weights.shape[1] * BLOCK
    if past.rows.size > 0:
        for block in range(first, last):
            _descend(features, past, block, dropout, scratch)
            _adam(
                scratch.gradient.reshape(size), parameters.weights[block].reshape(size),
                parameters.means[block].reshape(size), parameters.squares[block].reshape(size), pace,
            )  # fmt: skip
    _integrate(features, following, first, last, dropout, parameters.weights, scratch, sums)


@compiled(nogil=True)
def add_up(sums, bias, potentials):
    """Write the potentials (n, classes), blocks in their order; return the first sample without finite ones, or -1."""
    bad = -1
    for n in range(potentials.shape[0] - 1, -1, -1):
        u = potentials[n]
        for c in range(u.size):
            u[c] = bias[c]
        for block in range(sums.shape[0]):
            for c in range(u.size):
                u[c] += sums[block, n, c]
        for c in range(u.size):
            bad = bad if math.isfinite(u[c]) else n
    return bad


@compiled(nogil=True)
def meet(potentials, labels, pace, bias, slopes, losses):
    """Turn the potentials of a batch into slopes and losses, and let the bias learn; return how many were right.

    Parameters
    ----------
    potentials : float32 (n, classes)
    labels : int64 (n,)
    pace : Pace
    bias : float32 (3, classes)
        The bias and its moments, written in place.
    slopes : float32 (n, classes)
        (p - e_label) / n, written in place.
    losses : float32 (n,)
        -log p_label, written in place.
    """
    right, weight = 0, ONE / np.float32(labels.size)
    for n in range(labels.size):
        u, slope = potentials[n], slopes[n]
        winner, total = 0, ZERO
        for c in range(u.size):
            winner = c if u[c] > u[winner] else winner
        right += winner == labels[n]
        for c in range(u.size):
            slope[c] = decaying_exponential(u[c] - u[winner])
            total += slope[c]
        losses[n] = math.log(total) - (u[labels[n]] - u[winner])
        for c in range(u.size):
            share = slope[c] / total * weight
            slope[c] = share if share > FAINT else ZERO
        slope[labels[n]] -= weight
    gradient = potentials[0]  # of no further use
    gradient[:] = ZERO
    for n in range(labels.size):
        for c in range(gradient.size):
            gradient[c] += slopes[n, c]
    _adam(gradient, bias[0], bias[1], bias[2], pace)
    return right
