"""Chips whose layers a team of threads carries."""

import numpy as np

import neurosim as ns

SHAPE = (3, 12, 11)


def conv_layer(neurons, **constants):
    soft = ns.SoftWTA(temperature=0.5, signed=True)
    plain = {"kernel": 3, "padding": 1, "competition": soft, "rule": ns.SoftHebb(rate=0.1)}
    return ns.ConvWTA(neurons, **(plain | constants))


NORM_ONE = {"renormalise": True, "rule": ns.Hebb(rate=1.0)}
CHIPS = {
    "dense": [conv_layer(37), conv_layer(70, pool=ns.MeanPool(size=2, stride=2))],
    "events": [conv_layer(37, cutoff=0.05, pool=ns.MaxPool(size=3, stride=2, padding=1)), conv_layer(90, cutoff=0.1)],
    "one neuron": [conv_layer(1), conv_layer(2)],
    "one position": [conv_layer(16, kernel=11, padding=0, stride=5)],
    "windows": [conv_layer(33, window=3, normalise="window", step="largest"), conv_layer(20, window=2)],
    "samples": [conv_layer(20, window=4, normalise="sample"), conv_layer(20, normalise="layer", warm_up=3)],
    "hard": [conv_layer(20, padding=0, competition=ns.HardWTA(), normalise="none")],
    "gram": [conv_layer(300, kernel=9, padding=0), conv_layer(300, padding=0, rule=ns.Oja(rate=0.01))],
    "by rank": [conv_layer(37, competition=ns.KWTA(5), cutoff=0.5), conv_layer(40, competition=ns.Ranked(rank=3))],
    "biases": [
        conv_layer(37, bias=ns.MeanActivity(), window=2), conv_layer(20, bias=ns.Conscience(rate=0.1), window=3),
        conv_layer(33, bias=ns.AdaptiveThreshold(), competition=ns.HardWTA()),
        conv_layer(35, bias=ns.LogPrior(rate=0.1), competition=ns.SoftWTA(temperature=1.0)),
    ],
    "triangle first": [  # whose zeros have a sign in what is sent
        conv_layer(70, stride=3, pre_triangle=True, step="largest", transmit=ns.Identity()),
        conv_layer(20, window=2, pre_triangle=True, step="largest", normalise="window", momentum=0.1),
        conv_layer(35, padding=0, competition=ns.HardWTA()),
    ],
    "norm one": [conv_layer(37, **NORM_ONE), conv_layer(300, kernel=9, padding=0, **NORM_ONE)],
}  # fmt: skip


def images(count=13, seed=0):
    return np.random.default_rng(seed).normal(size=(count, *SHAPE)).astype(np.float32)


def chip(name):
    return ns.Chip(CHIPS[name], inputs=SHAPE)
