"""An image taken in: checked, normalised, cut into patches."""

import math

import numpy as np

from neurosim.kernels.compiled import cell, compiled
from neurosim.kernels.conv.layout import LAYER, PLAIN, RUNNING, WINDOW
from neurosim.kernels.conv.powers import square_sum
from neurosim.kernels.conv.team import meet, share_of
from neurosim.kernels.shared.arguments import kept_at
from neurosim.kernels.shared.numbers import ONE, ZERO
from neurosim.kernels.shared.slices import between
from neurosim.kernels.shared.softmax import copy_into, total_of

EPSILON = np.float32(1e-5)  # added to a variance


@compiled(_nrt=False, no_cpython_wrapper=True)
def admit(address, kind, n, _unused, _also, _too):
    """Return -1 if a sample is admitted, else 0."""
    given = kept_at(address, kind)
    samples, constants, scratch = given.samples, given.constants, given.scratch
    sample = samples.values[n]
    if not constants.negative:
        for i in range(sample.size):
            if sample[i] < ZERO:
                return 0
    return -1 if math.isfinite(square_sum(sample, ZERO, scratch.lanes)) else 0


@cell
def statistics(samples, means, variances, lanes, first, last):
    """Write the mean and variance of channels from first to last over all pixels of the samples."""
    pixels = samples.shape[1] // means.size
    count = np.float32(pixels * samples.shape[0])
    for c in range(first, last):
        total = means[c] * ZERO
        for n in range(samples.shape[0]):
            total += total_of(between(samples[n], c * pixels, (c + 1) * pixels))
        mean = total / count
        total = mean * ZERO
        for n in range(samples.shape[0]):
            total += square_sum(between(samples[n], c * pixels, (c + 1) * pixels), mean, lanes)
        means[c], variances[c] = mean, total / count


@cell
def followed(mean, variance, seen_mean, seen_variance, weight):
    """Return a channel's running mean and variance after an image of which it has seen these."""
    difference = seen_mean - mean
    spread = variance + weight * difference * difference
    return mean + weight * difference, (ONE - weight) * spread + weight * seen_variance


@cell
def _follow(seen_means, seen_variances, weight, means, variances, first, last):
    """Move running statistics of channels from first to last."""
    for c in range(first, last):
        means[c], variances[c] = followed(means[c], variances[c], seen_means[c], seen_variances[c], weight)


@cell
def moved(mean, variance, seen_mean, seen_variance, momentum, count):
    """Return a channel's running mean and variance after a window of which it has seen these, over so many pixels."""
    unbiased = seen_variance * (count / (count - ONE))
    return mean + momentum * (seen_mean - mean), variance + momentum * (unbiased - variance)


@cell
def gain_and_shift(mean, variance):
    """Return what a channel's pixels are multiplied by, and what is then taken from them."""
    gain = ONE / math.sqrt(variance + EPSILON)
    return gain, mean * gain


@cell
def normalise(sample, means, variances, values, first, last):
    """Write channels from first to last of the sample with their mean and variance taken out."""
    pixels = sample.size // means.size
    for c in range(first, last):
        gain, shift = gain_and_shift(means[c], variances[c])
        begin, end = c * pixels, (c + 1) * pixels
        raw, normal = between(sample, begin, end), between(values, begin, end)
        for i in range(raw.size):
            normal[i] = raw[i] * gain - shift


@compiled(_nrt=False, no_cpython_wrapper=True)
def prepare(address, kind, n, measured, _unused, _also):
    """Write a thread's channels of the normalised sample into scratch.values.

    Running statistics give images equal weights at first, exponential ones later.
    """
    given = kept_at(address, kind)
    constants, state, scratch, learning = given.constants, given.state, given.scratch, given.learning
    normalisation, groups = constants.normalise, 1 if constants.normalise == LAYER else constants.channels
    first, last = share_of(groups, 1, given.team)
    sample, values, running = given.samples.values[n], scratch.values, normalisation in (RUNNING, WINDOW)
    if normalisation == PLAIN:
        pixels = sample.size // groups
        begin, end = first * pixels, last * pixels
        copy_into(between(sample, begin, end), between(values, begin, end))
        return 0
    means, variances = between(scratch.means, 0, groups), between(scratch.variances, 0, groups)
    follows = learning and running and constants.momentum == ZERO
    if follows or not running:
        statistics(between(given.samples.values, n, n + 1), means, variances, scratch.lanes, first, last)
    if running:
        if follows:
            one = constants.forgetting * ZERO + ONE
            weight = max(one / np.float32(measured), constants.forgetting)
            _follow(means, variances, weight, state.means, state.variances, first, last)
        means, variances = state.means, state.variances
    normalise(sample, means, variances, values, first, last)
    return 0


@cell
def mirrored(i, size):
    """Return the pixel that a pixel beyond the border reflects; the border itself is not doubled."""
    i = abs(i)
    return i if i < size else 2 * (size - 1) - i


@compiled(_nrt=False, no_cpython_wrapper=True)
def cut_patches(address, kind, recalled, _unused, _also, _too):
    """Write an image's patches, one a row, the image padded by its reflection; threads have met before, not after.

    Of an image that its window recalls, the patches go where the window has them.
    """
    given = kept_at(address, kind)
    constants, state, scratch, team = given.constants, given.state, given.scratch, given.team
    channels, height, width, padding = constants.channels, constants.height, constants.width, constants.padding
    wide, pixels, image, values = width + 2 * padding, height * width, scratch.image, scratch.values
    if recalled >= 0 and constants.normalise != WINDOW:
        values = state.pending_inputs[recalled]
    first, last = share_of(height + 2 * padding, 1, team)
    for i in range(first, last):
        row = mirrored(i - padding, height) * width
        for j in range(wide):
            pixel, target = row + mirrored(j - padding, width), (i * wide + j) * channels
            for c in range(channels):
                image[target + c] = values[pixel + c * pixels]
    meet(team)
    run, positions = constants.kernel * channels, constants.rows * constants.columns
    begin = max(recalled, 0) * positions
    first, last = share_of(positions, 1, team)
    for p in range(first, last):
        top, left = p // constants.columns * constants.stride, p % constants.columns * constants.stride
        patch = scratch.patches[begin + p]
        for d in range(constants.kernel):
            source = ((top + d) * wide + left) * channels
            copy_into(between(image, source, source + run), between(patch, d * run, (d + 1) * run))
    return 0
