"""`neurosim stream --emit`: a record for each sample on standard output; and `--respond`, for a chip that is frozen."""

import math
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from neurosim.cli import options as shared
from neurosim.cli.faults import echo_error, fail, say
from neurosim.cli.following import Following, names
from neurosim.cli.interrupts import Interrupts

if TYPE_CHECKING:
    from neurosim.cli.resume import Opened
    from neurosim.online.companion import Companion
    from neurosim.online.emission.emitter import RecordWriter
    from neurosim.online.emission.output import Output
    from neurosim.streams import Stream

DEFAULT_FORMAT = "csv"
FORMATS = ("csv", "ndjson", "packed")  # those of neurosim.online.emission.formats, which imports NumPy
PIPE = "-"
# What makes, changes or keeps what is learned, or follows from it.
OF_LEARNING = (
    "restart", "replay", "edits", "constant_changes", "snapshot_samples", "snapshot_seconds", "test", "keep_readout",
    "readout_epochs",
)  # fmt: skip
# What a state has by itself. A recipe may be needed, for its file with rules of one's own.
OF_A_NEW_CHIP = (
    "neurons", "keys", "preset", "temperature", "gain", "relative_temperature", "rate", "floor", "window", "normalise",
    "initial", "weight_bits", "devices", "seed",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class EmitOptions:
    """What is told of each sample.

    Attributes
    ----------
    emit : str, optional
        Names of fields, between commas.
    emit_format : str, optional
    learning : bool
        Whether the chip learns.
    """

    emit: str | None = None
    emit_format: str | None = None
    learning: bool = True


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `EmitOptions`."""
    declared = (
        click.option(
            "--emit", metavar="LIST",
            help="Write a record of each sample to standard output as soon as it is learned: its number, and of the "
            "fields below those listed.",
        ),
        click.option(
            "--emit-format", type=click.Choice(FORMATS),
            help=f"Of these records: lines of text, or packed little-endian numbers.  [default: {DEFAULT_FORMAT}]",
        ),
        shared.learning(help="Learn, or only respond, for --emit: a state is left as it is.  [default: learn]"),
    )  # fmt: skip
    for option in reversed(declared):
        command = option(command)
    return command


def check(values: Any) -> None:
    """Refuse options that do not go together, before anything is read."""
    if values.emit is None:
        if values.emit_format is not None:
            fail(f"emit_format must be left out without --emit, got {values.emit_format}")
        if not values.learning:
            fail("respond must come with --emit: nothing else comes of a chip that learns nothing")
        return
    if sys.stdout is None:
        fail("standard output must be open for --emit, and it is closed")
    from neurosim.online.emission.emitter import listed
    from neurosim.online.emission.fields import fields_of

    if values.key is None:
        fields_of(listed(values.emit))
    else:
        from neurosim.fleet.fields import KEYED_FIELDS

        fields_of(listed(values.emit), KEYED_FIELDS)
    if not values.learning:
        _check_frozen(values)


def _check_frozen(values: Any) -> None:
    context = click.get_current_context()
    refused = dict.fromkeys(OF_LEARNING, "--respond: nothing is learned")
    if values.state is not None:
        refused |= dict.fromkeys(OF_A_NEW_CHIP, "--state and --respond: the chip is the state's")
        if not os.path.exists(values.state):
            fail(f"state must be there for --respond, got {values.state}")
    for name, why in refused.items():
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            fail(f"{name} must be left out with {why}")


def on_terminal(values: Any) -> bool:
    """Tell whether records go to a terminal, where a bar would stand between them."""
    return values.emit is not None and sys.stdout is not None and sys.stdout.isatty()


def with_width(values: Any) -> Any:
    """Return options with the width of the frozen chip's samples, where a pipe or frames need one and none is given."""
    if values.learning or values.state is None or values.inputs is not None:
        return values
    if values.source != PIPE and values.format is None:
        return values
    from neurosim.fleet import store as fleets
    from neurosim.state import store

    shape = store.read(values.state).shape if values.key is None else fleets.read(values.state).shape
    return replace(values, inputs=math.prod(shape))


def frozen_chip(values: Any, stream: "Stream") -> "Opened":
    """Return the chip that only responds, that of the state or a new one, at the beginning of the stream."""
    from neurosim.chip.chip import Chip
    from neurosim.cli.own_code import rules_in, split
    from neurosim.cli.resume import Opened, name_labels, new_chip
    from neurosim.state import store
    from neurosim.streams.base import check_columns

    if values.state is None:
        return Opened(new_chip(values, stream))
    contents = store.read(values.state)
    rules = rules_in(None if values.recipe is None else split(values.recipe)[0])
    check_columns(stream.name, stream.columns, (contents.stream or {}).get("columns", ()), "what the chip learned from")
    if "prequential" in contents.beside and "prequential" in names(values):  # names that are numbered as they were
        name_labels(stream, contents.classes, contents.position)
    return Opened(Chip.of(contents, values.state, rules, values.device), 0, contents.beside)


class Emission:
    """What a command tells of each sample: nothing without `--emit`.

    Parameters
    ----------
    values : EmitOptions
    chip : Chip
    stream : Stream
    position : int
        Number of the run's first sample in the stream.
    interrupts : Interrupts
    following : Following
        What else is said of samples: it may give values of fields.

    Attributes
    ----------
    emitter : RecordWriter or None
        Writes the records, if any are wanted.
    listener : Listener or None
        That of the run.
    companions : list of Companion
        Those of the run.
    ends : callable
        Tells whether the run is to end: a signal came, or nobody reads the records any more.
    """

    def __init__(
        self, values: Any, chip: Any, stream: "Stream", position: int, interrupts: Interrupts, following: Following
    ) -> None:
        self.emitter: RecordWriter | None = None
        self.listener: Any = None
        self.companions: list[Companion] = []
        self.ends = interrupts.came
        if values.emit is not None:
            self.emitter = emitter = self._emitter(values, chip, stream, position, _output(interrupts), following)
            self.listener, self.companions = emitter, emitter.companions
            self.ends = lambda: interrupts.signal != 0 or emitter.closed
        self._following = following
        self.listener = following.heard(self.listener, self.companions)
        self.companions = following.restore(values, stream, self.companions)

    def _emitter(
        self, values: Any, chip: Any, stream: "Stream", position: int, output: "Output", following: Following
    ) -> Any:
        """Return what writes the records, a listener of the run."""
        from neurosim.online.emission.emitter import Emitter, listed

        form = values.emit_format or DEFAULT_FORMAT
        return Emitter(chip, stream, listed(values.emit), form, output, position, following.begun)

    def finish(self, summary: dict[str, Any]) -> None:
        """Write what is left, and say in the summary what became of the records."""
        emitter = self.emitter
        summary |= self._following.summary()
        if emitter is None:
            return
        emitter.finish()
        summary["records"] = emitter.records
        if emitter.stuck:
            missing = f"the records of the last {emitter.missing:,} samples were not written"
            summary["notes"].append(f"nobody read standard output, so {missing}")
        elif emitter.closed:
            summary["notes"].append("standard output was closed by its reader, which ended the run")

    def say(self, text: str) -> None:
        """Print the summary: on standard error if records are on standard output.

        If it cannot be written there, records and state are what they should be, so that is no error.
        """
        if self.emitter is None:
            say(text)
        else:
            echo_error(text)


def _output(interrupts: Interrupts) -> "Output":
    from neurosim.online.emission.output import Output

    assert sys.stdout is not None
    sys.stdout.flush()
    return Output(sys.stdout.buffer, interrupts.came)
