"""`neurosim bench`: how long each sample takes, one at a time, the slowest among thousands included."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from neurosim.cli.arrivals import arrival_options, arrivals_of, duration
from neurosim.cli.faults import Interrupts, check_files, fail, find_cache, plainly, say
from neurosim.cli.stream import device_option, numbers

if TYPE_CHECKING:
    from neurosim.chip.chip import Chip
    from neurosim.latency import Report
    from neurosim.streams import Stream

READ, WRITTEN = ("state", "rules", "timestamps"), ("snapshots", "record", "figure")  # files


@click.command(
    "bench",
    epilog="Sources and recipes: those of `neurosim stream`. What is measured, and how to measure well: "
    "docs/latency.md.",
)
@click.argument("source", metavar="STREAM")
@click.option("--root", default=".", metavar="DIR", help="Folder that the names of sources start from.")
@click.option("--neurons", callback=numbers, metavar="K[,K2...]", help="Neurons of each layer.  [default: 100]")
@click.option("--recipe", metavar="NAME", help="Of the layers, or FILE.py:FUNCTION of one's own.  [default: softhebb]")
@click.option("--preset", metavar="NAME", help="A whole chip as published, such as softhebb-cifar10-3layer.")
@click.option("--state", metavar="FILE", help="The chip of a state file, which is read and not written.")
@click.option("--rules", metavar="FILE.py", help="Run this file for the rules of one's own that the state names.")
@click.option("--seed", type=int, metavar="S", help="Seed of the first weights and of Poisson gaps.  [default: 0]")
@click.option("--learn/--respond", "learning", default=True, help="Learn, or only respond.  [default: learn]")
@click.option("--samples", type=int, metavar="N", help="Samples to measure.  [default: all there are, 10,000 at most]")
@click.option("--warm-up", default=100, show_default=True, metavar="N", help="Samples before those, beside the first.")
@arrival_options
@click.option("--deadline", callback=duration, metavar="TIME", help="Count samples done later, as 200us or 1.5ms.")
@device_option
@click.option("--stages", is_flag=True, help="Take the samples once more, and time each layer.")
@click.option("--roofline", is_flag=True, help="Once more: stages within layers beside what the machine can do.")
@click.option("--snapshots", metavar="FILE", help="Write the state to this new file meanwhile, as `stream` does.")
@click.option("--snapshot-seconds", type=float, metavar="T", help="Seconds between snapshots.  [default: 10]")
@click.option("--gc/--no-gc", "garbage", default=True, help="Python's garbage collector, on or off.  [default: gc]")
@click.option("--epochs", default=1, show_default=True, help="How many times over the stream goes.")
@click.option("--image-size", type=int, metavar="N", help="images:FOLDER: height and width they are brought to.")
@click.option("--standardise", metavar="HOW", help="Images' channels: imagenet, or MEAN[,MEAN...]:STD[,STD...].")
@click.option("--inputs", type=int, metavar="N", help="Width of a sample; a pipe needs it.")
@click.option("--label", metavar="COLUMN", help="Lines: the label's column, by name or number, or its JSON key.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--record", metavar="FILE", help="Write all moments to .h5 or .csv, or HdrHistogram's table to .hgrm.")
@click.option("--figure", metavar="FILE.png", help="Draw the percentiles, and the latencies over time.")
@plainly
def command(**options: Any) -> None:
    """Measure how long a chip takes for each sample of STREAM, waiting for those before it included.

    Nothing is written but the files asked for. Interrupted, it shows what was measured until then.
    """
    find_cache()
    from neurosim.cli.augment import augmented
    from neurosim.latency import bench
    from neurosim.latency.files import check_record
    from neurosim.online.stop import Stop
    from neurosim.reporting.files import check_figure
    from neurosim.streams import open_stream

    check_files(options, READ, WRITTEN)
    arrivals = arrivals_of(options)
    for name, check in (("record", check_record), ("figure", check_figure)):
        if options[name] is not None:
            check(options[name])
    reading = {name: options[name] for name in ("root", "inputs", "label", "epochs", "image_size")}
    if options["snapshots"] is None and options["snapshot_seconds"] is not None:
        fail(f"snapshot_seconds must be left out without --snapshots, got {options['snapshot_seconds']}")
    stream = augmented(open_stream(options["source"], **reading), None, None, options["standardise"])
    chip = _chip(options, stream)
    asked = {
        name: options[name] for name in ("learning", "samples", "warm_up", "deadline", "stages", "roofline", "garbage")
    }
    asked["snapshots"] = options["snapshots"]
    asked["snapshot_seconds"] = 10.0 if options["snapshot_seconds"] is None else options["snapshot_seconds"]
    with Interrupts(Stop) as interrupts:
        try:
            report = bench(chip, stream, arrivals=arrivals, stop=interrupts.came, pause=interrupts.waiting, **asked)
        except Stop:
            report = None
    if report is not None:
        _show(report, options)
    if interrupts.signal:
        sys.exit(128 + interrupts.signal)


def _show(report: "Report", options: dict[str, Any]) -> None:
    """Print it, then write what was asked for: a full disk must not lose what was measured."""
    say(json.dumps(report.summary(), allow_nan=False) if options["as_json"] else report.table())
    if options["record"] is not None:
        report.save(options["record"])
    if options["figure"] is not None:
        report.draw(options["figure"])


def _chip(options: dict[str, Any], stream: "Stream") -> "Chip":
    """Return the chip of the state file, or a new one."""
    from neurosim.chip.chip import Chip
    from neurosim.cli.own_code import rules_in
    from neurosim.cli.resume import LAYER_OPTIONS, new_chip

    if options["state"] is None:
        if options["rules"] is not None:
            fail(f"rules must be left out without --state, got {options['rules']}")
        return new_chip(options | dict.fromkeys(LAYER_OPTIONS), stream)
    for name in ("neurons", "recipe", "preset"):
        if options[name] is not None:
            fail(f"{name} must be left out with --state, which has its own, got {options[name]}")
    return Chip.load(options["state"], rules=rules_in(options["rules"]), device=options["device"])
