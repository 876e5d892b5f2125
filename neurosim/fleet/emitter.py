"""A listener that writes a record for each sample of a fleet as soon as its chip has learned from it."""

from collections.abc import Mapping
from typing import Any

from neurosim.fleet.fields import KEYED_FIELDS
from neurosim.fleet.fleet import Fleet
from neurosim.fleet.hearing import KeyedBatch
from neurosim.online.companion import Companion
from neurosim.online.emission.emitter import RecordWriter, wanted_of
from neurosim.online.emission.fields import begin_all, fields_of
from neurosim.online.emission.formats import columns_of, format_of
from neurosim.online.emission.output import Output
from neurosim.streams import Stream


class KeyedEmitter(RecordWriter):
    """Writes a record of each sample; the `listener` of `neurosim.run_fleet`.

    Parameters
    ----------
    fleet : Fleet
    stream : Stream
    names : sequence of str
        Names of fields, in order: see `neurosim.fleet.fields.KEYED_FIELDS`.
    form, output, position, begun
        As of `neurosim.online.emission.emitter.Emitter`.

    Attributes
    ----------
    wants : Wanted
    records, missing, closed, stuck
        As of `neurosim.online.emission.emitter.RecordWriter`.
    companions : list of Companion
        Fields that have something to keep in snapshots.
    """

    def __init__(
        self,
        fleet: Fleet,
        stream: Stream,
        names: list[str],
        form: str,
        output: Output,
        position: int = 0,
        begun: Mapping[str, Any] | None = None,
    ) -> None:
        rows = fields_of(names, KEYED_FIELDS)
        self.companions: list[Companion]
        self._values, self.companions = begin_all(rows, fleet, stream, begun or {}, KEYED_FIELDS)
        self.wants, self._position = wanted_of(rows.values(), self.companions), position
        columns = columns_of(list(rows.values()), fleet.template, stream)
        super().__init__(format_of(form, columns), output, stream.replayable)

    def take(self, batch: KeyedBatch) -> None:
        """Write the records of samples, or hold them back for a moment."""
        values = [of(batch) for of in self._values]  # also where nobody reads: some follow the stream
        self.write((self._position + batch.numbers).tolist(), values)
