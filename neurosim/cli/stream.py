"""`neurosim stream`: samples through a chip that learns, and what came of it."""

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from click.core import ParameterSource

from neurosim.cli import emitting, following
from neurosim.cli import options as shared
from neurosim.cli.compiled_code import find_cache
from neurosim.cli.emitting import Emission, EmitOptions
from neurosim.cli.faults import echo_error, fail, plainly
from neurosim.cli.following import Following, FollowOptions
from neurosim.cli.help import FilledHelp
from neurosim.cli.interrupts import Interrupts, ignored
from neurosim.cli.keyed import learn_keyed
from neurosim.cli.options import DEFAULT_KEYS, RunOptions
from neurosim.cli.transforms import AUGMENTATIONS, open_transformed, say_numbers, say_ready

if TYPE_CHECKING:
    from neurosim.chip.chip import Chip
    from neurosim.errors import NeurosimError
    from neurosim.online.control import Control
    from neurosim.online.report import Report
    from neurosim.online.request import Request
    from neurosim.streams import Stream

CHUNK_ON_A_DEVICE = 256  # samples: each call of a device has a cost of its own


@dataclass(frozen=True, kw_only=True)
class StreamOptions(RunOptions, EmitOptions, FollowOptions):
    """Values of the options of `neurosim stream`."""

    edits: str | None
    test: str | None
    keep_readout: bool
    readout_epochs: int | None

    @property
    def written(self) -> str | None:
        """The state file, if it is written."""
        return self.state if self.learning else None


class Shown(NamedTuple):
    """What shows a run as it goes, and may hold and change it: `watch` and `control` of `neurosim.run`."""

    watch: "Callable[[Report], None] | None" = None
    control: "Control | None" = None


Show = Callable[["Chip", "Stream", int, Interrupts], AbstractContextManager[Shown]]  # the number is the run's `start`


def _chunk_of(_context: click.Context, _option: click.Parameter, text: str | None) -> int | str | None:
    """Return `--chunk` as a number where it is one; what it may be besides, `run` says."""
    try:
        return text if text is None else int(text)
    except ValueError:
        return text


def known() -> dict[str, str]:
    """Return what the help names of other modules."""
    find_cache()  # recipes may import kernels
    from neurosim.online.emission.fields import FIELDS, OF_KEYS
    from neurosim.recipes import NAMES
    from neurosim.streams import KNOWN

    return {"sources": KNOWN, "recipes": ", ".join(NAMES), "fields": ", ".join(FIELDS), "of_keys": OF_KEYS}


@click.command(
    "stream",
    cls=FilledHelp,
    fields=known,
    epilog="Sources: {sources}. A folder of images has a folder for each class; a pipe brings lines of CSV or JSON on "
    "standard input. Recipes: {recipes}. Fields of --emit: {fields}; and "
    "{of_keys} with --key.",
)
@click.argument("source")
@shared.root()
@shared.neurons()
@shared.recipe()
@shared.preset()
@click.option("--temperature", type=float, metavar="T", help="Softness of the competition, in units of potential.")
@click.option("--gain", type=float, metavar="B", help="The same as a base: exp(1/T). Give one of the three.")
@click.option(
    "--relative-temperature",
    type=float,
    metavar="S",
    help="The same as a share of how far the largest potential is above the mean one, averaged over the stream.",
)
@click.option("--rate", type=float, metavar="R", help="Learning rate.")
@shared.rate_floor()
@click.option("--window", type=int, metavar="N", help="Samples whose plasticity is summed before it is applied.")
@click.option(
    "--normalise", type=click.Choice(["none", "stream", "sample"]), help="Unit of the input.  [default: sample]"
)
@click.option(
    "--initial",
    type=click.Choice(["uniform", "normal", "samples"]),
    help="First weights: uniform for inputs of at least 0, or for signed ones the first samples, or normal.",
)
@shared.weight_bits()
@shared.devices()
@shared.seed()
@shared.epochs()
@click.option("--shuffle", type=int, metavar="S", help="Random order by this seed, another one each epoch.")
@shared.events
@shared.image_size()
@click.option("--augment", metavar="LIST", help=f"Learn from images changed at random: {AUGMENTATIONS}.")
@click.option("--augment-seed", type=int, metavar="S", help="Seed of --augment.  [default: 0]")
@shared.standardise()
@shared.inputs()
@shared.label()
@click.option(
    "--key", metavar="COLUMN",
    help="Whose a sample is: a column by name or number, a JSON key, or @message, the topic or key of a live source's "
    "message. Each key has a chip of its own.",
)  # fmt: skip
@click.option(
    "--keys", type=click.IntRange(1), metavar="N",
    help=f"--key: most keys; samples of others are refused.  [default: {DEFAULT_KEYS:,}]",
)  # fmt: skip
@click.option("--worker", metavar="N/M", help="--key: learn the keys of worker N of M alone, by a hash of the key.")
@shared.samples_key()
@shared.labels_key()
@shared.header()
@shared.delimiter()
@shared.frames()
@shared.waiting
@click.option("--skip-bad", is_flag=True, help="Pass over bad lines, and samples that the chip refuses; count them.")
@click.option("--replay", is_flag=True, help="Pipe: it begins anew, so pass over what the state has learned from.")
@click.option("--state", metavar="FILE", help="Keep the state here, and go on from it if it is there.")
@click.option(
    "--set", "constant_changes", multiple=True, metavar="NAME=VALUE",
    help="Change a constant of the layers, such as rate=0.01, and keep what the state has learned.",
)  # fmt: skip
@click.option("--restart", is_flag=True, help="Begin anew though the state is there.")
@click.option(
    "--edits",
    metavar="FILE",
    help="Change constants as this state file says that its chip's were, at the same samples.",
)
@click.option("--snapshot-samples", default=0, metavar="N", help="Write the state every N samples.")
@click.option(
    "--snapshot-seconds", default=10.0, show_default=True, metavar="T", help="Write the state every T seconds."
)
@shared.device()
@click.option(
    "--chunk", callback=_chunk_of, metavar="auto|N",
    help="Samples taken together: those that have arrived, or N; never changes results.  "
    f"[default: auto; {CHUNK_ON_A_DEVICE} on cuda]",
)  # fmt: skip
@click.option(
    "--threads",
    default=1,
    show_default=True,
    help="Threads at work on wide or on successive layers; never changes results.",
)
@emitting.options
@following.options
@shared.test(help="Measure accuracy on this stream when learning is done.")
@click.option(
    "--keep-readout", is_flag=True,
    help="Fit a readout to SOURCE's labels when learning is done, and keep it in the state for neurosim predict.",
)  # fmt: skip
@click.option(
    "--readout-epochs", type=click.IntRange(1), metavar="N",
    help="Of the readout of a chip that ends in images.  [default: 50]",
)  # fmt: skip
@shared.as_json()
@plainly
def command(**values: Any) -> None:
    """Stream SOURCE through a chip that learns from each sample, once, in order.

    Interrupt it as you like: with --state, the same command goes on where it was, to the same bits. SIGUSR1 writes the
    state, and learning goes on. A sample that is refused ends it too, with what was learned before in the state.
    """
    options = StreamOptions(**values)
    learn_on_line(options)


