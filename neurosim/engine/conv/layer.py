"""A convolutional layer at work: the arrays it has learned, and the door to the compiled loop."""

import math
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.base import WorkingLayer
from neurosim.engine.conv.codes import codes
from neurosim.engine.conv.memory import Workspace
from neurosim.engine.conv.state import first_state, first_weights
from neurosim.engine.results import NO_LABELS, NO_MODULATORS, TALLIED, Array, Counted, Taken
from neurosim.engine.teams import BLAS, CREW, Loop
from neurosim.kernels.conv import blas, layout
from neurosim.kernels.conv import stream as conv
from neurosim.layers.conv import ConvWTA, geometry
from neurosim.layers.own_rules import OwnRule
from neurosim.state.arrays import plain_weights

WORTH_A_TEAM = 3e7  # terms of a matrix product that take longer than waking a thread
A_RESPONSE = 400  # and as many terms that a response takes beside them: its exponential, its part in learning


class Marked(NamedTuple):
    """What `ConvLayer.marking` tells of a sample.

    Attributes
    ----------
    moments : int64 (conv.MOMENTS,)
        Nanoseconds of the system's clock that never runs backwards, in the order of the stages; 0 for a stage that did
        not take place.
    call : int
        Nanoseconds of the whole call: Python's, and waking the threads, beside the stages.
    threads : int
        How many carried the sample.
    events : int
        Responses above the cutoff, of those that were learned from; 0 if nothing was learned.
    places : int
        Positions that had one of them.
    written : int
        Neurons that had something to learn.
    """

    moments: NDArray[np.int64]
    call: int
    threads: int
    events: int = 0
    places: int = 0
    written: int = 0


