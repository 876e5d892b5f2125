"""Streams: where samples come from. `open_stream` opens every source; their table is in `sources`."""

import os
from pathlib import Path
from typing import Any

from neurosim.checks import LARGEST, whole
from neurosim.errors import ConfigError, StreamError
from neurosim.streams.arrays import ArrayStream as ArrayStream
from neurosim.streams.base import Block as Block
from neurosim.streams.base import Stream as Stream
from neurosim.streams.base import check_stream as check_stream
from neurosim.streams.noises import Blur as Blur
from neurosim.streams.noises import Contrast as Contrast
from neurosim.streams.noises import GaussianNoise as GaussianNoise
from neurosim.streams.noises import Occlusion as Occlusion
from neurosim.streams.noises import SaltAndPepper as SaltAndPepper
from neurosim.streams.order import repeat
from neurosim.streams.resized_crop import RandomResizedCrop as RandomResizedCrop
from neurosim.streams.sources import KNOWN as KNOWN
from neurosim.streams.sources import open_source
from neurosim.streams.transformed import transform as transform
from neurosim.streams.transforms import PadCrop as PadCrop
from neurosim.streams.transforms import RandomFlip as RandomFlip
from neurosim.streams.transforms import Standardise as Standardise
from neurosim.streams.whitening import Whiten as Whiten


def open_stream(
    source: str | os.PathLike[str],
    *,
    root: str | Path = ".",
    inputs: int | None = None,
    label: str | None = None,
    header: str = "auto",
    delimiter: str | None = None,
    skip_bad: bool = False,
    epochs: int = 1,
    shuffle: int | None = None,
    image_size: int | None = None,
    samples: str | None = None,
    labels: str | None = None,
    format: str | None = None,  # noqa: A002
    key: str | None = None,
    encode: Any = None,
    sensor: tuple[int, int] | None = None,
    queue: int | None = None,
    when_full: str | None = None,
    reconnect: float | None = None,
    idle: float | None = None,
) -> Stream:
    """Open a stream by its name.

    Parameters
    ----------
    source : str
        One of those that `neurosim.streams.KNOWN` lists: a data set and its split (`mnist:train`), `images:` and a
        folder with a folder of images for each class, a file by its ending (`samples.csv`), or `-`, a pipe of lines.
        docs/data.md says what each is read from.
    root : path
        Folder that relative names start from.
    inputs : int, optional
        Width of a sample: required for a pipe, checked for all others.
    label : str, optional
        For lines: the label's column, by name or number (-1 the last), or its key in JSON objects.
    header : {"auto", "yes", "no"}
        For lines of CSV: whether the first line names the columns. `auto` decides by its content, and refuses a line
        that may be either; docs/data.md says how.
    delimiter : str, optional
        For lines of CSV: what is between the cells, one character or `tab`; by default a comma, and a tab in `.tsv`.
    skip_bad : bool
        For lines: skip malformed ones, and count them.
    epochs : int
        How many times the samples are read.
    shuffle : int, optional
        Seed of a random order, which differs in each epoch; by default the stored order.
    image_size : int, optional
        For `images:FOLDER`, which requires it: height and width that images are resampled to.
    samples, labels : str, optional
        For `.npz` and HDF5 files: names of the arrays; by default `samples` (or `x`) and `labels` (or `y`).
    format : str, optional
        `f32` or `u8`: the source is a file or a pipe of frames, numbers in little-endian float32, or bytes, `inputs`
        of them a sample and nothing between; `label` 0 or -1 says that one more before or after them is the label.
        Of a file of events, one of the formats that docs/events.md lists, where its beginning and its ending do not
        tell.
    key : str, optional
        For lines: the column that says whose a sample is, by name or number, or its key in JSON objects. Blocks are
        then `neurosim.streams.keyed.KeyedBlock`, and `neurosim.Fleet` has a chip for each key.
    encode : LocalSurface, TimeSurface, EventCounts, EventFrames or str, optional
        For events, which require it: how they become samples, as an encoder or in words such as
        `local:radius=2,tau=20ms`; docs/event-encoders.md says more. HDF5 files are read as events with it.
    sensor : (int, int), optional
        For events: width and height of the sensor, where the file does not say it, or in place of what it says.
    queue : int, optional
        For live sources: how many lines or frames wait at most until they are learned; by default 4096.
    when_full : {"block", "drop-oldest", "drop-newest"}, optional
        For live sources: what happens to what arrives when the queue is full. By default `block`: it is not received
        until there is room, so that the sender, or the system's own buffer, has it.
    reconnect : float, optional
        For live sources: seconds for which one that is not there, or is gone, is tried again; by default it ends.
    idle : float, optional
        For live sources: seconds of silence after which the stream ends; by default it does not.

    Raises
    ------
    StreamError
        If the source is unknown, missing, empty, truncated or malformed.
        If `inputs` differs from the width of its samples.
    SampleError
        If samples or labels are not numbers, or a label is not a whole number from 0, nor -1 or NaN for none.
    ConfigError
        If `source` is no name, or an option is out of range, or the source does not support it.
    """
    if inputs is not None:
        whole("inputs", inputs, 1, LARGEST)
    source = _text("source", source)
    for name, value in (("samples", samples), ("labels", labels)):
        if value is not None:
            _text(name, value)
    options = {
        "root": Path(_text("root", root)), "inputs": inputs, "label": label, "header": header,
        "delimiter": delimiter, "skip_bad": skip_bad, "image_size": image_size, "samples": samples, "labels": labels,
        "format": format, "key": key, "encode": encode, "sensor": sensor, "queue": queue, "when_full": when_full,
        "reconnect": reconnect, "idle": idle,
    }  # fmt: skip
    try:
        stream = open_source(source, options)
    except OSError as error:
        if isinstance(error, StreamError):
            raise
        raise StreamError(f"source {source} must be readable, but: {error}") from error
    if inputs is not None and stream.inputs != inputs:
        raise StreamError(f"samples of {source} must have the {inputs} inputs asked for, got {stream.inputs}")
    return repeat(stream, epochs, shuffle)


def _text(name: str, value: str | os.PathLike[str]) -> str:
    """Return a name or a path as text; refuse anything else."""
    try:
        return os.fsdecode(value)
    except TypeError:
        advice = f"one of {KNOWN}" if name == "source" else ""
        raise ConfigError(name, "a text or a path", type(value).__name__, advice) from None
