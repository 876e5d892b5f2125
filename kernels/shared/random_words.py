"""Random words by a counter (SplitMix64): a function of seed and place, whatever the order."""

import numpy as np

from neurosim.kernels.compiled import cell

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # of Steele, Lea and Flood's SplitMix64, with the two factors of its words
FIRST_FACTOR, SECOND_FACTOR = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@cell
def random_word(z):
    """Return the random word of a counter: SplitMix64."""
    z = (z ^ (z >> np.uint64(30))) * FIRST_FACTOR
    z = (z ^ (z >> np.uint64(27))) * SECOND_FACTOR
    return z ^ (z >> np.uint64(31))
