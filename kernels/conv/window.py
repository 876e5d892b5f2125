"""A window of several images: what waits for its end, and how it is brought back then."""

import numpy as np

from neurosim.kernels.compiled import cell, compiled
from neurosim.kernels.conv.images import moved, normalise, statistics
from neurosim.kernels.conv.layout import GRAIN, WINDOW
from neurosim.kernels.conv.team import agree, meet, share_of
from neurosim.kernels.shared.arguments import kept_at
from neurosim.kernels.shared.by_address import call
from neurosim.kernels.shared.numbers import ZERO
from neurosim.kernels.shared.slices import between
from neurosim.kernels.shared.softmax import copy_into


@cell
def _move_statistics(inputs, momentum, seen_means, seen_variances, means, variances, first, last):
    """Move running statistics of channels from first to last by those of a window."""
    count = momentum * ZERO + np.float32(inputs.size // means.size)
    for c in range(first, last):
        means[c], variances[c] = moved(means[c], variances[c], seen_means[c], seen_variances[c], momentum, count)


@compiled(_nrt=False, no_cpython_wrapper=True)
def recall(address, kind, row, n, _also, _too):
    """Bring back a window's patches, potentials and responses; return a neuron whose drive is not finite, or -1.

    `n` is the window's last sample. If its images wait for its end, they are sent on, where all of them have a row.
    """
    given = kept_at(address, kind)
    constants, state, scratch, team, stages = given.constants, given.state, given.scratch, given.team, given.stages
    by_window, inputs = constants.normalise == WINDOW, state.pending_inputs
    first, last = share_of(constants.channels, 1, team)
    first_image = n + 1 - inputs.shape[0]
    earlier = given.results.outputs.shape[0] - given.samples.values.shape[0]
    sends = constants.waits and stages.send != 0 and first_image + earlier >= 0
    meet(team)
    if by_window:
        means, variances = scratch.means, scratch.variances
        statistics(inputs, means, variances, scratch.lanes, first, last)
        if constants.momentum > ZERO:
            momentum = constants.momentum
            _move_statistics(inputs, momentum, means, variances, state.means, state.variances, first, last)
    for image in range(inputs.shape[0]):
        if by_window:
            normalise(inputs[image], scratch.means, scratch.variances, scratch.values, first, last)
            meet(team)
        call(stages.cut_patches, address, kind, image, 0, 0, 0)
        meet(team)
        if by_window:
            call(stages.integrate, address, kind, row, image, 0, 0)
            meet(team)
        failed = agree(call(stages.compete, address, kind, row, image, 0, 0), team)
        if failed >= 0:
            return failed
        if sends:
            call(stages.send, address, kind, first_image + image, row, image, 0)
    return -1


@compiled(_nrt=False, no_cpython_wrapper=True)
def keep_values(address, kind, n, pending, _unused, _also):
    """Keep a thread's share of an image until its window ends; the next image must not be prepared yet."""
    given = kept_at(address, kind)
    source = given.samples.values[n] if given.constants.normalise == WINDOW else given.scratch.values
    first, last = share_of(source.size, GRAIN, given.team)
    kept = given.state.pending_inputs[pending]
    copy_into(between(source, first, last), between(kept, first, last))
    return 0


@compiled(_nrt=False, no_cpython_wrapper=True)
def keep_potentials(address, kind, row, pending, _unused, _also):
    """Keep the potentials of a thread's positions until their window ends."""
    given = kept_at(address, kind)
    potentials, kept = given.results.potentials[row], given.state.pending_potentials[pending]
    first, last = share_of(potentials.shape[0], 1, given.team)
    for p in range(first, last):
        copy_into(potentials[p], kept[p])
    return 0
