"""A convolutional layer at work on the device: the door to its kernel."""

import math
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.conv.layer import ConvLayer
from neurosim.engine.cuda import device
from neurosim.engine.cuda.layer import DeviceLayer, empty
from neurosim.engine.results import Array
from neurosim.kernels.conv import layout
from neurosim.layers.own_rules import OwnRule

THREADS = 256  # of a block
ABREAST = 2  # blocks on a multiprocessor: one computes while the other waits for memory


class Plan(NamedTuple):
    """Blocks of the grid, and threads of each."""

    blocks: int
    threads: int

    def __str__(self) -> str:
        return f"{self.blocks} blocks of {self.threads} threads share every stage; synapses in the device's memory"


class CudaConvLayer(DeviceLayer, ConvLayer):  # type: ignore[misc]  # `state` is arrays by name here as there
    """A `ConvWTA` at work on a CUDA device."""

    @property
    def placement(self) -> str:
        """How the layer lies on the device, and what its kernel takes."""
        return str(self.plan) + device.costs(self._compiled)

    @cached_property
    def plan(self) -> Plan:
        """How many blocks there are; compiles the kernel."""
        had = device.find()
        device.check_room(f"layer {self.place + 1}", self._bytes())
        self._compiled = device.compiled(self._kernel, self._grid_arguments(self.scratch(), 1, 0, 1, 1, 1))
        threads = device.threads_of(THREADS, 8)
        most = device.most_blocks(self._compiled, threads, 0)
        return Plan(min(most, ABREAST * had.multiprocessors) if had.multiprocessors else most, threads)

    @cached_property
    def _kernel(self) -> Any:
        from neurosim.kernels.conv.cuda import stream as conv_cuda

        rule = self.constants.rule
        return conv_cuda.grid(rule.compiled.cuda if isinstance(rule, OwnRule) else None)

    def _bytes(self) -> int:
        """Return what state and working memory take on the device."""
        from neurosim.kernels.conv.cuda import layout as device_layout

        sizes: list[int] = [array.nbytes for array in self.state]
        device_layout.memory(
            self._codes, self.constants.neurons, self.constants.window,
            lambda shape, kind: sizes.append(math.prod(shape) * np.dtype(kind).itemsize),
        )  # fmt: skip
        return sum(sizes)

    def scratch(self) -> Any:
        """Return working memory for one caller at a time."""
        from neurosim.kernels.conv.cuda import layout as device_layout

        return device_layout.memory(self._codes, self.constants.neurons, self.constants.window, empty)

    def _grid_arguments(
        self, memory: Any, samples: int, modulators: int, rows: int, responses: int, outputs: int, learning: bool = True
    ) -> tuple[Any, ...]:
        """Return what the kernel takes, arrays on the device."""
        state, _ = self._mirror.on_device()
        block = self.positions, self.constants.neurons
        given = layout.Samples(empty((samples, self.inputs)), empty(modulators))
        results = layout.Results(
            empty((rows, *block)), empty((responses, *block)), empty(samples, np.int64), empty((outputs, self.outputs))
        )
        return given, learning, self._device_codes, state, memory, results, empty(2, np.int64)

    def _launch(
        self,
        values: Array,
        labels: NDArray[np.int64],
        modulators: Array,
        learning: bool,
        scratch: Any,
        room: Any,
        watch: device.Stopwatch,
    ) -> tuple[Any, Any]:
        """Stream a chunk of images through the device."""
        rows = len(room.potentials), len(room.responses), len(room.outputs)
        arguments = self._grid_arguments(scratch, len(values), len(modulators), *rows, learning)
        given, *_, results, report = arguments
        given.values.copy_to_device(values)
        if len(modulators):
            given.modulators.copy_to_device(modulators)
        watch.begin()
        self._kernel[self.plan.blocks, self.plan.threads, 0, 0](*arguments)
        watch.end()
        return results, report
