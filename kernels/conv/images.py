"""An image taken in: checked, normalised, cut into patches."""

import math

import numpy as np
from numba.extending import register_jitable

from neurosim.kernels.conv.layout import LAYER, PLAIN, RUNNING, WINDOW
from neurosim.kernels.conv.powers import square_sum
from neurosim.kernels.conv.team import meet, share_of
from neurosim.kernels.shared.numbers import ONE, ZERO
from neurosim.kernels.shared.softmax import copy_into, total_of

EPSILON = np.float32(1e-5)  # added to a variance


@register_jitable
def is_admitted(sample, negative, lanes):
    """Return whether a sample is admitted."""
    if not negative:
        for i in range(sample.size):
            if sample[i] < ZERO:
                return False
    return math.isfinite(square_sum(sample, ZERO, lanes))


@register_jitable
def statistics(samples, means, variances, lanes, first, last):
    """Write the mean and variance of channels from first to last over all pixels of the samples."""
    pixels = samples.shape[1] // means.size
    count = np.float32(pixels * samples.shape[0])
    for c in range(first, last):
        total = means[c] * ZERO
        for n in range(samples.shape[0]):
            total += total_of(samples[n, c * pixels : (c + 1) * pixels], lanes)
        mean = total / count
        total = mean * ZERO
        for n in range(samples.shape[0]):
            total += square_sum(samples[n, c * pixels : (c + 1) * pixels], mean, lanes)
        means[c], variances[c] = mean, total / count


@register_jitable
def followed(mean, variance, seen_mean, seen_variance, weight):
    """Return a channel's running mean and variance after an image of which it has seen these."""
    difference = seen_mean - mean
    spread = variance + weight * difference * difference
    return mean + weight * difference, (ONE - weight) * spread + weight * seen_variance


@register_jitable
def _follow(sample, measured, constants, state, scratch, first, last):
    """Move running statistics of channels from first to last: equal weights at first, exponential ones later."""
    statistics(sample.reshape(1, sample.size), scratch.means, scratch.variances, scratch.lanes, first, last)
    weight = max(scratch.factors[0] / np.float32(measured), constants.forgetting)
    for c in range(first, last):
        state.means[c], state.variances[c] = followed(
            state.means[c], state.variances[c], scratch.means[c], scratch.variances[c], weight
        )


@register_jitable
def gain_and_shift(mean, variance):
    """Return what a channel's pixels are multiplied by, and what is then taken from them."""
    gain = ONE / math.sqrt(variance + EPSILON)
    return gain, mean * gain


@register_jitable
def normalise(sample, means, variances, values, first, last):
    """Write channels from first to last of the sample with their mean and variance taken out."""
    pixels = sample.size // means.size
    for c in range(first, last):
        gain, shift = gain_and_shift(means[c], variances[c])
        raw, normal = sample[c * pixels : (c + 1) * pixels], values[c * pixels : (c + 1) * pixels]
        for i in range(raw.size):
            normal[i] = raw[i] * gain - shift


@register_jitable
def prepare(sample, learning, measured, constants, state, scratch, team):
    """Write a thread's channels of the normalised sample into scratch.values."""
    kind, groups = constants.normalise, 1 if constants.normalise == LAYER else constants.channels
    first, last = share_of(groups, 1, team)
    if kind == PLAIN:
        pixels = sample.size // groups
        copy_into(sample[first * pixels : last * pixels], scratch.values[first * pixels :])
    elif kind in (RUNNING, WINDOW):
        if learning:
            _follow(sample, measured, constants, state, scratch, first, last)
        normalise(sample, state.means, state.variances, scratch.values, first, last)
    else:
        means, variances = scratch.means[:groups], scratch.variances[:groups]
        statistics(sample.reshape(1, sample.size), means, variances, scratch.lanes, first, last)
        normalise(sample, means, variances, scratch.values, first, last)


@register_jitable
def mirrored(i, size):
    """Return the pixel that a pixel beyond the border reflects; the border itself is not doubled."""
    i = abs(i)
    return i if i < size else 2 * (size - 1) - i


@register_jitable
def cut_patches(values, constants, image, patches, team):
    """Write an image's patches, one a row, the image padded by its reflection; threads have met before, not after."""
    channels, height, width, padding = constants.channels, constants.height, constants.width, constants.padding
    wide, pixels = width + 2 * padding, height * width
    first, last = share_of(height + 2 * padding, 1, team)
    for i in range(first, last):
        row = mirrored(i - padding, height) * width
        for j in range(wide):
            pixel, target = row + mirrored(j - padding, width), (i * wide + j) * channels
            for c in range(channels):
                image[target + c] = values[pixel + c * pixels]
    meet(team)
    run = constants.kernel * channels
    first, last = share_of(patches.shape[0], 1, team)
    for p in range(first, last):
        top, left = p // constants.columns * constants.stride, p % constants.columns * constants.stride
        for d in range(constants.kernel):
            copy_into(image[((top + d) * wide + left) * channels :][:run], patches[p, d * run : (d + 1) * run])
