"""What a chip is made of, and how it is copied, changed, saved and loaded."""

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from copy import deepcopy
from pathlib import Path
from typing import Any, Self

from numpy.typing import ArrayLike

from neurosim.checks import one_of, whole
from neurosim.chip.assembly import check_signs, check_sizes, first_arrays, put_to_work
from neurosim.chip.changing import Change, changed, latest
from neurosim.chip.samples import as_shape
from neurosim.chip.use import Use
from neurosim.engine.base import WorkingLayer
from neurosim.engine.fixed import Fixed
from neurosim.engine.samples import Array
from neurosim.errors import ConfigError, DivergedError, StateError
from neurosim.layers.conv import ConvWTA
from neurosim.layers.dense import DenseWTA
from neurosim.layers.own_functions import OwnFunction
from neurosim.layers.plain import describe, rebuild
from neurosim.state import store
from neurosim.state.arrays import FIRST_WEIGHTS, Arrays, check_finite, hash_of
from neurosim.state.format import Contents

DEVICES = ("cpu", "cuda")


class SavedChip(Fixed):
    """The layers of a `Chip`, where its parameters are described, and what does not depend on samples."""

    fixed = frozenset({"shape", "inputs", "seed", "device", "layers", "use", "changes"})
    layers: tuple[WorkingLayer, ...]
    changes: tuple[Change, ...]
    classes: tuple[str, ...] = ()  # names of the labels 0, 1, ... if they have names; state files keep them

    def __init__(
        self,
        layers: Sequence[DenseWTA | ConvWTA],
        *,
        inputs: int | tuple[int, ...],
        seed: int = 0,
        device: str = "cpu",
        initial: ArrayLike | Sequence[ArrayLike | None] | None = None,
    ) -> None:
        self.shape = as_shape(inputs)
        one_of("device", device, DEVICES)
        whole("seed", seed, 0, 2**64 - 1)
        if isinstance(layers, DenseWTA | ConvWTA):
            rule, advice = "a sequence of at least one DenseWTA or ConvWTA", "put it into a list: [layer]"
            raise ConfigError("layers", rule, f"one {type(layers).__name__} by itself", advice)
        layers = tuple(layers) if isinstance(layers, Iterable) else ()
        if not layers or not all(isinstance(layer, DenseWTA | ConvWTA) for layer in layers):
            raise ConfigError("layers", "a sequence of at least one DenseWTA or ConvWTA", layers)
        arrays = first_arrays(initial, len(layers))
        self.inputs, self.seed = math.prod(self.shape), int(seed)
        self.device = device
        self.layers = tuple(put_to_work(layers, self.shape, self.seed, device, arrays))
        check_signs(self.layers, layers)
        self.use, self.changes = Use(), ()

    def _constants(self) -> Iterable[Any]:
        return (layer.constants for layer in self.__dict__.get("layers", ()))

    @property
    def initial(self) -> list[Array | None]:
        """First weights that were given as arrays, before they were renormalised or rounded to few bits.

        One entry for each layer, None for a layer that drew its weights from the seed, and each array a copy, like the
        layer's `weights`: what `Chip` takes as `initial` to begin with the same weights.
        """
        arrays = [layer.initial_array for layer in self.layers]
        return [None if array is None else array.copy() for array in arrays]

    @property
    def state_sha256(self) -> str:
        """Hash of everything learned; it does not depend on chunks, threads or interruptions.

        Nor on whether first weights were drawn from the seed, or given as an array of the same numbers.
        """
        with self._reading():
            return hash_of(layer.arrays() for layer in self.layers)

    def _reading(self) -> AbstractContextManager[None]:
        """Return the context of what changes nothing; on a device, it fetches what was learned."""
        return self.use.reading() if self.device == "cpu" else self.use.alone()

    def __getstate__(self) -> dict[str, Any]:
        """Return everything but who uses it, and the memory that compiled code is bound to: copies bind their own."""
        with self._reading():  # what another thread is changing cannot be copied
            return {name: value for name, value in self.__dict__.items() if name not in ("_one_by_one", "use")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, use=Use())

    def __copy__(self) -> Self:
        return deepcopy(self)  # two chips that share what they have learned would disturb one another

    def with_constants(self, *, layer: int | None = None, **constants: Any) -> Self:
        """Return a chip with the same weights, and all else that was learned, and other constants; this one stays.

        Parameters
        ----------
        layer : int, optional
            Index, from 0, of the only layer to change; by default, all are, and all must have such constants.
        **constants
            Constants of layers, and of what they are composed of: `cap=0.2`, `rate=0.01`, `temperature=0.02`,
            `competition=HardWTA()`. A rate that is a number keeps the schedule. A name that is there twice is given in
            full: `**{"bias.rate": 0.1}`. What determines the shape or the meaning of learned arrays cannot be changed.

        Raises
        ------
        ConfigError
            If a layer has no such constant, its value breaks its rule, or it must stay as it is: the message says why.
        DivergedError
            If what was learned is not finite.
        ConcurrentUseError
            If another thread is learning.

        Examples
        --------
        >>> import neurosim as ns
        >>> chip = ns.Chip([ns.recipes.softhebb(100)], inputs=64).learn(ns.open_stream("digits"))
        >>> slower = chip.with_constants(rate=0.1)
        >>> [(change["name"], change["old"], change["new"]) for change in slower.changes]
        [('rule.rate', 1.5, 0.1)]
        """
        with self._reading():
            layers, changes = changed(self.layers, layer, constants)
            chip = type(self)(layers, inputs=self.shape, seed=self.seed, device=self.device, initial=self.initial)
            arrays = [learned.arrays() for learned in self.layers]
            try:
                for learned in arrays:
                    check_finite(learned)
            except ValueError as error:
                raise DivergedError(f"{error}: go on from the last snapshot") from None
            chip._restore(arrays, (*self.changes, *(changes if self.layers[0].samples else ())))
            chip.classes = self.classes
        return chip

    def _restore(self, arrays: Sequence[Arrays], changes: Sequence[Change]) -> None:
        """Take over what was learned, and the record of changes."""
        for layer, learned in zip(self.layers, arrays, strict=True):
            layer.restore(learned)
        self.__dict__["changes"] = latest(changes)

    def save(
        self,
        path: str | Path,
        *,
        position: int = 0,
        stream: dict[str, Any] | None = None,
        beside: Mapping[str, Arrays] | None = None,
    ) -> None:
        """Write the chip to an HDF5 state file: whole or not at all (see `docs/state-format.md`).

        Parameters
        ----------
        path : path
        position : int
            Samples taken from the stream so far.
        stream : dict, optional
            The stream's `identity`.
        beside : dict of str to dict of arrays, optional
            What else goes with a run, which `neurosim.state.store.read(path).beside` returns.

        Raises
        ------
        StateError
            If the file cannot be written; a file that was at `path` before is still whole.
        ConcurrentUseError
            If another thread is learning.
        """
        whole("position", position, 0, 2**63 - 1)
        constants = [describe(layer.constants) for layer in self.layers]
        with self._reading():
            arrays = [layer.arrays() for layer in self.layers]
            contents = Contents(
                self.shape, self.seed, constants, arrays, position, stream, list(self.changes), self.classes,
                beside=beside or {},
            )  # fmt: skip
            store.save(path, contents)

    @classmethod
    def load(cls, path: str | Path, *, rules: Sequence[OwnFunction] = (), device: str = "cpu") -> Self:
        """Read a chip back, bit for bit.

        Parameters
        ----------
        path : path
        rules : sequence of RuleMaker and CompetitionMaker
            The user's own rules and competitions that the chip has: a state file has their names, not their code.
        device : {"cpu", "cuda"}
            Device to go on with, on whichever the chip was saved.

        Raises
        ------
        StateError
            If the file is missing, damaged, foreign or of a newer version, or names a rule that is not among `rules`.
        ConfigError
            If `rules` has anything but these, or `device` is not one of the two.
        DeviceError
            As for `Chip`.
        """
        rules = tuple(rules) if isinstance(rules, Iterable) else (rules,)
        if not all(isinstance(rule, OwnFunction) for rule in rules):
            rule = "a sequence of functions that neurosim.rule or neurosim.competition decorated"
            raise ConfigError("rules", rule, rules)
        return cls.of(store.read(path), path, rules, device)

    @classmethod
    def of(cls, contents: Contents, path: str | Path, rules: Sequence[OwnFunction] = (), device: str = "cpu") -> Self:
        """Make a chip from the contents of a state file; `path` is for the error."""
        one_of("device", device, DEVICES)
        try:
            layers = [rebuild(layer, rules) for layer in contents.constants]
            check_sizes(layers, contents.shape, contents.layers)  # before memory is taken for what the constants say
            initial = [arrays.get(FIRST_WEIGHTS) for arrays in contents.layers]
            chip = cls(layers, inputs=contents.shape, seed=contents.seed, device=device, initial=initial)
            chip._restore(contents.layers, contents.changes)
            chip.classes = contents.classes
        except (ConfigError, LookupError, TypeError, ValueError) as error:
            raise StateError(f"state {path} must hold a chip that this version knows, but: {error}") from error
        return chip
