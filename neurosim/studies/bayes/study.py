"""The study itself: the cells of all parts, and one table of claims before the tables of each."""

from collections.abc import Sequence
from typing import Any

from neurosim.experiments.cells import Cell, Finished, Folder, Outcome, Study, Table
from neurosim.experiments.data import Data
from neurosim.studies import published
from neurosim.studies.bayes import attacks, confusing, generation, learning, likelihood, noise, priors, speed
from neurosim.studies.bayes.images import images_of
from neurosim.studies.bayes.part import Claim, Grid, Part

NAME, VERSION = "bayes", 1
CLAIMS = "Claims: verdicts by all widths, numbers of the narrowest and the widest; the others are in the tables below"
ONE_SEED = "one seed, so differences may be chance"
STREAMS = (("mnist", "mnist:train", "mnist:test"), ("cifar10", "cifar10:train", "cifar10:test"))
PARTS: dict[str, Part] = {
    part.PART.name: part.PART for part in (learning, likelihood, priors, speed, noise, attacks, confusing, generation)
}


def cells(
    seeds: int, fast: bool, train: str | None = None, test: str | None = None, label: str | None = None
) -> list[Cell]:  # fmt: skip
    """Return the cells of all parts, on MNIST and CIFAR-10 or on the stream that is asked for."""
    streams = STREAMS[:1] if fast else STREAMS
    if train is not None and test is not None:
        streams = (("own", train, test),)
    return [
        _cell(part, settings)
        for number, stream in enumerate(streams)
        for part in PARTS.values()
        for settings in part.cells(Grid(*stream, number == 0, range(1 if fast else seeds), fast, label))
    ]


def _cell(part: Part, settings: dict[str, Any]) -> Cell:
    names = [str(settings[name]) for name in ("dataset", "method", "neurons", "seed")]
    return Cell(NAME, VERSION, "-".join([NAME, part.name, *names]), {"part": part.name} | settings)


def measure(settings: dict[str, Any], sets: Data) -> Outcome:
    """Let the cell's part measure it."""
    images = images_of(settings, sets) if settings["train"] else None
    outcome = PARTS[settings["part"]].measure(settings, images)
    return Outcome({"data": images.data if images else ""} | outcome.measures, outcome.arrays)


def tables(asked: list[Cell], finished: Finished) -> list[Table]:
    """Return the table of claims, and then those of each part."""
    parts = [(part, _of(part, asked)) for part in PARTS.values() if _of(part, asked)]
    rows = [list(claim) for part, own in parts for claim in _claims(part, own, finished)]
    claims = Table("claims", CLAIMS, ["claim", "measured", "holds", "why, or how far"], rows)
    return [claims, *(table for part, own in parts for table in part.tables(own, finished))]


def _claims(part: Part, asked: Sequence[Cell], finished: Finished) -> list[Claim]:
    """Return the claims of a part, stream by stream, with a doubt where a stream is measured with one seed."""
    found = []
    for dataset in dict.fromkeys(cell.settings["dataset"] for cell in asked):
        own = [cell for cell in asked if cell.settings["dataset"] == dataset]
        seeds = {cell.settings["seed"] for cell in own if cell.name in finished}
        doubt = [ONE_SEED] if len(seeds) == 1 else []
        found += [
            claim._replace(reason="; ".join([*filter(None, [claim.reason]), *doubt]))
            for claim in part.claims(own, finished)
        ]
    return found


def figures(asked: list[Cell], finished: Finished, folder: Folder) -> list[str]:
    """Draw the figures of each part."""
    return [name for part in PARTS.values() for name in part.figures(_of(part, asked), finished, folder)]


def _of(part: Part, asked: Sequence[Cell]) -> list[Cell]:
    return [cell for cell in asked if cell.settings["part"] == part.name]


STUDY = Study(
    name=NAME,
    version=VERSION,
    cells=cells,
    measure=measure,
    tables=tables,
    figures=figures,
    source=published.BAYES,
    any_stream=True,
)
