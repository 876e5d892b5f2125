"""Whether a peer does what it is said to do: checked before it is timed."""

import numpy as np

# Of what was learned, not of the weights: a rule that learned nothing would be off by 1. Single precision leaves 1e-5,
# and a response so near the cutoff that rounding decides about it some 1e-3.
TOLERANCE = 3e-3


def off_by(learned: np.ndarray, reference: np.ndarray, first: np.ndarray) -> float:
    """Return |learned - reference| / |reference - first|: 0 for the same rule, 1 for one that learned nothing."""
    return float(np.linalg.norm(learned - reference) / np.linalg.norm(reference - first))


def learns_the_same(made, samples: np.ndarray, reference: np.ndarray, first: np.ndarray) -> float:
    """Let a peer learn; return how far from the reference it comes."""
    for x in samples:
        made.step(x)
    return off_by(made.weights(), reference, first)


def responds_the_same(made, samples: np.ndarray, responses: np.ndarray) -> float:
    """Return the largest difference of a response, which is a share from 0 to 1, and check that nothing was learned."""
    before = made.weights()
    error = max(
        float(np.abs(np.asarray(made.respond(x)) - y).max()) for x, y in zip(samples, responses, strict=True)
    )
    return error if np.array_equal(before, made.weights()) else np.inf


def learns_at_all(made, samples: np.ndarray) -> bool:
    """Say whether a peer with a rule of its own changes its weights, and keeps them finite."""
    before = made.weights()
    for x in samples:
        made.step(x)
    after = made.weights()
    return bool(np.isfinite(after).all() and not np.array_equal(before, after))
