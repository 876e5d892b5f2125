"""A whole CUDA grid at once: all threads of all blocks alive, run in an order drawn by chance, and watched for races.

Numba's simulator runs one block after another, so a barrier of the grid means nothing there. Here it means what it
does on a device. Grids and blocks have one dimension, and `cuda` has what is below: no atomics.
"""

import inspect
import sys
from collections import defaultdict
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
from greenlet import getcurrent
from grid_threads import Dim3, Thread, make, run
from numba import config
from watched import poisoned, typed, watch


class Cuda:
    """What a kernel knows as `cuda`."""

    def __init__(self, blocks, threads, dynamic, touched):
        self.gridDim, self.blockDim = Dim3(blocks, 1, 1), Dim3(threads, 1, 1)
        self.local, self.shared = SimpleNamespace(array=poisoned), SimpleNamespace(array=self._shared)
        self.cg = SimpleNamespace(this_grid=lambda: SimpleNamespace(sync=self._sync))
        self._dynamic, self._touched, self._memories = dynamic, touched, {}

    threadIdx = property(lambda self: getcurrent().threadIdx)
    blockIdx = property(lambda self: getcurrent().blockIdx)

    def grid(self, dimensions):
        thread = self.blockIdx.x * self.blockDim.x + self.threadIdx.x
        return thread if dimensions == 1 else (thread, 0, 0)[:dimensions]

    def gridsize(self, dimensions):
        threads = self.gridDim.x * self.blockDim.x
        return threads if dimensions == 1 else (threads, 1, 1)[:dimensions]

    def syncthreads(self):
        getcurrent().wait("syncthreads", getcurrent().block)

    def syncthreads_or(self, value):
        return int(any(getcurrent().wait("syncthreads_or", getcurrent().block, value)))

    def syncthreads_and(self, value):
        return int(all(getcurrent().wait("syncthreads_and", getcurrent().block, value)))

    def syncthreads_count(self, value):
        return sum(map(bool, getcurrent().wait("syncthreads_count", getcurrent().block, value)))

    def syncwarp(self):
        getcurrent().wait("syncwarp", getcurrent().warp)

    def threadfence(self):
        """Order nothing: a fence without a barrier tells no other thread when."""

    def _sync(self):
        getcurrent().wait("this_grid().sync", getcurrent().grid)

    def _shared(self, shape, dtype):
        """Return memory of the block, one for each place in the source; of shape 0, what the launch gives."""
        caller = sys._getframe(1)
        place = None if shape == 0 else (caller.f_code, caller.f_lasti)
        name = "dynamic shared" if shape == 0 else f"shared line {caller.f_lineno}"
        key = getcurrent().block, place
        if key not in self._memories:
            self._memories[key] = poisoned(*((self._dynamic, np.uint8) if shape == 0 else (shape, dtype)))
        return watch(typed(self._memories[key], dtype), name, self._touched)


def launch(kernel, blocks, threads, *arguments, shared=0, seed=0, races=True):
    """Run a kernel over a whole grid.

    `shared` is the dynamic shared memory of a block in bytes, `seed` a number or a Generator, from which the order of
    threads is drawn. Raises BarrierError, and Race, unless `races` is False.
    """
    kernel = getattr(kernel, "py_func", kernel)
    touched = defaultdict(lambda: (None, {})) if races else None
    given = inspect.signature(kernel).bind(*arguments).arguments
    given = [watch(value, name, touched) for name, value in given.items()]
    with pytest.MonkeyPatch.context() as patch:
        simulated = Cuda(blocks, threads, shared, touched)
        patch.setitem(kernel.__globals__, "cuda", simulated)
        patch.setattr("numba.cuda.simulator.kernel._kernel_context", simulated)  # for `neurosim.kernels.shared.grid`
        run(make(blocks, threads, lambda: kernel(*given)), np.random.default_rng(seed).random)


@contextmanager
def whole_grid(blocks=3, seed=0, races=True):
    """Run what is launched on Numba's simulator over whole grids, on a device that holds `blocks` blocks at once.

    With a device, where nothing is simulated, this changes nothing.
    """
    if not config.ENABLE_CUDASIM:
        yield
        return
    from numba.cuda.simulator import kernel as simulator

    random = np.random.default_rng(seed)

    def call(kernel, *arguments):
        if isinstance(getcurrent(), Thread):  # a function of the device
            return kernel.fn(*arguments)
        grid, block = kernel.grid_dim, kernel.block_dim
        if any(size != 1 for size in (*grid[1:], *block[1:])):
            raise NotImplementedError(f"grids and blocks must have one dimension, got {grid} and {block}")
        return launch(kernel, grid[0], block[0], *arguments, shared=kernel.dynshared_size, seed=random, races=races)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulator.FakeCUDAKernel, "__call__", call)
        patch.setattr(
            simulator.FakeOverload, "max_cooperative_grid_blocks", lambda self, blockdim, dynsmemsize=0: blocks
        )
        yield
