"""Lines of CSV: cells by the rules of Python's `csv`, and numbers as other programs write them."""

import csv
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from neurosim.errors import ConfigError, StreamError
from neurosim.streams.base import Block
from neurosim.streams.csv_header import CHOICES, check_names, label_column, names_columns
from neurosim.streams.keyed import KeyedBlock, KeyTexts, Placed, checked_key
from neurosim.streams.label_numbers import DECIMAL, LabelNumbers, quoted
from neurosim.streams.rows import Rows

LARGEST_FLOAT = float(np.finfo(np.float32).max)
CARRIAGE_RETURN = ord("\r")
PLAIN = b"0123456789+-.eE \t\r\n"  # all characters of decimal numbers, of spaces around them and of ends of lines
DELIMITERS = {"tab": "\t", "\\t": "\t", "space": " "}  # words for those that are hard to type
NO_DELIMITERS = "+-._\"'[{\r\n\0"  # beside letters and digits: what numbers, quotes, JSON and lines are made of
SEPARATORS = ";\t| "  # what else is often between cells
MOST_CACHED = 10_000  # different labels, as they stand in lines


class Form(NamedTuple):
    """How lines are to be read.

    Attributes
    ----------
    label : str or None
        The label's column, by name or number, or its key in JSON objects.
    header : {"auto", "yes", "no"}
        Whether the first line of CSV names the columns.
    delimiter : str
        What is between the cells of CSV: one character.
    key : str or None
        The key's column or key, as the label's.
    """

    label: str | None = None
    header: str = "auto"
    delimiter: str = ","
    key: str | None = None

    @property
    def asides(self) -> int:
        """How many columns are no inputs."""
        return (self.label is not None) + (self.key is not None)

    def placed(self, names: Sequence[str], width: int) -> Placed:
        """Return the columns of label and key in lines of some width; raises what `label_column` does."""
        label = None if self.label is None else label_column(self.label, names, width)
        key = None if self.key is None else label_column(self.key, names, width, "key")
        if key is not None and key == label:
            raise StreamError(f"the columns of key and label must differ, got column {key} for both")
        return Placed(label, key)

    @classmethod
    def checked(cls, label: object, header: str, delimiter: str | None, key: object = None) -> "Form":
        """Return a form of what a user gave; raise ConfigError if it cannot be."""
        if header not in CHOICES:
            raise ConfigError("header", "one of " + ", ".join(CHOICES), header)
        rule = "one character that no number has, such as ; or tab"
        if delimiter is not None and not isinstance(delimiter, str):
            raise ConfigError("delimiter", rule, delimiter)
        character = "," if delimiter is None else DELIMITERS.get(delimiter, delimiter)
        if len(character) != 1 or character.isalnum() or character in NO_DELIMITERS:
            raise ConfigError("delimiter", rule, delimiter)
        try:
            character.encode()
        except UnicodeEncodeError:  # half of a character, from bytes on the command line that are no text
            raise ConfigError("delimiter", rule, ascii(delimiter)) from None
        return cls(None if label is None else str(label), header, character, None if key is None else str(key))


