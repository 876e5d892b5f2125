"""`neurosim judge`: what a trained chip is worth beside the same chip untrained and the raw inputs."""

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from neurosim.cli import options as shared
from neurosim.cli.compiled_code import find_cache
from neurosim.cli.faults import fail, plainly, say
from neurosim.cli.interrupts import Interrupts
from neurosim.cli.options import SourceOptions
from neurosim.cli.transforms import open_transformed, say_numbers

if TYPE_CHECKING:
    from neurosim.readouts.compare import Comparison
    from neurosim.streams import Stream

HEADS = {
    "winner": "winner", "soft": "soft", "triangle": "triangle", "relu": "relu", "softmax": "softmax(5u)",
    "output": "output", "logistic": "logistic", "neighbours": "5-nn",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class JudgeOptions(SourceOptions):
    """Values of the options of `neurosim judge`."""

    state: str
    train: str
    test: str
    rules: str | None
    device: str
    as_json: bool


@click.command(
    "judge",
    epilog="Sources: those of `neurosim stream`, but no pipes, as they are read several times. What each column is, "
    "and how to read it: docs/judging.md.",
)
@click.argument("state")
@shared.train(required=True, help="Fit the readouts on this stream.")
@shared.test(required=True, help="Measure accuracy on this stream.")
@shared.root()
@shared.label()
@shared.samples_key()
@shared.labels_key()
@shared.header()
@shared.delimiter()
@shared.events
@shared.image_size()
@shared.standardise()
@shared.rules()
@shared.device()
@shared.as_json()
@plainly
def command(**values: Any) -> None:
    """Judge the chip in STATE by eight readouts, beside the same chip untrained and the raw inputs.

    Nothing is learned or written; labels are used by the readouts alone.
    """
    options = JudgeOptions(**values)
    find_cache()
    from neurosim.chip.chip import Chip
    from neurosim.cli.own_code import rules_in
    from neurosim.online.stop import Stop
    from neurosim.readouts.compare import compare
    from neurosim.state import store

    contents = store.read(options.state)
    chip = Chip.of(contents, options.state, rules_in(options.rules), options.device)
    streams = [_labelled("train", options.train, options), _labelled("test", options.test, options)]
    streams[0].name_classes(chip.classes)
    with Interrupts(Stop) as interrupts:
        try:
            rows = compare(chip, *streams, pause=interrupts.waiting)
        except Stop:
            sys.exit(128 + interrupts.signal)
    learned = (contents.stream or {}).get("numbers")
    notes = say_numbers({"the stream learned from": learned, "train": streams[0].numbers, "test": streams[1].numbers})
    if not options.as_json:
        say(_table(rows, *(stream.numbers for stream in streams)))
        return
    summary: dict[str, Any] = {"state_sha256": chip.state_sha256, "train": options.train, "test": options.test}
    summary |= {"numbers": {"train": streams[0].numbers, "test": streams[1].numbers}, "notes": notes}
    say(json.dumps(summary | {"rows": [row._asdict() for row in rows]}, allow_nan=False))


def _labelled(name: str, source: str, options: SourceOptions) -> "Stream":
    """Open a stream that has labels and can be read several times."""
    if source == "-":
        fail(f"{name} must be a source that can be read again, got a pipe; write it to a file first")
    stream = open_transformed(source, options)
    if not stream.labelled:
        fail(f"labels of {stream.name} must be there to measure accuracy, got none; {stream.labels_advice}")
    return stream


def _table(rows: "list[Comparison]", train_numbers: str, test_numbers: str) -> str:
    """Return accuracies; below them each readout's training samples, streams' numbers, and which linear one counts."""
    first = rows[0]
    lines = [_line(f"accuracy on {first.test_samples:,}", HEADS)]
    lines += [_line(row.network, {name: _shown(row.accuracy[name], ".2%") for name in HEADS}) for row in rows]
    lines += ["", _line("training samples", HEADS)]
    lines += [_line(row.network, {name: _shown(row.train_samples[name], ",") for name in HEADS}) for row in rows]
    lines += ["", f"numbers: {train_numbers} in train, {test_numbers} in test"]
    counted = [f"{row.network} {_shown(row.accuracy[row.linear], '.2%')} ({row.linear})" for row in rows]
    chosen = "accuracy on the test stream, of output or logistic as held-back training samples choose"
    lines += ["", f"{chosen}: {', '.join(counted)}"]
    if first.test_unlabelled or first.test_unknown:
        left_out = f"{first.test_unlabelled:,} without a label, left out"
        lines += ["", f"test samples: {left_out}; {first.test_unknown:,} of unknown classes, counted as wrong"]
    return "\n".join(lines)


def _shown(value: Any, form: str) -> str:
    return "-" if value is None else format(value, form)


def _line(name: str, cells: dict[str, str]) -> str:
    return f"{name:>20}" + "".join(f"  {cells[head]:>{max(8, len(title))}}" for head, title in HEADS.items())
