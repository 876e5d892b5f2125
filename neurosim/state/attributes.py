"""Attributes of a state file: type, shape and range are checked before a value is read or believed."""

import json
import math
from typing import Any

import h5py
import numpy as np

from neurosim.errors import StateError

LONGEST_TEXT = 1 << 20  # characters: constants have some hundred
DEEPEST = 32  # levels: constants have four
MOST_DIMENSIONS = 32  # of a sample


def whole_number(group: h5py.Group, name: str, lowest: int, highest: int) -> int:
    """Return an attribute that is one whole number.

    Raises
    ------
    StateError
        From here and from all below: if the attribute is missing, of another type or shape, or out of range.
    """
    rule = f"a whole number from {lowest} to {highest}"
    attribute = _of_kind(group, name, "iu", rule)
    if attribute.shape != ():
        raise _refusal(group, name, rule, f"an array of the shape {attribute.shape}")
    value = int(group.attrs[name])
    if not lowest <= value <= highest:
        raise _refusal(group, name, rule, repr(value))
    return value


def sizes(group: h5py.Group, name: str, highest: int) -> tuple[int, ...]:
    """Return an attribute that is one whole number from 1, or an array of a few; their product is at most `highest`."""
    rule = f"sizes from 1 whose product is at most {highest}"
    attribute = _of_kind(group, name, "iu", rule)
    if len(attribute.shape) > 1 or math.prod(attribute.shape) not in range(1, MOST_DIMENSIONS + 1):
        raise _refusal(group, name, rule, f"an array of the shape {attribute.shape}")
    values = tuple(int(size) for size in np.atleast_1d(group.attrs[name]))
    if min(values) < 1 or math.prod(values) > highest:
        raise _refusal(group, name, rule, repr(values))
    return values


def text(group: h5py.Group, name: str, longest: int = LONGEST_TEXT) -> str:
    """Return an attribute that is a text of at most `longest` characters."""
    rule = f"a text of at most {longest} characters"
    attribute = _attribute(group, name, rule)
    is_text = isinstance(attribute.get_type(), h5py.h5t.TypeStringID)
    if not is_text or attribute.shape != () or attribute.get_space().get_simple_extent_type() != h5py.h5s.SCALAR:
        raise _refusal(group, name, rule, "something else")
    value = group.attrs[name]
    if isinstance(value, bytes | np.bytes_):
        value = bytes(value).decode("utf-8", "surrogateescape")
    if not isinstance(value, str) or len(value) > longest:
        raise _refusal(group, name, rule, "something else" if not isinstance(value, str) else f"{len(value)}")
    return value


def json_value(group: h5py.Group, name: str, *, infinite: bool = False, longest: int = LONGEST_TEXT) -> Any:
    """Return what the JSON of an attribute means: no NaN, no repeated keys, no more than `DEEPEST` levels.

    Parameters
    ----------
    group : h5py.Group
    name : str
    infinite : bool
        Whether `Infinity` is a number.
    longest : int
        Most characters.
    """
    rule, read = f"JSON of finite numbers, different keys and at most {DEEPEST} levels", text(group, name, longest)
    constant = _infinite if infinite else _no_number
    try:
        value = json.loads(read, object_pairs_hook=_distinct, parse_constant=constant, parse_float=_finite)
    except ValueError as error:
        raise _refusal(group, name, rule, f"text in which {_shortened(error)}") from None
    except RecursionError:
        value = None
    if (value is None and read.strip() != "null") or _deeper_than(value, DEEPEST):
        raise _refusal(group, name, rule, "more levels")
    return value


def _attribute(group: h5py.Group, name: str, rule: str) -> Any:
    if name not in group.attrs:
        raise _refusal(group, name, rule, "none")
    return group.attrs.get_id(name)


def _of_kind(group: h5py.Group, name: str, kinds: str, rule: str) -> Any:
    """Return an attribute's handle if its values are numbers of one of these kinds and it has a shape."""
    attribute = _attribute(group, name, rule)
    if attribute.get_space().get_simple_extent_type() == h5py.h5s.NULL:
        raise _refusal(group, name, rule, "nothing")
    if attribute.dtype.kind not in kinds:
        raise _refusal(group, name, rule, f"values of type {attribute.dtype}")
    return attribute


def _refusal(group: h5py.Group, name: str, rule: str, value: str) -> StateError:
    where = f"{name} of {group.name[1:]}" if group.name != "/" else name
    return StateError(f"must hold {where} as {rule}, and holds {value}")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a key comes twice")
    return values


def _no_number(literal: str) -> float:
    raise ValueError(f"a number is {_shortened(literal)}")


def _infinite(literal: str) -> float:
    return _no_number(literal) if literal == "NaN" else float(literal)


def _finite(literal: str) -> float:
    value = float(literal)
    return value if math.isfinite(value) else _no_number(literal)


def _shortened(what: object) -> str:
    told = str(what)
    return told if len(told) <= 60 else told[:60] + "..."


def _deeper_than(value: Any, levels: int) -> bool:
    """Tell whether lists and objects lie deeper in one another; level by level, so that no depth is too much."""
    layer = [value]
    for _ in range(levels + 1):
        layer = [item for outer in layer if isinstance(outer, list | dict) for item in _items(outer)]
        if not layer:
            return False
    return True


def _items(outer: list[Any] | dict[str, Any]) -> list[Any]:
    return list(outer.values()) if isinstance(outer, dict) else outer
