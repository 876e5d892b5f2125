"""Two rules of your own in the compiled loop: SoftHebb, with the same bits as the built-in one, and a new rule."""

from tempfile import TemporaryDirectory

import neurosim as ns


@ns.rule
def my_softhebb(potential, response, rate):
    """Return decay and growth."""
    growth = rate * response
    return 1 - growth * potential, growth


@ns.rule
def confident(potential, response, rate, power=2.0):
    """SoftHebb with the response raised to a power, so that neurons with a small share learn even less."""
    growth = rate * response**power
    return 1 - growth * potential, growth


def learned(rule):
    """Return a chip that has learned digits by a rule."""
    layer = ns.recipes.softhebb(100)
    layer = ns.DenseWTA(100, competition=layer.competition, rule=rule, normalise="sample", radius=5.0, cap=0.25)
    chip = ns.Chip([layer], inputs=64, seed=0)
    return chip.learn(ns.open_stream("digits:train"))


mine = learned(my_softhebb(rate=ns.NormAdaptiveRate(1.5)))
built_in = learned(ns.SoftHebb(rate=ns.NormAdaptiveRate(1.5)))
print("the same rule, the same bits:", mine.state_sha256 == built_in.state_sha256)

new = learned(confident(rate=ns.NormAdaptiveRate(1.5)))
for name, chip in (("SoftHebb", built_in), ("confident", new)):
    layer = chip.layers[0]
    accuracy = ns.judge(chip, ns.open_stream("digits:train"), ns.open_stream("digits:test")).winner_accuracy
    live = (layer.neurons()["state"] == "live").mean()
    entropy = layer.records["usage_entropy"][-1]
    print(f"{name:>9}: {accuracy:.1%} by the winner's label, {live:.0%} live, usage entropy {entropy:.2f}")

with TemporaryDirectory() as folder:
    new.save(f"{folder}/chip.h5")  # the file names the rule, but does not hold its code
    loaded = ns.Chip.load(f"{folder}/chip.h5", rules=[confident])
print("loaded:", loaded.layers[0].constants.rule)
