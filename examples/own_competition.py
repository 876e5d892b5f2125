"""A competition of your own in the compiled loop, responses from outside, and a modulator for each neuron."""

from tempfile import TemporaryDirectory

import numpy as np

import neurosim as ns


@ns.competition
def above_mean(drive, responses, *, sharpness=2.0):
    """Respond with what exceeds the mean drive, to a power, as a share: far neurons are silent, unlike in a softmax."""
    mean, total = drive.mean(), 0.0
    for k in range(drive.size):
        responses[k] = max(drive[k] - mean, 0.0) ** sharpness
        total += responses[k]
    for k in range(drive.size):
        responses[k] /= max(total, 1e-9)


def chip_of(competition):
    """Return a chip of one layer that has not learned."""
    rule = ns.SoftHebb(rate=1.5)
    layer = ns.DenseWTA(100, competition=competition, rule=rule, normalise="sample", radius=5.0, cap=0.25)
    return ns.Chip([layer], inputs=64, seed=0)


train, test = ns.open_stream("digits:train"), ns.open_stream("digits:test")
own = chip_of(above_mean(sharpness=8.0)).learn(train)
soft = chip_of(ns.SoftWTA(temperature=1 / 12)).learn(train)
few = chip_of(ns.KWTA(5, temperature=1 / 12)).learn(train)

told = chip_of(ns.HardWTA())  # a competition in Python: the first responds, and the two next to it by a half
for x, _ in train:
    winner = told.respond_one(x).winner
    told.learn_one(x, responses=np.maximum(1 - abs(np.arange(100) - winner) / 2, 0))

gated = chip_of(ns.SoftWTA(temperature=1 / 12))  # neurons that are used learn ever less, by a rule in Python
for x, _ in train:
    gated.learn_one(x, modulator=[1 / (1 + gated.layers[0].wins / 10)])

for name, chip in (("own", own), ("SoftWTA", soft), ("KWTA, soft", few), ("told", told), ("gated", gated)):
    accuracy = ns.judge(chip, train, test).winner_accuracy
    print(f"{name:>10}: {accuracy:.1%} by the winner's label")

with TemporaryDirectory() as folder:
    own.save(f"{folder}/chip.h5")  # the file names the competition, but does not hold its code
    print("loaded:", ns.Chip.load(f"{folder}/chip.h5", rules=[above_mean]).layers[0].constants.competition)
