"""Parts of the study: each measures one of the claims, and says what it found."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, NamedTuple

from neurosim.experiments.cells import Cell, Finished, Folder, Outcome, Table

Settings = dict[str, Any]
Groups = Mapping[tuple[str, int], Sequence[Any]]  # measures of the finished seeds of one stream, by method and width
MATTERS = 5.0  # points of accuracy, from which on a difference counts
WIDTHS = (100, 200, 1000, 2000)
CHECKPOINTS = (100, 300, 1000, 3000, 10_000, 30_000)  # samples of a pass after which a cell measures, besides all
FEWER = (1000, 10_000)  # the same of what is measured less often, as on a second stream


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
    label : str, optional
        The label's column, of sources that are lines.
    """

    dataset: str
    train: str
    test: str
    first: bool
    seeds: range
    fast: bool
    label: str | None = None

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
        if self.label is not None:
            names["label"] = self.label
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


def checkpoints(settings: Settings, count: int) -> list[int]:
    """Return after how many of `count` training samples a cell measures: its checkpoints that there are, and all."""
    return [samples for samples in settings["checkpoints"] if samples < count] + [count]


def by_group(asked: Sequence[Cell], finished: Finished) -> Iterator[tuple[tuple[str, str, int], list[Any]]]:
    """Give each data set, method and width, in the order of the cells, with the measures of its finished seeds."""
    groups: dict[tuple[str, str, int], list[Any]] = {}
    for cell in asked:
        settings = cell.settings
        measures = groups.setdefault((settings["dataset"], settings["method"], settings["neurons"]), [])
        if cell.name in finished:
            measures.append(finished[cell.name]["measures"])
    yield from groups.items()


def by_stream(asked: Sequence[Cell], finished: Finished) -> dict[str, Groups]:
    """Return for each data set the measures of its finished seeds, by method and width; none that has no seed."""
    streams: dict[str, dict[tuple[str, int], Sequence[Any]]] = {}
    for (dataset, method, neurons), records in by_group(asked, finished):
        if records:
            streams.setdefault(dataset, {})[method, neurons] = records
    return dict(streams)


def records_of(groups: Groups, method: str, neurons: int) -> Sequence[Any]:
    """Return the measures of a method at a width, if there are; those of raw pixels, which have none, at any."""
    return groups.get((method, 0 if method == "delta" else neurons), ())


def widths_of(groups: Groups, *methods: str) -> list[int]:
    """Return the widths at which each of the methods is measured, from the narrowest to the widest."""
    widths = sorted({neurons for _, neurons in groups} - {0})
    return [neurons for neurons in widths if all(records_of(groups, method, neurons) for method in methods)]


def ends(widths: Sequence[int]) -> list[int]:
    """Return the first and the last: a claim has room for two widths, the tables of its part have the others."""
    return list(dict.fromkeys([*widths[:1], *widths[-1:]]))


def verdict(kept: Sequence[bool]) -> str:
    """Return `yes` if all comparisons are as claimed, `partly` if some are, `no` if none is."""
    return "yes" if kept and all(kept) else "partly" if any(kept) else "no"


def above(ours: Sequence[float], others: Sequence[float]) -> bool:
    """Return whether every seed is above every one of another method, and that by `MATTERS` points in the mean.

    Accuracies are in %. Seeds may be one, and test samples a few hundred: smaller differences may be chance.
    """
    return min(ours) > max(others) and fmean(ours) - fmean(others) >= MATTERS


def measured(claim: str, text: str, holds: bool, reason: str = "") -> Claim:
    """Return a claim that holds or does not."""
    return Claim(claim, text, "yes" if holds else "no", reason)
