"""A stream of samples through layers that learn."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.checks import LARGEST, whole
from neurosim.chip.checkpoints import Checkpoints
from neurosim.chip.directed import Directed, Directions, is_by_layer, learn_block
from neurosim.chip.interrupts import Held
from neurosim.chip.pipeline import Pipeline, whole_windows
from neurosim.chip.samples import as_labels, as_modulators, as_source, check_fits, fitting, in_multiples
from neurosim.chip.use import Run
from neurosim.engine.base import WorkingLayer
from neurosim.engine.samples import NO_LABELS
from neurosim.engine.samples import Samples as Chunk
from neurosim.errors import ConfigError, SampleError
from neurosim.streams import Block, Stream

Samples = Stream | ArrayLike | Iterable[Any]  # a stream, an array of samples, or a generator of them


def learn(
    layers: Sequence[WorkingLayer],
    shape: tuple[int, ...],
    stream: Samples,
    labels: ArrayLike | None,
    modulators: ArrayLike | Sequence[ArrayLike] | None,
    responses: ArrayLike | None,
    learners: Sequence[int] | None,
    chunk: int,
    threads: int,
    run: Run,
    checkpoints: Checkpoints | None,
) -> None:
    """Learn from every sample; parameters and errors as in `neurosim.Chip.learn`, `learners` being its `layers`.

    `shape` is that of a sample, `run` the use of the chip by this thread, and `checkpoints` are those of `every`.
    """
    stream = as_source(stream, shape)
    count = stream.length if isinstance(stream, Stream) else len(stream)
    taught = None if labels is None else as_labels(labels, count)
    learning = _indices(len(layers), learners)
    at_work = layers[: max(learning) + 1]
    frozen = set(range(len(at_work))) - learning
    whole("chunk", chunk, 1, LARGEST)
    windows = whole_windows(at_work, frozen)
    chunk = -(-chunk // windows) * windows
    if checkpoints is not None:
        checkpoints.check_windows(windows, count)
    if responses is not None or is_by_layer(modulators):
        directions = Directions(at_work, modulators, responses, count)
        directed = Directed(at_work, shape, threads=threads, frozen=frozen)
        with Held(len(at_work)) as held:
            _learn_directed(directed, directions, at_work, frozen, stream, shape, taught, chunk, run, checkpoints, held)
        return
    factors, first = None if modulators is None else as_modulators(modulators, count), 0
    with Held(len(at_work)) as held, Pipeline(at_work, threads, frozen=frozen, chunk=chunk, run=run) as pipeline:
        blocks = blocks_of(stream, shape, chunk)
        if windows > 1:
            blocks = in_multiples(blocks, windows)
        for whole_block in held.waited(blocks, lambda: _finish(pipeline.drain())):
            for block in (whole_block,) if checkpoints is None else checkpoints.pieces(whole_block, first):
                samples = slice(first, first + len(block.samples))
                first = samples.stop
                block_labels = block.labels if taught is None else fitting("labels", taught, samples)
                block_factors = None if factors is None else fitting("modulators", factors, samples)
                _finish(pipeline.push(block.samples, block_labels, block_factors))
                if checkpoints is not None and checkpoints.falls_on(first):
                    _finish(pipeline.drain())  # so that all layers have learned from as many samples
                    with held.free():
                        checkpoints.watch()
    for name, values in (("labels", taught), ("modulators", factors)):
        if values is not None and len(values) > first:
            raise SampleError(f"{name} must be as many as samples, got {len(values)} for {first}")
    if checkpoints is not None and first > 0 and not checkpoints.falls_on(first):
        checkpoints.watch()


def _learn_directed(
    directed: Directed,
    directions: Directions,
    layers: Sequence[WorkingLayer],
    frozen: set[int],
    stream: Samples,
    shape: tuple[int, ...],
    taught: NDArray[np.int64] | None,
    chunk: int,
    run: Run,
    checkpoints: Checkpoints | None,
    held: Held,
) -> None:
    """Learn from samples that come with directions, each through all layers before the next one."""
    first, learners = 0, [layer for layer in layers if layer.index not in frozen]
    for whole_block in held.waited(blocks_of(stream, shape, chunk), list):
        for block in (whole_block,) if checkpoints is None else checkpoints.pieces(whole_block, first):
            count = len(block.samples)
            labels = block.labels if taught is None else fitting("labels", taught, slice(first, first + count))
            fitted = layers[0].fitting(Chunk(block.samples, NO_LABELS if labels is None else labels))
            run.begin()
            try:
                learn_block(directed, learners, fitted, directions, first)
            finally:
                run.computing = False
            first += count
            if checkpoints is not None and checkpoints.falls_on(first):
                with held.free():
                    checkpoints.watch()
    directions.check_length(first)
    if taught is not None and len(taught) > first:
        raise SampleError(f"labels must be as many as samples, got {len(taught)} for {first}")
    if checkpoints is not None and first > 0 and not checkpoints.falls_on(first):
        checkpoints.watch()


def _finish(chunks: Iterator[object]) -> None:
    """Let chunks go through the layers; nobody reads what the last one answers."""
    for _ in chunks:
        pass


def blocks_of(stream: Samples, shape: tuple[int, ...], chunk: int) -> Iterator[Block]:
    """Cut a stream, or an array, into blocks of samples of a shape."""
    whole("chunk", chunk, 1, LARGEST)
    samples = as_source(stream, shape)
    if isinstance(samples, Stream):
        check_fits(samples, shape)
        return samples.blocks(size=chunk)
    return (Block(samples[start : start + chunk], None) for start in range(0, len(samples), chunk))


def _indices(count: int, learners: Sequence[int] | None) -> set[int]:
    """Return the indices of the layers, of so many, that are to learn."""
    if learners is None:
        return set(range(count))
    if not isinstance(learners, Sequence) or not learners:
        raise ConfigError("layers", "places of layers, one at least", learners)
    for index in learners:
        whole("layers", index, 0, count - 1)
    return set(learners)
