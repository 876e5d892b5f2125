"""Figures of what a chip answers to samples: who wins each, and which classes winners tell apart."""

from collections.abc import Iterator, Sized
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import LARGEST, instance, whole
from neurosim.chip.chip import Chip
from neurosim.chip.learning import Samples
from neurosim.chip.response import Response
from neurosim.errors import ConfigError, SampleError
from neurosim.readouts.labels import answers, check_known, check_labelled
from neurosim.readouts.winner import WinnerLabels, taught_by_label
from neurosim.reporting.figures import BLUE, WIDTH, as_label, panels, text_size
from neurosim.streams import Stream
from neurosim.streams.base import UNKNOWN, UNLABELLED
from neurosim.views.use import whole_numbers

CHUNK = 256
WRITTEN_OUT = 12  # classes of which counts can be written into the squares
NAMED = 30  # classes that have names at the axes
LONGEST_NAME = 12  # letters
GOLDEN = (5**0.5 - 1) / 2  # its multiples tell halves apart that no period of classes falls in with
Labels = NDArray[np.int64]


def winners(chip: Chip, stream: Samples, layer: int | None = None, *, samples: int = 500) -> Any:
    """Return a figure of which neuron wins each of a stream's first samples, and how many of them each wins.

    Neurons that win none of them are left out; the most used is lowest. Samples of zeros have no winner.

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
    instance("chip", chip, Chip)
    whole("samples", samples, 1, LARGEST)
    index = len(chip.layers) - 1 if layer is None else layer
    if not isinstance(stream, Stream) and isinstance(stream, Sized) and len(stream) == 0:
        raise SampleError("samples must be at least one, got none")
    won = _winners(chip, stream, index, samples)
    shown = won[won >= 0]
    used, wins = np.unique(shown, return_counts=True)
    order = np.argsort(-wins, kind="stable")
    rank = np.zeros(chip.layers[index].constants.neurons, np.int64)
    rank[used[order]] = np.arange(1, len(used) + 1)
    figure, grid = panels(1, 2, height=3.6, sharey=True, width_ratios=(3, 1))
    raster, totals = grid[0]
    raster.plot(np.flatnonzero(won >= 0) + 1, rank[shown], ".", color=BLUE, markersize=3)
    raster.set(xlabel="samples of the stream", ylabel="neurons that won, the most used lowest")
    raster.set(xlim=(0, len(won) + 1), ylim=(0, len(used) + 1))
    for axis in (raster.xaxis, raster.yaxis, totals.xaxis):
        whole_numbers(axis)
    raster.set_title(f"Layer {index + 1}: {len(used):,} of {len(rank):,} neurons win {len(shown):,} samples")
    totals.barh(np.arange(1, len(used) + 1), wins[order], height=1.0, color=BLUE)
    totals.set(xlabel="samples won")
    return figure


def confusion(chip: Chip, train: Stream, test: Stream | None = None, *, samples: int | None = None) -> Any:
    """Return a figure of which classes the label of the winner confuses: rows are classes, columns what is said.

    Parameters
    ----------
    chip : Chip
        Its last layer is dense; it is not changed.
    train : Stream
        Labelled samples, which give each neuron the label that it wins most often.
    test : Stream, optional
        Labelled samples that are counted; by default half of the samples of `train`, which then are not fitted.
    samples : int, optional
        Samples taken of each stream, at most; by default all.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If the last layer is convolutional, or matplotlib is missing.
    SampleError, StreamError
        As in `Chip.respond`; also if samples have no labels, or none that can be compared.
    """
    for name, value, kind in (("chip", chip, Chip), ("train", train, Stream), ("test", test, Stream)):
        if value is not None or name != "test":
            instance(name, value, kind)
    if len(chip.layers[-1].shape) == 3:
        raise ConfigError("last layer", "a DenseWTA, whose winner is one neuron", "a ConvWTA")
    if samples is not None:
        whole("samples", samples, 2, LARGEST)
    said, labels, fitted = _said(chip, train, test, samples)
    counted = (labels != UNLABELLED) & (labels != UNKNOWN)
    check_known(int((labels != UNLABELLED).sum()), int((labels == UNKNOWN).sum()))
    classes = int(max(said.max(), labels[counted].max())) + 1
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels[counted], said[counted]), 1)
    return _matrix(counts, train.classes or chip.classes, fitted)


def _winners(chip: Chip, stream: Samples, layer: int, samples: int) -> Labels:
    """Return who wins each of the first samples: int64, -1 for a sample of which all potentials are zero."""
    blocks: list[Labels] = []
    for response, _ in chip.respond_blocks(stream, chunk=min(CHUNK, samples), layer=layer):
        some = response.potentials.reshape(len(response.winner), -1).any(axis=1)
        blocks.append(np.where(some, response.winner, -1))
        if sum(map(len, blocks)) >= samples:
            break
    if not blocks:
        raise SampleError("samples must be at least one, got an empty stream")
    return np.concatenate(blocks)[:samples]


def _said(chip: Chip, train: Stream, test: Stream | None, samples: int | None) -> tuple[Labels, Labels, int]:
    """Return what winners say of the samples that are counted, and their labels: int64 (n,) each.

    And on how many samples the labels of neurons were fitted.
    """
    check_labelled(*(stream for stream in (train, test) if stream is not None))
    readout, counted = WinnerLabels(by_label=taught_by_label(chip)), []
    for response, labels, places in _first(answers(chip, train), samples):
        fitted = places * GOLDEN % 1 < (0.5 if test is None else 1)
        readout.add(Response(*(values[fitted] for values in response)), labels[fitted])
        if not fitted.all():
            counted.append((response.winner[~fitted], labels[~fitted]))
    labels_of = readout.finish().labels_
    if test is not None:
        counted = [(r.winner, labels) for r, labels, _ in _first(answers(chip, test, like=train), samples)]
    if not counted:
        raise SampleError(f"{train.name} must hold two samples at least, of which half are counted, got one")
    won, labels = (np.concatenate(arrays) for arrays in zip(*counted, strict=True))
    return labels_of[won], labels, readout.samples_


def _first(
    answered: Iterator[tuple[Response, Labels]], samples: int | None
) -> Iterator[tuple[Response, Labels, NDArray[np.int64]]]:
    """Yield the answers to the first samples, with the place of each."""
    count = 0
    for response, labels in answered:
        left = len(labels) if samples is None else min(len(labels), samples - count)
        yield Response(*(values[:left] for values in response)), labels[:left], count + np.arange(left)
        count += left
        if count == samples:
            break


def _matrix(counts: NDArray[np.int64], names: tuple[str, ...], fitted: int) -> Any:
    """Return the figure of counts (classes, classes), labels fitted on so many samples: colours are shares of a row."""
    classes, total = len(counts), max(1, int(counts.sum()))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, ((axes,),) = panels(height=5)
    shown = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    axes.grid(False)
    right = np.trace(counts) / total
    axes.set_title(f"The winner's label is right for {right:.1%} of {total:,} samples")
    axes.set(xlabel=f"label of the winner, fitted on {fitted:,} samples", ylabel="class of the sample")
    if classes <= WRITTEN_OUT:
        for row, column in np.argwhere(counts):
            dark = shares[row, column] > 0.5
            number = f"{counts[row, column]:,}"
            axes.text(column, row, number, ha="center", va="center", color="white" if dark else "black")
    if classes <= NAMED:
        ticks = [as_label(names[n][:LONGEST_NAME]) if n < len(names) else str(n) for n in range(classes)]
        upright = max(map(len, ticks)) > 3
        axes.set_xticks(range(classes), ticks, rotation=90 if upright else 0)
        axes.set_yticks(range(classes), ticks)
    bar = figure.colorbar(shown, ax=axes, shrink=0.8)
    bar.ax.tick_params(labelsize=text_size(WIDTH))
    bar.set_label("share of the samples of a class", fontsize=text_size(WIDTH))
    return figure
