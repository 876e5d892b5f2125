"""Layers of a chip that learn from events, each of which sends events to the next: its winner is their polarity."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import whole
from neurosim.chip.chip import Chip
from neurosim.engine.runner import LayerRunner
from neurosim.engine.samples import Samples
from neurosim.errors import ConfigError, StateError
from neurosim.layers.dense import DenseWTA
from neurosim.state import format as state_format
from neurosim.state import store
from neurosim.state.arrays import Arrays
from neurosim.state.checksum import CHIP
from neurosim.state.format import Contents
from neurosim.streams.events import EVENT, LocalSurface, encoding_of
from neurosim.streams.events.encoding import Encoding, as_columns
from neurosim.streams.events.event import Events
from neurosim.streams.events.event_sources import as_sources, sensor_of

CHUNK = 4096  # events that a layer takes at once
MOST_NEURONS = 256  # of a layer that sends events: a polarity is a byte
EARLIER = "; to go on from the save before, move each layer-N.h5.previous that is of it to layer-N.h5"
SURFACE, SETUP = "surface", "setup"  # groups in a state file


class EventLayer(NamedTuple):
    """A layer and the surface that it sees.

    Attributes
    ----------
    neurons : DenseWTA
        With at most 256 neurons.
    surface : LocalSurface
        Around each event that comes, with a polarity for each neuron of the layer before.
    """

    neurons: DenseWTA
    surface: LocalSurface


class EventLayers:
    """A hierarchy of time surfaces on a chip: each event is a sample, and becomes an event of the winner's polarity.

    An event goes through all layers before the next one, in effect: a layer depends on earlier ones alone, so chunks go
    layer by layer, and give the same bits. An event of which a layer makes no sample (`least`) is not sent on.

    Parameters
    ----------
    layers : sequence of EventLayer, or of pairs (DenseWTA, LocalSurface)
    sensor : (int, int)
        Width and height, in pixels.
    polarities : int
        Of the first layer's events.
    seed : int
        As in `Chip`; layer k has the seed plus k.

    Attributes
    ----------
    chips : tuple of Chip
        Each layer, as a chip of one layer.

    Raises
    ------
    ConfigError
        If there is no layer, or one that sends events has more than 256 neurons.

    References
    ----------
    Lagorce et al., HOTS: a hierarchy of event-based time-surfaces for pattern recognition, IEEE TPAMI 39 (2017) 1346.

    Examples
    --------
    >>> import numpy as np
    >>> import neurosim as ns
    >>> from neurosim.streams.events import as_events
    >>> rng = np.random.default_rng(0)
    >>> x, y, p = rng.integers(0, 8, 500), rng.integers(0, 8, 500), rng.integers(0, 2, 500)
    >>> events = as_events(np.arange(500) * 100, x, y, p)
    >>> layers = [(ns.recipes.softhebb(8), ns.LocalSurface(radius=1, tau_us=1000)),
    ...           (ns.recipes.softhebb(12), ns.LocalSurface(radius=2, tau_us=4000))]
    >>> hierarchy = ns.EventLayers(layers, sensor=(8, 8)).learn(events)
    >>> hierarchy.features([events]).shape
    (1, 20)
    """

    def __init__(self, layers: Sequence[Any], *, sensor: tuple[int, int], polarities: int = 2, seed: int = 0) -> None:
        self.layers, self.sensor = tuple(map(_as_layer, layers)), sensor_of((), sensor)
        whole("polarities", polarities, 1, MOST_NEURONS)
        if not self.layers:
            raise ConfigError("layers", "one at least", layers)
        for layer in self.layers[:-1]:
            if (neurons := layer.neurons.neurons) > MOST_NEURONS:
                raise ConfigError("neurons of a layer that sends events", f"at most {MOST_NEURONS}", neurons)
        self.polarities, self.seed = polarities, seed
        self._encodings: list[Encoding] = []
        self._runners: dict[int, LayerRunner] = {}
        chips = []
        for index, (constants, surface) in enumerate(self.layers):
            self._encodings.append(encoding_of(surface, *self.sensor, polarities))
            chips.append(Chip([constants], inputs=self._encodings[-1].shape, seed=seed + index))
            polarities = constants.neurons
        self.chips = tuple(chips)

    def __repr__(self) -> str:
        sizes = " -> ".join(str(size) for size in (self.polarities, *(layer.neurons.neurons for layer in self.layers)))
        return f"{type(self).__name__}({sizes} polarities, {self.sensor[0]} x {self.sensor[1]} pixels)"

    def forget(self) -> None:
        """Forget all events; what was learned stays. A recording begins so."""
        for encoding in self._encodings:
            encoding.finish(np.zeros((0, encoding.inputs), np.float32), np.zeros(0, np.int64))

    def take(self, events: Events, *, learning: bool = True, chunk: int = CHUNK) -> list[Events]:
        """Take events that follow those before, and return those that each layer sends.

        Parameters
        ----------
        events : array of EVENT (n,)
        learning : bool
            If false, nothing that was learned changes; the surfaces go on all the same.
        chunk : int
            Events that a layer takes at once; results do not depend on it.

        Returns
        -------
        list of arrays of EVENT, one for each layer
            With the layer's winner as `p`, and all else as it came.

        Raises
        ------
        DivergedError
            If a weight or a potential left the range of float32.
        """
        whole("chunk", chunk, 1, 2**31)
        if not isinstance(events, np.ndarray) or events.dtype != EVENT:
            raise ConfigError(
                "events", "an array of EVENT", type(events).__name__, "the `events` of read_events(path) are one"
            )
        sent = []
        for index, (chip, encoding) in enumerate(zip(self.chips, self._encodings, strict=True)):
            events = _through(chip, self._runner(index), encoding, events, learning, chunk)
            sent.append(events)
        return sent

    def _runner(self, index: int) -> LayerRunner:
        """Return what takes samples through a layer, in memory that is used again."""
        layer, runner = self.chips[index].layers[0], self._runners.get(index)
        if runner is None or runner.layer is not layer:
            runner = self._runners[index] = LayerRunner(layer, CHUNK, rows=0, outputs=False)
        return runner

    def learn(self, recordings: Any, *, chunk: int = CHUNK) -> "EventLayers":
        """Learn from recordings, event by event: all layers at the same time.

        Each recording begins with empty surfaces.

        Parameters
        ----------
        recordings : EventFile, Recording, array of events, or sequence of these
        chunk : int
            As in `take`.
        """
        for source in as_sources(recordings):
            self.forget()
            for events in source.blocks(chunk):
                self.take(events, chunk=chunk)
        return self

    def responses(self, recordings: Any, *, chunk: int = CHUNK) -> Iterator[list[Events]]:
        """Give, for each recording, the events that each layer sends; nothing is learned. As in `learn`, else."""
        for source in as_sources(recordings):
            self.forget()
            parts = [self.take(events, learning=False, chunk=chunk) for events in source.blocks(chunk)]
            yield [np.concatenate([np.empty(0, EVENT), *part]) for part in zip(*parts, strict=True)] or [
                np.empty(0, EVENT) for _ in self.layers
            ]

    def features(self, recordings: Any, *, shares: bool = True, chunk: int = CHUNK) -> NDArray[np.float32]:
        """Return how often each neuron won in each recording: float32 (recordings, neurons of all layers).

        Parameters
        ----------
        recordings
            As in `learn`.
        shares : bool
            Whether the counts of each layer are divided by their sum.
        """
        rows = [_histogram(sent, self.layers, shares) for sent in self.responses(recordings, chunk=chunk)]
        return np.array(rows, np.float32)

    def save(self, folder: str | Path) -> None:
        """Write a state file for each layer, with its surface, into a folder: `layer-1.h5`, `layer-2.h5`, ...

        Raises
        ------
        StateError
            If a file cannot be written.
        """
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(f"folder {folder} must be one that can be written, but: {error}") from error
        together = _digest(self.chips)
        for index, (layer, chip, encoding) in enumerate(zip(self.layers, self.chips, self._encodings, strict=True)):
            setup: Arrays = {
                "numbers": _numbers(layer.surface),
                "sensor": np.array([*self.sensor, self.polarities], np.int64),
            }
            setup |= {"together": together, "layer": np.array([index, len(self.layers)], np.int64)}
            chip.save(folder / f"layer-{index + 1}.h5", beside={SURFACE: encoding.arrays(), SETUP: setup})

    @classmethod
    def load(cls, folder: str | Path) -> "EventLayers":
        """Read back what `save` wrote: it goes on with the next event, bit for bit.

        Raises
        ------
        StateError
            If a file is missing or damaged, or files were not written together.
        """
        paths = [Path(folder) / "layer-1.h5"]
        first = _contents(paths[0])
        try:
            count = int(first.beside[SETUP]["layer"][1])
            paths += [Path(folder) / f"layer-{index + 1}.h5" for index in range(1, count)]
            contents = [first, *(_contents(path) for path in paths[1:])]
            setups = [content.beside[SETUP] for content in contents]
            for index, (path, setup) in enumerate(zip(paths, setups, strict=True)):
                same = np.array_equal(setup["together"], setups[0]["together"])
                if not same or setup["layer"].tolist() != [index, count]:
                    raise StateError(f"{path} must be of one save with {paths[0]}; it is of another{EARLIER}")
            chips = [Chip.of(content, path) for content, path in zip(contents, paths, strict=True)]
            layers = [
                EventLayer(chip.layers[0].constants, _surface_of(setup["numbers"]))
                for chip, setup in zip(chips, setups, strict=True)
            ]
            width, height, polarities = map(int, setups[0]["sensor"])
            found = cls(layers, sensor=(width, height), polarities=polarities, seed=chips[0].seed)
            found.chips = tuple(chips)
            for encoding, content in zip(found._encodings, contents, strict=True):
                encoding.restore(content.beside[SURFACE])
        except (LookupError, TypeError, ValueError, ConfigError) as error:
            raise StateError(f"{folder} must hold layers that learn from events, but: {error}") from error
        return found


def _contents(path: Path) -> Contents:
    """Read a layer's file; an error does not advise to take the generation before, of which the others are not."""
    return store.read_as(path, CHIP, state_format.contents, advice=lambda: EARLIER)