def learn_on_line(options: StreamOptions, show: Show | None = None) -> None:
    """Do what the command does, with the state and the summary; by default a bar on a terminal shows how it goes."""
    _check_effect(options)
    if options.key is not None and show is not None:
        fail(f"key must be left out where one chip is shown, got {options.key!r}; neurosim stream takes it")
    emitting.check(options)
    following.check(options)
    with ignored(signal.SIGUSR1):
        if options.key is not None:
            learn_keyed(options, no_bar=emitting.on_terminal(options))
        else:
            _stream(options, show or (_nothing if emitting.on_terminal(options) else _bar))


@contextmanager
def _bar(chip: "Chip", stream: "Stream", start: int, _interrupts: Interrupts) -> Iterator[Shown]:
    from neurosim.cli.show import progress

    with progress(chip, stream, start) as watch:
        yield Shown(watch)


@contextmanager
def _nothing(_chip: "Chip", _stream: "Stream", _start: int, _interrupts: Interrupts) -> Iterator[Shown]:
    yield Shown()


def _stream(options: StreamOptions, show: Show) -> None:
    find_cache()
    from neurosim.cli.resume import chip_for, edits_of, tell_other_chip
    from neurosim.cli.show import table
    from neurosim.online.editor import Editor
    from neurosim.online.request import Request
    from neurosim.online.stop import Stop
    from neurosim.state import store

    options = emitting.with_width(options)
    stream = open_transformed(options.source, options)
    train, test = _judged_on(options, stream)
    edits, edited = edits_of(options.edits, options)
    with nullcontext() if options.written is None else store.claim(options.written):
        if options.learning:
            opened = chip_for(
                options, stream, state=options.state, restart=options.restart, replay=options.replay
            )  # fmt: skip
        else:
            opened = emitting.frozen_chip(options, stream)
        chip, position, beside = opened
        if edited is not None:
            Editor(chip, edits, None)  # refuses what the run would refuse, before anything is said
            tell_other_chip(options.edits, edited, chip)
        _check_readout(options, chip)
        request = Request()
        with Interrupts(Stop, request.ask) as interrupts:
            followed = Following(options, chip, stream, beside)
            emission = Emission(options, chip, stream, position, interrupts, followed)
            report = _learn(options, chip, stream, position, interrupts, request, edits, show, emission)
            if report.refused and report.samples == 0:
                counted = f"all {report.refused} samples were refused, so nothing was learned"
                echo_error(f"Warning: {counted}; the last: {report.why_refused}")
            if report.edits_left and not report.interrupted:
                echo_error(
                    f"Edits of {options.edits} for samples beyond the stream's end, not made: {report.edits_left}."
                )
            summary = report.summary(chip) | {"winner_accuracy": None, "readout_accuracy": None}
            summary |= {"numbers": stream.numbers, "notes": list(stream.notes)}
            if stream.passed_over:
                summary["files_passed_over"] = stream.passed_over
            if stream.classes:
                summary["classes"] = list(stream.classes)
            emission.finish(summary)
            error = _judge(chip, train, test, options, interrupts, summary)
            if error is None and test is not None:
                summary["notes"] += say_numbers({options.source: stream.numbers, "test": test.numbers})
            emission.say(json.dumps(summary, allow_nan=False) if options.as_json else table(summary))
    if error is not None:
        raise error
    if summary["interrupted"] and interrupts.signal:  # a signal that comes when all is done changes nothing
        sys.exit(128 + interrupts.signal)


