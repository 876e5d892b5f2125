"""The reader of lines: tells CSV from JSON, line by line, and keeps the width of the first sample."""

from collections.abc import Sequence

from neurosim.errors import StreamError
from neurosim.streams.base import Block
from neurosim.streams.csv_lines import CSVLines, Form
from neurosim.streams.json_lines import JSONLines
from neurosim.streams.keyed import Placed
from neurosim.streams.label_numbers import LabelNumbers

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")  # of UTF-16 and UTF-32
JSON_STARTS = (b"[", b"{")
MOST_COLUMNS = 1 << 20  # more would be read for seconds, and take a hundred times the memory of their text


class LineReader:
    """Parses lines into samples.

    Parameters
    ----------
    name : str
        Of the stream, for messages.
    form : Form
    inputs : int, optional
        Width of a sample, if it is known before the first line.
    numbers : LabelNumbers

    Attributes
    ----------
    number : int
        Lines so far.
    empty : int
        Lines without a sample since the latest one.
    one_by_one : int
        Up to this number, lines are read one by one: not all of them are plain.
    """

    def __init__(self, name: str, form: Form, inputs: int | None, numbers: LabelNumbers) -> None:
        self.name, self.form, self._json_now = name, form, False
        self.number = self.empty = self.one_by_one = 0
        self._csv = CSVLines(form, inputs, numbers)
        self._json = JSONLines(form.label, inputs, numbers, self._placed, form.key)

    @property
    def first_of_csv(self) -> bool:
        """Whether the latest line might have named the columns, and was malformed."""
        return self._csv.first and not self._json_now

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs, once the first line is read; empty if they have none."""
        return self._csv.input_names

    def lacks_key(self) -> bool:
        """Return whether there were objects of JSON, and none had the label's key."""
        return self.form.label is not None and self._json.objects > 0 and not self._json.key_seen

    def quickly(self, lines: Sequence[bytes]) -> Block | None:
        """Return the samples of lines of plain numbers; None if there is any other line, or the first, for `read`."""
        if self._csv.first:
            return None
        first = lines[0]  # the others are short, as they lie in the buffer of a file
        is_json = first.startswith(JSON_STARTS)
        if len(first) >= MOST_COLUMNS and self._columns(first, is_json) >= MOST_COLUMNS:
            return None
        samples = (self._json if is_json else self._csv).quickly(lines)
        if samples is not None:
            self.number, self.empty = self.number + len(lines), 0
        return samples

    def read(self, line: bytes) -> Block | None:
        """Return a line's sample, None if it is empty or names the columns.

        Raises
        ------
        ValueError, OverflowError, RecursionError
            If the line is malformed.
        StreamError
            If what the user asked for does not fit the first line, or the file is no text in UTF-8.
        """
        self.number, self.empty = self.number + 1, self.empty + 1
        if self.number == 1 and line.startswith(WIDE_MARKS):
            raise StreamError(
                f"{self.name} must be text in UTF-8, got UTF-16 or UTF-32 by its byte order mark; save it as UTF-8"
            )
        line = line.removeprefix(BYTE_ORDER_MARK)
        if not line.strip():
            return None
        try:
            sample = self._parse(line)
        except StreamError as error:
            raise StreamError(f"{self.name}, line {self.number}: {error}") from None
        except UnicodeDecodeError as error:
            raise ValueError(f"a line must be text in UTF-8, got the byte {error.object[error.start]:#04x}") from None
        if sample is not None:
            self._csv.inputs = self._json.inputs = sample.samples.shape[1]
            self.empty = 0
        return sample

    def _parse(self, line: bytes) -> Block | None:
        self._json_now = line.lstrip().startswith(JSON_STARTS)
        if self._columns(line, self._json_now) >= MOST_COLUMNS:
            raise ValueError(f"a line must have at most {MOST_COLUMNS} columns; write wider samples to .npy or .h5")
        if not self._json_now:
            return self._csv.read(line)
        if self._csv.first and self.form.header == "yes":
            return self._names(line)
        try:
            sample = self._json.read(line.strip())
        except ValueError as error:
            if not self._csv.first or line.lstrip().startswith(b"{") or isinstance(error, UnicodeDecodeError):
                raise
            self._json_now = False  # it may be [mV],[s]
            raise ValueError(f"{error}; --header yes if the line names the columns") from None
        self._csv.first = False
        return sample

    def _columns(self, line: bytes, is_json: bool) -> int:
        """Return how often a line has what is between columns."""
        return line.count(b"," if is_json else self.form.delimiter.encode())

    def _names(self, line: bytes) -> Block | None:
        """Take a line that begins as JSON for names of columns, such as [mV]; refuse it if it is JSON."""
        try:
            self._json.read(line.strip())
        except (ValueError, OverflowError, RecursionError):
            self._json_now = False
            return self._csv.read(line)
        raise StreamError("header must be auto or no for lines of JSON, got yes")

    def _placed(self, width: int) -> Placed:
        """Return where label and key stand in an array of JSON."""
        names = self._csv.names
        if names and len(names) != width:
            raise ValueError(f"a line must have the {len(names)} columns that the first line names, got {width}")
        return self.form.placed(names, width)
