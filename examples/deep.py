"""Two convolutional layers learn real digits on-line; a third layer, taught by labels, learns to name them meanwhile.

python examples/deep.py
"""

import neurosim as ns


def conv(neurons: int, rate: float, pool: ns.MaxPool | None = None) -> ns.ConvWTA:
    """Return a layer whose losers unlearn: without this, learned weights are no better than first ones on images."""
    return ns.ConvWTA(
        neurons,
        kernel=3,
        padding=1,
        competition=ns.SoftWTA(temperature=1.0, signed=True),
        rule=ns.SoftHebb(rate=ns.NormAdaptiveRate(rate)),
        pool=pool,
    )


def accuracy(*rates: float) -> float:
    """Train all layers of a chip together for five epochs, and return the accuracy of its last layer's winner."""
    pool = ns.MaxPool(size=2, stride=2)
    layers = [conv(32, rates[0]), conv(64, rates[1], pool), ns.recipes.delta_readout(10)]
    chip = ns.Chip(layers, inputs=(1, 8, 8), seed=0).learn(ns.open_stream("digits:train", epochs=5, shuffle=0))
    test = ns.open_stream("digits:test")
    return sum(chip.respond_one(image).winner == label for image, label in test) / test.length


print(f"{accuracy(0.3, 0.1):.1%} of 360 digits by people whose writing the chip never saw")
print(f"{accuracy(0, 0):.1%} with first weights instead of learned ones, normalised alike")
