"""The rate of learning by time."""

import numpy as np

from neurosim.kernels.compiled import cell
from neurosim.kernels.shared.codes import EXPONENTIAL, LINEAR
from neurosim.kernels.shared.numbers import ONE


@cell
def rate_by_time(constants, index):
    """Return the rate at sample `index` of the stream, the same for all neurons."""
    rate = constants.rate
    if constants.schedule == LINEAR or constants.schedule == EXPONENTIAL:
        elapsed = min(np.float32(index) / constants.rate_samples, ONE)
        if constants.schedule == LINEAR:
            rate = rate + (constants.last_rate - rate) * elapsed
        else:
            rate = rate * (constants.last_rate / rate) ** elapsed
    return rate
