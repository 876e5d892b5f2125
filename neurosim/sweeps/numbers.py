"""Numbers of a study in one form each: 1 and 1.0 are one value, and so one point."""

from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints


def as_whole(value: Any) -> Any:
    """Return a number that is whole as int, also within lists; anything else as it is, for its check to refuse."""
    if isinstance(value, list):
        return [as_whole(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def as_float(value: Any) -> Any:
    """Return a number as float, also within lists, 0.0 for -0.0; anything else as it is."""
    if isinstance(value, list):
        return [as_float(one) for one in value]
    return float(value) + 0.0 if isinstance(value, int | float) and not isinstance(value, bool) else value


@cache
def declared(*kinds: type) -> tuple[set[str], set[str]]:
    """Return the names of fields that are declared as whole numbers by all these dataclasses, and those of floats."""
    whole: set[str] = set()
    floats: set[str] = set()
    for kind in kinds:
        for name, hint in get_type_hints(kind).items():
            types = _types(hint)
            if float in types:
                floats.add(name)
            elif int in types:
                whole.add(name)
    return whole - floats, floats


def _types(hint: Any) -> set[Any]:
    """Return the types that a type hint names."""
    if get_origin(hint) in (Union, UnionType, tuple):
        return {inner for one in get_args(hint) for inner in _types(one)}
    return {hint}