def _check_effect(options: StreamOptions) -> None:
    """Refuse options that would do nothing."""
    if options.replay and options.source != "-":
        fail(f"replay must be left out for a source that is no pipe, got {options.source}")
    for name in ("keys", "worker"):
        if getattr(options, name) is not None and options.key is None:
            fail(f"{name} must be left out without --key, got {getattr(options, name)}")
    if options.state is None:
        context = click.get_current_context()
        for name in ("replay", "restart", "snapshot_samples", "snapshot_seconds"):
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                fail(f"{name} must be left out without --state: nothing is kept")


def _learn(
    options: StreamOptions,
    chip: "Chip",
    stream: "Stream",
    position: int,
    interrupts: Interrupts,
    request: "Request",
    edits: "list[dict[str, Any]] | None",
    show: Show,
    emission: Emission,
) -> "Report":
    """Run the stream through the chip, from the sample that the chip is at."""
    from neurosim.online.run import run

    start = position if stream.replayable or options.replay else 0
    say_ready(stream, interrupts.waiting)
    with show(chip, stream, start, interrupts) as shown:
        return run(
            chip, stream, state=options.written, start=start, position=position,
            chunk=_chunk(options), threads=options.threads, snapshot_samples=options.snapshot_samples,
            snapshot_seconds=options.snapshot_seconds, skip_bad=options.skip_bad, request=request, watch=shown.watch,
            stop=emission.ends, waiting=interrupts.waiting, claimed=True, edits=edits, control=shown.control,
            listener=emission.listener, companions=emission.companions, learning=options.learning,
        )  # fmt: skip


def _chunk(options: StreamOptions) -> int | str:
    """Return how many samples are taken together."""
    if options.chunk is not None:
        return options.chunk
    return "auto" if options.device == "cpu" else CHUNK_ON_A_DEVICE


def _check_readout(options: StreamOptions, chip: "Chip") -> None:
    if options.readout_epochs is not None and len(chip.layers[-1].shape) == 1:
        fail("readout_epochs must be left out for a chip that does not end in images: its readout is not trained")


def _judged_on(options: StreamOptions, stream: "Stream") -> "tuple[Stream | None, Stream | None]":
    """Return the streams that a readout is fitted on and measured on: standardised, but not augmented."""
    from neurosim.readouts.labels import check_labelled

    wanted = {"test": options.test is not None, "keep_readout": options.keep_readout}
    if options.keep_readout and options.state is None:
        fail("keep_readout must come with --state, the file that keeps it")
    if not any(wanted.values()):
        if options.readout_epochs is not None:
            fail(f"readout_epochs must be left out without --test or --keep-readout, got {options.readout_epochs}")
        return None, None
    if not stream.replayable:
        name = next(name for name, is_wanted in wanted.items() if is_wanted)
        fail(f"{name} must be left out for a pipe, and for all that is read once: its labels cannot be read again")
    once = replace(options, epochs=1, shuffle=None, augment=None, augment_seed=None)
    train = open_transformed(options.source, once)
    test = None if options.test is None else open_transformed(options.test, replace(once, inputs=stream.inputs))
    streams = [stream for stream in (train, test) if stream is not None]
    for labelled in streams:
        if not labelled.labelled:
            what = "fit a readout" if test is None else "measure accuracy"
            fail(f"labels of {labelled.name} must be there to {what}, got none; {labelled.labels_advice}")
    check_labelled(*streams)
    return train, test


def _judge(
    chip: "Chip",
    train: "Stream | None",
    test: "Stream | None",
    options: StreamOptions,
    interrupts: Interrupts,
    summary: dict[str, Any],
) -> "NeurosimError | None":
    """Fit readouts, keep them and measure them, unless a signal came.

    Accuracies go into the summary. An error is returned, as the summary must be shown first.
    """
    from neurosim.errors import NeurosimError
    from neurosim.online.stop import Stop
    from neurosim.readouts.fitted import Readouts
    from neurosim.readouts.image_readout import PUBLISHED_EPOCHS
    from neurosim.readouts.judge import measure

    if train is None:
        return None
    try:
        with interrupts.waiting():  # raises at once if a signal came before
            pass
        train.name_classes(chip.classes)
        epochs = options.readout_epochs or PUBLISHED_EPOCHS
        readouts = Readouts.fit(chip, train, epochs=epochs, pause=interrupts.waiting)
        if options.keep_readout and options.state is not None:
            readouts.keep(options.state)
        if test is not None:
            summary |= measure(readouts, chip, test, pause=interrupts.waiting)._asdict()
    except Stop:
        summary["interrupted"] = True
    except NeurosimError as error:
        return error
    return None
