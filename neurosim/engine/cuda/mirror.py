"""A layer's arrays in host memory and on the device: an outdated copy is renewed when it is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Mirror:
    """Stands in for a layer's `state`: an array that changed on the device is copied to the host when it is read.

    The arrays are read-only, as the device would not see what is written to them; `changing_here` lets them be written.

    Parameters
    ----------
    host : NamedTuple of arrays
        The kernels' `State` of a dense or a convolutional layer; its arrays are written in place.
    tallied : tuple of int
        Places in `counters` that each neuron counts on its own on the device, in its row of `tallies`.
    """

    def __init__(self, host: Any, tallied: tuple[int, ...]) -> None:
        self._host, self._tallied = host, tallied
        self._device: Any = None
        self._tallies: Any = None
        self._outdated: set[str] = set()  # arrays whose copy on the host is outdated
        self._open, self._lock = False, Lock()

    def on_device(self) -> tuple[Any, Any]:
        """Return the arrays on the device, and each neuron's tallies; copied there first if the host's are newer."""
        from numba import cuda

        if self._device is None:
            # Contiguous copies: on the device there are no views.
            arrays = (cuda.to_device(np.ascontiguousarray(array)) for array in self._host)
            self._device = self._host._make(arrays)
            neurons, counters = len(self._host.wins), len(self._host.counters)
            self._tallies = cuda.to_device(np.zeros((neurons, counters), np.int64))
        return self._device, self._tallies

    def changes_there(self) -> None:
        """Note that the device is about to change its arrays."""
        self._outdated = set(self._host._fields)

    @contextmanager
    def changing_here(self) -> Iterator[None]:
        """Let the arrays on the host be written; they are copied to the device again afterwards."""
        for name in tuple(self._outdated):
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
        if name not in self._outdated:
            return
        with self._lock:  # a snapshot may be taken while another thread reads the chip
            if name not in self._outdated:
                return
            array = getattr(self._host, name)
            array[...] = getattr(self._device, name).copy_to_host()
            if name == "counters":
                tallies = self._tallies.copy_to_host()
                for counter in self._tallied:
                    array[counter] += tallies[:, counter].sum()
            self._outdated.discard(name)

    def __getstate__(self) -> dict[str, Any]:
        """Return the host's arrays: a copy, also in another process, makes its own on the device."""
        for name in tuple(self._outdated):
            self._fetch(name)
        return {"_host": self._host, "_tallied": self._tallied, "_device": None, "_tallies": None, "_outdated": set(),
                "_open": False}  # fmt: skip

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=Lock())
