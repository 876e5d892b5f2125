"""How many test samples a chip's winners, and a linear readout, label correctly."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

from neurosim.chip.chip import Chip
from neurosim.errors import SampleError
from neurosim.instruments import never_won
from neurosim.readouts.fitted import Readouts
from neurosim.readouts.labels import check_known, check_labelled, chunk_of
from neurosim.readouts.winner import WinnerLabels
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
    return measure(Readouts.fit(chip, train, pause=pause), chip, test, pause=pause)


def measure(
    readouts: Readouts,
    chip: Chip,
    test: Stream,
    *,
    pause: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Judgement:
    """Measure readouts on a stream with labels; errors as in `judge`."""
    right, samples, count, unknown = dict.fromkeys(readouts.fitted, 0), 0, 0, 0
    for predicted, labels in readouts.responses(chip, test, list(right), chunk_of(chip)):
        with pause():
            assert labels is not None
        numbered = readouts.numbered(labels, test)
        if numbered is None:
            numbers, words = (readouts.source, test.name) if test.classes else (test.name, readouts.source)
            raise SampleError(
                f"labels of {numbers} must be words as those of {words}, got numbers: they cannot be compared"
            )
        samples += len(labels)
        count += int((numbered != UNLABELLED).sum())
        unknown += int((numbered == UNKNOWN).sum())
        for kind, said in predicted.items():
            right[kind] += int((said == numbered).sum())
    if samples == 0:
        raise SampleError(f"{test.name} must hold at least one sample, got none")
    check_known(count, unknown)
    winner, best = readouts.fitted.get("winner"), next(kind for kind in ("linear", "softmax") if kind in right)
    assert winner is None or isinstance(winner, WinnerLabels)
    return Judgement(
        winner_accuracy=None if winner is None else right["winner"] / count,
        readout_accuracy=right[best] / count,
        never_won_frozen=None if winner is None else never_won(winner.wins_),
        readout_samples=readouts.fitted[best].samples_,
        test_samples=count,
        test_unlabelled=samples - count,
        test_unknown=unknown,
    )
