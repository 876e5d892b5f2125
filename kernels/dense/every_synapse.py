"""Rules without an event-driven form: eligibility traces, and rules that mix neurons. They cost inputs x neurons."""

import numpy as np

from neurosim.kernels.compiled import cell
from neurosim.kernels.dense.layout import WRITES
from neurosim.kernels.dense.norms import length_of, measure_norm, rescale
from neurosim.kernels.dense.rates import rate_of_neuron
from neurosim.kernels.shared.codes import SANGER, SUBSPACE
from neurosim.kernels.shared.instruments import note_step
from neurosim.kernels.shared.numbers import FOLD_BELOW, ONE, ZERO

FLAT = np.float32(1e-30)  # largest change of an update that is no change at all


@cell
def learn_by_eligibility(count, constants, state, scratch):
    """Keep the step in the synapses' eligibility, and let the modulator turn eligibility into weight.

    e <- lambda e + (a - 1) w + c x; w <- w + m e. A modulator of zero costs inputs x neurons written, any other one
    inputs x neurons. A sample that teaches nothing has no step (`count` is 0): time passes all the same.
    """
    v, s, e, t = state.synapses, state.scales, state.eligibility, state.eligibility_scales
    for k in range(t.size):
        t[k] *= constants.eligibility
        if t[k] < FOLD_BELOW:
            for i in range(e.shape[0]):
                e[i, k] *= t[k]
            t[k] = ONE
    for m in range(count):
        k = scratch.written[m]
        for i in range(e.shape[0]):
            e[i, k] += scratch.changes[k] * s[k] * v[i, k] / t[k]
        for j in range(state.pending_sizes[0]):
            e[state.pending_active[0, j], k] += scratch.growth[0, k] * state.pending_inputs[0, j] / t[k]
    modulator = state.pending_modulators[0]
    if modulator == ZERO:
        return
    scratch.sizes[:] = ZERO
    for i in range(e.shape[0]):
        for k in range(t.size):
            step = modulator * t[k] * e[i, k]
            v[i, k] += step / s[k]
            scratch.sizes[k] += step * step
    for k in range(t.size):
        measure_norm(state, k, constants.lebesgue)
        rescale(k, scratch.sizes[k], constants, state)
        if constants.instruments:
            note_step(k, scratch.sizes[k], state.steps)


@cell
def move_by_largest(count, rate, constants, state, scratch):
    """Move neurons by their whole steps, divided by the largest change of all synapses, times each neuron's rate.

    d = (a - 1) w + sum of c x; w <- w + rate d / max |d|. Costs inputs x neurons that are written.
    """
    v, s, d, written = state.synapses, state.scales, scratch.step, scratch.written
    largest, size = rate * ZERO, scratch.sizes
    for i in range(d.shape[0]):
        for m in range(count):
            k = written[m]
            d[i, k] = scratch.changes[k] * (s[k] * v[i, k])
    for p in range(state.pending_sizes.size):
        for j in range(state.pending_sizes[p]):
            i, x = state.pending_active[p, j], state.pending_inputs[p, j]
            for m in range(count):
                d[i, written[m]] += scratch.growth[p, written[m]] * x
    for i in range(d.shape[0]):
        for m in range(count):
            largest = max(largest, abs(d[i, written[m]]))
    for m in range(count if largest > FLAT else 0):
        k = written[m]
        norm = length_of(state.norms[k], constants.lebesgue)
        own_rate = rate_of_neuron(
            rate, norm, state.wins[k], constants.schedule, constants.rate_power, constants.rate_floor
        )  # fmt: skip
        factor, size[k] = own_rate / largest, ZERO
        for i in range(d.shape[0]):
            step = factor * d[i, k]
            v[i, k] = s[k] * v[i, k] + step
            size[k] += step * step
        s[k] = ONE
        measure_norm(state, k, constants.lebesgue)
        rescale(k, size[k], constants, state)
        if constants.instruments:
            note_step(k, size[k], state.steps)


@cell
def learn_by_mixing(rate, responses, constants, state, scratch):
    """Learn by a rule in which a neuron sees what others explain: Sanger's (those before it) or Oja's (all).

    Costs inputs x neurons a sample, and the neurons of Sanger's rule wait for one another.
    """
    x, y, factors = scratch.values, responses[0], scratch.changes
    for k in range(y.size):
        writing = abs(y[k]) >= constants.cutoff
        factors[k] = state.pending_modulators[0] * rate * y[k] if writing else ZERO
        state.counters[WRITES] += writing
    x[:] = ZERO
    for j in range(state.pending_sizes[0]):
        x[state.pending_active[0, j]] = state.pending_inputs[0, j]
    state.norms[:] = ZERO
    scratch.sizes[:] = ZERO
    for i in range(x.size):
        w, rest = state.synapses[i], x[i]
        if constants.rule == SUBSPACE:
            for k in range(y.size):
                rest -= y[k] * w[k]
        for k in range(y.size):
            if constants.rule == SANGER:
                rest -= y[k] * w[k]
            step = factors[k] * rest
            w[k] += step
            scratch.sizes[k] += step * step
            state.norms[k] += w[k] * w[k]
    if constants.instruments:
        for k in range(y.size):
            note_step(k, scratch.sizes[k], state.steps)
