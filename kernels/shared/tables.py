"""Tables of cells: the kinds of one thing, one cell each, of which a layer's code chooses one."""

from collections.abc import Callable
from typing import Any

from numba.extending import register_jitable

Cell = Callable[..., Any]


def codes_of(cells: tuple[Cell, ...]) -> dict[str, int]:
    """Return each cell's code by the cell's name: its index in the table."""
    return {cell.__name__: code for code, cell in enumerate(cells)}


def chosen_by_code(cells: tuple[Cell, ...], first: int = 0) -> Cell:
    """Return a cell that takes a code and what all cells take, and calls the cell of that code; else the last one.

    It compiles to the chain `if code == 0: ... if code == 1: ...` that one would write by hand.
    """
    cell = cells[0]
    if len(cells) == 1:

        @register_jitable(forceinline=True)
        def last(code, *arguments):
            return cell(*arguments)

        return last
    others = chosen_by_code(cells[1:], first + 1)

    @register_jitable(forceinline=True)
    def choose(code, *arguments):
        if code == first:
            return cell(*arguments)
        return others(code, *arguments)

    return choose
