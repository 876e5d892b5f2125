"""What executors on a CUDA device have in common: where the state lies, and how a chunk goes there and back."""

import time
from abc import abstractmethod
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from neurosim.engine.cuda.device import Stopwatch, numba_cuda, uncontracted
from neurosim.engine.cuda.mirror import Mirror
from neurosim.engine.executor import Call, Counts, Executor, Workspace
from neurosim.errors import DeviceError
from neurosim.layers.competition import Competition


def zeros(shape: int | tuple[int, ...], kind: Any = np.float32) -> Any:
    """Return an array of zeros on the device."""
    return numba_cuda().to_device(np.zeros(shape, kind))


def empty(shape: int | tuple[int, ...], kind: Any = np.float32) -> Any:
    """Return an array on the device, of any content."""
    return numba_cuda().device_array(shape, kind)


class Launched(NamedTuple):
    """Arrays on the device that a launch writes to.

    Attributes
    ----------
    results : neurosim.kernels.dense.layout.Results or neurosim.kernels.conv.layout.Results
    report : int64 (any,)
        Ends with the samples taken, and the neuron that diverged or -1.
    """

    results: Any
    report: Any


def refuse_competition(competition: Competition, index: int) -> None:
    """Refuse a competition for which a thread would have to see all neurons, where each thread has one."""
    if competition.compiled is not None:
        what = "a competition of one's own"
    elif getattr(competition, "temperature", None) is not None and competition.ranked:
        what = f"{type(competition).__name__} with a temperature"
    else:
        return
    raise DeviceError(f"device of layer {index + 1} must be 'cpu' with {what}, which sees all neurons, got 'cuda'")


class CudaExecutor(Executor[Workspace]):
    """Launches the kernels of one layer on a CUDA device.

    The state moves there with the first sample, and back when somebody looks at it.

    Parameters
    ----------
    index : int
        The layer's number in its chip.
    codes : NamedTuple
        The layer's constants as the kernel takes them.
    state : NamedTuple of arrays
    competition : Competition
    tallied : tuple of int
        Counters to which each neuron adds on its own.

    Raises
    ------
    DeviceError
        If the competition is one that the CPU alone computes.
    """

    device = "cuda"
    compiled: ClassVar = frozenset({"plan", "kernel", "_definition", "_device_codes"})

    def __init__(self, index: int, codes: Any, state: Any, competition: Any, tallied: tuple[int, ...] = ()) -> None:
        self._index, self._codes, self._seconds = index, codes, 0.0
        refuse_competition(competition, index)
        self.state = Mirror(state, tallied)

    def follow(self, before: Self) -> None:
        """Go on counting the device's seconds."""
        self._seconds = before._seconds

    @property
    def device_seconds(self) -> float:
        """How long the device has worked for this layer, by its own clock, taking samples in included."""
        return self._seconds

    @property
    @abstractmethod
    def plan(self) -> Any:
        """How the layer is spread over the device; compiles its kernel."""

    def compile(self) -> None:
        """Compile the kernel."""
        _ = self.plan

    def changing_state(self) -> AbstractContextManager[None]:
        """Return a context in which the state's arrays may be written here; the device gets them anew."""
        changing: AbstractContextManager[None] = self.state.changing_here()
        return changing

    def workspace(self, threads: int = 1, counting: bool = False, marking: bool = False) -> Workspace:
        """Return working memory on the device for one caller at a time.

        Raises
        ------
        DeviceError
            If operations are to be counted or stages to be timed: the CPU's loop does that.
        """
        for wanted, what in ((counting, "count operations"), (marking, "time its stages")):
            if wanted:
                raise DeviceError(f"device of layer {self._index + 1} must be 'cpu' to {what}, got 'cuda'")
        return self.memory()

    @abstractmethod
    def memory(self) -> Workspace:
        """Return working memory on the device for one caller at a time."""

    @abstractmethod
    def launch(self, call: Call[Workspace], watch: Stopwatch) -> Launched:
        """Copy a chunk to the device, and take it through the kernels."""

    def run(self, call: Call[Workspace]) -> Counts:
        """Take a chunk through the device, and copy back what comes out."""
        watch, results, called = Stopwatch(), call.results, time.monotonic_ns()
        self.compile()
        self.state.changes_there()
        with uncontracted():  # arguments of other types than foreseen would be compiled for
            there, report = self.launch(call, watch)
        results.winners[:] = there.winners.copy_to_host()
        for name in ("potentials", "responses", "outputs"):
            if getattr(results, name).size:
                getattr(results, name)[...] = getattr(there, name).copy_to_host()
        *_, done, neuron = report.copy_to_host()
        self._seconds += watch.seconds()
        if len(call.begun):  # no clock runs in the kernel: each sample has an equal share of the call
            call.begun[: done + 1] = np.linspace(called, time.monotonic_ns(), done + 1)
        return int(done), int(neuron)

    @cached_property
    def _device_codes(self) -> Any:
        arrays = {name: codes for name, codes in self._codes._asdict().items() if isinstance(codes, np.ndarray)}
        return self._codes._replace(**{name: numba_cuda().to_device(array) for name, array in arrays.items()})
