"""Judges of images that no chip and no network has made: classifiers of another kind, fitted to raw inputs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness
from neurosim.chip.chip import Chip
from neurosim.readouts.linear import LinearReadout
from neurosim.recipes import softhebb
from neurosim.studies.bayes.images import Images, Labels

NEIGHBOURS = 5
FEATURES = 1000  # random ones of the second judge
SEED = 121  # purpose of random numbers: the seed of the second judge's weights
JUDGES = {"neighbours": f"{NEIGHBOURS}-NN", "features": "random features"}


class Judges:
    """Two classifiers of the raw inputs, which know nothing of the classifier that is judged.

    `neighbours`: the label of most of the 5 nearest training samples, by Euclidean distance. It shares its metric with
    prototypes, so there is a second one of another kind, `features`: a ridge on the positive part of 1,000 random
    projections, which knows no distances and no prototypes.

    Parameters
    ----------
    images : Images
    count : int
        Both are fitted to so many training samples, the first ones.
    seed : int
        Of the random projections.
    """

    def __init__(self, images: Images, count: int, seed: int) -> None:
        from sklearn.neighbors import KNeighborsClassifier

        samples, labels = images.naming(count)
        self._neighbours: Any = KNeighborsClassifier(min(NEIGHBOURS, len(samples)), algorithm="brute")
        self._neighbours.fit(samples, labels)
        own = int(randomness.words(seed, SEED, 0, 1)[0] >> np.uint64(1))
        self._projections = Chip([softhebb(FEATURES, rate=0.0, initial="normal")], inputs=samples.shape[1], seed=own)
        self._ridge = LinearReadout(features="relu")
        self._ridge.add(self._projections.respond(samples), labels)
        self._ridge.finish()

    def __call__(self, samples: NDArray[Any]) -> dict[str, Labels]:
        """Return what each judge says of samples (samples, inputs): int64 (samples,), by its name in `JUDGES`."""
        inputs = np.ascontiguousarray(samples, np.float32)
        return {
            "neighbours": np.asarray(self._neighbours.predict(inputs), np.int64),
            "features": self._ridge.predict(self._projections.respond(inputs)),
        }


def share(mask: NDArray[np.bool_]) -> float | None:
    """Return the share of true entries, from 0 to 1; None of nothing."""
    return float(mask.mean()) if mask.size else None
