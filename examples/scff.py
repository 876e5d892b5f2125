"""Self-contrastive forward-forward learning, on-line: each sample beside itself, and beside the one before it.

A layer is to respond much to a pair of equal samples and little to a pair of different ones. It sees x1 + x2 of a pair;
its goodness g is the mean of its squared responses; and each neuron learns by

    dw = m relu(w (x1 + x2)) (x1 + x2),    m = sigmoid(low - g) for equal samples, -sigmoid(g - high) for different ones

so m modulates Hebb's rule, is the same for all neurons, and takes the memory of one sample.
Chen et al., "Self-contrastive forward-forward algorithm", Nature Communications (2025), arXiv:2409.11593.
"""

import warnings

import numpy as np

import neurosim as ns

NEURONS, RATE, LOW, HIGH, PASSES = 100, 0.0003, 0.0, 1.0, 2


def digits(part):
    """Return images, each with mean 0 and deviation 1, and labels."""
    block = next(ns.open_stream(f"digits:{part}").blocks(size=2000))
    x = block.samples
    return (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True), block.labels


def learn_pair(chip, pair, equal):
    """Learn from the sum of two samples; return the layer's goodness."""
    goodness = np.square(chip.respond_one(pair).output).mean()
    modulator = 1 / (1 + np.exp(goodness - LOW)) if equal else -1 / (1 + np.exp(HIGH - goodness))
    chip.learn_one(pair, modulator=float(modulator))
    return goodness


def accuracy(chip):
    """Return the accuracy of a linear readout of what the layer sends, by least squares."""
    sent, test = chip.respond(2 * x).output, chip.respond(2 * others).output
    mean, deviation = sent.mean(axis=0), sent.std(axis=0) + 1e-6
    sent, test = (np.c_[(values - mean) / deviation, np.ones(len(values))] for values in (sent, test))
    weights = np.linalg.solve(sent.T @ sent + 10 * np.eye(NEURONS + 1), sent.T @ np.eye(10)[labels])
    return ((test @ weights).argmax(axis=1) == known).mean()


(x, labels), (others, known) = digits("train"), digits("test")
warnings.simplefilter("ignore", ns.StabilityWarning)  # Hebb has no decay; here pairs of different samples unlearn
layer = ns.DenseWTA(NEURONS, competition=ns.NoInhibition(), activation=ns.ReLU(), transmit=ns.ReLU(), cutoff=0.0,
                    rule=ns.Hebb(rate=RATE), initial="normal", radius=1.0)  # fmt: skip
chip = ns.Chip([layer], inputs=64, seed=0)
print(f"first weights: {accuracy(chip):.1%}")
for number in range(PASSES):
    found = [(learn_pair(chip, 2 * x[i], True), learn_pair(chip, x[i] + x[i - 1], False)) for i in range(len(x))]
    equal, different = np.mean(found, axis=0)
    print(f"pass {number + 1}: {accuracy(chip):.1%}; goodness {equal:.2f} of equal pairs, {different:.2f} of others")
