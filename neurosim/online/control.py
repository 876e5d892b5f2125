"""Who may hold, step and change a run while it goes: asked between chunks."""

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from neurosim.errors import NeurosimError


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
        """Return after how many more samples to call `between`, at the latest; 0 to be called now.

        Called after every chunk, and when a sample has come that was waited for; so it should be quick. A chunk never
        goes beyond what any call has returned since the last `between`. `float("inf")` leaves chunks alone: a control
        that goes by a clock returns it until its time has come, and then 0.

        Parameters
        ----------
        samples : int
            Samples that the chip has learned from, in all runs.
        """

    def between(self, samples: int) -> Iterable[Edit]:
        """Return the changes that are made before the next sample; while this call lasts, the run is held.

        All layers have then learned from so many samples, and the call may use the chip, not change it. Snapshots
        that are due are taken meanwhile, by another thread. `neurosim.online.stop.Stop` ends the run.
        """

    def refused(self, edit: Edit, why: NeurosimError) -> None:
        """Take note of an edit that could not be made, and changed nothing; the run goes on."""
