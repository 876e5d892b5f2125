"""The kernels of a dense layer on a CUDA device: taking samples in, and the resident kernel that learns."""

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from neurosim.engine.cuda import device
from neurosim.engine.cuda.executor import CudaExecutor, Launched, zeros
from neurosim.engine.cuda.plan import Plan, plan
from neurosim.engine.dense.memory import results
from neurosim.engine.executor import Call
from neurosim.engine.results import Results
from neurosim.errors import DeviceError
from neurosim.kernels.dense import layout
from neurosim.layers.dense import DenseWTA

THREADS = 256  # of a block: more would have too few registers each
KEPT_BYTES = 1 << 26  # of arrays on the device that are kept for chunks of several sizes


class Launch(NamedTuple):
    """Arrays on the device for chunks of one size."""

    intake: Any
    results: layout.Results


class Buffers:
    """One caller's arrays on the device, kept for several sizes of chunks: records divide chunks into pieces.

    Parameters
    ----------
    memory : neurosim.kernels.dense.cuda.stream.Memory
    inputs, neurons : int
    """

    def __init__(self, memory: Any, inputs: int, neurons: int) -> None:
        self.memory, self._inputs, self._neurons = memory, inputs, neurons
        self._launches: dict[tuple[int, ...], Launch] = {}
        self._floats = 0  # of all launches, small arrays not counted

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
        nothing = zeros((0, layout.TALLIES), np.int64), zeros((0, 0), np.int32), zeros(0, np.int64)
        winners, sent = zeros(samples, np.int64), zeros((outputs, self._neurons))
        return Launch(intake, layout.Results(zeros(block), zeros(block), winners, sent, *nothing))


