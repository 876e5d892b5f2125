"""Figures of what a chip answers to samples: who wins each, and which classes winners tell apart."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import LARGEST, whole
from neurosim.chip.chip import Chip
from neurosim.chip.learning import Samples
from neurosim.chip.response import Response
from neurosim.errors import SampleError
from neurosim.readouts.winner import WinnerLabels, taught_by_label
from neurosim.reporting.figures import new_figure
from neurosim.streams import Stream

CHUNK = 256


def winners(chip: Chip, stream: Samples, layer: int | None = None, *, samples: int = 500) -> Any:
    """Return a figure of which neuron wins each of a stream's first samples.

    Parameters
    ----------
    chip : Chip
        It is not changed.
    stream : Stream, float32 (samples, inputs), or iterable
    layer : int, optional
        Index from 0; by default the last.
    samples : int
        Samples shown, at most.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If there is no such layer, or matplotlib is missing.
    SampleError, StreamError
        As in `Chip.respond`; also if there is no sample.
    """
    whole("samples", samples, 1, LARGEST)
    found: list[Any] = []
    for response, _ in chip.respond_blocks(stream, chunk=min(CHUNK, samples), layer=layer):
        found.extend(response.winner)
        if len(found) >= samples:
            break
    if not found:
        raise SampleError("samples must be at least one, got an empty stream")
    figure = new_figure(7, 4)
    axes = figure.subplots()
    axes.plot(np.arange(1, len(found[:samples]) + 1), found[:samples], ".")
    return figure


def confusion(chip: Chip, train: Stream, test: Stream | None = None) -> Any:
    """Return a figure of which classes the label of the winner confuses: rows are classes, columns what is said.

    Parameters
    ----------
    chip : Chip
        Its last layer is dense; it is not changed.
    train : Stream
        Labelled samples, which give each neuron the label that it wins most often.
    test : Stream, optional
        Labelled samples that are counted; by default every second sample of `train`, which is then not fitted.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If the last layer is convolutional, or matplotlib is missing.
    SampleError, StreamError
        As in `Chip.respond`; also if samples have no labels.
    """
    said, classes = _said(chip, train, test)
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, tuple(said), 1)
    figure = new_figure(6, 5)
    figure.subplots().imshow(counts)
    return figure


def _said(chip: Chip, train: Stream, test: Stream | None) -> tuple[NDArray[np.int64], int]:
    """Return the labels of samples and what their winners say, int64 (2, samples), and the number of classes."""
    readout = WinnerLabels(by_label=taught_by_label(chip))
    counted: list[NDArray[np.int64]] = []
    kept = []
    at = 0
    for response, labels in chip.respond_blocks(train):
        if labels is None:
            raise SampleError(f"labels must be there to count what is confused, got none; {train.labels_advice}")
        even = (at + np.arange(len(labels))) % 2 == 0 if test is None else np.ones(len(labels), bool)
        at += len(labels)
        readout.add(Response(*(part[even] for part in response)), labels[even])
        if test is None:
            kept.append((Response(*(part[~even] for part in response)), labels[~even]))
    readout.finish()
    for response, labels in kept if test is None else chip.respond_blocks(test):
        if labels is None:
            raise SampleError("labels must be there to count what is confused, got none")
        counted.append(np.stack([labels, readout.predict(response)])[:, labels >= 0])
    said = np.concatenate(counted, axis=1)
    return said, int(said.max()) + 1
