"""Whether the first line of CSV names the columns, and which column a name or a number means."""

import re
from collections.abc import Sequence

from neurosim.errors import StreamError
from neurosim.streams.label_numbers import DECIMAL, NO_LABEL, is_almost_number, quoted

NUMBER = re.compile("-?[0-9]{1,9}")  # of a column
SHOWN = 8  # names of columns that a message lists
CHOICES = ("auto", "yes", "no")


def names_columns(cells: Sequence[str], header: str, label: str | None, key: str | None = None) -> bool:
    """Return whether the first line names the columns.

    By `auto`, it does if it has a name, a text with a letter that is no number, in a column that is not the label's or
    the key's.
    Beside names there may be the numbers of columns, two or more, counted from 0 or from 1, and empty cells. A line
    that may be names or a sample is refused: one that counts its columns from 0, as pandas names them, and one with
    both names and other numbers.

    Parameters
    ----------
    cells : sequence of str
    header : {"auto", "yes", "no"}
    label, key : str, optional
        The label's column and the key's, by name or number.

    Raises
    ------
    StreamError
        If `auto` cannot tell, or one of these columns is a name and the line has no names.
    """
    if header != "auto":
        return header == "yes"
    asked = (("label", label), ("key", key))
    named = {what: text for what, text in asked if text is not None and NUMBER.fullmatch(text) is None}
    if named:
        return all(_names_the_column(cells, text, what) for what, text in named.items())
    columns = {_position(label, len(cells)), _position(key, len(cells))} - {None}
    others = [cell for index, cell in enumerate(cells) if index not in columns]
    names = [cell for cell in others if is_name(cell)]
    if names:
        numbers = [cell for cell in others if cell and not is_name(cell)]
        if len(numbers) == 1 or not (_counts(numbers, 0) or _counts(numbers, 1)):
            raise StreamError(_ambiguous(cells, f"it has {quoted(names[0])} and {quoted(numbers[0])}"))
        return True
    indexed = cells[0] == "" and 0 not in columns and _counts(cells[1:], 0)  # pandas writes its index without a name
    counted = any(is_name(cell) for index, cell in enumerate(cells) if index in columns) and _counts(others, 0)
    if len(cells) > 1 and (_counts(cells, 0) or indexed or counted):
        raise StreamError(_ambiguous(cells, "it counts them from 0"))
    return False


def _names_the_column(cells: Sequence[str], name: str, what: str) -> bool:
    if name in cells:
        return True
    if any(map(is_name, cells)):
        raise StreamError(f"the {what}'s column must be one of {listed(cells)}, got {quoted(name)}")
    raise StreamError(
        f"the {what}'s column must be a number if no line names the columns, got {quoted(name)}: the line is "
        f"{listed(cells)}; give the number from 0 (-1 is the last), or --header yes if the line names the columns"
    )


def is_name(cell: str) -> bool:
    """Return whether a cell of a first line is a name: it has a letter, and is neither a number nor a missing one."""
    if cell in NO_LABEL or cell.lower() in NO_LABEL or DECIMAL.fullmatch(cell) or is_almost_number(cell):
        return False
    return any(map(str.isalpha, cell))


def _counts(cells: Sequence[str], first: int) -> bool:
    return all(cell == str(number) for number, cell in enumerate(cells, first))


def _position(label: str | None, width: int) -> int | None:
    """Return the column that a number means, None if there is none."""
    if label is None or not -width <= int(label) < width:
        return None
    return int(label) % width


def _ambiguous(cells: Sequence[str], why: str) -> str:
    return (
        f"the line must be either the names of the columns or a sample, and may be both, as {why}: {listed(cells)}; "
        "give --header yes if it names the columns, --header no if it is a sample"
    )


def check_names(names: Sequence[str]) -> None:
    """Refuse names of columns of which two are equal, with a StreamError; those without a name may be several."""
    seen: dict[str, int] = {}
    for column, name in enumerate(names):
        if name and seen.setdefault(name, column) != column:
            raise StreamError(
                f"names of columns must differ, got {quoted(name)} for the columns {seen[name]} and {column}"
            )


def label_column(label: str, names: Sequence[str], width: int, what: str = "label") -> int:
    """Return the index of the label's column, from 0, or of another that is no input's.

    Parameters
    ----------
    label : str
        Its name or number; -1 is the last.
    names : sequence of str
        Names of the columns, empty if they have none.
    width : int
        Number of columns.
    what : str
        What errors call it.

    Raises
    ------
    StreamError
        If no column has the name, or the name of one column is the number of another.
    ValueError
        If there is no column of this number.
    """
    by_name = names.index(label) if label in names else None
    if NUMBER.fullmatch(label) is None:
        if by_name is None:
            rule = f"one of {listed(names)}" if names else "a number if no line names the columns"
            raise StreamError(f"the {what}'s column must be {rule}, got {quoted(label)}")
        return by_name
    by_number = _position(label, width)
    if by_name is not None and by_number is not None and by_name != by_number:
        raise StreamError(
            f"the {what}'s column must be clear, got {label}: it is the name of column {by_name} and the number of "
            f"column {by_number}, {quoted(names[by_number])}; give {by_name - width} or {by_number - width}"
        )
    column = by_number if by_name is None else by_name
    if column is None:
        raise ValueError(f"the {what}'s column must be below {width}, the columns of the line, got {label}")
    return column


def listed(names: Sequence[str]) -> str:
    """Return names for a message, the first few of them."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(quoted, names[:SHOWN])) + more
