"""Labels as sources have them: whole numbers, or words that are numbered in the order in which they first appear."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import SampleError, StreamError
from neurosim.streams.base import LARGEST_LABEL, UNLABELLED, as_labels

DECIMAL = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")  # linear in time: no digit twice
NO_LABEL = {"", "nan", "null", "NA"}  # how an empty cell is written by others; `nan` and `null` in any case
MOST_NAMES, LONGEST_NAME = 10_000, 256  # more names are no classes but texts, which would fill the memory
QUOTED = 40  # characters of a cell that a message quotes


class LabelNumbers:
    """The numbers of a stream's labels.

    The first label decides: if it is a number, all must be; if it is a word, all are words, those of digits too.

    Parameters
    ----------
    names : iterable of str
        Words that have the numbers 0, 1, ... from the beginning; new words come after them.

    Attributes
    ----------
    names : tuple of str
        The words so far, by number.
    numeric : bool
        Whether labels are numbers; False also as long as there was none.

    Raises
    ------
    StreamError
        If names are no different words, too many or too long.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.numeric, self.names = False, tuple(names)
        if len(self.names) > MOST_NAMES or len(set(self.names)) < len(self.names):
            raise StreamError(f"classes must be at most {MOST_NAMES} different names, got {len(self.names)}")
        for name in self.names:
            try:
                _check_name(name)
            except ValueError as error:
                raise StreamError(f"classes must be words: {error}") from None
        self._numbers = {name: number for number, name in enumerate(self.names)}

    def number(self, label: object) -> int:
        """Return the number of a label, text or a value of JSON; -1 if it says that there is none.

        Raises
        ------
        ValueError
            If it is neither a whole number from 0 nor a word, or not what the first label was.
        """
        text = _text(label)
        if text in NO_LABEL or text.lower() in NO_LABEL:
            return UNLABELLED
        decimal = DECIMAL.fullmatch(text) is not None
        if decimal and float(text) == UNLABELLED:
            return UNLABELLED
        if decimal and not self.names:
            self.numeric = True
            return _whole(text)
        if self.numeric:
            raise ValueError(
                f"a label must be a whole number from 0, as the first label is, got {quoted(text)}; "
                "where labels are words, the first must be one too"
            )
        return self._word(text)

    def _word(self, text: str) -> int:
        number = self._numbers.get(text)
        if number is not None:
            return number
        if not self.names and is_almost_number(text):
            raise ValueError(f"a label must be a whole number from 0, or a word, got {quoted(text)}")
        _check_name(text)
        if len(self.names) == MOST_NAMES:
            raise ValueError(
                f"labels must be at most {MOST_NAMES} different words, got {quoted(text)} besides; is it the label?"
            )
        number = self._numbers[text] = len(self.names)
        self.names += (text,)
        return number


def numbered(labels: NDArray[Any], count: int, name: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return an array of labels as numbers, and their names if they are words.

    Parameters
    ----------
    labels : whole number or text (count,)
        Text as Unicode, as bytes in UTF-8, or as objects of both; None, NaN and what lines take for none is none.
    count : int
        How many samples there are.
    name : str
        Of the stream, for messages.

    Returns
    -------
    numbers : int64 (count,)
        -1 for a sample without a label.
    names : tuple of str
        Words in the order in which they first appear; empty if labels are numbers.

    Raises
    ------
    StreamError, SampleError
        As `neurosim.streams.base.as_labels`; if a label is no word.
    """
    if labels.dtype.kind not in "USO" or labels.shape != (count,):
        return as_labels(labels, count, name), ()
    known, numbers = LabelNumbers(), np.empty(count, np.int64)
    seen: dict[object, int] = {}
    for index, label in enumerate(labels.tolist()):
        try:
            if label not in seen:
                seen[label] = known.number(label.decode() if isinstance(label, bytes) else label)
        except (ValueError, TypeError) as error:  # also bytes that are no text, and lists
            raise SampleError(f"label {index} of {name} must be a number or a word: {error}") from None
        numbers[index] = seen[label]
    return numbers, known.names


def counted_on(
    labels: NDArray[np.int64], words: Sequence[str], names: Sequence[str]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return labels that count `words` as labels that count `names`, new words after them, and all names."""
    known = LabelNumbers(names)
    numbers = [known.number(word) for word in words]
    return np.array([*numbers, UNLABELLED], np.int64)[labels], known.names  # -1, for none, is the last


def _text(label: object) -> str:
    if label is None:
        return ""
    if isinstance(label, str):
        return label.strip()
    if type(label) is int or (type(label) is float and label == label):
        return str(int(label)) if -(2**63) < label < 2**63 and label == int(label) else repr(label)
    if type(label) is float:
        return ""
    raise ValueError(f"a label must be a number, a word or null, got {quoted(label)}")


def _whole(text: str) -> int:
    value = float(text)
    if not 0 <= value <= LARGEST_LABEL or value != int(value):
        rule = f"a whole number from 0 to {LARGEST_LABEL}, or -1 for none"
        raise ValueError(f"a label must be {rule}, got {quoted(text)}")
    return int(value)


def _check_name(name: str) -> None:
    """Refuse a name that a state file or a terminal could not take."""
    if not isinstance(name, str) or not name:
        raise ValueError(f"a label must be a word, got {quoted(name)}")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"a label must have at most {LONGEST_NAME} characters, got {len(name)}: {quoted(name)}")
    if any(map(is_control, name)):
        raise ValueError(f"a label must have no control characters or lone surrogates, got {quoted(name)}")


def is_control(character: str) -> bool:
    """Tell whether a character is one that a terminal obeys, or half of one, which no file can hold."""
    return unicodedata.category(character) in {"Cc", "Cs"}


def is_almost_number(text: str) -> bool:
    """Tell whether a text is a number to Python or to a spreadsheet, but not to CSV: 1_000, 0x10, "1,200", inf."""
    plain = text.replace("_", "").replace(",", "").strip()
    for convert in (float, lambda digits: int(digits, 0)):
        try:
            convert(plain)
        except ValueError:
            continue
        return DECIMAL.fullmatch(text) is None
    return False


def quoted(value: object) -> str:
    """Return a value for a message: its beginning, on one line, in characters that can be printed."""
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= QUOTED + 2 else f"{text[:QUOTED]}..."
