"""Samples with keys, cut into blocks: from arrays, or from an iterable of pairs."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from neurosim.checks import LARGEST, whole
from neurosim.chip.samples import as_label, as_labels, as_samples
from neurosim.engine.samples import Array
from neurosim.errors import SampleError
from neurosim.fleet.keys import Key, as_key, as_keys
from neurosim.fleet.members import Keyed
from neurosim.outside.arrays import shown

PAIR = "a pair (key, sample) or a triple (key, sample, label)"


def blocks_of(keys: Any, samples: Any, labels: Any, shape: tuple[int, ...], chunk: int) -> Iterator[Keyed]:
    """Cut samples with keys into blocks; parameters as of `Fleet.learn`."""
    whole("chunk", chunk, 1, LARGEST)
    if samples is None:
        yield from _of_pairs(keys, shape, chunk)
        return
    values, found = as_samples(samples, shape, None), as_keys(keys)
    if len(found) != len(values):
        raise SampleError(f"keys must be one for each of {len(values)} samples, got {len(found)}")
    taught = None if labels is None else as_labels(labels, len(values))
    for first in range(0, len(values), chunk):
        some = slice(first, first + chunk)
        yield Keyed(found[some], values[some], None if taught is None else taught[some], first)


def _of_pairs(pairs: Iterable[Any], shape: tuple[int, ...], chunk: int) -> Iterator[Keyed]:
    """Give blocks of what an iterable gives one by one; before an error, the block of all that came before it."""
    if not isinstance(pairs, Iterable):
        raise SampleError(f"keys without samples must be an iterable of {PAIR}, got {shown(pairs)}")
    source, first = iter(pairs), 0
    while True:
        rows: list[tuple[Key, Array, int]] = []
        error: Exception | None = None
        try:
            for pair in islice(source, chunk):
                rows.append(_row(pair, shape, first + len(rows)))
        except Exception as wrong:
            error = wrong
        if rows:
            keys, samples, labels = zip(*rows, strict=True)
            numbers = np.array(labels)
            yield Keyed(list(keys), np.stack(samples), numbers if (numbers >= 0).any() else None, first)
        if error is not None:
            raise error
        if len(rows) < chunk:
            return
        first += len(rows)


def _row(pair: Any, shape: tuple[int, ...], number: int) -> tuple[Key, Array, int]:
    if not isinstance(pair, tuple | list) or len(pair) not in (2, 3):
        raise SampleError(f"sample {number} must come as {PAIR}, got {shown(pair)}")
    try:
        label = -1 if len(pair) == 2 or pair[2] is None else as_label(pair[2])
        return as_key(pair[0]), as_samples(pair[1], shape, 1)[0], label
    except SampleError as error:
        raise SampleError(f"sample {number}: {error}") from error
