r"""Surfaces around events: how long ago the pixels there had their last event, as :math:`e^{-age / \tau}`.

Loops over events go on from event `first`, and change the memory and the clock in place. They stop when `rows` samples
are made, or after the last event, and return how many events are done, counted from 0, and how many samples were made:
so a stream may be cut anywhere. `samples`, float32 (rows, inputs), and `sources`, int64 (rows,), the event of each
sample, may be (0, inputs) and (0,): then samples are counted and not written.
"""

import math
from typing import NamedTuple

import numpy as np

from neurosim.kernels.compiled import cell, compiled
from neurosim.kernels.events.clock import NEVER, begins_anew, is_inside, moment
from neurosim.kernels.shared.numbers import ONE, ZERO
from neurosim.kernels.shared.slices import between
from neurosim.kernels.shared.softmax import decaying_exponential

WIDE = 8  # pixels of a line that are taken together


class Surface(NamedTuple):
    """What a surface is made by."""

    oldest: np.int32  # microseconds: an older event counts as none
    rate: np.float32  # 1 / tau, per microsecond


class Patch(NamedTuple):
    """What is taken around an event."""

    radius: int  # pixels to each side
    least: int  # pixels that are young enough, the event's own among them; with fewer there is no sample
    unit: bool  # whether a sample has norm one


@cell
def forget(memory, value):
    """Write one value everywhere."""
    for p in range(memory.shape[0]):
        for y in range(memory.shape[1]):
            for x in range(memory.shape[2]):
                memory[p, y, x] = value


@cell
def age_of(then, now, surface):
    """Return how long ago an event was; one more than the oldest for all that are older, or never were."""
    return np.int32(min(now - then, np.int64(surface.oldest) + 1))


@cell
def value_of(age, surface):
    """Return the value of a pixel, from 0 to 1."""
    value = decaying_exponential(-np.float32(age) * surface.rate)
    return value if age <= surface.oldest else ZERO


@cell
def _around(memory, flat, first, now, stride, radius, surface, ages):
    """Write the ages of the pixels around an event, polarities outermost; `flat` is the memory in one line.

    Whole groups of pixels are taken, of which the last ones of a line are written over by the next line.
    """
    side, width, done = 2 * radius + 1, memory.shape[2], 0
    for p in range(memory.shape[0]):
        for i in range(side):
            begin = first + p * stride + i * width
            for start in range(0, side, WIDE):
                times = between(flat, begin + start, begin + start + WIDE)
                found = between(ages, done + start, done + start + WIDE)
                for j in range(WIDE):
                    found[j] = age_of(times[j], now, surface)
            done += side


@cell
def _young(ages, surface, inputs):
    """Return how many pixels have an event that is young enough."""
    young = 0
    for i in range(inputs):
        young += ages[i] <= surface.oldest
    return young


@cell
def _values(ages, surface, inputs, values):
    """Write the values of all pixels, zeros after the last."""
    for i in range(inputs, ages.size):
        ages[i] = surface.oldest + np.int32(1)
    for i in range(values.size):
        values[i] = value_of(ages[i], surface)


@cell
def _norm(values, lanes):
    """Return the Euclidean norm of values, whose squares are added in an order that depends on their number alone."""
    for j in range(WIDE):
        lanes[j] = ZERO
    for start in range(0, values.size, WIDE):
        group = between(values, start, start + WIDE)
        for j in range(WIDE):
            lanes[j] += group[j] * group[j]
    return math.sqrt(((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7])))


@compiled(nogil=True, _nrt=False)
def patches(events, first, rows, memory, clock, surface, patch, ages, values, lanes, samples, sources):
    """Make a sample of each event: the surface around it, the event itself in the middle at 1.

    The memory of last times has a margin of pixels that never have an event: it is int64 (polarities,
    height + 2 * radius, width + 2 * radius + WIDE). Working memory: `values` is float32, of a multiple of 64 no
    smaller than the inputs, `ages` int32, WIDE longer, and `lanes` float32 (WIDE,).
    """
    height, width = memory.shape[1] - 2 * patch.radius, memory.shape[2] - 2 * patch.radius - WIDE
    made, writes, stride = 0, samples.shape[0] > 0, memory.shape[1] * memory.shape[2]
    inputs, flat, rowed = samples.shape[1], memory.reshape(memory.size), samples.reshape(samples.size)
    for i in range(first, events.t.size):
        if made == rows:
            return i, made
        if not is_inside(events, i, memory.shape[0], height, width, clock):
            continue
        if begins_anew(events.t[i], clock):
            forget(memory, NEVER)
        x, y, now = events.x[i], events.y[i], moment(events.t[i], clock)
        memory[events.p[i], y + patch.radius, x + patch.radius] = now
        if writes or patch.least > 1:
            _around(memory, flat, y * memory.shape[2] + x, now, stride, patch.radius, surface, ages)
        if patch.least > 1 and _young(ages, surface, inputs) < patch.least:
            continue
        if writes:
            _values(ages, surface, inputs, values)
            scale = ONE / _norm(values, lanes) if patch.unit else ONE
            row = between(rowed, made * inputs, (made + 1) * inputs)
            for j in range(inputs):
                row[j] = values[j] * scale
            sources[made] = i
        made += 1
    return events.t.size, made
