"""What layers on a device have in common: where their state lies, and what the device is not asked for."""

from abc import abstractmethod
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.base import WorkingLayer
from neurosim.engine.cuda.device import Stopwatch, numba_cuda, uncontracted
from neurosim.engine.cuda.mirror import Mirror
from neurosim.engine.results import Array
from neurosim.errors import DeviceError


def zeros(shape: int | tuple[int, ...], kind: Any = np.float32) -> Any:
    """Return an array of zeros on the device."""
    return numba_cuda().to_device(np.zeros(shape, kind))


def empty(shape: int | tuple[int, ...], kind: Any = np.float32) -> Any:
    """Return an array on the device, of any content."""
    return numba_cuda().device_array(shape, kind)


class DeviceLayer(WorkingLayer):
    """A layer at work on a CUDA device.

    Its state moves there with the first sample, and back when somebody looks at it.
    """

    device = "cuda"
    tallied: tuple[int, ...] = ()  # counters to which each neuron adds on its own
    _codes: Any
    _seconds = 0.0

    @property
    def state(self) -> Mirror:
        """The arrays; looking at one copies it from the device, if it has changed there."""
        return self._mirror

    @state.setter
    def state(self, state: Any) -> None:
        self._mirror = Mirror(state, self.tallied)

    @property
    @abstractmethod
    def plan(self) -> Any:
        """How the layer is spread over the device; compiles its kernel."""

    @property
    @abstractmethod
    def placement(self) -> str:
        """How the layer lies on the device, and what its kernel takes."""

    @property
    def device_seconds(self) -> float:
        """How long the device has been at work on this layer, by its own clock, taking samples in included."""
        return self._seconds

    def compile(self) -> None:
        """Compile the kernel, so that no sample waits for it."""
        _ = self.plan

    @cached_property
    def _device_codes(self) -> Any:
        return self._codes._replace(parameters=numba_cuda().to_device(self._codes.parameters))

    @abstractmethod
    def _launch(self, values: Array, labels: NDArray[np.int64], modulators: Array, learning: bool, scratch: Any,
                room: Any, watch: Stopwatch) -> tuple[Any, Any]:  # fmt: skip
        """Stream a chunk through the device; return results and the report there, which ends with done and neuron."""

    def _run(
        self, values: Array, labels: NDArray[np.int64], modulators: Array, learning: bool, scratch: Any, room: Any
    ) -> tuple[int, int]:
        """Stream a chunk through the device, and bring back what comes out."""
        if len(values) == 0:
            return 0, -1
        watch = Stopwatch()
        self.compile()
        self._mirror.changes_there()
        with uncontracted():  # arguments of other types than foreseen would be compiled for
            results, report = self._launch(values, labels, modulators, learning, scratch, room, watch)
        room.winners[: len(values)] = results.winners.copy_to_host()  # of a chunk there may be more samples to come
        for name in ("potentials", "responses", "outputs"):
            if getattr(room, name).size:
                getattr(room, name)[...] = getattr(results, name).copy_to_host()
        *_, done, neuron = report.copy_to_host()
        self._seconds += watch.seconds()
        return int(done), int(neuron)

    def turn(
        self,
        values: Array,
        labels: NDArray[np.int64],
        modulators: Array,
        learning: bool,
        scratch: Any,
        room: Any,
    ) -> Callable[[], tuple[int, int]]:
        """Return a function that streams what is then in `values` through the device."""
        return partial(self._run, values, labels, modulators, learning, scratch, room)

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over what `arrays` returned."""
        with self._mirror.changing_here():
            super().restore(arrays)

    def counted(self, *arguments: Any, **options: Any) -> Any:
        """Refuse: operations are counted by the CPU's loop.

        Raises
        ------
        DeviceError
            Always.
        """
        raise DeviceError(f"device of layer {self.place + 1} must be 'cpu' to count operations, got 'cuda'")

    def marking(self, scratch: Any, room: Any) -> Any:
        """Refuse: stages are timed in the CPU's loop.

        Raises
        ------
        DeviceError
            Always.
        """
        raise DeviceError(f"device of layer {self.place + 1} must be 'cpu' to time its stages, got 'cuda'")

    def __getstate__(self) -> dict[str, Any]:
        """Return all but what lies on the device."""
        left = ("plan", "_kernel", "_compiled", "_device_codes")
        return {name: value for name, value in super().__getstate__().items() if name not in left}
