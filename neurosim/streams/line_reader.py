"""The reader of lines: tells CSV from JSON, line by line, and keeps the width of the first sample."""

from neurosim.errors import StreamError
from neurosim.streams.csv_header import label_column
from neurosim.streams.csv_lines import CSVLines, Form, Sample
from neurosim.streams.json_lines import JSONLines
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
    """

    def __init__(self, name: str, form: Form, inputs: int | None, numbers: LabelNumbers) -> None:
        self.name, self.form, self.number, self._json_now = name, form, 0, False
        self._csv = CSVLines(form, inputs, numbers)
        self._json = JSONLines(form.label, inputs, numbers, self._column)

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

    def read(self, line: bytes) -> Sample | None:
        """Return a line's sample, None if it is empty or names the columns.

        Raises
        ------
        ValueError, OverflowError, RecursionError
            If the line is malformed.
        StreamError
            If what the user asked for does not fit the first line, or the file is no text in UTF-8.
        """
        self.number += 1
        sample = None
        if not self._csv.first and (len(line) < MOST_COLUMNS or self._columns(line) < MOST_COLUMNS):
            sample = (self._json if line.startswith(JSON_STARTS) else self._csv).quickly(line)
        return sample or self._read(line)

    def _read(self, line: bytes) -> Sample | None:
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
            self._csv.inputs = self._json.inputs = len(sample[0])
        return sample

    def _parse(self, line: bytes) -> Sample | None:
        self._json_now = line.lstrip().startswith(JSON_STARTS)
        if self._columns(line) >= MOST_COLUMNS:
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

    def _columns(self, line: bytes) -> int:
        """Return how many columns a line has, or rather one less."""
        is_json = line.lstrip().startswith(JSON_STARTS)
        return line.count(b"," if is_json else self.form.delimiter.encode())

    def _names(self, line: bytes) -> Sample | None:
        """Take a line that begins as JSON for names of columns, such as [mV]; refuse it if it is JSON."""
        try:
            self._json.read(line.strip())
        except (ValueError, OverflowError, RecursionError):
            self._json_now = False
            return self._csv.read(line)
        raise StreamError("header must be auto or no for lines of JSON, got yes")

    def _column(self, width: int) -> int:
        """Return the index of the label in an array of JSON."""
        names = self._csv.names
        if names and len(names) != width:
            raise ValueError(f"a line must have the {len(names)} columns that the first line names, got {width}")
        assert self.form.label is not None
        return label_column(self.form.label, names, width)
