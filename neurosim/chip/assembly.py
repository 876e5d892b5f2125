"""A chip's layers put to work on a device, each on what the one before transmits."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from neurosim.engine.base import WorkingLayer
from neurosim.engine.conv.executor import ConvExecutor
from neurosim.engine.conv.layer import ConvLayer
from neurosim.engine.conv.layer import MakeExecutor as MakeConv
from neurosim.engine.dense.executor import DenseExecutor
from neurosim.engine.dense.layer import DenseLayer
from neurosim.engine.dense.layer import MakeExecutor as MakeDense
from neurosim.errors import ConfigError
from neurosim.layers.conv import ConvWTA, geometry
from neurosim.layers.dense import DenseWTA
from neurosim.layers.limits import may_be_negative
from neurosim.outside.arrays import shown
from neurosim.state.arrays import Arrays


def put_to_work(
    layers: Sequence[DenseWTA | ConvWTA], shape: tuple[int, ...], seed: int, device: str, initial: Sequence[object]
) -> Iterator[WorkingLayer]:
    """Give the layers at work, each on what the one before transmits; `initial` has an entry for each."""
    dense, conv = _executors(device)
    for index, (constants, array) in enumerate(zip(layers, initial, strict=True)):
        layer: WorkingLayer
        if isinstance(constants, ConvWTA):
            layer = ConvLayer(constants, shape, seed, index, conv, array)
        else:
            layer = DenseLayer(constants, math.prod(shape), seed, index, dense, array)
        yield layer
        shape = layer.shape


def first_arrays(initial: Any, layers: int) -> Sequence[object]:
    """Return the `initial` of a chip as one entry for each layer: an array, or None for weights of the seed.

    Raises
    ------
    ConfigError
        If there are not as many entries as layers.
    """
    if initial is None:
        return [None] * layers
    entries = initial if isinstance(initial, list | tuple) else None
    if layers == 1 and not (entries and len(entries) == 1 and _is_entry(entries[0])):
        if entries and len(entries) > 1 and any(entry is None for entry in entries):
            got = f"another number of entries than layers: {len(entries)}"
            raise ConfigError("initial", "an array, or a list of one array or None, for a chip of one layer", got)
        return [initial]
    if entries is None or len(entries) != layers:
        got = shown(initial) if entries is None else f"{len(entries)} entries"
        raise ConfigError("initial", f"a list of {layers} arrays, one for each layer, None to draw weights", got)
    return entries


def _is_entry(value: object) -> bool:
    """Return whether the only one in a list is a layer's weights, or None, and not the row of a single neuron."""
    return value is None or getattr(value, "ndim", 1) > 1


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


def _executors(device: str) -> tuple[MakeDense, MakeConv]:
    """Return the executors of dense and of convolutional layers for a device."""
    if device == "cpu":
        return DenseExecutor, ConvExecutor
    from neurosim.engine.cuda.conv import CudaConvExecutor
    from neurosim.engine.cuda.dense import CudaDenseExecutor
    from neurosim.engine.cuda.device import find

    find()
    return CudaDenseExecutor, CudaConvExecutor


def check_signs(layers: Sequence[WorkingLayer], constants: Sequence[DenseWTA | ConvWTA]) -> None:
    """Refuse a layer that admits no negative input where the layer before may transmit some, by such constants."""
    for index, (before, after) in enumerate(pairwise(constants)):
        array = layers[index].initial_array
        negative = array is not None and bool(array.min() < 0)
        if after.initial == "uniform" and may_be_negative(before, negative):
            raise ConfigError(
                f"transmit of layer {index + 1}",
                f"ReLU, Triangle or Softmax, as layer {index + 2} has initial='uniform' and takes no negative input",
                before.transmit,
            )
