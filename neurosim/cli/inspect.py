"""`neurosim inspect`: what a state file holds."""

import json
from typing import Any

import click

from neurosim.cli.faults import find_cache, plainly, say


@click.command("inspect")
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@plainly
def command(file: str, as_json: bool) -> None:
    """Show what the state FILE holds, after checking that it is whole."""
    find_cache()
    from neurosim import store
    from neurosim.chip import Chip

    contents = store.read(file)
    summary = _summary(Chip.of(contents, file), contents)
    say(json.dumps(summary, allow_nan=False) if as_json else _table(summary))


def _summary(chip: Any, contents: Any) -> dict[str, Any]:
    import numpy as np

    from neurosim.constants import describe
    from neurosim.metrics import never_won

    layers = []
    for layer in chip.layers:
        low, median, high = np.percentile(layer.norms, (0, 50, 100))
        layers.append(
            {
                "inputs": layer.inputs,
                "constants": describe(layer.constants),
                "samples": layer.samples,
                "blank_samples": layer.blanks,
                "never_won": never_won(layer.wins),
                "writes_per_sample": layer.writes / max(1, layer.samples),
                "norm": {"min": float(low), "median": float(median), "max": float(high)},
            }
        )
    return {
        "inputs": chip.inputs,
        "seed": chip.seed,
        "stream": contents.stream,
        "stream_position": contents.position,
        "state_sha256": chip.state_sha256,
        "layers": layers,
    }


def _table(summary: dict[str, Any]) -> str:
    stream = summary["stream"] or {}
    name, order = stream.get("name", "none"), stream.get("order", "no")
    lines = [
        f"{'stream':>10}  {name}, {order} order, at {summary['stream_position']:,}",
        f"{'seed':>10}  {summary['seed']}",
        f"{'state':>10}  {summary['state_sha256']}",
    ]
    for place, layer in enumerate(summary["layers"], 1):
        constants, norm = layer["constants"], layer["norm"]
        lines += [
            "",
            f"{f'layer {place}':>10}  {layer['inputs']} inputs -> {constants['neurons']} neurons",
            f"{'samples':>10}  {layer['samples']:,}, blank {layer['blank_samples']:,}",
            f"{'never won':>10}  {layer['never_won']:.2%} of the neurons",
            f"{'written':>10}  {layer['writes_per_sample']:.1f} neurons a sample",
            f"{'norms':>10}  {norm['min']:.3f} to {norm['max']:.3f}, median {norm['median']:.3f}",
        ]
        for name in ("competition", "rule", "transmit"):
            values = dict(constants[name])
            kind = values.pop("kind")
            shown = ", ".join(f"{key}={value}" for key, value in values.items() if value is not None)
            lines.append(f"{name:>11} {kind}({shown})")
        rest = {
            key: value
            for key, value in constants.items()
            if key not in {"kind", "neurons", "competition", "rule", "transmit"}
        }
        lines.append(f"{'':>10}  " + ", ".join(f"{key}={value}" for key, value in rest.items()))
    return "\n".join(lines)
