"""What may be told of a fleet's sample: the fields that a chip's have, and whose the sample is."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.chip import Chip
from neurosim.fleet.fleet import Fleet
from neurosim.fleet.hearing import KeyedBatch
from neurosim.fleet.keys import Key
from neurosim.fleet.novelty import FleetNovelty
from neurosim.fleet.prequential import FleetPrequential
from neurosim.fleet.workers import hash_of_key
from neurosim.online.emission.fields import FIELDS, OF_KEYS, SECOND, Field
from neurosim.streams import Stream

NUMBER_OF_KEY = np.dtype("<u8")


def _keys(_fleet: Fleet, _stream: Stream) -> Callable[[KeyedBatch], list[Key]]:
    return lambda batch: batch.keys


def _latencies(_fleet: Fleet, stream: Stream) -> Callable[[KeyedBatch], NDArray[np.float64]]:
    """Return what gives seconds from each sample's arrival, or its share of its chunk's where no arrival is known."""

    def seconds(batch: KeyedBatch) -> NDArray[np.float64]:
        first = int(batch.numbers[0])
        came = stream.arrived(first, int(batch.numbers[-1]) - first + 1)
        took = batch.nanoseconds if came is None else time.monotonic_ns() - came[batch.numbers - first]
        return took / SECOND

    return seconds


def _of_chip(begin: Callable[[Chip, Stream], Any]) -> Callable[[Fleet, Stream], Any]:
    """Return what begins a chip's field for a fleet: it sees the shape of the last layer alone."""
    return lambda fleet, stream: begin(fleet.template, stream)


def _novelty(fleet: Fleet, _stream: Stream) -> FleetNovelty:
    return FleetNovelty(fleet)


def _prequential(fleet: Fleet, _stream: Stream) -> FleetPrequential:
    return FleetPrequential(fleet)


OF_FLEETS: dict[str, Callable[[Fleet, Stream], Any]] = {
    "latency": _latencies, **dict.fromkeys(("novelty", "threshold", "novel"), _novelty), "predicted": _prequential,
}  # fmt: skip
KEYED_FIELDS: dict[str, Field] = {
    OF_KEYS: Field("key", "whose the sample is", _keys, NUMBER_OF_KEY, number_of=hash_of_key),
    **{
        name: row._replace(begin=OF_FLEETS[name] if name in OF_FLEETS else _of_chip(row.begin))
        for name, row in FIELDS.items()
    },
}
