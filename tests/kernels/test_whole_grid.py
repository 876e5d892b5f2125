"""The simulator of whole grids: barriers hold whom they should, and every race is found in every order."""

import re
from contextlib import nullcontext
from typing import Any, NamedTuple

import grid_threads
import numpy as np
import pytest
from grid_threads import BarrierError
from numba import config, cuda, float32, int64
from watched import Race
from whole_grid import launch, whole_grid

THREADS = 8
SEEDS = (0, 1, 2)
simulated = pytest.mark.skipif(not config.ENABLE_CUDASIM, reason="there is a device: nothing is simulated")


class Inner(NamedTuple):
    values: Any
    factor: Any


class Outer(NamedTuple):
    inner: Inner
    result: Any


def total(values, partial, result):
    """Sum within threads, within blocks, over the grid; each thread then has the sum."""
    mine = cuda.shared.array(THREADS, float32)
    thread, block = cuda.threadIdx.x, cuda.blockIdx.x
    mine[thread] = np.float32(0)
    for i in range(cuda.grid(1), values.size, cuda.gridsize(1)):
        mine[thread] += values[i]
    cuda.syncthreads()
    if thread == 0:
        partial[block] = np.float32(0)
        for i in range(THREADS):
            partial[block] += mine[i]
    cuda.cg.this_grid().sync()
    if cuda.grid(1) == 0:
        for i in range(1, cuda.gridDim.x):
            partial[0] += partial[i]
    cuda.cg.this_grid().sync()
    result[cuda.grid(1)] = partial[0]


@pytest.mark.parametrize("blocks", [1, 2, 3, 5])
@pytest.mark.parametrize("races", [True, False])
def test_sums_over_the_grid(blocks, races):
    values = np.arange(100, dtype=np.float32) / 7
    found = set()
    for seed in SEEDS:
        result = np.zeros(blocks * THREADS, np.float32)
        launch(total, blocks, THREADS, values, np.zeros(blocks, np.float32), result, seed=seed, races=races)
        np.testing.assert_allclose(result, values.sum(), rtol=1e-6)
        found.add(result.tobytes())
    assert len(found) == 1


def test_the_order_depends_on_the_seed():
    def kernel(order, place):
        order[place[0]] = cuda.grid(1)
        place[0] += 1

    def order(seed):
        found = np.zeros(3 * THREADS, np.int64)
        launch(kernel, 3, THREADS, found, np.zeros(1, np.int64), seed=seed, races=False)
        return found.tolist()

    assert order(0) == order(0)
    assert order(0) != order(1)
    assert sorted(order(0)) == list(range(3 * THREADS))


def reversed_by_blocks(values):
    mine = cuda.shared.array(THREADS, float32)
    mine[cuda.threadIdx.x] = values[cuda.grid(1)]
    values[cuda.grid(1)] = mine[THREADS - 1 - cuda.threadIdx.x]


def shifted_without_a_barrier(values, results):
    values[cuda.grid(1)] = cuda.grid(1)
    results[cuda.grid(1)] = values[(cuda.grid(1) + THREADS) % values.size]


def shifted_by_barriers_of_blocks(values, results):
    values[cuda.grid(1)] = cuda.grid(1)
    cuda.syncthreads()
    results[cuda.grid(1)] = values[(cuda.grid(1) + THREADS) % values.size]


def shifted(values, results):
    values[cuda.grid(1)] = cuda.grid(1)
    cuda.cg.this_grid().sync()
    results[cuda.grid(1)] = values[(cuda.grid(1) + THREADS) % values.size]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_missing_barrier_of_the_block_is_a_race(seed):
    with pytest.raises(Race, match=r"shared line \d+\[\d\] is .* block \d thread \d.* block \d thread \d"):
        launch(reversed_by_blocks, 2, THREADS, np.zeros(2 * THREADS, np.float32), seed=seed)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kernel", [shifted_without_a_barrier, shifted_by_barriers_of_blocks])
