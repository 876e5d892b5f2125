"""Potentials: sums of active inputs times synapses, in a fixed order."""

import numpy as np

from neurosim.kernels.compiled import cell, inlined, not_inlined
from neurosim.kernels.shared.numbers import LINE, TWO, ZERO
from neurosim.kernels.shared.vectors import line_at, put_line, vector_of

FEW = 2 * LINE  # neurons up to which sums are taken line by line: a row is not worth a loop


@not_inlined
def sum_rows(values, active, size, v, start, end, sums):
    """Write the sums of x v over the active inputs for some neurons; many rows at a time, in order."""
    first, last = np.uintp(start), np.uintp(end)  # an index that may be below zero keeps a loop from being vectorised
    sixteens, whole = size - size % 16, size - size % 4
    for k in range(first, last):
        sums[k] = ZERO
    for j in range(0, sixteens, 16):
        v0, v1, v2, v3 = v[active[j]], v[active[j + 1]], v[active[j + 2]], v[active[j + 3]]
        v4, v5, v6, v7 = v[active[j + 4]], v[active[j + 5]], v[active[j + 6]], v[active[j + 7]]
        v8, v9, v10, v11 = v[active[j + 8]], v[active[j + 9]], v[active[j + 10]], v[active[j + 11]]
        v12, v13, v14, v15 = v[active[j + 12]], v[active[j + 13]], v[active[j + 14]], v[active[j + 15]]
        x0, x1, x2, x3 = values[j], values[j + 1], values[j + 2], values[j + 3]
        x4, x5, x6, x7 = values[j + 4], values[j + 5], values[j + 6], values[j + 7]
        x8, x9, x10, x11 = values[j + 8], values[j + 9], values[j + 10], values[j + 11]
        x12, x13, x14, x15 = values[j + 12], values[j + 13], values[j + 14], values[j + 15]
        for k in range(first, last):
            u = (((sums[k] + x0 * v0[k]) + x1 * v1[k]) + x2 * v2[k]) + x3 * v3[k]
            u = (((u + x4 * v4[k]) + x5 * v5[k]) + x6 * v6[k]) + x7 * v7[k]
            u = (((u + x8 * v8[k]) + x9 * v9[k]) + x10 * v10[k]) + x11 * v11[k]
            sums[k] = (((u + x12 * v12[k]) + x13 * v13[k]) + x14 * v14[k]) + x15 * v15[k]
    for j in range(sixteens, whole, 4):
        v0, v1, v2, v3 = v[active[j]], v[active[j + 1]], v[active[j + 2]], v[active[j + 3]]
        x0, x1, x2, x3 = values[j], values[j + 1], values[j + 2], values[j + 3]
        for k in range(first, last):
            sums[k] = (((sums[k] + x0 * v0[k]) + x1 * v1[k]) + x2 * v2[k]) + x3 * v3[k]
    for j in range(whole, size):
        v0, x0 = v[active[j]], values[j]
        for k in range(first, last):
            sums[k] += x0 * v0[k]


@cell
def scale_sums(sums, s):
    """Multiply each sum by its neuron's scale."""
    for k in range(s.size):
        sums[k] *= s[k]


@cell
def _integrate_line(values, active, size, v, s, k, potentials):
    """Write the potentials of LINE neurons from k on; their sums stay in a register."""
    sums = vector_of(ZERO, potentials)
    for j in range(size):
        sums += values[j] * line_at(v[np.uintp(active[j])], k)
    put_line(potentials, k, sums * line_at(s, k))


@inlined
def integrate(values, active, size, v, s, potentials):
    """Write u = s * sum of x v over the active inputs."""
    start = 0
    if s.size <= FEW:
        while start + LINE <= s.size:
            _integrate_line(values, active, size, v, s, start, potentials)
            start += LINE
    if start < s.size:
        sum_rows(values, active, size, v, start, s.size, potentials)
        for k in range(start, s.size):
            potentials[k] *= s[k]


@cell
def signed_power(v, power):
    """Return sign(v) |v|**power."""
    if power == TWO:
        return v * abs(v)
    if v == ZERO:
        return v
    return v**power if v > ZERO else -((-v) ** power)


@cell
def integrate_powers(values, active, size, power, synapses, scales, potentials):
    """Write u = sum of x sign(w) |w|**power: a power for every synapse, many times slower but for the square."""
    potentials[:] = ZERO
    for j in range(size):
        v, x = synapses[active[j]], values[j]
        for k in range(potentials.size):
            potentials[k] += x * signed_power(v[k], power)
    for k in range(potentials.size):
        potentials[k] *= scales[k] ** power
