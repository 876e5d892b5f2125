"""What layers measure of themselves while they learn."""

import math

from neurosim.kernels.compiled import cell


@cell
def note_step(k, square, steps):
    """Add the size of neuron k's step to the instruments' sum (2, neurons), from its square.

    Kahan's sum, as a long stream adds small to large: the second row has what float32 lost of the first.
    """
    size = math.sqrt(square) - steps[1, k]
    total = steps[0, k] + size
    steps[1, k] = (total - steps[0, k]) - size
    steps[0, k] = total
