"""A chip: layers in order, learning from one sample at a time."""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.checks import LARGEST, one_of, whole
from neurosim.chip.assembly import check_signs, put_to_work
from neurosim.chip.one_by_one import OneByOne
from neurosim.chip.pipeline import Pipeline
from neurosim.chip.responding import respond
from neurosim.chip.response import Response, response_of
from neurosim.chip.samples import (
    as_labels,
    as_modulators,
    as_samples,
    as_shape,
    as_source,
    check_fits,
    fitting,
    teachable,
)  # fmt: skip
from neurosim.engine.samples import Array
from neurosim.errors import ConfigError, SampleError, StateError
from neurosim.layers.conv import ConvWTA
from neurosim.layers.dense import DenseWTA
from neurosim.layers.own_rules import RuleMaker
from neurosim.layers.plain import describe, rebuild
from neurosim.presets import preset
from neurosim.state import store
from neurosim.state.arrays import hash_of
from neurosim.state.format import Contents
from neurosim.streams import Block, Stream

FLOAT32 = np.dtype(np.float32)
DEVICES = ("cpu", "cuda")
Samples = Stream | ArrayLike | Iterable[Any]  # a stream, an array of samples, or a generator of them


class Chip:
    """Layers in order, which learn from one sample at a time: without batches, without a backward pass.

    Do not share a chip between threads, not even to respond: calls share working memory without a lock. An interrupt
    (KeyboardInterrupt) between two layers leaves the later one a sample behind.

    Parameters
    ----------
    layers : sequence of DenseWTA and ConvWTA
        Constants of the layers, first layer first.
    inputs : int or tuple of int
        Width of a sample, or its shape: images are (channels, height, width). Samples of a shape may also come flat,
        in C order.
    seed : int
        From 0, below 2**64. Equal constants, seed and samples give equal bits.
    device : {"cpu", "cuda"}
        Device that the layers work on (`docs/cuda.md`). State files do not depend on it.

    Raises
    ------
    ConfigError
        If there is no layer, `inputs` or `seed` is out of range, or a layer does not fit its inputs.
    DeviceError
        If there is no usable CUDA device.

    Examples
    --------
    >>> import neurosim as ns
    >>> chip = ns.Chip([ns.recipes.softhebb(100)], inputs=64, seed=0)
    >>> for x, label in ns.open_stream("digits"):
    ...     response = chip.learn_one(x)
    """

    def __init__(
        self,
        layers: Sequence[DenseWTA | ConvWTA],
        *,
        inputs: int | tuple[int, ...],
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self.shape = as_shape(inputs)
        one_of("device", device, DEVICES)
        whole("seed", seed, 0, 2**64 - 1)
        layers = tuple(layers) if isinstance(layers, Iterable) else ()
        if not layers or not all(isinstance(layer, DenseWTA | ConvWTA) for layer in layers):
            raise ConfigError("layers", "a sequence of at least one DenseWTA or ConvWTA", layers)
        check_signs(layers)
        self.inputs, self.seed = math.prod(self.shape), int(seed)
        self.device = device
        self.layers = tuple(put_to_work(layers, self.shape, self.seed, device))
        self._width = (self.inputs,)

    @classmethod
    def from_preset(
        cls, name: str, *, inputs: int | tuple[int, ...] | None = None, seed: int = 0, device: str = "cpu"
    ) -> "Chip":
        """Make a chip as published: one of `neurosim.presets.names()`.

        Parameters
        ----------
        name : str
            "softhebb-cifar10-3layer" learns from one image at a time, "softhebb-cifar10-3layer-published" in batches.
        inputs : tuple of int, optional
            Shape of a sample, by default the preset's.
        seed, device
            As for `Chip`.

        Raises
        ------
        ConfigError
            If there is no preset of that name, or a layer does not fit the images it gets.
        DeviceError
            As for `Chip`.

        Examples
        --------
        >>> import neurosim as ns
        >>> ns.Chip.from_preset("softhebb-cifar10-3layer")
        Chip(3 x 32 x 32 -> 96 x 16 x 16 -> 384 x 8 x 8 -> 1536 x 4 x 4, seed=0, 0 samples learned)
        """
        chosen = preset(name)
        return cls(chosen.layers, inputs=chosen.shape if inputs is None else inputs, seed=seed, device=device)

    def __repr__(self) -> str:
        shapes = [self.shape, *(layer.shape for layer in self.layers)]
        shape = " -> ".join(" x ".join(str(size) for size in shape) for shape in shapes)
        return f"Chip({shape}, seed={self.seed}, {self.samples} samples learned)"

    @property
    def samples(self) -> int:
        """Samples learned from, blank ones included."""
        return self.layers[0].samples

    @property
    def state_sha256(self) -> str:
        """Hash of everything learned; it does not depend on chunks, threads or interruptions."""
        return hash_of(layer.arrays() for layer in self.layers)

    def compile(self) -> None:
        """Compile all layers, or fetch them from the cache, so that the first sample does not wait."""
        for layer in self.layers:
            layer.compile()
        _ = self._one_by_one

    def learn_one(self, x: ArrayLike, label: int | None = None, *, modulator: float = 1.0) -> Response:
        """Respond to one sample and learn from it; the response is that of the weights before they learned.

        Parameters
        ----------
        x : float32 (inputs,)
            Anything that NumPy can convert to such an array; finite, and not negative where `initial="uniform"`.
        label : int, optional
            From 0. The neuron of this number responds in a `Taught` layer, and should respond in a `Corrected` one;
            without a label, such layers learn nothing. Other layers ignore it.
        modulator : float
            Third factor of plasticity: every layer's step is multiplied by it. 0 learns nothing, a negative one
            unlearns.

        Raises
        ------
        SampleError
            If the sample, its label or modulator is not admitted; nothing was learned from it.
        DivergedError
            If a weight or a potential left the range of float32. The chip can no longer be used; load a snapshot.
        """
        if label is None and type(modulator) is float and modulator == 1:
            return self._one(x, True)
        one_by_one = self._one_by_one
        modulators = as_modulators([modulator], 1)
        labels = as_labels([-1 if label is None else label], 1)
        if label is not None:
            _, fault = teachable(self.layers, 1, labels, self.samples)
            if fault is not None:
                as_samples(x, self.shape, 1)  # its error comes first
                raise fault
        one_by_one.label[:], one_by_one.modulator[:] = labels, modulators
        try:
            return self._one(x, True)
        finally:
            one_by_one.label[:], one_by_one.modulator[:] = -1, 1

    def respond_one(self, x: ArrayLike) -> Response:
        """Respond to one sample and change nothing; parameters and errors as in `learn_one`."""
        return self._one(x, False)

    def _one(self, x: ArrayLike, learning: bool) -> Response:
        one_by_one = self._one_by_one
        if type(x) is np.ndarray and x.dtype is FLOAT32 and x.shape == self._width:  # the usual case
            one_by_one.sample[:] = x
        else:
            one_by_one.sample[:] = as_samples(x, self.shape, 1)[0]
        return Response._make(one_by_one.take(learning))

    @cached_property
    def _one_by_one(self) -> OneByOne:
        return OneByOne(self.layers)

    def __getstate__(self) -> dict[str, Any]:
        """Return everything but the memory that compiled code is bound to: copies bind their own."""
        return {name: value for name, value in self.__dict__.items() if name != "_one_by_one"}

    def learn(
        self,
        stream: Samples,
        *,
        labels: ArrayLike | None = None,
        modulators: ArrayLike | None = None,
        layers: Sequence[int] | None = None,
        chunk: int = 256,
        threads: int = 1,
    ) -> "Chip":
        """Learn from every sample of a stream: the same bits as a loop over `learn_one`.

        Interrupted (KeyboardInterrupt), layers may have learned from different numbers of samples, a chunk or a few
        apart; `neurosim.run` and the command line finish what is under way, and keep the state.

        Parameters
        ----------
        stream : Stream, float32 (samples, inputs), or iterable
            A generator gives samples or pairs (sample, label), one by one, and is read once.
        labels : int64 (samples,), optional
            As in `learn_one`, -1 for none; in place of the stream's own.
        modulators : float32 (samples,), optional
            As in `learn_one`.
        layers : sequence of int, optional
            Indices, from 0, of the layers that learn, by default all. Layers before them only respond, layers after
            them get no samples. So layers can learn one after another, each from a stream of its own.
        chunk : int
            Samples that one layer takes before the next layer gets them; results do not depend on it.
        threads : int
            With more than one, they sum a wide dense layer's potentials together, or, if no layer is wide, layers
            work on successive chunks at the same time; results do not depend on it.

        Returns
        -------
        Chip
            The chip itself.

        Raises
        ------
        ConfigError
            If `layers`, `chunk` or `threads` is out of range.
        SampleError
            At the first sample that is not admitted; the chip has learned from all before it.
        StreamError
            At the first sample that cannot be read; the chip has learned from all before it.
        DivergedError
            As in `learn_one`; what layers learned after that sample depends on chunk and threads.
        """
        stream = as_source(stream, self.shape)
        count = stream.length if isinstance(stream, Stream) else len(stream)
        taught = None if labels is None else as_labels(labels, count)
        factors = None if modulators is None else as_modulators(modulators, count)
        first = 0
        learners = self._indices(layers)
        at_work = self.layers[: max(learners) + 1]
        with Pipeline(at_work, threads, frozen=set(range(len(at_work))) - learners, chunk=chunk) as pipeline:
            for block in self.blocks(stream, chunk):
                samples = slice(first, first + len(block.samples))
                first = samples.stop
                block_labels = block.labels if taught is None else fitting("labels", taught, samples)
                block_factors = None if factors is None else fitting("modulators", factors, samples)
                for _ in pipeline.push(block.samples, None, block_labels, block_factors):
                    pass
        for name, values in (("labels", taught), ("modulators", factors)):
            if values is not None and len(values) > first:
                raise SampleError(f"{name} must be as many as samples, got {len(values)} for {first}")
        return self

    def _indices(self, layers: Sequence[int] | None) -> set[int]:
        """Return the indices of the layers that are to learn."""
        if layers is None:
            return set(range(len(self.layers)))
        if not isinstance(layers, Sequence) or not layers:
            raise ConfigError("layers", "places of layers, one at least", layers)
        for index in layers:
            whole("layers", index, 0, len(self.layers) - 1)
        return set(layers)

    def respond(self, stream: Samples, *, chunk: int = 256) -> Response:
        """Respond to every sample of a stream and change nothing.

        Takes memory for three arrays (samples, neurons); of images, two of them have an entry for every position.
        `respond_blocks` needs memory for a chunk only.

        Parameters
        ----------
        stream : Stream, float32 (samples, inputs), or iterable
            As in `learn`.
        chunk : int
            As in `learn`.

        Raises
        ------
        SampleError, StreamError
            At the first sample that is not admitted, or cannot be read.
        DivergedError
            If a potential is beyond float32.
        """
        parts = [response for response, _ in self.respond_blocks(stream, chunk=chunk)]
        if not parts:
            raise SampleError("samples must be at least one, got an empty stream")
        return Response(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))

    def respond_blocks(
        self, stream: Samples, *, chunk: int = 256, layer: int | None = None
    ) -> Iterator[tuple[Response, NDArray[np.int64] | None]]:
        """Give what `respond` gives, a chunk of samples at a time, with their labels if there are any.

        With `layer`, an index from 0, the response of that layer instead of the last.
        """
        if layer is not None:
            whole("layer", layer, 0, len(self.layers) - 1)
        layers = self.layers if layer is None else self.layers[: layer + 1]
        for results, labels in respond(layers, self.blocks(stream, chunk), chunk, every=True):
            yield response_of(layers[-1], results), labels

    def output_blocks(self, stream: Samples, *, chunk: int = 256) -> Iterator[tuple[Array, NDArray[np.int64] | None]]:
        """Give the last layer's output, float32 (samples, outputs), a chunk at a time, with labels if there are any.

        The same as `respond_blocks(...).output`, without memory for the last layer's responses at each position.
        """
        for results, labels in respond(self.layers, self.blocks(stream, chunk), chunk, every=False):
            yield results.outputs, labels

    def blocks(self, stream: Samples, chunk: int) -> Iterator[Block]:
        """Cut a stream, or an array, into blocks of samples that fit the chip."""
        whole("chunk", chunk, 1, LARGEST)
        samples = as_source(stream, self.shape)
        if isinstance(samples, Stream):
            check_fits(samples, self.shape)
            return samples.blocks(size=chunk)
        return (Block(samples[start : start + chunk], None) for start in range(0, len(samples), chunk))

    def save(self, path: str | Path, *, position: int = 0, stream: dict[str, Any] | None = None) -> None:
        """Write the chip to an HDF5 state file: whole or not at all (see `docs/state-format.md`).

        Parameters
        ----------
        path : path
        position : int
            Samples taken from the stream so far.
        stream : dict, optional
            The stream's `identity`.

        Raises
        ------
        StateError
            If the file cannot be written; a file that was at `path` before is still whole.
        """
        whole("position", position, 0, 2**63 - 1)
        constants = [describe(layer.constants) for layer in self.layers]
        arrays = [layer.arrays() for layer in self.layers]
        store.save(path, Contents(self.shape, self.seed, constants, arrays, position, stream))

    @classmethod
    def load(cls, path: str | Path, *, rules: Sequence[RuleMaker] = (), device: str = "cpu") -> "Chip":
        """Read a chip back, bit for bit.

        Parameters
        ----------
        path : path
        rules : sequence of RuleMaker
            The user's own rules that the chip learns by: a state file has their names, not their code.
        device : {"cpu", "cuda"}
            Device to go on with, on whichever the chip was saved.

        Raises
        ------
        StateError
            If the file is missing, damaged, foreign or of a newer version, or names a rule that is not among `rules`.
        ConfigError
            If `rules` has anything but rules, or `device` is not one of the two.
        DeviceError
            As for `Chip`.
        """
        rules = tuple(rules) if isinstance(rules, Iterable) else (rules,)
        if not all(isinstance(rule, RuleMaker) for rule in rules):
            raise ConfigError("rules", "a sequence of functions that neurosim.rule decorated", rules)
        return cls.of(store.read(path), path, rules, device)

    @classmethod
    def of(cls, contents: Contents, path: str | Path, rules: Sequence[RuleMaker] = (), device: str = "cpu") -> "Chip":
        """Make a chip from the contents of a state file; `path` is for the error."""
        one_of("device", device, DEVICES)
        try:
            layers = [rebuild(layer, rules) for layer in contents.constants]
            chip = cls(layers, inputs=contents.shape, seed=contents.seed, device=device)
            for layer, arrays in zip(chip.layers, contents.layers, strict=True):
                layer.restore(arrays)
        except (ConfigError, LookupError, TypeError, ValueError) as error:
            raise StateError(f"state {path} must hold a chip that this version knows, but: {error}") from error
        return chip
