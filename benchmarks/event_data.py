"""Recordings of event cameras for benchmarks, read from the archives in the folder that NEUROSIM_DATA names."""

import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.streams import root
from neurosim.streams.events import Recording, read_events

N_MNIST, GESTURES = "nmnist/nmnist-small.tar.xz", "events/dvs-gesture-samples.tar.xz"
SENSOR, GESTURE_SENSOR = (34, 34), (128, 128)


class Recordings(NamedTuple):
    """Recordings and their labels, int64 (recordings,)."""

    recordings: list[Recording]
    labels: NDArray[np.int64]


def n_mnist() -> tuple[Recordings, Recordings]:
    """Return the 1,000 recordings for training and the 100 for testing."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(root() / N_MNIST) as archive:
            archive.extractall(folder, filter="data")
        files = {path.name: path for path in Path(folder).rglob("*") if path.is_file()}
        parts = []
        for name in ("train1K.txt", "test100.txt"):
            rows = [line.split() for line in files[name].read_text().splitlines() if line[:1].isdigit()]
            recordings = [read_events(files[f"{number}.bs2"], format="nmnist", sensor=SENSOR) for number, _ in rows]
            parts.append(Recordings(recordings, np.array([int(label) for _, label in rows])))
    return parts[0], parts[1]


def gestures() -> dict[str, Recording]:
    """Return a recording of each of ten gestures, by the name of its file, in order."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(root() / GESTURES) as archive:
            archive.extractall(folder, filter="data")
        files = sorted(Path(folder).rglob("*.bs2"), key=lambda path: int(path.stem))
        return {path.stem: read_events(path, format="nmnist", sensor=GESTURE_SENSOR) for path in files}
