"""A chip's layers put to work on a device, each on what the one before sends."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from neurosim.engine.base import WorkingLayer
from neurosim.engine.conv.layer import ConvLayer
from neurosim.engine.dense.layer import DenseLayer
from neurosim.errors import ConfigError
from neurosim.layers.conv import ConvWTA
from neurosim.layers.dense import DenseWTA
from neurosim.layers.limits import may_be_negative


def put_to_work(
    layers: Sequence[DenseWTA | ConvWTA], shape: tuple[int, ...], seed: int, device: str
) -> Iterator[WorkingLayer]:
    """Give the layers as they work, each on what the one before sends."""
    dense, conv = _kinds(device)
    for place, constants in enumerate(layers):
        layer: WorkingLayer
        if isinstance(constants, ConvWTA):
            layer = conv(constants, shape, seed, place)
        else:
            layer = dense(constants, math.prod(shape), seed, place)
        yield layer
        shape = layer.shape


def _kinds(device: str) -> tuple[type[DenseLayer], type[ConvLayer]]:
    """Return what works on a device."""
    if device == "cpu":
        return DenseLayer, ConvLayer
    from neurosim.engine.cuda.conv import CudaConvLayer
    from neurosim.engine.cuda.dense import CudaDenseLayer
    from neurosim.engine.cuda.device import find

    find()
    return CudaDenseLayer, CudaConvLayer


def check_signs(layers: Sequence[DenseWTA | ConvWTA]) -> None:
    """Refuse a layer that may get negative inputs from the one before, and does not admit them."""
    for place, (before, layer) in enumerate(pairwise(layers)):
        if layer.initial == "uniform" and may_be_negative(before):
            raise ConfigError(
                f"transmit of layer {place + 1}",
                f"ReLU, Triangle or Softmax, as layer {place + 2} has initial='uniform' and takes no negative input",
                before.transmit,
            )
