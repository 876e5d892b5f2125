"""`neurosim warm`: code compiled ahead, for images of containers and for machines whose disks cannot be written."""

import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import click

from neurosim.cli import options as shared
from neurosim.cli.compiled_code import find_cache
from neurosim.cli.compiled_parts import PARTS, Compiled, compile_part, settle
from neurosim.cli.faults import fail, plainly, say


@click.command(
    "warm",
    epilog="Parts: " + " ".join(f"{name}: {part.purpose}" for name, part in PARTS.items())
    + " How to use it in containers: docs/containers.md.",
)  # fmt: skip
@click.argument("parts", nargs=-1, metavar="[PART]...", type=click.Choice(list(PARTS)))
@click.option(
    "--into", metavar="DIR",
    help="Keep it here; later runs need NUMBA_CACHE_DIR=DIR.  [default: where it is kept anyway]",
)  # fmt: skip
@click.option(
    "--cpu", type=click.Choice(["generic"]),
    help="Compile for every machine of this architecture; later runs need NUMBA_CPU_NAME=generic.  [default: this one]",
)  # fmt: skip
@shared.jobs(default=os.cpu_count() or 1, help="Parts compiled at once.  [default: one a core]")
@plainly
def command(parts: tuple[str, ...], into: str | None, cpu: str | None, jobs: int) -> None:
    """Compile each PART ahead, or all of them, so that later runs start at once.

    Code that is there already is not compiled again. Rules of your own are compiled when they are used.
    """
    settings = {} if cpu is None else {"NUMBA_CPU_NAME": cpu}
    if into is None:
        find_cache()
    else:
        settings["NUMBA_CACHE_DIR"] = str(_folder(into))
    chosen = list(dict.fromkeys(parts)) or list(PARTS)
    # In new processes, as Numba reads the variables once, and compiles one function at a time.
    pool = ProcessPoolExecutor(
        min(jobs, len(chosen)), get_context("spawn"), initializer=settle, initargs=(settings,), max_tasks_per_child=1
    )
    try:
        for compiled in pool.map(compile_part, chosen):
            say(_line(compiled))
    except RuntimeWarning as warning:  # that code cannot be kept
        fail(str(warning))
    except BrokenProcessPool as error:
        fail(f"processes that compile must not die, and one did: {error}")
    finally:
        pool.shutdown(cancel_futures=True)
    if settings:
        say("later runs need " + " ".join(f"{name}={value}" for name, value in settings.items()))


def _folder(into: str) -> Path:
    """Return a folder, made if it is not there."""
    folder = Path(into).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"into must be a folder that can be written, got {into}: {error.strerror}")
    return folder


def _line(compiled: Compiled) -> str:
    """Return a part's line of the output."""
    if not compiled.functions:
        return f"{compiled.part:8}    was there"
    return f"{compiled.part:8} {compiled.seconds:6.1f} s  {', '.join(compiled.functions)}"
