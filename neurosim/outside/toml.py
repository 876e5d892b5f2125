"""TOML as users write it: study files, descriptions of chips, and single values on the command line."""

import re
import tomllib
from copy import deepcopy
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Any

from neurosim.errors import ConfigError
from neurosim.outside.files import other_than_regular

ENDING = ".toml"  # in any case
LARGEST_FILE = 2 << 20  # bytes, which take some seconds to parse
DEEPEST_KEY = 1000  # names between dots; the time to parse a key grows with their square
LARGEST_NUMBER = 2**64 - 1  # a whole one: seeds are as large
DOTTED = re.compile(r"""[\w"'.-]+""")
DOT = re.compile(r"""[\w"'-]\.(?=[\w"'-])""")
LONGEST_REASON = 256  # characters of a parser's message in an error


def is_toml(path: str | Path) -> bool:
    """Tell whether a file is TOML by its ending."""
    return str(path).lower().endswith(ENDING)


def read(name: str, path: str | Path) -> dict[str, Any]:
    """Return the table of a TOML file, with or without a byte order mark.

    Parameters
    ----------
    name : str
        What the file is, for errors.
    path : path

    Raises
    ------
    ConfigError
        If it is no regular file, too large, or no TOML; a pipe is refused at once, and not waited for.
    """
    try:
        return deepcopy(_parsed(_content(path)))  # of a cache, which a caller may not change
    except (OSError, ValueError, RecursionError) as error:  # what is not TOML or not UTF-8 is a ValueError
        raise ConfigError(name, "a TOML file that can be read", str(path), _reason(error)) from None


def _reason(error: Exception) -> str:
    """Return why a text cannot be read, without Python's advice to change its limits."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if "int_max_str_digits" in str(error):
        return "it has a whole number of thousands of digits"
    return str(error)[:LONGEST_REASON]


@lru_cache(maxsize=16)  # the points of a sweep read the same descriptions again and again
def _parsed(text: str) -> dict[str, Any]:
    for match in DOTTED.finditer(text.replace(" ", "").replace("\t", "")):
        if match[0].count(".") > DEEPEST_KEY and len(DOT.findall(match[0])) > DEEPEST_KEY:
            raise ValueError(f"it has a key of more than {DEEPEST_KEY} names")
    table = tomllib.loads(text)
    _check_plain("", table)
    return table


def _check_plain(key: str, value: Any) -> None:
    """Refuse values that no setting has: dates and times, and whole numbers that no computer calculates with."""
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_plain(f"{key}.{name}" if key else name, inner)
    elif isinstance(value, list):
        for inner in value:
            _check_plain(key, inner)
    elif isinstance(value, date | datetime | time):
        raise ValueError(f"{key} is a date or a time, {value}, which no setting is: text is written in quotes")
    elif isinstance(value, int) and abs(value) > LARGEST_NUMBER:
        raise ValueError(f"{key} is a whole number above {LARGEST_NUMBER}")


def _content(path: str | Path) -> str:
    if (other := other_than_regular(path)) is not None:
        raise ValueError(f"it is {other}")
    with open(path, "rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise ValueError(f"it is larger than {LARGEST_FILE >> 20} MiB")
    return content.decode("utf-8-sig").replace("\r\n", "\n")


def value_of(name: str, text: str) -> Any:
    """Return a value that is written in TOML; what is not TOML is text.

    Raises
    ------
    ConfigError
        If it is nested too deeply, a number of too many digits, or more than a single value.
    """
    try:
        table = _parsed(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text.strip()
    except (ValueError, RecursionError) as error:
        raise ConfigError(name, "a value that TOML can hold", text, _reason(error)) from None
    if len(table) > 1:
        raise ConfigError(name, "one value", text)
    return deepcopy(table["value"])