def _as_layer(layer: Any) -> EventLayer:
    if isinstance(layer, tuple) and len(layer) == 2:
        neurons, surface = layer
        if isinstance(neurons, DenseWTA) and isinstance(surface, LocalSurface):
            return EventLayer(neurons, surface)
    raise ConfigError("layer", "a pair of a DenseWTA and a LocalSurface", layer)


def _through(chip: Chip, runner: LayerRunner, encoding: Encoding, events: Events, learning: bool, chunk: int) -> Events:
    """Take events through a layer; return those that it sends."""
    columns, first, layer = as_columns(events), 0, chip.layers[0]
    sources = np.empty(min(chunk, len(events)), np.int64)
    samples, sent = np.empty((len(sources), encoding.inputs), np.float32), [np.empty(0, EVENT)]
    while first < len(events):
        first, made = encoding.encode(columns, first, len(sources), samples, sources)
        if made:
            fitted = layer.fitting(Samples(samples[:made]))
            with chip.use.alone():
                taken = runner.run(fitted, learning, chip.samples)
            if taken.error is not None:
                raise taken.error
            part = events[sources[:made]]
            part["p"] = taken.results.winners[:made]
            sent.append(part)
    return np.concatenate(sent)


def _histogram(sent: Sequence[Events], layers: Sequence[EventLayer], shares: bool) -> NDArray[np.float64]:
    """Return how often each neuron of each layer won."""
    counts = []
    for events, layer in zip(sent, layers, strict=True):
        wins = np.bincount(events["p"], minlength=layer.neurons.neurons).astype(np.float64)
        counts.append(wins / max(1, len(events)) if shares else wins)
    return np.concatenate(counts)


def _digest(chips: Sequence[Chip]) -> NDArray[np.uint8]:
    """Return what tells one save from another."""
    told = hashlib.sha256("".join(chip.state_sha256 for chip in chips).encode())
    return np.frombuffer(told.digest(), np.uint8)


def _numbers(surface: LocalSurface) -> NDArray[np.float64]:
    return np.array([surface.radius, surface.tau_us, surface.norm, surface.least], np.float64)


def _surface_of(numbers: NDArray[np.float64]) -> LocalSurface:
    radius, tau_us, norm, least = numbers.tolist()
    return LocalSurface(radius=int(radius), tau_us=tau_us, norm=bool(norm), least=int(least))
