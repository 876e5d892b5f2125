"""`neurosim view`: figures of what a state file holds."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurosim.cli import options as shared
from neurosim.cli.compiled_code import find_cache
from neurosim.cli.faults import echo_error, fail, plainly, say
from neurosim.cli.options import SourceOptions
from neurosim.cli.transforms import open_transformed

if TYPE_CHECKING:
    from neurosim.streams import Stream
    from neurosim.views.gallery import Figure


@dataclass(frozen=True, kw_only=True)
class ViewOptions(SourceOptions):
    """Values of the options of `neurosim view`."""

    state: str
    out: str
    shape: tuple[int, ...] | None
    layer: int | None
    source: str | None
    test: str | None
    first: int
    hardware: str | None
    rules: str | None
    overwrite: bool


@click.command("view", epilog="What each figure shows, and figures in notebooks: docs/looking.md.")
@click.argument("state")
@click.option("--out", required=True, metavar="DIR", help="Folder of the figures, made if it is not there.")
@shared.shape()
@shared.layer(help="Only this layer, from 1.  [default: all]")
@shared.stream(help="Samples, for figures that need some: winners, patches, classes, latency.")
@shared.test(help="Count confused classes on this stream.  [default: half of --stream's]")
@shared.first()
@shared.hardware(help="A described chip, as for `neurosim cost`, for the floor plan and the energy.")
@shared.source_options
@shared.rules()
@shared.overwrite()
@plainly
def command(**values: Any) -> None:
    """Draw the chip in STATE as PNG files, and print their names.

    The state is read and not written; it may be one that a run is writing just now.
    """
    options = ViewOptions(**values)
    folder = Path(options.out)
    _check_folder(folder)
    find_cache()
    figures = _figures(options)
    from neurosim.errors import NeurosimError
    from neurosim.reporting.figures import as_png
    from neurosim.reporting.files import check_new
    from neurosim.reporting.writing import write_bytes

    paths = {figure.name: folder / f"{figure.name}.png" for figure in figures}
    for path in paths.values():
        check_new("out", path, options.overwrite)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"out must be a folder that can be made, got {options.out!r}: {error}")
    for figure in figures:
        try:
            png = as_png(figure.draw())
        except NeurosimError as error:
            _leave_out(figure.name, str(error))
            continue
        write_bytes("out", paths[figure.name], png)
        say(str(paths[figure.name]))


def _figures(options: ViewOptions) -> "list[Figure]":
    """Return the figures that there are, after telling of the others why they are left out."""
    from neurosim import hardware
    from neurosim.checks import LARGEST, whole
    from neurosim.chip.chip import Chip
    from neurosim.cli.own_code import rules_in
    from neurosim.reporting.figures import check_matplotlib
    from neurosim.views.gallery import Missing, gallery

    check_matplotlib()
    whole("first", options.first, 2, LARGEST)
    target = None if options.hardware is None else hardware.load(options.hardware)
    chip = Chip.load(options.state, rules=rules_in(options.rules))
    if options.layer is not None:
        whole("layer", options.layer, 1, len(chip.layers))
    stream, test = (_open(name, options) for name in ("source", "test"))
    if test is not None and stream is None:
        fail(f"test must be left out without --stream, got {options.test}")
    if stream is not None:
        stream.name_classes(chip.classes)
    found = gallery(
        chip, shape=options.shape, layer=None if options.layer is None else options.layer - 1, stream=stream, test=test,
        target=target, samples=options.first,
    )  # fmt: skip
    for entry in found:
        if isinstance(entry, Missing):
            _leave_out(entry.name, entry.why)
    return [entry for entry in found if not isinstance(entry, Missing)]


def _open(name: str, options: ViewOptions) -> "Stream | None":
    source = getattr(options, name)
    return None if source is None else open_transformed(source, options)


def _leave_out(name: str, why: str) -> None:
    echo_error(" ".join(f"Left out: {name}: {why}".split()))


def _check_folder(folder: Path) -> None:
    """Refuse a folder that is a file, or would lie in one."""
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not there.is_dir():
        fail(f"out must be a folder, got {str(there)!r}, which is a file")
