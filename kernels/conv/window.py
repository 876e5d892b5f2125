"""A window of several images: what waits for its end, and how it is brought back then."""

from numba.extending import register_jitable

from neurosim.kernels.conv.competition import compete
from neurosim.kernels.conv.images import cut_patches, normalise, statistics
from neurosim.kernels.conv.layout import GRAIN, WINDOW
from neurosim.kernels.conv.potentials import respond
from neurosim.kernels.conv.team import agree, meet, share_of
from neurosim.kernels.shared.softmax import copy_into


@register_jitable
def recall(product, constants, state, scratch, team, marks):
    """Bring back a window's patches, potentials and responses; return a neuron whose drive is not finite, or -1."""
    window, positions = state.pending_inputs.shape[0], constants.rows * constants.columns
    by_window = constants.normalise == WINDOW
    first, last = share_of(constants.channels, 1, team)
    meet(team)
    if by_window:
        statistics(state.pending_inputs, scratch.means, scratch.variances, scratch.lanes, first, last)
    for n in range(window):
        rows = slice(n * positions, (n + 1) * positions)
        potentials, patches = state.pending_potentials[n], scratch.patches[rows]
        if by_window:
            normalise(state.pending_inputs[n], scratch.means, scratch.variances, scratch.values, first, last)
            respond(product, scratch.values, constants, state, scratch, patches, potentials, team, marks, -1)
        else:
            cut_patches(state.pending_inputs[n], constants, scratch.image, patches, team)
        meet(team)
        wins = team.wins[team.number]
        failed = compete(potentials, constants, scratch.averages, scratch, scratch.responses[rows], wins, team)
        failed = agree(failed, team)
        if failed >= 0:
            return failed
    return -1


@register_jitable
def keep_values(sample, pending, constants, state, scratch, team):
    """Keep a thread's share of an image until its window ends; the next image must not be prepared yet."""
    first, last = share_of(sample.size, GRAIN, team)
    source = sample if constants.normalise == WINDOW else scratch.values
    copy_into(source[first:last], state.pending_inputs[pending, first:])


@register_jitable
def keep_potentials(potentials, pending, state, team):
    """Keep the potentials of a thread's positions until their window ends."""
    first, last = share_of(potentials.shape[0], 1, team)
    for p in range(first, last):
        copy_into(potentials[p], state.pending_potentials[pending, p])
