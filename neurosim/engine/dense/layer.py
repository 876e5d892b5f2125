"""A dense layer at work: the arrays it has learned, and the door to the compiled loop."""

import math
import time
from collections.abc import Callable
from functools import cached_property, partial
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim import aligned
from neurosim.engine.base import WorkingLayer
from neurosim.engine.dense import few_bits
from neurosim.engine.dense.codes import codes
from neurosim.engine.dense.state import first_state, first_weights
from neurosim.engine.results import NO_LABELS, NO_MODULATORS, Array, Counted
from neurosim.engine.teams import CREW
from neurosim.errors import ConfigError
from neurosim.kernels.dense import ahead, layout, team
from neurosim.kernels.dense import stream as dense
from neurosim.kernels.shared import numbers
from neurosim.layers.dense import DenseWTA
from neurosim.layers.own_rules import OwnRule
from neurosim.state.arrays import plain_weights

NOBODY = np.empty(0, np.int64)
Live = NDArray[np.int64]
WIDE = 1 << 19  # synapses from which on the loop looks ahead, and a team is worth it: fewer stay in a core's own cache
MOST_THREADS, FEW = 64, 4  # of a team; samples of a chunk by which to judge whether it is worth one


class Marked(NamedTuple):
    """What `DenseLayer.marking` tells of a sample.

    Attributes
    ----------
    moments : int64 (dense.MOMENTS,)
        Nanoseconds of the system's clock that never runs backwards, in the order of the stages; the last is 0 if
        nothing was learned.
    written : int64 (any,)
        Neurons whose synapses were written, in order.
    """

    moments: NDArray[np.int64]
    written: NDArray[np.int64]


