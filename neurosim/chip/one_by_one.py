"""Single samples through a chip's layers, in memory that is ready before: a call allocates nothing but its response."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike

from neurosim.chip.response import Response
from neurosim.chip.samples import as_samples
from neurosim.engine.base import WorkingLayer
from neurosim.engine.executor import NOTHING_GIVEN, Counts, Given
from neurosim.engine.runner import LayerRunner
from neurosim.engine.samples import Array, Samples, single
from neurosim.errors import ConfigError

FLOAT32 = np.dtype(np.float32)
new_tuple = tuple.__new__  # a third quicker than a named tuple's own constructors


class Step(NamedTuple):
    """A layer's step: what runs it, and the memory that its sample lies in.

    Attributes
    ----------
    runner : LayerRunner
    samples : Samples
    learn, respond : callable
        The compiled code as bound to that memory. Of a layer that is frozen, `learn` responds; where samples are only
        learned from, `respond` is None.
    record : callable or None
        Takes a record of the instruments if one is due after learning; None for a layer that keeps none.
    """

    runner: LayerRunner
    samples: Samples
    learn: Callable[[], Counts]
    respond: Callable[[], Counts] | None
    record: Callable[[], None] | None


class LabelAndModulator(NamedTuple):
    """What comes with a sample: its label, -1 for none, and its modulator."""

    label: int
    modulator: float

    def take(self, one: "OneByOne", x: ArrayLike) -> Response:
        """Take a sample, with this, through all layers, learning; return new arrays of the last one's results."""
        try:
            one.label[0], one.modulator[0] = self
            return one.take(x, True)
        finally:
            one.label[0], one.modulator[0] = -1, 1


class Target(Protocol):
    """What comes with a sample that is learned from: it takes the sample through the layers."""

    def take(self, one: "OneByOne", x: ArrayLike) -> Response:
        """Take a sample, with this, through all layers, learning; return new arrays of the last one's results."""


class OneByOne:
    """Takes single samples through a chip's layers, each layer reading what the one before wrote.

    Parameters
    ----------
    layers : sequence of WorkingLayer
    shape : tuple of int
        Shape of a sample.
    responding : bool
        Whether there will be responses: if not, samples are only learned from, by `learn`.
    threads : int
        Threads that share the work of a sample, where that pays.
    frozen : collection of int
        Indices of the layers that respond and never learn.
    timing : bool
        Whether it is noted how long each sample took.
    workspaces : sequence, optional
        Working memory for each layer, if it is shared with other runners; by default it is made here.
    given : sequence of Given, optional
        Memory for what the caller gives each layer with a sample. Each layer then has a modulator of its own.
    outputs : bool
        Whether what the last layer transmits is computed where there are no responses, too.

    Attributes
    ----------
    layers, shape
        As given.
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
    results : Results
        All that the last layer writes for a sample.
    """

    def __init__(
        self,
        layers: Sequence[WorkingLayer],
        shape: tuple[int, ...],
        *,
        responding: bool = True,
        threads: int = 1,
        frozen: Collection[int] = (),
        timing: bool = False,
        workspaces: Sequence[Any] | None = None,
        given: Sequence[Given] | None = None,
        outputs: bool = False,
    ) -> None:
        self.layers, self.shape, self._width = layers, shape, (layers[0].inputs,)
        self.directed: Any = None  # made when a sample comes with more than a label and a modulator
        values, self.label, self.modulator = single(layers[0].inputs)
        self.sample, self.steps = values[0], list[Step]()
        for layer, workspace in zip(layers, workspaces or [None] * len(layers), strict=True):
            own = NOTHING_GIVEN if given is None else given[len(self.steps)]
            samples = Samples(values, self.label, self.modulator if given is None else self.modulator.copy())
            transmits = responding or outputs or layer is not layers[-1]
            runner = LayerRunner(
                layer, 1, outputs=transmits, threads=threads, timing=timing, samples=samples, workspace=workspace,
                given=own,
            )  # fmt: skip
            learns = layer.index not in frozen
            record = layer.record_if_due if learns and layer.constants.instruments else None
            respond = runner.bound(False) if responding else None
            self.steps.append(Step(runner, samples, runner.bound(learns), respond, record))
            assert runner.results is not None
            results = runner.results
            values = results.outputs
        if any(layer.answers_after > 1 and layer.index not in frozen for layer in layers[:-1]):
            self.steps[0] = self.steps[0]._replace(learn=_refuse)  # before any layer learns
        self._begun = [step.runner.begun for step in self.steps]
        self.results, self.winner, as_images = results, results.winners, layers[-1].as_images
        shaped = as_images(results.potentials)[0], as_images(results.responses)[0]
        self._copies = [_copying(array) for array in (*shaped, *results.outputs[:1])]

    def take(self, x: ArrayLike, learning: bool, target: Target | None = None) -> Response:
        """Take a sample through all layers; return new arrays of the last one's results."""
        if target is not None:
            return target.take(self, x)
        if type(x) is np.ndarray and x.dtype is FLOAT32 and x.shape == self._width:  # the usual case
            self.sample[...] = x
        else:
            self.sample[...] = as_samples(x, self.shape, 1)[0]
        for runner, _, learn, respond, record in self.steps:
            done, neuron = learn() if learning or respond is None else respond()
            if done == 0:
                raise runner.fault(0, neuron)
            if record is not None and learning:
                record()
        potentials, responses, outputs = self._copies
        return new_tuple(Response, (potentials(), responses(), self.winner.item(), outputs()))

    def learn(self, number: int) -> None:
        """Let all layers learn from the sample that lies in memory; `number` is what errors call it.

        Raises
        ------
        SampleError
            If the first layer does not admit it.
        DivergedError
            If a neuron diverged; the layers before have learned from it.
        """
        for runner, _, learn, _, record in self.steps:
            done, neuron = learn()
            if done == 0:
                raise runner.fault(number, neuron)
            if record is not None:
                record()

    def nanoseconds(self) -> int:
        """Return how long the last sample took, by the clock inside the loops: of several layers the sum."""
        total = 0
        for begun in self._begun:
            total += begun.item(1) - begun.item(0)
        return total


def _refuse() -> Counts:
    """Refuse to learn from a single sample."""
    rule = "'at once' to learn from samples one by one"
    raise ConfigError("answers", rule, "window", "learn(samples) takes whole windows of them")


def _copying(array: Array) -> Callable[[], Array]:
    """Return a function that copies an array as it lies in memory: images lie with their neurons last."""
    return array.copy if array.flags.c_contiguous else partial(array.copy, "K")
