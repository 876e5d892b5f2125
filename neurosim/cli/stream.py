"""`neurosim stream`: samples through a chip that learns, and what came of it."""

import json
import sys
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING, Any

import click

from neurosim.cli.faults import Interrupts, fail, find_cache, plainly, say
from neurosim.cli.listing import Listing

if TYPE_CHECKING:
    from neurosim.chip.chip import Chip
    from neurosim.errors import NeurosimError
    from neurosim.streams import Stream

device_option = click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True,
    help="Where the chip is simulated; never changes a state file's form.",
)  # fmt: skip


def numbers(_ctx: click.Context, _param: click.Parameter, value: str | None) -> list[int] | None:
    """Return whole numbers given between commas."""
    try:
        return None if value is None else [int(part) for part in value.split(",")]
    except ValueError:
        raise click.BadParameter(f"must be whole numbers between commas, got {value!r}") from None


def _sources() -> str:
    """Return the list of sources."""
    from neurosim.streams import KNOWN

    return f"Sources: {KNOWN}; docs/data.md says what each is read from."


@click.command(
    "stream",
    cls=Listing,
    listing=_sources,
    epilog="Recipes: softhebb, hard_wta, k_wta, hebb, oja, instar, krotov_hopfield, hebbnet, liuson, bcm, eghr, "
    "supervised_softhebb.",
)
@click.argument("source")
@click.option("--root", default=".", metavar="DIR", help="Folder that the names of sources start from.")
@click.option("--neurons", callback=numbers, metavar="K[,K2...]", help="Neurons of each layer.  [default: 100]")
@click.option("--recipe", metavar="NAME", help="Of the layers, or FILE.py:FUNCTION of one's own.  [default: softhebb]")
@click.option("--preset", metavar="NAME", help="A whole chip as published, such as softhebb-cifar10-3layer.")
@click.option("--temperature", type=float, metavar="T", help="Softness of the competition, in units of potential.")
@click.option("--gain", type=float, metavar="B", help="The same as a base: exp(1/T). Give one of the two.")
@click.option("--rate", type=float, metavar="R", help="Learning rate.")
@click.option("--window", type=int, metavar="N", help="Samples whose plasticity is summed before it is applied.")
@click.option(
    "--normalise", type=click.Choice(["none", "stream", "sample"]), help="Unit of the input.  [default: sample]"
)
@click.option("--initial", type=click.Choice(["uniform", "normal"]), help="First weights; normal for signed inputs.")
@click.option("--weight-bits", type=int, metavar="B", help="Synapses of 2 to 16 bits.  [default: float32]")
@click.option("--seed", type=int, metavar="S", help="Seed of the first weights.  [default: 0]")
@click.option("--epochs", default=1, show_default=True, help="How many times over.")
@click.option("--shuffle", type=int, metavar="S", help="Random order by this seed, another one each epoch.")
@click.option("--image-size", type=int, metavar="N", help="images:FOLDER: height and width they are brought to.")
@click.option("--augment", metavar="LIST", help="Learn from images changed at random: crop, flip, pad or pad:N.")
@click.option("--augment-seed", type=int, metavar="S", help="Seed of --augment.  [default: 0]")
@click.option("--standardise", metavar="HOW", help="Images' channels: imagenet, or MEAN[,MEAN...]:STD[,STD...].")
@click.option("--inputs", type=int, metavar="N", help="Width of a sample; a pipe needs it.")
@click.option("--label", metavar="COLUMN", help="Lines: the label's column, by name or number, or its JSON key.")
@click.option("--skip-bad", is_flag=True, help="Lines: pass over malformed ones and count them.")
@click.option("--replay", is_flag=True, help="Pipe: it begins anew, so pass over what the state has learned from.")
@click.option("--state", metavar="FILE", help="Keep the state here, and go on from it if it is there.")
@click.option("--restart", is_flag=True, help="Begin anew though the state is there.")
@click.option("--snapshot-samples", default=0, metavar="N", help="Write the state every N samples.")
@click.option(
    "--snapshot-seconds", default=10.0, show_default=True, metavar="T", help="Write the state every T seconds."
)
@device_option
@click.option(
    "--chunk", type=int, help="Samples handed over at a time; never changes results.  [default: 1; 256 on cuda]"
)
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
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@plainly
def command(**options: Any) -> None:
    """Stream SOURCE through a chip that learns from each sample, once, in order.

    Interrupt it as you like: with --state, the same command goes on where it was, to the same bits.
    """
    find_cache()
    from neurosim.cli.augment import augmented
    from neurosim.cli.resume import chip_for
    from neurosim.cli.show import progress, table
    from neurosim.online import run, stop
    from neurosim.state import store
    from neurosim.streams import open_stream

    reading = {name: options[name] for name in ("root", "label", "skip_bad", "image_size")}
    stream = open_stream(
        options["source"], inputs=options["inputs"], epochs=options["epochs"], shuffle=options["shuffle"], **reading
    )
    stream = augmented(stream, options["augment"], options["augment_seed"], options["standardise"])
    tested = _tested(options, stream, reading)
    claim = nullcontext() if options["state"] is None else store.claim(options["state"])
    with ExitStack() as held:
        held.enter_context(claim)
        chip, position = chip_for(options, stream)
        if options["readout_epochs"] is not None and len(chip.layers[-1].shape) == 1:
            fail("readout_epochs must be left out for a chip that does not end in images: its readout is not trained")
        start = position if stream.replayable or options["replay"] else 0
        interrupts = held.enter_context(Interrupts(stop.Stop))
        with progress(chip, stream, start) as watch:
            report = run.run(
                chip, stream, state=options["state"], start=start, position=position, chunk=_chunk(options),
                threads=options["threads"], snapshot_samples=options["snapshot_samples"],
                snapshot_seconds=options["snapshot_seconds"], watch=watch,
                stop=interrupts.came, waiting=interrupts.waiting, claimed=True,
            )  # fmt: skip
        summary = report.summary(chip) | {"winner_accuracy": None, "readout_accuracy": None}
        if options["skip_bad"]:
            summary["bad_lines"] = getattr(stream, "bad", 0)
        fault = _judge(chip, tested, options["readout_epochs"], interrupts, summary)
        say(json.dumps(summary, allow_nan=False) if options["as_json"] else table(summary))
    if fault is not None:
        raise fault
    if interrupts.signal:
        sys.exit(128 + interrupts.signal)


