"""SuperNeuroMAT: bright pixels spike, then the outputs that know enough of them; plasticity by the times of spikes.

Two time steps a sample. Inhibition would reach an output a step too late to matter, so there is none: who competes by
its threshold alone is the nearest to a winner-take-all step that there is, and the matrices would be as large with it.
Set up once by hand (`manual_setup`): otherwise every call of `simulate` builds all matrices anew.
"""

import numpy as np

NAME = "SuperNeuroMAT STDP"
REQUIRES = ("superneuromat",)
SAME_RULE = False
AT_MOST = 50
LARGEST = 100  # neurons: every synapse is made by a call, and the matrix holds all neurons by all neurons
BRIGHT, SHARE, STEPS = 0.5, 0.6, 2  # a pixel's share of the brightest, an output's of its weights


class Network:
    def __init__(self, weights, constants):
        from superneuromat import SNN

        self.outputs, self.inputs = weights.shape
        snn = self.snn = SNN()
        pixels = [snn.create_neuron(threshold=0.0) for _ in range(self.inputs)]
        outputs = [snn.create_neuron(threshold=SHARE * total) for total in weights.sum(axis=1).tolist()]
        for k, post in enumerate(outputs):
            for pre, weight in zip(pixels, weights[k].tolist(), strict=True):
                snn.create_synapse(pre, post, weight=weight, stdp_enabled=True)
        snn.stdp_setup(Apos=[1e-3], Aneg=[-1e-5], positive_update=True, negative_update=True)
        snn.manual_setup = True
        snn.setup(dtype=np.float32, sparse=False)

    def run(self, x):
        """Run the time steps of a sample; return which outputs spiked."""
        snn = self.snn
        bright = x > BRIGHT * x.max()
        snn._input_spikes = np.zeros((STEPS + 1, snn.num_neurons), np.float32)  # `add_spike` takes a call a pixel
        snn._input_spikes[0, : self.inputs] = bright
        snn._spikes = np.zeros(snn.num_neurons, snn.dbin)
        snn.spike_train.clear()
        snn.simulate(STEPS, use="jit")
        return np.asarray(snn.spike_train[-1][self.inputs :], np.float32)

    def step(self, x):
        return self.run(x)

    def respond(self, x):
        positive, negative = self.snn._do_positive_update, self.snn._do_negative_update
        self.snn._do_stdp = False
        try:
            return self.run(x)
        finally:
            self.snn._do_stdp = positive or negative

    def weights(self):
        return np.array(self.snn._weights[: self.inputs, self.inputs :].T, np.float32)


make = Network
