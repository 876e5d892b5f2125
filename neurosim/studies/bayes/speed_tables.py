"""Tables and figure of part `speed`."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from neurosim.experiments.cells import Cell, Finished, Folder, Table
from neurosim.experiments.tables import NOTHING, spread
from neurosim.reporting.figures import BLUE, GREY, VERMILION
from neurosim.studies.bayes.figures import by_samples, finish
from neurosim.studies.bayes.part import Groups, by_group, by_stream, records_of, widths_of
from neurosim.studies.bayes.speed_claims import accuracies
from neurosim.studies.bayes.tuning import HELD_OUT, KINDS, NEURONS
from neurosim.studies.figures import titled

NAMES = {
    "soft": "SoftHebb",
    "hard": "hard WTA",
    "random": "random weights",
    "delta": "raw pixels, delta rule",
    "sgd-decay": "backpropagation, SGD, rate falls to 0",
    "sgd-constant": "backpropagation, SGD, constant rate",
    "adam-decay": "backpropagation, Adam, rate falls to 0",
}
WORDS = {"soft": "soft labels", "winner": "winner's label", "linear": "linear readout", "own": "its own"}
STYLES = {  # what is drawn: the curve of a method, its words, its colour and line
    ("soft", "soft-fixed"): ("SoftHebb, soft labels, fixed number of labels", BLUE, "--"),
    ("soft", "soft-seen"): ("SoftHebb, soft labels of samples seen", BLUE, "-"),
    ("soft", "linear-seen"): ("SoftHebb, linear readout, labels of samples seen", BLUE, ":"),
    ("sgd-decay", "own"): (NAMES["sgd-decay"], VERMILION, "-"),
    ("sgd-constant", "own"): (NAMES["sgd-constant"], VERMILION, "--"),
    ("delta", "own"): (NAMES["delta"], GREY, "-"),
}


def tables(asked: Sequence[Cell], finished: Finished) -> list[Table]:
    """Return accuracies by the number of samples, and the constants of the twins."""
    columns = sorted({samples for cell in asked for samples in cell.settings["checkpoints"]})
    rows = []
    for (dataset, method, neurons), records in by_group(asked, finished):
        names = [dataset, NAMES[method], str(neurons) if neurons else NOTHING]
        for curve in records[0]["curves"] if records else ():
            readout, _, budget = curve.partition("-")
            rows.append([*names, WORDS[readout], budget or "seen", *_row(records, curve, columns)])
    counts = " or ".join(str(count) for count in sorted({cell.settings["label_samples"] for cell in asked}))
    title = f"Accuracy, %, after samples of one pass; labels of the samples seen, or of a fixed number, {counts}"
    header = ["data", "learner", "neurons", "readout", "labels", *map(str, columns), "all"]
    return [Table("speed", title, header, rows), _constants(asked, finished, columns)]


def _row(records: Sequence[Any], curve: str, columns: Sequence[int]) -> list[str]:
    """Return a curve as text: at the checkpoints, and at its end."""
    found = {samples: [100 * value for value in values] for samples, values in accuracies(records, curve).items()}
    count = records[0]["curves"][curve][-1][0]
    return [spread(found.get(samples, []), 1) if samples < count else NOTHING for samples in columns] + [
        spread(found.get(count, []), 1)
    ]


def _constants(asked: Sequence[Cell], finished: Finished, columns: Sequence[int]) -> Table:
    """Return the rate and batch of each twin of the first seed."""
    rows = []
    for (dataset, method, neurons), records in by_group(asked, finished):
        if method in KINDS and records:
            found = {samples: f"{rate:.3g} / {batch}" for samples, rate, batch in records[0]["constants"]}
            last = found.pop(records[0]["constants"][-1][0])
            names = [dataset, NAMES[method], str(neurons)]
            rows.append([*names, *(found.get(samples, NOTHING) for samples in columns), last])
    title = (
        f"Rate / batch of backpropagation: best of 8 trainings for each number of samples, one seed, {NEURONS} neurons "
        f"at most, on {HELD_OUT} held-out training samples at most"
    )
    return Table("speed-rates", title, ["data", "learner", "neurons", *map(str, columns), "all"], rows)


def figures(asked: Sequence[Cell], finished: Finished, folder: Folder) -> list[str]:
    """Draw accuracy over samples, means over seeds: a figure for each stream and a panel for each width."""
    names = []
    for dataset, groups in by_stream(asked, finished).items():
        widths = widths_of(groups, "soft")
        if not widths:
            continue
        figure, grid = titled((f"{neurons} neurons" for neurons in widths), sharey=True)
        for axes, neurons in zip(grid, widths, strict=True):
            _curves(axes, groups, neurons)
        figure.supylabel(f"accuracy, %, {dataset}")
        names += finish(figure, f"speed-{dataset}.png", folder)
    return names


def _curves(axes: Any, groups: Groups, neurons: int) -> None:
    for (method, curve), (label, colour, line) in STYLES.items():
        found = accuracies(records_of(groups, method, neurons), curve)
        means = [100 * fmean(values) for values in found.values()]
        if found:
            axes.plot(list(found), means, line, color=colour, linewidth=1.3, marker=".", markersize=4, label=label)
    by_samples(axes)
    axes.set_xlabel("samples seen")
