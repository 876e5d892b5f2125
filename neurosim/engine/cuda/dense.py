"""A dense layer at work on the device: the door to the resident kernel."""

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.cuda import device
from neurosim.engine.cuda.layer import DeviceLayer, zeros
from neurosim.engine.cuda.plan import Plan, plan
from neurosim.engine.dense.layer import DenseLayer
from neurosim.engine.results import Array
from neurosim.errors import DeviceError
from neurosim.kernels.dense import layout
from neurosim.layers.dense import DenseWTA
from neurosim.layers.own_rules import OwnRule

THREADS = 256  # of a block: more would have too few registers each
KEPT_BYTES = 1 << 26  # of arrays that chunks pass through


class Launch(NamedTuple):
    """Arrays on the device for chunks of one size."""

    intake: Any
    results: layout.Results


class Buffers:
    """What a caller's chunks pass through on the device; kept for some sizes, as records cut chunks into pieces.

    Parameters
    ----------
    memory : neurosim.kernels.dense.cuda.stream.Memory
    inputs, neurons : int
    """

    def __init__(self, memory: Any, inputs: int, neurons: int) -> None:
        self.memory, self._inputs, self._neurons = memory, inputs, neurons
        self._launches: dict[tuple[int, ...], Launch] = {}
        self._floats = 0  # of all launches, but for what is small

    def launch(self, samples: int, labels: int, rows: int, outputs: int) -> Launch:
        """Return arrays for chunks of so many samples, labels and rows of results."""
        key = samples, labels, rows, outputs
        if key not in self._launches:
            floats = 3 * samples * self._inputs + (2 * rows + outputs) * self._neurons
            if 4 * (self._floats + floats) > KEPT_BYTES:
                self._launches.clear()
                self._floats = 0
            self._floats += floats
            self._launches[key] = self._made(*key)
        return self._launches[key]

    def _made(self, samples: int, labels: int, rows: int, outputs: int) -> Launch:
        from neurosim.kernels.dense.cuda.layout import Intake

        wide, block = (samples, self._inputs), (rows, self._neurons)
        intake = Intake(
            samples=zeros(wide), labels=zeros(labels, np.int64), modulators=zeros(samples), values=zeros(wide),
            active=zeros(wide, np.int32), sizes=zeros(samples, np.int64), squares=zeros(samples),
            gains=zeros(samples), means=zeros(samples), input_norm=zeros(1),
            counters=zeros(layout.COUNTERS, np.int64), report=zeros(3, np.int64),
        )  # fmt: skip
        nothing = zeros((0, layout.TALLIES), np.int64), zeros((0, 0), np.uint8), zeros(0, np.int64)
        winners, sent = zeros(samples, np.int64), zeros((outputs, self._neurons))
        return Launch(intake, layout.Results(zeros(block), zeros(block), winners, sent, *nothing))


