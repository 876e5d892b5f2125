"""What a fleet's state file holds as plain values: `neurosim inspect` prints them."""

from typing import Any

from neurosim.fleet.fleet import Fleet
from neurosim.fleet.format import FleetContents
from neurosim.layers.plain import describe
from neurosim.state.format import Contents


def summary_of(fleet: Fleet, contents: FleetContents) -> dict[str, Any]:
    """Return what a fleet is and has learned, with what its file says of the stream and labels."""
    samples = fleet.samples.tolist()
    return {
        "kind": "fleet",
        "inputs": fleet.inputs,
        "seed": fleet.seed,
        "keys": len(fleet),
        "capacity": fleet.capacity,
        "bytes_per_key": fleet.bytes_per_chip,
        "stream": contents.stream,
        "stream_position": contents.position,
        "state_sha256": contents.state_sha256,
        "classes": contents.classes,
        "layers": [describe(layer) for layer in fleet.layers],
        "samples": sum(samples),
        "diverged": [str(key) for key in fleet.diverged],
        "samples_of_keys": {str(key): count for key, count in zip(fleet.keys, samples, strict=True)},
    }


def contents_of_chip(fleet: Fleet, key: str | int, contents: FleetContents) -> Contents:
    """Return what the file of one key's chip would hold; its position is how many samples it has learned from."""
    chip = fleet.chip(key)
    return Contents(
        shape=chip.shape,
        seed=chip.seed,
        constants=contents.constants,
        layers=[layer.arrays() for layer in chip.layers],
        position=chip.samples,
        stream=contents.stream,
        classes=contents.classes,
    )
