"""How a fleet is saved and loaded: one file for all its chips."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import whole
from neurosim.chip.chip import Chip
from neurosim.engine.restoring import Arrays
from neurosim.errors import ConfigError, StateError
from neurosim.fleet import store
from neurosim.fleet.format import FleetContents
from neurosim.fleet.keys import Key
from neurosim.fleet.members import Members
from neurosim.layers.dense import DenseWTA
from neurosim.layers.own_functions import OwnFunction
from neurosim.layers.plain import describe, rebuild

LARGEST_EMPTY = 1 << 26  # weights of a chip in a file without chips: nothing in it bears out that they are so many


class SavedFleet:
    """What a fleet's file is made of, for a `Fleet`, which says how it learns."""

    shape: tuple[int, ...]
    seed: int
    capacity: int | None
    _members: Members

    def arrays(self) -> Arrays:
        """Return all that the fleet has learned: see `Fleet`."""
        raise NotImplementedError

    def restore(self, arrays: Arrays) -> None:
        """Go on where another fleet was: see `Fleet`."""
        raise NotImplementedError

    @property
    def keys(self) -> tuple[Key, ...]:
        """Keys in order of appearance."""
        return tuple(self._members.table)

    @property
    def samples(self) -> NDArray[np.int64]:
        """How many samples each chip has learned from, blank ones included: int64 (chips,), in the order of `keys`."""
        return self._members.layers[0].samples(len(self._members))

    @property
    def diverged(self) -> tuple[Key, ...]:
        """Keys whose chips have diverged, and learn no more until `reset` or `put`."""
        keys = self.keys
        return tuple(keys[place] for place in sorted(self._members.diverged))

    @property
    def template(self) -> Chip:
        """The fleet's own chip without a key, which never learns: it tells the constants and shapes of the others."""
        return self._members.chip

    @property
    def layers(self) -> tuple[DenseWTA, ...]:
        """Constants of the layers of every chip."""
        return tuple(layer.layer.constants for layer in self._members.layers)

    @property
    def bytes_per_chip(self) -> int:
        """Bytes that the state of a chip takes in memory, but for the records of its instruments."""
        return sum(layer.rows.stride for layer in self._members.layers)

    def contents(
        self,
        position: int = 0,
        stream: Mapping[str, Any] | None = None,
        beside: Mapping[str, Arrays] | None = None,
        classes: Sequence[str] = (),
    ) -> FleetContents:
        """Return a copy of what a file is to hold."""
        whole("position", position, 0, 2**63 - 1)
        return FleetContents(
            shape=self.shape,
            seed=self.seed,
            capacity=self.capacity,
            constants=[describe(layer) for layer in self.layers],
            arrays=self.arrays(),
            position=position,
            stream=None if stream is None else dict(stream),
            classes=tuple(classes),
            beside=dict(beside or {}),
        )

    def save(
        self,
        path: str | Path,
        *,
        position: int = 0,
        stream: Mapping[str, Any] | None = None,
        beside: Mapping[str, Arrays] | None = None,
    ) -> None:
        """Write all chips to one HDF5 file, whole or not at all (see `docs/fleet-store.md`).

        Of a chip that has diverged, the file keeps that it has, and no weights.

        Parameters
        ----------
        path, position, stream, beside
            As of `Chip.save`.

        Raises
        ------
        StateError
            If the file cannot be written; a file that was at `path` before is still whole.
        ConcurrentUseError
            If another thread is learning.
        """
        store.write(path, self.contents(position, stream, beside))

    @classmethod
    def load(cls, path: str | Path, *, rules: Sequence[OwnFunction] = (), threads: int = 1) -> Self:
        """Read a fleet back, bit for bit.

        Parameters
        ----------
        path : path
        rules : sequence of RuleMaker and CompetitionMaker
            As of `Chip.load`.
        threads : int
            As of `Fleet`.

        Raises
        ------
        StateError
            If the file is missing, damaged, foreign or of a newer version, or names a rule that is not among `rules`.
        """
        return cls.of(store.read(path), path, rules, threads)

    @classmethod
    def of(cls, contents: FleetContents, path: str | Path, rules: Sequence[OwnFunction] = (), threads: int = 1) -> Self:
        """Make a fleet from the contents of a file; `path` is for the error."""
        try:
            layers = [rebuild(layer, rules) for layer in contents.constants]
            _check_sizes(layers, contents)  # before memory is taken for what the constants say
            made: Any = cls
            fleet: Self = made(
                layers, inputs=contents.shape, seed=contents.seed, capacity=contents.capacity, threads=threads
            )
            fleet.restore(contents.arrays)
        except (StateError, ConfigError, LookupError, TypeError, ValueError) as error:
            raise StateError(f"state {path} must hold a fleet that this version knows, but: {error}") from error
        return fleet


def _check_sizes(layers: Iterable[Any], contents: FleetContents) -> None:
    """Refuse, by ValueError, synapses of another shape than these layers have on samples of a shape."""
    inputs = math.prod(contents.shape)
    for number, layer in enumerate(layers, 1):
        if not isinstance(layer, DenseWTA):
            raise ValueError(f"layer {number} must be a DenseWTA, got {type(layer).__name__}")
        expected, found = (inputs, layer.neurons), contents.arrays[f"layer{number}_synapses"].shape
        if found[1:] != expected or (found[0] == 0 and math.prod(expected) > LARGEST_EMPTY):
            raise ValueError(f"synapses of layer {number} must be (chips, {inputs}, {layer.neurons}), got {found}")
        inputs = layer.neurons