class CSVLines:
    """Parses lines of CSV into samples; knows the columns from the first line on.

    Parameters
    ----------
    form : Form
    inputs : int, optional
        Width of a sample, if it is known before the first line.
    labels : LabelNumbers

    Attributes
    ----------
    first : bool
        Whether there was neither a sample nor a line of names yet, so that the next line may have the names.
    inputs : int or None
        Width of a sample, if it is known.
    names : list of str
        Names of the columns, the label's among them; empty if they have none.
    """

    def __init__(self, form: Form, inputs: int | None, labels: LabelNumbers) -> None:
        self.form, self.labels, self.names = form, labels, list[str]()
        self.first, self.inputs, self._names_start = True, inputs, b""  # the line that had the names
        self._columns, self._placed, self._keys = 0, Placed(), KeyTexts()  # placed once there are columns
        self._delimiter = form.delimiter.encode()
        self._plain = PLAIN.replace(b"\r", b"") + self._delimiter
        self._cached, self._rows = dict[bytes, int](), Rows(0)
        self._bare = False  # whether lines have inputs alone, between commas, and the first of them has been read

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the columns but the label's and the key's; empty if they have none."""
        return tuple(name for column, name in enumerate(self.names) if column not in self._placed)

    def quickly(self, lines: Sequence[bytes]) -> Block | None:
        """Return the samples of lines of plain numbers; None if there is any other line, which `read` can read."""
        text, labels, keys, columns = lines[0] if len(lines) == 1 else b"\n".join(lines), None, None, self._columns
        if self._bare and not text.translate(None, self._plain):
            rows = self._rows.of_line(text) if len(lines) == 1 else self._rows.of_text(text)
            return None if rows is None else Block(rows, None)
        if CARRIAGE_RETURN in text:
            lines = [line.rstrip(b"\r") for line in lines]
            text = b"\n".join(lines)
        if self.names and any(line.startswith(self._names_start) for line in lines):
            return None
        label, key = self._placed
        if key is not None:
            cut = [self._without(line, key, columns) for line in lines]
            lines, columns = [line for line, _ in cut], columns - 1
            text, keys = b"\n".join(lines), self._keys.of_cells([cell for _, cell in cut])
            if keys is None:
                return None
        if label is not None:
            cut = [self._without(line, label - (key is not None and key < label), columns) for line in lines]
            text = b"\n".join([line for line, _ in cut])
            try:
                labels = np.array([self._cached[target] for _, target in cut], np.int64)
            except KeyError:
                return None
        if text.translate(None, self._plain):
            return None
        rows = self._rows.of_text(text if self._delimiter == b"," else text.replace(self._delimiter, b","))
        if rows is None:
            return None
        return Block(rows, labels) if keys is None else KeyedBlock(rows, labels, keys)

    def _without(self, line: bytes, column: int, columns: int) -> tuple[bytes, bytes]:
        """Return a line without the cell of a column, and that cell; the line has any number of cells."""
        if column == columns - 1:
            line, _, cell = line.rpartition(self._delimiter)
        elif column == 0:
            cell, _, line = line.partition(self._delimiter)
        else:
            cells = line.split(self._delimiter, columns)
            cell = cells.pop(column) if len(cells) > column else b""
            line = self._delimiter.join(cells)
        return line, cell

    def read(self, line: bytes) -> Block | None:
        """Return a line's sample, None if it names the columns.

        Raises
        ------
        ValueError
            If the line is malformed.
        StreamError
            If what the user asked for does not fit the first line.
        """
        cells = [cell.strip() for cell in split(line.decode().rstrip("\r\n"), self.form.delimiter)]
        if self.first and self._take_names(cells):
            self._names_start = line.rstrip(b"\r\n")
            return None
        if self.names and cells == self.names:
            raise ValueError("it repeats the names of the columns, as where a log begins anew or files were joined")
        self._check_columns(cells)
        placed = self.form.placed(self.names, len(cells)) if self._columns == 0 else self._placed
        taken = {column: cells.pop(column) for column in placed.descending}
        values = self._values(cells, placed)
        if self.inputs is not None and len(cells) != self.inputs:  # by a line of JSON after the names
            raise ValueError(f"a sample must have {self.inputs} inputs, got {len(cells)}")
        column = placed.label
        number = None if column is None else self.labels.number(taken[column])
        key = None if placed.key is None else checked_key(taken[placed.key])
        self._columns, self._placed, self.first = len(cells) + len(taken), placed, False
        self._bare = not (taken or self.names) and self._delimiter == b","
        if self._rows.width != len(cells):
            self._rows = Rows(len(cells))
        if column is not None and number is not None and len(self._cached) < MOST_CACHED:
            written = line.rstrip(b"\r\n").split(self._delimiter)
            if len(written) == self._columns:
                self._cached[written[column]] = number
        labels = None if number is None else np.array([number], np.int64)
        samples = np.array([values], np.float32)
        return Block(samples, labels) if key is None else KeyedBlock(samples, labels, [key])

    def _take_names(self, cells: list[str]) -> bool:
        """Return whether a first line names the columns, and keep the names."""
        self._check_columns(cells)
        if not names_columns(cells, self.form.header, self.form.label, self.form.key):
            return False
        check_names(cells)
        self._placed = self.form.placed(cells, len(cells))
        self.names, self._columns, self.first = cells, len(cells), False
        return True

    def _check_columns(self, cells: Sequence[str]) -> None:
        asides = self.form.asides
        single = next((row[0] for row in (cells, self.names) if len(row) == 1), "")
        advice = self._delimiter_advice(single)
        if self.names and len(cells) != len(self.names):
            raise ValueError(
                f"a line must have the {len(self.names)} columns that the first line names, got {len(cells)}{advice}"
            )
        inputs = self._columns - asides if self._columns else self.inputs
        if inputs is not None and len(cells) != inputs + asides:
            raise ValueError(f"a sample must have {inputs} inputs, got {max(0, len(cells) - asides)}{advice}")
        if len(cells) <= asides:
            what = " and the ".join(what for what in ("label", "key") if getattr(self.form, what) is not None)
            raise ValueError(f"a sample must have at least one input, got none beside the {what}{advice}")

    def _delimiter_advice(self, cell: str) -> str:
        """Return advice for a cell that may be several, or may have a decimal comma."""
        if self.form.delimiter != ",":
            return "; decimals need a point" if "," in cell else ""
        found = next((mark for mark in SEPARATORS if mark in cell), None)
        if found is None:
            return ""
        shown = {"\t": "tab", " ": "space"}.get(found, f"'{found}'")
        return f"; --delimiter {shown} if that is between the cells"

    def _values(self, cells: Sequence[str], placed: Placed) -> list[float]:
        """Return the numbers of the cells that are not the label's or the key's, which stood where `placed` says."""
        values = plain_numbers(cells)
        if values is not None:
            return values
        for index, cell in enumerate(cells):
            rule = "" if DECIMAL.fullmatch(cell) else "a decimal number"
            if not rule and not abs(float(cell)) <= LARGEST_FLOAT:
                rule = "finite in float32"
            if rule:
                column = index
                for aside in reversed(placed.descending):
                    column += column >= aside
                name = f"column {column}" + (f", {quoted(self.names[column])}," if self.names else "")
                advice = self._delimiter_advice(cell)
                if self.first and self.form.header == "auto":
                    advice += "; --header yes if the line names the columns"
                raise ValueError(f"{name} must be {rule}, got {quoted(cell)}{advice}")
        return list(map(float, cells))


def split(text: str, delimiter: str) -> list[str]:
    """Return the cells of a line of CSV; raise ValueError if its quotes are wrong."""
    if "\0" in text:
        raise ValueError("a line must be text in UTF-8, got bytes of zero, as UTF-16 and binary files have")
    if "\r" in text:
        raise ValueError("a line must end in a line feed, got a carriage return within it")
    spaces = delimiter != " "
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True, skipinitialspace=spaces))
    except csv.Error as error:
        why = f"cells must follow the rules of CSV: {error}"
        if "unexpected end" in str(error):
            why = "a quoted cell must end on its line"
        elif "field limit" in str(error):
            why = f"a cell must have at most {csv.field_size_limit()} characters"
        raise ValueError(why) from None


def plain_numbers(cells: Sequence[str]) -> list[float] | None:
    """Return decimal numbers that float32 can hold; None if a cell is anything else."""
    text = "".join(cells)
    if not text.isascii() or text.encode().translate(None, PLAIN):
        return None
    try:
        values = list(map(float, cells))
    except ValueError:
        return None
    return values if min(values) >= -LARGEST_FLOAT and max(values) <= LARGEST_FLOAT else None
