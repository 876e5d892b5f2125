"""The compiled loop of a convolutional layer on the CPU: by as many threads as an image is worth."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.conv import memory
from neurosim.engine.conv.memory import Workspace
from neurosim.engine.conv.reach import Reach
from neurosim.engine.executor import Call, Counts
from neurosim.engine.loop_executor import LoopExecutor
from neurosim.engine.results import Results
from neurosim.engine.samples import Samples
from neurosim.engine.teams import BLAS, CREW
from neurosim.kernels.conv import blas, layout
from neurosim.kernels.conv import stream as conv
from neurosim.layers.conv import ConvWTA, geometry

WORTH_A_TEAM = 3e7  # terms of a matrix product that take longer than waking a thread
A_RESPONSE = 400  # and as many terms that a response takes beside them: its exponential, its part in learning


class ConvExecutor(LoopExecutor[Workspace]):
    """Calls the compiled loop of a convolutional layer on the CPU.

    Parameters
    ----------
    constants : ConvWTA
    image : tuple of int
        Channels, height, width.
    index : int
        The layer's number in its chip.
    codes : neurosim.kernels.conv.layout.Constants
    state : neurosim.kernels.conv.layout.State
    """

    kernel: ClassVar[ModuleType] = conv
    _constants: ConvWTA

    def __init__(
        self, constants: ConvWTA, image: tuple[int, ...], index: int, codes: layout.Constants, state: layout.State
    ) -> None:
        self._constants, self._image, self._codes, self.state = constants, image, codes, state
        self._geometry = geometry(constants, image, f"layer {index + 1}")
        self._positions = self._geometry.rows * self._geometry.columns
        self._width = constants.neurons * self._geometry.pooled_rows * self._geometry.pooled_columns
        self._reach = Reach(constants, image)
        self._product = blas.product(np.dtype(np.float32))
        self._work = constants.neurons * self._positions * (state.synapses.shape[1] + A_RESPONSE)

    @property
    def most_threads(self) -> int:
        """Threads that there is work for."""
        return max(1, self._constants.neurons // layout.GRAIN)

    def workspace(self, threads: int = 1, counting: bool = False, marking: bool = False) -> Workspace:
        """Return working memory for one caller at a time; how many threads BLAS has says how many there may be."""
        return Workspace(self._constants, self._image, self._geometry, self._codes.pool, marking)

    def results(self, samples: int, rows: int, outputs: bool, counting: bool = False) -> Results:
        """Return memory for the results of some samples."""
        return memory.results(self._constants.neurons, self._positions, self._width, samples, rows, outputs, counting)

    def run(self, call: Call[Workspace]) -> Counts:
        """Take images through the loop; where it is counted what they cost, one by one."""
        if len(call.results.tallies) == 0:
            return self._run_together(call)[0]
        call.results.written[:] = 0
        live = self._live()
        for n in range(len(call.samples.values)):
            one = call._replace(samples=call.samples.cut(n, n + 1), results=call.results.cut(n, n + 1))
            one = one._replace(begun=call.begun[n : n + 2])
            before = self.state.counters.copy()
            live = None if live is None else self._live()
            (done, neuron), signals = self._run_together(one)
            if done == 0:
                return n, neuron
            self._tally(one, live, self.state.counters - before, signals[:, layout.SIGNALS :].sum(axis=0))
        return len(call.samples.values), -1

    def bind(self, call: Call[Workspace]) -> Callable[[], Counts]:
        """Return the loop with everything it takes, for each number of threads that it meets."""
        if len(call.results.tallies):
            return super().bind(call)
        bound: dict[int, tuple[list[tuple[Callable[[], Counts]]], NDArray[np.int64]]] = {}

        def run() -> Counts:
            call.workspace.marks.moments[:] = 0
            with self._team(call) as size:
                if size not in bound:
                    bound[size] = self._bound(call, size)
                parts, signals = bound[size]
                signals[:], call.workspace.threads = 0, size
                try:
                    return CREW.run(_call, parts, lambda: signals.__setitem__((0, layout.ABSENT), 1))
                except BaseException:
                    bound.clear()  # a thread may yet look at these signals
                    raise

        return run

    def _bound(self, call: Call[Workspace], size: int) -> tuple[list[tuple[Callable[[], Counts]]], NDArray[np.int64]]:
        """Return what each thread of a team calls, and the team's signals."""
        calls = self._arguments(call, size)
        return [(self._bound_to(arguments),) for arguments in calls], calls[0][-2].signals

    @contextmanager
    def _team(self, call: Call[Workspace]) -> Iterator[int]:
        """Give how many threads a call is worth, and has, with BLAS limited to one thread."""
        most = self.most_threads if len(call.samples.values) * self._work >= WORTH_A_TEAM else 1
        with BLAS.quiet() as threads, CREW.team(min(threads, most)) as size:
            yield size

    def _run_together(self, call: Call[Workspace]) -> tuple[Counts, NDArray[np.int64]]:
        """Take images through the loop with as many threads as are worth it; return the team's signals too."""
        loop = self._loop
        call.workspace.marks.moments[:] = 0  # a stage that the loop skips leaves no moment
        with self._team(call) as size:
            calls = self._arguments(call, size)
            signals = calls[0][-2].signals
            return CREW.run(loop, calls, lambda: signals.__setitem__((0, layout.ABSENT), 1)), signals

    def _live(self) -> NDArray[np.int64] | None:
        """Return how many synapses of each entry of a patch are not zero; None if all are.

        That a sum of floats becomes zero to the last bit is not waited for.
        """
        live = np.count_nonzero(self.state.synapses, axis=0)
        return None if (live == self._constants.neurons).all() else live

    def _tally(
        self, call: Call[Workspace], live: NDArray[np.int64] | None, passed: NDArray[np.int64], folds: NDArray[np.int64]
    ) -> None:
        """Count what an image cost: neurons that moved write their whole kernel, for each time that it was folded too.

        Zeros of the image reach nothing, though its patches may have other numbers there, once means are taken out.
        """
        scratch, (row,), (written,), (sample,) = (
            call.workspace.scratch, call.results.tallies, call.results.written, call.samples.values,
        )  # fmt: skip
        if passed[layout.UPDATES]:
            written[:] = -scratch.patches.shape[1] * (((scratch.changes != 0) | (scratch.overlaps != 0)) + folds)
        operations = self._reach.entries(sample) * self._constants.neurons
        effective = operations if live is None else self._reach.effective(sample, live)
        writes = -written.sum(dtype=np.int64)
        row[:] = np.count_nonzero(sample), operations, effective, passed[layout.WRITES], writes, 0

    def _arguments(self, call: Call[Workspace], size: int) -> list[tuple[Any, ...]]:
        """Return what the loop takes, for each thread of a team."""
        (values, _, modulators), learning, workspace, made, begun, _ = call
        marks = workspace.marks._replace(begun=begun)
        samples = layout.Samples(values=values, modulators=modulators)
        results = layout.Results(
            potentials=made.potentials, responses=made.responses, winners=made.winners, outputs=made.outputs
        )
        return [
            (samples, learning, self._codes, self.state, scratch, results, self._product, self._own, team,
             marks)
            for scratch, team in workspace.team(size)
        ]  # fmt: skip

    def _no_samples(self) -> tuple[Any, ...]:
        """Return what the loop takes where there is no image, for its types and for the stages that learning needs."""
        nothing = Samples(np.empty((0, math.prod(self._image)), np.float32))
        call = Call(nothing, True, self.workspace(), self.results(1, 1, True))
        return self._arguments(call, 1)[0]


def _call(part: Callable[[], Counts]) -> Counts:
    """Take a thread's part in an image."""
    return part()
