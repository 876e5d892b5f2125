"""Sections of a report as HTML: what a chip is, what it learned, how long samples take, what they would cost."""

from typing import Any

from neurosim.chip.chip import Chip
from neurosim.hardware.pricing import CostReport
from neurosim.latency.report import Report
from neurosim.latency.table import READING as READING_LATENCIES
from neurosim.layers.expressions import chip_expression, expression
from neurosim.online.drift import sentence
from neurosim.reporting.html import folded, pairs, table
from neurosim.reporting.units import size
from neurosim.views.page import Section, beside, bullets, code, figures, paragraph, subtitle, wide
from neurosim.views.summary import NOT_LEARNED, STATES, written

RECORDS_SHOWN, NAMES_SHOWN = 12, 20
LAYERS = ("layer", "takes", "neurons", "competition", "rule", "weights", "memory")
LEARNED = ("layer", "samples", "blank", "never won", "live", "between", "dead", "norms", "written")
CHANGES = ("sample", "layer", "constant", "before", "after")
RECORDS = ("sample", "mean step", "Gini of steps", "entropy of wins", "effective winners", "never won", "median norm")
TERMS = (
    "Blank samples teach nothing: all zeros, or without the label that the layer needs. Written is how much of its "
    "weights a layer changes for a sample. A neuron is live when its weights have turned away from its first ones (a "
    "cosine below 0.5), and dead when they have hardly moved (above 0.9). A norm is the length of a neuron's weights."
)
READING = (
    "The Gini coefficient of the steps is 0 if all neurons learn as much, and near 1 if one learns everything. The "
    "entropy of the wins is 1 if all neurons win equally often; effective winners are how many such neurons there "
    "would be."
)
Fields = list[tuple[str, str]]
Drawn = list[tuple[Any, str]]  # figures, and their captions


def chip_section(chip: Chip, summary: dict[str, Any]) -> Section:
    """Return what the chip is: its layers, and the Python that makes it."""
    rows = [_layer_row(number, layer) for number, layer in enumerate(chip.layers, 1)]
    body = wide(table(LAYERS, rows))
    now = ", with its constants as they are now" if summary["changes"] else ""
    body += paragraph(f"The same chip before it learned{now} (import neurosim as ns; defaults are left out):", "quiet")
    body += code(chip_expression(chip))
    given = [number for number, layer in enumerate(summary["layers"], 1) if layer["first_weights"] == "array"]
    if given:
        text = f"The first weights of layer {' and '.join(map(str, given))} were given as arrays: "
        body += paragraph(text + "the expression starts from weights that are drawn by the seed instead.")
    own = [layer["constants"]["rule"] for layer in summary["layers"] if layer["constants"]["rule"].get("digest")]
    if own:
        text = "Rules of the user's own, to be defined before the expression, by the hash of what they compute:"
        body += paragraph(text, "quiet")
        body += pairs([(rule["name"], rule["digest"]) for rule in own])
    return Section("chip", "What the chip is", body)


