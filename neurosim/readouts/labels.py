"""Labels that readouts are fitted to, and a chip's responses together with them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.chip import Chip
from neurosim.chip.response import Response
from neurosim.errors import SampleError
from neurosim.outside.arrays import WHOLE, numbers
from neurosim.streams import Stream, check_stream
from neurosim.streams.base import UNKNOWN, UNLABELLED, check_columns

RESPONSES = 1 << 24  # most responses of a chunk: of all neurons, at all positions of images
CLASSES = 10_000  # most labels that a readout tells apart: it keeps a count for each neuron and label


def accuracy(predicted: NDArray[Any], labels: NDArray[Any]) -> float:
    """Return the share of predictions that equal the labels; samples with the label -1, which is none, do not count.

    Raises
    ------
    SampleError
        If no sample has a label, or none has one that the training samples have.
    """
    counted = labels != UNLABELLED
    check_known(int(counted.sum()), int((labels == UNKNOWN).sum()))
    return float(np.mean(predicted[counted] == labels[counted]))


def check_known(samples: int, unknown: int) -> None:
    """Refuse test samples if none has a label, or all are of classes that the training samples do not have."""
    if samples == 0:
        raise SampleError("labels of test samples must be there to measure accuracy, got none")
    if unknown == samples:
        raise SampleError("labels of test samples must be among those of the training samples, got none that is")


def labelled(response: Response, labels: NDArray[np.int64]) -> tuple[Response, NDArray[np.int64]]:
    """Return the responses to samples that have a label, and their labels."""
    counted = labels != UNLABELLED
    if counted.all():
        return response, labels
    return Response(*(values[counted] for values in response)), labels[counted]


def renumbered(labels: NDArray[np.int64], names: Sequence[str], like: Sequence[str]) -> NDArray[np.int64]:
    """Return labels that count `names` as labels that count `like`; `UNKNOWN` for a name that is not there."""
    if list(names) == list(like):
        return labels
    number = {name: number for number, name in enumerate(like)}
    by_label = [number.get(name, UNKNOWN) for name in names]
    return np.array([*by_label, UNLABELLED], np.int64)[labels]  # -1, for none, is the last


def numbered_alike(labels: NDArray[np.int64], stream: Stream, train: Stream) -> NDArray[np.int64]:
    """Return labels of a stream, numbered as those of the training stream, which was read before.

    Raises
    ------
    SampleError
        If labels are words in one of the streams and numbers in the other.
    """
    if stream.classes and train.classes:
        return renumbered(labels, stream.classes, train.classes)
    for words, other in ((stream, train), (train, stream)):
        if words.classes and words.classes_grow and (labels != UNLABELLED).any():
            raise SampleError(
                f"labels of {other.name} must be words as those of {words.name}, got numbers: they cannot be compared"
            )
    return labels


def check_classes(labels: NDArray[np.int64], purpose: str = "to measure accuracy") -> None:
    """Refuse labels from `CLASSES` on: what has a number for each label would take too much memory."""
    if numbers("labels", labels, WHOLE).max(initial=0) >= CLASSES:
        raise SampleError(f"labels must be below {CLASSES} {purpose}, got {labels.max()}")


def check_labelled(*streams: Stream) -> None:
    """Refuse streams without labels, and streams in which equal labels mean different classes."""
    for stream in streams:
        check_stream("train and test", stream)
        if not stream.labelled:
            advice = stream.labels_advice
            raise SampleError(f"labels of {stream.name} must be there to measure accuracy, got none; {advice}")
    for stream in streams[1:]:
        check_columns(stream.name, stream.columns, streams[0].columns, streams[0].name)
    named = [stream for stream in streams if stream.classes and not stream.classes_grow]
    for stream in named[1:]:
        if stream.classes != named[0].classes:
            other = sorted(set(stream.classes) ^ set(named[0].classes))[0]
            raise SampleError(
                f"classes of {stream.name} must be those of {named[0].name}, as labels count them: "
                f"only one of them has the class {other}"
            )


def chunk_of(chip: Chip) -> int:
    """Return how many samples a frozen chip responds to at a time."""
    return max(1, min(1000, RESPONSES // chip.layers[-1].responses))


def answers(
    chip: Chip,
    stream: Stream,
    pause: Callable[[], AbstractContextManager[object]] = nullcontext,
    *,
    like: Stream | None = None,
) -> Iterator[tuple[Response, NDArray[Any]]]:
    """Yield a frozen chip's responses to a stream with their labels, a chunk at a time.

    With `like`, a stream that was read before, labels that are words are numbered as there, and `UNKNOWN` if they are
    not there.
    """
    count = 0
    for response, labels in chip.respond_blocks(stream, chunk=chunk_of(chip)):
        with pause():
            count += len(response.winner)
        assert labels is not None
        yield response, labels if like is None else numbered_alike(labels, stream, like)
    if count == 0:
        raise SampleError(f"{stream.name} must hold at least one sample, got none")
