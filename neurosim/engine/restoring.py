"""Arrays of a state file put back into a layer, if a layer can have learned them."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


class Range(NamedTuple):
    """The lowest and the highest value of an array, by its name; None: no highest."""

    name: str
    lowest: int
    highest: int | None = None


def check_shapes(arrays: Arrays, own: Arrays, filled: int, pending: Iterable[str]) -> None:
    """Refuse arrays that do not fit a layer's own.

    Parameters
    ----------
    arrays, own : dict of arrays
        What was kept, and the layer's own arrays.
    filled : int
        Samples of the unfinished window.
    pending : iterable of str
        Arrays of the unfinished window, kept with a row for each of its samples.

    Raises
    ------
    ValueError
        If an array has another type or shape.
    """
    for name, array in own.items():
        rows = min(filled, len(array)) if name in pending else len(array)
        kept = arrays[name]
        if kept.dtype != array.dtype or kept.shape != (rows, *array.shape[1:]):
            raise ValueError(f"{name} must be {array.dtype} {array.shape}, got {kept.dtype} {kept.shape}")


def check_ranges(arrays: Arrays, ranges: Iterable[Range]) -> None:
    """Refuse, by ValueError, arrays with values that no layer has."""
    for name, lowest, highest in ranges:
        array = arrays[name]
        if (array < lowest).any() or (highest is not None and (array > highest).any()):
            raise ValueError(f"{name} must be from {lowest}" + (f" to {highest}" if highest is not None else ""))


def copy_into(arrays: Arrays, own: Arrays) -> None:
    """Write arrays over a layer's own, from the first row on."""
    for name, array in own.items():
        array[: len(arrays[name])] = arrays[name]
