"""Samples read into memory before the clock starts, as arguments of calls of the chip."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from neurosim.errors import SampleError
from neurosim.streams import Stream


class Calls(NamedTuple):
    """Calls of a chip, one for each sample.

    Attributes
    ----------
    given : list of tuple
        Arguments of each call: a sample, float32 (inputs,), and its label if the chip learns with labels.
    source : str
        The stream's name.
    first : int
        Number in the stream of the first sample, from 0.
    """

    given: list[tuple[Any, ...]]
    source: str = "the calls"
    first: int = 0

    def cut(self, start: int, stop: int | None = None) -> "Calls":
        """Return the calls from `start` to `stop`."""
        return Calls(self.given[start:stop], self.source, self.first + start)


def fetch(
    stream: Stream,
    before: int,
    samples: int | None,
    most: int,
    labelled: bool,
    pause: Callable[[], AbstractContextManager[object]],
) -> Calls:
    """Read `before` samples and those to be measured: `samples`, or if that is None all there are, up to `most`.

    Raises
    ------
    SampleError
        If the stream has fewer samples.
    StreamError
        If it cannot be read.
    """
    enough = before + (most if samples is None else samples)
    least = before + (1 if samples is None else samples)
    if stream.length is not None and stream.length < least:
        raise _short(stream, least, stream.length)
    calls = Calls([], stream.name)
    with pause():
        for block in stream.blocks():
            rows = list(block.samples[: enough - len(calls.given)])
            if block.labels is not None and labelled:
                calls.given.extend(zip(rows, block.labels.tolist(), strict=False))
            else:
                calls.given.extend((row,) for row in rows)
            if len(calls.given) == enough:
                break
    if len(calls.given) < least:
        raise _short(stream, least, len(calls.given))
    return calls


def _short(stream: Stream, least: int, count: int) -> SampleError:
    """Return the error for a stream with too few samples."""
    return SampleError(
        f"{stream.name} must hold at least {least} samples, the first one and those of the warm-up included, "
        f"got {count}; ask for fewer, or for several epochs"
    )
