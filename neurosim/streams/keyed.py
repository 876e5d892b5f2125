"""Streams with keys: each sample says whose it is, as where many sensors share one stream."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.streams.base import Block
from neurosim.streams.label_numbers import DECIMAL, NO_LABEL, is_control, quoted

LONGEST_KEY = 200  # characters
LARGEST_NUMBER = 1 << 63  # of 64 bits; readers of JSON make more a float
MESSAGE = "@message"  # in place of a column: the key of the message that brings the sample, as of Kafka
WHOLE = re.compile("[-+]?[0-9]+|[0-9]+[eE][0-9]+")  # the second is a hexadecimal name such as 12e5
NO_KEYS = {"none", "inf", "infinity", "nan"}  # in any case, with or without a sign: what other programs write for none
MOST_KNOWN = 100_000  # keys, as they stand in lines, that are not checked again


class KeyedBlock(Block):
    """A block, which unpacks to samples and labels as every other, with the key of each sample beside them.

    Attributes
    ----------
    keys : list of str
        One for each sample.
    """

    keys: list[str]

    def __new__(cls, samples: NDArray[np.float32], labels: NDArray[np.int64] | None, keys: list[str]) -> "KeyedBlock":
        """Make a block."""
        block = super().__new__(cls, samples, labels)
        block.keys = keys
        return block

    def part(self, first: int, stop: int | None = None) -> "KeyedBlock":
        """Return the samples from one to before another."""
        return KeyedBlock(*super().part(first, stop), self.keys[first:stop])


def joined(blocks: Sequence[Block]) -> Block:
    """Return several blocks, all of them with labels and keys or none, as one."""
    if len(blocks) == 1:
        return blocks[0]
    samples = np.concatenate([block.samples for block in blocks])
    labels = [block.labels for block in blocks if block.labels is not None]
    together = np.concatenate(labels) if labels else None
    keys = [key for block in blocks if isinstance(block, KeyedBlock) for key in block.keys]
    return KeyedBlock(samples, together, keys) if keys else Block(samples, together)


class Placed(NamedTuple):
    """Where key and label stand among the columns of a line; None if it has none."""

    label: int | None = None
    key: int | None = None

    @property
    def descending(self) -> list[int]:
        """The columns that are no inputs, the last first: so they may be taken out one after another."""
        return sorted((column for column in self if column is not None), reverse=True)


class KeyTexts:
    """Keys as they stand in lines, and as texts; checked when they first appear."""

    def __init__(self) -> None:
        self._known: dict[object, str] = {}

    def of_cells(self, cells: list[bytes]) -> list[str] | None:
        """Return the keys of cells of CSV without quotation marks; None if one has some, or is no key."""
        known = self._known
        try:
            return [known[cell] for cell in cells]
        except KeyError:
            pass
        try:
            return [known[cell] if cell in known else self._of_cell(cell) for cell in cells]
        except ValueError:
            return None

    def of_value(self, value: str | int | float) -> str:
        """Return the key of a value of JSON, whose numbers are exact; raise ValueError if it is none."""
        known = None if type(value) is float else self._known.get(value)  # 2.0 would pass for 2
        return self._keep(value, checked_key(value)) if known is None else known

    def _of_cell(self, cell: bytes) -> str:
        if b'"' in cell:
            raise ValueError("a quoted cell may have a delimiter within")
        return self._keep(cell, checked_key(cell.decode()))

    def _keep(self, written: object, key: str) -> str:
        if len(self._known) < MOST_KNOWN:
            self._known[written] = key
        return key


def key_of_message(key: bytes | None) -> str:
    """Return the key that a message has; raise ValueError if it has none, or one that `checked_key` refuses."""
    if key is None:
        raise ValueError("a message must have a key, got none")
    try:
        return checked_key(key.decode())
    except UnicodeDecodeError:
        raise ValueError(f"a key must be text in UTF-8, got {key[:40]!r}") from None


def checked_key(value: object) -> str:
    """Return a key as text: a text without the spaces around it, or a whole number in decimal.

    Lines of CSV, values of JSON and keys of messages are all checked here, so that all take the same texts for keys.

    Raises
    ------
    ValueError
        If it is neither; reads as a fraction, as `1.5`, `2.0` and `1e-3` do, for then it is a measured value; is empty,
        or says that there is none (`nan`, `null`, `NA`, `none`, `inf`); has control characters or lone surrogates; or
        has more than 200 characters.
    """
    key = str(value) if type(value) is int and -LARGEST_NUMBER <= value < LARGEST_NUMBER else value
    if not isinstance(key, str):
        got = "null or NaN" if key is None or key != key else quoted(key)
        raise ValueError(f"a key must be a text or a whole number, got {got}")
    key = key.strip()
    if key in NO_LABEL or key.lower() in NO_LABEL or key.lower().lstrip("+-") in NO_KEYS:
        raise ValueError(f"a key must be a text or a whole number, got {quoted(key) if key else 'none'}")
    if DECIMAL.fullmatch(key) and not WHOLE.fullmatch(key):
        raise ValueError(f"a key must be a text or a whole number, got the fraction {quoted(key)}; is it the key?")
    if len(key) > LONGEST_KEY:
        raise ValueError(f"a key must have at most {LONGEST_KEY} characters, got {len(key)}: {quoted(key)}")
    if not (key.isascii() and key.isprintable()) and any(map(is_control, key)):
        raise ValueError(f"a key must have no control characters or lone surrogates, got {quoted(key)}")
    return key
