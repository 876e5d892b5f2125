"""An image taken in on a device: statistics, patches."""

import math

import numpy as np
from numba import int32
from numba.extending import register_jitable

from neurosim.kernels.conv import images, layout
from neurosim.kernels.conv.cuda.seats import has_work, item_of, laps_for, square_sum, total_of
from neurosim.kernels.shared.grid import cuda
from neurosim.kernels.shared.numbers import ONE, ZERO


@register_jitable
def _statistics(samples, begin, end, seat):
    """Return mean and variance of pixels from begin to end over the samples, as one group sees them."""
    count, total = np.float32(max(end - begin, 1) * samples.shape[0]), ZERO
    for n in range(samples.shape[0]):
        total += total_of(samples[n][begin:end], seat)
    mean = total / count
    total = ZERO
    for n in range(samples.shape[0]):
        total += square_sum(samples[n][begin:end], mean, seat)
    return mean, total / count


@register_jitable
def is_admitted(sample, negative, seat):
    """Return whether a sample is finite, and not negative where that is not admitted."""
    below = int32(0)
    if not negative:
        for i in range(cuda.threadIdx.x, sample.size, cuda.blockDim.x):
            below |= int32(sample[i] < ZERO)
    below = cuda.syncthreads_or(below)
    return math.isfinite(square_sum(sample, ZERO, seat)) and below == 0


@register_jitable
def measure_image(samples, learning, measured, constants, state, memory, seat):
    """Write what normalises: gains and shifts, and running statistics as they will be if the sample is admitted.

    Of several samples, those of a window, their own statistics are what normalises.
    """
    kind, own = constants.normalise, samples.shape[0] > 1
    groups = 1 if kind == layout.LAYER else constants.channels
    pixels = samples.shape[1] // groups
    follows = learning and not own and kind in (layout.RUNNING, layout.WINDOW) and constants.momentum == ZERO
    for lap in range(laps_for(groups, seat)):
        c = item_of(lap, seat)
        busy = has_work(c, groups, seat)
        mean, variance = ZERO, ONE
        if own or follows or kind in (layout.SAMPLE, layout.LAYER):
            mean, variance = _statistics(samples, c * pixels if busy else 0, (c + 1) * pixels if busy else 0, seat)
        if not busy or seat.member > 0:
            continue
        if kind == layout.PLAIN:
            memory.gains[c], memory.shifts[c] = ONE, ZERO
            continue
        if follows:
            weight = max(ONE / np.float32(measured), constants.forgetting)
            mean, variance = images.followed(state.means[c], state.variances[c], mean, variance, weight)
            memory.means[c], memory.variances[c] = mean, variance
        elif own and constants.momentum > ZERO:
            count = np.float32(pixels * samples.shape[0])
            state.means[c], state.variances[c] = images.moved(
                state.means[c], state.variances[c], mean, variance, constants.momentum, count
            )
        elif not own and kind in (layout.RUNNING, layout.WINDOW):
            mean, variance = state.means[c], state.variances[c]
        memory.gains[c], memory.shifts[c] = images.gain_and_shift(mean, variance)


@register_jitable
def _normal(sample, i, constants, memory):
    """Return an input, normalised."""
    c = 0 if constants.normalise == layout.LAYER else i // (constants.height * constants.width)
    return sample[i] * memory.gains[c] - memory.shifts[c]


@register_jitable
def cut_patches(samples, raw, constants, memory):
    """Write images' patches, one a row, the images padded by their reflection; what is not raw is normal already."""
    channels, height, width, padding = constants.channels, constants.height, constants.width, constants.padding
    positions, run = constants.rows * constants.columns, constants.kernel * constants.channels
    fan_in = run * constants.kernel
    for e in range(cuda.grid(1), samples.shape[0] * positions * fan_in, cuda.gridsize(1)):
        patch, i = e // fan_in, e % fan_in
        n, p = patch // positions, patch % positions
        row = p // constants.columns * constants.stride + i // run - padding
        column = p % constants.columns * constants.stride + i % run // channels - padding
        pixel = images.mirrored(row, height) * width + images.mirrored(column, width)
        source = i % channels * height * width + pixel
        x = samples[n]
        memory.patches[patch, i] = _normal(x, source, constants, memory) if raw else x[source]


@register_jitable
def take_over_statistics(measured, state, memory):
    """Take over running statistics of an image that was admitted."""
    for c in range(cuda.grid(1), state.means.size, cuda.gridsize(1)):
        state.means[c], state.variances[c] = memory.means[c], memory.variances[c]
    if cuda.grid(1) == 0:
        state.counters[layout.MEASURED] = measured


@register_jitable
def keep_values(sample, pending, constants, state, memory):
    """Put an image where a window waits for its end."""
    for i in range(cuda.grid(1), sample.size, cuda.gridsize(1)):
        raw = constants.normalise == layout.WINDOW
        state.pending_inputs[pending, i] = sample[i] if raw else _normal(sample, i, constants, memory)
