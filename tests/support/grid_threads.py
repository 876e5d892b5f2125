"""Threads of a CUDA grid as greenlets, which run one after another and wait for one another at barriers.

A thread runs until a barrier or its end, then another one does, drawn from those that can. The threads of a warp, a
block or the grid go on when all of them wait at the same barrier.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from greenlet import greenlet
from watched import Moment

WARP = 32


class BarrierError(AssertionError):
    """A barrier that not all threads of its warp, block or grid reach: on a device anything may happen."""

    def __init__(self, one, other):
        super().__init__(f"not all threads reach one barrier: {one.stands()}, {other.stands()}")


class Dim3(NamedTuple):
    x: int
    y: int
    z: int


class Group:
    """Threads that a barrier holds: a warp, a block or the grid."""

    def __init__(self):
        self.threads, self.waiting, self.values, self.passed = [], [], [], 0

    def release(self):
        """Return the threads that go on: all, once all wait, those of one block at one place."""
        if len(self.waiting) < len(self.threads):
            return []
        fellows = {}
        for thread in self.threads:
            fellow = fellows.setdefault(thread.block, thread)
            if fellow.place != thread.place:
                raise BarrierError(fellow, thread)
        self.waiting, self.values, self.passed = [], [thread.value for thread in self.threads], self.passed + 1
        return self.threads


class Thread(greenlet):
    """One thread, which knows its groups, how far they are, and where it waits."""

    def __init__(self, body, block, number, groups):
        super().__init__()
        self.body, self.blockIdx, self.threadIdx = body, Dim3(block, 0, 0), Dim3(number, 0, 0)
        self.groups = self.grid, self.block, self.warp = groups
        for group in groups:
            group.threads.append(self)
        self.now, self.place, self.value = Moment(self, 0, 0, 0), None, None

    def __str__(self):
        return f"block {self.blockIdx.x} thread {self.threadIdx.x}"

    def run(self):
        with np.errstate(all="ignore"):  # a device does not warn
            self.body()

    def wait(self, barrier, group, value=None):
        """Wait until all threads of the group do; return the values they brought."""
        caller = sys._getframe(2)  # the kernel, which has called `cuda`
        self.place, self.value = (barrier, caller.f_code.co_filename, caller.f_lineno), value
        group.waiting.append(self)
        self.parent.switch(group)
        self.now = Moment(self, *(own.passed for own in self.groups))
        return group.values

    def stands(self):
        if self.dead:
            return f"{self} has ended"
        barrier, file, line = self.place
        return f"{self} waits at {barrier} in {Path(file).name}, line {line}"


def make(blocks, size, body):
    """Return the threads of a grid, `size` a block, each of which is to run the body."""
    grid = Group()
    for block in range(blocks):
        group, warps = Group(), [Group() for _ in range(0, size, WARP)]
        for number in range(size):
            Thread(body, block, number, (grid, group, warps[number // WARP]))
    return grid.threads


def run(threads, random):
    """Run threads until all have ended; `random` returns numbers from 0 to 1, which decide who is next."""
    ready = list(threads)
    try:
        while ready:
            group = ready.pop(int(random() * len(ready))).switch()
            if group is not None:  # the thread waits with it, and has not ended
                ready += group.release()
        groups = [group for thread in threads for group in thread.groups if group.waiting]
        if groups:
            group = min(groups, key=lambda group: len(group.threads))  # the others wait for those
            raise BarrierError(group.waiting[0], next(one for one in group.threads if one not in group.waiting))
    finally:
        for thread in threads:
            if not thread.dead:
                thread.throw()
