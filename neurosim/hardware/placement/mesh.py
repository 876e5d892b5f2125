"""The mesh of routers: the way of an event, first along its row, then along its column."""

from itertools import pairwise
from typing import NamedTuple

from neurosim.hardware.chips.structure import Structure

PORT = "port"  # where samples come in, and responses leave: at the router of core 0


class Hops(NamedTuple):
    """Links on the way of an event."""

    east_west: int
    north_south: int


def hops(built: Structure, source: int, target: int) -> Hops:
    """Return how many links lie between two cores."""
    (x, y), (column, row) = built.place(source), built.place(target)
    return Hops(abs(column - x), abs(row - y))


def way(built: Structure, source: int, target: int) -> list[str]:
    """Return the names of the links from one core's router to another's."""
    (x, y), (column, row) = built.place(source), built.place(target)
    places = [(x, y)]
    while x != column:
        x += 1 if column > x else -1
        places.append((x, y))
    while y != row:
        y += 1 if row > y else -1
        places.append((x, y))
    return [f"link {a[0]},{a[1]} to {b[0]},{b[1]}" for a, b in pairwise(places)]
