"""What may be told of a sample: each field a row of a table, with what it needs and how it is written."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.wanted import Wanted
from neurosim.errors import ConfigError
from neurosim.streams.base import UNLABELLED, Stream

if TYPE_CHECKING:  # the command line's help names the fields, and must not wait for the chip's modules
    from neurosim.chip.chip import Chip
    from neurosim.online.listener import Batch

WHOLE, REAL, SINGLE = np.dtype("<i8"), np.dtype("<f8"), np.dtype("<f4")
SECOND = 1e9  # nanoseconds
OF_KEYS = "key"  # a field where each key has a chip


Values = Callable[["Batch"], NDArray[Any]]


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
    part : str, optional
        Where `begin` returns a listener (and a companion) that scores or names each batch once, for several fields: the
        attribute of it that has this field's values.
    names : callable, optional
        Returns, for the chip and the stream, the words that its numbers stand for, as they are by now; -1 is nothing.
    number_of : callable, optional
        Where a value is a word or a whole number itself, as it stands in text: returns the number that stands for it in
        packed records.
    """

    key: str
    about: str
    begin: Callable[[Any, Stream], Any]
    dtype: np.dtype[Any] = WHOLE
    numbers: Callable[["Chip"], int] | None = None
    wants: Wanted = Wanted()
    names: Callable[["Chip", Stream], Sequence[str]] | None = None
    part: str | None = None
    number_of: Callable[[Any], int] | None = None


class Once:
    """Lets a listener hear of each batch once, whichever field asks first."""

    def __init__(self, listener: Any) -> None:
        self.listener, self._batch = listener, None

    def part(self, name: str, dtype: np.dtype[Any]) -> Values:
        """Return what gives an attribute of the listener, as it is after a batch, in a type."""

        def values(batch: "Batch") -> NDArray[Any]:
            if batch is not self._batch:
                self.listener.take(batch)
                self._batch = batch  # type: ignore[assignment]
            return np.asarray(getattr(self.listener, name), dtype)

        return values


def begin_all(
    rows: Mapping[str, Field],
    chip: Any,
    stream: Stream,
    begun: Mapping[str, Any],
    table: Mapping[str, Field] | None = None,
) -> tuple[list[Any], list[Any]]:
    """Return what gives the values of each field, and those that have something to keep in snapshots.

    `begun` has, by the name of a field, what is taken in place of what its row begins. `table` has all rows, those of
    a chip by default.
    """
    table = FIELDS if table is None else table
    shared = {row.begin: Once(begun[name]) for name, row in table.items() if name in begun and row.part is not None}
    values: list[Any] = []
    for name, row in rows.items():
        if row.part is not None:
            if row.begin not in shared:
                shared[row.begin] = Once(row.begin(chip, stream))
            values.append(shared[row.begin].part(row.part, row.dtype))
        else:
            values.append(begun[name] if name in begun else row.begin(chip, stream))
    used = {row.begin for row in rows.values() if row.part is not None}
    makers = [*values, *(once.listener for begin, once in shared.items() if begin in used)]
    return values, [maker for maker in makers if hasattr(maker, "restore")]


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

    def seconds(batch: "Batch") -> NDArray[np.float64]:
        came = stream.arrived(batch.first, len(batch))
        took = batch.nanoseconds if came is None else time.monotonic_ns() - came
        return took / SECOND

    return seconds


def _novelty(chip: "Chip", _stream: Stream) -> Any:
    from neurosim.online.emission.novelty import Novelty

    return Novelty(chip)


def _prequential(chip: "Chip", _stream: Stream) -> Any:
    from neurosim.online.emission.prequential import Prequential

    return Prequential(chip)


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
    "novelty": Field(
        "novelty", "how unusual the sample is, in deviations from what is usual; none for a sample of zeros", _novelty,
        REAL, wants=Wanted(potentials=True), part="scores",
    ),
    "threshold": Field(
        "threshold", "the quantile of the novelty of the samples before; none as long as these are few", _novelty, REAL,
        wants=Wanted(potentials=True), part="thresholds",
    ),
    "novel": Field(
        "novel", "1 if the novelty is above the threshold, else 0", _novelty, wants=Wanted(potentials=True),
        part="flags",
    ),
    "predicted": Field(
        "predicted", "the label of the sample's winner so far, before the sample's own label is learned", _prequential,
        wants=Wanted(potentials=True), names=lambda _chip, stream: stream.classes, part="predicted",
    ),
    "label": Field(
        "label", "the sample's label, if it has one", _labels, names=lambda _chip, stream: stream.classes
    ),
}  # fmt: skip


def fields_of(names: Sequence[str], table: Mapping[str, Field] = FIELDS) -> dict[str, Field]:
    """Return the rows of some names, in their order; of a table, that of a chip by default.

    Raises
    ------
    ConfigError
        If there is no name, one is unknown, or one comes twice.
    """
    rule = f"some of {', '.join(table)}, each once"
    if not names:
        raise ConfigError("emit", rule, list(names))
    for name in names:
        if name == OF_KEYS and name not in table:
            raise ConfigError("emit", f"without {name} where there are no keys", name, "--key COLUMN says whose")
        if name not in table or list(names).count(name) > 1:
            raise ConfigError("emit", rule, name)
    return {name: table[name] for name in names}
