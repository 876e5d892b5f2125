"""Chunks of samples through layers that respond and do not learn."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from neurosim.engine.base import WorkingLayer
from neurosim.engine.results import Results
from neurosim.engine.runner import LayerRunner
from neurosim.engine.samples import Samples
from neurosim.streams import Block


def respond(
    layers: Sequence[WorkingLayer],
    blocks: Iterator[Block],
    chunk: int,
    reading: Callable[[], AbstractContextManager[None]],
    every: bool,
) -> Iterator[tuple[Results, Any]]:
    """Give the last layer's results for each block of samples, for the caller to keep, and the block's labels.

    Parameters
    ----------
    layers : sequence of WorkingLayer
    blocks : iterator of Block
    chunk : int
        Samples of a block.
    reading : callable
        Returns the context in which the chip is used: `neurosim.chip.use.Use.reading`.
    every : bool
        Whether potentials and responses of every sample are wanted, or outputs and winners alone.

    Raises
    ------
    SampleError, DivergedError
        At the block of the first sample that a layer does not admit.
    """
    last = layers[-1]
    runners = [LayerRunner(layer, chunk, rows=chunk if every and layer is last else 0) for layer in layers]
    first = 0
    for values, labels in blocks:
        samples, error = layers[0].fitting(Samples(values)), None
        with reading():
            for runner in runners:
                taken = runner.run(samples, False, first)
                error = taken.error or error  # a later layer's is of an earlier sample
                samples = Samples(taken.results.outputs[: taken.done])
                if taken.done == 0:
                    break
        if error is not None:
            raise error
        first += len(values)
        yield runner.hand_over(taken), labels
