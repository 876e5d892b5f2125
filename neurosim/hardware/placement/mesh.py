"""The mesh of routers: an event travels first along its row, then along its column."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from neurosim.hardware.chips.structure import Structure

PORT = "port"  # where samples enter and responses leave: at the router of core 0
Place = tuple[int, int]


class Hops(NamedTuple):
    """Number of links on the route of an event."""

    east_west: int
    north_south: int


def hops(structure: Structure, source: int, target: int) -> Hops:
    """Return how many links there are between two cores."""
    (x, y), (column, row) = structure.place(source), structure.place(target)
    return Hops(abs(column - x), abs(row - y))


def hops_to_all(structure: Structure, source: int, targets: Sequence[int]) -> Hops:
    """Return how many links an event takes to several cores: each way on its own, or with `multicast` a tree.

    The tree is the union of the ways: along the source's row as far as the outermost columns, and along each column as
    far as its outermost rows.
    """
    if not structure.multicast:
        ways = [hops(structure, source, target) for target in targets]
        return Hops(sum(way.east_west for way in ways), sum(way.north_south for way in ways))
    x, y = structure.place(source)
    rows: dict[int, list[int]] = {x: [y]}
    for target in targets:
        column, row = structure.place(target)
        rows.setdefault(column, [y]).append(row)
    return Hops(max(rows) - min(rows), sum(max(reached) - min(reached) for reached in rows.values()))


def route(structure: Structure, source: int, target: int) -> list[str]:
    """Return the names of the links from one core's router to another's, in order."""
    return [_link(*step) for step in pairwise(_routers(structure, source, target))]


def _routers(structure: Structure, source: int, target: int) -> list[Place]:
    """Return the places of the routers on the way, both ends included."""
    (x, y), (column, row) = structure.place(source), structure.place(target)
    routers = [(x, y)]
    while x != column:
        x += 1 if column > x else -1
        routers.append((x, y))
    while y != row:
        y += 1 if row > y else -1
        routers.append((x, y))
    return routers


def _link(a: Place, b: Place) -> str:
    return f"link {a[0]},{a[1]} to {b[0]},{b[1]}"


class Branch(NamedTuple):
    """A part of a tree: the way to one target, from where it leaves the way to an earlier one.

    Attributes
    ----------
    target : int
    links : tuple of str
        Names of its links, in order.
    parent : int or None
        Index of the branch that it leaves; None: it begins at the source.
    after : int
        After how many of the parent's links, at least 1.
    """

    target: int
    links: tuple[str, ...]
    parent: int | None
    after: int


def tree(structure: Structure, source: int, targets: Iterable[int]) -> list[Branch]:
    """Return the tree of an event to several cores, branch by branch, the farthest targets first."""
    branches: list[Branch] = []
    reached: dict[Place, tuple[int, int]] = {}  # of each router: the branch that came there first, and after how many
    for target in sorted(targets, key=lambda core: (-sum(hops(structure, source, core)), core)):
        routers = _routers(structure, source, target)
        met = max((index for index, router in enumerate(routers) if router in reached), default=0)
        parent, after = reached.get(routers[met], (None, 0))
        steps = tuple(_link(*step) for step in pairwise(routers[met:]))
        for index, router in enumerate(routers[met + 1 :], 1):
            reached[router] = len(branches), index
        branches.append(Branch(target, steps, parent, after))
    return branches
