"""What a rule or competition of the user's own is known by: all that decides what it computes.

From its source to other functions and constants.
"""

import dis
import hashlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from types import FunctionType, ModuleType, NoneType
from typing import Any

import numpy as np

from neurosim.errors import ConfigError
from neurosim.layers.function_text import bytecode, inner_codes, syntax
from neurosim.layers.rule_helpers import fixed_signatures, is_of_numba, overloads

FORM = "2"  # of digests; those of the first form have no prefix
LIBRARIES = {"builtins", "math", "cmath", "operator", "numpy", "numba", "llvmlite", "scipy"}  # known by name alone
PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...))
ADVICE = "make it a constant of the {}, a number, a tuple, an array or a compiled function"


def digest_of(function: Callable[..., Any], *, by_code: bool = False, what: str = "rule") -> str:
    """Return a hash of all that decides what a function computes.

    Of the source where it can be read, so that the hash is the same in all versions of Python; else, or if `by_code`,
    of the bytecode, and then the digest names the version. `what` is what errors call it.

    Raises
    ------
    ConfigError
        If the function uses something from outside whose effect cannot be known, or random numbers.
    """
    identity = _Identity(function, by_code, what)
    text = identity.function(function)
    version = f"{sys.implementation.cache_tag}-" if identity.by_code else ""
    return f"{FORM}-{version}{hashlib.sha256(text.encode('utf-8', 'backslashreplace')).hexdigest()[:16]}"


class _Identity:
    """Describes a function and what it uses, as text.

    Attributes
    ----------
    by_code : bool
        Whether anything was described by bytecode.
    """

    def __init__(self, function: Callable[..., Any], by_code: bool, what: str) -> None:
        self.by_code, self._always = by_code, by_code
        self._rule, self._what = f"{what} {function.__name__}", what
        self._met: dict[int, int] = {}  # functions by identity, so that those that call one another come to an end

    def function(self, function: Any) -> str:
        """Describe a function: what it does, its defaults, and what it uses from outside."""
        if id(function) in self._met:
            return f"met:{self._met[id(function)]}"
        self._met[id(function)] = len(self._met)
        written = None if self._always else syntax(function)
        if written is None:
            self.by_code, written = True, bytecode(function.__code__)
        defaults = self.value("defaults", (function.__defaults__, function.__kwdefaults__))
        used = [f"{name}={self.value(name, value)}" for name, value in sorted(_used(function).items())]
        return f"{written} {defaults} {used}"

    def value(self, name: str, value: Any) -> str:
        """Describe what a function uses by a name."""
        described = self._plain(name, value)
        if described is None:
            described = self._callable(name, value)
        if described is None:
            rule, got = "of numbers, arrays and compiled functions alone", f"{name} = {_short(value)}"
            if isinstance(value, ModuleType):
                raise ConfigError(f"what {self._rule} uses", rule, got, "name what it takes from it, as in MODULE.NAME")
            raise ConfigError(f"what {self._rule} uses", rule, got, ADVICE.format(self._what))
        return described

    def _plain(self, name: str, value: Any) -> str | None:
        """Describe data; None if it is none."""
        kind = type(value).__qualname__
        if isinstance(value, Enum):
            return f"{kind}.{value.name}:{self.value(name, value.value)}"
        if type(value) in PLAIN:
            return f"{kind}:{value!r}"
        if isinstance(value, np.ndarray | np.generic):
            return self._array(name, np.asarray(value))
        if isinstance(value, dict):
            items = [f"{self.value(name, key)}:{self.value(name, item)}" for key, item in value.items()]
            return f"{kind}{sorted(items)}"
        if isinstance(value, tuple | list):
            return f"{kind}{getattr(value, '_fields', '')}{[self.value(name, item) for item in value]}"
        if isinstance(value, set | frozenset):
            return f"{kind}{sorted(self.value(name, item) for item in value)}"
        if isinstance(value, int | float):  # a class of numbers of the user's own
            return f"{kind}:{(int if isinstance(value, int) else float).__repr__(value)}"
        if is_dataclass(value) and not isinstance(value, type):
            return (
                f"{kind}{[f'{entry.name}={self.value(name, getattr(value, entry.name))}' for entry in fields(value)]}"
            )
        return None

    def _array(self, name: str, array: np.ndarray[Any, Any]) -> str | None:
        if array.dtype.hasobject:
            return None
        little = array.astype(array.dtype.newbyteorder("<"))
        return f"array {little.dtype.descr} {array.shape} {array.flags.c_contiguous} {little.tobytes().hex()}"

    def _callable(self, name: str, value: Any) -> str | None:
        """Describe what is called: a function of a library by its name, one of the user's by what it does."""
        home, called = _home(value), getattr(value, "__qualname__", getattr(value, "__name__", None))
        if home == "random" or home.startswith(("random.", "numpy.random")):
            advice = "equal seeds must give equal bits"
            raise ConfigError(self._rule, "a function of its arguments alone", f"{name}, random numbers", advice)
        if hasattr(value, "py_func") and hasattr(value, "targetoptions"):  # compiled by numba.njit
            options = {**value.targetoptions, **value.locals}
            return f"njit {sorted(map(str, options.items()))} {fixed_signatures(value)} {self.function(value.py_func)}"
        if hasattr(value, "_dispatcher"):  # by numba.vectorize
            declared = value.types if getattr(value, "_frozen", False) else []
            return f"ufunc {self.value(name, value._dispatcher)} {value.identity!r} {declared}"
        if isinstance(getattr(value, "_pyfunc", None), FunctionType):  # by numba.cfunc
            return f"cfunc {value._sig} {self.function(value._pyfunc)}"
        if isinstance(getattr(value, "_defn", None), FunctionType):  # numba.extending.intrinsic
            return f"intrinsic {self.function(value._defn)}"
        if called and home.partition(".")[0] in LIBRARIES and _is_static(value) and not _is_written(value):
            return f"library {home.partition('.')[0]}.{called}"
        if isinstance(value, FunctionType):
            others = [self.function(other) for _, other in overloads(value) if not is_of_numba(other)]
            return f"{self.function(value)} {others}"
        if isinstance(value, type):
            return self._class(name, value)
        if any(base.__module__.startswith("numba.core.types") for base in type(value).__mro__):
            return f"type {value}"
        return None

    def _class(self, name: str, value: type) -> str | None:
        if issubclass(value, Enum):
            return f"enum {value.__qualname__}{[self.value(name, member) for member in value]}"
        if issubclass(value, tuple) and hasattr(value, "_fields"):
            return f"tuple {value._fields} {self.value(name, value._field_defaults)}"  # type: ignore[attr-defined]
        return None


