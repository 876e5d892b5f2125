"""Keys of a fleet: text or whole numbers, in order of appearance, each with a seed of its own."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import SampleError
from neurosim.outside.arrays import kind_of, shown

Key = str | int
Keys = list[str | int] | NDArray[np.int64]  # one for each sample
MOST_CHARACTERS = 200
LOWEST, HIGHEST = -(2**63), 2**63 - 1
RULE = f"text of 1 to {MOST_CHARACTERS} characters without NUL and lone surrogates, or a whole number of 64 bits"
SMALL = 1 << 20  # whole numbers below have their places in an array
KINDS = {frozenset({str}), frozenset({int})}


def seed_of(seed: int, key: Key) -> int:
    r"""Return the seed of a key's chip in a fleet of some seed.

    The first eight bytes, lowest first, of the SHA-256 of the text `SEED text KEY` or `SEED whole KEY` in UTF-8: it
    depends on nothing else, so keys may come in any order, in any process, and on any machine.

    Parameters
    ----------
    seed : int
        Of the fleet.
    key : str or int
    """
    kind = "text" if isinstance(key, str) else "whole"
    return int.from_bytes(hashlib.sha256(f"{seed} {kind} {key}".encode()).digest()[:8], "little")


def as_key(key: Any) -> Key:
    """Return a key as Python's own text or whole number.

    Raises
    ------
    SampleError
        If it is neither, too long, empty, or cannot be written in UTF-8.
    """
    if type(key) is str or isinstance(key, str):
        plain = str(key)
        if 0 < len(plain) <= MOST_CHARACTERS and _is_writable(plain):
            return plain
    elif isinstance(key, int | np.integer) and not isinstance(key, bool) and LOWEST <= int(key) <= HIGHEST:
        return int(key)
    raise SampleError(f"a key must be {RULE}, got {shown(key)}")


def _is_writable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def as_keys(keys: Any) -> Keys:
    """Return keys as an array of whole numbers or a list of text or whole numbers; new ones are checked later.

    Raises
    ------
    SampleError
        If they are no list or array of one axis, or one is not a key.
    """
    if isinstance(keys, np.ndarray):
        if keys.ndim != 1 or keys.dtype.kind not in "iuUTO" or np.ma.isMaskedArray(keys):
            what = f"{kind_of(keys)} {keys.dtype} {keys.shape}"
            raise SampleError(f"keys must be an array (samples,) of text or whole numbers, got {what}")
        if keys.dtype.kind == "i" or (keys.dtype.kind == "u" and keys.dtype.itemsize < 8):
            return keys.astype(np.int64, copy=False)
        keys = keys.tolist()
    elif isinstance(keys, str | bytes) or not isinstance(keys, Sequence):
        raise SampleError(f"keys must be a list or an array, one for each sample, got {shown(keys)}")
    if frozenset(map(type, keys)) in KINDS:
        return keys if isinstance(keys, list) else list(keys)
    return [as_key(key) for key in keys]


class KeyTable:
    """Which chip is whose: keys in order of appearance.

    Text and whole numbers are not mixed: all keys are of the kind of the first.
    """

    def __init__(self) -> None:
        self._places: dict[Key, int] = {}
        self._of_small = np.zeros(0, np.int64)  # places of the keys 0, 1, ...: quicker than to look up each of many

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._places)

    def __contains__(self, key: object) -> bool:
        return type(key) in (str, int) and key in self._places

    def place(self, key: Key) -> int | None:
        """Return the place of a key, from 0; None if it is not there."""
        return self._places.get(key)

    def places(self, keys: Keys) -> NDArray[np.int64]:
        """Return the place of each key, -1 for those that are not there."""
        if isinstance(keys, np.ndarray):
            if len(keys) and keys.min() >= 0 and keys.max() < SMALL:
                self._widen(int(keys.max()) + 1)
                return self._of_small[keys]
            keys = keys.tolist()
        get = self._places.get
        return np.fromiter([get(key, -1) for key in keys], np.int64, len(keys))

    def _widen(self, numbers: int) -> None:
        """Make room for the places of the whole numbers below."""
        before = len(self._of_small)
        if numbers > before:
            wider = np.full(max(numbers, min(2 * before, SMALL)), -1)
            wider[:before] = self._of_small
            self._of_small = wider

    def check_new(self, key: Key, first: Key | None = None) -> Key:
        """Return a key that is to be added; `first` is the first one of those before it that are to be added too.

        Raises
        ------
        SampleError
            If it is none, or of another kind than the others.
        """
        key = as_key(key)
        first = next(iter(self._places), key if first is None else first)
        if type(first) is not type(key):
            kinds = "text" if isinstance(first, str) else "whole numbers"
            raise SampleError(f"keys of a fleet must be of one kind, {kinds} as its first one, {first!r}; got {key!r}")
        return key

    def add(self, keys: Iterable[Key]) -> None:
        """Add keys that were checked, behind the others."""
        for key in keys:
            place = self._places[key] = len(self._places)
            if isinstance(key, int) and 0 <= key < SMALL:
                self._widen(key + 1)
                self._of_small[key] = place
