"""A layer's arrays, here and on the device: each is copied when somebody wants the one that is older."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Mirror:
    """Arrays by name, as a layer's `state`; those of the device are copied here when they are looked at.

    They are read-only: the device would not see what is written, but for within `changing_here`.

    Parameters
    ----------
    host : NamedTuple of arrays
        `dense.State` or `conv.State`; the arrays are written in place.
    tallied : tuple of int
        Places in `counters` to which each neuron adds in a row of `tallies`, on the device, on its own.
    """

    def __init__(self, host: Any, tallied: tuple[int, ...]) -> None:
        self._host, self._tallied = host, tallied
        self._device: Any = None
        self._tallies: Any = None
        self._older: set[str] = set()  # names of the arrays here that the device has learned more of
        self._open = False

    def on_device(self) -> tuple[Any, Any]:
        """Return the arrays on the device, and each neuron's tallies: copied there, if those here are newer."""
        from numba import cuda

        if self._device is None:
            # A copy without gaps: what is a view here is none there.
            arrays = (cuda.to_device(np.ascontiguousarray(array)) for array in self._host)
            self._device = self._host._make(arrays)
            neurons, counters = len(self._host.wins), len(self._host.counters)
            self._tallies = cuda.to_device(np.zeros((neurons, counters), np.int64))
        return self._device, self._tallies

    def changes_there(self) -> None:
        """Take note that the device is about to change its arrays."""
        self._older = set(self._host._fields)

    @contextmanager
    def changing_here(self) -> Iterator[None]:
        """Let the arrays here be written; the device gets them anew."""
        for name in tuple(self._older):
            self._fetch(name)
        self._open, self._device = True, None
        try:
            yield
        finally:
            self._open = False

    def __getattr__(self, name: str) -> NDArray[Any]:
        """Return an array by its name."""
        if name.startswith("_") or name not in self._host._fields:
            raise AttributeError(f"no attribute {name!r}")
        self._fetch(name)
        array: NDArray[Any] = getattr(self._host, name)
        if self._open:
            return array
        view = array.view()
        view.flags.writeable = False
        return view

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """Give all arrays in order."""
        return (getattr(self, name) for name in self._host._fields)

    def _asdict(self) -> dict[str, NDArray[Any]]:
        """Return all arrays by name, as a NamedTuple does."""
        return dict(zip(self._host._fields, self, strict=True))

    def _fetch(self, name: str) -> None:
        if name not in self._older:
            return
        array = getattr(self._host, name)
        array[...] = getattr(self._device, name).copy_to_host()
        if name == "counters":
            tallies = self._tallies.copy_to_host()
            for place in self._tallied:
                array[place] += tallies[:, place].sum()
        self._older.discard(name)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is here: a copy, in another process too, has its own arrays on the device."""
        for name in tuple(self._older):
            self._fetch(name)
        return {"_host": self._host, "_tallied": self._tallied, "_device": None, "_tallies": None, "_older": set(),
                "_open": False}  # fmt: skip

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
