"""Whether a peer does what it is said to do: checked before it is timed."""

from typing import NamedTuple

import numpy as np

import neurosim as ns

TOLERANCE = 1e-3  # of what was learned, not of the weights; single precision leaves 1e-5
NEAR = 1e-3  # of the cutoff: nearer to it rounding may decide whether a neuron learns


class Reference(NamedTuple):
    """What a peer is to come to: first weights, learned weights, responses, and the neurons that can be compared."""

    first: np.ndarray
    learned: np.ndarray
    responses: np.ndarray  # of the first weights
    compared: np.ndarray  # bool (neurons,): never near the cutoff

    def off_by(self, learned: np.ndarray) -> float:
        """Return |learned - ours| / |ours - first|: 0 for the same rule, 1 for one that learned nothing."""
        ours, theirs, first = (weights[self.compared] for weights in (self.learned, learned, self.first))
        return float(np.linalg.norm(theirs - ours) / np.linalg.norm(ours - first))


def reference(chip: ns.Chip, samples: np.ndarray) -> Reference:
    """Let a chip learn, and return what came of it."""
    layer = chip.layers[0]
    first, responses = layer.weights, chip.respond(samples).responses
    cutoff = layer.constants.cutoff
    on_the_way = np.array([chip.learn_one(x).responses for x in samples])
    return Reference(first, layer.weights, responses, (np.abs(on_the_way - cutoff) > NEAR * cutoff).all(axis=0))


def difference(made, samples: np.ndarray, ours: Reference) -> float:
    """Let a peer respond, then learn; return how far it is from what it is to come to."""
    answers = max(
        float(np.abs(np.asarray(made.respond(x)) - y).max()) for x, y in zip(samples, ours.responses, strict=True)
    )
    if not np.array_equal(made.weights(), ours.first):
        return np.inf  # it learned while responding
    for x in samples:
        made.step(x)
    return max(answers, ours.off_by(made.weights()))


def learns_at_all(made, samples: np.ndarray) -> bool:
    """Say whether a peer with a rule of its own changes its weights, and keeps them finite."""
    before = made.weights()
    for x in samples:
        made.step(x)
    after = made.weights()
    return bool(np.isfinite(after).all() and not np.array_equal(before, after))
