"""`neurosim stream --novelty` and `--prequential`: what a run says of its samples, besides learning from them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from neurosim.cli.faults import echo_error, fail
from neurosim.errors import ConfigError, StateError

if TYPE_CHECKING:
    from neurosim.online.companion import Companion
    from neurosim.online.listener import Listener
    from neurosim.state.arrays import Arrays
    from neurosim.streams import Stream

SPELLED = {"measures": "novelty", "quantile": "novelty_quantile"}  # arguments as the options that they come from
ASKED_BY = {"novelty": "--novelty LIST and --novelty-quantile Q", "prequential": "--label-share S"}  # companions
QUANTILE, SHARE = 0.99, 1.0
OF_NOVELTY = ("novelty", "threshold", "novel")  # fields of --emit that --novelty gives
OF_NAMES = ("predicted",)  # and those of --prequential


@dataclass(frozen=True, kw_only=True)
class FollowOptions:
    """What is said of each sample.

    Attributes
    ----------
    novelty : str, optional
        Names of measures, between commas.
    novelty_quantile : float, optional
    prequential : bool
    label_share : float, optional
    """

    novelty: str | None = None
    novelty_quantile: float | None = None
    prequential: bool = False
    label_share: float | None = None


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `FollowOptions`."""
    declared = (
        click.option(
            "--novelty", metavar="LIST", callback=_measures,
            help="Score how unusual each sample is, before it is learned: by shortfall, entropy, or, with --chunk 1, "
            "step. The summary counts the novel ones; --emit novelty,threshold,novel tells each.",
        ),
        click.option(
            "--novelty-quantile", type=float, metavar="Q",
            help=f"Share of samples that are not novel.  [default: {QUANTILE}]",
        ),
        click.option(
            "--prequential", is_flag=True,
            help="Name each sample by its winner before its label, if it has one, is learned, and say how often that "
            "is right; --emit predicted tells each.",
        ),
        click.option(
            "--label-share", type=float, metavar="S",
            help="With --prequential: learn names from this share of the labels only, drawn by the seed; count all.",
        ),
    )  # fmt: skip
    for option in reversed(declared):
        command = option(command)
    return command