def _chunk(options: dict[str, Any]) -> int:
    """Return how many samples are handed over at a time: a device is called once for many."""
    if options["chunk"] is not None:
        return int(options["chunk"])
    return 1 if options["device"] == "cpu" else 256


def _tested(options: dict[str, Any], stream: "Stream", reading: dict[str, Any]) -> "tuple[Stream, Stream] | None":
    """Return the streams that a readout is fitted on and measured on: standardised, but not augmented."""
    from neurosim.cli.augment import augmented
    from neurosim.readouts.labels import check_labelled
    from neurosim.streams import open_stream

    if options["test"] is None:
        if options["readout_epochs"] is not None:
            fail(f"readout_epochs must be left out without --test, got {options['readout_epochs']}")
        return None
    if not stream.replayable:
        fail("test must be left out for a pipe: its labels cannot be read again once learning is done")
    train = open_stream(options["source"], inputs=options["inputs"], **reading)
    test = open_stream(options["test"], inputs=stream.inputs, **reading)
    train, test = (augmented(one, None, None, options["standardise"]) for one in (train, test))
    for labelled in (train, test):
        if not labelled.labelled:
            fail(f"labels of {labelled.name} must be there to measure accuracy, got none; for lines give --label")
    check_labelled(train, test)
    return train, test


def _judge(
    chip: "Chip",
    tested: "tuple[Stream, Stream] | None",
    epochs: int | None,
    interrupts: Interrupts,
    summary: dict[str, Any],
) -> "NeurosimError | None":
    """Add accuracies to the summary, unless a signal came; return what went wrong, as what was learned still counts."""
    from neurosim.errors import NeurosimError
    from neurosim.online.stop import Stop
    from neurosim.readouts.judge import judge
    from neurosim.readouts.judge_images import PUBLISHED_EPOCHS, judge_images

    if tested is None:
        return None
    try:
        with interrupts.waiting():  # raises at once if a signal came before
            pass
        if len(chip.layers[-1].shape) > 1:
            judged = judge_images(chip, *tested, epochs=epochs or PUBLISHED_EPOCHS, pause=interrupts.waiting)
        else:
            judged = judge(chip, *tested, pause=interrupts.waiting)
        summary |= judged._asdict()
    except Stop:
        summary["interrupted"] = True
    except NeurosimError as error:
        return error
    return None
