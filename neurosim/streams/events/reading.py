"""Readers of the table of sources that give events: through the encoder that is asked for."""

from itertools import zip_longest
from pathlib import Path

import numpy as np

from neurosim.errors import StreamError
from neurosim.streams.events.encoder_text import encoder_of
from neurosim.streams.events.encoders import Encoder
from neurosim.streams.events.files import open_events
from neurosim.streams.events.formats import ENDINGS
from neurosim.streams.events.stream import EventStream


def event_file(
    path: Path,
    *,
    encode: Encoder | str | None,
    sensor: tuple[int, int] | None,
    format: str | None = None,  # noqa: A002
) -> EventStream:
    """Return a file of events, of any format that docs/events.md lists, as samples."""
    encoder = encoder_of(encode)
    return EventStream(open_events(path, format=format, sensor=sensor), encoder)


def event_folder(folder: Path, *, encode: Encoder | str | None, sensor: tuple[int, int] | None) -> EventStream:
    """Return the recordings of a folder that has a folder for each class, as samples with labels.

    Classes are numbered by their names in order, and take turns: the first recording of each, the second of each.

    Raises
    ------
    StreamError
        If there are no recordings.
    """
    encoder = encoder_of(encode)
    if not folder.is_dir():
        raise StreamError(f"source events:{folder} must be a folder with a folder for each class, there is none")
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    of_classes = [_files(folder / name) for name in names]
    turns = [(path, label) for turn in zip_longest(*of_classes) for label, path in enumerate(turn) if path is not None]
    if not turns:
        endings = ", ".join(ENDINGS)
        raise StreamError(f"{folder} must have a folder for each class, with files of events ({endings}), got none")
    files = [open_events(path, sensor=sensor) for path, _ in turns]
    labels = np.array([label for _, label in turns], np.int64)
    return EventStream(files, encoder, labels=labels, sensor=sensor, classes=names, name=folder.name)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name.lower().endswith(ENDINGS) and path.is_file())
