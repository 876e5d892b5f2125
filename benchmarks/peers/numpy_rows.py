"""NumPy with half of the event-driven idea: neurons below the cutoff are not written; inputs of zero are still read."""

import numpy as np

from benchmarks.peers import numpy_dense

NAME = "NumPy, writes neurons above the cutoff only"
REQUIRES = ()
SAME_RULE = True


class Rows(numpy_dense.Dense):
    """Weights lie as (neurons, inputs): a neuron's are together."""

    @staticmethod
    def laid_out(weights):
        return np.array(weights, np.float32, order="C")

    def weights(self):
        return self.w.copy()

    def integrate(self):
        np.dot(self.w, self.x, out=self.u)

    def change(self, written, decay, growth):
        self.w[written] = decay[:, None] * self.w[written] + growth[:, None] * self.x


make = Rows
