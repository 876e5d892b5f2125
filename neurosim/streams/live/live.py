"""Streams that arrive by themselves: a transport's messages, through a bounded queue, decoded into samples."""

import copy
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ConfigError, StreamError
from neurosim.streams.base import MOST_TOGETHER, Block, Size, Stream, asked
from neurosim.streams.keyed import MESSAGE, KeyedBlock, key_of_message
from neurosim.streams.live.decoders import Decoded, Decoder, FrameDecoder, LineDecoder
from neurosim.streams.live.history import History
from neurosim.streams.live.queue import Record
from neurosim.streams.live.receiver import Counts, Places
from neurosim.streams.live.reception import Reception
from neurosim.streams.live.transport import Transport


class LiveStream(Stream):
    """Samples that a transport brings, as they arrive.

    Reading begins a thread, which receives until reading ends. What it receives waits in a queue until it is learned.

    Parameters
    ----------
    name : str
    transport : Transport
    decoder : Decoder
    inputs : int
        Width of a sample.
    labelled : bool
    queue : int
        Records (lines or frames) that wait at most.
    when_full : {"block", "drop-oldest", "drop-newest"}
        What happens to a record that arrives when the queue is full. With `block` nothing more is received until there
        is room: the sender, a broker, or the system's own buffer has it meanwhile.
    reconnect : float
        Seconds for which a source that is not there, or is gone, is tried again; 0 to end.
    idle : float, optional
        Seconds of silence after which the stream ends; by default it waits for ever.
    skip_bad : bool
        Pass over malformed records and count them in `bad`, instead of stopping at the first.
    key : str, optional
        `@message`: the keys of samples are those of their messages. Else the decoder finds them.
    """

    replayable = False

    @property
    def going_on(self) -> str:  # type: ignore[override]
        """How a run goes on with it, in words."""
        return "at the offsets that the state has" if self.keeps else "with what arrives from now on"

    def __init__(
        self,
        name: str,
        transport: Transport,
        decoder: Decoder,
        *,
        inputs: int,
        labelled: bool = False,
        queue: int | None = None,
        when_full: str | None = None,
        reconnect: float | None = None,
        idle: float | None = None,
        skip_bad: bool = False,
        key: str | None = None,
    ) -> None:
        self.keyed, self._by_message = key is not None, key == MESSAGE
        self.name, self.inputs, self.length, self.labelled = name, inputs, None, labelled
        self.transport, self._decoder, self._skip_bad = transport, decoder, skip_bad
        self._reception = Reception(
            name, transport, lambda: decoder.cutter(transport.boundaries), queue=queue, when_full=when_full,
            reconnect=reconnect, idle=idle,
        )  # fmt: skip
        self._history = History()
        self.numbers, self.labels_advice = decoder.numbers, decoder.labels_advice
        self.classes_grow = decoder.classes_grow
        self._places: Places = {}

    @property
    def keeps(self) -> bool:  # type: ignore[override]
        """Whether the source can replay, so that the place in it belongs into snapshots."""
        return self.transport.replays

    @property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the labels so far."""
        return self._decoder.classes

    @property
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the inputs; empty if the source has none, or they have not come."""
        return self._decoder.columns

    @property
    def counts(self) -> Counts:
        """What has been counted since reading began."""
        return self._reception.counts

    @property
    def bad(self) -> int:  # type: ignore[override]
        """Malformed records that were passed over."""
        return self.counts.bad

    def counted(self, taken: int) -> dict[str, int]:
        """Return what has been counted since reading began, by its name: see `Counts`, and `Stream.counted`."""
        counts = self.counts
        left = counts.received - counts.dropped - counts.bad - counts.names - taken
        return asdict(counts) | {"left": left}

    def waits(self) -> bool:
        """Tell whether the next block may have to be waited for: nothing is in the queue."""
        return self._reception.empty()

    def fingerprint(self) -> str:
        """Return the same for all: what will arrive is not known."""
        return "live"

    def identity(self) -> dict[str, object]:
        """Return what must be equal for a run to go on with this stream: its kind and form, not its address."""
        identity = super().identity() | {"name": self.transport.kind} | self._decoder.form
        return identity | ({"key": MESSAGE} if self._by_message else {})

    def name_classes(self, names: Sequence[str]) -> None:
        """Number labels that are words as `names` counts them: see `Stream`."""
        self._decoder.name_classes(names)

    def number_labels(self) -> None:
        """Take labels for numbers, as those that a run has learned before: words are malformed."""
        self._decoder.number_labels()

    def skipping_bad(self) -> "LiveStream":
        """Return the stream with malformed records passed over and counted in `bad`; the counts are the same."""
        if self._skip_bad:
            return self
        skipping = copy.copy(self)
        skipping._skip_bad = True
        return skipping

    def arrived(self, first: int, count: int) -> NDArray[np.int64] | None:
        """Return when samples arrived, `time.monotonic_ns()`, counted since reading began; None for long ago."""
        return self._history.arrived(first, count)

    def kept(self, taken: int) -> dict[str, NDArray[Any]]:
        """Return the place in the source after `taken` of the samples given since reading began.

        `places`, int64 (partitions, 3): of each partition the offset of the message to go on with, and how many of its
        records were taken. Of a partition of which nothing was taken it is where reading began.
        """
        return {"places": self._history.places(taken, self.transport.began())}

    def go_on(self, kept: Mapping[str, NDArray[Any]]) -> None:
        """Go on where `kept` says; before reading.

        Raises
        ------
        ValueError
            If that is no place in a source that can go back.
        """
        places = kept.get("places")
        if not self.transport.replays or places is None or places.ndim != 2 or places.shape[1] != 3:
            raise ValueError(f"the place in {self.name} must be int64 (partitions, 3), of a source that can go back")
        self._places = {int(partition): (int(offset), int(count)) for partition, offset, count in places}

    def blocks(self, start: int = 0, size: int = MOST_TOGETHER) -> Iterator[Block]:
        """Yield the samples that arrive, in blocks of `size` records, fewer if malformed ones are among them."""
        return self._blocks(start, lambda: size, size, together=True)

    def arriving(self, start: int = 0, size: Size = MOST_TOGETHER) -> Iterator[Block]:
        """Yield the samples of `blocks`, those that have arrived in one block: see `Stream`."""
        return self._blocks(start, asked(size), MOST_TOGETHER if callable(size) else size, together=False)

    def prepare(self, connected: Callable[[], None] | None = None) -> str | None:
        """Take hold of the port, if others are to reach this source, before reading begins: see `Stream`."""
        self._reception.connected = connected
        return self._reception.prepare()

    def _blocks(self, start: int, size: Callable[[], int], most: int, *, together: bool) -> Iterator[Block]:
        self._history.begin(max(most, MOST_TOGETHER), self._places)
        left = start
        for records in self._reception.records(size, self._places, together=together):
            block, fault = self._decoded(records)
            if block is not None:
                if left:
                    block, left = _without(block, left)
                if len(block.samples):
                    yield block
            if fault is not None:
                raise fault

    def _decoded(self, records: list[Record]) -> tuple[Block | None, StreamError | None]:
        """Return the samples of records, and what is wrong with the record after them; note when they arrived."""
        counts, unkeyed, keys = self._reception.tally, None, list[str]()
        if self._by_message:
            records, keys, unkeyed = self._with_keys(records)
        decoded = Decoded(None) if not records else self._decoder.decode(records, self._skip_bad)
        block, taken, bad, fault = decoded
        counts.bad += bad
        if fault is None:
            fault = unkeyed
            samples = 0 if block is None else len(block.samples)
            counts.names += len(records) - samples - bad
        if block is None:
            return None, fault
        chosen = records if taken is None else [records[index] for index in taken]
        if self._by_message:
            block = KeyedBlock(*block, keys if taken is None else [keys[index] for index in taken])
        if len(chosen) == 1 and not self.transport.replays:
            self._history.note_one(chosen[0].arrived)
            return block, fault
        places = None
        if self.transport.replays:
            places = np.array([_after(record) for record in chosen], np.int64)
        self._history.note(np.array([record.arrived for record in chosen], np.int64), places)
        return block, fault

    def _with_keys(self, records: list[Record]) -> tuple[list[Record], list[str], StreamError | None]:
        """Return records whose messages have keys, these keys, and what is wrong with the next, if it ends the run."""
        keyed, keys = list[Record](), list[str]()
        for record in records:
            try:
                keys.append(key_of_message(record.key))
            except ValueError as error:
                if not self._skip_bad:
                    return keyed, keys, StreamError(f"{self.name}: {error}; --skip-bad skips such messages")
                self.counts.bad += 1
            else:
                keyed.append(record)
        return keyed, keys, None


