"""What a file keeps of a fleet, as arrays of numbers: keys, seeds, and the arrays of each layer."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.restoring import Arrays
from neurosim.fleet.keys import Key, KeyTable, as_key
from neurosim.fleet.members import Members

NUMBERS, TEXT, ENDS = "keys", "key_bytes", "key_ends"


def of_keys(keys: Sequence[Key]) -> Arrays:
    """Return keys as arrays: whole numbers as int64; text as its bytes in UTF-8, and where each key ends."""
    if not keys or not isinstance(keys[0], str):
        return {NUMBERS: np.array(keys, np.int64)}
    text = [str(key).encode() for key in keys]
    ends = np.cumsum([len(one) for one in text], dtype=np.int64)
    return {TEXT: np.frombuffer(b"".join(text), np.uint8).copy(), ENDS: ends}


def keys_of(arrays: Arrays) -> list[Key]:
    """Return the keys that `of_keys` made arrays of.

    Raises
    ------
    ValueError
        If these are no such arrays, a key is not admitted, or one comes twice.
    """
    keys: list[Key]
    if NUMBERS in arrays:
        if arrays[NUMBERS].dtype != np.int64 or arrays[NUMBERS].ndim != 1:
            raise ValueError("keys must be int64 (chips,)")
        keys = arrays[NUMBERS].tolist()
    else:
        keys = _texts(arrays)
    table = KeyTable()
    for key in keys:
        if as_key(key) in table:
            raise ValueError(f"keys must differ, and {key!r} comes twice")
        table.add([key])
    return keys


def _texts(arrays: Arrays) -> list[Key]:
    text, ends = arrays.get(TEXT), arrays.get(ENDS)
    if text is None or ends is None or text.dtype != np.uint8 or ends.dtype != np.int64 or text.ndim + ends.ndim != 2:
        raise ValueError(f"{TEXT} and {ENDS} must be uint8 and int64, of one axis")
    starts = np.concatenate([[0], ends[:-1]])
    if len(ends) == 0 or (ends <= starts).any() or ends[-1] != len(text):
        raise ValueError(f"{ENDS} must increase, up to the {len(text)} bytes of all keys")
    whole = text.tobytes()
    return [whole[start:end].decode() for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def seeds_of(arrays: Arrays, chips: int) -> NDArray[np.uint64]:
    """Return the seeds of so many chips; ValueError, if they are not there."""
    seeds = arrays.get("seeds")
    if seeds is None or seeds.dtype != np.uint64 or seeds.shape != (chips,):
        raise ValueError(f"seeds must be uint64 ({chips},)")
    return seeds.copy()


def of_layer(arrays: Arrays, number: int) -> Arrays:
    """Return the arrays of one layer, from 1, by their own names."""
    beginning = f"layer{number}_"
    return {name.removeprefix(beginning): array for name, array in arrays.items() if name.startswith(beginning)}


def restored(members: Members, arrays: Arrays) -> Members:
    """Return the chips of an empty fleet as arrays that were kept have them.

    Raises
    ------
    ValueError
        If these are no arrays of such a fleet.
    """
    keys = keys_of(arrays)
    if members.capacity is not None and len(keys) > members.capacity:
        raise ValueError(f"keys must be at most {members.capacity}, the fleet's capacity, got {len(keys)}")
    seeds = seeds_of(arrays, len(keys))
    members.make_room(len(keys))
    members.seeds[:] = seeds
    for number, layer in enumerate(members.layers, 1):
        layer.restore(of_layer(arrays, number), seeds)
    if len({layer.samples(len(keys)).tobytes() for layer in members.layers}) > 1:
        raise ValueError("samples must be as many in each layer")
    members.table.add(keys)
    return members
