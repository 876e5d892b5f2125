"""Tables of cells: the kinds of one thing, one cell each, of which a layer's code chooses one."""

import inspect
from collections.abc import Callable
from typing import Any

from neurosim.kernels.compiled import inlined

Cell = Callable[..., Any]


def codes_of(cells: tuple[Cell, ...]) -> dict[str, int]:
    """Return each cell's code by the cell's name: its index in the table."""
    return {cell.__name__: code for code, cell in enumerate(cells)}


def chosen_by_code(cells: tuple[Cell, ...]) -> Cell:
    """Return a cell that takes a code and what all cells take, and calls the cell of that code; else the last one.

    It is written out as the chain `if code == 0: ... if code == 1: ...`: a chain of closures would be compiled link by
    link, which takes seconds.
    """
    arguments = ", ".join(inspect.signature(cells[0]).parameters)
    lines = [f"def choose(code, {arguments}):"]
    for code in range(len(cells) - 1):
        lines += [f"    if code == {code}:", f"        return cell_{code}({arguments})"]
    lines += [f"    return cell_{len(cells) - 1}({arguments})"]
    scope: dict[str, Any] = {f"cell_{code}": cell for code, cell in enumerate(cells)}
    exec("\n".join(lines), scope)  # names and numbers of this package alone
    return inlined(scope["choose"])
