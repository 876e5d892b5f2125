"""A function of the user's own, decorated once: what its constants are, what it is known by, how it is pickled."""

import importlib
import inspect
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from neurosim.errors import ConfigError
from neurosim.layers.old_digest import old_digest
from neurosim.layers.rule_identity import FORM, digest_of

Maker = TypeVar("Maker", bound="OwnFunction")


class OwnFunction(ABC):
    """A decorated function: call it with constants to get what a layer takes.

    It may be copied and pickled, by name if it can be imported, else with its compiled Python code: then the same
    version of Python reads it.

    Attributes
    ----------
    what : str
        "rule" or "competition".
    parameters : dict of str to inspect.Parameter
    compiled : Any
        As the loops call it.
    digest : str
        Hash of all that decides what the function computes: its source, the compiled functions that it calls, numbers,
        tuples, arrays and modules' numbers that it uses. Without its source, of the bytecode.
    """

    what: ClassVar[str]

    def __init__(self, function: Callable[..., Any], digest: str | None = None) -> None:
        self.__name__, self.__doc__, self.__wrapped__ = function.__name__, function.__doc__, function
        self.__module__, self.__qualname__ = function.__module__, function.__qualname__
        self.parameters = self._parameters(function)
        self.compiled = self._compiled(function)
        self.code_digest = digest_of(function, by_code=True, what=self.what)
        self.digest = digest_of(function, what=self.what) if digest is None else digest

    def __repr__(self) -> str:
        return f"<{self.label}({', '.join(self.parameters)})>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # nothing in it changes

    def __copy__(self) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        found = _importable(self.__module__, self.__qualname__)
        if found is self.__wrapped__ or (isinstance(found, OwnFunction) and found.digest == self.digest):
            return _imported, (type(self), self.__module__, self.__qualname__, self.digest)
        from numba import cloudpickle

        if digest_of(self.__wrapped__, by_code=True, what=self.what) != self.code_digest:
            advice = f"decorate it once more, and make the chip of the new {self.what}"
            raise ConfigError(
                self.label, "as it was compiled to be pickled", "something that it uses has changed since",
                advice,
            )  # fmt: skip
        try:
            pickled = cloudpickle.dumps(self.__wrapped__)  # type: ignore[no-untyped-call]
        except Exception as error:
            advice = f"define the {self.what} in a module that can be imported: {error}"
            raise ConfigError(self.label, "made of what can be pickled", self.__wrapped__, advice) from None
        return _unpickled, (type(self), pickled, self.digest, self.code_digest)

    def is_known_as(self, digest: str) -> bool:
        """Tell whether a state file with this digest was saved with this function, as far as the digest can tell."""
        if not digest:  # older versions had none for a function without source
            return True
        if not digest.startswith(f"{FORM}-"):
            return digest == self._old_digest
        return digest in (self.digest, self.code_digest)

    @cached_property
    def _old_digest(self) -> str:
        return old_digest(self.__wrapped__)

    @property
    def label(self) -> str:
        """What errors call it."""
        return f"{self.what} {self.__name__}"

    def values(self, known: Sequence[str], constants: dict[str, Any]) -> dict[str, Any]:
        """Return the constants of the names that are known, as given or by the function's defaults.

        Raises
        ------
        ConfigError
            If one is unknown, or is not given and has no default.
        """
        for name in constants:
            if name not in known:
                raise ConfigError(f"constants of {self.label}", f"among {', '.join(known) or 'none'}", name)
        values = {name: constants.get(name, self.parameters[name].default) for name in known}
        for name, value in values.items():
            if value is inspect.Parameter.empty:
                raise ConfigError(f"{name} of {self.label}", "given, as it has no default", None)
        return {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}

    def by_name(self, given: tuple[Any, ...]) -> None:
        """Refuse constants that are given by position, such as `linear(0.3)`.

        Raises
        ------
        ConfigError
            If there are any.
        """
        if given:
            names = ", ".join(self.constants) or "none"
            what = f"constants of {self.label}"
            raise ConfigError(what, "given by name", given[0], f"write {self.__name__}(NAME=VALUE); it has {names}")

    @property
    @abstractmethod
    def constants(self) -> list[str]:
        """Names of the constants that a call takes."""

    @abstractmethod
    def _parameters(self, function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
        """Return the function's parameters by name; refuse those that the loop cannot pass."""

    @abstractmethod
    def _compiled(self, function: Callable[..., Any]) -> Any:
        """Return the function as the loops call it; `parameters` are there."""


def check_function(what: str, function: object) -> None:
    """Refuse what is no function of Python with a name."""
    if not inspect.isfunction(function) or function.__name__ == "<lambda>":
        raise ConfigError(what, "a plain Python function with a name", function)


def parameters_of(function: Callable[..., Any], what: str, returned: str) -> dict[str, inspect.Parameter]:
    """Return a function's parameters by name; refuse a function that is no plain one of named parameters."""
    parameters, name = dict(inspect.signature(function).parameters), f"{what} {function.__name__}"
    if any(parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) for parameter in parameters.values()):
        raise ConfigError(name, "a function of named parameters, without * and **", str(inspect.signature(function)))
    if function.__code__.co_flags & (inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        raise ConfigError(name, f"a function that returns {returned}", "a generator or coroutine")
    if "random" in function.__code__.co_names:
        raise ConfigError(name, "a function of its arguments alone", "random", "equal seeds must give equal bits")
    return parameters


def _importable(module: str, name: str) -> Any:
    """Return what another process finds in a module by a name; None if it may find nothing, or something else."""
    if module == "__main__" or module not in sys.modules:
        return None
    try:
        return attrgetter(name)(sys.modules[module])
    except AttributeError:  # a function within a function, or a name that was deleted
        return None


def _imported(kind: type[Maker], module: str, name: str, digest: str) -> Maker:
    """Return a function that was pickled by its name, if it is still the same."""
    found = attrgetter(name)(importlib.import_module(module))
    maker = found if isinstance(found, kind) else kind(found)
    return _the_same(maker, maker.digest, digest)


@lru_cache(maxsize=64)  # a process that gets many chips compiles a function once
def _unpickled(kind: type[Maker], pickled: bytes, digest: str, code_digest: str) -> Maker:
    """Return a function that was pickled with its code; its file need not be there, so it keeps its digest."""
    from numba import cloudpickle

    maker = kind(cloudpickle.loads(pickled), digest)
    return _the_same(maker, maker.code_digest, code_digest)


def _the_same(maker: Maker, found: str, pickled: str) -> Maker:
    if found != pickled:
        advice = "it, or something that it uses, has changed since"
        raise ConfigError(maker.label, f"the one that was pickled, {pickled}", found, advice)
    return maker


class OfOwnFunction:
    """What a rule and a competition that an `OwnFunction` made have in common; nothing in them changes."""

    __slots__ = ()
    maker: Any
    constants: tuple[tuple[str, float], ...]

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    @property
    def compiled(self) -> Any:
        """The function as the loops call it."""
        return self.maker.compiled

    @property
    def parameters(self) -> tuple[float, ...]:
        """Return the constants' values, in the order of their names."""
        return tuple(value for _, value in self.constants)
