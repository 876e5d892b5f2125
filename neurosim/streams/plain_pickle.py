"""Safe reading of pickles: arrays of bytes, text, lists, dicts and whole numbers, and nothing else."""

import pickle
import pickletools
from io import BytesIO
from typing import Any

import numpy as np

from neurosim.errors import StreamError
from neurosim.outside.arrays import shortened

TUPLES = {"EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"}
PUTS, GETS = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}, {"GET", "BINGET", "LONG_BINGET"}
REFUSED = {
    "DUP", "POP", "POP_MARK", "EMPTY_SET", "ADDITEMS", "FROZENSET", "INST", "OBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4",
    "PERSID", "BINPERSID", "BYTEARRAY8", "NEXT_BUFFER", "READONLY_BUFFER",
}  # fmt: skip
MOST_TUPLES = 1000  # a batch has some ten


def load_plain(content: bytes, name: str) -> dict[str, Any]:
    """Return the entries of a pickled dict, or an empty dict if it holds anything else.

    Raises
    ------
    StreamError
        If the pickle is damaged, or names anything that is not admitted; nothing that it names is called.
    """
    try:
        _check_operations(content)
        loaded = _Unpickler(content).load()
        entries = loaded.items() if isinstance(loaded, dict) else []
        return {text_of(key): getattr(value, "array", value) for key, value in entries if isinstance(key, str | bytes)}
    except Exception as error:  # a damaged or a malicious pickle may raise anything
        why = shortened(str(error) or type(error).__name__, 200)
        raise StreamError(f"{name} must be a whole pickle of arrays, bytes, text and whole numbers: {why}") from error


def _check_operations(content: bytes) -> None:
    """Refuse a pickle that would run long, or take far more memory than its own bytes, before it is run.

    A tuple of two that are the same tuple, forty times over, is small as it is stored; to hash it, as a key of a dict,
    takes 2^40 steps. So no tuple may be used twice: each is then as large as its bytes. Nor may many be nested, which
    would exhaust the stack. Numbers that the memo is asked for by reserve memory for all below them.
    """
    operations, tuples, top_is_tuple = 0, 0, False
    memo, of_tuples = set[int](), set[int]()
    for operation, argument, _ in pickletools.genops(content):
        name = operation.name
        operations, tuples = operations + 1, tuples + (name in TUPLES)
        if name in REFUSED or tuples > MOST_TUPLES:
            what = name if name in REFUSED else f"more than {MOST_TUPLES} tuples"
            raise pickle.UnpicklingError(f"it uses {what}, which is not admitted")
        if name in GETS and int(argument or 0) in of_tuples:
            raise pickle.UnpicklingError("it uses a tuple twice, which is not admitted")
        if name in PUTS:
            index = len(memo) if argument is None else int(argument)
            if index > 2 * operations:
                raise pickle.UnpicklingError(f"it numbers what it keeps from {index} on, after {operations} operations")
            memo.add(index)
            (of_tuples.add if top_is_tuple else of_tuples.discard)(index)
        elif name not in {"FRAME", "PROTO"}:
            top_is_tuple = name in TUPLES


class _Unpickler(pickle.Unpickler):
    """An unpickler of arrays of bytes and of Python's plain types: a pickle can call no other name.

    It cannot call NumPy's functions either: their names stand for the checks below. Each pickle gets its own copies of
    them, because a pickle may set attributes of what it names.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(BytesIO(content), encoding="bytes")  # written by Python 2
        self._names = _names()

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for a name; raise UnpicklingError for any that is not admitted."""
        try:
            return self._names[module.replace("numpy._core.", "numpy.core."), name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not admitted") from None


def _names() -> dict[tuple[str, str], Any]:
    """Return new stand-ins for the names that pickled arrays use."""

    class Kind:
        def __init__(self, name: str | bytes, *_: object) -> None:
            if text_of(name) not in {"u1", "uint8"}:
                raise ValueError(f"an array must be of unsigned bytes, got {text_of(name)}")

        def __setstate__(self, _state: object) -> None:
            pass

    class Pixels:
        def __setstate__(self, state: tuple[int, tuple[int, ...], Kind, bool, bytes]) -> None:
            _, shape, kind, columns_first, content = state
            if not isinstance(kind, Kind):
                raise ValueError("an array must have a type")
            self.array = np.frombuffer(content, np.uint8).reshape(shape, order="F" if columns_first else "C")

    def reconstruct(*_: object) -> Pixels:
        return Pixels()

    def encode(text: str, encoding: str | bytes) -> bytes:
        if text_of(encoding) != "latin1":
            raise ValueError(f"bytes must be written as latin1, got {text_of(encoding)}")
        return text.encode("latin1")

    return {
        ("numpy.core.multiarray", "_reconstruct"): reconstruct,
        ("numpy", "ndarray"): Pixels,
        ("numpy", "dtype"): Kind,
        ("_codecs", "encode"): encode,
    }


def text_of(name: str | bytes) -> str:
    """Return a text, which Python 2 may have pickled as bytes."""
    if not isinstance(name, str | bytes):
        raise ValueError(f"a name must be text, got {type(name).__name__}")
    return name.decode("latin1") if isinstance(name, bytes) else name
