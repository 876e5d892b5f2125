"""Training and test samples of cells that name their sources: opened as a pair, and looked at before work begins."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import SampleError
from neurosim.experiments.data import Data, Renumbered, Scaled, check_datasets
from neurosim.streams import Block

MOST_TRAINING, MOST_TEST = 60_000, 10_000  # samples that are read of a stream: a study keeps them in memory
CHECKED = 10_000  # samples of a source that are looked at before cells are measured
PAIR = ("train", "test", "label", "train_samples", "test_samples")  # settings that say which samples a cell has

Labels = NDArray[np.int64]


class Pair(NamedTuple):
    """The training and the test stream of a cell; a class has the same number in both."""

    train: Scaled
    test: Renumbered

    @property
    def fingerprints(self) -> str:
        """Those of both streams, with a space between."""
        return f"{self.train.fingerprint()} {self.test.fingerprint()}"


def open_pair(settings: dict[str, Any], sets: Data) -> Pair:
    """Return the streams of a cell.

    Raises
    ------
    StreamError
        If one is missing, damaged, a pipe, or has no labels.
    SampleError
        If their samples differ in width.
    """
    label = settings.get("label")
    train = sets.stream(settings["train"], count=settings["train_samples"] or MOST_TRAINING, label=label)
    test = sets.stream(settings["test"], count=settings["test_samples"] or MOST_TEST, label=label)
    if train.inputs != test.inputs:
        raise SampleError(
            f"samples of {settings['test']} must have {train.inputs} inputs, as those of {settings['train']}, got "
            f"{test.inputs}"
        )
    return Pair(train, Renumbered(test, train.classes))


def read(stream: Scaled | Renumbered, most: int | None = None) -> Block:
    """Read the first samples of a stream, by default all."""
    return stream.take(stream.order(0, stream.length if most is None else min(most, stream.length)))


def check_sources(cells: Sequence[dict[str, Any]], root: Path) -> None:
    """Refuse sources, by the settings of cells, that are missing, or whose samples no classifier can be fitted to.

    Raises
    ------
    StreamError, SampleError
        As `open_pair` and `check_samples` do; of long streams the first samples are looked at.
    """
    pairs = {tuple(settings.get(name) for name in PAIR): settings for settings in cells}
    for settings in pairs.values():
        sources = {settings["train"], settings["test"]}
        if all(source.startswith("cifar10:") for source in sources):  # takes seconds to read
            check_datasets({"cifar10"}, root)
            continue
        pair = open_pair(settings, Data(root))
        check_samples(settings, pair, read(pair.train, CHECKED), read(pair.test, CHECKED))


def check_samples(settings: dict[str, Any], pair: Pair, train: Block, test: Block) -> tuple[Labels, Labels]:
    """Return the labels of both; refuse samples that no classifier can be fitted to, or tested with.

    Parameters
    ----------
    settings : dict
        Of the cell; they name the sources.
    pair : Pair
    train, test : Block
        The first samples of both. What is known of all samples only is checked if these are all to learn from.

    Raises
    ------
    SampleError
        If a value is not finite, or a sample has no label; if all are of one class; if a test sample is of a class
        that no training sample is of, or training samples are all of one value.
    """
    labels = _checked(settings["train"], train)
    test_labels = _checked(settings["test"], test)
    if len(labels) < pair.train.length:
        return labels, test_labels
    unknown = np.setdiff1d(test_labels, labels).tolist()
    if unknown:
        name = repr(pair.test.classes[unknown[0]]) if pair.test.classes else unknown[0]
        raise SampleError(
            f"labels of {settings['test']} must be among those of the {len(labels)} samples to learn from, of "
            f"{settings['train']}, got {name}"
        )
    if train.samples.min() == train.samples.max():
        raise SampleError(f"samples of {settings['train']} must differ, got {train.samples.min():g} in every place")
    return labels, test_labels


def _checked(source: str, block: Block) -> Labels:
    """Return the labels of samples to which a classifier can be fitted: finite, labelled, of two classes at least."""
    samples, labels = block
    if labels is None or (labels < 0).any():
        raise SampleError(f"samples of {source} must all have a label for this study, and some have none")
    if len(np.unique(labels)) < 2:
        raise SampleError(f"labels of {source} must be of two classes at least, got only {labels[:1].tolist()}")
    unusable = ~np.isfinite(samples).all(axis=1)
    if unusable.any():
        row = int(unusable.argmax())
        value = samples[row][~np.isfinite(samples[row])][0]
        raise SampleError(f"samples of {source} must be finite numbers, got {value:g} in sample {row}, from 0")
    return labels
