"""Comparison: a trained chip, the same chip untrained, and the raw inputs, measured by every readout."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.chip import Chip
from neurosim.chip.response import Response
from neurosim.errors import ConfigError, SampleError, StreamError
from neurosim.readouts import linear as linear_readout
from neurosim.readouts.choice import LinearChoice
from neurosim.readouts.labels import answers, check_known, check_labelled, labelled, numbered_alike
from neurosim.readouts.linear import LinearReadout
from neurosim.readouts.neighbours import Neighbours
from neurosim.readouts.soft import SoftLabels
from neurosim.readouts.winner import WinnerLabels, taught_by_label
from neurosim.streams import Stream
from neurosim.streams.base import UNKNOWN

READOUTS = ("winner", "soft", "triangle", "relu", "softmax", "output", "logistic", "neighbours")
OF_WINNERS = ("winner", "soft")
OF_OUTPUT = {"ridge": "output", "logistic": "logistic"}  # linear readouts of what is transmitted, by their classifier
OF_RAW = ("output", "logistic", "neighbours")  # raw inputs have neither winner nor potentials
Pause = Callable[[], AbstractContextManager[object]]
Answers = Callable[[Stream, Stream | None], Iterator[tuple[Response, NDArray[Any]]]]


class Fitted(Protocol):
    """What is fitted to responses and labels."""

    @property
    def samples_(self) -> int:
        """Number of samples it was fitted on."""

    def add(self, response: Response, labels: NDArray[np.int64]) -> None:
        """Add a chunk of responses and their labels."""

    def finish(self) -> object:
        """Fit to all that was added."""


class Readout(Fitted, Protocol):
    """A readout that is fitted to responses and labels, and then predicts labels."""

    def predict(self, response: Response) -> NDArray[np.int64]:
        """Return a label for each sample."""


class Comparison(NamedTuple):
    """The accuracy of every readout on one network.

    Attributes
    ----------
    network : {"trained", "untrained", "raw"}
    accuracy : dict of str to float or None
        By readout: the share of the test samples that it labelled correctly, 0 to 1; None where it does not apply.
    train_samples : dict of str to int or None
        By readout: the number of training samples that it was fitted on; None where it does not apply.
    test_samples : int
        Test samples that have a label.
    test_unlabelled : int
        Test samples that have none, and are left out.
    test_unknown : int
        Those with a label that no training sample has, which count as wrong.
    linear : {"output", "logistic"}
        Which of these two linear readouts counts: the one that was better on training samples held back.
    """

    network: str
    accuracy: dict[str, float | None]
    train_samples: dict[str, int | None]
    test_samples: int
    test_unlabelled: int = 0
    test_unknown: int = 0
    linear: str = "output"


def compare(chip: Chip, train: Stream, test: Stream, *, pause: Pause = nullcontext) -> list[Comparison]:
    """Measure all readouts on a trained chip, on the same chip untrained, and on raw inputs.

    A chip of several layers is judged by its last one. The untrained chip has the same constants, inputs, seed and
    `initial`, so the same first weights; with `normalise="stream"` it has seen no stream, and scales each sample by its
    own norm, and with a relative temperature it takes each sample's own lead. A layer that begins as samples has, in
    the untrained chip, random weights by `initial="normal"`. Where a layer begins with weights of zero, the untrained
    chip has neither winners nor soft labels. For raw inputs, `output` and `logistic` are linear classifiers and
    `neighbours` the nearest neighbours, all on the samples themselves. The better linear classifier of each network is
    chosen by `neurosim.readouts.choice.LinearChoice`, which sees no test sample.

    Parameters
    ----------
    chip : Chip
        It is not changed.
    train, test : Stream
        With labels. They are read more than once, so they cannot be pipes.
    pause : callable
        Returns a context, entered after every chunk and around every fit; it may raise to end the work.

    Returns
    -------
    list of Comparison
        Three: trained, untrained, raw, in this order.

    Raises
    ------
    ConfigError
        If the last layer sends images: use `judge_images` instead.
    SampleError
        If a stream has no labels, is empty, does not fit the chip, or has too few samples or classes for a readout.
    StreamError
        If a stream is a pipe, or cannot be read.
    DivergedError
        If a potential exceeds float32.
    """
    if len(chip.layers[-1].shape) > 1:
        what = f"images of {' x '.join(map(str, chip.layers[-1].shape))}"
        advice = "neurosim stream --test and judge_images train a readout on those"
        raise ConfigError("last layer", "one whose neurons see a whole sample", what, advice)
    check_labelled(train, test)
    for stream in (train, test):
        chip.blocks(stream, 1)  # refuses another width, and reads nothing yet
        if not stream.replayable:
            raise StreamError(f"{stream.name} must be a stream that can be read again; write the pipe to a file first")
    constants = [_untrained(layer.constants, given) for layer, given in zip(chip.layers, chip.initial, strict=True)]
    fresh = Chip(constants, inputs=chip.shape, seed=chip.seed, device=chip.device, initial=chip.initial)
    neurons, by_label = chip.layers[-1].constants.neurons, taught_by_label(chip)
    # With weights of zero there are no winners, and the responses to all samples are equal.
    blank = any(not layer.weights.any() for layer in fresh.layers)
    of_fresh = tuple(name for name in READOUTS if not (blank and name in OF_WINNERS))
    networks: list[tuple[str, tuple[str, ...], int, Answers]] = [
        ("trained", READOUTS, neurons, lambda stream, like: answers(chip, stream, pause, like=like)),
        ("untrained", of_fresh, neurons, lambda stream, like: answers(fresh, stream, pause, like=like)),
        ("raw", OF_RAW, chip.inputs, lambda stream, like: _raw(chip, stream, pause, like)),
    ]
    comparisons = []
    for network, names, width, responses_to in networks:
        readouts = {name: _readout(name, by_label) for name in names}
        choice = LinearChoice(train.length)
        for group in _passes(names, width, train.length):
            beside = [choice] if "output" in group else []
            _fit([*beside, *(readouts[name] for name in group)], responses_to(train, None), pause)
        accuracy, counts = _accuracy(readouts, responses_to(test, train), pause)
        linear = OF_OUTPUT[choice.classifier_]
        fitted_on = {name: readouts[name].samples_ if name in readouts else None for name in READOUTS}
        comparisons.append(
            Comparison(network, {name: accuracy.get(name) for name in READOUTS}, fitted_on, *counts, linear)
        )
    return comparisons


def _untrained(constants: Any, given: object) -> Any:
    """Return a layer's constants before it has learned: from samples it would have no weights at all."""
    drawn = getattr(constants, "initial", "") == "samples" and given is None
    return replace(constants, initial="normal") if drawn else constants


