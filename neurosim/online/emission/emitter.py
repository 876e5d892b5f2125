"""A listener that writes a record for each sample as soon as it is learned."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from neurosim.chip.chip import Chip
from neurosim.chip.wanted import Wanted
from neurosim.errors import StreamError
from neurosim.online.companion import Companion
from neurosim.online.emission.fields import Field, begin_all, fields_of
from neurosim.online.emission.formats import Format, columns_of, format_of
from neurosim.online.emission.output import Output, Stuck
from neurosim.online.listener import Batch
from neurosim.online.stop import Stop
from neurosim.streams import Stream


class RecordWriter:
    """Writes records whole, in few calls, and knows what became of them.

    Parameters
    ----------
    form : Format
    output : Output
    at_hand : bool
        Whether the stream never waits, as a file does not: what is held back is then written each time more is asked
        for.

    Attributes
    ----------
    records : int
        Those that were written whole, or are about to be.
    missing : int
        Those of samples that were learned from, and that were not, as nobody read.
    closed : bool
        Whether nobody reads any more: what comes then is dropped, and the run had better end.
    stuck : bool
        Whether that is because the reader did not read on after a signal.
    """

    def __init__(self, form: Format, output: Output, at_hand: bool) -> None:
        self._format, self._output, self._at_hand = form, output, at_hand
        self.records, self.missing, self.closed, self.stuck = 0, 0, False, False
        self._error: StreamError | None = None
        if form.head:
            output.hold(form.head)  # until the run begins: it may be refused

    def write(self, numbers: Sequence[int], values: list[Any]) -> None:
        """Write the records of samples, or hold them back for a moment: their numbers, and values of each field."""
        if self.closed:
            self.missing += len(numbers)
            return
        self.records += len(numbers)
        self._write(self._format.records(numbers, values))

    def rest(self, waiting: bool) -> None:
        """Write what is held back, if the stream must be waited for, or a file be read on.

        Raises
        ------
        Stop
            If nobody reads any more.
        StreamError
            As of `finish`.
        """
        if waiting or self._at_hand or self.closed:
            self.finish()
            if self.closed:
                raise Stop

    def finish(self) -> None:
        """Write all that is held back.

        Raises
        ------
        StreamError
            If it cannot be written, or what came before could not; but once.
        """
        if not self.closed:
            self._write(None)
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _write(self, data: bytes | None) -> None:
        try:
            self._output.flush() if data is None else self._output.add(data)
        except Exception as error:
            self._end(error)

    def _end(self, error: Exception) -> None:
        """Write no more, as it failed by an error; raise one that is not of writing."""
        try:
            raise error
        except BrokenPipeError:
            self.closed = True
        except Stuck:
            self.closed = self.stuck = True
        except (OSError, ValueError) as error:  # a ValueError of a file in memory that was closed
            # Not raised amid samples: what follows the stream for a field must hear of all that the chip learns.
            self.closed, self._error = True, StreamError(f"standard output must be writable, and is not: {error}")
        lost = min(self._format.ends(self._output.lost), self.records)  # the head may be lost, too
        self.records, self.missing = self.records - lost, self.missing + lost

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.records} records)"


class Emitter(RecordWriter):
    """Writes a record of each sample; the `listener` of `neurosim.run`.

    Parameters
    ----------
    chip : Chip
    stream : Stream
    names : sequence of str
        Names of fields, in order: see `neurosim.online.emission.fields.FIELDS`.
    form : str
        csv, ndjson or packed.
    output : Output
    position : int
        Number of the run's first sample in the stream.
    begun : mapping, optional
        What gives the values of some fields, by name, in place of what their rows begin.

    Attributes
    ----------
    wants : Wanted
    records, missing, closed, stuck
        As of `RecordWriter`.
    companions : list of Companion
        Fields that have something to keep in snapshots.
    """

    def __init__(
        self,
        chip: Chip,
        stream: Stream,
        names: list[str],
        form: str,
        output: Output,
        position: int = 0,
        begun: Mapping[str, Any] | None = None,
    ) -> None:
        rows = fields_of(names)
        self.companions: list[Companion]
        self._values, self.companions = begin_all(rows, chip, stream, begun or {})
        self.wants, self._position = wanted_of(rows.values(), self.companions), position
        super().__init__(format_of(form, columns_of(list(rows.values()), chip, stream)), output, stream.replayable)

    def take(self, batch: Batch) -> None:
        """Write the records of samples, or hold them back for a moment."""
        values = [of(batch) for of in self._values]  # also where nobody reads: some follow the stream
        first = self._position + batch.first
        self.write(range(first, first + len(batch)), values)


def wanted_of(rows: Iterable[Field], companions: Iterable[Any]) -> Wanted:
    """Return what fields, and companions that say so, want of each sample."""
    wants = [row.wants for row in rows]
    wants += [companion.wants for companion in companions if hasattr(companion, "wants")]
    return Wanted(*(any(flags) for flags in zip(*wants, strict=True)))


def listed(text: str) -> list[str]:
    """Return the names of a text that separates them by commas."""
    return [name.strip() for name in text.split(",")] if text.strip() else []
