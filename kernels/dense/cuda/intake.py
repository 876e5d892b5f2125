"""A chunk taken in: one thread for each sample, one thread for all, one block for each sample."""

from neurosim.kernels.dense import inputs, layout
from neurosim.kernels.dense.cuda.layout import SEEN
from neurosim.kernels.shared.grid import cuda, grid_kernel


@grid_kernel
def gather_grid(intake, negative):
    """Pack each sample's active inputs."""
    n = cuda.grid(1)
    if n < intake.samples.shape[0]:
        intake.sizes[n], intake.squares[n] = inputs.gather(
            intake.samples[n], negative, intake.active[n], intake.values[n]
        )


@grid_kernel
def admit_grid(intake, learning, constants, input_norm, counters):
    """Find what each sample is multiplied by, one after another: a running mean looks at all before."""
    if cuda.grid(1) > 0:
        return
    intake.input_norm[0] = input_norm[0]
    for i in range(counters.size):
        intake.counters[i] = counters[i]
    taken, samples = 0, intake.samples.shape[0]
    while taken < samples:
        label = intake.labels[taken] if intake.labels.size > 0 else -1
        size, square = intake.sizes[taken], intake.squares[taken]
        size, gain = inputs.admit(size, square, label, learning, constants, intake)
        if size < 0:
            break
        intake.sizes[taken], intake.gains[taken], intake.squares[taken] = size, gain, square * (gain * gain)
        intake.means[taken] = intake.input_norm[0]
        if learning:
            intake.counters[layout.SAMPLES] += 1
            intake.counters[layout.BLANKS] += not inputs.teaches(learning, size, label, constants.by_label)
        taken += 1
    intake.report[SEEN] = taken


@grid_kernel
def scale_grid(intake):
    """Put each sample in the layer's units."""
    n = cuda.blockIdx.x
    if n < intake.report[SEEN]:
        for j in range(cuda.threadIdx.x, intake.sizes[n], cuda.blockDim.x):
            intake.values[n, j] *= intake.gains[n]
