"""All figures that a chip can have, with a stream and on a described chip: which there are, and why others are not."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from neurosim import hardware
from neurosim.chip.chip import Chip
from neurosim.chip.samples import check_fits
from neurosim.engine.conv.layer import ConvLayer
from neurosim.errors import ConfigError, SampleError
from neurosim.hardware.chips.spec import Hardware
from neurosim.latency.measure import bench
from neurosim.latency.report import Report
from neurosim.reporting.pictures import CHANNELS
from neurosim.streams import Stream
from neurosim.streams.arrays import ArrayStream
from neurosim.views import answers, fields, priced, use

SAMPLES = 2000  # taken of a stream
NO_SHAPE = "the state does not say that samples are images: give their --shape H,W"
PATCHES = "strongest inputs (--stream) show what its neurons look for"
WARM_UP = 100  # of these, before latencies are measured


class Figure(NamedTuple):
    """A figure that can be drawn.

    Attributes
    ----------
    name : str
        Of a file, without its ending.
    caption : str
        What it shows.
    draw : callable
        Returns the matplotlib Figure.
    """

    name: str
    caption: str
    draw: Callable[[], Any]


class Missing(NamedTuple):
    """A figure that cannot be drawn, and why."""

    name: str
    why: str


def gallery(
    chip: Chip,
    *,
    shape: tuple[int, ...] | None = None,
    layer: int | None = None,
    stream: Stream | None = None,
    test: Stream | None = None,
    target: Hardware | None = None,
    samples: int = SAMPLES,
) -> list[Figure | Missing]:
    """Return the figures of a chip; nothing is drawn, learned or measured before one's `draw` is called.

    Parameters
    ----------
    chip : Chip
        It is not changed.
    shape : tuple of int, optional
        Of a sample as an image, where the chip does not say it; of the inputs of `layer`, if that is given. Empty if
        samples are no images.
    layer : int, optional
        Index from 0 of the only layer to be shown; by default all are.
    stream : Stream, optional
        Samples for winners, strongest patches, latency and energy; with labels for the confusion of classes.
    test : Stream, optional
        Other samples with labels, of which classes are counted.
    target : Hardware, optional
        The described chip.
    samples : int
        Samples taken of each stream, at most.

    Raises
    ------
    ConfigError
        If there is no such layer, or the shape is another one than that of its inputs.
    SampleError, StreamError
        If a stream cannot be read, or is empty.
    """
    if layer is not None:
        use.layer_of(chip, layer)
    for source in (stream, test):
        if source is not None:
            check_fits(source, chip.shape)
    stream, test = (one and first_samples(one, samples) for one in (stream, test))
    image = None if layer else shape
    if image is None and len(chip.shape) != 3 and stream is not None and len(stream.shape) == 3:
        image = stream.shape
    found: list[Figure | Missing] = []
    for index in range(len(chip.layers)) if layer is None else (layer,):
        own = image if index == 0 else shape if index == layer else None
        found += _layer(chip, index, own, stream, image)
    if stream is not None:
        found += [_confusion(chip, stream, test), _latency(chip, stream)]
    return found + ([] if target is None else _priced(chip, stream, target))


def first_samples(stream: Stream, count: int) -> Stream:
    """Return the first samples of a stream, at most so many, read into memory, as a stream.

    Raises
    ------
    SampleError, StreamError
        If there is none, or one cannot be read.
    """
    blocks, left = [], count
    for block in stream.blocks(size=min(count, 256)):
        blocks.append(block)
        left -= len(block.samples)
        if left <= 0:
            break
    if not blocks:
        raise SampleError(f"{stream.name} must hold at least one sample, got none")
    samples = np.concatenate([block.samples for block in blocks])[:count]
    labels = [block.labels for block in blocks if block.labels is not None]
    head = ArrayStream(
        samples.reshape(len(samples), *stream.shape),
        np.concatenate(labels)[:count] if stream.labelled and labels else None,
        name=stream.name,
    )
    head.classes, head.classes_grow, head.columns = stream.classes, stream.classes_grow, stream.columns
    head.labels_advice = stream.labels_advice
    return head


def timed(chip: Chip, stream: Stream, *, learning: bool) -> Report:
    """Return the latencies of the samples that `first_samples` returned, taken one at a time.

    Raises
    ------
    SampleError
        If there are too few of them.
    """
    length = stream.length or 0
    warm_up = min(WARM_UP, length // 2)
    if length - warm_up < 2:  # the first is taken before the others
        raise SampleError(f"{stream.name} must hold at least 3 samples to be timed, got {length}")
    report = bench(chip, stream, learning=learning, warm_up=warm_up)
    assert report is not None  # nobody stops it
    return report


def _layer(
    chip: Chip, index: int, shape: tuple[int, ...] | None, stream: Stream | None, image: tuple[int, ...] | None
) -> Iterator[Figure | Missing]:
    """Yield the figures of a layer; `shape` is of its inputs, `image` of a sample."""
    name, told = f"layer-{index + 1}", f"layer {index + 1}"
    yield _fields(chip, index, shape)
    yield Figure(f"{name}-neurons", f"Wins of the neurons of {told}", partial(use.neurons, chip, index))
    if len(chip.layers[index].records):
        yield Figure(f"{name}-records", f"Use of {told} over samples", partial(use.records, chip, index))
    else:
        yield Missing(f"{name}-records", f"none after {chip.layers[index].samples:,} samples: {use.FIRST_RECORD}")
    yield Figure(f"{name}-norms", f"Length of the weights of {told}", partial(use.norms, chip, index))
    if stream is not None:
        draw = partial(answers.winners, chip, stream, index)
        yield Figure(f"{name}-winners", f"Winners of {told}, sample by sample", draw)
        yield _patches(chip, index, stream, image)


def _fields(chip: Chip, index: int, shape: tuple[int, ...] | None) -> Figure | Missing:
    name, layer = f"layer-{index + 1}-fields", chip.layers[index]
    if isinstance(layer, ConvLayer):
        channels = layer.image[0]
        if channels not in CHANNELS:
            return Missing(name, f"weights of {channels:,} channels are no picture: {PATCHES}")
        shape = None
    elif shape == ():
        return Missing(name, "samples are no images")
    elif shape is None and (index > 0 or len(chip.shape) != 3):
        return Missing(name, f"inputs of a deeper layer are no image: {PATCHES}" if index else NO_SHAPE)
    fields.field_shape(chip, index, shape)
    draw = partial(fields.receptive_fields, chip, index, shape=shape)
    return Figure(name, f"Weights of the most used neurons of layer {index + 1}", draw)


def _patches(chip: Chip, index: int, stream: Stream, image: tuple[int, ...] | None) -> Figure | Missing:
    name = f"layer-{index + 1}-patches"
    if image is None and len(chip.shape) != 3:
        return Missing(name, NO_SHAPE)
    try:
        fields.sample_shape(chip, image)
    except ConfigError:
        return Missing(name, "samples are no images of 1 or 3 channels")
    draw = partial(fields.strongest_patches, chip, stream, index, shape=image)
    return Figure(name, f"What the most used neurons of layer {index + 1} answer to most", draw)


def _confusion(chip: Chip, stream: Stream, test: Stream | None) -> Figure | Missing:
    if not stream.labelled:
        return Missing("confusion", f"{stream.name} has no labels")
    if len(chip.layers[-1].shape) == 3:
        return Missing("confusion", "the last layer is convolutional: an image has a winner at each position")
    half = f"one half of {stream.name}, counted on the other"
    on = half if test is None else f"{stream.name}, counted on {test.name}"
    caption = f"Which classes winners confuse: neurons' labels are fitted on {on}"
    return Figure("confusion", caption, partial(answers.confusion, chip, stream, test))


def _latency(chip: Chip, stream: Stream) -> Figure:
    def draw() -> Any:
        return priced.latency(timed(chip, stream, learning=False))

    return Figure("latency", "How long the chip takes to respond to a sample, here and now", draw)


def _priced(chip: Chip, stream: Stream | None, target: Hardware) -> list[Figure | Missing]:
    try:
        mapping = hardware.place(chip, target)
    except ConfigError as error:
        return [Missing(name, str(error)) for name in ("energy", "floor-plan")]
    plan = Figure("floor-plan", f"The chip on the cores of {target.title}", partial(priced.floor_plan, mapping))
    if stream is None:
        return [Missing("energy", "it depends on the samples: give some (--stream)"), plan]
    learning = target.learns()

    def draw() -> Any:
        counts = hardware.count(deepcopy(chip) if learning else chip, stream, learning=learning)
        return priced.energy(hardware.price(counts, target))

    doing = "learns from" if learning else "responds to"
    return [Figure("energy", f"Energy of a sample that {target.title} {doing}", draw), plan]
