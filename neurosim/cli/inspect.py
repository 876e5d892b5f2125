"""`neurosim inspect`: what a state file holds."""

import json
from typing import Any

import click

from neurosim.cli import options as shared
from neurosim.cli.compiled_code import find_cache
from neurosim.cli.faults import fail, plainly, say

NAMES_SHOWN = 10  # of labels, in the table
KEYS_SHOWN = 8  # of a fleet, in the table
RECORDS_SHOWN = 8  # of the instruments, in the table
COLUMNS = {
    "sample": ("sample", 12, ","), "step_mean": ("step", 10, ".2e"), "step_gini": ("Gini", 7, ".3f"),
    "usage_entropy": ("entropy", 9, ".3f"), "effective_winners": ("winners", 10, ",.1f"),
    "never_won": ("never", 8, ".1%"), "norm_median": ("norm", 9, ".3f"), "converged": ("R1", 7, ","),
}  # fmt: skip
COMPOSED = ("competition", "rule", "activation", "bias", "transmit", "pool", "devices")  # constants that have constants


@click.command("inspect")
@click.argument("file")
@shared.rules()
@click.option("--key", metavar="KEY", help="Of a fleet: show this key's chip, as a chip's file.")
@shared.as_json(help="Print one JSON object, with all records of the instruments, or all keys of a fleet.")
@plainly
def command(file: str, rules: str | None, key: str | None, as_json: bool) -> None:
    """Show what the state FILE of a chip, or of a fleet, holds, after checking that it is whole."""
    find_cache()
    from neurosim.chip.chip import Chip
    from neurosim.cli.own_code import rules_in
    from neurosim.state import store
    from neurosim.state.checksum import FLEET
    from neurosim.views.summary import finite, summary_of

    own = rules_in(rules)
    if store.kind_of(file) is FLEET:
        from neurosim.fleet import store as fleets
        from neurosim.fleet import summary as of_fleets
        from neurosim.fleet.fleet import Fleet

        found = fleets.read(file)
        fleet = Fleet.of(found, file, own)
        if key is None:
            summary = of_fleets.summary_of(fleet, found)
            say(json.dumps(finite(summary), allow_nan=False) if as_json else _fleet_table(summary))
            return
        contents = of_fleets.contents_of_chip(fleet, _as_keys_are(fleet.keys, key), found)
    else:
        if key is not None:
            fail(f"key must be left out for a file that is not that of a fleet, got {key}")
        contents = store.read(file)
    summary = summary_of(Chip.of(contents, file, own), contents)
    say(json.dumps(finite(summary), allow_nan=False) if as_json else _table(summary))


def _as_keys_are(keys: tuple[Any, ...], text: str) -> Any:
    """Return a text as a key of the kind that a fleet has."""
    if not keys or isinstance(keys[0], str):
        return text
    try:
        return int(text)
    except ValueError:
        fail(f"key must be a whole number, as all keys of this fleet are, got {text!r}")


def _fleet_table(summary: dict[str, Any]) -> str:
    stream, counts = summary["stream"] or {}, summary["samples_of_keys"]
    order = sorted(counts, key=lambda key: -counts[key])
    name, bound = _printable(str(stream.get("name", "none"))), summary["capacity"]
    shown = ", ".join(f"{_printable(key)} {counts[key]:,}" for key in order[:KEYS_SHOWN])
    sizes = " -> ".join(str(size) for size in (summary["inputs"], *(layer["neurons"] for layer in summary["layers"])))
    lines = [
        f"{'fleet':>10}  {sizes}, {len(counts):,} keys" + ("" if bound is None else f" of at most {bound:,}"),
        f"{'memory':>10}  {summary['bytes_per_key']:,} bytes a key",
        f"{'stream':>10}  {name}, at {summary['stream_position']:,}",
        *(f"{what:>10}  {_printable(str(stream[what]))}" for what in ("key", "worker") if what in stream),
        f"{'seed':>10}  {summary['seed']}",
        f"{'samples':>10}  {summary['samples']:,}",
        f"{'most':>10}  {shown or 'none'}" + (", ..." if len(order) > KEYS_SHOWN else ""),
        f"{'state':>10}  {summary['state_sha256']}",
    ]
    diverged = [_printable(key) for key in summary["diverged"]]
    if diverged:
        more = ", ..." if len(diverged) > KEYS_SHOWN else ""
        lines.append(f"{'diverged':>10}  {', '.join(diverged[:KEYS_SHOWN])}{more}: these learn no more")
    lines += [f"{'labels':>10}  {_names(summary['classes'])}"] if summary["classes"] else []
    for number, layer in enumerate(summary["layers"], 1):
        lines.append(f"{f'layer {number}':>10}  {_expression(layer)}")
    return "\n".join(lines)


def _table(summary: dict[str, Any]) -> str:
    stream = summary["stream"] or {}
    name, order = (_printable(str(stream.get(key, missing))) for key, missing in (("name", "none"), ("order", "no")))
    lines = [
        f"{'stream':>10}  {name}, {order} order, at {summary['stream_position']:,}",
        *(f"{key:>10}  {_printable(str(stream[key]))}" for key in ("numbers", "notes") if key in stream),
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
    from neurosim.views.summary import NOT_LEARNED, written

    counts = layer["neurons"]
    states = NOT_LEARNED if counts is None else ", ".join(f"{count:,} {name}" for name, count in counts.items())
    constants, norm = layer["constants"], layer["norm"]
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
        f"{'written':>10}  {written(layer)}",
        f"{'norms':>10}  {norm['min']:.3f} to {norm['max']:.3f}, median {norm['median']:.3f}",
        f"{'neurons':>10}  {states}",
        *drift,
        *_temperature_lines(layer),
        *(f"{name:>11} {_expression(constants[name])}" for name in composed),
        f"{'':>10}  " + ", ".join(f"{name}={value}" for name, value in plain.items()),
    ]


def _temperature_lines(layer: dict[str, Any]) -> list[str]:
    """Return what a temperature that follows the stream has come to."""
    if layer["constants"]["competition"].get("relative_temperature") is None:
        return []
    now = layer["temperature"]
    return [f"{'now':>10}  temperature " + ("not known before the first sample" if now is None else f"{now:.4g}")]


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