def _measures(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    """Refuse an option in place of the measures: click takes it for them."""
    if text is not None and text.startswith("-"):
        fail(f"novelty must be a LIST of measures, such as --novelty shortfall, got {text}")
    return text


def check(values: Any) -> None:
    """Refuse options that do not go together, before anything is read."""
    if values.novelty is None and values.novelty_quantile is not None:
        fail(f"novelty_quantile must be left out without --novelty, got {values.novelty_quantile}")
    if not values.prequential and values.label_share is not None:
        fail(f"label_share must be left out without --prequential, got {values.label_share}")
    if values.key is None and values.novelty is not None and "step" in _listed(values.novelty):
        if values.chunk != 1:
            fail("novelty by step must come with --chunk 1: it is of single samples")
        if not values.learning:
            fail("novelty by step must come without --respond: a frozen chip takes no step")


def names(values: Any) -> set[str]:
    """Return the names of the companions that the options ask for."""
    told = set() if values.emit is None else set(_listed(values.emit))
    asked = {
        "novelty": values.novelty is not None or told.intersection(OF_NOVELTY),
        "prequential": values.prequential or told.intersection(OF_NAMES),
    }
    return {name for name, wanted in asked.items() if wanted}


class Following:
    """What a command says of its samples: nothing without the options.

    Parameters
    ----------
    values : FollowOptions
        With `seed`, `state`, `restart` and `learning` of the command.
    chip : Chip
    stream : Stream
    kept : mapping, optional
        What the state file keeps beside the chip, by companion; None for a new chip.

    Attributes
    ----------
    begun : dict
        By the name of a field of `--emit`: what gives its values.
    companions : list of Companion
        Those of the run.
    """

    def __init__(self, values: Any, chip: Any, stream: "Stream", kept: "Mapping[str, Arrays] | None") -> None:
        self._novelty: Any = None
        self._prequential: Any = None
        self._kept = kept
        self.begun: dict[str, Any] = {}
        self.companions: list[Companion] = []
        if values.novelty is not None:
            quantile = QUANTILE if values.novelty_quantile is None else values.novelty_quantile
            try:
                self._novelty = self._scores(chip, _listed(values.novelty), quantile)
            except ConfigError as error:  # it has the names of Python
                name, *rest = error.args
                raise ConfigError(SPELLED.get(name, name), *rest) from None
            self._add(self._novelty, OF_NOVELTY)
        if values.prequential:
            _check_labelled(stream)
            share = SHARE if values.label_share is None else values.label_share
            self._prequential = self._names(chip, share)
            self._add(self._prequential, OF_NAMES)

    def _scores(self, chip: Any, measures: list[str], quantile: float) -> Any:
        """Return what scores samples."""
        from neurosim.online.emission.novelty import Novelty

        return Novelty(chip, measures, quantile=quantile)

    def _names(self, chip: Any, share: float) -> Any:
        """Return what names samples."""
        from neurosim.online.emission.prequential import Prequential

        return Prequential(chip, share=share, seed=chip.seed)

    def _add(self, listener: Any, fields: tuple[str, ...]) -> None:
        self.companions.append(listener)
        self.begun |= dict.fromkeys(fields, listener)

    def restore(self, values: Any, stream: "Stream", others: "list[Companion]") -> "list[Companion]":
        """Let these companions and others go on with what the state file keeps; return all, each once.

        Those of a frozen chip go on from what it learned, too. What begins anew beside a chip that has learned is told.

        Raises
        ------
        StateError
            If it keeps what is none of theirs.
        """
        companions = list({id(companion): companion for companion in [*self.companions, *others]}.values())
        if self._kept is None or values.state is None:
            return companions
        from neurosim.cli.resume import tell_left
        from neurosim.online.companion import OF_STREAM, go_on

        kept = {name: arrays for name, arrays in self._kept.items() if name != OF_STREAM}
        if values.learning:
            tell_left(values.state, kept, {companion.name for companion in companions})
        try:
            go_on(values.state, kept, stream, companions)
        except StateError as error:
            if (advice := _of_other_constants(companions, kept)) is not None:
                error.add_note(advice + ("; or begin anew, with --restart" if values.learning else ""))
            raise
        for companion in companions:
            name = companion.name
            if name not in kept:
                echo_error(f"{name} begins anew: state {values.state} keeps none.")
            elif not values.learning:
                echo_error(f"{name} goes on from what state {values.state} keeps of it, which stays as it is.")
        return companions

    def heard(self, listener: "Listener | None", told: "list[Companion]") -> "Listener | None":
        """Return the listener of the run: the one given, which tells some, and those of these that it does not tell."""
        from neurosim.online.listener import Listeners

        rest = [own for own in self.companions if not any(own is other for other in told)]
        heard: list[Any] = [*rest, *([] if listener is None else [listener])]
        return None if not heard else heard[0] if len(heard) == 1 else Listeners(heard)

    def summary(self) -> dict[str, Any]:
        """Return plain values for the summary of the run."""
        found = [one.summary() for one in (self._novelty, self._prequential) if one is not None]
        return {name: value for one in found for name, value in one.items()}


def _of_other_constants(companions: "list[Companion]", kept: "Mapping[str, Arrays]") -> str | None:
    """Say what helps where something was kept with other constants, if one was."""
    for companion in companions:
        then, now = (arrays.get("constants") for arrays in (kept.get(companion.name, {}), companion.arrays(0)))
        if then is not None and now is not None and then.tolist() != now.tolist() and companion.name in ASKED_BY:
            return f"give {ASKED_BY[companion.name]} as when this was kept"
    return None


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _check_labelled(stream: "Stream") -> None:
    if stream.replayable and not stream.labelled:  # of a pipe, nobody knows yet
        fail(f"labels of {stream.name} must be there for --prequential, got none; {stream.labels_advice}")


def rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the rows of the table of a summary."""
    found = []
    if "novel_keys" in summary:
        found.append(("novel", f"{summary['novel']:,} samples, of {summary['novel_keys']:,} keys"))
    elif "novel" in summary:
        threshold = summary["novelty_threshold"]
        beyond = "no threshold yet" if threshold is None else f"the threshold is {threshold:.3g} now"
        found.append(("novel", f"{summary['novel']:,} samples; {beyond}"))
    if summary.get("prequential_accuracy") is not None:
        recent, counted = summary["prequential_recent_accuracy"], summary["prequential_samples"]
        learned = summary["prequential_labels"]
        said = (
            f"{summary['prequential_accuracy']:.2%} of {counted:,} samples before their labels, of which {learned:,} "
        )
        found.append(("prequential", f"{said}were learned; {recent:.2%} of late"))
    return found
