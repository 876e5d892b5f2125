"""`neurosim stream`: samples through a chip that learns, and what came of it."""

import json
import sys
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from neurosim.cli import options as shared
from neurosim.cli.compiled_code import find_cache
from neurosim.cli.faults import fail, plainly, say
from neurosim.cli.help import FilledHelp
from neurosim.cli.interrupts import Interrupts
from neurosim.cli.options import ChipOptions, SourceOptions
from neurosim.cli.transforms import AUGMENTATIONS, open_transformed

if TYPE_CHECKING:
    from neurosim.chip.chip import Chip
    from neurosim.errors import NeurosimError
    from neurosim.online.report import Report
    from neurosim.streams import Stream

CHUNK_ON_A_DEVICE = 256  # samples: each call of a device has a cost of its own


@dataclass(frozen=True, kw_only=True)
class StreamOptions(SourceOptions, ChipOptions):
    """Values of the options of `neurosim stream`."""

    source: str
    replay: bool
    state: str | None
    restart: bool
    snapshot_samples: int
    snapshot_seconds: float
    chunk: int | None
    threads: int
    test: str | None
    readout_epochs: int | None
    as_json: bool


def _known() -> dict[str, str]:
    find_cache()  # recipes may import kernels
    from neurosim.recipes import NAMES
    from neurosim.streams import KNOWN

    return {"sources": KNOWN, "recipes": ", ".join(NAMES)}


@click.command(
    "stream",
    cls=FilledHelp,
    fields=_known,
    epilog="Sources: {sources}. A folder of images has a folder for each class; a pipe brings lines of CSV or JSON on "
    "standard input. Recipes: {recipes}.",
)
@click.argument("source")
@shared.root()
@shared.neurons()
@shared.recipe()
@shared.preset()
@click.option("--temperature", type=float, metavar="T", help="Softness of the competition, in units of potential.")
@click.option("--gain", type=float, metavar="B", help="The same as a base: exp(1/T). Give one of the two.")
@click.option("--rate", type=float, metavar="R", help="Learning rate.")
@click.option("--window", type=int, metavar="N", help="Samples whose plasticity is summed before it is applied.")
@click.option(
    "--normalise", type=click.Choice(["none", "stream", "sample"]), help="Unit of the input.  [default: sample]"
)
@click.option("--initial", type=click.Choice(["uniform", "normal"]), help="First weights; normal for signed inputs.")
@shared.weight_bits()
@shared.seed()
@shared.epochs()
@click.option("--shuffle", type=int, metavar="S", help="Random order by this seed, another one each epoch.")
@shared.image_size()
@click.option("--augment", metavar="LIST", help=f"Learn from images changed at random: {AUGMENTATIONS}.")
@click.option("--augment-seed", type=int, metavar="S", help="Seed of --augment.  [default: 0]")
@shared.standardise()
@shared.inputs()
@shared.label()
@shared.samples_key()
@shared.labels_key()
@shared.header()
@shared.delimiter()
@click.option("--skip-bad", is_flag=True, help="Lines: pass over malformed ones and count them.")
@click.option("--replay", is_flag=True, help="Pipe: it begins anew, so pass over what the state has learned from.")
@click.option("--state", metavar="FILE", help="Keep the state here, and go on from it if it is there.")
@click.option("--restart", is_flag=True, help="Begin anew though the state is there.")
@click.option("--snapshot-samples", default=0, metavar="N", help="Write the state every N samples.")
@click.option(
    "--snapshot-seconds", default=10.0, show_default=True, metavar="T", help="Write the state every T seconds."
)
@shared.device()
@click.option(
    "--chunk", type=int,
    help=f"Samples handed over at a time; never changes results.  [default: 1; {CHUNK_ON_A_DEVICE} on cuda]",
)  # fmt: skip
@click.option(
    "--threads",
    default=1,
    show_default=True,
    help="Threads at work on wide or on successive layers; never changes results.",
)
@click.option("--test", metavar="SOURCE", help="Measure accuracy on this stream when learning is done.")
@click.option(
    "--readout-epochs", type=click.IntRange(1), metavar="N",
    help="Of the readout of a chip that ends in images, with --test.  [default: 50]",
)  # fmt: skip
@shared.as_json()
@plainly
def command(**values: Any) -> None:
    """Stream SOURCE through a chip that learns from each sample, once, in order.

    Interrupt it as you like: with --state, the same command goes on where it was, to the same bits.
    """
    options = StreamOptions(**values)
    find_cache()
    from neurosim.cli.resume import chip_for
    from neurosim.cli.show import table
    from neurosim.online.stop import Stop
    from neurosim.state import store

    stream = open_transformed(options.source, options)
    judged_on = _judged_on(options, stream)
    with nullcontext() if options.state is None else store.claim(options.state):
        chip, position = chip_for(options, stream, state=options.state, restart=options.restart, replay=options.replay)
        _check_readout(options, chip)
        with Interrupts(Stop) as interrupts:
            report = _learn(options, chip, stream, position, interrupts)
            summary = report.summary(chip) | {"winner_accuracy": None, "readout_accuracy": None}
            if options.skip_bad:
                summary["bad_lines"] = getattr(stream, "bad", 0)
            if stream.passed_over:
                summary["files_passed_over"] = stream.passed_over
            if stream.classes:
                summary["classes"] = list(stream.classes)
            if judged_on is not None:
                judged_on[0].name_classes(stream.classes)  # which a state may have begun, in an order of its own
            error = _judge(chip, judged_on, options.readout_epochs, interrupts, summary)
            say(json.dumps(summary, allow_nan=False) if options.as_json else table(summary))
    if error is not None:
        raise error
    if interrupts.signal:
        sys.exit(128 + interrupts.signal)


