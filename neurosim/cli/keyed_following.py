"""What `neurosim stream --key` says of the samples of each key: records, novelty and names."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neurosim.cli.emitting import DEFAULT_FORMAT, Emission
from neurosim.cli.following import Following

if TYPE_CHECKING:
    from neurosim.fleet.fleet import Fleet
    from neurosim.online.companion import Companion
    from neurosim.online.emission.output import Output
    from neurosim.state.arrays import Arrays
    from neurosim.streams import Stream


class KeyedFollowing(Following):
    """What a command says of the samples of each key: nothing without the options.

    Parameters
    ----------
    values : FollowOptions
    fleet : Fleet
    stream : Stream
    beside : mapping
        What the state file keeps beside the fleet, if it is one that the run goes on from.
    """

    def __init__(self, values: Any, fleet: "Fleet", stream: "Stream", beside: "Mapping[str, Arrays]") -> None:
        super().__init__(values, fleet, stream, beside)

    def _scores(self, chip: Any, measures: list[str], quantile: float) -> Any:
        from neurosim.fleet.novelty import FleetNovelty

        return FleetNovelty(chip, measures, quantile=quantile)

    def _names(self, chip: Any, share: float) -> Any:
        from neurosim.fleet.prequential import FleetPrequential

        return FleetPrequential(chip, share=share, seed=chip.seed)

    def restore(self, values: Any, stream: "Stream", others: "list[Companion]") -> "list[Companion]":
        """Let these companions and others go on with what the state file keeps; return all, each once."""
        from neurosim.cli.resume import tell_left
        from neurosim.online.companion import OF_STREAM

        companions = self.all_with(others)
        kept = {name for name in self._kept or () if name != OF_STREAM}
        if values.learning and not kept:
            return companions
        if values.learning:
            tell_left(values.state, kept, {companion.name for companion in companions})
        return super().restore(values, stream, others)

    def heard(self, listener: Any, told: "list[Companion]") -> Any:
        """Return the listener of the run: the one given, which tells some, and those of these that it does not tell."""
        from neurosim.fleet.hearing import KeyedListeners

        heard: Any = super().heard(listener, told)
        return KeyedListeners(heard.listeners) if hasattr(heard, "listeners") else heard

    def summary(self) -> dict[str, Any]:
        """Return plain values for the summary of the run."""
        found = [one.summary() for one in (self._novelty, self._prequential) if one is not None]
        return {name: value for one in found for name, value in one.items()}


class KeyedEmission(Emission):
    """What a command tells of the samples of each key: nothing without `--emit`; parameters as of `Emission`."""

    def _emitter(
        self, values: Any, chip: Any, stream: "Stream", position: int, output: "Output", following: Following
    ) -> Any:
        from neurosim.fleet.emitter import KeyedEmitter
        from neurosim.online.emission.emitter import listed

        form = values.emit_format or DEFAULT_FORMAT
        return KeyedEmitter(chip, stream, listed(values.emit), form, output, position, following.begun)
