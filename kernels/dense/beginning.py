"""First weights from the stream: neuron k begins in the direction of the k-th sample that is learned from."""

import numpy as np

from neurosim.kernels.compiled import cell
from neurosim.kernels.dense.few_bits import FAINTEST, round_to_whole, sample_word, store_synapse
from neurosim.kernels.dense.layout import BLANKS, SAMPLES
from neurosim.kernels.dense.norms import length_of, measure_norm
from neurosim.kernels.shared.numbers import ONE, TWO, ZERO
from neurosim.kernels.shared.random_words import GOLDEN, random_word

FAINT, LOUD = np.float32(1e-30), np.float32(1e30)  # between these a sum of powers is exact enough
BEHIND = np.float32(-1e30)  # added to the drive of a neuron that has not begun: it comes after all that have


@cell
def samples_taught(state):
    """Return how many samples were learned from; while neurons begin, that many have."""
    return state.counters[SAMPLES] - state.counters[BLANKS]


@cell
def put_behind(drive, constants, state):
    """Let the neurons that have not begun come after all others."""
    for k in range(min(constants.beginners, samples_taught(state)), constants.beginners):
        drive[k] += BEHIND


@cell
def _sum_of_powers(size, values, unit, lebesgue):
    """Return the sum of |x_i|^p of a sample, in a unit."""
    total = values[0] * ZERO
    for j in range(size):
        v = abs(values[j] / unit)
        total += v * v if lebesgue == TWO else v**lebesgue
    return total


@cell
def begin_neuron(k, number, samples, size, active, values, constants, state, live):
    """Begin neuron k in the direction of a sample; return flipped bits.

    Of few bits, what is rounded by chance follows from `number`, the neuron's own, and from the number of samples.
    """
    peak, flips = values[0] * ZERO, 0
    for j in range(size):
        peak = max(peak, abs(values[j]))
    unit = peak * ZERO + ONE
    total = _sum_of_powers(size, values, unit, constants.lebesgue)
    if not (FAINT < total < LOUD):
        unit = peak
        total = _sum_of_powers(size, values, unit, constants.lebesgue)
    gain = constants.first_norm / length_of(total, constants.lebesgue)
    if constants.highest > ZERO:
        state.scales[k] = max(peak / unit * gain / constants.highest, FAINTEST)
    else:
        state.scales[k] = ONE
    key = random_word(sample_word(constants.salt, samples) + np.uint64(number) * GOLDEN)
    for j in range(size):
        w = values[j] / unit * gain / state.scales[k]
        if constants.highest > ZERO:
            whole = round_to_whole(w, key, active[j], constants.nearest)
            w = min(max(whole, -constants.highest), constants.highest)
            flips += store_synapse(active[j], k, w, constants, state, live)
        else:
            state.synapses[active[j], k] = w
            if live.size > 0:
                live[active[j]] += w != ZERO
    if constants.highest > ZERO:
        state.norms[k] = state.squares[k]
        state.norms[k] *= state.scales[k] * state.scales[k]
    else:
        measure_norm(state, k, constants.lebesgue)
    state.wins[k] += 1
    return flips
