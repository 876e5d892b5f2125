"""Chunks of samples through layers: layer by layer, or with layers at work on successive chunks at the same time.

Where a dense layer is wide, threads are better spent on sharing its neurons, and a chunk goes layer by layer.

No layer depends on a later one, so both give the same bits (`docs/design.md`).
"""

import math
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import LARGEST, whole
from neurosim.chip.one_by_one import OneByOne
from neurosim.chip.samples import teachable
from neurosim.chip.use import Run
from neurosim.chip.wanted import Wanted
from neurosim.engine.base import WorkingLayer
from neurosim.engine.results import Results
from neurosim.engine.runner import LayerRunner
from neurosim.engine.samples import NO_LABELS, NO_MODULATORS, Array, Labels, Samples
from neurosim.errors import ConfigError, NeurosimError, SampleError
from neurosim.streams import Block

FLOAT32 = np.dtype(np.float32)
NOBODY = np.empty(0, np.int64)
NOT_GIVEN = np.empty((0, 0), np.float32)


class Chunk(NamedTuple):
    """A chunk on its way through the layers.

    Attributes
    ----------
    first : int
        Number of its first sample.
    samples : Samples
        What the next layer sees.
    winners : int64 (samples,)
        Of the layer before.
    nanoseconds : int64 (samples,)
        How long each sample took in the layers so far, by the clock inside their loops.
    given : float32 (samples, inputs) or (0, 0)
        What the first layer saw, if somebody hears of it.
    results : Results or None
        Those of the last layer, if somebody hears of them; the next chunk's are written over them.
    """

    first: int
    samples: Samples
    winners: NDArray[np.int64]
    nanoseconds: NDArray[np.int64]
    given: Array = NOT_GIVEN
    results: Results | None = None


def whole_windows(layers: Sequence[WorkingLayer], frozen: Collection[int] = ()) -> int:
    """Return how many samples layers must get at a time, or a multiple: 1, unless one answers at its window's end.

    The windows of all such layers end together then. What the last layer answers, nobody reads.
    """
    return math.lcm(*(layer.answers_after for layer in layers[:-1] if layer.index not in frozen))


