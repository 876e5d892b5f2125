"""The compiled code of one layer, on the CPU or on a device: what it works in, and how it is called."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.results import Results
from neurosim.engine.samples import Samples

NOT_TIMED = np.empty(0, np.int64)
Workspace = TypeVar("Workspace")
Counts = tuple[int, int]


class Given(NamedTuple):
    """What the caller gives a dense layer in place of what it would have by itself; arrays without rows: nothing.

    Attributes
    ----------
    responses : float32 (samples, neurons) or (0, 0)
        Take the place of the competition's.
    factors : float32 (samples, neurons) or (0, 0)
        Each neuron's modulator, by which that of the sample is multiplied.
    """

    responses: NDArray[np.float32] = np.empty((0, 0), np.float32)
    factors: NDArray[np.float32] = np.empty((0, 0), np.float32)


NOTHING_GIVEN = Given()


class Call(NamedTuple, Generic[Workspace]):
    """What changes from one call of the compiled code to the next; the layer's constants and state do not.

    Attributes
    ----------
    samples : Samples
    learning : bool
    workspace : Workspace
    results : Results
    begun : int64 (samples + 1,) or (0,)
        Memory for the moments, in nanoseconds of the system's clock that never runs backwards, at which each sample is
        taken up, and then that at which the last one is done; empty where nobody asks.
    given : Given
        Of a dense layer on the CPU.
    """

    samples: Samples
    learning: bool
    workspace: Workspace
    results: Results
    begun: NDArray[np.int64] = NOT_TIMED
    given: Given = NOTHING_GIVEN


class Executor(ABC, Generic[Workspace]):
    """Calls the compiled code of one layer.

    Attributes
    ----------
    state : NamedTuple of arrays
        What the layer has learned, where the code writes it.
    device : str
        "cpu" or "cuda".
    shares_sums : bool
        Whether the layer is so wide that threads had better share its neurons than work on different layers.
    placement : str
        How the layer lies on its device; empty on the CPU.
    device_seconds : float or None
        How long the device has worked for this layer, by the device's clock; None on the CPU.
    """

    state: Any
    device: ClassVar[str] = "cpu"
    compiled: ClassVar[frozenset[str]] = frozenset()  # attributes that a copy, also in another process, makes anew

    def __getstate__(self) -> dict[str, Any]:
        """Return everything but compiled code."""
        return {name: value for name, value in self.__dict__.items() if name not in self.compiled}

    def follow(self, before: Self) -> None:
        """Take over what one of the same layer with other constants has measured."""

    @property
    def shares_sums(self) -> bool:
        """Whether threads had better share this layer's neurons than work on different layers."""
        return False

    @property
    def placement(self) -> str:
        """How the layer lies on its device; empty on the CPU."""
        return ""

    @property
    def device_seconds(self) -> float | None:
        """How long the device has worked for this layer, by the device's clock; None on the CPU."""
        return None

    @abstractmethod
    def compile(self) -> None:
        """Compile the code, or fetch it from the cache, so that no sample waits for it."""

    @abstractmethod
    def workspace(self, threads: int = 1, counting: bool = False, marking: bool = False) -> Workspace:
        """Return working memory for one caller at a time.

        Parameters
        ----------
        threads : int
            Threads that share the work of a sample, where that pays.
        counting : bool
            Whether what each sample costs is counted.
        marking : bool
            Whether the moments are noted at which the stages of a sample are done.

        Raises
        ------
        DeviceError
            If the device cannot count, or note moments.
        """

    @abstractmethod
    def results(self, samples: int, rows: int, outputs: bool, counting: bool = False) -> Results:
        """Return memory for the results of some samples.

        Parameters
        ----------
        samples : int
        rows : int
            Of potentials and responses: as many as samples, 1 for the last sample's, or 0 where nobody reads them,
            which only a run that does not learn may do without.
        outputs, counting : bool
            Whether outputs are computed, and whether what each sample costs is counted.
        """

    @abstractmethod
    def run(self, call: Call[Workspace]) -> Counts:
        """Take samples through the layer.

        Returns
        -------
        done, neuron : int
            Samples taken; fewer than there are if the next one is refused, or if a neuron diverged. Which neuron, or
            -1.
        """

    def bind(self, call: Call[Workspace]) -> Callable[[], Counts]:
        """Return a function that does what `run` does, with whatever the call's arrays then contain."""
        return partial(self.run, call)

    def changing_state(self) -> AbstractContextManager[None]:
        """Return a context in which the state's arrays may be written from outside."""
        return nullcontext()
