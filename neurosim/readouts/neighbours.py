"""Nearest neighbours: a readout without parameters, which shows what distances between outputs are worth."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import LARGEST, whole
from neurosim.chip.response import Response
from neurosim.errors import SampleError
from neurosim.readouts.features import check_finite
from neurosim.readouts.inputs import check_fitted, check_response, labelled_chunk

NEIGHBOUR_SAMPLES = 10_000  # most training samples kept: every test sample is compared with all of them


class Neighbours:
    """The k nearest neighbours in what the last layer transmits: scikit-learn's `KNeighborsClassifier`, brute force.

    A sample gets the label that most of its neighbours have; if several labels are equally frequent, the lowest.
    Neighbours are found by the Euclidean distance between outputs, which are not scaled.

    Parameters
    ----------
    neighbours : int
        How many neighbours vote, from 1.

    Attributes
    ----------
    samples_ : int
        Training samples it keeps: the first ones, 10,000 at most.

    Raises
    ------
    ConfigError
        If `neighbours` is no whole number of at least 1.

    References
    ----------
    Cover and Hart, IEEE Trans. Inf. Theory 13 (1967) 21.
    """

    def __init__(self, neighbours: int = 5) -> None:
        whole("neighbours", neighbours, 1, LARGEST)
        self.neighbours, self.samples_ = neighbours, 0
        self._features: list[NDArray[np.float32]] = []
        self._labels: list[NDArray[np.int64]] = []

    def add(self, response: Response, labels: NDArray[np.int64]) -> None:
        """Keep a chunk of outputs and their labels, as far as the limit allows; -1 is no label.

        Raises
        ------
        SampleError
            If responses are not those of a chip to many samples, or of another width than before; if labels are not
            whole numbers, one for each sample.
        """
        width = self._features[0].shape[1] if self._features else None
        response, labels = labelled_chunk(response, labels, width, "output")
        remaining = NEIGHBOUR_SAMPLES - self.samples_
        if remaining > 0:
            self._features.append(response.output[:remaining])
            self._labels.append(labels[:remaining])
            self.samples_ += len(self._labels[-1])

    def finish(self) -> "Neighbours":
        """Hand the samples that were kept to the classifier.

        Raises
        ------
        SampleError
            If there are fewer samples than neighbours, or an output is not finite.
        """
        from sklearn.neighbors import KNeighborsClassifier

        if self.samples_ < self.neighbours:
            raise SampleError(
                f"samples must be at least {self.neighbours} for as many nearest neighbours, got {self.samples_}; "
                "give more samples or fewer neighbours"
            )
        values = np.concatenate(self._features)
        self._features = []
        check_finite(values, "output")
        self.classifier_: Any = KNeighborsClassifier(self.neighbours, algorithm="brute")
        self.classifier_.fit(values, np.concatenate(self._labels))
        return self

    def predict(self, response: Response) -> NDArray[np.int64]:
        """Return the label that most neighbours of each sample have: int64 (samples,).

        Raises
        ------
        SampleError
            If an output is not finite, or of another width; if responses are not those of a chip to many samples.
        """
        check_fitted(self, "classifier_")
        check_response(response, self.classifier_.n_features_in_, "output")
        check_finite(response.output, "output")
        return np.asarray(self.classifier_.predict(response.output))
