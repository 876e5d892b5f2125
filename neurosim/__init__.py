"""Simulate a chip that learns on-line: soft winner-take-all layers, local Hebbian plasticity, one sample at a time."""

import ast
from pathlib import Path

import lazy_loader

# A wheel carries kernels/ inside this package (see package_dir in setup.cfg); in a source checkout it lies beside it.
if not (Path(__file__).parent / "kernels").is_dir():
    __path__.append(str(Path(__file__).parents[1]))


def _public_names() -> tuple[set[str], dict[str, list[str]]]:
    """Return the sub-packages that `__init__.pyi` names, and the names that it imports, by module.

    The modules are read, not imported: `from .module import *` means what the module's `__all__` says.
    """
    packages: set[str] = set()
    names: dict[str, list[str]] = {}
    for line in ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8")).body:
        assert isinstance(line, ast.ImportFrom), "__init__.pyi has nothing but `from . import`"
        imported = [alias.name for alias in line.names]
        if line.module is None:
            packages.update(imported)
        else:
            names.setdefault(line.module, []).extend(_all_of(line.module) if imported == ["*"] else imported)
    return packages, names


def _all_of(module: str) -> list[str]:
    """Return the `__all__` of a module of this package; to parse the whole module would take milliseconds."""
    source = Path(__file__).parent.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
    _, begun, rest = source.partition("\n__all__ = [")
    if not begun:
        raise ValueError(f"{module} has no list __all__, so `from .{module} import *` in __init__.pyi means nothing")
    return list(ast.literal_eval(f"[{rest.partition(']')[0]}]"))


# A public name is imported when it is first used: `neurosim --help` must not wait for Numba.
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, *_public_names())