def _learn(options: StreamOptions, chip: "Chip", stream: "Stream", position: int, interrupts: Interrupts) -> "Report":
    """Run the stream through the chip, from the sample that the chip is at."""
    from neurosim.cli.show import progress
    from neurosim.online.run import run

    start = position if stream.replayable or options.replay else 0
    with progress(chip, stream, start) as watch:
        return run(
            chip, stream, state=options.state, start=start, position=position, chunk=_chunk(options),
            threads=options.threads, snapshot_samples=options.snapshot_samples,
            snapshot_seconds=options.snapshot_seconds, watch=watch,
            stop=interrupts.came, waiting=interrupts.waiting, claimed=True,
        )  # fmt: skip


def _chunk(options: StreamOptions) -> int:
    """Return how many samples are handed over at a time."""
    if options.chunk is not None:
        return options.chunk
    return 1 if options.device == "cpu" else CHUNK_ON_A_DEVICE


def _check_readout(options: StreamOptions, chip: "Chip") -> None:
    if options.readout_epochs is not None and len(chip.layers[-1].shape) == 1:
        fail("readout_epochs must be left out for a chip that does not end in images: its readout is not trained")


def _judged_on(options: StreamOptions, stream: "Stream") -> "tuple[Stream, Stream] | None":
    """Return the streams that a readout is fitted on and measured on: standardised, but not augmented."""
    from neurosim.readouts.labels import check_labelled

    if options.test is None:
        if options.readout_epochs is not None:
            fail(f"readout_epochs must be left out without --test, got {options.readout_epochs}")
        return None
    if not stream.replayable:
        fail("test must be left out for a pipe: its labels cannot be read again once learning is done")
    once = replace(options, epochs=1, shuffle=None, augment=None, augment_seed=None)
    train = open_transformed(options.source, once)
    test = open_transformed(options.test, replace(once, inputs=stream.inputs))
    for labelled in (train, test):
        if not labelled.labelled:
            fail(f"labels of {labelled.name} must be there to measure accuracy, got none; {labelled.labels_advice}")
    check_labelled(train, test)
    return train, test


def _judge(
    chip: "Chip",
    judged_on: "tuple[Stream, Stream] | None",
    epochs: int | None,
    interrupts: Interrupts,
    summary: dict[str, Any],
) -> "NeurosimError | None":
    """Add accuracies to the summary, unless a signal came; return an error, as the summary must be shown first."""
    from neurosim.errors import NeurosimError
    from neurosim.online.stop import Stop
    from neurosim.readouts.judge import judge
    from neurosim.readouts.judge_images import PUBLISHED_EPOCHS, judge_images

    if judged_on is None:
        return None
    try:
        with interrupts.waiting():  # raises at once if a signal came before
            pass
        if len(chip.layers[-1].shape) > 1:
            judged = judge_images(chip, *judged_on, epochs=epochs or PUBLISHED_EPOCHS, pause=interrupts.waiting)
        else:
            judged = judge(chip, *judged_on, pause=interrupts.waiting)
        summary |= judged._asdict()
    except Stop:
        summary["interrupted"] = True
    except NeurosimError as error:
        return error
    return None
