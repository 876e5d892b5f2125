"""Tables and figure of part `speed`."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from neurosim.experiments.cells import Cell, Finished, Folder, Table
from neurosim.experiments.tables import NOTHING, spread
from neurosim.reporting.figures import new_figure
from neurosim.studies.bayes.part import by_group
from neurosim.studies.bayes.speed_claims import accuracies
from neurosim.studies.bayes.tuning import HELD_OUT, KINDS, NEURONS
from neurosim.studies.figures import write

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
STYLES = {  # what is drawn: the curve of a method, its words, and Okabe and Ito's colours
    ("soft", "soft-fixed"): ("SoftHebb, soft labels, fixed number of labels", "#0072b2", "--"),
    ("soft", "soft-seen"): ("SoftHebb, soft labels of samples seen", "#0072b2", "-"),
    ("soft", "linear-seen"): ("SoftHebb, linear readout, labels of samples seen", "#0072b2", ":"),
    ("sgd-decay", "own"): (NAMES["sgd-decay"], "#d55e00", "-"),
    ("sgd-constant", "own"): (NAMES["sgd-constant"], "#d55e00", "--"),
    ("delta", "own"): (NAMES["delta"], "#666666", "-"),
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
    """Draw accuracy over samples, a figure for each stream and a panel for each width."""
    names = []
    for dataset in dict.fromkeys(cell.settings["dataset"] for cell in asked):
        own = [cell for cell in asked if cell.settings["dataset"] == dataset]
        groups = {(method, neurons): found for (_, method, neurons), found in by_group(own, finished) if found}
        widths = list(dict.fromkeys(neurons for method, neurons in groups if method == "soft"))
        if widths:
            names.append(write(_drawn(dataset, groups, widths), folder, f"speed-{dataset}.png"))
    return names


def _drawn(dataset: str, groups: dict[tuple[str, int], Any], widths: Sequence[int]) -> Any:
    """Return the figure of one stream: means over seeds."""
    figure = new_figure(2.6 * len(widths) + 3, 3.6)
    grid = figure.subplots(1, len(widths), squeeze=False, sharey=True)[0]
    for axes, neurons in zip(grid, widths, strict=True):
        for (method, curve), (label, colour, line) in STYLES.items():
            found = accuracies(groups.get((method, neurons if method != "delta" else 0), ()), curve)
            if not found:
                continue
            means = [100 * fmean(values) for values in found.values()]
            axes.plot(list(found), means, line, color=colour, linewidth=1.3, marker=".", markersize=4, label=label)
        axes.set(xscale="log", xlabel="samples seen", title=f"{neurons} neurons")
        axes.tick_params(axis="x", which="minor", labelbottom=False)
        axes.grid(alpha=0.3)
    grid[0].set_ylabel(f"accuracy, %, {dataset}")
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside right center", fontsize=8)
    return figure
