"""The readouts of a chip, fitted together and kept with it: whoever loads the state can name what the chip sees."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.chip import Chip
from neurosim.chip.response import Response
from neurosim.errors import ConfigError, SampleError, StateError
from neurosim.layers.competition import Competition
from neurosim.layers.plain import describe
from neurosim.readouts.image_readout import PUBLISHED_EPOCHS, fit_images
from neurosim.readouts.labels import answers, check_labelled, chunk_of, renumbered
from neurosim.readouts.linear import LinearReadout
from neurosim.readouts.softmax import SoftmaxReadout
from neurosim.readouts.winner import WinnerLabels, taught_by_label
from neurosim.state import store
from neurosim.state.arrays import check_finite
from neurosim.state.format import Contents
from neurosim.streams import Stream, check_stream
from neurosim.streams.base import UNLABELLED

Fitted = WinnerLabels | LinearReadout | SoftmaxReadout
KINDS: dict[str, type[WinnerLabels] | type[LinearReadout] | type[SoftmaxReadout]] = {
    "linear": LinearReadout,
    "softmax": SoftmaxReadout,
    "winner": WinnerLabels,
}  # the best first: it predicts unless another one is asked for
Labels = NDArray[np.int64]
Pause = Callable[[], AbstractContextManager[object]]


class Predictions(NamedTuple):
    """What a readout says of successive samples of a stream.

    Attributes
    ----------
    first : int
        Number of the first of these samples in the stream, from 0.
    predicted : int64 (samples,)
        Labels, as `Readouts.classes` counts them if it has names.
    labels : int64 (samples,) or None
        The stream's own labels, as the stream's `classes` count them; -1 for a sample without one. None if the stream
        has no labels.
    correct : bool (samples,) or None
        Whether the label is what is predicted: by name, if labels have names there and here. None without labels, and
        if words and numbers would be compared.
    """

    first: int
    predicted: NDArray[np.int64]
    labels: NDArray[np.int64] | None
    correct: NDArray[np.bool_] | None


class Readouts:
    """Readouts that were fitted to a chip's frozen responses, and that its state file keeps: to predict labels later.

    Parameters
    ----------
    fitted : mapping of str to readout
        By kind: `winner` (`WinnerLabels`) and `linear` (`LinearReadout`), or `softmax` (`SoftmaxReadout`) for a chip
        that ends in images.
    state_sha256 : str
        Hash of the chip that they were fitted to.
    classes : tuple of str
        Names of the labels 0, 1, ..., if they have names.
    words : bool
        Whether labels are words, numbered as they came, and no numbers that may come without names.

    Examples
    --------
    >>> import neurosim as ns
    >>> chip = ns.Chip([ns.recipes.softhebb(100)], inputs=64).learn(ns.open_stream("digits:train"))
    >>> chip.save("chip.h5")
    >>> ns.Readouts.fit(chip, ns.open_stream("digits:train")).keep("chip.h5")
    >>> chip, readouts = ns.Chip.load("chip.h5"), ns.Readouts.load("chip.h5")
    >>> for block in readouts.predict(chip, ns.open_stream("digits:test")):
    ...     print(block.first, block.predicted.shape)
    0 (360,)
    """

    def __init__(
        self, fitted: Mapping[str, Fitted], state_sha256: str, classes: tuple[str, ...] = (), *, words: bool = False
    ) -> None:
        self.fitted, self.state_sha256, self.classes, self.words = dict(fitted), state_sha256, tuple(classes), words
        self.source = "the readout's training samples"
        self._constants: list[Any] | None = None  # of the chip, as far as they are known

    def __repr__(self) -> str:
        return f"Readouts({', '.join(self.fitted)})"

    @classmethod
    def fit(
        cls, chip: Chip, train: Stream, *, epochs: int = PUBLISHED_EPOCHS, pause: Pause = nullcontext
    ) -> "Readouts":
        """Fit all readouts that the chip can have to its responses; the chip does not change.

        Parameters
        ----------
        chip : Chip
        train : Stream
            With labels.
        epochs : int
            Of the softmax readout.
        pause : callable
            Returns a context, entered after every chunk and epoch; it may raise to end the work.

        Raises
        ------
        SampleError
            If the stream has no labels, is empty, or does not fit the chip.
        """
        check_labelled(train)
        state = chip.state_sha256
        fitted: dict[str, Fitted]
        if len(chip.layers[-1].shape) > 1:
            fitted = {"softmax": fit_images(chip, train, epochs=epochs, pause=pause)}
        else:
            winner, linear = WinnerLabels(by_label=taught_by_label(chip)), LinearReadout()
            for response, labels in answers(chip, train, pause):
                winner.add(response, labels)
                linear.add(response, labels)
            fitted = {"winner": winner.finish(), "linear": linear.finish()}
        readouts = cls(fitted, state, train.classes, words=train.classes_grow and bool(train.classes))
        readouts.source, readouts._constants = train.name, _described(chip)
        return readouts

    @classmethod
    def load(cls, path: str | Path) -> "Readouts":
        """Read the readouts that a state file keeps.

        Raises
        ------
        StateError
            If the file cannot be read or trusted, or keeps none.
        """
        return cls.of(store.read(path), path)

    @classmethod
    def of(cls, contents: Contents, path: str | Path) -> "Readouts":
        """Return the readouts among the contents of a state file; `path` is for the error.

        The neurons of a layer taught by labels are classes: its winner always is a readout.
        """
        kept = dict(contents.readouts or {})
        last = contents.constants[-1]
        if Competition.members[last["competition"]["kind"]].by_label and "winner" not in kept:
            kept["winner"] = WinnerLabels.of_classes(last["neurons"]).kept()
        if not kept:
            raise StateError(
                f"state {path} must keep a readout, and keeps none; fit one with "
                "neurosim stream SOURCE --state FILE --keep-readout (a run that goes on drops it, as the weights go on)"
            )
        fitted: dict[str, Fitted] = {kind: KINDS[kind].of(readout) for kind, readout in kept.items()}
        readouts = cls(fitted, contents.state_sha256, contents.classes)
        readouts._constants = contents.constants
        return readouts

    def keep(self, path: str | Path) -> None:
        """Write them into a state file of the chip that they were fitted to, in the place of those that it keeps.

        A run that goes on with the file drops them, as the weights go on.

        Raises
        ------
        ConfigError
            If the file is of other weights, or its labels have other names; if a readout is not finite.
        StateError
            If the file cannot be read or written; what stands there is whole.
        """
        contents = store.read(path)
        if contents.state_sha256 != self.state_sha256:
            advice = "fit readouts to it, or save the chip that these were fitted to"
            raise ConfigError(
                f"state {path}", f"of the weights read out, {self.state_sha256}", contents.state_sha256, advice
            )
        if self._constants is not None and not _agree(self._constants, contents.constants):
            raise ConfigError(f"state {path}", "of the chip read out, with the same constants", contents.constants)
        names = max(contents.classes, self.classes, key=len)
        if any(names[: len(some)] != some for some in (contents.classes, self.classes)):
            raise ConfigError("classes of the readouts", f"those of {path}, {contents.classes}", self.classes)
        kept = {kind: readout.kept() for kind, readout in self.fitted.items()}
        for kind, readout in kept.items():
            try:
                check_finite(readout.arrays)
            except ValueError as error:
                raise ConfigError(f"{kind} readout", "finite", str(error), "fit it again") from None
        store.save(path, contents._replace(classes=names, readouts=kept))

    def kind(self, wanted: str | None = None) -> str:
        """Return the kind of readout that is wanted, or the best one there is.

        Raises
        ------
        ConfigError
            If there is none of that kind.
        """
        if wanted is not None and wanted not in self.fitted:
            raise ConfigError("readout", f"one that there is: {', '.join(self.fitted) or 'none'}", wanted)
        return wanted or next(kind for kind in KINDS if kind in self.fitted)

    def predict(
        self, chip: Chip, stream: Stream, *, kind: str | None = None, chunk: int | None = None
    ) -> Iterator[Predictions]:
        """Let the chip respond to a stream, and predict the label of each sample, in memory for one chunk.

        Parameters
        ----------
        chip : Chip
            The one that the readouts were fitted to; it does not change.
        stream : Stream
            Of any length; labels are optional.
        kind : str, optional
            Which readout; by default `linear` or `softmax`.
        chunk : int, optional
            Samples at a time, by default 1 for a pipe, else up to 1,000. Predictions do not depend on it.

        Yields
        ------
        Predictions
            For each chunk.

        Raises
        ------
        ConfigError
            If there is no such readout, or the chip has learned since the readouts were fitted.
        SampleError, StreamError
            At the chunk of the first sample that is not admitted, or at the first that cannot be read.
        """
        check_stream("stream", stream)
        kind = self.kind(kind)
        if chip.state_sha256 != self.state_sha256:
            raise ConfigError("chip", f"the one that was read out, state {self.state_sha256}", chip.state_sha256)
        if self._constants is not None and not _agree(self._constants, _described(chip)):
            raise ConfigError("chip", "the one that was read out, with the same constants", chip, "fit readouts to it")
        if chunk is None:
            chunk = chunk_of(chip) if stream.replayable else 1
        chip.blocks(stream, chunk)  # refuses another width at once, and reads nothing yet
        return self._predict(chip, stream, kind, chunk)

    def _predict(self, chip: Chip, stream: Stream, kind: str, chunk: int) -> Iterator[Predictions]:
        first = 0
        for predicted, labels in self.responses(chip, stream, [kind], chunk):
            said, numbered = predicted[kind], None if labels is None else self.numbered(labels, stream)
            yield Predictions(first, said, labels, None if numbered is None else said == numbered)
            first += len(said)
        if first == 0:
            raise SampleError(f"{stream.name} must hold at least one sample, got none")

    def responses(
        self, chip: Chip, stream: Stream, kinds: Sequence[str], chunk: int
    ) -> Iterator[tuple[dict[str, Labels], Labels | None]]:
        """Yield what readouts of several kinds say, a chunk of the stream at a time, and the stream's own labels.

        The chip is not compared with the one that was read out.
        """
        readouts = {kind: self.fitted[kind] for kind in kinds}
        softmax = {kind: readout for kind, readout in readouts.items() if isinstance(readout, SoftmaxReadout)}
        if len(softmax) == len(readouts):  # of outputs alone: responses at all positions would take more memory
            for outputs, labels in chip.output_blocks(stream, chunk=chunk):
                yield {kind: readout.predict(outputs) for kind, readout in softmax.items()}, labels
            return
        for response, labels in chip.respond_blocks(stream, chunk=chunk):
            yield {kind: _said(readout, response) for kind, readout in readouts.items()}, labels

    def numbered(self, labels: Labels, stream: Stream) -> Labels | None:
        """Return labels of a stream, which has read them, as the readouts count them.

        `UNKNOWN` for a name that they do not know, -1 for none; None if words and numbers would be compared.
        """
        if stream.classes and self.classes:
            return renumbered(labels, stream.classes, self.classes)
        words = (self.classes and self.words) or (stream.classes_grow and bool(stream.classes) != bool(self.classes))
        return None if words and (labels != UNLABELLED).any() else labels

    def name(self, label: int) -> str:
        """Return a label's name, or its number if it has none."""
        return self.classes[label] if 0 <= label < len(self.classes) else str(label)


def _described(chip: Chip) -> list[Any]:
    return [describe(layer.constants) for layer in chip.layers]


def _agree(one: Any, other: Any) -> bool:
    """Tell whether constants agree; what only one of them names is newer than the other, and has its default there."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(_agree(one[name], other[name]) for name in one.keys() & other.keys())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_agree, one, other))
    return bool(one == other)


def _said(readout: Fitted, response: Response) -> Labels:
    return readout.predict(response.output) if isinstance(readout, SoftmaxReadout) else readout.predict(response)
