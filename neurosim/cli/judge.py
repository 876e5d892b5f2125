"""`neurosim judge`: what a trained chip is worth beside the same chip untrained and the raw inputs."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from neurosim.cli.faults import Interrupts, fail, find_cache, plainly, say
from neurosim.cli.stream import device_option

if TYPE_CHECKING:
    from neurosim.readouts.compare import Comparison
    from neurosim.streams import Stream

HEADS = {
    "winner": "winner", "soft": "soft", "triangle": "triangle", "relu": "relu", "softmax": "softmax(5u)",
    "output": "output", "neighbours": "5-nn",
}  # fmt: skip


@click.command(
    "judge",
    epilog="Sources: those of `neurosim stream`, but no pipes, as they are read several times. What each column is, "
    "and how to read it: docs/judging.md.",
)
@click.argument("state")
@click.option("--train", required=True, metavar="SOURCE", help="Fit the readouts on this stream.")
@click.option("--test", required=True, metavar="SOURCE", help="Measure accuracy on this stream.")
@click.option("--root", default=".", metavar="DIR", help="Folder that the names of sources start from.")
@click.option("--label", metavar="COLUMN", help="Lines: the label's column, by name or number, or its JSON key.")
@click.option("--image-size", type=int, metavar="N", help="images:FOLDER: height and width they are brought to.")
@click.option("--standardise", metavar="HOW", help="Images' channels: imagenet, or MEAN[,MEAN...]:STD[,STD...].")
@click.option("--rules", metavar="FILE.py", help="Run this file for the rules of one's own that the state names.")
@device_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@plainly
def command(state: str, train: str, test: str, rules: str | None, device: str, as_json: bool, **reading: Any) -> None:
    """Judge the chip in STATE by seven readouts, beside the same chip untrained and the raw inputs.

    Nothing is learned or written; labels are used by the readouts alone.
    """
    find_cache()
    from neurosim.chip.chip import Chip
    from neurosim.cli.own_code import rules_in
    from neurosim.online.stop import Stop
    from neurosim.readouts.compare import compare

    chip = Chip.load(state, rules=rules_in(rules), device=device)
    streams = [_labelled(name, source, **reading) for name, source in (("train", train), ("test", test))]
    with Interrupts(Stop) as interrupts:
        try:
            rows = compare(chip, *streams, pause=interrupts.waiting)
        except Stop:
            sys.exit(128 + interrupts.signal)
    summary = {"state_sha256": chip.state_sha256, "train": train, "test": test, "rows": [row._asdict() for row in rows]}
    say(json.dumps(summary, allow_nan=False) if as_json else _table(rows))


def _labelled(name: str, source: str, standardise: str | None, **reading: Any) -> "Stream":
    from neurosim.cli.augment import augmented
    from neurosim.streams import open_stream

    if source == "-":
        fail(f"{name} must be a source that can be read again, got a pipe; write it to a file first")
    stream = augmented(open_stream(source, **reading), None, None, standardise)
    if not stream.labelled:
        fail(f"labels of {stream.name} must be there to measure accuracy, got none; for lines give --label")
    return stream


def _table(rows: "list[Comparison]") -> str:
    """Return accuracies, and below them the training samples that each readout was given."""
    lines = [_line(f"accuracy on {rows[0].test_samples:,}", HEADS)]
    lines += [_line(row.network, {name: _shown(row.accuracy[name], ".2%") for name in HEADS}) for row in rows]
    lines += ["", _line("training samples", HEADS)]
    lines += [_line(row.network, {name: _shown(row.train_samples[name], ",") for name in HEADS}) for row in rows]
    return "\n".join(lines)


def _shown(value: Any, form: str) -> str:
    return "-" if value is None else format(value, form)


def _line(name: str, cells: dict[str, str]) -> str:
    return f"{name:>20}" + "".join(f"  {cells[head]:>{max(8, len(title))}}" for head, title in HEADS.items())
