"""How a dense layer is spread over the device's blocks."""

from typing import NamedTuple

from neurosim.errors import DeviceError

ITEM = 4  # bytes of a synapse
STATIC_BYTES = 18 << 10  # of shared memory, that the kernel has of its own, rounded up
HELD, HELD_FROM_AFAR = 2048, 24576  # products at hand, twice: a few, and as many as hide how far the synapses are


class Plan(NamedTuple):
    """Blocks, and what each has.

    Attributes
    ----------
    blocks, threads : int
        Of the grid, and of each block.
    width : int
        Neurons of a block, the last one's may be fewer.
    depth : int
        Inputs whose products with a block's synapses are held at once, twice.
    resident : bool
        Whether synapses stay in the blocks' shared memory.
    shared_bytes : int
        Asked for at the launch.
    """

    blocks: int
    threads: int
    width: int
    depth: int
    resident: bool
    shared_bytes: int

    @property
    def grid(self) -> tuple[int, int, int, int]:
        """What a launch is told: blocks, threads, stream, and bytes of shared memory."""
        return self.blocks, self.threads, 0, self.shared_bytes

    def __str__(self) -> str:
        why = "too many for shared memory, or all written with every sample"
        where = "in shared memory" if self.resident else f"in the device's memory: {why}"
        return (
            f"{self.blocks} blocks of {self.threads} threads, {self.width} neurons each, "
            f"{self.shared_bytes / 1024:.0f} KiB; synapses {where}"
        )


def plan(inputs: int, neurons: int, multiprocessors: int, threads: int, room: int, kept: bool = True) -> Plan:
    """Return a plan: a block for each multiprocessor, or as few neurons as there are; more blocks if they are too many.

    Parameters
    ----------
    inputs, neurons : int
    multiprocessors : int
        Blocks that there is a place for, with `room` bytes of shared memory each.
    threads : int
        Of a block: a block can have as many neurons.
    kept : bool
        Whether synapses last: eligibility writes all of them with every sample, and a copy is of no use.
    """
    width = min(-(-neurons // multiprocessors), threads)
    blocks, free = -(-neurons // width), room - STATIC_BYTES
    near = max(1, HELD // width)
    shared = (2 * near + inputs) * width * ITEM
    if kept and blocks <= multiprocessors and shared <= free:
        return Plan(blocks, threads, width, near, True, shared)
    most = free // (2 * width * ITEM)  # products
    far = max(1, min(HELD_FROM_AFAR // width, most, inputs))
    if most < 1:
        raise DeviceError(f"shared memory of a block must be {width * 8} bytes or more, got {free}")
    return Plan(blocks, threads, width, far, False, 2 * far * width * ITEM)
