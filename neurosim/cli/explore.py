"""`neurosim explore`: a page on which potentials and the gain of a competition are moved."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from neurosim.cli import options as shared
from neurosim.cli.compiled_code import find_cache
from neurosim.cli.faults import check_files, echo_error, fail, plainly, say
from neurosim.cli.options import SourceOptions, whole_numbers
from neurosim.cli.transforms import open_transformed

ENDINGS = (".html", ".htm")


@dataclass(frozen=True, kw_only=True)
class ExploreOptions(SourceOptions):
    """Values of the options of `neurosim explore`."""

    state: str | None
    source: str | None
    sample: list[int] | None
    layer: int | None
    out: str | None
    opening: bool | None
    rules: str | None
    overwrite: bool


@click.command("explore", epilog="What the page shows, and what to try: docs/explorer.md.")
@click.argument("state", required=False)
@shared.stream(help="Where samples for the chip come from, as for `neurosim stream`.")
@click.option(
    "--sample", callback=whole_numbers, metavar="N[,N2...]",
    help="Samples of the stream, counted from 0.  [default: the first eight]",
)  # fmt: skip
@shared.layer(help="Whose potentials, from 1.  [default: 1]")
@click.option("--out", metavar="FILE.html", help="Write the page here.  [default: a temporary file]")
@shared.opening(help="Open the page in the default browser.  [default: open it if there is no --out]")
@shared.source_options
@shared.rules()
@shared.overwrite()
@plainly
def command(**values: Any) -> None:
    """Make the gain explorer: a page on which neurons' potentials and the gain of their competition can be moved.

    The page shows responses, entropy and sizes of steps. It is one file, which needs no network. With STATE it has the
    potentials of a chip of yours for some samples of --stream; the chip is not changed.
    """
    options = ExploreOptions(**values)
    _check(options)
    data = None if options.state is None else _chip_data(options, options.state, options.source or "")
    from neurosim.reporting.writing import write_text
    from neurosim.views.explorer.page import explorer_page

    page = explorer_page(data)
    path = Path(options.out or Path(tempfile.mkdtemp(prefix="neurosim-")) / "explorer.html")
    write_text("out", path, page)
    say(str(path))
    if options.out is None if options.opening is None else options.opening:
        _open(path)


def _check(options: ExploreOptions) -> None:
    """Refuse options that do not go together, and a file that cannot be written, before anything is read."""
    from neurosim.reporting.files import check_file, check_new

    if options.state is None:
        for name, value in (
            ("stream", options.source), ("sample", options.sample), ("layer", options.layer), ("rules", options.rules)
        ):  # fmt: skip
            if value is not None:
                fail(f"{name} must be left out without STATE, got {value}")
    elif options.source is None:
        fail("stream must be given with STATE: --stream SOURCE is where samples come from")
    elif options.source == "-":
        fail("stream must be a source that can be read again, got a pipe; write it to a file first")
    if options.out is not None:
        check_files(options.source or "", {"STATE": options.state, "rules": options.rules}, {"out": options.out})
        check_file("out", options.out, ENDINGS)
        check_new("out", options.out, options.overwrite)


def _chip_data(options: ExploreOptions, state: str, source: str) -> dict[str, Any]:
    """Return what the page shows of the state's chip."""
    find_cache()
    from neurosim.checks import whole
    from neurosim.chip.chip import Chip
    from neurosim.cli.own_code import rules_in
    from neurosim.views.explorer.samples import chip_data

    chip = Chip.load(state, rules=rules_in(options.rules))
    layer = 1 if options.layer is None else options.layer
    whole("layer", layer, 1, len(chip.layers))
    stream = open_transformed(source, options)
    stream.name_classes(chip.classes)
    return chip_data(chip, stream, options.sample, layer - 1, name=Path(state).name)


def _open(path: Path) -> None:
    """Open the page; where no browser can be started, say so."""
    from neurosim.views.opening import open_in_browser

    if not open_in_browser(path.resolve().as_uri()):
        echo_error("No browser could be started: open the file above in one.")