def _home(value: Any) -> str:
    """Return the name of the module that a value is from, or is."""
    if isinstance(value, ModuleType):
        return value.__name__
    owner = getattr(value, "__self__", None)
    return getattr(value, "__module__", None) or type(value if owner is None else owner).__module__


def _is_static(value: Any) -> bool:
    """Tell whether a name says all: not of a module as a whole, nor of a method, which may know anything."""
    return not isinstance(value, ModuleType) and isinstance(getattr(value, "__self__", None), ModuleType | NoneType)


def _is_written(value: Any) -> bool:
    """Tell whether a function is the user's though it names a library, as one does whose scope has no name."""
    scope = value.__globals__.get("__name__") if isinstance(value, FunctionType) else "builtins"
    return str(scope).partition(".")[0] not in LIBRARIES


def _used(function: FunctionType) -> dict[str, Any]:
    """Return what a function and those within it use from outside, by names such as GAIN and module.GAIN."""
    code = function.__code__
    cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
    outer = {name: cell.cell_contents for name, cell in cells}
    found: dict[str, Any] = {}
    for inner in inner_codes(code):
        for kind, first, attributes in _references(inner):
            scope = function.__globals__ if kind == "LOAD_GLOBAL" or kind == "LOAD_NAME" else outer
            if first not in scope:
                continue
            name, value = first, scope[first]
            for attribute in attributes:  # of what is data, all is described
                if not isinstance(value, ModuleType | type) or not hasattr(value, attribute):
                    break
                name, value = f"{name}.{attribute}", getattr(value, attribute)
            found[name] = value
    return found


def _references(code: Any) -> Iterator[tuple[str, str, list[str]]]:
    """Give the names that code loads from outside, each with the attributes that are then taken of it."""
    current: tuple[str, str, list[str]] | None = None
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_ATTR", "LOAD_METHOD") and current is not None:
            current[2].append(step.argval)
        elif step.opname != "EXTENDED_ARG":
            if current is not None:
                yield current
            loads = step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLOSURE")
            current = (step.opname, step.argval, []) if loads else None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
