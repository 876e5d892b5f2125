"""Room for what is known of each key: arrays with a row a chip, which double as keys appear."""

from typing import Any

from numpy.typing import NDArray

FEWEST = 16  # chips for which there is room at first


def rows_for(chips: int, rows: int, capacity: int | None) -> int:
    """Return for how many chips to make room, where there is room for some: as it is, if that is enough."""
    if chips <= rows:
        return rows
    wanted = max(chips, 2 * rows, FEWEST)
    return wanted if capacity is None else max(chips, min(wanted, capacity))


def carried_over(old: tuple[NDArray[Any], ...], new: tuple[NDArray[Any], ...]) -> None:
    """Copy arrays to the beginning of larger ones, along all axes."""
    for array, larger in zip(old, new, strict=True):
        larger[tuple(map(slice, array.shape))] = array
