"""What `neurosim stream --key` says of the samples of each key: records, novelty and names."""

from typing import TYPE_CHECKING, Any

from neurosim.cli.emitting import DEFAULT_FORMAT, Emission
from neurosim.cli.following import Following

if TYPE_CHECKING:
    from neurosim.online.emission.output import Output
    from neurosim.streams import Stream


class KeyedFollowing(Following):
    """What a command says of the samples of each key: nothing without the options.

    Parameters
    ----------
    values, stream
        As of `Following`.
    chip : Fleet
    kept : mapping, optional
        What the state file keeps beside the fleet; None for a new fleet.
    """

    def _scores(self, chip: Any, measures: list[str], quantile: float) -> Any:
        from neurosim.fleet.novelty import FleetNovelty

        return FleetNovelty(chip, measures, quantile=quantile)

    def _names(self, chip: Any, share: float) -> Any:
        from neurosim.fleet.prequential import FleetPrequential

        return FleetPrequential(chip, share=share, seed=chip.seed)


class KeyedEmission(Emission):
    """What a command tells of the samples of each key: nothing without `--emit`; parameters as of `Emission`."""

    def _emitter(
        self, values: Any, chip: Any, stream: "Stream", position: int, output: "Output", following: Following
    ) -> Any:
        from neurosim.fleet.emitter import KeyedEmitter
        from neurosim.online.emission.emitter import listed

        form = values.emit_format or DEFAULT_FORMAT
        return KeyedEmitter(chip, stream, listed(values.emit), form, output, position, following.begun)
