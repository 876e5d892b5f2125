"""A chip: layers in order, learning from one sample at a time."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.checks import whole
from neurosim.chip.checkpoints import checkpoints
from neurosim.chip.directed import target_of
from neurosim.chip.gradients import gradient
from neurosim.chip.last_layer import check_posterior
from neurosim.chip.learning import Samples, blocks_of, learn
from neurosim.chip.one_by_one import OneByOne, Target
from neurosim.chip.responding import respond
from neurosim.chip.response import Response, response_of
from neurosim.chip.samples import as_label, as_samples, is_one, teachable
from neurosim.chip.saved import SavedChip
from neurosim.chip.shown import chip_html
from neurosim.chip.use import USER, chunk_of
from neurosim.engine.samples import Array
from neurosim.errors import SampleError
from neurosim.presets import preset
from neurosim.streams import Block


class Chip(SavedChip):
    """Layers in order, which learn from one sample at a time: without batches, without a backward pass.

    One thread at a time uses a chip: while it does, calls of others raise ConcurrentUseError, as calls share working
    memory. (`respond`, `respond_blocks` and `output_blocks` have their own, and may run beside one another.) An
    interrupt (KeyboardInterrupt) between two layers leaves the later one a sample behind.

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
    initial : float (neurons, inputs), or list, optional
        First weights, in place of those of the seed: an array in the shape of `layer.weights`, so (neurons, channels,
        kernel, kernel) for a `ConvWTA`. For several layers a list with an entry for each, None for weights of the seed.
        As weights that are drawn, they are brought to norm one by `renormalise`, and rounded by `weight_bits`. The
        constant `initial` still says whether inputs may be negative; weights may be with each. State files keep the
        arrays.

    Attributes
    ----------
    changes : tuple of dict
        Changes of constants since learning began (`with_constants`, or amid a `neurosim.run`): `sample` (how many were
        learned before), `layer` (index), `name`, `old` and `new`; the latest 1000. State files keep them.

    Raises
    ------
    ConfigError
        If there is no layer, `inputs` or `seed` is out of range, or a layer does not fit its inputs. If `initial` has
        another number of entries than there are layers, or an array is of another shape, not finite, too large for
        float32 to hold its norms, or zero in a neuron that `renormalise` needs a direction of.
    DeviceError
        If there is no usable CUDA device.

    Examples
    --------
    >>> import neurosim as ns
    >>> chip = ns.Chip([ns.recipes.softhebb(100)], inputs=64, seed=0)
    >>> for x, label in ns.open_stream("digits"):
    ...     response = chip.learn_one(x)

    Prototypes of k-means as weights of a layer that does not learn (rate 0):

    >>> from sklearn.cluster import KMeans
    >>> x = next(ns.open_stream("digits").blocks(size=500)).samples
    >>> prototypes = KMeans(20, n_init=1, random_state=0).fit(x).cluster_centers_
    >>> layer = ns.recipes.softhebb(20, rate=0)
    >>> chip = ns.Chip([layer], inputs=64, initial=prototypes).learn(x)
    >>> bool((chip.layers[0].weights == prototypes.astype("float32")).all())
    True
    """

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

    def _repr_html_(self) -> str:
        return chip_html(self)

    @property
    def samples(self) -> int:
        """Samples learned from, blank ones included."""
        return self.layers[0].samples

    def compile(self) -> None:
        """Compile all layers, or fetch them from the cache, so that the first sample does not wait."""
        with self.use.alone():
            for layer in self.layers:
                layer.compile()
            _ = self._one_by_one

    def learn_one(
        self,
        x: ArrayLike,
        label: int | None = None,
        *,
        modulator: float | Sequence[ArrayLike] = 1.0,
        responses: ArrayLike | None = None,
    ) -> Response:
        """Respond to one sample and learn from it; the response is that of the weights before they learned.

        Parameters
        ----------
        x : float32 (inputs,)
            Anything that NumPy can convert to such an array; finite, and not negative where `initial="uniform"`.
        label : int, optional
            From 0. The neuron of this number responds in a `Taught` layer, and should respond in a `Corrected` one;
            without a label, such layers learn nothing. Other layers ignore it.
        modulator : float, or sequence with one entry for each layer
            Third factor of plasticity: every layer's step is multiplied by it. 0 learns nothing, a negative one
            unlearns. The entry of a dense layer may be an array (neurons,), with a modulator for each neuron.
        responses : float32 (neurons,), optional
            Of the last layer, which is dense: they take the place of its competition's, and the largest is the winner.

        Raises
        ------
        ConfigError
            If a layer before the last has `answers="window"`: it cannot answer to one sample. `learn` takes several.
        SampleError
            If the sample, its label or modulator is not admitted; nothing was learned from it.
        DivergedError
            If a weight or a potential left the range of float32. The chip can no longer be used; load a snapshot.
        ConcurrentUseError
            If another thread, or an unfinished call, is using the chip.
        """
        if responses is None and label is None and type(modulator) is float and modulator == 1:
            return self._one(x, True)
        number = -1 if label is None else as_label(label)
        target = target_of(self.layers, number, modulator, responses)
        if label is not None and self._taught:
            _, fault = teachable(self.layers, 1, np.array([number]), self.samples)
            if fault is not None:
                as_samples(x, self.shape, 1)  # its error comes first
                raise fault
        return self._one(x, True, target)

    def respond_one(self, x: ArrayLike) -> Response:
        """Respond to one sample and change nothing; parameters and errors as in `learn_one`."""
        return self._one(x, False)

    def _one(self, x: ArrayLike, learning: bool, target: Target | None = None) -> Response:
        users, call = self.use.users, object()
        try:  # as in `Use.alone`, written out as it is quicker
            user = users.setdefault(USER, call)
            if user is not call:
                with chunk_of(user):
                    return self._one_by_one.take(x, learning, target)
            return self._one_by_one.take(x, learning, target)
        finally:
            if USER in users and users[USER] is call:
                del users[USER]

    @cached_property
    def _taught(self) -> bool:
        """Whether a layer learns by labels, so that they must be in range."""
        return any(layer.constants.competition.by_label for layer in self.layers)

    @cached_property
    def _one_by_one(self) -> OneByOne:
        return OneByOne(self.layers, self.shape)

    def learn(
        self,
        stream: Samples,
        *,
        labels: ArrayLike | None = None,
        modulators: ArrayLike | Sequence[ArrayLike] | None = None,
        responses: ArrayLike | None = None,
        layers: Sequence[int] | None = None,
        chunk: int = 256,
        threads: int = 1,
        every: int | Sequence[int] | None = None,
        watch: Callable[["Chip"], object] | None = None,
    ) -> "Chip":
        """Learn from every sample of a stream: the same bits as a loop over `learn_one`.

        Interrupted by Ctrl-C (KeyboardInterrupt), it finishes the chunks under way: all layers have then learned from
        the same samples. A second Ctrl-C ends it at once, and layers may be a chunk or a few apart.

        Parameters
        ----------
        stream : Stream, float32 (samples, inputs), or iterable
            A generator gives samples or pairs (sample, label), one by one, and is read once.
        labels : int64 (samples,), optional
            As in `learn_one`, -1 for none; in place of the stream's own.
        modulators : float32 (samples,), or list with an entry for each layer that is at work, optional
            As in `learn_one`; an entry is a number, (samples,) or (samples, neurons), one at least an array.
        responses : float32 (samples, neurons), optional
            As in `learn_one`, of the last layer that is at work. With them, or modulators for each layer, each sample
            goes through all layers before the next one.
        layers : sequence of int, optional
            Indices, from 0, of the layers that learn, by default all. Layers before them only respond, layers after
            them get no samples. So layers can learn one after another, each from a stream of its own.
        chunk : int
            Samples that one layer takes before the next layer gets them; results do not depend on it. Where a layer has
            `answers="window"`, it is made a multiple of the window.
        threads : int
            With more than one, they sum a wide dense layer's potentials together, or, if no layer is wide, layers
            work on successive chunks at the same time; results do not depend on it.
        every : int or sequence of int, optional
            Checkpoints: after every so many samples of this call, blank ones included, or at these numbers of samples,
            which increase. Results do not depend on them.
        watch : callable, optional
            Called with the chip at each checkpoint of `every`, and at the end if the stream does not end on one. All
            layers have then learned from exactly so many samples (a generator may have been read a chunk further), and
            the function may use the chip: respond, save, judge. What it raises ends learning there.

        Returns
        -------
        Chip
            The chip itself.

        Raises
        ------
        ConfigError
            If `layers`, `chunk`, `threads` or `every` is out of range, or one of `every` and `watch` is missing.
        SampleError
            At the first sample that is not admitted; the chip has learned from all before it. Where a layer before the
            last has `answers="window"`: from all before its window; and if samples at the end, or before a checkpoint,
            fill no window.
        StreamError
            At the first sample that cannot be read; the chip has learned from all before it.
        DivergedError
            As in `learn_one`; what layers learned after that sample depends on chunk and threads.
        ConcurrentUseError
            If another thread is using the chip. Between chunks, this thread may: for example a generator that the
            samples come from, or `watch`.

        Examples
        --------
        >>> import neurosim as ns
        >>> chip, norms = ns.Chip([ns.recipes.softhebb(100)], inputs=64), {}
        >>> def watch(chip):
        ...     norms[chip.samples] = chip.layers[0].norms.mean()
        >>> chip.learn(ns.open_stream("digits"), every=[100, 300, 1000], watch=watch)
        Chip(64 -> 100, seed=0, 1797 samples learned)
        >>> list(norms)
        [100, 300, 1000, 1797]
        """
        rests = checkpoints(every, watch, self)
        with self.use.run() as run:
            learn(self.layers, self.shape, stream, labels, modulators, responses, layers, chunk, threads, run, rests)
        return self

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
        for results, labels in respond(layers, self.blocks(stream, chunk), chunk, self._reading, every=True):
            yield response_of(layers[-1], results), labels

    def output_blocks(self, stream: Samples, *, chunk: int = 256) -> Iterator[tuple[Array, NDArray[np.int64] | None]]:
        """Give the last layer's output, float32 (samples, outputs), a chunk at a time, with labels if there are any.

        The same as `respond_blocks(...).output`, without memory for the last layer's responses at each position.
        """
        for results, labels in respond(self.layers, self.blocks(stream, chunk), chunk, self._reading, every=False):
            yield results.outputs, labels

    def posterior(self, x: Samples) -> Array:
        r"""Return P(k | x) of the last layer, the share of each neuron in a frozen response.

        .. math:: P(k \mid x) = \mathrm{softmax}(f(u) / \tau + \ln q)_k

        q are the shares of a `LogPrior`, else 1 / K; an `AdaptiveThreshold` is subtracted from f(u). Without one, for
        potentials w x / |x| and equal norms, it is the posterior of von Mises-Fisher components along the weights.

        Parameters
        ----------
        x : float32 (inputs,), or anything that `respond` takes
            One sample or many.

        Returns
        -------
        float32 (neurons,) or (samples, neurons)
            Each row sums to 1; of a convolutional layer at each position.

        Raises
        ------
        ConfigError
            If the competition of the last layer is not a softmax, whole and without signs.
        SampleError, StreamError, DivergedError
            As in `respond`.

        References
        ----------
        Moraitis et al., Neuromorph. Comput. Eng. 2 (2022) 044017: the layer as a Bayesian generative model.
        """
        check_posterior(self.layers[-1].constants.competition)
        one: Any = x if is_one(x, self.shape) else None
        return self.respond(x).responses if one is None else self.respond_one(one).responses

    def gradient(self, x: ArrayLike, readout: object, labels: ArrayLike) -> NDArray[np.float64]:
        """Return d log P(label | x) / dx of a chip of dense layers with a readout.

        The weights are copied at every call; `neurosim.bayes.Classifier` copies them once, and says which chips and
        readouts have a gradient.

        Parameters
        ----------
        x : float64 or float32 (inputs,) or (samples, inputs)
            One sample or many; at a sample of zeros the gradient is 0.
        readout : SoftLabels, LinearReadout or None
            None: the last layer is taught by the delta rule (`Corrected`), and its softmax is P(c | x).
        labels : int or int64 (samples,)
            From 0.

        Returns
        -------
        float64, of the shape of x

        Raises
        ------
        ConfigError
            If a layer is convolutional, or the last layer with this readout has no gradient: the message says why.
        SampleError
            If samples are not finite, or labels not one for each sample, of classes that the readout knows.
        """
        return gradient(self, x, readout, labels)

    def blocks(self, stream: Samples, chunk: int) -> Iterator[Block]:
        """Cut a stream, or an array, into blocks of samples that fit the chip."""
        return blocks_of(stream, self.shape, chunk)
