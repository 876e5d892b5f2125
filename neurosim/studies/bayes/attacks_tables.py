"""Tables of part `attacks`: what is left of each classifier, of checks of the attacks, and of transfers."""

from collections.abc import Sequence
from typing import Any

from neurosim.experiments.cells import Cell, Finished, Table
from neurosim.experiments.tables import NOTHING, spread
from neurosim.studies.bayes.attackers import NAMES
from neurosim.studies.bayes.part import by_group

NORMS = {"linf": "L-infinity", "l2": "L2"}
EPSILONS = {"linf": (0.05, 0.1, 0.2, 0.3), "l2": (1.0, 2.0, 4.0, 8.0)}
SMALLER = {"linf": (0.02, 0.05, 0.1, 0.2), "l2": (0.5, 1.0, 2.0, 4.0)}  # on a second stream: natural images
REFERENCE = {"linf": (0.1, 0.2), "l2": (2.0, 4.0)}  # of checks and transfers
LARGEST = {"linf": 0.5, "l2": 16.0}  # at which any image can become another, or grey
NOISE, OWN, STRONGEST = 1, 2, 3  # columns of a curve, after the epsilon
UNITS = {
    "linf": "of the range of the inputs",
    "l2": "of samples of MNIST's mean norm, 9.2; on other streams relative to theirs",
}
SOURCES = NAMES | {"sharpened": "SoftHebb, sharpened labels", "smoother": "SoftHebb, three times the temperature"}


def cells_of_kind(kind: str, asked: Sequence[Cell]) -> list[Cell]:
    """Return the cells of one kind: `accuracy`, `check` or `transfers`."""
    return [cell for cell in asked if cell.settings["kind"] == kind]


def left(records: Sequence[Any], norm: str, epsilon: float, column: int = STRONGEST) -> list[float]:
    """Return the accuracy of each seed that is left, in %."""
    return [100 * point[column] for record in records for point in record["curves"][norm] if point[0] == epsilon]


def reference(records: Sequence[Any], norm: str) -> float:
    """Return the epsilon at which claims compare classifiers: the second that was measured."""
    return float(records[0]["curves"][norm][2][0])


def certified(records: Sequence[Any], norm: str, epsilon: float) -> list[float]:
    """Return the share of each seed's samples, in %, whose winner surely has the right name."""
    shares = [record["certified"].get(norm, []) for record in records]
    return [100 * share for curve in shares for at, share in curve if at == epsilon]


def tables_of_accuracy(asked: Sequence[Cell], finished: Finished) -> list[Table]:
    """Return a table for each norm, that of the checks and that of the transfers, as far as there are cells."""
    kinds = {cell.settings["kind"] for cell in asked}
    made = [_accuracies(norm, asked, finished) for norm in NORMS]
    return made + [
        table(asked, finished) for kind, table in (("check", _checks), ("transfers", _transfers)) if kind in kinds
    ]


def _accuracies(norm: str, asked: Sequence[Cell], finished: Finished) -> Table:
    """Return what the strongest attack leaves; own gradients, noise and certificate beside it."""
    epsilons, rows = sorted({0.0, *EPSILONS[norm], *SMALLER[norm]}), []
    for (dataset, method, neurons), records in by_group(cells_of_kind("accuracy", asked), finished):
        values = [left(records, norm, epsilon) for epsilon in epsilons]
        values += [left(records, norm, epsilon, OWN) for epsilon in REFERENCE[norm]]
        values += [left(records, norm, EPSILONS[norm][-1], NOISE)]
        values += [certified(records, norm, epsilon) for epsilon in EPSILONS[norm][:2]]
        names = [dataset, NAMES[method], str(neurons) if neurons else NOTHING]
        rows.append([*names, *(spread(shares, 1) for shares in values)])
    header = [
        "data", "classifier", "neurons", *(f"{epsilon:g}" for epsilon in epsilons),
        *(f"own {epsilon:g}" for epsilon in REFERENCE[norm]), f"noise {EPSILONS[norm][-1]:g}",
        *(f"proved {epsilon:g}" for epsilon in EPSILONS[norm][:2]),
    ]  # fmt: skip
    title = (
        f"Accuracy left by the strongest {NORMS[norm]} attack, %, epsilon {UNITS[norm]}; by own gradients, by noise; "
        "share whose winning neuron surely keeps the right name"
    )
    return Table(f"attacks-{norm}", title, header, rows)


def _checks(asked: Sequence[Cell], finished: Finished) -> Table:
    """Return what 40 steps leave, and what more of everything leaves."""
    rows = [
        [dataset, NAMES[method.removeprefix("check-")], str(neurons), NORMS[norm], f"{point[0]:g}",
         *(spread([100 * record["check"][norm][index][column] for record in records], 1) for column in (1, 2, 3))]
        for (dataset, method, neurons), records in by_group(cells_of_kind("check", asked), finished) if records
        for norm in NORMS for index, point in enumerate(records[0]["check"][norm])
    ]  # fmt: skip
    header = ["data", "classifier", "neurons", "norm", "epsilon", "no attack", "40 steps", "200 steps, 5 restarts"]
    return Table("attacks-check", "Accuracy left by more steps, restarts and the margin too, %", header, rows)


def _transfers(asked: Sequence[Cell], finished: Finished) -> Table:
    """Return what attacks along the gradients of one classifier leave of another."""
    rows = [
        [dataset, NAMES[judged], str(neurons), NORMS[norm], SOURCES[source],
         spread([100 * record["transfers"][index][3] for record in records], 1)]
        for (dataset, _, neurons), records in by_group(cells_of_kind("transfers", asked), finished) if records
        for index, (norm, judged, source, _) in enumerate(records[0]["transfers"])
    ]  # fmt: skip
    header = ["data", "attacked", "neurons", "norm", "along the gradients of", "left, %"]
    at = ", ".join(f"{NORMS[norm]} {REFERENCE[norm][0]:g}" for norm in NORMS)
    return Table("attacks-transfers", f"Accuracy left by the gradients of others, {at}", header, rows)
