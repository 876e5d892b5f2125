"""The convolutional kernel in any type of real numbers, driven without a chip."""

import numpy as np
from kept_loop import KeptLoop
from numba import njit
from on_chip import make_bias

import neurosim as ns
from neurosim.engine.conv.codes import codes
from neurosim.engine.conv.layer import ConvLayer
from neurosim.kernels.conv import blas, layout, powers
from neurosim.kernels.conv import stream as conv


class Kernel:
    """The compiled loop on arrays of a float type, with the constructor of the reference."""

    def __init__(self, W, image, *, dtype=np.float64, **constants):
        self.constants = make_layer(len(W), W.shape[2], **constants)
        self.layer, self.dtype = ConvLayer(self.constants, image, 0, 0), dtype
        self.codes = codes(self.constants, image, dtype)
        self.state = layout.State(*(in_type(array, dtype) for array in self.layer.state))
        self.state.synapses[:] = W.transpose(0, 2, 3, 1).reshape(len(W), -1)
        self.state.norms[:] = 1 if self.constants.renormalise else (W**2).sum(axis=(1, 2, 3))
        scratch, team = self.layer.executor.workspace().team(1)[0]
        self.scratch = layout.Scratch(*(in_type(array, dtype) for array in scratch))
        self.marks = self.layer.executor.workspace().marks
        self.team, self._kept = team._replace(largest=in_type(team.largest, dtype)), KeptLoop(conv.loop)

    def stream(self, X, learning=True, modulators=(), own=0):
        results = layout.Results(*(in_type(array, self.dtype) for array in self.results(len(X), len(X))))
        samples = layout.Samples(
            np.ascontiguousarray(X.reshape(len(X), -1), self.dtype), np.array(modulators, self.dtype)
        )
        product = blas.product(np.dtype(self.dtype))
        self.team.signals[:] = 0
        arguments = (
            samples,
            learning,
            self.codes,
            self.state,
            self.scratch,
            results,
            product,
            conv.Own(rule=own),
            self.team,
            self.marks,
        )
        return self._kept.of(arguments, (self.state, self.scratch))(*arguments), results

    def results(self, samples, rows):
        """Return results of which nothing is known yet."""
        made = self.layer.executor.results(samples, rows, True)
        results = layout.Results(made.potentials, made.responses, made.winners, made.outputs)
        for array in results:
            array.fill(-9 if array.dtype == np.int64 else np.nan)
        return results

    @property
    def W(self):
        neurons, size = len(self.state.scales), self.constants.kernel
        weights = self.state.synapses.astype(np.float64) * self.state.scales[:, None]
        return weights.reshape(neurons, size, size, -1).transpose(0, 3, 1, 2)

    @property
    def steps(self):
        return self.state.steps[0].astype(np.float64) - self.state.steps[1]


def images(seed, count=8, shape=(3, 9, 8)):
    rng = np.random.default_rng(seed)
    rough = rng.normal(0.5, 1, (count, *shape)) + 2 * rng.normal(size=(count, shape[0], 1, 1))
    return rough.astype(np.float32).astype(np.float64)


def weights(seed, neurons=7, channels=3, kernel=3, radius=4.0):
    fan_in = channels * kernel**2
    return np.random.default_rng(seed).normal(0, radius / fan_in**0.5, (neurons, channels, kernel, kernel))


SOFT = {"signed": True, "padding": 1, "rate": 0.2}


def make_layer(neurons, kernel, *, kind="soft", sharpness=1.0, signed=False, rule="softhebb", rate=0.1, power=0.5,
               floor=0.0, adaptive=True, activation=("identity", 1.0), transmit=("triangle", 1.0),
               pooling=(None, 1, 1, 0), winners=1, rank=2, opposition=0.4, bias=None, **constants):  # fmt: skip
    """Return the layer that `reference_conv.ConvLayer` is with these constants."""
    functions = {
        "identity": lambda _: ns.Identity(),
        "relu": lambda _: ns.ReLU(),
        "triangle": lambda p: ns.Triangle(power=p),
    }
    rules = {"softhebb": ns.SoftHebb, "oja": ns.Oja, "instar": ns.Instar, "hebb": ns.Hebb}
    pool = {"max": ns.MaxPool, "mean": ns.MeanPool}.get(pooling[0])
    paced = ns.NormAdaptiveRate(rate, power, floor) if adaptive else ns.ConstantRate(rate)
    competitions = {
        "soft": lambda: ns.SoftWTA(temperature=1 / sharpness, signed=signed), "hard": ns.HardWTA,
        "k": lambda: ns.KWTA(winners, signed=signed), "ranked": lambda: ns.Ranked(rank=rank, opposition=opposition),
    }  # fmt: skip
    return ns.ConvWTA(
        neurons, kernel=kernel, rule=rules[rule](rate=paced), competition=competitions[kind](),
        bias=bias and make_bias(*bias),
        activation=functions[activation[0]](activation[1]), transmit=functions[transmit[0]](transmit[1]),
        pool=pool and pool(size=pooling[1], stride=pooling[2], padding=pooling[3]), **constants,
    )  # fmt: skip


def in_type(array, dtype):
    """Return single precision as another float type, all else as it is."""
    return array.astype(dtype) if array.dtype == np.float32 else array


@njit
def power(values, exponent):
    powers.raise_all(values, exponent)
