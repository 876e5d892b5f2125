"""Many small chips of one shape, a chip for every key, in one array and one compiled loop."""

from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.checks import LARGEST, instance, whole
from neurosim.chip.chip import Chip
from neurosim.chip.response import Response
from neurosim.chip.samples import as_label, as_labels, as_samples
from neurosim.chip.use import USER, Use, chunk_of
from neurosim.chip.wanted import Wanted
from neurosim.engine.restoring import Arrays
from neurosim.engine.results import Results
from neurosim.errors import ConfigError, SampleError, StateError
from neurosim.fleet import stored
from neurosim.fleet.keys import Key, as_key, as_keys, seed_of
from neurosim.fleet.members import Keyed, Members, Passed
from neurosim.fleet.pairs import blocks_of
from neurosim.fleet.saved import SavedFleet
from neurosim.fleet.sifting import sift
from neurosim.layers.conv import ConvWTA
from neurosim.layers.dense import DenseWTA

FLOAT32 = np.dtype(np.float32)
ALL = Wanted(True, True, True)


class Fleet(SavedFleet):
    """A chip for every key: thousands of small chips of one shape, whose states lie in one array.

    A chip begins when its key appears, and learns from the samples of that key alone. Its bits are those of an ordinary
    chip, ``Chip(layers, inputs=inputs, seed=fleet.seed_of(key))``, that learns from these samples, in their order.

    Parameters
    ----------
    layers : sequence of DenseWTA
        Constants of the layers of every chip.
    inputs : int or tuple of int
        As of `Chip`.
    seed : int
        From 0, below 2**64. From it and the key each chip's own seed follows: see `seed_of`.
    keys : sequence of str or int, optional
        Keys whose chips begin at once.
    capacity : int, optional
        The largest number of keys; the sample of another one is refused. By default there is no bound but memory.
    threads : int
        Among which the chips are dealt in `learn`, `take` and `respond`; results do not depend on it.

    Attributes
    ----------
    seed, capacity, inputs : int
    shape : tuple of int
        Of a sample.
    refused : int
        Samples passed over so far, by `skip_bad`.

    Raises
    ------
    ConfigError
        As of `Chip`; or if a layer is convolutional.
    SampleError
        If `keys` has what is no key.

    Notes
    -----
    A key is text of 1 to 200 characters, or a whole number of 64 bits; a fleet has keys of one of the two kinds. One
    thread at a time uses a fleet.

    Examples
    --------
    >>> import neurosim as ns
    >>> import numpy as np
    >>> fleet = ns.Fleet([ns.recipes.softhebb(4)], inputs=3)
    >>> _ = fleet.learn(["pump", "fan", "pump"], np.eye(3))
    >>> fleet.keys, fleet.samples
    (('pump', 'fan'), array([2, 1]))
    >>> chip = ns.Chip([ns.recipes.softhebb(4)], inputs=3, seed=fleet.seed_of("pump"))
    >>> chip.learn(np.eye(3)[[0, 2]]).state_sha256 == fleet.state_sha256("pump")
    True
    """

    def __init__(
        self,
        layers: Sequence[DenseWTA],
        *,
        inputs: int | tuple[int, ...],
        seed: int = 0,
        keys: Sequence[Key] | None = None,
        capacity: int | None = None,
        threads: int = 1,
    ) -> None:
        for index, layer in enumerate(layers if isinstance(layers, Iterable) else ()):
            if isinstance(layer, ConvWTA):
                rule, advice = "a DenseWTA in a Fleet", "take a Chip for each key"
                raise ConfigError(f"layer {index + 1}", rule, type(layer).__name__, advice)
        whole("threads", threads, 1, LARGEST)
        if capacity is not None:
            whole("capacity", capacity, 1, LARGEST)
        self._chip = Chip(layers, inputs=inputs, seed=seed)
        self.shape, self.inputs, self.seed, self.capacity = self._chip.shape, self._chip.inputs, int(seed), capacity
        self._width = (self.inputs,)
        self.threads, self.refused, self._use = threads, 0, Use()
        self._members = Members(self._chip, self.seed, capacity, threads)
        if keys is not None:
            self.begin(keys)

    def __repr__(self) -> str:
        shapes = [self.shape, *(layer.shape for layer in self._chip.layers)]
        shape = " -> ".join(" x ".join(str(size) for size in shape) for shape in shapes)
        return f"Fleet({shape}, seed={self.seed}, {len(self)} keys, {int(self.samples.sum())} samples learned)"

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, key: object) -> bool:
        return key in self._members.table

    def __getstate__(self) -> dict[str, Any]:
        with self._use.alone():
            return {name: value for name, value in self.__dict__.items() if name != "_use"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _use=Use())

    def seed_of(self, key: Key) -> int:
        """Return the seed of a key's chip, a function of the fleet's seed and of the key: `neurosim.fleet.keys`.

        Of a chip that `put` has brought, its own.
        """
        place = self._members.table.place(as_key(key))
        return seed_of(self.seed, as_key(key)) if place is None else int(self._members.seeds[place])

    def index(self, key: Key) -> int:
        """Return the place of a key in `keys`.

        Raises
        ------
        SampleError
            If the fleet has no such key.
        """
        place = self._members.table.place(as_key(key))
        if place is None:
            raise SampleError(f"key must be one of the fleet's {len(self)}, got {key!r}")
        return place

    def indices(self, keys: Any) -> NDArray[np.int64]:
        """Return the place of each of many keys in `keys`, -1 for one that the fleet has not: int64 (keys,)."""
        return self._members.table.places(as_keys(keys))

    def begin(self, keys: Sequence[Key]) -> None:
        """Let the chips of some keys begin, if they have none yet: their first weights are drawn now, all together.

        Raises
        ------
        SampleError
            If one is no key, or the fleet's capacity is reached; none has begun then.
        """
        found = as_keys(keys)
        with self._use.alone():
            places = self._members.table.places(found)
            sifted = sift(self._members.table, found, places, (), self.capacity, skip=False)
            if sifted.fault is not None:
                raise sifted.fault
            self._members.add(sifted.new)

    def compile(self) -> None:
        """Compile all layers, or fetch them from the cache, so that the first sample does not wait."""
        with self._use.alone():
            self._members.compile()

    def learn_one(self, key: Key, x: ArrayLike, label: int | None = None) -> Response:
        """Respond to one sample of a key and learn from it, as `Chip.learn_one` of its chip, which may begin now.

        Raises
        ------
        SampleError
            If the key, the sample or its label is not admitted; nothing has changed then.
        DivergedError
            If the chip diverges, or has; other keys are not affected.
        ConcurrentUseError
            If another thread is using the fleet.
        """
        place = self._members.table.place(key) if type(key) in (str, int) else None
        if label is None and place is not None and not self._members.needs_care(place):
            return self._one(key, place, x, True)
        labels = None if label is None else [as_label(label)]
        response = self.take([key], as_samples(x, self.shape, 1), labels)
        return Response(response.potentials[0], response.responses[0], int(response.winner[0]), response.output[0])

    def respond_one(self, key: Key, x: ArrayLike) -> Response:
        """Respond to one sample of a key that the fleet has, and change nothing; errors as of `learn_one`."""
        return self._one(key, self.index(key), x, False)

    def _one(self, key: Key, place: int, x: ArrayLike, learning: bool) -> Response:
        if not (type(x) is np.ndarray and x.dtype is FLOAT32 and x.shape == self._width):  # not the usual case
            x = as_samples(x, self.shape, 1)[0]
        users, call = self._use.users, object()
        try:  # as in `Use.alone`, written out as it is quicker
            user = users.setdefault(USER, call)
            if user is not call:
                with chunk_of(user):
                    return self._members.one(key, place, x, learning)
            return self._members.one(key, place, x, learning)
        finally:
            if USER in users and users[USER] is call:
                del users[USER]

    def learn(
        self,
        keys: Any,
        samples: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        *,
        chunk: int = 4096,
        skip_bad: bool = False,
        first: int = 0,
    ) -> Self:
        """Learn from samples, each with the chip of its key: the same bits as a loop over `learn_one`.

        Parameters
        ----------
        keys : sequence or array of str or int, or iterable
            A key for each sample; or, without `samples`, pairs (key, sample) or triples (key, sample, label), read one
            by one.
        samples : float32 (samples, inputs), optional
        labels : int64 (samples,), optional
            As of `Chip.learn`.
        chunk : int
            Samples that one layer takes before the next layer gets them; results do not depend on it.
        skip_bad : bool
            Whether samples that are not admitted, of keys beyond the capacity, or of a chip that has diverged, that
            with which it did included, are passed over and counted in `refused`, instead of an error.
        first : int
            Number of the first sample, for errors.

        Returns
        -------
        Fleet
            The fleet itself.

        Raises
        ------
        ConfigError
            If `chunk` is out of range.
        SampleError
            At the first sample that is not admitted: all before it are learned from, and none after it.
        DivergedError
            If a chip diverges. The others have learned from their samples of the whole chunk.
        ConcurrentUseError
            If another thread is using the fleet.
        """
        for keyed in blocks_of(keys, samples, labels, self.shape, chunk):
            self._take(keyed._replace(first=first + keyed.first), skip=skip_bad)
        return self

    def take(
        self, keys: Any, samples: ArrayLike, labels: ArrayLike | None = None, *, skip_bad: bool = False
    ) -> Response:
        """Learn as `learn` does, and return the response to each sample by the weights before it.

        Of a sample that was passed over, the winner is -1, and all else is zero.
        """
        values = as_samples(samples, self.shape, None)
        found = None if labels is None else as_labels(labels, len(values))
        return self._response(Keyed(as_keys(keys), values, found), skip=skip_bad)

    def respond(self, keys: Any, samples: ArrayLike) -> Response:
        """Respond to samples of keys that the fleet has, and change nothing.

        Raises
        ------
        SampleError
            If a sample is not admitted, or the fleet has no such key.
        DivergedError
            If a chip has diverged, or its potentials are beyond float32.
        """
        return self._response(Keyed(as_keys(keys), as_samples(samples, self.shape, None), None), learning=False)

    def chip(self, key: Key) -> Chip:
        """Return a copy of a key's chip: an ordinary chip, with all that it has learned.

        Raises
        ------
        SampleError
            If the fleet has no such key.
        """
        place = self.index(key)
        constants = [layer.constants for layer in self._chip.layers]
        chip = Chip(constants, inputs=self.shape, seed=int(self._members.seeds[place]))
        with self._use.alone():
            self._members.copy_to(place, chip)
        return chip

    def put(self, key: Key, chip: Chip) -> None:
        """Let a key's chip go on where another chip is, whose seed becomes its own; the key may be new.

        Raises
        ------
        ConfigError
            If the chip's constants or inputs are not the fleet's, it is on another device than the CPU, or its first
            weights were given as an array.
        """
        instance("chip", chip, Chip)
        mine, its = ([layer.constants for layer in one.layers] for one in (self._chip, chip))
        if mine != its or chip.shape != self.shape:
            raise ConfigError("chip", f"of the constants and inputs of the fleet, {self._chip!r}", chip)
        if chip.device != "cpu" or any(array is not None for array in chip.initial):
            raise ConfigError("chip", "on the CPU, of first weights that follow from its seed", chip)
        self.begin([key])
        place = self.index(key)
        with self._use.alone():
            self._members.copy_from(place, chip)

    def reset(self, key: Key) -> None:
        """Let a key's chip begin anew."""
        self.index(key)
        constants = [layer.constants for layer in self._chip.layers]
        self.put(key, Chip(constants, inputs=self.shape, seed=seed_of(self.seed, as_key(key))))

    def state_sha256(self, key: Key) -> str:
        """Return the hash of what a key's chip has learned: its `state_sha256`."""
        return self.chip(key).state_sha256

    def arrays(self) -> Arrays:
        """Return all that the fleet has learned as arrays of numbers, by name: what a file keeps.

        Keys and seeds; of layer N, from 1, its arrays (chips, ...) with names `layerN_...`, in the order of `keys`; and
        of chips that have diverged which these are: their own arrays are those of chips that begin.
        """
        with self._use.alone():
            return stored.kept(self._members)

    def restore(self, arrays: Arrays) -> None:
        """Go on where another fleet of the same layers and inputs was, by what its `arrays` returned.

        Raises
        ------
        StateError
            If these are no arrays of such a fleet; this one stays as it is.
        """
        with self._use.alone():
            try:
                members = stored.restored(Members(self._chip, self.seed, self.capacity, self.threads), arrays)
            except ValueError as error:
                raise StateError(f"arrays must be those of a fleet such as {self!r}, but: {error}") from error
            self._members = members

    def through(
        self, keyed: Keyed, wanted: Wanted | None = None, *, learning: bool = True, skip: bool = False
    ) -> Passed:
        """Take a chunk of samples through the chips of their keys, up to the first that cannot be taken.

        What `learn`, `take`, `respond` and a run do with each chunk. It raises no error of a sample.

        Parameters
        ----------
        keyed : neurosim.fleet.members.Keyed
        wanted : neurosim.chip.wanted.Wanted, optional
            Results that are kept besides winners; None: not even these.
        learning : bool
            If false, the chips respond, and a sample of a key that has none is not taken.
        skip : bool
            Whether all samples that cannot be taken are passed over, and counted in `refused`.
        """
        with self._use.alone():
            sifted = self._members.sift(keyed, learning, skip)
            if sifted.new:
                self._members.add(sifted.new)
            passed = self._members.through(keyed, sifted, learning, skip, wanted)
            if skip:
                self.refused += len(keyed.keys) - len(passed.order)
        return passed

    def _take(
        self, keyed: Keyed, wanted: Wanted | None = None, *, learning: bool = True, skip: bool = False
    ) -> Results | None:
        passed = self.through(keyed, wanted, learning=learning, skip=skip)
        if passed.fault is not None:
            raise passed.fault
        return passed.results

    def _response(self, keyed: Keyed, *, learning: bool = True, skip: bool = False) -> Response:
        results = self._take(keyed, ALL, learning=learning, skip=skip)
        assert results is not None
        return Response(*results[:4])