class ConvLayer(WorkingLayer):
    """A `ConvWTA` at work."""

    kernel, places = conv, layout
    pending = ("pending_inputs", "pending_modulators", "pending_potentials")
    constants: ConvWTA
    state: layout.State

    def __init__(self, constants: ConvWTA, image: tuple[int, ...], seed: int, place: int) -> None:
        super().__init__(place)
        self.geometry = geometry(constants, image, f"layer {place + 1}")
        self.constants, self.image, self.inputs, self.seed = constants, image, math.prod(image), seed
        self.shape = (constants.neurons, self.geometry.pooled_rows, self.geometry.pooled_columns)
        self.outputs = math.prod(self.shape)
        self.positions = self.geometry.rows * self.geometry.columns
        self.state = first_state(constants, image, self.positions, seed, place)
        self._codes = codes(constants, image)
        self._own = constants.rule.compiled.cpu if isinstance(constants.rule, OwnRule) else None
        self._product = blas.PRODUCTS[np.dtype(np.float32)]
        self._most = max(1, constants.neurons // layout.GRAIN)  # threads that there is work for
        self._work = self.responses * (self.state.synapses.shape[1] + A_RESPONSE)

    @property
    def weights(self) -> Array:
        """Weights as a new float32 array (neurons, channels, kernel, kernel), C order."""
        return plain_weights(self.state._asdict(), "ConvWTA", self.constants.kernel)

    @property
    def first_weights(self) -> Array:
        """Weights before the first image, made anew from the seed: float32 (neurons, channels, kernel, kernel)."""
        return first_weights(self.constants, self.image[0], self.seed, self.place)

    @property
    def norms(self) -> Array:
        """Length of each neuron's weight vector, as followed while learning: float32 (neurons,)."""
        return np.sqrt(self.state.norms)

    def neurons(self) -> NDArray[Any]:
        """Return a table of the neurons: live or dead, how far from their first weights, steps, wins, norms.

        Costs a pass over the synapses, and making the first weights anew.

        Returns
        -------
        structured array (neurons,), of dtype `neurosim.instruments.NEURON`
        """
        size = self.constants.kernel
        return self._table((self.image[0], size, size) if size > 1 else None)

    @property
    def responses(self) -> int:
        """How many responses an image gets: one of each neuron, at each position."""
        return self.constants.neurons * self.positions

    def as_images(self, values: Array) -> Array:
        """Return potentials or responses (..., positions, neurons) as (..., neurons, rows, columns), not copied."""
        images = values.reshape(*values.shape[:-2], self.geometry.rows, self.geometry.columns, self.constants.neurons)
        return np.moveaxis(images, -1, -3)

    def scratch(self) -> Workspace:
        """Return working memory for one caller at a time."""
        return Workspace(self.constants, self.image, self.geometry, self._codes.pool)

    def results(self, samples: int, rows: int, outputs: int) -> layout.Results:
        """Return room for results: potentials and responses of `rows` samples, outputs of `outputs`."""
        return layout.Results(
            potentials=np.empty((max(1, rows), self.positions, self.constants.neurons), np.float32),
            responses=np.empty((rows, self.positions, self.constants.neurons), np.float32),
            winners=np.empty(samples, np.int64),
            outputs=np.empty((outputs, self.outputs), np.float32),
        )

    def live(self) -> NDArray[np.int64]:
        """Return nothing: synapses of a kernel are taken not to be zero."""
        return NO_LABELS

    def counted(
        self,
        values: Array,
        learning: bool,
        scratch: Any,
        live: NDArray[np.int64],
        outputs: bool = True,
        first: int = 0,
        labels: NDArray[np.int64] = NO_LABELS,
    ) -> Counted:
        """Do what `take` does, image by image, and count what each of them takes."""
        room = self.results(len(values), 1, len(values) if outputs else 0)
        tallies, written = (
            np.zeros((len(values), len(TALLIED)), np.int64),
            np.zeros((len(values), self.constants.neurons)),
        )
        done = 0
        for done in range(len(values)):
            one, before = slice(done, done + 1), self.state.counters.copy()
            part = room._replace(winners=room.winners[one], outputs=room.outputs[one])
            taken = self.take(values[one], learning, scratch, part, first + done)
            if taken.error is not None:
                return Counted(Taken(room, done, taken.error), tallies[:done], written[:done].astype(np.uint8))
            self._tally(values[done], self.state.counters - before, scratch, tallies[done], written[done])
        return Counted(Taken(room, len(values), None), tallies, written.astype(np.uint8))

    def _tally(self, image: Array, passed: NDArray[np.int64], scratch: Workspace, row: Any, written: Any) -> None:
        """Count what an image took: its patches are those left, and neurons that moved write their whole kernel."""
        memory, _ = scratch.team(1)[0]
        operations = np.count_nonzero(memory.patches) * self.constants.neurons
        if passed[layout.UPDATES]:
            written[:] = (memory.changes != 0) | (memory.overlaps != 0)
        folds = passed[layout.FOLDS] * memory.patches.shape[1]
        writes = int(written.sum()) * memory.patches.shape[1] + folds
        row[:] = np.count_nonzero(image), operations, operations, passed[layout.WRITES], writes, 0

    def _ranges(self) -> tuple[tuple[str, int, int | None], ...]:
        return ("counters", 0, None), ("wins", 0, None), ("norms", 0, None), ("variances", 0, None)

    def marking(self, scratch: Any, room: Any) -> Callable[[Array, bool, int], Marked]:
        """Return a function that does what `take` does with one sample, and tells when its stages were done.

        It takes the sample, float32 (1, inputs), whether to learn, and the sample's number for errors; results are in
        `room`, which has a row for responses. It is compiled here, and raises SampleError and DivergedError as
        `Chip.learn_one` does.
        """
        marks = layout.Marks(np.zeros((1, layout.MOMENTS), np.int64), np.zeros(2, np.int64), time.CLOCK_MONOTONIC)
        nothing = np.empty((0, self.inputs), np.float32)
        kernel: ModuleType = conv
        loop = kernel.loop(*self._calls(nothing, NO_MODULATORS, False, scratch, room, 1, marks)[0])

        def take(sample: Array, learning: bool, number: int) -> Marked:
            marks.moments[:] = 0
            begun = time.monotonic_ns()
            done, neuron, threads = self._carry(loop, sample, NO_MODULATORS, learning, scratch, room, marks)
            call = time.monotonic_ns() - begun
            if done == 0:
                raise self.fault(sample[0], number, neuron)
            if learning and self.constants.instruments:
                self.record_if_due()
            moments = marks.moments[0].copy()
            learned = self._learned(scratch, room) if moments[layout.LEARNED] else (0, 0, 0)
            return Marked(moments, call, threads, *learned)

        return take

    def _learned(self, scratch: Workspace, room: layout.Results) -> tuple[int, int, int]:
        """Return what the last window learned from: events, positions that had one, neurons that it moved."""
        memory, _ = scratch.team(1)[0]
        responses = room.responses[0] if self.constants.window == 1 else memory.responses
        above = np.abs(responses) >= self._codes.cutoff
        moved = (memory.changes != 0) | (memory.overlaps != 0)
        return int(above.sum()), int(above.any(axis=1).sum()), int(moved.sum())

    def _calls(
        self,
        values: Array,
        modulators: Array,
        learning: bool,
        scratch: Any,
        room: Any,
        size: int,
        marks: layout.Marks | None = None,
    ) -> list[tuple[Any, ...]]:
        """Return what the loop takes, for each thread of a team."""
        samples = layout.Samples(values, modulators)
        return [
            (samples, learning, self._codes, self.state, memory, room, self._product, self._own, team, marks)
            for memory, team in scratch.team(size)
        ]

    def _arguments(
        self, values: Array, labels: NDArray[np.int64], modulators: Array, learning: bool, scratch: Any, room: Any
    ) -> tuple[Any, ...]:
        return self._calls(values, modulators, learning, scratch, room, 1)[0]

    def _run(
        self, values: Array, labels: NDArray[np.int64], modulators: Array, learning: bool, scratch: Any, room: Any
    ) -> tuple[int, int]:
        return self._carry(self._loop, values, modulators, learning, scratch, room)[:2]

    def _carry(
        self,
        loop: Loop,
        values: Array,
        modulators: Array,
        learning: bool,
        scratch: Any,
        room: Any,
        marks: layout.Marks | None = None,
    ) -> tuple[int, int, int]:
        """Run the loop with as many threads as are worth it; return what it does, and how many they were."""
        most = self._most if len(values) * self._work >= WORTH_A_TEAM else 1
        with BLAS.quiet() as threads, CREW.team(min(threads, most)) as size:
            calls = self._calls(values, modulators, learning, scratch, room, size, marks)
            board = calls[0][-2].board
            return *CREW.run(loop, calls, lambda: board.__setitem__((0, layout.ABSENT), 1)), size

    @property
    def _negative(self) -> bool:
        return self._codes.negative
