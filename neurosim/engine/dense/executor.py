"""The compiled loop of a dense layer on the CPU: by one thread, or by a team that sums potentials together."""

from collections.abc import Callable
from functools import cached_property
from types import ModuleType
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.dense import memory
from neurosim.engine.dense.memory import NOTHING_LIVE, Workspace
from neurosim.engine.executor import Call, Counts
from neurosim.engine.loop_executor import LoopExecutor
from neurosim.engine.results import Results
from neurosim.engine.samples import Samples
from neurosim.engine.teams import CREW
from neurosim.kernels.dense import layout, team
from neurosim.kernels.dense import stream as dense
from neurosim.layers.dense import DenseWTA

FEW = 4  # samples of a chunk by which to judge whether it is worth a team


class DenseExecutor(LoopExecutor[Workspace]):
    """Calls the compiled loop of a dense layer on the CPU.

    Parameters
    ----------
    constants : DenseWTA
    inputs, index : int
        Width of a sample, and the layer's number in its chip.
    codes : neurosim.kernels.dense.layout.Constants
    state : neurosim.kernels.dense.layout.State
    """

    compiled = LoopExecutor.compiled | {"_team", "_timing"}
    kernel: ClassVar[ModuleType] = dense
    _constants: DenseWTA

    def __init__(
        self, constants: DenseWTA, inputs: int, index: int, codes: layout.Constants, state: layout.State
    ) -> None:
        self._constants, self._inputs, self._codes, self.state = constants, inputs, codes, state

    def follow(self, before: Self) -> None:
        """Go on with the costs of ways of taking sums that were found before."""
        self.__dict__["_timing"] = before._timing

    @property
    def shares_sums(self) -> bool:
        """Whether the layer is so wide that threads had better share its neurons."""
        return memory.is_wide(self.state.synapses.size)

    def workspace(self, threads: int = 1, counting: bool = False, marking: bool = False) -> Workspace:
        """Return working memory for one caller at a time; counting begins with the synapses as they are now."""
        timing = self._timing[threads > 1]
        constants = self._constants
        steps = constants.step == "largest"
        scratch = memory.scratch(self._inputs, constants.neurons, constants.window, threads, timing, steps)
        live = np.count_nonzero(self.state.synapses, axis=1) if counting else NOTHING_LIVE
        noted = np.zeros(layout.COUNTERS + constants.neurons if counting else 0, np.int64)
        return Workspace(scratch, live, memory.marks(marking), noted)

    def results(self, samples: int, rows: int, outputs: bool, counting: bool = False) -> Results:
        """Return memory for the results of some samples."""
        return memory.results(self._constants.neurons, samples, rows, outputs, counting)

    def run(self, call: Call[Workspace]) -> Counts:
        """Take samples through the loop, by a team if the workspace has memory for one and the samples are worth it."""
        results, (scratch, _, marks, noted) = call.results, call.workspace
        marks.moments[:] = 0  # a stage that the loop skips leaves no moment
        if len(results.tallies) == 0:
            return self._run(call, scratch)
        results.tallies[:] = results.written[:] = 0  # the loop adds to them
        counters, noted[layout.COUNTERS :] = self.state.counters, 0
        noted[: layout.COUNTERS] = counters
        try:
            return self._run(call, scratch)
        finally:
            counters[:] = noted[: layout.COUNTERS]

    def _run(self, call: Call[Workspace], scratch: layout.Scratch) -> Counts:
        loop = self._loop
        if len(scratch.signals) == 1:
            return loop(*self._arguments(call))
        few = call.samples.values[:FEW]
        worth = np.count_nonzero(few) * self._constants.neurons >= team.TOGETHER * len(few)
        with CREW.team(len(scratch.signals) if worth else 1) as threads:
            if threads == 1:
                return loop(*self._arguments(_with_signals(call, scratch.signals[:1])))
            # Signals of this call alone: an interrupted call may have left a thread that looks at its own once more. It
            # may write its share as well, but then its caller is gone, and the caller's scratch with it.
            signals = np.empty_like(scratch.signals)
            work = self._team(*self._arguments(_with_signals(call, signals)))
            calls = [(number,) for number in range(threads)]
            return CREW.run(work, calls, lambda: signals.__setitem__((0, layout.EPOCH), layout.STOPPED))

    def bind(self, call: Call[Workspace]) -> Callable[[], Counts]:
        """Return the loop with everything it takes, where one call is all that it needs."""
        if len(call.workspace.scratch.signals) > 1 or len(call.results.tallies) or call.workspace.marks.moments.size:
            return super().bind(call)
        return self._bound_to(self._arguments(call))

    def _arguments(self, call: Call[Workspace]) -> tuple[Any, ...]:
        """Return what the loop takes."""
        (values, labels, modulators), learning, (scratch, live, marks, noted), made, begun, given = call
        responses, factors = given
        samples = layout.Samples(
            values=values, labels=labels, modulators=modulators, responses=responses, factors=factors
        )
        results = layout.Results(
            potentials=made.potentials,
            responses=made.responses,
            winners=made.winners,
            outputs=made.outputs,
            tallies=made.tallies,
            written=made.written,
            live=live,
        )
        marks = marks._replace(begun=begun)
        state = self.state._replace(counters=noted) if len(made.tallies) else self.state
        return samples, learning, self._codes, state, scratch, results, self._own, marks

    def _no_samples(self) -> tuple[Any, ...]:
        """Return what the loop takes where there is no sample, for its types."""
        nothing = Samples(np.empty((0, self._inputs), np.float32))
        return self._arguments(Call(nothing, False, self.workspace(), self.results(0, 1, False)))

    @cached_property
    def _timing(self) -> dict[bool, NDArray[np.int64]]:
        """What ways of taking sums cost, without a team and with one: all workspaces go on with what one has found."""
        return {team: memory.timing(self.shares_sums, team) for team in (False, True)}

    @cached_property
    def _team(self) -> Callable[..., Callable[..., Counts]]:
        work: Callable[..., Callable[..., Counts]] = self.kernel.team(*self._no_samples())
        return work


def _with_signals(call: Call[Workspace], signals: NDArray[np.int64]) -> Call[Workspace]:
    """Return a call whose threads meet by other signals."""
    scratch = call.workspace.scratch._replace(signals=signals)
    return call._replace(workspace=call.workspace._replace(scratch=scratch))
