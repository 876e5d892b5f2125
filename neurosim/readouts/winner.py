"""Labels for winners: each neuron has the label of the samples that it wins most often."""

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.chip import Chip
from neurosim.chip.response import Response
from neurosim.errors import SampleError
from neurosim.readouts.inputs import check_fitted, check_response, labelled_chunk
from neurosim.readouts.labels import check_classes
from neurosim.state.kept_readouts import KeptReadout


class WinnerLabels:
    """Give every neuron the label it wins most often; a sample's label is its winner's.

    A neuron that wins no sample gets the label of its largest summed response (`docs/measured.md`).

    Parameters
    ----------
    by_label : bool
        Whether the layer is taught by labels (`Taught`, `Corrected`): then neuron k has the label k, whatever it wins.

    Attributes
    ----------
    labels_ : int64 (neurons,)
        Each neuron's label.
    wins_ : int64 (neurons,)
        Samples that each neuron won.
    samples_ : int
        Number of samples with a label that were added, those of zeros included.
    """

    labels_: NDArray[np.int64]
    wins_: NDArray[np.int64]

    def __init__(self, *, by_label: bool = False) -> None:
        self.by_label, self.samples_ = by_label, 0
        self._wins = np.zeros((0, 0), np.int64)
        self._shares = np.zeros((0, 0), np.float64)

    def add(self, response: Response, labels: NDArray[np.int64]) -> None:
        """Count a chunk of responses and their labels; samples with the label -1, which is none, are left out.

        Raises
        ------
        SampleError
            If a label is too large for a table with a count for each neuron and label; if responses are not those of a
            dense layer to many samples, of as many neurons as before; if labels are not one for each sample.
        """
        response, labels = labelled_chunk(response, labels, len(self._wins) or None)
        check_classes(labels)
        self.samples_ += len(labels)
        blank = ~response.potentials.any(axis=1)  # nobody wins a sample of zeros
        labels, winner, responses = labels[~blank], response.winner[~blank], response.responses[~blank]
        if len(labels) == 0:
            return
        classes = max(self._wins.shape[1], int(labels.max()) + 1)
        grow = ((0, responses.shape[1] - len(self._wins)), (0, classes - self._wins.shape[1]))
        if grow != ((0, 0), (0, 0)):
            self._wins, self._shares = np.pad(self._wins, grow), np.pad(self._shares, grow)
        np.add.at(self._wins, (winner, labels), 1)
        np.add.at(self._shares.T, labels, responses)

    def finish(self) -> "WinnerLabels":
        """Determine each neuron's label."""
        if self._wins.size == 0:
            raise SampleError(
                "samples must include one that is not all zeros and has a label to label neurons, got none"
            )
        self.wins_ = self._wins.sum(axis=1)
        if self.by_label:
            self.labels_ = np.arange(len(self.wins_))
            return self
        self.labels_ = np.where(self.wins_ > 0, self._wins.argmax(axis=1), self._shares.argmax(axis=1))
        return self

    def predict(self, response: Response) -> NDArray[np.int64]:
        """Return the label of each sample's winner: int64 (samples,).

        Raises
        ------
        ConfigError
            If the readout is not fitted.
        SampleError
            If responses are not those of as many neurons to many samples.
        """
        check_fitted(self, "labels_")
        check_response(response, len(self.labels_))
        return np.asarray(self.labels_[response.winner])

    def kept(self) -> KeptReadout:
        """Return what a state file keeps of it."""
        return KeptReadout(self.samples_, "output", {"labels": self.labels_, "wins": self.wins_})

    @classmethod
    def of(cls, kept: KeptReadout) -> "WinnerLabels":
        """Return the readout of which this was kept."""
        readout = cls()
        readout.samples_, readout.labels_, readout.wins_ = kept.samples, kept.arrays["labels"], kept.arrays["wins"]
        return readout

    @classmethod
    def of_classes(cls, neurons: int) -> "WinnerLabels":
        """Return the readout of a layer taught by labels, whose neurons are classes: it is fitted to nothing."""
        labels = np.arange(neurons)
        return cls.of(KeptReadout(0, "output", {"labels": labels, "wins": np.zeros(neurons, np.int64)}))


def taught_by_label(chip: Chip) -> bool:
    """Tell whether neurons of the last layer are classes."""
    return bool(chip.layers[-1].constants.competition.by_label)
