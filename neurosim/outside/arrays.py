"""The one door for arrays: the same rules for samples, labels, modulators, times, features and weights.

NumPy converts nearly everything, and drops what it cannot keep: the mask of a masked array, the names of a table, the
imaginary part of a number. What would be lost here is refused, with the call that makes an array of it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import SampleError

REAL, WHOLE = "biuf", "iu"  # kinds of dtypes: real numbers, booleans among them; whole numbers
KINDS = {REAL: "real numbers", WHOLE: "whole numbers"}
ARRAY = "an array of numbers"
PLAIN = frozenset({bool, int, float})  # of lists of these, nothing can be lost
BYTES = (str, bytes, bytearray, memoryview)  # sequences that hold no rows
LISTS = (list, tuple)  # which most sequences are: to ask whether a type is a sequence takes longer
MOST_AXES = 64  # of an array of NumPy
SHOWN = 60  # most characters of a value or of another's message in an error

Refusal = Callable[[str, str, str, str], Exception]


def sample_error(name: str, rule: str, value: str, advice: str = "") -> SampleError:
    """Return a SampleError in the words of every error; `ConfigError` takes the same arguments."""
    return SampleError(f"{name} must be {rule}, got {value}" + (f"; {advice}" if advice else ""))


def numbers(
    name: str, values: object, kinds: str = REAL, *, rule: str = "", refuse: Refusal = sample_error
) -> NDArray[Any]:
    """Return values as a plain array of their own dtype; nothing is copied that is one already.

    Parameters
    ----------
    name : str
        What the values are, for errors.
    values : array-like
        Of any number of axes; memory-mapped, read-only, strided and big-endian arrays are taken as they are.
    kinds : str
        Which kinds of dtypes are admitted: `REAL` or `WHOLE`.
    rule : str
        What the error says that values must be, in place of "real numbers" or "whole numbers".
    refuse : callable
        Makes the error of a name, a rule, a value and advice: `sample_error` or `ConfigError`.

    Raises
    ------
    SampleError, or what `refuse` makes
        If an entry is masked, the values are of another kind (complex numbers, text, dates, records, objects), they are
        a table, a sparse matrix, a tensor that needs gradients or rows of several lengths, or they do not convert.
    """
    array = values if type(values) is np.ndarray else plain_array(name, values, refuse, rule or ARRAY)
    if array.dtype.kind not in kinds:
        raise refuse(name, rule or KINDS[kinds], f"{kind_of(values)} of {shortened(str(array.dtype))}", "")
    return array


def plain_array(name: str, values: object, refuse: Refusal = sample_error, rule: str = ARRAY) -> NDArray[Any]:
    """Return values as a plain array of any dtype; refuse what would lose something, and what does not convert."""
    try:
        _check(name, values, refuse)
        return np.asarray(values)
    except Exception as error:
        if type(error).__module__.partition(".")[0] == "neurosim":  # ours already, or the signal that ends a wait
            raise
        why = shortened(f"{type(error).__name__}: {error}")
        raise refuse(name, rule, f"{kind_of(values)}, which does not convert ({why})", "") from error


def kind_of(values: object) -> str:
    """Return the name of a value's type, with its package if it is not Python's own."""
    kind = type(values)
    package = kind.__module__.partition(".")[0]
    return kind.__qualname__ if package in {"builtins", "numpy", "__main__"} else f"{package}.{kind.__qualname__}"


def shown(value: object) -> str:
    """Return a value as an error shows it: its repr if it is one thing, and the name of its type if it may be many."""
    if isinstance(value, str | bytes):
        return shortened(repr(value[: 2 * SHOWN]))
    if value is None or isinstance(value, bool | float | np.number | np.bool_):
        return shortened(repr(value))
    if isinstance(value, int):
        return repr(value) if abs(value) < 10**SHOWN else f"a number of more than {SHOWN} digits"
    return kind_of(value)


def shortened(text: str, most: int = SHOWN) -> str:
    """Return a text in one line, cut if it is long."""
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most else line[:most] + " ..."


def _check(name: str, values: object, refuse: Refusal, depth: int = 0) -> None:
    """Refuse values of which NumPy would lose something, also in lists of rows."""
    if type(values) in LISTS or (isinstance(values, Sequence) and not isinstance(values, BYTES)):
        kinds = set(map(type, values))  # type: ignore[call-overload]
        suspects = set() if kinds <= PLAIN else {kind for kind in kinds if not _is_plain(kind)}
        for value in values if suspects and depth < MOST_AXES else ():  # type: ignore[attr-defined]
            if type(value) in suspects:
                _check(name, value, refuse, depth + 1)
    elif isinstance(values, np.ndarray):
        mask = np.ma.getmask(values)
        if mask.dtype.names or mask.any():
            advice = "fill them, as by .filled(0), or leave these samples out"
            raise refuse(name, "real numbers", f"{kind_of(values)} with masked entries", advice)
    elif (call := _conversion(values)) is not None:
        raise refuse(name, ARRAY, kind_of(values), f"convert it by {call}")
    elif hasattr(values, "__array__") and not isinstance(values, np.generic):  # what it gives may have a mask
        _check(name, np.asanyarray(values), refuse, depth)


def _is_plain(kind: type) -> bool:
    """Return whether nothing can be lost of a value of a type."""
    return kind in PLAIN or kind is np.ndarray or issubclass(kind, np.generic)


def _conversion(values: object) -> str | None:
    """Return the call by which a table, a sparse matrix or a tensor becomes an array; None if it is another thing."""
    if getattr(values, "requires_grad", False) is True:
        return ".detach().numpy()"
    for method in ("toarray", "to_numpy"):
        if callable(getattr(values, method, None)):
            return f".{method}()"
    return None
