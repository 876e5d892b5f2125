"""Single samples through a chip's layers, in memory that is ready before: a call allocates nothing but its response."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from neurosim import aligned
from neurosim.chip.samples import as_samples
from neurosim.engine.base import WorkingLayer
from neurosim.engine.results import Results
from neurosim.engine.runner import LayerRunner
from neurosim.engine.samples import Array, Samples, single

FLOAT32 = np.dtype(np.float32)
LINE = 16  # float32 of a line of the processor's cache


class Step(NamedTuple):
    """A layer's step: what runs it, and the memory that its sample lies in."""

    runner: LayerRunner
    samples: Samples


class OneByOne:
    """Takes single samples through a chip's layers, each layer reading what the one before wrote.

    Parameters
    ----------
    layers : sequence of WorkingLayer
    shape : tuple of int
        Shape of a sample.

    Attributes
    ----------
    sample : float32 (inputs,)
        The next sample.
    label : int64 (1,)
        Label of the next sample, -1 for none; only learning uses it.
    modulator : float32 (1,)
        Modulator of the next sample.
    steps : list of Step
        One for each layer, in order.
    winner : int64 (1,)
        Winner of the last layer.
    """

    def __init__(self, layers: Sequence[WorkingLayer], shape: tuple[int, ...]) -> None:
        self._shape, self._width = shape, (layers[0].inputs,)
        values, self.label, self.modulator = single(layers[0].inputs)
        self.sample, self.steps = values[0], list[Step]()
        for layer in layers:
            results = layer.executor.results(1, 1, True)
            if layer is layers[-1]:
                results = self._in_one_block(results)
            samples = Samples(values, self.label, self.modulator)
            step = Step(LayerRunner(layer, 1, samples=samples, results=results), samples)
            step.runner.bind()
            self.steps.append(step)
            values = results.outputs
        self.winner, self._as_images = results.winners, layers[-1].as_images

    def _in_one_block(self, results: Results) -> Results:
        """Return the last layer's results in one block of memory, so that one copy takes them all."""
        arrays = {name: getattr(results, name) for name in ("potentials", "responses", "outputs")}
        ends = np.cumsum([-(-array.size // LINE) * LINE for array in arrays.values()])
        self._block = aligned.zeros(int(ends[-1]))
        starts = (0, *ends[:-1].tolist())
        self._slices = [slice(start, start + array.size) for start, array in zip(starts, arrays.values(), strict=True)]
        return results._replace(
            **{
                name: self._block[piece].reshape(array.shape)
                for (name, array), piece in zip(arrays.items(), self._slices, strict=True)
            }
        )

    def take(self, x: ArrayLike, learning: bool) -> tuple[Array, Array, int, Array]:
        """Take a sample through all layers; return new arrays of the last one's results, as `Response` has them."""
        if type(x) is np.ndarray and x.dtype is FLOAT32 and x.shape == self._width:  # the usual case
            self.sample[:] = x
        else:
            self.sample[:] = as_samples(x, self._shape, 1)[0]
        for runner, samples in self.steps:
            taken = runner.run(samples, learning)
            if taken[2] is not None:  # the error; access by its name is slower
                raise taken[2]
        block, shaped = self._block.copy(), self._as_images
        potentials, responses, outputs = self._slices
        return shaped(block[potentials]), shaped(block[responses]), self.winner.item(), block[outputs]