class CudaDenseLayer(DeviceLayer, DenseLayer):  # type: ignore[misc]  # `state` is arrays by name here as there
    """A `DenseWTA` at work on a CUDA device."""

    tallied = (layout.WRITES, layout.FOLDS)

    def __init__(self, constants: DenseWTA, inputs: int, seed: int, place: int) -> None:
        if constants.rule.mixes:
            rule = f"'cpu' for {type(constants.rule).__name__}, whose neurons see what others explain"
            raise DeviceError(f"device of layer {place + 1} must be {rule}, got 'cuda'")
        super().__init__(constants, inputs, seed, place)

    @property
    def placement(self) -> str:
        """How the layer lies on the device, and what its kernel takes."""
        return str(self.plan) + device.costs(self._compiled)

    @cached_property
    def plan(self) -> Plan:
        """How the layer is spread over the device; compiles its kernel."""
        had = device.find()
        neurons, window = self.constants.neurons, self.constants.window
        floats = self.state.synapses.size * (2 if self.constants.eligibility > 0 else 1)
        floats += window * (3 * neurons + 2 * self.inputs + window)
        device.check_room(f"layer {self.place + 1}", 4 * floats)
        threads, kept = device.threads_of(THREADS, neurons), self.constants.eligibility == 0
        places = had.multiprocessors or device.most_blocks(self._kernel.overloads[None], threads, 0)
        planned = plan(self.inputs, neurons, places, threads, had.shared_bytes, kept)
        for kernel, arguments in self._launches(planned, self._buffers(planned), 1, 0, 1, 0):
            self._compiled = device.compiled(kernel, arguments)  # the last one is the resident kernel
        most = device.most_blocks(self._compiled, threads, planned.shared_bytes)
        if planned.blocks > most:
            rule = f"at most {most * planned.width} on this device, whose blocks must all be at work at once"
            raise DeviceError(f"neurons of layer {self.place + 1} must be {rule}, got {neurons}")
        return planned

    @cached_property
    def _kernel(self) -> Any:
        from neurosim.kernels.dense.cuda import layout as device_layout
        from neurosim.kernels.dense.cuda import stream as dense_cuda

        rule = self.constants.rule
        own = rule.compiled.cuda if isinstance(rule, OwnRule) else None
        return dense_cuda.stream_grid(device_layout.kind_of(self._codes, self.constants.window), own)

    def scratch(self) -> Any:
        """Return working memory for one caller at a time."""
        return self._buffers(self.plan)

    def _buffers(self, planned: Plan) -> Buffers:
        from neurosim.kernels.dense.cuda.layout import Memory

        neurons, window, few = self.constants.neurons, self.constants.window, self.constants.weight_bits is not None
        sheets = planned.blocks if window == 1 else 1
        _, tallies = self._mirror.on_device()
        memory = Memory(
            potentials=zeros((2, neurons)), biases=zeros((2, neurons)), growth=zeros((window, neurons)),
            changes=zeros(neurons), overlaps=zeros(neurons), sizes=zeros(neurons),
            gram=zeros((sheets, window, window)), totals=zeros((planned.blocks, window)),
            grown=zeros((planned.blocks, self.inputs if few else 1)), counters=tallies,
            failures=zeros(neurons, np.int64), place=zeros(1, np.int64),
        )  # fmt: skip
        return Buffers(memory, self.inputs, neurons)

    def _launches(
        self, planned: Plan, buffers: Buffers, samples: int, labels: int, rows: int, outputs: int, learning: bool = True
    ) -> tuple[tuple[Any, tuple[Any, ...]], ...]:
        """Return the kernels that carry a chunk, and what each takes."""
        from neurosim.kernels.dense.cuda import intake

        launch, (state, tallies) = buffers.launch(samples, labels, rows, outputs), self._mirror.on_device()
        memory = buffers.memory._replace(counters=tallies)
        shape, constants, taken_in = (planned.width, planned.depth, planned.resident), self._device_codes, launch.intake
        return (
            (intake.gather_grid, (taken_in, self._codes.negative)),
            (intake.admit_grid, (taken_in, learning, constants, state.input_norm, state.counters)),
            (intake.scale_grid, (taken_in,)),
            (self._kernel, (taken_in, learning, constants, state, memory, launch.results, *shape)),
        )

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
        """Stream a chunk through the device."""
        samples, planned = len(values), self.plan
        launches = self._launches(
            planned, scratch, samples, len(labels), len(room.potentials), len(room.outputs), learning
        )
        intake, *_ = arguments = launches[-1][1]
        intake.samples.copy_to_device(values)
        intake.modulators.copy_to_device(modulators if len(modulators) else np.ones(samples, np.float32))
        if len(labels):
            intake.labels.copy_to_device(labels)
        watch.begin()
        grids = (samples, 1, 0, 0), (1, 1, 0, 0), (samples, planned.threads, 0, 0)
        for (kernel, given), grid in zip(launches, (*grids, planned.grid), strict=True):
            kernel[grid](*given)
        watch.end()
        return arguments[5], intake.report
