"""The state of one layer of many chips: for each chip a row of memory, which holds all arrays that are its own."""

import math
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim import aligned
from neurosim.kernels.dense import layout
from neurosim.kernels.shared.codes import UNBIASED
from neurosim.layers.dense import DenseWTA

PENDING = (  # written anew with each sample, where a window is one sample
    "pending_inputs", "pending_active", "pending_sizes", "pending_modulators", "pending_potentials",
    "pending_responses",
)  # fmt: skip
RECORDED = "counters", "steps", "wins", "norms"  # what a record is made of: at a row's beginning
SALT = "salt"
WORD = 8


class Field(NamedTuple):
    """Where an array of the state lies in each row.

    Attributes
    ----------
    place : int
        Bytes from the row's beginning.
    shape : tuple of int
        Of one chip's array.
    dtype : numpy.dtype
    """

    place: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def common_arrays(constants: DenseWTA, codes: layout.Constants) -> set[str]:
    """Return the arrays of the state that hold nothing of a chip from one sample to the next, with such constants."""
    common = set(PENDING) if constants.window == 1 else set()
    averages = codes.bias != UNBIASED, codes.moment > 0
    unused = {
        "pending_sums": not any(averages), "activity": not averages[0], "traces": not averages[1],
        "lead": not codes.relative, "input_norm": constants.normalise != "stream", "steps": not constants.instruments,
    }  # fmt: skip
    return common | {name for name, is_unused in unused.items() if is_unused}


class Rows:
    """The state of one layer of many chips.

    Parameters
    ----------
    state : neurosim.kernels.dense.layout.State
        Of one chip, for types and shapes.
    common : collection of str
        Arrays that have no place in a row.
    salted : bool
        Whether a chip has a salt of its own, for what is random.

    Attributes
    ----------
    fields : dict of Field
        By name; the salt among them.
    head : int
        Bytes at a row's beginning that a record is made of.
    stride : int
        Bytes of a row: whole lines of the processor's cache.
    memory : uint8 (capacity, stride)
    """

    def __init__(self, state: layout.State, common: Collection[str], salted: bool) -> None:
        arrays = state._asdict()
        own = [name for name in RECORDED if name not in common]
        own += [name for name, array in arrays.items() if name not in (*common, *own) and array.size]
        place, self.fields = 0, dict[str, Field]()
        for name in own:
            self.fields[name] = Field(place, arrays[name].shape, arrays[name].dtype)
            place += -(-arrays[name].nbytes // WORD) * WORD
            if name == RECORDED[-1]:
                self.head = place
                if salted:
                    self.fields[SALT] = Field(place, (), np.dtype(np.uint64))
                    place += WORD
        self.stride = -(-place // aligned.LINE_BYTES) * aligned.LINE_BYTES
        self.memory: NDArray[np.uint8] = aligned.empty((0, self.stride), np.uint8)

    def grow(self, rows: int) -> None:
        """Make room for so many rows, of which the new ones hold anything."""
        memory = aligned.empty((rows, self.stride), np.uint8)
        memory[: len(self.memory)] = self.memory
        self.memory = memory

    def of(self, name: str, row: int) -> NDArray[Any]:
        """Return an array of one chip: a view."""
        return self.array(name, self.memory[row])

    def array(self, name: str, row: NDArray[np.uint8]) -> NDArray[Any]:
        """Return an array that lies in a row of memory: a view."""
        place, shape, dtype = self.fields[name]
        return row[place : place + math.prod(shape) * dtype.itemsize].view(dtype).reshape(shape)

    def all(self, name: str, rows: int) -> NDArray[Any]:
        """Return an array of the first chips, (rows, ...): a view."""
        return self.view(name, self.memory[:rows])

    def view(self, name: str, memory: NDArray[np.uint8]) -> NDArray[Any]:
        """Return an array that lies in many rows of memory, (rows, ...): a view."""
        place, shape, dtype = self.fields[name]
        strides = memory.strides[0], *np.empty((1, *shape), dtype).strides[1:]
        if len(memory) == 0:
            return np.empty((0, *shape), dtype)
        one = memory[:, place : place + dtype.itemsize].view(dtype)
        return np.lib.stride_tricks.as_strided(one, (len(memory), *shape), strides)
