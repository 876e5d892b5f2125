"""The stages of a convolutional layer: which a call needs, and where the code of each begins.

Each is compiled apart, when a layer first has it, and the loop calls it by its address: no layer waits for what it does
not have, and no stage is optimised again as a part of another one. Every stage takes an address and a kind, as
`arguments_at` does, and four whole numbers; it returns one.
"""

from functools import cache

from neurosim.kernels.conv import (
    competition,
    growing,
    images,
    learning,
    norms,
    own_competition,
    potentials,
    proposing,
    sending,
    window,
)
from neurosim.kernels.conv.layout import CAPPED, LARGEST, Stages
from neurosim.kernels.shared.by_address import entry_of
from neurosim.kernels.shared.codes import UNBIASED
from neurosim.kernels.shared.rules import SOFT_HEBB


def needed(arguments):
    """Return the stage for each field of `Stages` that arguments need, None for what they do not."""
    constants = arguments.constants
    learns, competes = arguments.learning, arguments.learning or arguments.results.responses.size > 0
    windows, soft = learns and arguments.state.pending_inputs.shape[0] > 1, constants.rule == SOFT_HEBB
    singly = learns and constants.step == CAPPED and constants.cutoff > 0
    biased = learns and constants.bias != UNBIASED
    by_neurons = competition.compete if competition.is_plain(constants) else competition.compete_at_length
    densely = growing.grow_by_largest if constants.step == LARGEST else growing.grow_densely
    by_own = arguments.own.competition != 0
    compete = own_competition.compete if by_own else by_neurons
    return Stages(
        admit=images.admit,
        prepare=images.prepare,
        cut_patches=images.cut_patches,
        integrate=potentials.integrate,
        compete=compete if competes else competition.mean_potentials,
        count_winners=competition.count_winners if competes else None,
        count_for_bias=competition.count_for_bias if biased else None,
        move_bias=competition.move_bias if biased else None,
        send=sending.send if arguments.results.outputs.size > 0 else None,
        keep_values=window.keep_values if windows else None,
        keep_potentials=window.keep_potentials if windows else None,
        recall=window.recall if windows else None,
        learn=learning.learn if learns else None,
        count_events=proposing.count_events if learns else None,
        propose=(proposing.propose if soft else proposing.propose_by_rule) if learns else None,
        propose_singly=proposing.propose_singly if singly else None,
        grow=(growing.grow_in_place if arguments.scratch.gram.size > 0 else densely) if learns else None,
        grow_singly=growing.grow_singly if singly else None,
        renormalise=norms.renormalise if learns and constants.renormalise else None,
    )


@cache
def compiled_for(kind, stages):
    """Return where the code of stages begins, compiled for arguments of a kind."""
    return Stages._make(0 if stage is None else entry_of(stage, kind) for stage in stages)