def test_a_missing_barrier_of_the_grid_is_a_race(kernel, seed):
    values, results = np.zeros(3 * THREADS), np.zeros(3 * THREADS)
    with pytest.raises(Race, match=r"^values\[\d+\] is"):
        launch(kernel, 3, THREADS, values, results, seed=seed)
    launch(shifted, 3, THREADS, values, results, seed=seed)
    assert results.tolist() == np.roll(np.arange(3 * THREADS), -THREADS).tolist()


def test_the_same_value_twice_is_a_race():
    def kernel(flags):
        flags[2, 1] = 1

    with pytest.raises(Race, match=r"^flags\[2, 1\] is written by block 0 thread \d, written by block 0"):
        launch(kernel, 1, 2, np.zeros((3, 2), np.int32))


def test_a_read_before_a_write_is_a_race():
    """In whatever order the two come, and by any of several readers."""

    def kernel(values):
        if cuda.threadIdx.x == 3:
            values[0] = np.float32(1)
        elif values[0] < 0:
            values[1] = np.float32(2)

    told = set()
    for seed in range(20):
        with pytest.raises(Race) as race:
            launch(kernel, 1, 4, np.zeros(2, np.float32), seed=seed)
        told.add(re.search(r"(written|read) by block 0 thread \d, (written|read)", str(race.value)).groups())
    assert told == {("written", "read"), ("read", "written")}


