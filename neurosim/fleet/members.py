"""The chips of a fleet: whose they are, their layers, and the samples that go through."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.chip import Chip
from neurosim.chip.one_by_one import new_tuple
from neurosim.chip.response import Response
from neurosim.chip.samples import teachable
from neurosim.chip.wanted import Wanted
from neurosim.engine.dense.layer import DenseLayer
from neurosim.engine.fleet.layer import FleetLayer
from neurosim.engine.fleet.worker import Worker
from neurosim.engine.results import Results
from neurosim.engine.samples import NO_LABELS, Array, Labels
from neurosim.errors import DivergedError, NeurosimError, SampleError
from neurosim.fleet.keys import Key, Keys, KeyTable, as_key, seed_of
from neurosim.fleet.sifting import Bad, Sifted, sift

FEWEST = 16  # chips for which there is room at first
HAS_DIVERGED = "its chip has diverged, and learns no more: reset(key), or put(key, chip) another one in its place"


class Keyed(NamedTuple):
    """Samples in order, with a key for each.

    Attributes
    ----------
    keys : list of str or int, or int64 (samples,)
    values : float32 (samples, inputs)
    labels : int64 (samples,) or None
    first : int
        Number of the first one, for errors.
    """

    keys: Keys
    values: Array
    labels: Labels | None
    first: int = 0


class Passed(NamedTuple):
    """What became of a chunk of samples.

    Attributes
    ----------
    order : int64 (any,)
        Samples that went through all layers, in order.
    chips : int64 (samples,)
        The place of each sample's key; -1 where the fleet has none.
    results : Results or None
        Of the last layer, with a row for each sample where it is wanted: of a sample that is not in `order`, the winner
        is -1, and all else is zero.
    fault : NeurosimError or None
        What is wrong with the first sample that is not there; None where such samples are passed over.
    """

    order: NDArray[np.int64]
    chips: NDArray[np.int64]
    results: Results | None
    fault: NeurosimError | None


class Members:
    """The chips of a fleet.

    Parameters
    ----------
    chip : Chip
        Of the fleet's shape: for constants, types and errors.
    seed : int
        Of the fleet.
    capacity : int or None
        The largest number of chips.
    threads : int

    Attributes
    ----------
    table : KeyTable
    layers : list of FleetLayer
    seeds : uint64 (room,)
    diverged : set of int
        Places of the chips that have diverged.
    """

    def __init__(self, chip: Chip, seed: int, capacity: int | None, threads: int) -> None:
        self.chip, self.seed, self.capacity = chip, seed, capacity
        self.table, self.diverged, self.seeds = KeyTable(), set[int](), np.zeros(0, np.uint64)
        self.layers = [FleetLayer(layer, threads) for layer in chip.layers if isinstance(layer, DenseLayer)]
        self._singles = dict[bool, list[Worker]]()
        self._taught = [layer for layer in chip.layers if layer.constants.competition.by_label]

    def __len__(self) -> int:
        return len(self.table)

    def add(self, keys: Sequence[Key]) -> None:
        """Let the chips of new keys begin."""
        first, end = len(self), len(self) + len(keys)
        if end > len(self.seeds):
            room = max(end, 2 * len(self.seeds), FEWEST)
            self.make_room(room if self.capacity is None else min(room, self.capacity))
        self.seeds[first:end] = [seed_of(self.seed, key) for key in keys]
        for layer in self.layers:
            layer.begin(first, self.seeds[first:end])
        self.table.add(keys)

    def compile(self) -> None:
        """Compile all that learning needs, or fetch it from the cache."""
        for layer in self.layers:
            layer.worker(True, layer is not self.layers[-1])

    def make_room(self, room: int) -> None:
        """Make room for so many chips."""
        seeds = np.zeros(room, np.uint64)
        seeds[: len(self.seeds)] = self.seeds
        for layer in self.layers:
            layer.grow(room)
        self.seeds = seeds

    def sift(self, keyed: Keyed, learning: bool, skip: bool) -> Sifted:
        """Find the samples that are taken; see `neurosim.fleet.sifting.sift`."""
        keys, values, _, _ = keyed
        if len(keys) != len(values):
            raise SampleError(f"keys must be one for each of {len(values)} samples, got {len(keys)}")
        chips = self.table.places(keys)
        bad = [*self._refused(keyed), *self._diverged(keyed, chips)]
        bad += self._unfit(keyed) if learning else self._unknown(keyed, chips)
        return sift(self.table, keys, chips, bad, self.capacity, skip, keyed.first)

    def _refused(self, keyed: Keyed) -> Iterator[Bad]:
        """Give what is wrong with samples for the first layer."""
        refused = self.layers[0].refused(keyed.values)
        if refused is not None:
            layer = self.chip.layers[0]
            yield Bad(refused, lambda n: self._fault(keyed, n, layer.fault(keyed.values[n], keyed.first + n, -1)))

    def _diverged(self, keyed: Keyed, chips: Labels) -> Iterator[Bad]:
        """Give which samples are of chips that have diverged."""
        if self.diverged:
            which = np.isin(chips, list(self.diverged))
            yield Bad(which, lambda n: self._fault(keyed, n, DivergedError(HAS_DIVERGED)))

    def _unknown(self, keyed: Keyed, chips: Labels) -> Iterator[Bad]:
        """Give which samples are of keys that have no chip, where none may begin."""
        of = f"key must be one of the fleet's {len(self)}, got"
        yield Bad(chips < 0, lambda n: SampleError(f"sample {keyed.first + n}: {of} {as_key(keyed.keys[n])!r}"))

    def _unfit(self, keyed: Keyed) -> Iterator[Bad]:
        """Give what is wrong with labels."""
        if self._taught:
            labels = NO_LABELS if keyed.labels is None else keyed.labels
            _, fault = teachable(self._taught, len(keyed.keys), labels, keyed.first)
            if fault is not None:
                fewest = min(layer.constants.neurons for layer in self._taught)
                yield Bad(labels >= fewest, partial(self._label_fault, keyed, labels))

    def _label_fault(self, keyed: Keyed, labels: Labels, n: int) -> NeurosimError:
        _, fault = teachable(self._taught, 1, labels[n : n + 1], keyed.first + n)
        assert fault is not None
        return self._fault(keyed, n, fault)

    def _fault(self, keyed: Keyed, n: int, error: NeurosimError) -> NeurosimError:
        """Return the error of a sample, with the name of its key."""
        return type(error)(f"key {as_key(keyed.keys[n])!r}: {error}")

    def needs_care(self, place: int) -> bool:
        """Return whether a chip cannot simply learn from a sample without a label."""
        return bool(self._taught) or place in self.diverged

    def one(self, key: Key, place: int, x: Any, learning: bool) -> Response:
        """Take one sample without a label, float32 (inputs,), through one chip's layers.

        Raises
        ------
        SampleError, DivergedError
            As of `WorkingLayer.fault`; the message names the key.
        """
        if not learning and place in self.diverged:
            raise DivergedError(f"key {key!r}: {HAS_DIVERGED}")
        for layer, worker in zip(self.layers, self._alone(learning), strict=True):
            worker.sample.values[0] = x
            neuron = worker.one(place)
            if neuron is not None:
                if learning and (neuron >= 0 or layer is not self.layers[0]):
                    self.diverged.add(place)
                error = layer.layer.fault(worker.sample.values[0], 0, neuron)
                raise type(error)(f"key {key!r}: {error}")
            x = worker.results.outputs[0]
        potentials, responses, winners, outputs = worker.results[:4]
        return new_tuple(Response, (potentials[0].copy(), responses[0].copy(), winners.item(), outputs[0].copy()))

    def _alone(self, learning: bool) -> list[Worker]:
        """Return what takes single samples through each layer."""
        found = self._singles.get(learning)
        if found is None:
            found = self._singles[learning] = [layer.worker(learning, True) for layer in self.layers]
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Return everything but memory that compiled code is bound to."""
        return self.__dict__ | {"_singles": {}}

    def copy_to(self, place: int, chip: Chip) -> None:
        """Let a single chip go on where a member is."""
        for layer, own in zip(self.layers, chip.layers, strict=True):
            assert isinstance(own, DenseLayer)
            layer.copy_to(place, own)

    def copy_from(self, place: int, chip: Chip) -> None:
        """Let a member go on where a single chip is."""
        self.seeds[place] = chip.seed
        self.diverged.discard(place)
        for layer, other in zip(self.layers, chip.layers, strict=True):
            assert isinstance(other, DenseLayer)
            layer.copy_from(place, other, chip.seed)

    def memory(self, count: int, wanted: Wanted) -> Results:
        """Return memory for the results of so many samples: of a sample that is not taken, the winner stays -1."""
        neurons = self.chip.layers[-1].outputs
        rows = (np.zeros((count if flag else 0, neurons), np.float32) for flag in wanted)
        potentials, responses, outputs = rows
        return Results(potentials, responses, np.full(count, -1), outputs)

    def through(self, keyed: Keyed, sifted: Sifted, learning: bool, skip: bool, wanted: Wanted | None) -> Passed:
        """Take samples through all layers, one layer after another."""
        order, chips, values, failed = sifted.order, sifted.chips, keyed.values, dict[int, NeurosimError]()
        results = None if wanted is None else self.memory(len(values), wanted)
        for layer in self.layers:
            arrays: dict[str, NDArray[Any]] = {"values": values}
            if keyed.labels is not None:
                arrays["labels"] = keyed.labels
            if layer is not self.layers[-1]:
                arrays["outputs"] = np.empty((len(values), layer.layer.outputs), np.float32)
            elif results is not None:
                arrays |= {name: getattr(results, name) for name in _tables(wanted)}
            order, faults = layer.run(order, chips, arrays, learning)
            for n, neuron in faults:
                failed[n] = self._fault(keyed, n, layer.layer.fault(values[n], keyed.first + n, neuron))
            values = arrays.get("outputs", values)
        if learning:
            self.diverged.update(chips[list(failed)].tolist())
        if failed and results is not None:
            _forget(results, list(failed))
        fault = failed[min(failed)] if failed else sifted.fault
        return Passed(order, chips, results, None if skip else fault)


def _tables(wanted: Wanted | None) -> list[str]:
    """Return the results that have a row for each sample."""
    return ["winners", *(name for name, flag in (wanted or Wanted())._asdict().items() if flag)]


def _forget(results: Results, samples: list[int]) -> None:
    """Let results be those of samples that were not taken."""
    for array in results[:4]:
        if len(array):
            array[samples] = 0
    results.winners[samples] = -1
