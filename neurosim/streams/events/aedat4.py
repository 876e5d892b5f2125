"""AEDAT 4, written by iniVation's DV: packets compressed and described by schemas, which the package `aedat` reads."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.errors import StreamError
from neurosim.outside.arrays import shortened
from neurosim.outside.files import check_regular
from neurosim.outside.standard_error import silent_standard_error
from neurosim.streams.events.aedat4_container import check_header, position_of
from neurosim.streams.events.event import Counts, Events
from neurosim.streams.events.opened import Opened, new_events

FIELDS = {"t": "t", "x": "x", "y": "y", "p": "on"}
TOGETHER = 1 << 16  # events of a batch
OTHERS = {"frame": "frames", "imus": "inertial samples", "triggers": "external triggers"}


def open_aedat4(path: Path) -> Opened:
    """Open an AEDAT 4 file. Of several streams of events, the first is read.

    Raises
    ------
    StreamError
        If the package `aedat` is missing, or cannot read the file.
    """
    decoder = _decoder(path)
    found = {number: stream for number, stream in decoder.id_to_stream().items() if stream["type"] == "events"}
    if not found:
        raise StreamError(f"{path} must have a stream of events, and it has none")
    first = min(found)
    width, height = found[first]["width"], found[first]["height"]
    return Opened(width, height, lambda counts: _batches(path, first, counts))


def _batches(path: Path, stream: int, counts: Counts) -> Iterator[Events]:
    held, number = list[Any](), 0  # packets are short: several together are read faster
    try:
        for packet in _told(path, iter(_decoder(path)), check_header(path)):
            if "events" in packet and packet["stream_id"] == stream:
                held.append(packet["events"])
                number += len(held[-1])
            elif "events" in packet:
                counts.pass_over("events of other cameras", len(packet["events"]))
            else:
                for key, what in OTHERS.items():
                    if key in packet:
                        counts.pass_over(what, 1 if key == "frame" else len(packet[key]))
            if number >= TOGETHER:
                yield _together(path, held)
                held, number = [], 0
    except StreamError:
        if held:
            yield _together(path, held)
        raise
    if held:
        yield _together(path, held)


def _together(path: Path, packets: list[Any]) -> Events:
    """Return the events of packets."""
    stored = np.concatenate(packets)
    if len(stored) and (latest := int(stored["t"].max())) >= 2**63:
        raise StreamError(f"times of {path} must be below 2**63 microseconds, got {latest}")
    events = new_events(len(stored))
    for name, other in FIELDS.items():
        events[name] = stored[other]
    return events


def _decoder(path: Path) -> Any:
    check_regular(path)
    try:
        aedat = import_module("aedat")
    except ImportError as error:
        advice = "pip install 'neurosim-chip[events]'"
        raise StreamError(f"{path} must be read by the package aedat, which is not installed: {advice}") from error
    check_header(path)
    return next(_told(path, iter(lambda: aedat.Decoder(path), None)))


def _told(path: Path, items: Iterator[Any], first: int | None = None) -> Iterator[Any]:
    """Give what the package gives, and its faults as StreamError: a panic of Rust is no Exception, and writes lines.

    `first` is the byte of the first packet, if the items are packets.
    """
    number = 0
    while True:
        try:
            with silent_standard_error():
                item = next(items)
        except StopIteration:
            return
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
                raise
            why = shortened(str(error) or type(error).__name__, 200)
            where = "" if first is None else f", in the packet at byte {position_of(path, first, number)}"
            raise StreamError(f"{path} must be an AEDAT 4 file that can be read{where}: {why}") from error
        yield item
        number += 1
