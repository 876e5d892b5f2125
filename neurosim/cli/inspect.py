"""`neurosim inspect`: what a state file holds."""

import json
import math
from typing import TYPE_CHECKING, Any

import click

from neurosim.cli import options as shared
from neurosim.cli.compiled_code import find_cache
from neurosim.cli.faults import plainly, say

if TYPE_CHECKING:
    from neurosim.chip.chip import Chip
    from neurosim.state.format import Contents

NAMES_SHOWN = 10  # of labels, in the table
RECORDS_SHOWN = 8  # of the instruments, in the table
COLUMNS = {
    "sample": ("sample", 12, ","), "step_mean": ("step", 10, ".2e"), "step_gini": ("Gini", 7, ".3f"),
    "usage_entropy": ("entropy", 9, ".3f"), "effective_winners": ("winners", 10, ",.1f"),
    "never_won": ("never", 8, ".1%"), "norm_median": ("norm", 9, ".3f"), "converged": ("R1", 7, ","),
}  # fmt: skip
COMPOSED = ("competition", "rule", "activation", "bias", "transmit", "pool")  # constants that have constants


@click.command("inspect")
@click.argument("file")
@shared.rules()
@shared.as_json(help="Print one JSON object, with all records of the instruments.")
@plainly
def command(file: str, rules: str | None, as_json: bool) -> None:
    """Show what the state FILE holds, after checking that it is whole."""
    find_cache()
    import numpy as np

    from neurosim.chip.chip import Chip
    from neurosim.cli.own_code import rules_in
    from neurosim.state import store

    contents = store.read(file)
    chip = Chip.of(contents, file, rules_in(rules))
    with np.errstate(all="ignore"):  # weights near the end of float32's range have lengths beyond it
        summary = _summary(chip, contents)
    say(json.dumps(_finite(summary), allow_nan=False) if as_json else _table(summary))


def _summary(chip: "Chip", contents: "Contents") -> dict[str, Any]:
    return {
        "inputs": chip.inputs,
        "seed": chip.seed,
        "stream": contents.stream,
        "stream_position": contents.position,
        "state_sha256": chip.state_sha256,
        "classes": contents.classes,
        "readouts": {
            kind: {"samples": readout.samples, "features": readout.features}
            for kind, readout in (contents.readouts or {}).items()
        },
        "changes": list(chip.changes),
        "layers": [_layer_summary(layer, chip.changes) for layer in chip.layers],
    }


def _layer_summary(layer: Any, changes: Any) -> dict[str, Any]:
    import numpy as np

    from neurosim.instruments import never_won
    from neurosim.layers.plain import describe
    from neurosim.online.drift import drift_of

    low, median, high = np.percentile(layer.norms, (0, 50, 100))
    states = layer.neurons()["state"]
    return {
        "inputs": layer.inputs,
        "constants": describe(layer.constants),
        "first_weights": "seed" if layer.initial_array is None else "array",
        "samples": layer.samples,
        "blank_samples": layer.blanks,
        "never_won": never_won(layer.wins),
        "writes_per_sample": layer.writes / max(1, layer.samples),
        "norm": {"min": float(low), "median": float(median), "max": float(high)},
        "neurons": {name: int((states == name).sum()) for name in ("live", "between", "dead")},
        "drift": drift_of(layer, changes),
        "records": [dict(zip(row.dtype.names, row.item(), strict=True)) for row in layer.records],
    }


def _finite(value: Any) -> Any:
    """Return plain values with infinity and NaN, which JSON has no numbers for, as the texts inf, -inf and nan."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _table(summary: dict[str, Any]) -> str:
    stream = summary["stream"] or {}
    name, order = (_printable(str(stream.get(key, missing))) for key, missing in (("name", "none"), ("order", "no")))
    lines = [
        f"{'stream':>10}  {name}, {order} order, at {summary['stream_position']:,}",
        f"{'seed':>10}  {summary['seed']}",
        f"{'state':>10}  {summary['state_sha256']}",
    ]
    if summary["classes"]:
        lines.append(f"{'labels':>10}  {_names(summary['classes'])}")
    if summary["readouts"]:
        fitted = [f"{kind}, fitted on {readout['samples']:,} samples" for kind, readout in summary["readouts"].items()]
        lines.append(f"{'readouts':>10}  {'; '.join(fitted)}")
    lines += [
        f"{'changed':>10}  {change['name']} of layer {change['layer'] + 1} at sample {change['sample']:,}: "
        f"{_expression(change['old'])}, then {_expression(change['new'])}"
        for change in summary["changes"]
    ]
    for number, layer in enumerate(summary["layers"], 1):
        lines += _layer_lines(number, layer) + _record_lines(layer["records"])
    return "\n".join(lines)


def _printable(name: str) -> str:
    """Return a name with escapes for what cannot be printed: a file's name may hold line feeds, or bytes of no text."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in name)


def _names(classes: tuple[str, ...]) -> str:
    """Return the first names of labels, and how many there are."""
    more = f", ... ({len(classes):,} names)" if len(classes) > NAMES_SHOWN else ""
    return ", ".join(f"{number} {_printable(name)}" for number, name in enumerate(classes[:NAMES_SHOWN])) + more


def _layer_lines(number: int, layer: dict[str, Any]) -> list[str]:
    from neurosim.online.drift import sentence

    constants, norm = layer["constants"], layer["norm"]
    written = "responses at all positions" if constants["kind"] == "ConvWTA" else "neurons"
    composed = [name for name in COMPOSED if constants.get(name) is not None]
    drift = [] if layer["drift"] is None else [f"{'drift':>10}  {sentence(layer['drift'])}"]
    began = [f"{'began':>10}  with weights that were given"] if layer["first_weights"] == "array" else []
    plain = {name: value for name, value in constants.items() if name not in {"kind", "neurons", *COMPOSED}}
    return [
        "",
        f"{f'layer {number}':>10}  {layer['inputs']} inputs -> {constants['neurons']} neurons",
        *began,
        f"{'samples':>10}  {layer['samples']:,}, blank {layer['blank_samples']:,}",
        f"{'never won':>10}  {layer['never_won']:.2%} of the neurons",
        f"{'written':>10}  {layer['writes_per_sample']:,.1f} {written} a sample",
        f"{'norms':>10}  {norm['min']:.3f} to {norm['max']:.3f}, median {norm['median']:.3f}",
        f"{'neurons':>10}  " + ", ".join(f"{count:,} {name}" for name, count in layer["neurons"].items()),
        *drift,
        *(f"{name:>11} {_expression(constants[name])}" for name in composed),
        f"{'':>10}  " + ", ".join(f"{name}={value}" for name, value in plain.items()),
    ]


def _expression(value: Any) -> str:
    """Return constants as the Python expression that makes them."""
    if not isinstance(value, dict):
        return str(value)
    inner = ", ".join(f"{key}={_expression(item)}" for key, item in value.items() if key != "kind" and item is not None)
    return f"{value['kind']}({inner})"


def _record_lines(records: list[dict[str, Any]]) -> list[str]:
    """Return a table of a few of the instruments' records, evenly spaced, the last one among them."""
    if not records:
        return []
    step = -(-len(records) // RECORDS_SHOWN)
    lines = ["", "".join(f"{head:>{width}}" for head, width, _ in COLUMNS.values())]
    for row in records[::-1][::step][::-1]:
        lines.append("".join(f"{format(row[name], form):>{width}}" for name, (_, width, form) in COLUMNS.items()))
    return lines
