"""What the layer sends: activated, pooled, channels first."""

import numpy as np

from neurosim.kernels.compiled import cell, compiled
from neurosim.kernels.conv.layout import GRAIN, MEAN_POOL
from neurosim.kernels.conv.powers import raise_all
from neurosim.kernels.conv.team import meet, share_of
from neurosim.kernels.shared.arguments import kept_at
from neurosim.kernels.shared.codes import IDENTITY, RELU, TRIANGLE
from neurosim.kernels.shared.numbers import ZERO
from neurosim.kernels.shared.slices import between

MANY_SQUARES = 32  # pooled squares: threads share them out; if there are fewer, they share out the neurons


@compiled(_nrt=False, no_cpython_wrapper=True)
def send(address, kind, n, row, recalled, _also):
    """Write f(u), pooled, channels first: a thread's squares of all neurons, or, where squares are few, its neurons.

    Of an image that its window recalls, the potentials are those that it has there.
    """
    given = kept_at(address, kind)
    constants, scratch, team = given.constants, given.scratch, given.team
    potentials, averages = given.results.potentials[row], scratch.averages
    if recalled >= 0:
        potentials = given.state.pending_potentials[recalled]
    outputs = given.results.outputs[row_of(n, given.results.outputs, given.samples.values)]
    squares, neurons = constants.pooled_rows * constants.pooled_columns, potentials.shape[1]
    if constants.pool == MEAN_POOL:  # a power goes up with its argument, so the largest may be found first
        begin, end = share_of(potentials.shape[0], 1, team)
        for p in range(begin, end):
            _apply(constants.transmit, potentials[p], averages[p], scratch.sent[p])
            if constants.transmit == TRIANGLE:
                raise_all(scratch.sent[p], constants.exponent)
        meet(team)
    begin, end, first, last = 0, squares, 0, neurons
    if squares >= MANY_SQUARES:
        begin, end = share_of(squares, 1, team)
    else:
        first, last = share_of(neurons, GRAIN, team)
    if first >= last:
        return 0
    pooled = between(scratch.pooled, 0, last - first)
    for square in range(begin, end):
        _pool(potentials, averages, constants, scratch.sent, square, first, last, pooled)
        for k in range(pooled.size):
            outputs[(first + k) * squares + square] = pooled[k]
    return 0


@cell
def row_of(n, outputs, samples):
    """Return the row that sample n is sent to: behind those of earlier samples, if there are more rows than samples."""
    return (n + max(outputs.shape[0] - samples.shape[0], 0)) % outputs.shape[0]


@cell
def _pool(potentials, averages, constants, sent, square, first, last, pooled):
    """Write what neurons from first to last send of one square of positions."""
    top = square // constants.pooled_columns * constants.pool_stride - constants.pool_padding
    left = square % constants.pooled_columns * constants.pool_stride - constants.pool_padding
    function, fresh = constants.transmit, True
    area = np.float32(constants.pool_size * constants.pool_size)
    for i in range(max(top, 0), min(top + constants.pool_size, constants.rows)):
        for j in range(max(left, 0), min(left + constants.pool_size, constants.columns)):
            p = i * constants.columns + j
            if constants.pool == MEAN_POOL:
                averaged = between(sent[p], first, last)
                for k in range(pooled.size):
                    pooled[k] = averaged[k] if fresh else pooled[k] + averaged[k]
            else:
                u = between(potentials[p], first, last)
                threshold = averages[p] if function == TRIANGLE else averages[p] * ZERO
                for k in range(pooled.size):
                    z = u[k] - threshold
                    pooled[k] = z if fresh else max(pooled[k], z)
            fresh = False
    if constants.pool == MEAN_POOL:
        for k in range(pooled.size):
            pooled[k] /= area
        return
    _apply(function if function != TRIANGLE else RELU, pooled, pooled[0] * ZERO, pooled)
    if function == TRIANGLE:
        raise_all(pooled, constants.exponent)


@cell
def _apply(function, potentials, average, outputs):
    """Write f(u), but for the power; which thread has which neurons changes not even the sign of a zero."""
    threshold = average if function == TRIANGLE else abs(average) * ZERO
    for k in range(potentials.size):
        z = potentials[k] - threshold
        outputs[k] = z if function == IDENTITY else max(z, ZERO)