@pytest.mark.parametrize("seed", range(60))
def test_races_are_told_where_there_are_some(monkeypatch, seed):
    """Programs made by chance, 3 blocks of 2 warps of 2 threads, against all paths through their barriers."""
    monkeypatch.setattr(grid_threads, "WARP", 2)
    random = np.random.default_rng(seed)
    threads, segments, places = 12, 5, int(random.integers(8, 40))
    barriers = random.choice([2, 4, 12], segments)  # threads that the barrier after each segment holds together
    touches = np.where(random.random((threads, segments)) < 0.3, random.integers(places, size=(threads, segments)), -1)
    writes = random.random((threads, segments)) < 0.4

    def kernel(values):
        thread = cuda.grid(1)
        for held, place, write in zip(barriers, touches[thread], writes[thread], strict=True):
            if place >= 0 and write:
                values[place] = thread
            elif place >= 0:
                values[place]
            if held == 2:
                cuda.syncwarp()
            elif held == 4:
                cuda.syncthreads()
            else:
                cuda.cg.this_grid().sync()

    thread, segment = np.divmod(np.arange(threads * segments), segments)
    held = barriers[segment][:, None]
    leads = (segment[None] == segment[:, None] + 1) & (thread[None] // held == thread[:, None] // held)
    for _ in range(3):  # paths of up to 8 steps
        leads |= leads @ leads
    place, write = touches.ravel(), writes.ravel()
    meet = (place[None] == place[:, None]) & (place >= 0) & (thread[None] != thread[:, None])
    racing = meet & (write[None] | write[:, None]) & ~leads & ~leads.T
    for order in SEEDS:
        with pytest.raises(Race) if racing.any() else nullcontext():
            launch(kernel, 3, 4, np.zeros(places), seed=order)


def test_slices_are_watched():
    """By address: a row and a column share one element, two rows none; what is assigned is read."""

    def rows(values):
        row = values[cuda.threadIdx.x]
        row[:] = np.float32(1)
        row[1:][-1] += row.shape[0]

    def crossed(values):
        line = values[1] if cuda.threadIdx.x == 0 else values[:, 2]
        line[0 if cuda.threadIdx.x == 0 else 1 :][:] = np.float32(1)

    def copied(values):
        if cuda.threadIdx.x == 0:
            values[0, :] = values[1]
        else:
            values[1, 2] = np.float32(1)

    values = np.zeros((2, 3), np.float32)
    launch(rows, 1, 2, values)
    assert values.tolist() == [[1, 1, 4]] * 2
    with pytest.raises(Race, match=r"^values\[1, 2\] is written by"):
        launch(crossed, 1, 2, values)
    with pytest.raises(Race, match=r"^values\[1, 2\] is"):
        launch(copied, 1, 2, values)


def test_a_warp_has_a_barrier():
    def kernel(values, results):
        values[cuda.threadIdx.x] = cuda.threadIdx.x
        cuda.syncwarp()
        results[cuda.threadIdx.x] = values[(cuda.threadIdx.x + shift) % 64]

    shift = 0
    values, results = np.zeros(64), np.zeros(64)
    launch(kernel, 1, 64, values, results)
    assert results.tolist() == list(range(64))
    shift = 1
    with pytest.raises(Race, match=r"^values\[(0|32)\] is"):
        launch(kernel, 1, 64, values, results)


def ended(values):
    if cuda.threadIdx.x != 5 or cuda.blockIdx.x != 1:
        cuda.syncthreads()


def block_ended(values):
    if cuda.blockIdx.x != 1:
        cuda.cg.this_grid().sync()


def other_kind(values):
    if cuda.threadIdx.x == 5:
        cuda.syncthreads()
    else:
        cuda.syncthreads_or(1)


def other_group(values):
    if cuda.threadIdx.x == 5:
        cuda.cg.this_grid().sync()
    else:
        cuda.syncthreads()


def other_place(values):
    if cuda.threadIdx.x == 5:
        cuda.syncthreads()
    else:
        cuda.syncthreads()


@pytest.mark.parametrize(
    ("kernel", "told"),
    [
        (ended, r"block 1 thread \d waits at syncthreads in test_whole_grid.py, line \d+, block 1 thread 5 has ended"),
        (block_ended, r"block [02] thread \d waits at this_grid\(\).sync in .*, block 1 thread 0 has ended"),
        (other_kind, r"thread \d waits at syncthreads_or in .*, block \d thread 5 waits at syncthreads in"),
        (other_group, r"thread \d waits at syncthreads in .*, block \d thread 5 waits at this_grid\(\).sync in"),
        (other_place, r"thread \d waits at syncthreads in .*, block \d thread 5 waits at syncthreads in"),
    ],
)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_barrier_must_be_reached_by_all(kernel, told, seed):
    with pytest.raises(BarrierError, match=told):
        launch(kernel, 3, THREADS, np.zeros(1), seed=seed)


def test_blocks_may_wait_for_the_grid_in_different_places():
    def kernel(values):
        if cuda.blockIdx.x == 0:
            values[cuda.threadIdx.x] = 1
            cuda.cg.this_grid().sync()
        else:
            cuda.cg.this_grid().sync()

    values = np.zeros(THREADS)
    launch(kernel, 2, THREADS, values)
    assert values.all()


def test_blocks_vote():
    def kernel(some, every, count):
        thread = cuda.threadIdx.x
        some[cuda.grid(1)] = cuda.syncthreads_or(thread == cuda.blockIdx.x - 1)
        every[cuda.grid(1)] = cuda.syncthreads_and(thread < THREADS - cuda.blockIdx.x)
        count[cuda.grid(1)] = cuda.syncthreads_count(2 * (thread < cuda.blockIdx.x))

    votes = [np.full((3, THREADS), -1) for _ in range(3)]
    launch(kernel, 3, THREADS, *(vote.ravel() for vote in votes))
    for vote, right in zip(votes, ([0, 1, 1], [1, 0, 0], [0, 1, 2]), strict=True):
        assert vote.tolist() == np.repeat(right, THREADS).reshape(3, THREADS).tolist()


def test_shared_memory_is_of_the_block_and_of_its_place():
    def kernel(results, rest):
        one, two = cuda.shared.array(1, int64), cuda.shared.array(1, int64)
        floats, wholes = cuda.shared.array(0, float32)[:2], cuda.shared.array(0, int64)[1:]
        if cuda.threadIdx.x == 0:
            one[0], two[0] = cuda.blockIdx.x, 10 * cuda.blockIdx.x
            floats[0], floats[1], wholes[0] = np.float32(1.5), np.float32(2), 100 * cuda.blockIdx.x
        cuda.syncthreads()
        results[cuda.grid(1)] = one[0] + two[0] + wholes[0] + floats[0] * floats[1]
        rest[cuda.grid(1)] = wholes.size

    results, rest = np.zeros(2 * THREADS), np.zeros(2 * THREADS)
    launch(kernel, 2, THREADS, results, rest, shared=28)
    assert results.tolist() == [3] * THREADS + [114] * THREADS
    assert set(rest) == {2}


def test_dynamic_shared_memory_is_watched():
    def kernel():
        cuda.shared.array(0, float32)[1] = np.float32(0)

    with pytest.raises(Race, match=r"^dynamic shared\[1\] is"):
        launch(kernel, 1, 2, shared=8)


@pytest.mark.parametrize("races", [True, False])
def test_memory_nobody_has_written_to_is_poisoned(races):
    def kernel(floats, wholes):
        static, own, dynamic = cuda.shared.array((2, 3), float32), cuda.local.array(2, "f8"), cuda.shared.array(0, "f8")
        floats[0], floats[1], floats[2] = static[1, 2], own[1], dynamic[0]
        wholes[0], wholes[1] = cuda.shared.array(4, np.int32)[3], cuda.local.array(1, int64)[0]

    floats, wholes = np.zeros(3), np.zeros(2, np.int64)
    launch(kernel, 1, 1, floats, wholes, shared=8, races=races)
    assert np.isnan(floats).all()
    assert (wholes > 1e9).all()


def test_tuples_of_arrays_are_watched():
    def kernel(layers, outer):
        value = outer.inner.values[cuda.threadIdx.x] * outer.inner.factor + layers[1][0]
        assert value.dtype == np.float32
        assert (outer.result.ndim, outer.result.dtype, outer.result.itemsize) == (1, np.float32, 4)
        outer.result[cuda.threadIdx.x] = value
        if together:
            outer.inner.values[0] = value

    together = False
    values, result = np.arange(3, dtype=np.float32), np.zeros(3, np.float32)
    arguments = (values, np.ones(1, np.float32)), Outer(Inner(values, np.float32(2)), result)
    launch(kernel, 1, 3, *arguments)
    assert result.tolist() == [1, 3, 5]
    together = True
    with pytest.raises(Race, match=r"^outer.inner.values\[0\] is"):
        launch(kernel, 1, 3, *arguments)


def test_warnings_of_numpy_are_not_a_devices():
    def kernel(values):
        values[0] = np.float32(1) / values[0] + np.uint64(2**63) * np.uint64(2)

    values = np.zeros(1, np.float32)
    launch(kernel, 1, 1, values)
    assert np.isinf(values[0])


def test_what_a_kernel_raises_comes_out_and_cuda_is_as_before():
    def kernel(values):
        cuda.syncthreads()
        values[cuda.threadIdx.x] = 0

    real = cuda
    with pytest.raises(IndexError):
        launch(kernel, 2, THREADS, np.zeros(3))
    assert cuda is real


@pytest.mark.parametrize("whole_grid", [{}, {"seed": 4}, {"races": False}], indirect=True)
@pytest.mark.usefixtures("whole_grid")
def test_launches_are_over_whole_grids():
    """Or on the device, where there is one."""
    values = np.random.default_rng(0).random(1000).astype(np.float32)
    kernel = cuda.jit(total)
    partial, result = cuda.to_device(np.zeros(3, np.float32)), cuda.to_device(np.zeros(3 * THREADS, np.float32))
    kernel[3, THREADS](cuda.to_device(values), partial, result)
    np.testing.assert_allclose(result.copy_to_host(), values.sum(), rtol=1e-5)


@simulated
def test_the_simulator_is_patched():
    @cuda.jit
    def kernel(outer, size):
        size[0] = cuda.shared.array(0, float32).size
        outer.result[0] = cuda.gridDim.x

    result, size = cuda.to_device(np.zeros(1)), np.zeros(1)
    arguments = Outer(Inner(result, 1), result), size
    with whole_grid(blocks=5):
        assert kernel.overloads[()].max_cooperative_grid_blocks(128) == 5
        assert kernel.overloads[()].max_cooperative_grid_blocks(128, 1024) == 5
        kernel[1, 1, 0, 40](*arguments)
        assert (result[0], size[0]) == (1, 10)
        with pytest.raises(Race, match=r"^(size|outer\.result)\[0\] is"):
            kernel[2, 1](*arguments)
        with pytest.raises(NotImplementedError, match="one dimension"):
            kernel[(2, 2), 1](*arguments)
    assert kernel.overloads[()].max_cooperative_grid_blocks(128) == 1
