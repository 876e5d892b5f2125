"""`neurosim bench`: how long each sample takes, one at a time, the slowest among thousands included."""

import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from neurosim.cli import options as shared
from neurosim.cli.arrivals import arrivals_of
from neurosim.cli.compiled_code import find_cache
from neurosim.cli.faults import check_files, fail, plainly, say
from neurosim.cli.interrupts import Interrupts
from neurosim.cli.options import ArrivalOptions, ChipOptions, SourceOptions
from neurosim.cli.transforms import open_transformed

if TYPE_CHECKING:
    from neurosim.chip.chip import Chip
    from neurosim.latency import Arrivals, Report
    from neurosim.streams import Stream

SNAPSHOT_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class BenchOptions(SourceOptions, ChipOptions, ArrivalOptions):
    """Values of the options of `neurosim bench`."""

    source: str
    state: str | None
    rules: str | None
    learning: bool
    samples: int | None
    warm_up: int
    deadline: float | None
    stages: bool
    roofline: bool
    snapshots: str | None
    snapshot_seconds: float | None
    garbage: bool
    as_json: bool
    record: str | None
    figure: str | None


@click.command(
    "bench",
    epilog="Sources and recipes: those of `neurosim stream`. What is measured, and how to measure well: "
    "docs/latency.md.",
)
@click.argument("source", metavar="STREAM")
@shared.root()
@shared.neurons()
@shared.recipe()
@shared.preset()
@click.option("--state", metavar="FILE", help="The chip of a state file, which is read and not written.")
@shared.rules()
@shared.seed(help="Seed of the first weights, and of Poisson gaps without --arrivals-seed.  [default: 0]")
@shared.learning()
@shared.samples(help="Samples to measure.  [default: all there are, 10,000 at most]")
@shared.warm_up(default=100, help="Samples before those, beside the first.")
@shared.arrivals()
@shared.deadline(help="Count samples done later, as 200us or 1.5ms.")
@shared.device()
@click.option("--stages", is_flag=True, help="Take the samples once more, and time each layer.")
@click.option("--roofline", is_flag=True, help="Once more: stages within layers beside what the machine can do.")
@click.option("--snapshots", metavar="FILE", help="Write the state to this new file meanwhile, as `stream` does.")
@click.option(
    "--snapshot-seconds", type=float, metavar="T", help=f"Seconds between snapshots.  [default: {SNAPSHOT_SECONDS:g}]"
)
@click.option("--gc/--no-gc", "garbage", default=True, help="Python's garbage collector, on or off.  [default: gc]")
@shared.epochs(help="How many times over the stream goes.")
@shared.events
@shared.image_size()
@shared.standardise()
@shared.inputs()
@shared.label()
@shared.header()
@shared.delimiter()
@shared.frames()
@shared.as_json()
@click.option("--record", metavar="FILE", help="Write all moments to .h5 or .csv, or HdrHistogram's table to .hgrm.")
@shared.figure(help=f"Draw the percentiles, and the latencies over time; {shared.FORMATS}")
@plainly
def command(**values: Any) -> None:
    """Measure how long a chip takes for each sample of STREAM, waiting for those before it included.

    Nothing is written but the files asked for. Interrupted, it shows what was measured until then.
    """
    options = BenchOptions(**values)
    find_cache()
    from neurosim.online.stop import Stop

    arrivals = _checked(options)
    stream = open_transformed(options.source, options)
    chip = _chip(options, stream)
    with Interrupts(Stop) as interrupts:
        try:
            report = _measure(options, chip, stream, arrivals, interrupts)
        except Stop:
            report = None
    if report is not None:
        _show(report, options)
    if interrupts.signal and (report is None or report.summary()["interrupted"]):
        sys.exit(128 + interrupts.signal)


def _checked(options: BenchOptions) -> "Arrivals":
    """Return how samples arrive, after checking that all files can be written."""
    from neurosim.latency.files import check_record
    from neurosim.reporting.files import check_figure

    check_files(
        os.path.join(options.root, options.source),
        {"state": options.state, "rules": options.rules, "timestamps": options.timestamps},
        {"snapshots": options.snapshots, "record": options.record, "figure": options.figure},
    )
    arrivals = arrivals_of(options)
    if options.record is not None:
        check_record(options.record)
    if options.figure is not None:
        check_figure(options.figure)
    if options.snapshots is None and options.snapshot_seconds is not None:
        fail(f"snapshot_seconds must be left out without --snapshots, got {options.snapshot_seconds}")
    return arrivals


def _chip(options: BenchOptions, stream: "Stream") -> "Chip":
    """Return the chip of the state file, or a new one."""
    from neurosim.chip.chip import Chip
    from neurosim.cli.own_code import rules_in
    from neurosim.cli.resume import new_chip

    if options.state is None:
        if options.rules is not None:
            fail(f"rules must be left out without --state, got {options.rules}")
        return new_chip(options, stream)
    for name, value in (("neurons", options.neurons), ("recipe", options.recipe), ("preset", options.preset)):
        if value is not None:
            fail(f"{name} must be left out with --state, which has its own, got {value}")
    return Chip.load(options.state, rules=rules_in(options.rules), device=options.device)


def _measure(
    options: BenchOptions, chip: "Chip", stream: "Stream", arrivals: "Arrivals", interrupts: Interrupts
) -> "Report | None":
    from neurosim.latency import bench

    seconds = SNAPSHOT_SECONDS if options.snapshot_seconds is None else options.snapshot_seconds
    return bench(
        chip, stream, learning=options.learning, samples=options.samples, warm_up=options.warm_up, arrivals=arrivals,
        deadline=options.deadline, stages=options.stages, roofline=options.roofline, garbage=options.garbage,
        snapshots=options.snapshots, snapshot_seconds=seconds, stop=interrupts.came, pause=interrupts.waiting,
    )  # fmt: skip


def _show(report: "Report", options: BenchOptions) -> None:
    """Print the report before its files are written: a full disk must not lose what was measured."""
    say(json.dumps(report.summary(), allow_nan=False) if options.as_json else report.table())
    if options.record is not None:
        report.save(options.record)
    if options.figure is not None:
        report.draw(options.figure)
