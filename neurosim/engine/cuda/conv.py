"""The kernel of a convolutional layer on a CUDA device."""

import math
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from neurosim.engine.conv.memory import results
from neurosim.engine.cuda import device
from neurosim.engine.cuda.executor import CudaExecutor, Launched, empty
from neurosim.engine.executor import Call
from neurosim.engine.results import Results
from neurosim.kernels.conv import layout
from neurosim.layers.conv import ConvWTA, geometry

THREADS = 256  # of a block
ABREAST = 2  # blocks of a multiprocessor, so that one computes while the other waits for memory
Memory = Any  # neurosim.kernels.conv.cuda.layout.Memory of arrays on the device: importing it asks for CUDA


class Plan(NamedTuple):
    """Blocks of the grid, and threads of each block."""

    blocks: int
    threads: int

    def __str__(self) -> str:
        return f"{self.blocks} blocks of {self.threads} threads share every stage; synapses in the device's memory"


class CudaConvExecutor(CudaExecutor[Memory]):
    """Launches the kernel of a `ConvWTA` on a CUDA device.

    Parameters
    ----------
    constants : ConvWTA
    image : tuple of int
        Channels, height, width.
    index : int
        The layer's number in its chip.
    codes : neurosim.kernels.conv.layout.Constants
    state : neurosim.kernels.conv.layout.State
    """

    def __init__(
        self, constants: ConvWTA, image: tuple[int, ...], index: int, codes: layout.Constants, state: layout.State
    ) -> None:
        super().__init__(index, codes, state, constants.competition)
        self._constants, self._inputs = constants, math.prod(image)
        made = geometry(constants, image, f"layer {index + 1}")
        self._positions = made.rows * made.columns
        self._width = constants.neurons * made.pooled_rows * made.pooled_columns

    @property
    def placement(self) -> str:
        """How the layer lies on the device, and what its kernel takes."""
        return str(self.plan) + device.costs(self._definition)

    @cached_property
    def plan(self) -> Plan:
        """How many blocks there are; compiles the kernel."""
        properties = device.find()
        device.check_memory(f"layer {self._index + 1}", self._bytes())
        self._definition = device.compiled(self.kernel, self.grid_arguments(self.memory(), 1, 0, 1, 1, 1))
        threads = device.threads_of(THREADS, 8)
        most = device.most_blocks(self._definition, threads, 0)
        return Plan(min(most, ABREAST * properties.multiprocessors) if properties.multiprocessors else most, threads)

    @cached_property
    def kernel(self) -> Any:
        """The kernel, with the user's own rule if the layer has one."""
        from neurosim.kernels.conv.cuda import stream as conv_cuda

        rule = self._constants.rule
        return conv_cuda.grid(None if rule.compiled is None else rule.compiled.cuda)

    def _bytes(self) -> int:
        """Return how many bytes state and working memory take on the device."""
        from neurosim.kernels.conv.cuda import layout as device_layout

        sizes: list[int] = [array.nbytes for array in self.state]
        device_layout.memory(
            self._codes, self._constants.neurons, self._constants.window,
            lambda shape, kind: sizes.append(math.prod(shape) * np.dtype(kind).itemsize),
        )  # fmt: skip
        return sum(sizes)

    def memory(self) -> Memory:
        """Return working memory on the device for one caller at a time."""
        from neurosim.kernels.conv.cuda import layout as device_layout

        return device_layout.memory(self._codes, self._constants.neurons, self._constants.window, empty)

    def grid_arguments(
        self,
        memory: Memory,
        samples: int,
        modulators: int,
        rows: int,
        responses: int,
        outputs: int,
        learning: bool = True,
    ) -> tuple[Any, ...]:
        """Return what the kernel takes, arrays on the device."""
        state, _ = self.state.on_device()
        block = self._positions, self._constants.neurons
        chunk = layout.Samples(values=empty((samples, self._inputs)), modulators=empty(modulators))
        made = layout.Results(
            potentials=empty((rows, *block)),
            responses=empty((responses, *block)),
            winners=empty(samples, np.int64),
            outputs=empty((outputs, self._width)),
        )
        return chunk, learning, self._device_codes, state, memory, made, empty(2, np.int64)

    def results(self, samples: int, rows: int, outputs: bool, counting: bool = False) -> Results:
        """Return memory for the results of some samples, here."""
        return results(self._constants.neurons, self._positions, self._width, samples, rows, outputs, counting)

    def launch(self, call: Call[Memory], watch: device.Stopwatch) -> Launched:
        """Copy a chunk of images to the device, and take it through the kernel."""
        (values, _, modulators), made = call.samples, call.results
        rows = len(made.potentials), len(made.responses), len(made.outputs)
        arguments = self.grid_arguments(call.workspace, len(values), len(modulators), *rows, call.learning)
        samples, *_, there, report = arguments
        samples.values.copy_to_device(values)
        if len(modulators):
            samples.modulators.copy_to_device(modulators)
        watch.begin()
        self.kernel[self.plan.blocks, self.plan.threads, 0, 0](*arguments)
        watch.end()
        return Launched(there, report)