def _layer_row(number: int, layer: Any) -> tuple[object, ...]:
    constants = layer.constants
    synapses = layer.arrays()["synapses"]
    kernel = getattr(constants, "kernel", None)
    image = " x ".join(map(str, () if kernel is None else layer.image))
    takes = f"all of {layer.inputs:,} inputs" if kernel is None else f"patches of {kernel} x {kernel} of {image}"
    bits = getattr(constants, "weight_bits", None) or 32
    return (
        number, takes, f"{constants.neurons:,}", expression(constants.competition, ""),
        expression(constants.rule, ""), f"{synapses.size:,} of {bits} bits", size(-(-synapses.size * bits // 8)),
    )  # fmt: skip


def learned_section(chip: Chip, summary: dict[str, Any]) -> Section:
    """Return what the chip learned, layer by layer, and what was changed on the way."""
    layers = summary["layers"]
    body = "" if chip.samples else paragraph("It has learned from no sample yet: all weights are its first ones.")
    body += wide(table(LEARNED, [_learned_row(number, layer) for number, layer in enumerate(layers, 1)]))
    body += paragraph(TERMS, "quiet")
    drifts = [
        f"Drift of layer {number}: {sentence(layer['drift'])}."
        for number, layer in enumerate(layers, 1)
        if layer["drift"] is not None
    ]
    body += "".join(map(paragraph, drifts)) + _changes(summary["changes"]) + _labels(summary)
    for number, layer in enumerate(layers, 1):
        body += _records(number, layer["records"])
    return Section("learned", "What it learned", body + (paragraph(READING, "quiet") if layers[0]["records"] else ""))


def _learned_row(number: int, layer: dict[str, Any]) -> tuple[object, ...]:
    norm, neurons = layer["norm"], layer["neurons"] or dict.fromkeys(STATES)
    return (
        number, f"{layer['samples']:,}", f"{layer['blank_samples']:,}", f"{layer['never_won']:.2%}",
        *(NOT_LEARNED if neurons[state] is None else f"{neurons[state]:,}" for state in STATES),
        f"{norm['min']:.3f} to {norm['max']:.3f}, median {norm['median']:.3f}", written(layer),
    )  # fmt: skip


def _changes(changes: list[dict[str, Any]]) -> str:
    """Return the constants that were changed while the chip learned, and when."""
    if not changes:
        return ""
    rows = [
        (f"{row['sample']:,}", row["layer"] + 1, row["name"], expression(row["old"]), expression(row["new"]))
        for row in changes
    ]
    return subtitle("Constants that were changed") + wide(table(CHANGES, rows))


def _labels(summary: dict[str, Any]) -> str:
    """Return the names of labels, and the readouts that the state keeps."""
    names = list(summary["classes"])
    rows: Fields = []
    if names:
        more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
        rows.append(("labels", ", ".join(f"{n} {name}" for n, name in enumerate(names[:NAMES_SHOWN])) + more))
    for kind, readout in summary["readouts"].items():
        rows.append((f"{kind} readout", f"fitted on {readout['samples']:,} samples"))
    return pairs(rows) if rows else ""


def _records(number: int, records: list[dict[str, Any]]) -> str:
    """Return a few of a layer's records, evenly spaced, the last one among them."""
    if not records:
        return ""
    step = -(-len(records) // RECORDS_SHOWN)
    rows = [
        (
            f"{row['sample']:,}", f"{row['step_mean']:.2e}", f"{row['step_gini']:.3f}", f"{row['usage_entropy']:.3f}",
            f"{row['effective_winners']:,.1f}", f"{row['never_won']:.1%}", f"{row['norm_median']:.3f}",
        )
        for row in records[::-1][::step][::-1]
    ]  # fmt: skip
    return subtitle(f"Layer {number} over time") + wide(table(RECORDS, rows))


def figures_section(drawn: dict[str, Drawn]) -> Section:
    """Return figures with their captions, by what they are of."""
    if len(drawn) == 1:
        return Section("figures", "Figures", "".join(map(figures, drawn.values())))
    return Section("figures", "Figures", "".join(subtitle(name) + figures(shown) for name, shown in drawn.items()))


def latency_section(report: Report, figure: Any, about: str, doubt: str = "") -> Section:
    """Return how long samples took, as a table and as a figure; `about` says how that was measured, `doubt` warns."""
    shown = figures([(figure, "Latency of each sample: by percentile, and over time.")])
    body = paragraph(about) + (paragraph(f"Warning: {doubt}", "warning") if doubt else "")
    body += beside(report._repr_html_(), shown) + folded("all of it, as text", report.table())
    body += paragraph(READING_LATENCIES, "quiet")
    return Section("latency", "How long samples take", body)


def cost_section(report: CostReport, drawn: Drawn, about: str) -> Section:
    """Return what a sample would cost on a described chip, with its bands, and where the numbers come from."""
    body = paragraph(about) + beside(report._repr_html_(), figures(drawn))
    return Section("cost", "What it would cost", body)


def provenance_section(rows: Fields) -> Section:
    """Return where the numbers come from: software, machine, command, hashes."""
    return Section("provenance", "Provenance", pairs(rows))


def missing_section(reasons: list[tuple[str, str]]) -> Section:
    """Return what the report does not show, and why."""
    return Section("missing", "Not in this report", bullets(f"{name}: {reason}" for name, reason in reasons))
