"""How a dense layer is spread over the device's blocks."""

from typing import NamedTuple

from neurosim.errors import DeviceError

ITEM = 4  # bytes of a synapse
STATIC_BYTES = 18 << 10  # of shared memory that the kernel itself declares, rounded up
# Products that are kept at once, in each of two buffers: few where synapses are in shared memory; where they are not,
# enough to hide the latency of the device's memory.
HELD, HELD_FROM_AFAR = 2048, 24576


class Plan(NamedTuple):
    """The blocks of a launch, and the work and memory of each.

    Attributes
    ----------
    blocks, threads : int
        Blocks of the grid, and threads of each block.
    width : int
        Neurons of a block; the last block may have fewer.
    depth : int
        Inputs whose products with a block's synapses are kept at once, in each of two buffers.
    resident : bool
        Whether synapses stay in the blocks' shared memory during a launch.
    shared_bytes : int
        Shared memory of a block that the launch asks for.
    """

    blocks: int
    threads: int
    width: int
    depth: int
    resident: bool
    shared_bytes: int

    @property
    def grid(self) -> tuple[int, int, int, int]:
        """Configuration of a launch: blocks, threads, stream, and bytes of shared memory."""
        return self.blocks, self.threads, 0, self.shared_bytes

    def __str__(self) -> str:
        why = "too many for shared memory, or all written with every sample"
        where = "in shared memory" if self.resident else f"in the device's memory: {why}"
        return (
            f"{self.blocks} blocks of {self.threads} threads, {self.width} neurons each, "
            f"{self.shared_bytes / 1024:.0f} KiB; synapses {where}"
        )


def plan(inputs: int, neurons: int, multiprocessors: int, threads: int, shared_bytes: int, kept: bool = True) -> Plan:
    """Return a plan: one block for each multiprocessor, fewer for few neurons, more where there are too many.

    Parameters
    ----------
    inputs, neurons : int
    multiprocessors : int
        Blocks that can run at once.
    threads : int
        Threads of a block, and its largest number of neurons.
    shared_bytes : int
        Shared memory that a block may have.
    kept : bool
        Whether a copy of the synapses in shared memory pays. With eligibility traces it does not: every sample writes
        all of them.

    Raises
    ------
    DeviceError
        If shared memory is too small for a single product of every neuron.
    """
    width = min(-(-neurons // multiprocessors), threads)
    blocks, free = -(-neurons // width), shared_bytes - STATIC_BYTES
    near = max(1, HELD // width)
    shared = (2 * near + inputs) * width * ITEM
    if kept and blocks <= multiprocessors and shared <= free:
        return Plan(blocks, threads, width, near, True, shared)
    most = free // (2 * width * ITEM)  # products
    far = max(1, min(HELD_FROM_AFAR // width, most, inputs))
    if most < 1:
        raise DeviceError(f"shared memory of a block must be {width * 8} bytes or more, got {free}")
    return Plan(blocks, threads, width, far, False, 2 * far * width * ITEM)
