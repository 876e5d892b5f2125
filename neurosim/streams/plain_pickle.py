"""Safe reading of pickles: arrays of bytes, text, lists, dicts and whole numbers, and nothing else."""

import pickle
from io import BytesIO
from typing import Any

import numpy as np

from neurosim.errors import StreamError


def load_plain(content: bytes, name: str) -> dict[str, Any]:
    """Return the entries of a pickled dict, or an empty dict if it holds anything else.

    Raises
    ------
    StreamError
        If the pickle is damaged, or names anything that is not admitted; nothing that it names is called.
    """
    try:
        loaded = _Unpickler(content).load()
        entries = loaded.items() if isinstance(loaded, dict) else []
        return {text_of(key): getattr(value, "array", value) for key, value in entries}
    except Exception as error:  # a damaged or a malicious pickle may raise anything
        raise StreamError(f"{name} must be a whole pickle of arrays, bytes, text and whole numbers: {error}") from error


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
    return name.decode("latin1") if isinstance(name, bytes) else str(name)
