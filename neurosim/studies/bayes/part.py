"""Parts of the study: each measures one of the claims, and says what it found."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from neurosim.experiments.cells import Cell, Finished, Folder, Outcome, Table

Settings = dict[str, Any]
WIDTHS = (100, 200, 1000, 2000)


class Grid(NamedTuple):
    """What cells a part is asked for.

    Attributes
    ----------
    dataset, train, test : str
        A short name of the stream, and its two sources as for `neurosim stream`.
    first : bool
        Whether it is the first stream of the study: on others a part measures less.
    seeds : range
    fast : bool
        Whether only a small part is wanted, of few samples.
    """

    dataset: str
    train: str
    test: str
    first: bool
    seeds: range
    fast: bool

    @property
    def widths(self) -> tuple[int, ...]:
        """Numbers of neurons to measure."""
        if self.fast:
            return (100,)
        return WIDTHS if self.first else (200,)

    @property
    def samples(self) -> Settings:
        """Settings that every cell of images has: the streams, and how many of their samples are used."""
        names = {"dataset": self.dataset, "train": self.train, "test": self.test}
        if self.fast:
            return names | {"train_samples": 3000, "test_samples": 500, "label_samples": 1000}
        return names | {"train_samples": None, "test_samples": None, "label_samples": 20_000 if self.first else 10_000}


class Claim(NamedTuple):
    """What is claimed, what was measured, whether that holds, and why or how far."""

    claim: str
    measured: str
    holds: str
    reason: str = ""


@dataclass(frozen=True)
class Part:
    """One claim, or a few that are measured together.

    Attributes
    ----------
    name : str
        The second word of its cells' names: `bayes-NAME-...`.
    cells : callable
        Called with a `Grid`; gives the settings of its cells. Each has `method`, `neurons` and `seed`, which name it.
    measure : callable
        Called with the settings of a cell, and with its images or None; returns the outcome.
    tables, claims : callable
        Called with the part's cells and the records of the finished ones, by name.
    figures : callable
        Called with the same and the folder; draws figures into it, returns their names.
    """

    name: str
    cells: Callable[[Grid], Iterator[Settings]]
    measure: Callable[[Settings, Any], Outcome]
    tables: Callable[[Sequence[Cell], Finished], list[Table]]
    claims: Callable[[Sequence[Cell], Finished], list[Claim]]
    figures: Callable[[Sequence[Cell], Finished, Folder], list[str]]


def by_group(asked: Sequence[Cell], finished: Finished) -> Iterator[tuple[tuple[str, str, int], list[Any]]]:
    """Give each data set, method and width, in the order of the cells, with the measures of its finished seeds."""
    groups: dict[tuple[str, str, int], list[Any]] = {}
    for cell in asked:
        settings = cell.settings
        measures = groups.setdefault((settings["dataset"], settings["method"], settings["neurons"]), [])
        if cell.name in finished:
            measures.append(finished[cell.name]["measures"])
    yield from groups.items()


def measured(claim: str, text: str, holds: bool, reason: str = "") -> Claim:
    """Return a claim with its verdict."""
    return Claim(claim, text, "yes" if holds else "no", reason)
