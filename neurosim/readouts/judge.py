"""How many test samples a chip's winners, and a linear readout, label correctly."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np

from neurosim.chip.chip import Chip
from neurosim.instruments import never_won
from neurosim.readouts.labels import accuracy, answers, check_labelled
from neurosim.readouts.linear import LinearReadout
from neurosim.readouts.winner import WinnerLabels, taught_by_label
from neurosim.streams import Stream
from neurosim.streams.base import UNKNOWN, UNLABELLED


class Judgement(NamedTuple):
    """Accuracies on the test stream, from 0 to 1, and the share of neurons that won none of the training samples.

    For neurons that see an image at many positions, winners have no meaning: those fields are None. Samples without a
    label are left out: `test_samples` have one, `test_unlabelled` have none. Of the former, `test_unknown` have a class
    that no training sample has, and count as wrong.
    """

    winner_accuracy: float | None
    readout_accuracy: float
    never_won_frozen: float | None
    readout_samples: int
    test_samples: int
    test_unlabelled: int = 0
    test_unknown: int = 0


def judge(
    chip: Chip, train: Stream, test: Stream, *, pause: Callable[[], AbstractContextManager[object]] = nullcontext
) -> Judgement:
    """Fit both readouts on the frozen responses to one stream, and measure them on another.

    Parameters
    ----------
    chip : Chip
    train, test : Stream
        With labels.
    pause : callable
        Returns a context, entered after every chunk; it may raise to end the work.

    Raises
    ------
    SampleError
        If a stream has no labels, is empty, or does not fit the chip; if no test sample has a label that a training
        sample has, or labels are words in one stream and numbers in the other.
    """
    check_labelled(train, test)
    winner, linear = WinnerLabels(by_label=taught_by_label(chip)), LinearReadout()
    for response, labels in answers(chip, train, pause):
        winner.add(response, labels)
        linear.add(response, labels)
    winner.finish()
    linear.finish()
    chunks = [
        (winner.predict(response), linear.predict(response), labels)
        for response, labels in answers(chip, test, pause, like=train)
    ]
    by_winner, by_readout, labels = (np.concatenate(column) for column in zip(*chunks, strict=True))
    return Judgement(
        winner_accuracy=accuracy(by_winner, labels),
        readout_accuracy=accuracy(by_readout, labels),
        never_won_frozen=never_won(winner.wins_),
        readout_samples=linear.samples_,
        test_samples=int((labels != UNLABELLED).sum()),
        test_unlabelled=int((labels == UNLABELLED).sum()),
        test_unknown=int((labels == UNKNOWN).sum()),
    )
