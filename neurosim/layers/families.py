"""A family: all kinds of one part of a layer (competitions, rules, biases, schedules, functions of the potentials)."""

from typing import Any, ClassVar

NEWER = {"newer": True}  # unknown to older versions, so state files name the constant only if it is not the default


class Family:
    """Base of each family's base class. A class joins its family when it is defined, unless its name begins with `_`.

    Attributes
    ----------
    members : dict of str to type
        The family's classes by name, in the order of their definition.
    """

    __slots__ = ()
    members: ClassVar[dict[str, type[Any]]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if Family in cls.__bases__:
            cls.members = {}
        elif not cls.__name__.startswith("_"):
            cls.members[cls.__name__] = (
                cls  # comes twice: a dataclass with slots is a copy of the class, and replaces it
            )
