"""Labels that readouts are fitted to, and a chip's responses together with them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.chip import Chip
from neurosim.chip.response import Response
from neurosim.errors import SampleError
from neurosim.outside.arrays import WHOLE, numbers
from neurosim.streams import Stream, check_stream

RESPONSES = 1 << 24  # most responses of a chunk: of all neurons, at all positions of images
CLASSES = 10_000  # most labels that a readout tells apart: it keeps a count for each neuron and label


def accuracy(predicted: NDArray[Any], labels: NDArray[Any]) -> float:
    """Return the share of predictions that equal the labels."""
    return float(np.mean(predicted == labels))


def check_classes(labels: NDArray[np.int64]) -> None:
    """Refuse labels from `CLASSES` on: the counts for each neuron and label would take too much memory."""
    if numbers("labels", labels, WHOLE).max(initial=0) >= CLASSES:
        raise SampleError(f"labels must be below {CLASSES} to measure accuracy, got {labels.max()}")


def check_labelled(*streams: Stream) -> None:
    """Refuse streams without labels, and streams in which equal labels mean different classes."""
    for stream in streams:
        check_stream("train and test", stream)
        if not stream.labelled:
            advice = stream.labels_advice
            raise SampleError(f"labels of {stream.name} must be there to measure accuracy, got none; {advice}")
    named = [stream for stream in streams if stream.classes]
    for stream in named[1:]:
        if stream.classes != named[0].classes:
            other = sorted(set(stream.classes) ^ set(named[0].classes))[0]
            raise SampleError(
                f"classes of {stream.name} must be those of {named[0].name}, as labels count them: "
                f"only one of them has the class {other}"
            )


def answers(
    chip: Chip, stream: Stream, pause: Callable[[], AbstractContextManager[object]] = nullcontext
) -> Iterator[tuple[Response, NDArray[Any]]]:
    """Yield a frozen chip's responses to a stream with their labels, a chunk at a time."""
    count = 0
    chunk = max(1, min(1000, RESPONSES // chip.layers[-1].responses))
    for response, labels in chip.respond_blocks(stream, chunk=chunk):
        with pause():
            count += len(response.winner)
        assert labels is not None
        yield response, labels
    if count == 0:
        raise SampleError(f"{stream.name} must hold at least one sample, got none")
