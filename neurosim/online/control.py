"""Who may hold, step and change a run while it goes: asked between chunks."""

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol


class Edit(NamedTuple):
    """A change of a constant amid a run, which the chip records with its sample (`Chip.changes`).

    Attributes
    ----------
    name : str
        As in `Chip.with_constants`: "rate", "temperature", or a full name such as "rule.rate".
    value : object
    layer : int or None
        Index of the only layer that is changed, from 0; None for all.
    """

    name: str
    value: Any
    layer: int | None = None


class Control(Protocol):
    """What `neurosim.run` asks between chunks, and before the first one."""

    def samples_left(self, samples: int) -> float:
        """Return after how many more samples to ask again: at least 1, or infinity.

        Parameters
        ----------
        samples : int
            Samples that the chip has learned from, in all runs.
        """

    def between(self, samples: int) -> Iterable[Edit]:
        """Return the changes that are made before the next sample; while this call lasts, the run is held."""
