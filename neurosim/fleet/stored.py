"""What a file keeps of a fleet, as arrays of numbers: keys, seeds, and the arrays of each layer."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.restoring import Arrays
from neurosim.fleet.keys import Key, KeyTable, as_key
from neurosim.fleet.members import Members

NUMBERS, TEXT, ENDS = "keys", "key_bytes", "key_ends"
DIVERGED = "diverged"  # only there if a chip has
RECORDS, COUNTS = "records", "record_counts"


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


def kept(members: Members) -> Arrays:
    """Return copies of all that chips have learned as arrays, by name; see `Fleet.arrays`.

    Of a chip that has diverged nothing can be read back, and what its layers have learned since depends on chunks: it
    is kept as it began, and marked.
    """
    chips, diverged = len(members), np.array(sorted(members.diverged), np.int64)
    found = of_keys(tuple(members.table)) | {"seeds": members.seeds[:chips].copy()}
    begun = _begun(members, diverged)
    for number, layer in enumerate(members.layers, 1):
        arrays = layer.arrays(chips)
        if len(diverged):
            _begin_anew(arrays, diverged, begun.layers[number - 1].arrays(len(diverged)))
        found |= {f"layer{number}_{name}": array for name, array in arrays.items()}
    return found | ({DIVERGED: diverged} if len(diverged) else {})


def _begun(members: Members, chips: NDArray[np.int64]) -> Members:
    """Return chips that begin, of the same seeds as some."""
    begun = Members(members.chip, members.seed, None, 1)
    if len(chips):
        begun.make_room(len(chips))
        for layer in begun.layers:
            layer.begin(0, members.seeds[chips])
    return begun


def _begin_anew(arrays: Arrays, chips: NDArray[np.int64], begun: Arrays) -> None:
    """Let arrays of a layer have, for some chips, those of chips that begin, which have no records."""
    counts, rows = arrays.pop(COUNTS), arrays.pop(RECORDS)
    for name, array in arrays.items():
        array[chips] = begun[name]
    others = ~np.isin(np.repeat(np.arange(len(counts)), counts), chips)
    counts[chips] = 0
    arrays |= {COUNTS: counts, RECORDS: rows[others]}


def diverged_of(arrays: Arrays, chips: int) -> set[int]:
    """Return the places of the chips that have diverged; ValueError, if these are none of so many chips."""
    found = arrays.get(DIVERGED, np.empty(0, np.int64))
    if found.dtype != np.int64 or found.ndim != 1:
        raise ValueError(f"{DIVERGED} must be int64 (any,)")
    if len(found) and (found[0] < 0 or found[-1] >= chips or (np.diff(found) <= 0).any()):
        raise ValueError(f"{DIVERGED} must increase, from 0 to below the {chips} chips")
    return set(found.tolist())


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
    members.diverged = diverged_of(arrays, len(keys))
    members.table.add(keys)
    return members