def _after(record: Record) -> tuple[int, int, int]:
    """Return the place after a record: partition, offset of a message, and how many of its records are before it."""
    partition, offset = record.partition, record.offset
    return (partition, offset + 1, 0) if record.last else (partition, offset, record.number + 1)


def _without(block: Block, count: int) -> tuple[Block, int]:
    """Return a block without its first samples, and how many samples are still to be left out after it."""
    left = max(0, count - len(block.samples))
    return block.part(count), left


def live_stream(
    name: str,
    transport: Transport,
    *,
    inputs: int | None,
    label: str | None,
    header: str = "auto",
    delimiter: str | None = None,
    format: str | None = None,  # noqa: A002
    skip_bad: bool = False,
    queue: int | None = None,
    when_full: str | None = None,
    reconnect: float | None = None,
    idle: float | None = None,
    key: str | None = None,
) -> LiveStream:
    """Return the stream of a transport: of lines, or, with `format`, of packed frames."""
    format = transport.format if format is None else format  # noqa: A001
    if transport.format not in (None, format):
        raise ConfigError("format", f"left out for {name}, which has frames of {transport.format}", format)
    if transport.boundaries and header == "auto":
        header = "no"  # a message is a sample, the first as any other: a run that goes on begins with another one
    if transport.replays and header == "yes":
        raise ConfigError(
            "header", f"left out for {name}, whose messages are samples, in each run from the first", header
        )
    if key == MESSAGE and not transport.boundaries:
        raise ConfigError("key", "a column of the lines, by name or number", key, f"{name} brings no messages")
    if key not in (None, MESSAGE) and format is not None:
        raise ConfigError("key", f"{MESSAGE} or left out for frames, which have no column of keys", key)
    labelled = label is not None
    width = transport.width(None if inputs is None else inputs + labelled)
    if width is None:
        raise StreamError(f"{name} is a live source: the width of its samples must be given with inputs (--inputs)")
    inputs = width - labelled
    decoder: Decoder
    if format is None:
        column = None if key == MESSAGE else key
        decoder = LineDecoder(name, inputs=inputs, label=label, header=header, delimiter=delimiter, key=column)
    else:
        decoder = FrameDecoder(name, inputs=inputs, format=format, label=label)
    return LiveStream(
        name, transport, decoder, inputs=inputs, labelled=labelled, queue=queue, when_full=when_full,
        reconnect=reconnect, idle=idle, skip_bad=skip_bad, key=key,
    )  # fmt: skip


def reader(source: str) -> Callable[[Callable[[str], Transport]], Callable[..., LiveStream]]:
    """Return a decorator that makes a source's reader, for the table of sources, of what returns its transport.

    The reader is called with the text after `source:`, its address, and with the options of `live_stream`.
    """

    def decorate(transport: Callable[[str], Transport]) -> Callable[..., LiveStream]:
        @functools.wraps(transport)
        def read(place: str, **options: Any) -> LiveStream:
            return live_stream(f"{source}:{place}", transport(place), **options)

        place, *_ = inspect.signature(transport).parameters.values()
        options = list(inspect.signature(live_stream).parameters.values())[2:]
        read.__signature__ = inspect.Signature([place, *options])  # type: ignore[attr-defined]
        return read

    return decorate
