"""`neurosim reproduce`: a published table measured again, cell by cell."""

from typing import TYPE_CHECKING, Any

import click

from neurosim.cli import options as shared
from neurosim.cli.compiled_code import find_cache
from neurosim.cli.faults import fail, plainly, say
from neurosim.cli.progress import progress
from neurosim.studies import STUDIES

if TYPE_CHECKING:
    from neurosim.experiments.cells import Study


@click.command("reproduce")
@click.argument("study", type=click.Choice(STUDIES))
@shared.root(help="Folder of the data, as for the sources of `stream`.")
@click.option("--out", metavar="DIR", help="Folder of the results.  [default: reproduce-STUDY]")
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Seeds of each cell, from 0.")
@shared.jobs(default=1, show_default=True, help="Processes, of one thread each.")
@click.option("--fast", is_flag=True, help="A small part: one seed, few samples. To see that it works, in a minute.")
@shared.train(help="Of `bayes`: labelled samples to learn from, as for `stream`.")
@shared.test(help="Of `bayes`: labelled samples to test with. Both or neither.")
@shared.label(help="Of `bayes`: the label's column in --train and --test, if these are lines, as for `stream`.")
@click.option("--only", default="", metavar="TEXT", help="Only cells with this in their name: liuson-mnist, -2048-.")
@click.option("--report", is_flag=True, help="Measure nothing: only make tables of the finished cells.")
@plainly
def command(
    study: str, root: str, out: str | None, seeds: int, jobs: int, fast: bool, train: str | None, test: str | None,
    label: str | None, only: str, report: bool,
) -> None:  # fmt: skip
    """Measure what a paper published once more, and print both.

    STUDY is `bayes`, the claims that a SoftHebb layer is a Bayesian model, on MNIST and CIFAR-10 or on any labelled
    stream; `deep`, convolutional SoftHebb on CIFAR-10 and MNIST; `liuson`, the probe accuracies and Gini coefficients
    of competitive Hebbian layers on both; or `radius`, SoftHebb on MNIST from first weights of 27 lengths. Each
    finished cell is kept: the same command goes on where it was interrupted, and measures again what failed.
    """
    find_cache()
    from neurosim import studies
    from neurosim.experiments import reproduce
    from neurosim.experiments.cells import Folder

    published, folder = studies.find(study), Folder(out or f"reproduce-{study}")
    all_cells = published.cells(seeds, fast, **_sources(published, train, test, label))
    cells = [cell for cell in all_cells if only in cell.name]
    if not cells:
        names = f"{all_cells[0].name} or {all_cells[-1].name}"
        fail(f"--only must be part of a cell's name, as in {names}, got {only!r}")
    if not report:
        reproduce.check_unchanged(cells, folder, root)
        left = reproduce.unfinished(cells, folder)
        with progress(len(cells), len(cells) - len(left), "cells") as advance:

            def watch(cell: Any, record: dict[str, Any]) -> None:
                advance(f"{cell.name} {record['status']}")

            reproduce.run(published, left, root, folder, jobs, watch)
    text, failed = reproduce.report(published, cells, folder)
    say(text)
    if failed:
        name, error = next(iter(failed.items()))
        fail(f"{len(failed)} of {len(cells)} cells failed, {name} by {error}; the same command measures them again")


def _sources(study: "Study", train: str | None, test: str | None, label: str | None) -> dict[str, str]:
    """Return the sources that a study is to be measured on, if they are given, and the column of their labels."""
    if train is None and test is None:
        if label is not None:
            fail("--label must come with --train and --test, whose column of labels it names")
        return {}
    if not study.any_stream:
        fail(f"--train and --test must be left out for {study.name}, which has data of its own; they are for bayes")
    if train is None or test is None:
        fail("--train and --test must both be given, or neither")
    sources = {"train": train, "test": test}
    return sources if label is None else sources | {"label": label}
