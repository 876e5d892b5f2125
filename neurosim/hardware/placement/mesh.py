"""The mesh of routers: an event travels first along its row, then along its column."""

from itertools import pairwise
from typing import NamedTuple

from neurosim.hardware.chips.structure import Structure

PORT = "port"  # where samples enter and responses leave: at the router of core 0


class Hops(NamedTuple):
    """Number of links on the route of an event."""

    east_west: int
    north_south: int


def hops(structure: Structure, source: int, target: int) -> Hops:
    """Return how many links there are between two cores."""
    (x, y), (column, row) = structure.place(source), structure.place(target)
    return Hops(abs(column - x), abs(row - y))


def route(structure: Structure, source: int, target: int) -> list[str]:
    """Return the names of the links from one core's router to another's, in order."""
    (x, y), (column, row) = structure.place(source), structure.place(target)
    routers = [(x, y)]
    while x != column:
        x += 1 if column > x else -1
        routers.append((x, y))
    while y != row:
        y += 1 if row > y else -1
        routers.append((x, y))
    return [f"link {a[0]},{a[1]} to {b[0]},{b[1]}" for a, b in pairwise(routers)]
