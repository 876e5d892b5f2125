"""`neurosim data`: data sets fetched, checked, and put where sources are looked for."""

import sys
from pathlib import Path

import click

from neurosim.cli import options as shared
from neurosim.cli.faults import plainly, say
from neurosim.cli.help import FilledHelp
from neurosim.cli.interrupts import Interrupts


class _Stop(Exception):  # noqa: N818 - a request, not an error
    """A signal came."""


def _known() -> dict[str, str]:
    from neurosim.streams.fetch import DATASETS

    return {"datasets": ", ".join(DATASETS)}


@click.group("data")
def command() -> None:
    """Fetch data sets."""


@command.command("get", cls=FilledHelp, fields=_known)
@click.argument("name")
@shared.root(help="Folder to put the data set's folder in, as for `stream`.")
@click.option("--from", "base", metavar="URL", help="Address of another mirror: the names of files are appended.")
@plainly
def get(name: str, root: str, base: str | None) -> None:
    """Fetch the data set NAME: {datasets}.

    What is there already, with the right checksum, stays. Nothing gets its name before it is whole and checked.
    """
    from neurosim.streams.fetch import DATASETS, fetch

    terminal = sys.stderr is not None and sys.stderr.isatty()
    with Interrupts(_Stop) as interrupts:
        try:
            with interrupts.waiting():
                for path, kept in fetch(name, root, base=base, progress=terminal):
                    size = path.stat().st_size / 1e6
                    say(f"{path}: {'was there' if kept else 'fetched'}, {size:,.1f} MB, checksum right")
        except _Stop:
            sys.exit(128 + interrupts.signal)
    dataset = DATASETS[name]
    say(f"Open it as {' or '.join(dataset.sources)}, with --root {root}")
    for split in dataset.unpacked:
        folder = Path(root) / dataset.source
        commands = " && ".join(f"tar -xf {folder / archive} -C {folder}" for archive in dataset.files)
        say(f"For {dataset.source}:{split}, unpack it: {commands}")
