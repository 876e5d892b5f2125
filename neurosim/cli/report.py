"""`neurosim report`: one page of all that there is to know of a state file, or of a record of latencies."""

import os
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from neurosim.cli import options as shared
from neurosim.cli.compiled_code import find_cache
from neurosim.cli.faults import check_files, echo_error, fail, plainly, say
from neurosim.cli.options import SourceOptions
from neurosim.cli.transforms import open_transformed

if TYPE_CHECKING:
    from neurosim.streams import Stream

ARGUMENTS = "neurosim.cli.report.arguments"
FOR_STATES = {  # options that a record has no use for, and their fields
    "record": "record", "stream": "source", "test": "test", "chip": "hardware", "shape": "shape", "rules": "rules",
    "learn": "learning", "unverified": "unverified",
}  # fmt: skip


class Told(click.Command):
    """A command that keeps the arguments it was called with."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, after keeping them as they are."""
        ctx.meta[ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, args)


@dataclass(frozen=True, kw_only=True)
class ReportOptions(SourceOptions):
    """Values of the options of `neurosim report`."""

    file: str
    out: str
    record: str | None
    source: str | None
    test: str | None
    first: int
    learning: bool
    hardware: str | None
    unverified: bool
    shape: tuple[int, ...] | None
    rules: str | None
    overwrite: bool


@click.command("report", cls=Told, epilog="What is on the page, with a picture of it: docs/report.md.")
@click.argument("file", metavar="STATE|RECORD")
@click.option("--out", required=True, metavar="FILE.html", help="The page.")
@click.option("--record", metavar="FILE.h5", help="Show latencies that `neurosim bench --record` measured before.")
@shared.stream(help="Samples, for figures that need some, for latency, and for cost.")
@shared.test(help="Count confused classes on this stream.  [default: half of --stream's]")
@shared.first()
@shared.learning(default=False, help="Time and price learning, on a copy, or responses.  [default: respond]")
@shared.hardware(help="A described chip, as for `neurosim cost`, for energy and floor plan.")
@shared.unverified()
@shared.shape()
@shared.source_options
@shared.rules()
@shared.overwrite()
@plainly
def command(**values: Any) -> None:
    """Write a page on what a chip is, what it learned, how fast it is, what it costs, and where the numbers come from.

    STATE is a state file, RECORD what `neurosim bench --record FILE.h5` wrote; neither is changed, and a state may be
    one that a run is writing just now. The page is one file that needs no network and no script.
    """
    options = ReportOptions(**values)
    arguments = click.get_current_context().meta[ARGUMENTS]
    _check(options)
    find_cache()
    from neurosim.latency.reading import is_record
    from neurosim.reporting.writing import write_text
    from neurosim.views.report import record_report

    told = shlex.join(("neurosim", "report", *arguments))
    if is_record(options.file):
        for name, field in FOR_STATES.items():
            if getattr(options, field) not in (None, False):
                fail(f"{name} must be left out with a record of latencies, got {getattr(options, field)}")
        page = record_report(options.file, told)
    else:
        page = _of_state(options, told)
    write_text("out", options.out, page)
    say(options.out)


def _check(options: ReportOptions) -> None:
    """Refuse a page that could not be written, before anything is measured for it."""
    from neurosim.checks import LARGEST, whole
    from neurosim.reporting.files import check_file, check_new

    check_file("out", options.out, (".html", ".htm"))
    check_new("out", options.out, options.overwrite)
    read = {"STATE": options.file, "record": options.record, "test": options.test, "rules": options.rules}
    check_files(os.path.join(options.root, options.source or ""), read, {"out": options.out})
    whole("first", options.first, 2, LARGEST)
    for name, value in (("test", options.test), ("chip", options.hardware), ("learn", options.learning or None)):
        if value is not None and options.source is None:
            fail(f"{name} must be left out without --stream, got {value}")


def _of_state(options: ReportOptions, told: str) -> str:
    from neurosim.cli.own_code import rules_in
    from neurosim.views.report import state_report

    return state_report(
        options.file, stream=_open(options.source, options), test=_open(options.test, options), samples=options.first,
        learning=options.learning, hardware=options.hardware, unverified=options.unverified, shape=options.shape,
        record=options.record, rules=rules_in(options.rules), command=told,
        leave_out=lambda name, why: echo_error(f"Left out: {name}: {why}"),
    )  # fmt: skip


def _open(source: str | None, options: ReportOptions) -> "Stream | None":
    return None if source is None else open_transformed(source, options)