class CudaDenseExecutor(CudaExecutor[Buffers]):
    """Launches the kernels of a `DenseWTA` on a CUDA device.

    Parameters
    ----------
    constants : DenseWTA
    inputs, index : int
        Width of a sample, and the layer's number in its chip.
    codes : neurosim.kernels.dense.layout.Constants
    state : neurosim.kernels.dense.layout.State

    Raises
    ------
    DeviceError
        If the layer's rule, competition, step or devices are such that the CPU alone computes.
    """

    def __init__(
        self, constants: DenseWTA, inputs: int, index: int, codes: layout.Constants, state: layout.State
    ) -> None:
        if constants.rule.mixes:
            rule = f"'cpu' for {type(constants.rule).__name__}, whose neurons see what others explain"
            raise DeviceError(f"device of layer {index + 1} must be {rule}, got 'cuda'")
        if constants.step == "largest":
            rule = "'cpu' for step='largest', which asks all neurons for their largest change"
            raise DeviceError(f"device of layer {index + 1} must be {rule}, got 'cuda'")
        if constants.devices is not None:
            rule = "'cpu' with devices, which the CPU alone models"
            raise DeviceError(f"device of layer {index + 1} must be {rule}, got 'cuda'")
        super().__init__(index, codes, state, constants.competition, tallied=(layout.WRITES, layout.FOLDS))
        self._constants, self._inputs = constants, inputs

    @property
    def placement(self) -> str:
        """How the layer lies on the device, and what its kernel takes."""
        return str(self.plan) + device.costs(self._definition)

    @cached_property
    def plan(self) -> Plan:
        """How the layer is spread over the device; compiles its kernel."""
        properties = device.find()
        neurons, window = self._constants.neurons, self._constants.window
        floats = self.state.synapses.size * (2 if self._constants.eligibility > 0 else 1)
        floats += window * (3 * neurons + 2 * self._inputs + window)
        device.check_memory(f"layer {self._index + 1}", 4 * floats)
        threads, kept = device.threads_of(THREADS, neurons), self._constants.eligibility == 0
        at_once = properties.multiprocessors or device.most_blocks(self.kernel.overloads[None], threads, 0)
        planned = plan(self._inputs, neurons, at_once, threads, properties.shared_bytes, kept)
        for kernel, arguments in self.launches(planned, self.buffers(planned), 1, 0, 1, 0):
            self._definition = device.compiled(kernel, arguments)  # the last one is the resident kernel
        most = device.most_blocks(self._definition, threads, planned.shared_bytes)
        if planned.blocks > most:
            rule = f"at most {most * planned.width} on this device, whose blocks must all be at work at once"
            raise DeviceError(f"neurons of layer {self._index + 1} must be {rule}, got {neurons}")
        return planned

    @cached_property
    def kernel(self) -> Any:
        """The resident kernel, with the user's own rule if the layer has one."""
        from neurosim.kernels.dense.cuda import layout as device_layout
        from neurosim.kernels.dense.cuda import stream as dense_cuda

        rule = self._constants.rule
        own = None if rule.compiled is None else rule.compiled.cuda
        return dense_cuda.stream_grid(device_layout.kind_of(self._codes, self._constants.window), own)

    def memory(self) -> Buffers:
        """Return working memory on the device for one caller at a time."""
        return self.buffers(self.plan)

    def buffers(self, planned: Plan) -> Buffers:
        """Return working memory on the device for a layer that is spread over it in this way."""
        from neurosim.kernels.dense.cuda.layout import Memory

        neurons, window, few = self._constants.neurons, self._constants.window, self._constants.weight_bits is not None
        sheets = planned.blocks if window == 1 else 1
        _, tallies = self.state.on_device()
        memory = Memory(
            potentials=zeros((2, neurons)), biases=zeros((2, neurons)), growth=zeros((window, neurons)),
            changes=zeros(neurons), overlaps=zeros(neurons), sizes=zeros(neurons),
            gram=zeros((sheets, window, window)), totals=zeros((planned.blocks, window)),
            grown=zeros((planned.blocks, self._inputs if few else 1)), counters=tallies,
            failures=zeros(neurons, np.int64), place=zeros(1, np.int64),
        )  # fmt: skip
        return Buffers(memory, self._inputs, neurons)

    def launches(
        self, planned: Plan, buffers: Buffers, samples: int, labels: int, rows: int, outputs: int, learning: bool = True
    ) -> tuple[tuple[Any, tuple[Any, ...]], ...]:
        """Return the kernels that a chunk goes through, and what each takes."""
        from neurosim.kernels.dense.cuda import intake

        launch, (state, tallies) = buffers.launch(samples, labels, rows, outputs), self.state.on_device()
        memory = buffers.memory._replace(counters=tallies)
        shape, constants, taken_in = (planned.width, planned.depth, planned.resident), self._device_codes, launch.intake
        return (
            (intake.gather_grid, (taken_in, self._codes.negative)),
            (intake.admit_grid, (taken_in, learning, constants, state.input_norm, state.counters)),
            (intake.scale_grid, (taken_in,)),
            (self.kernel, (taken_in, learning, constants, state, memory, launch.results, *shape)),
        )

    def results(self, samples: int, rows: int, outputs: bool, counting: bool = False) -> Results:
        """Return memory for the results of some samples, here."""
        return results(self._constants.neurons, samples, rows, outputs, counting)

    def launch(self, call: Call[Buffers], watch: device.Stopwatch) -> Launched:
        """Copy a chunk to the device, and take it through the kernels."""
        (values, labels, modulators), made, planned = call.samples, call.results, self.plan
        samples, rows, outputs = len(values), len(made.potentials), len(made.outputs)
        launches = self.launches(planned, call.workspace, samples, len(labels), rows, outputs, call.learning)
        intake, *_ = arguments = launches[-1][1]
        intake.samples.copy_to_device(values)
        intake.modulators.copy_to_device(modulators if len(modulators) else np.ones(samples, np.float32))
        if len(labels):
            intake.labels.copy_to_device(labels)
        watch.begin()
        grids = (samples, 1, 0, 0), (1, 1, 0, 0), (samples, planned.threads, 0, 0)
        for (kernel, kernel_arguments), grid in zip(launches, (*grids, planned.grid), strict=True):
            kernel[grid](*kernel_arguments)
        watch.end()
        return Launched(arguments[5], intake.report)
