"""A chip for every sensor: each learns what is usual for its own machine, and tells when it is not."""

import numpy as np

import neurosim as ns

SENSORS, CHANNELS, ROUNDS = 500, 16, 200
generator = np.random.default_rng(0)
usual = generator.random((SENSORS, CHANNELS), np.float32)  # each machine hums its own way
fleet = ns.Fleet([ns.recipes.softhebb(8, instruments=False)], inputs=CHANNELS, keys=range(SENSORS))

for _ in range(ROUNDS):  # readings of all sensors, as they come
    keys = generator.integers(0, SENSORS, SENSORS)
    noise = generator.normal(0, 0.05, (SENSORS, CHANNELS))
    fleet.learn(keys, np.maximum(usual[keys] + noise, 0))


def strength(keys, samples):
    """Return how well each sample fits the best neuron of its sensor's chip: its cosine."""
    weights = np.stack([fleet.chip(key).layers[0].weights[winner] for key, winner in zip(keys, winners, strict=True)])
    return (weights * samples).sum(axis=1) / np.linalg.norm(weights, axis=1) / np.linalg.norm(samples, axis=1)


keys = np.arange(SENSORS)
for what, samples in (("its own machine", usual), ("another machine", np.roll(usual, 1, axis=0))):
    winners = fleet.respond(keys, samples).winner
    print(f"{what}: mean cosine to the winner {strength(keys, samples).mean():.3f}")
print(f"{len(fleet)} chips, {fleet.samples.sum()} samples, {fleet.bytes_per_chip} bytes a chip")

alone = fleet.chip(7)  # an ordinary chip, to look at, to save, to go on with elsewhere
print(alone, alone.state_sha256 == fleet.state_sha256(7))