class Pipeline:
    """Layers as stages of a pipeline; a context, at whose end its threads end.

    Parameters
    ----------
    layers : sequence of WorkingLayer
    threads : int
        With 1, a chunk goes through all layers before the next one. More threads work on several layers at the same
        time, or share the neurons of wide dense layers.
    first : int
        Number of the first sample, for errors.
    frozen : collection of int
        Indices of the layers that respond and do not learn.
    chunk : int
        Samples of a chunk.
    run : Run, optional
        The use of the chip by this thread.
    skip_bad : bool
        Whether samples that the first layer does not admit, and labels that a layer cannot learn, are passed over and
        counted, instead of an error.
    timing : bool
        Whether it is noted how long each sample took.

    singly : bool
        Whether single samples are to go through memory that is made for them here; unless layers work at the same time.
    wanted : Wanted, optional
        What is kept of each sample for somebody who hears of it: chunks then have `given` and `results`.

    Attributes
    ----------
    whole : int
        Samples that `push` takes at a time, or a multiple: see `whole_windows`.
    takes_one : bool
        Whether `take_one` may be called.
    refused : int
        Samples passed over so far.
    fault : SampleError or None
        Why the latest sample was not admitted that the first layer refused, or whose label a layer cannot learn.
    """

    def __init__(
        self,
        layers: Sequence[WorkingLayer],
        threads: int = 1,
        first: int = 0,
        frozen: Collection[int] = (),
        chunk: int = 256,
        run: Run | None = None,
        skip_bad: bool = False,
        timing: bool = False,
        singly: bool = False,
        wanted: Wanted | None = None,
    ) -> None:
        whole("threads", threads, 1, LARGEST)
        if threads > 1 and any(layer.device != "cpu" for layer in layers):
            raise ConfigError("threads", "1 with device='cuda', whose blocks share every layer's work", threads)
        self.layers, self.frozen = layers, frozen
        self._learners = [layer for index, layer in enumerate(layers) if index not in frozen]
        self.whole, self._skip_bad, self._wanted = whole_windows(layers, frozen), skip_bad, wanted
        self._check_windows()
        self._chunk, self._threads, self._timing = chunk, threads, timing
        self._run = Run() if run is None else run
        self._waiting: list[Chunk | None] = [None] * len(layers)
        self._pool: ThreadPoolExecutor | None = None
        if threads > 1 and not any(layer.executor.shares_sums for layer in layers):
            self._pool = ThreadPoolExecutor(threads)
        self.takes_one = singly and self._pool is None and self.whole == 1
        self._width = (layers[0].inputs,)
        self.renew()
        self.refused = 0
        self.fault: SampleError | None = None
        self._refused: tuple[SampleError, int] | None = None  # why the first layer does not admit a sample, and which
        self._error: NeurosimError | None = None
        self._bad, self._next, self._lock = 0, first, Lock()  # the earliest sample at which a layer stopped

    def __enter__(self) -> "Pipeline":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            # After an error of the stream, too, the samples before it go through every layer.
            if kind is None or issubclass(kind, Exception):
                for _chunk in self.drain():
                    pass
        finally:
            if self._pool is not None:
                self._pool.shutdown()

    def _check_windows(self) -> None:
        """Refuse what cannot be where a layer answers at the end of its window."""
        last = self.layers[-1]
        if self._wanted is not None and self._wanted.outputs and last.answers_after > 1 and self._learns(last):
            why = f"its {last.answers_after} samples would wait for one another"
            raise ConfigError("outputs", "left out where the last layer has answers='window'", True, why)
        if self.whole == 1:
            return
        if self._skip_bad:
            why = "a window would lack the samples that are passed over"
            raise ConfigError("skip_bad", "False where a layer has answers='window'", True, why)
        for layer in self.layers[:-1]:
            left = layer.waiting if layer.answers_after > 1 and self._learns(layer) else 0
            if left > 0:
                why = f"learn from {layer.answers_after - left} more with layers=[{layer.index}] first"
                name = f"samples that wait in layer {layer.index + 1}, whose answers others learn from"
                raise ConfigError(name, "none: it answers at its window's end", left, why)

    def _learns(self, layer: WorkingLayer) -> bool:
        return layer.index not in self.frozen

    def renew(self) -> None:
        """Make anew what works with the layers' constants: they have changed, and nothing is under way."""
        layers, threads, timing = self.layers, self._threads, self._timing
        self.whole = whole_windows(layers, self.frozen)
        self._check_windows()
        self.takes_one = self.takes_one and self.whole == 1
        self._taught = any(layer.constants.competition.by_label for layer in self._learners)
        last, (potentials, responses, outputs) = layers[-1], self._wanted or Wanted()
        rows = LARGEST if potentials or responses else 1  # as many as samples
        self.runners = [
            LayerRunner(
                layer, self._chunk, rows=rows if layer is last else 1, outputs=outputs or layer is not last,
                threads=threads, timing=timing,
            )
            for layer in layers
        ]  # fmt: skip
        if self.takes_one:
            self._one = OneByOne(
                layers, self._width, responding=False, threads=threads, frozen=self.frozen, timing=timing,
                workspaces=[runner.workspace for runner in self.runners], outputs=outputs,
            )  # fmt: skip

    def fitting(self, block: Block) -> Block:
        """Return a block in the types that `take_one` takes.

        Raises
        ------
        SampleError
            If its samples or labels are none of the first layer's: see `WorkingLayer.fitting`.
        """
        values, labels = block
        plain = labels is None and type(values) is np.ndarray and values.dtype is FLOAT32
        if plain and values.flags.c_contiguous and values.shape[1:] == self._width:  # as of a generator or a pipe
            return block
        samples = self.layers[0].fitting(Samples(values, NO_LABELS if labels is None else labels))
        return Block(samples.values, samples.labels if len(samples.labels) else None)

    def take_one(self, sample: Array, label: int | None = None, modulator: float = 1.0) -> int | None:
        """Take a single sample through all layers, in memory that is ready: the same as `push`, and sooner.

        Parameters
        ----------
        sample : float32 (inputs,)
            Of a block that went through `fitting`.
        label : int, optional
            -1 for none, where others have one.
        modulator : float

        Returns
        -------
        int or None
            How long it took in nanoseconds, 0 if that is not noted; None if it was passed over.

        Raises
        ------
        NeurosimError
            As `push` does.
        """
        one, run, number = self._one, self._run, self._next
        one.sample[...], one.label[0], one.modulator[0] = sample, -1 if label is None else label, modulator
        try:
            if self._taught:
                _, fault = teachable(self._learners, 1, NO_LABELS if label is None else one.label, number)
                if fault is not None:
                    raise fault
            run.begin()
            try:
                one.learn(number)
            finally:
                run.computing = False
        except SampleError as error:
            self._pass_over(error, label)
            return None
        self._next = number + 1
        return one.nanoseconds()

    def _pass_over(self, error: SampleError, label: int | None) -> None:
        """Count a single sample that is refused; raise the error unless such samples are passed over."""
        if not (self._taught and label is None):  # then it is the stream's fault, not the sample's
            self.fault = error
            if self._skip_bad:
                self.refused, self._next = self.refused + 1, self._next + 1
                return
        raise error

    @property
    def one(self) -> Results:
        """Results of the last layer for the sample that `take_one` took; the next one's are written over them."""
        return self._one.results

    def push(
        self,
        values: Array,
        labels: Labels | None = None,
        modulators: Array | None = None,
    ) -> Iterator[Chunk]:
        """Put in a chunk; give the chunks that then leave the last layer.

        Raises
        ------
        NeurosimError
            The sample that stopped a layer, after every chunk before has gone through, or a label that a layer cannot
            learn.
        """
        if left := len(values) % self.whole:
            yield from self._push_whole(values, labels, modulators, len(values) - left)
        labels = NO_LABELS if labels is None else labels
        modulators = NO_MODULATORS if modulators is None else modulators
        samples = self.layers[0].fitting(Samples(values, labels, modulators))
        while True:
            first = self._next
            end, fault = teachable(self._learners, len(samples.values), samples.labels, first)
            end -= end % self.whole
            self._waiting[0] = self._begun(first, samples.cut(0, end))
            self._next += end
            yield from self._tick()
            if self._refused is not None:  # an earlier sample than that of the label
                (fault, self._next), self._refused = self._refused, None
            if fault is None:
                break
            self.fault = fault
            if not self._skip_bad:
                break
            self.refused += 1
            if self._pool is None:  # the first layer writes over what the next one reads
                yield from self._finish()
            self._next += 1
            samples, fault = samples.cut(self._next - first, len(samples.values)), None
            if self._error is not None or len(samples.values) == 0:
                break
        if self._pool is None or self._error is not None or fault is not None:
            yield from self._finish()
        if self._error is None:
            self._error = fault  # of a later sample than any that another layer stopped at
        self._raise()

    def _begun(self, first: int, samples: Samples) -> Chunk:
        """Return a chunk before the first layer."""
        if self._wanted is None:
            return Chunk(first, samples, NOBODY, NOBODY)
        if self._pool is not None:  # the stream's next block comes before this one has left the last layer
            samples = Samples._make(array.copy() for array in samples)
        return Chunk(first, samples, NOBODY, NOBODY, samples.values)

    def _push_whole(self, values: Array, labels: Labels | None, modulators: Array | None, end: int) -> Iterator[Chunk]:
        """Put in the whole windows of a chunk, which end before sample `end` of it; then refuse the rest."""
        if end:
            of_those = None if labels is None or len(labels) == 0 else labels[:end]
            yield from self.push(values[:end], of_those, None if modulators is None else modulators[:end])
        yield from self.drain()
        left = len(values) - end
        raise SampleError(
            f"samples must come in whole windows of {self.whole} where a layer answers at its window's end "
            f"(answers='window'): learned from all {self._next} before, and not from the {left} that came last: leave "
            f"them out, or give {self.whole - left} more with them"
        )

    def drain(self) -> Iterator[Chunk]:
        """Finish every chunk under way."""
        yield from self._finish()
        self._raise()

    def _finish(self) -> Iterator[Chunk]:
        while any(chunk is not None for chunk in self._waiting):
            yield from self._tick()

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _tick(self) -> Iterator[Chunk]:
        """Let every layer that has a chunk process it, and pass the results on."""
        busy = [(index, chunk) for index, chunk in enumerate(self._waiting) if chunk is not None]
        run = self._run
        run.begin()
        try:
            if self._pool is None:
                finished = [self._stage(stage) for stage in busy]
            else:
                finished = list(self._pool.map(self._stage, busy))
        finally:
            run.computing = False
        for (index, _), chunk in zip(reversed(busy), reversed(finished), strict=True):  # the last layer first, so that
            self._waiting[index] = None  # a layer's chunk has left before the next one comes
            if len(chunk.winners) == 0:
                continue
            if index + 1 < len(self.layers):
                self._waiting[index + 1] = chunk
            else:
                yield chunk
        run.staggered = self._pool is not None and any(chunk is not None for chunk in self._waiting)

    def _stage(self, stage: tuple[int, Chunk]) -> Chunk:
        """Take a chunk through the layer of an index; return what the next layer gets."""
        index, (first, samples, _, before, given, _) = stage
        runner = self.runners[index]
        taken = runner.run(samples, index not in self.frozen, first)
        if isinstance(taken.error, SampleError):
            self._refused = taken.error, first + taken.done
        elif taken.error is not None:
            with self._lock:
                if self._error is None or first + taken.done < self._bad:
                    self._error, self._bad = taken.error, first + taken.done
        # With a pool, the next layer reads these while this one writes the next chunk's.
        results = taken.results if self._pool is None else runner.hand_over(taken)
        count = taken.done
        if taken.error is not None and self.whole > 1:  # the window of the sample that stopped the layer
            count -= count % self.whole
            if index not in self.frozen:
                self.layers[index].forget_window()
        done = slice(count)
        sent = Samples(results.outputs[done], samples.labels[done], samples.modulators[done])
        nanoseconds = runner.nanoseconds(count)
        nanoseconds = nanoseconds + before[done] if index > 0 else nanoseconds.copy()
        chunk = Chunk(first, sent, results.winners[done].copy(), nanoseconds)
        return chunk if self._wanted is None else chunk._replace(given=given[done], results=results.cut(0, count))
