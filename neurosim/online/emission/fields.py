"""What may be told of a sample: each field a row of a table, with what it needs and how it is written."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.wanted import Wanted
from neurosim.errors import ConfigError
from neurosim.streams.base import UNLABELLED, Stream

if TYPE_CHECKING:  # the command line's help names the fields, and must not wait for the chip's modules
    from neurosim.chip.chip import Chip
    from neurosim.engine.results import Results

WHOLE, REAL, SINGLE = np.dtype("<i8"), np.dtype("<f8"), np.dtype("<f4")
SECOND = 1e9  # nanoseconds


class Batch(NamedTuple):
    """Samples that went through a chip together: what a listener is told, as it is told it.

    Attributes
    ----------
    first : int
        Number of the first of them, counted since the run began.
    results, labels, samples, nanoseconds
        As in `neurosim.online.listener.Listener.take`.
    """

    first: int
    results: "Results"
    labels: NDArray[np.int64] | None
    samples: NDArray[np.float32]
    nanoseconds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.results.winners)


Values = Callable[[Batch], NDArray[Any]]


class Field(NamedTuple):
    """A field of a record.

    Attributes
    ----------
    key : str
        What it is called in records, with the unit.
    about : str
        What it is, for help and documentation.
    begin : callable
        Called with the chip and the stream before a run begins; returns the function that gives the field's values for
        a batch: (samples,), or (samples, numbers) where a sample has several. If that function is a
        `neurosim.online.companion.Companion` too, its arrays are kept in the run's snapshots.
    dtype : numpy.dtype
        Of a number in packed records, little-endian. In text, whole numbers of `names` are written as words.
    numbers : callable, optional
        Returns for a chip how many numbers a sample has; None: one, and it is no list.
    wants : Wanted
        What must be computed for it.
    names : callable, optional
        Returns, for the chip and the stream, the words that its numbers stand for, as they are by now; -1 is nothing.
    """

    key: str
    about: str
    begin: Callable[["Chip", Stream], Values]
    dtype: np.dtype[Any] = WHOLE
    numbers: Callable[["Chip"], int] | None = None
    wants: Wanted = Wanted()
    names: Callable[["Chip", Stream], Sequence[str]] | None = None


def _winners(_chip: "Chip", _stream: Stream) -> Values:
    return lambda batch: batch.results.winners


def _responses(chip: "Chip", _stream: Stream) -> Values:
    as_images = chip.layers[-1].as_images
    return lambda batch: as_images(batch.results.responses).reshape(len(batch), -1)


def _potentials(chip: "Chip", _stream: Stream) -> Values:
    as_images = chip.layers[-1].as_images
    return lambda batch: as_images(batch.results.potentials).reshape(len(batch), -1)


def _outputs(_chip: "Chip", _stream: Stream) -> Values:
    return lambda batch: batch.results.outputs


def _labels(_chip: "Chip", _stream: Stream) -> Values:
    return lambda batch: np.full(len(batch), UNLABELLED) if batch.labels is None else batch.labels


def _latencies(_chip: "Chip", stream: Stream) -> Values:
    """Return a function that gives seconds from each sample's arrival, or in the loop where no arrival is known."""

    def seconds(batch: Batch) -> NDArray[np.float64]:
        came = stream.arrived(batch.first, len(batch))
        took = batch.nanoseconds if came is None else time.monotonic_ns() - came
        return took / SECOND

    return seconds


FIELDS: dict[str, Field] = {
    "winner": Field("winner", "the neuron that won (of a convolutional layer, most positions)", _winners),
    "response": Field(
        "response", "the last layer's responses, one a neuron", _responses, SINGLE,
        lambda chip: chip.layers[-1].responses, Wanted(responses=True),
    ),
    "potentials": Field(
        "potentials", "the last layer's potentials, one a neuron", _potentials, SINGLE,
        lambda chip: chip.layers[-1].responses, Wanted(potentials=True),
    ),
    "output": Field(
        "output", "what the last layer transmits", _outputs, SINGLE, lambda chip: chip.layers[-1].outputs,
        Wanted(outputs=True),
    ),
    "latency": Field(
        "latency_s", "seconds from the sample's arrival where the source has a clock of it, else those in the layers",
        _latencies, REAL,
    ),
    "label": Field(
        "label", "the sample's label, if it has one", _labels, names=lambda _chip, stream: stream.classes
    ),
}  # fmt: skip


def fields_of(names: Sequence[str]) -> dict[str, Field]:
    """Return the rows of some names, in their order.

    Raises
    ------
    ConfigError
        If there is no name, one is unknown, or one comes twice.
    """
    rule = f"some of {', '.join(FIELDS)}, each once"
    if not names:
        raise ConfigError("emit", rule, "none")
    for name in names:
        if name not in FIELDS or list(names).count(name) > 1:
            raise ConfigError("emit", rule, name)
    return {name: FIELDS[name] for name in names}
