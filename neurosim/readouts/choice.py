"""Which of two linear readouts is the better one, by training samples that are held back."""

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.response import Response
from neurosim.readouts import linear
from neurosim.readouts.inputs import labelled_chunk
from neurosim.readouts.linear import LinearReadout

CHOICE_SAMPLES, PARTS = 12_500, 5  # about how many samples it is chosen on; one in so many of them is held back


class LinearChoice:
    """The choice between a ridge and logistic regression on what the last layer transmits.

    Some training samples, spread evenly over the stream, are kept. Both readouts are fitted to four fifths of them, and
    the one that labels more of the rest correctly is chosen; if they are equal, the ridge. No test sample is seen.

    Parameters
    ----------
    samples : int, optional
        How many samples the stream has, so that those that are kept can be spread over it; by default the first are.

    Attributes
    ----------
    classifier_ : {"ridge", "logistic"}
    held_back_ : dict of str to float
        Share of the samples held back that each labels correctly; empty if there were too few to choose on.
    samples_ : int
        Number of samples that it was chosen on.
    """

    classifier_: str
    held_back_: dict[str, float]

    def __init__(self, samples: int | None = None) -> None:
        self._step, self._next, self.samples_ = max(1, (samples or 0) // CHOICE_SAMPLES), 0, 0
        self._output: list[NDArray[np.float32]] = []
        self._labels: list[NDArray[np.int64]] = []

    def add(self, response: Response, labels: NDArray[np.int64]) -> None:
        """Keep some samples of a chunk and their labels; -1 is no label.

        Raises
        ------
        SampleError
            As for `LinearReadout.add`.
        """
        response, labels = labelled_chunk(response, labels, field="output")
        limit = min(2 * CHOICE_SAMPLES, linear.FEATURE_BYTES // (4 * response.output.shape[1]))
        rows = np.arange(self._next, len(labels), self._step)[: max(0, limit - self.samples_)]
        self._next = (self._next - len(labels)) % self._step
        self._output.append(response.output[rows])
        self._labels.append(labels[rows])
        self.samples_ += len(rows)

    def finish(self) -> "LinearChoice":
        """Fit both and choose."""
        output, labels = np.concatenate(self._output), np.concatenate(self._labels)
        self._output = []
        held_back = np.arange(len(labels)) % PARTS == PARTS - 1
        self.held_back_, self.classifier_ = {}, "ridge"
        if held_back.any() and len(np.unique(labels[~held_back])) > 1:
            for classifier in linear.CLASSIFIERS:
                readout = LinearReadout(classifier=classifier)
                readout.add(_as_response(output[~held_back]), labels[~held_back])
                predicted = readout.finish().predict(_as_response(output[held_back]))
                self.held_back_[classifier] = float((predicted == labels[held_back]).mean())
            self.classifier_ = max(self.held_back_, key=self.held_back_.__getitem__)
        return self


def _as_response(output: NDArray[np.float32]) -> Response:
    return Response(output, output, np.zeros(len(output), np.int64), output)
