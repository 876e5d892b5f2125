"""What `bench` measured: the times of every sample, and their summary."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neurosim.latency.timing import outcome
from neurosim.latency.timing.record import Moments, Record


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What `neurosim.bench` measured.

    Attributes
    ----------
    about : dict
        The measurement and its environment, as plain values.
    record : Record
        When each measured sample was due, started and done, in nanoseconds.
    layers : int64 (samples, layers), or None
        Nanoseconds in each layer, from the run that `stages` asks for.
    loop : int64 (samples,), or None
        Nanoseconds of each measured sample in the chip's compiled loops: the part of its service time that is not
        Python's, and what `neurosim.run` reports as latency.
    """

    about: dict[str, Any]
    record: Record = field(repr=False)
    layers: Moments | None = field(repr=False, default=None)
    loop: Moments | None = field(repr=False, default=None)

    def summary(self) -> dict[str, Any]:
        """Return all but the single samples as plain values, with units in the names; times are in seconds."""
        record, opened = self.record, self.about["arrivals"]["kind"] != "closed"
        layers: list[Moments] = [] if self.layers is None or not len(self.layers) else list(self.layers.T)
        return {
            **self.about,
            "samples": len(record.start),
            "service": outcome.distribution(record.service),
            "response": outcome.distribution(record.response),
            "loop": None if self.loop is None else outcome.distribution(self.loop),
            "too_few_samples_for": outcome.too_few(len(record.start)),
            **outcome.misses(record.response, self.about["deadline_s"]),
            **(outcome.queue(record) if opened else outcome.no_queue()),
            **outcome.pace(record),
            "layers": [outcome.distribution(times) for times in layers] or None,
        }

    def table(self) -> str:
        """Return the summary as text for people."""
        from neurosim.latency.table import table

        return table(self.summary())

    def _repr_html_(self) -> str:
        from neurosim.latency.table import html_table

        return html_table(self.summary())

    def save(self, path: str | Path) -> None:
        """Write the times of every sample to a file: `.h5` or `.hdf5`, `.csv`, or `.hgrm`, by its ending.

        Raises
        ------
        ConfigError
            If the ending is another, or the file cannot be written.
        """
        from neurosim.latency.files import write

        write(self.record, {"layer": self.layers, "loop": self.loop}, self.summary(), path)

    def draw(self, path: str | Path) -> None:
        """Draw the percentiles, and the latencies over time, into a file of any format that matplotlib writes.

        Raises
        ------
        ConfigError
            If there is no matplotlib (extra `views`), or the file cannot be written.
        """
        from neurosim.latency.figure import draw

        draw(self.record, self.about, path)
