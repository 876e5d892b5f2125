"""Attributes that are not assigned: what they say would be saved, and yet not be what compiled code works with."""

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, ClassVar

from neurosim.errors import FixedError


class Fixed:
    """Refuses to assign anew, or to delete, what an object was made with, and names of constants that it has.

    Attributes
    ----------
    fixed : frozenset of str
        Attributes that are assigned once.
    """

    fixed: ClassVar[frozenset[str]] = frozenset()

    def __setattr__(self, name: str, value: object) -> None:
        if self._is_fixed(name):
            raise FixedError(self._refusal(name))
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        if self._is_fixed(name):
            raise FixedError(self._refusal(name))
        object.__delattr__(self, name)

    def _is_fixed(self, name: str) -> bool:
        if name in self.fixed:
            return name in self.__dict__
        return isinstance(getattr(type(self), name, None), property) or name in self._names()

    def _names(self) -> set[str]:
        return {name for constants in self._constants() for name in names_of(constants)}

    def _constants(self) -> Iterable[Any]:
        """Return the constants of the layers."""
        return ()

    def _refusal(self, name: str) -> str:
        if name in ("constants", *self._names()):
            which = "NAME=VALUE" if name == "constants" else f"{name}=VALUE"
            return (
                f"{name} must not be assigned, as compiled code would not see it: chip.with_constants({which}) returns "
                "a chip with the same weights"
            )
        return (
            f"{name} must not be assigned: it is chosen when the chip is made (neurosim.Chip) or loaded "
            "(neurosim.Chip.load), or follows from what was learned"
        )


def names_of(constants: Any) -> Iterator[str]:
    """Give the names of constants, and of the constants that they are composed of."""
    for entry in fields(constants):
        if entry.compare and entry.name not in ("name", "digest"):  # those of a rule of the user's own
            yield entry.name
            value = getattr(constants, entry.name)
            if is_dataclass(value):
                yield from names_of(value)