def _readout(name: str, by_label: bool) -> Readout:
    if name == "winner":
        return WinnerLabels(by_label=by_label)
    others: dict[str, Callable[[], Readout]] = {"soft": SoftLabels, "neighbours": Neighbours}
    if name in others:
        return others[name]()
    return LinearReadout(classifier="logistic") if name == "logistic" else LinearReadout(features=name)


def _passes(names: tuple[str, ...], width: int, samples: int | None) -> list[list[str]]:
    """Group readouts into passes over the stream: as many linear ones at once as have room in memory for features.

    Both linear readouts of what is transmitted keep the same features, so they are one.
    """
    limit = linear_readout.FEATURE_BYTES
    need = limit if samples is None else 4 * width * samples
    together = max(1, limit // max(1, need))
    linear = [name for name in names if name in ("triangle", "relu", "softmax", "output")]
    groups = [linear[first : first + together] for first in range(0, len(linear), together)]
    groups[-1].append("logistic")  # where `output` is
    groups[0] = [name for name in names if name not in (*linear, "logistic")] + groups[0]
    return groups


def _fit(group: Sequence[Fitted], responses: Iterator[tuple[Response, NDArray[Any]]], pause: Pause) -> None:
    for response, labels in responses:
        for readout in group:
            readout.add(response, labels)
    for readout in group:
        with pause():  # a linear fit may take seconds
            readout.finish()


def _accuracy(
    readouts: dict[str, Readout], responses: Iterator[tuple[Response, NDArray[Any]]], pause: Pause
) -> tuple[dict[str, float], tuple[int, int, int]]:
    """Return the share of samples that each readout labels correctly, and how many have a label, none, an unknown."""
    right, count, unlabelled, unknown = dict.fromkeys(readouts, 0), 0, 0, 0
    for all_responses, all_labels in responses:
        response, labels = labelled(all_responses, all_labels)
        unlabelled += len(all_labels) - len(labels)
        if len(labels) == 0:
            continue
        count, unknown = count + len(labels), unknown + int((labels == UNKNOWN).sum())
        for name, readout in readouts.items():
            with pause():  # empty, so that scikit-learn's threads are not interrupted amid their work
                pass
            right[name] += int((readout.predict(response) == labels).sum())
    check_known(count, unknown)
    return {name: hits / count for name, hits in right.items()}, (count, unlabelled, unknown)


def _raw(chip: Chip, stream: Stream, pause: Pause, like: Stream | None) -> Iterator[tuple[Response, NDArray[Any]]]:
    """Yield the samples themselves as if they were responses, in chunks like those of `answers`."""
    count = 0
    for samples, labels in chip.blocks(stream, 1000):
        with pause():
            count += len(samples)
        assert labels is not None
        numbers = labels if like is None else numbered_alike(labels, stream, like)
        yield Response(samples, samples, np.zeros(len(samples), np.int64), samples), numbers
    if count == 0:
        raise SampleError(f"{stream.name} must hold at least one sample, got none")
