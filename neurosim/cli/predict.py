"""`neurosim predict`: what a chip's readout says of each sample of a stream."""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurosim.cli import options as shared
from neurosim.cli.compiled_code import find_cache
from neurosim.cli.faults import check_files, echo_error, fail, plainly, say
from neurosim.cli.interrupts import Interrupts
from neurosim.cli.options import SourceOptions
from neurosim.cli.transforms import open_transformed, say_numbers
from neurosim.online.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neurosim.errors import NeurosimError
    from neurosim.online.emission.output import Output
    from neurosim.readouts.fitted import Predictions, Readouts
    from neurosim.readouts.prediction_files import Tally
    from neurosim.streams import Stream

PIPE = "-"  # standard input as SOURCE, standard output as --out


@dataclass(frozen=True, kw_only=True)
class PredictOptions(SourceOptions):
    """Values of the options of `neurosim predict`."""

    state: str
    source: str
    out: str
    readout: str | None
    rules: str | None
    device: str
    as_json: bool


@click.command(
    "predict",
    epilog="Sources: those of `neurosim stream`, a pipe among them. The state must keep a readout: neurosim stream "
    "SOURCE --state STATE --keep-readout fits one. What is written: docs/readouts.md.",
)
@click.argument("state")
@click.argument("source")
@click.option(
    "--out", required=True, metavar="FILE",
    help="Write a prediction for each sample here, by the ending: .csv, .ndjson, .jsonl or .npy; - prints them.",
)  # fmt: skip
@click.option(
    "--readout", type=click.Choice(["linear", "softmax", "winner"]),
    help="Which one predicts.  [default: the first of these that there is]",
)  # fmt: skip
@shared.root()
@shared.inputs()
@shared.label()
@shared.header()
@shared.delimiter()
@shared.frames()
@click.option("--skip-bad", is_flag=True, help="Lines: pass over malformed ones and count them.")
@shared.events
@shared.image_size()
@shared.standardise()
@shared.rules()
@shared.device()
@shared.as_json(help="Print the summary as one JSON object; with --out - also each prediction.")
@plainly
def command(**values: Any) -> None:
    """Predict the label of each sample of SOURCE by the readout that STATE keeps; nothing is learned.

    A file is written whole or not at all. Of a pipe, predictions come as samples come, and the file holds those made
    until the pipe ends, fails or is interrupted.
    """
    options = PredictOptions(**values)
    _check_out(options)
    find_cache()
    from neurosim.chip.chip import Chip
    from neurosim.cli.own_code import rules_in
    from neurosim.readouts.fitted import Readouts
    from neurosim.readouts.prediction_files import Tally
    from neurosim.state import store
    from neurosim.streams.base import check_columns

    contents = store.read(options.state)
    readouts, tally = Readouts.of(contents, options.state), Tally()
    kind = readouts.kind(options.readout)
    chip = Chip.of(contents, options.state, rules_in(options.rules), options.device)
    if (options.source == PIPE or options.format is not None) and options.inputs is None:
        options = replace(options, inputs=chip.inputs)
    stream = open_transformed(options.source, options)
    check_columns(stream.name, stream.columns, (contents.stream or {}).get("columns", ()), "what the chip learned from")
    predictions = readouts.predict(chip, stream, kind=kind)
    with Interrupts(Stop) as interrupts:
        out = _output(interrupts) if options.out == PIPE else options.out
        error = _write(options, out, _waited(predictions, interrupts), readouts, stream, tally)
    if error is None or tally.samples:
        learned, in_object = (contents.stream or {}).get("numbers"), options.out == PIPE and options.as_json
        notes = say_numbers({"the stream learned from": learned, options.source: stream.numbers}, aloud=not in_object)
        summary = {
            "state_sha256": readouts.state_sha256, "readout": kind, "readout_samples": readouts.fitted[kind].samples_,
            "samples": tally.samples, "labelled_samples": tally.labelled, "accuracy": tally.accuracy,
            "interrupted": interrupts.came(), "numbers": stream.numbers, "notes": notes,
        }  # fmt: skip
        if options.skip_bad:
            summary["bad_lines"] = getattr(stream, "bad", 0)
        _show(summary, options)
    if error is not None:
        raise error
    if interrupts.signal:
        sys.exit(128 + interrupts.signal)


def _check_out(options: PredictOptions) -> None:
    """Refuse a file that cannot be written, before anything is read."""
    from neurosim.readouts.prediction_files import check_out

    if options.out == PIPE:
        return
    check_out(Path(options.out))
    check_files(options.source, {"state": options.state}, {"out": options.out})


def _waited(predictions: "Iterator[Predictions]", interrupts: Interrupts) -> "Iterator[Predictions]":
    """Yield predictions; while one is waited for, an interrupt ends the wait."""
    while True:
        with interrupts.waiting():
            block = next(predictions, None)
        if block is None:
            return
        yield block


def _output(interrupts: Interrupts) -> "Output":
    """Return standard output, which is written to no longer than a signal allows if nobody reads it."""
    from neurosim.online.emission.output import Output

    if sys.stdout is None:
        fail("out must be a file, as standard output is closed")
    sys.stdout.flush()
    return Output(sys.stdout.buffer, interrupts.came)


def _write(
    options: PredictOptions,
    out: "str | Output",
    predictions: "Iterator[Predictions]",
    readouts: "Readouts",
    stream: "Stream",
    tally: "Tally",
) -> "NeurosimError | None":
    """Write predictions; return an error that came after some of a pipe's were written, as these are counted first."""
    from neurosim.errors import NeurosimError
    from neurosim.online.emission.output import Stuck
    from neurosim.readouts.prediction_files import write_predictions

    try:
        write_predictions(out, predictions, readouts, stream, json_lines=options.as_json, tally=tally)
    except Stop:
        return None
    except Stuck:
        echo_error("Warning: nobody read standard output, so the last predictions were not written")
        return None
    except NeurosimError as error:
        if stream.replayable:
            raise
        return error
    except BrokenPipeError:
        raise  # click ends quietly: the reader has closed its end, as `head` does
    except OSError as error:
        sys.stdout = None  # else the interpreter flushes it again, and prints a traceback
        fail(f"standard output must be writable, and is not: {error}")
    return None


def _show(summary: dict[str, Any], options: PredictOptions) -> None:
    """Print the summary: on standard error if predictions are on standard output."""
    text = json.dumps(summary, allow_nan=False) if options.as_json else _table(summary)
    if options.out == PIPE:
        click.echo(text, err=True)
    else:
        say(text)


def _table(summary: dict[str, Any]) -> str:
    rows = [
        ("predicted", f"{summary['samples']:,} samples" + (" (interrupted)" if summary["interrupted"] else "")),
        ("readout", f"{summary['readout']}, fitted on {summary['readout_samples']:,} samples"),
    ]
    if summary["accuracy"] is not None:
        rows.append(("accuracy", f"{summary['accuracy']:.2%} of {summary['labelled_samples']:,} with a label"))
    if summary.get("bad_lines"):
        rows.append(("bad lines", f"{summary['bad_lines']:,} passed over"))
    rows.append(("state", summary["state_sha256"][:16]))
    return "\n".join(f"{name:>10}  {value}" for name, value in rows)