class DenseLayer(WorkingLayer):
    """A `DenseWTA` at work."""

    kernel, places = dense, layout
    pending = ("pending_inputs", "pending_active", "pending_sizes", "pending_modulators", "pending_potentials",
               "pending_responses")  # fmt: skip
    derived = ("squares",)
    constants: DenseWTA
    state: layout.State

    def __init__(self, constants: DenseWTA, inputs: int, seed: int, place: int) -> None:
        super().__init__(place)
        self.constants, self.inputs, self.outputs, self.seed = constants, inputs, constants.neurons, seed
        self.shape = (constants.neurons,)
        self.state = first_state(constants, inputs, seed, place)
        self._codes = codes(constants, salt=few_bits.salt(constants, seed, place))
        self._own = constants.rule.compiled.cpu if isinstance(constants.rule, OwnRule) else None

    @property
    def weights(self) -> Array:
        """Weights as a new float32 array (neurons, inputs), C order."""
        return plain_weights(self.state._asdict())

    @property
    def norms(self) -> Array:
        """Length of each neuron's weight vector (its p-norm), as followed while learning: float32 (neurons,)."""
        norms: Array = self.state.norms ** np.float32(1 / self.constants.lebesgue)
        return norms

    @property
    def first_weights(self) -> Array:
        """Weights before the first sample, made anew from the seed: float32 (neurons, inputs), C order."""
        return np.ascontiguousarray(first_weights(self.constants, self.inputs, self.seed, self.place).T)

    def neurons(self, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        """Return a table of the neurons: live or dead, how far from their first weights, steps, wins, norms.

        Costs a pass over the synapses, and making the first weights anew.

        Parameters
        ----------
        shape : tuple of int, optional
            Of the input as an image, (height, width) or (channels, height, width), for the correlation of neighbours.

        Returns
        -------
        structured array (neurons,), of dtype `neurosim.instruments.NEURON`

        Raises
        ------
        ConfigError
            If the shape does not make the number of inputs.
        """
        if shape is not None and (len(shape) < 2 or math.prod(shape) != self.inputs):
            raise ConfigError("shape", f"(height, width) or (channels, height, width) of {self.inputs} inputs", shape)
        return self._table(shape)

    @property
    def wide(self) -> bool:
        """Whether more threads may be quicker than one: the synapses do not stay in a core's own cache."""
        return self.state.synapses.size >= WIDE

    def scratch(self) -> layout.Scratch:
        """Return working memory for one caller at a time."""
        return self.scratch_of_team(1)

    def scratch_of_team(self, threads: int) -> layout.Scratch:
        """Return working memory for one caller at a time, who has so many threads sum together if the layer is wide."""
        neurons, window = self.constants.neurons, self.constants.window
        samples, writes = (ahead.AHEAD, ahead.AHEAD_WRITES) if self.wide else (0, 0)
        threads = min(threads, MOST_THREADS) if self.wide else 1
        return layout.Scratch(
            values=np.empty(self.inputs, np.float32),
            active=np.zeros(self.inputs, np.int32),  # of a team, who is late may look where nobody has written yet
            lanes=np.empty(numbers.LANES, np.float32),
            written=np.empty(neurons, np.int64),
            drive=aligned.empty(neurons),
            growth=np.zeros((window, neurons), np.float32),
            changes=np.empty(neurons, np.float32),
            overlaps=np.empty(neurons, np.float32),
            sizes=np.empty(neurons, np.float32),
            order=aligned.empty(neurons),
            totals=np.zeros(window, np.float32),
            gram=np.empty((window, window), np.float32),
            ahead_values=np.empty((samples, self.inputs), np.float32),
            ahead_active=np.zeros((samples, self.inputs), np.int32),
            ahead_sizes=np.zeros(samples, np.int64),
            ahead_norms=np.empty((2, samples), np.float32),
            ahead_sums=aligned.empty((samples, neurons)),
            copies=aligned.zeros((self.inputs, writes)),  # what is not used is summed too: no subnormal numbers
            copied=np.empty(writes, np.int64),
            pays=np.array([ahead.READS, ahead.SHARED, ahead.COPIES, team.TOGETHER, team.UNWRITTEN]),
            places=np.empty(neurons if self.wide else 0, np.int64),
            flips=np.zeros(1, np.int64),
            board=np.zeros((threads, layout.BOARD), np.int64),
            shares=aligned.empty((threads if threads > 1 else 0, max(1, samples), neurons)),
        )

    def results(self, samples: int, rows: int, outputs: int, live: Live | None = None) -> layout.Results:
        """Return room for results: potentials and responses of `rows` samples, outputs of `outputs`; counts."""
        block, tallied = (rows or 1, self.outputs), 0 if live is None else samples
        potentials, responses = aligned.empty(block), aligned.empty(block)
        winners, sent = np.empty(samples, np.int64), aligned.empty((outputs, self.outputs))
        tallies = np.zeros((tallied, layout.TALLIES), np.int64)
        written = np.zeros((tallied, self.outputs), np.uint8)
        return layout.Results(
            potentials, responses, winners, sent, tallies, written, NO_LABELS if live is None else live
        )

    def live(self) -> Live:
        """Return how many synapses of each input are not zero: int64 (inputs,)."""
        found: Live = np.count_nonzero(self.state.synapses, axis=1)
        return found

    def counted(
        self,
        values: Array,
        learning: bool,
        scratch: Any,
        live: Live,
        outputs: bool = True,
        first: int = 0,
        labels: NDArray[np.int64] = NO_LABELS,
    ) -> Counted:
        """Do what `take` does, and count what it takes; only for the samples that were taken, if one was refused."""
        room = self.results(len(values), 1, len(values) if outputs else 0, live)
        taken = self.take(values, learning, scratch, room, first, labels)
        return Counted(taken, room.tallies[: taken.done], room.written[: taken.done])

    def _rest(self, results: layout.Results, done: int) -> layout.Results:
        """Return the room for the results of the samples that are left."""
        rest: layout.Results = super()._rest(results, done)
        return rest._replace(tallies=results.tallies[done:], written=results.written[done:])

    def turn(
        self,
        values: Array,
        labels: NDArray[np.int64],
        modulators: Array,
        learning: bool,
        scratch: Any,
        room: Any,
    ) -> Callable[[], tuple[int, int]]:
        """Return the loop with all that it takes: nothing is left of Python but the call."""
        arguments = self._arguments(values, labels, modulators, learning, scratch, room)
        kernel: ModuleType = dense
        loop, address, kind, memory = kernel.bound(*arguments)
        run: Callable[[], tuple[int, int]] = partial(loop, address, kind)
        vars(run)["needs"] = arguments, memory  # as long as it may be called
        return run

    def marking(self, scratch: Any, room: Any) -> Callable[[Array, bool, NDArray[np.int64], int], Marked]:
        """Return a function that does what `take` does with one sample, and tells when its stages were done.

        It takes the sample, float32 (1, inputs), whether to learn, labels, int64 (0,) or (1,), and the sample's number
        for errors; results are in `room`. It is compiled here, and raises SampleError and DivergedError as
        `Chip.learn_one` does.
        """
        marks = layout.Marks(np.zeros((1, layout.MOMENTS), np.int64), np.zeros(2, np.int64), time.CLOCK_MONOTONIC)

        def arguments(sample: Array, learning: bool, labels: NDArray[np.int64]) -> tuple[Any, ...]:
            return *self._arguments(sample, labels, NO_MODULATORS, learning, scratch, room)[:-1], marks

        kernel: ModuleType = dense
        loop = kernel.loop(*arguments(np.empty((0, self.inputs), np.float32), False, NO_LABELS))

        def take(sample: Array, learning: bool, labels: NDArray[np.int64], number: int) -> Marked:
            marks.moments[:] = 0
            done, neuron = loop(*arguments(sample, learning, labels))
            if done == 0:
                raise self.fault(sample[0], number, neuron)
            if learning and self.constants.instruments:
                self.record_if_due()
            return Marked(marks.moments[0].copy(), self._written(scratch, room) if marks.moments[0, -1] else NOBODY)

        return take

    def _written(self, scratch: Any, room: Any) -> NDArray[np.int64]:
        """Return the neurons that the last sample's window of one has written, in order."""
        count = int((np.abs(room.responses[0]) >= self._codes.cutoff).sum())
        if self._codes.gated:
            count = min(count, self._codes.winners)
        written: NDArray[np.int64] = scratch.written[:count].copy()
        return written

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that was learned, by name, an unfinished window without what older windows left behind."""
        arrays = super().arrays()
        unused = np.arange(self.inputs) >= arrays["pending_sizes"][:, None]
        for name in ("pending_inputs", "pending_active"):
            arrays[name] = np.where(unused, 0, arrays[name]).astype(arrays[name].dtype)
        return arrays

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over what `arrays` returned, as any layer, and make anew what is derived from it."""
        super().restore(arrays)
        if self.constants.weight_bits is not None:
            self.state.squares[:] = few_bits.squares(self.state.synapses)

    def _check(self, arrays: dict[str, NDArray[Any]]) -> None:
        if self.constants.weight_bits is not None:
            few_bits.check(self.constants, arrays["synapses"], arrays["scales"])

    def _ranges(self) -> tuple[tuple[str, int, int | None], ...]:
        return (
            ("counters", 0, None), ("wins", 0, None), ("norms", 0, None), ("input_norm", 0, None),
            ("eligibility_scales", 0, None),
            ("pending_sizes", 0, self.inputs), ("pending_active", 0, self.inputs - 1),
        )  # fmt: skip

    def _run(
        self, values: Array, labels: NDArray[np.int64], modulators: Array, learning: bool, scratch: Any, room: Any
    ) -> tuple[int, int]:
        if len(scratch.board) == 1:
            return super()._run(values, labels, modulators, learning, scratch, room)
        some = values[:FEW]
        worth = np.count_nonzero(some) * self.outputs >= team.TOGETHER * len(some)
        with CREW.team(len(scratch.board) if worth else 1) as threads:
            if threads == 1:
                alone = scratch._replace(board=scratch.board[:1])
                return super()._run(values, labels, modulators, learning, alone, room)
            # A board of its own: an interrupted call may have left a thread that looks at its board once more. It may
            # write its share as well, but then the caller is gone, and its scratch with it.
            scratch = scratch._replace(board=np.empty_like(scratch.board))
            part = self._team(*self._arguments(values, labels, modulators, learning, scratch, room))
            calls = [(number,) for number in range(threads)]
            return CREW.run(part, calls, lambda: scratch.board.__setitem__((0, layout.WORD), layout.NO_MORE))

    @cached_property
    def _team(self) -> Callable[..., Callable[..., tuple[int, int]]]:
        kernel: ModuleType = dense
        team: Callable[..., Callable[..., tuple[int, int]]] = kernel.team(*self._no_samples())
        return team

    def _arguments(
        self, values: Array, labels: NDArray[np.int64], modulators: Array, learning: bool, scratch: Any, room: Any
    ) -> tuple[Any, ...]:
        samples = layout.Samples(values, labels, modulators)
        return samples, learning, self._codes, self.state, scratch, room, self._own, None

    @property
    def _negative(self) -> bool:
        return self._codes.negative
