"""A chip as the contents of a state file, and what of a file is compared before memory is taken for a chip."""

import math
from collections.abc import Sequence
from typing import Any

from neurosim.engine.base import WorkingLayer
from neurosim.errors import ConfigError
from neurosim.layers.conv import ConvWTA, geometry
from neurosim.layers.dense import DenseWTA
from neurosim.layers.plain import describe
from neurosim.state.arrays import Arrays
from neurosim.state.format import Contents
from neurosim.state.kept_readouts import Readouts


def contents_of(
    layers: Sequence[WorkingLayer],
    shape: tuple[int, ...],
    seed: int,
    position: int,
    stream: dict[str, Any] | None,
    classes: tuple[str, ...],
    readouts: Readouts | None,
) -> Contents:
    """Return what a state file holds of a chip; see `Contents` and `Chip.save`."""
    constants, arrays = [describe(layer.constants) for layer in layers], [layer.arrays() for layer in layers]
    contents = Contents(shape, seed, constants, arrays, position, stream, classes)
    if readouts is None:
        return contents
    if readouts.state_sha256 != contents.state_sha256:
        raise ConfigError(
            "readouts", f"of the chip as it is, state {contents.state_sha256}", readouts.state_sha256, "fit them again"
        )
    names = max(classes, readouts.classes, key=len)
    if any(names[: len(some)] != some for some in (classes, readouts.classes)):
        raise ConfigError("classes of the readouts", f"numbered as those of the chip, {classes}", readouts.classes)
    return contents._replace(classes=names, readouts=readouts.kept())


def check_sizes(layers: Sequence[DenseWTA | ConvWTA], shape: tuple[int, ...], arrays: Sequence[Arrays]) -> None:
    """Refuse, by ValueError, synapses of another shape than these layers have on samples of a shape."""
    for index, (layer, learned) in enumerate(zip(layers, arrays, strict=True)):
        if isinstance(layer, ConvWTA):
            sizes = geometry(layer, shape, f"layer {index + 1}")
            expected = (layer.neurons, shape[0] * layer.kernel**2)
            shape = (layer.neurons, sizes.pooled_rows, sizes.pooled_columns)
        else:
            expected, shape = (math.prod(shape), layer.neurons), (layer.neurons,)
        if learned["synapses"].shape != expected:
            raise ValueError(f"synapses of layer {index + 1} must be {expected}, got {learned['synapses'].shape}")
