"""The classifiers that parts of the study compare: chips with readouts, prototypes by k-means, twins, raw pixels."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurosim import randomness
from neurosim.bayes import Classifier, DifferentiableClassifier
from neurosim.chip.chip import Chip
from neurosim.chip.last_layer import Float
from neurosim.readouts.linear import LinearReadout
from neurosim.recipes import delta_readout
from neurosim.streams import ArrayStream
from neurosim.studies.bayes import twin
from neurosim.studies.bayes.chips import layers, learned_chip, named
from neurosim.studies.bayes.images import Array, Images
from neurosim.studies.bayes.part import Settings

PROTOTYPES = 113  # purpose of random numbers: the state of k-means
TOGETHER = 1024  # samples of a step of k-means
PASSES_OF_K_MEANS = 2  # over the training samples, at most
FEATURES = "output"  # what a ridge is fitted to: on clean samples it is better than `triangle`
TWIN: dict[str, Any] = {"optimiser": "adam", "rate": 2e-3}
BATCHES = {"twin": 32, "twin-converged": 128}
PASSES = {"twin": 1, "twin-converged": 5}
NAMES = {
    "soft": "SoftHebb, soft labels",
    "soft-ridge": "SoftHebb, ridge",
    "deep": "SoftHebb, two layers, soft labels",
    "hard": "hard WTA, soft labels",
    "hard-ridge": "hard WTA, ridge",
    "random": "random weights, soft labels",
    "random-ridge": "random weights, ridge",
    "k-means": "k-means, soft labels",
    "delta": "raw pixels, delta readout",
    "twin": "backpropagation, one pass",
    "twin-converged": "backpropagation, 5 passes",
}


class Compared(DifferentiableClassifier, Protocol):
    """What every classifier of the comparison has; all but hard WTA with soft labels have gradients."""

    def predict(self, samples: Any) -> NDArray[np.int64]:
        """Return the most probable label of each sample: int64 (samples,)."""


def classifier_of(settings: Settings, images: Images, dtype: Float = np.float64) -> Compared:
    """Return one of the classifiers, trained: its `method` is one of `NAMES`.

    Of a cell's settings it takes `method`, `neurons` (0 for raw pixels), `seed`, and `label_samples`: how many labels
    a chip's readout is fitted to. A twin and the delta readout learn from the labels of all training samples.
    `dtype` is that of a chip's arithmetic; a twin computes in that of the samples.
    """
    method = settings["method"]
    if method in PASSES:
        return trained_twin(settings, images)
    if method == "delta":
        return Classifier(raw_pixels(settings, images), dtype=dtype)
    chip = chip_of(settings, images)
    readout = (ridge if method.endswith("-ridge") else named)(chip, images, settings["label_samples"])
    return Classifier(chip, readout, dtype=dtype)


def chip_of(settings: Settings, images: Images) -> Chip:
    """Return the chip of a method, learned, that a readout is fitted to."""
    source = settings["method"].removesuffix("-ridge")
    return (k_means_chip if source == "k-means" else learned_chip)(settings | {"method": source}, images)


def ridge(chip: Chip, images: Images, count: int) -> LinearReadout:
    """Return a linear readout of the chip's neurons, from the first `count` training samples."""
    samples, labels = images.naming(count)
    readout = LinearReadout(features=FEATURES)
    readout.add(chip.respond(samples), labels)
    return readout.finish()


def k_means_chip(settings: Settings, images: Images) -> Chip:
    """Return a chip that does not learn, whose weights are prototypes by k-means: SoftHebb's without its learning."""
    weights = prototypes(unit(images.train), settings["neurons"], settings["seed"])
    return Chip(layers("random", settings["neurons"], images), inputs=weights.shape[1], initial=weights)


def prototypes(samples: Array, count: int, seed: int) -> Array:
    """Return centres of samples by k-means in small steps, each scaled to norm one: float32 (count, inputs).

    There cannot be more centres than samples; those that would be are repeated.
    """
    from sklearn.cluster import MiniBatchKMeans

    state = int(randomness.words(seed, PROTOTYPES, 0, 1)[0] >> np.uint64(32))
    found = min(count, len(samples))
    model = MiniBatchKMeans(
        found, init="random", batch_size=max(TOGETHER, found), n_init=1, max_iter=PASSES_OF_K_MEANS, random_state=state
    )
    return np.resize(unit(model.fit(samples).cluster_centers_), (count, samples.shape[1]))


def unit(samples: Array) -> Array:
    """Return samples divided by their norms; a sample of zeros stays as it is."""
    norms = np.linalg.norm(samples, axis=1, keepdims=True)
    return np.asarray(samples / np.where(norms > 0, norms, 1), np.float32)


def raw_pixels(settings: Settings, images: Images) -> Chip:
    """Return a chip of one taught layer: a softmax over the classes, by the delta rule in one pass."""
    chip = Chip([delta_readout(images.classes)], inputs=images.train.shape[1], seed=settings["seed"])
    return chip.learn(ArrayStream(images.train, images.train_labels))


def trained_twin(settings: Settings, images: Images) -> twin.Twin:
    """Return a twin of as many neurons, with the constants that were best on held-out samples of MNIST."""
    method = settings["method"]
    return twin.train(
        images.train, images.train_labels, images.classes, neurons=settings["neurons"], seed=settings["seed"],
        epochs=PASSES[method], batch=BATCHES[method], **TWIN,
    )  # fmt: skip
