"""Streams for benchmarks: images as they are, inverted, standardised and grey; surfaces of events; heart beats.

`STREAMS` has a function for each; all read the folder that NEUROSIM_DATA names. On the first, constants of recipes are
chosen; the others are kept back to check them.
"""

import os
import tarfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import neurosim as ns

Samples = NDArray[np.float32]
Labels = NDArray[np.int64]

# Events: a surface at the end of each of the three saccades of a recording, of N-MNIST's 34 x 34 pixels.
SIDE, SACCADES, DECAY = 34, (105_000, 210_000, 315_000), 50_000.0  # microseconds
# Beats: samples before and after the annotation, 360 a second, so .27 and .44 s.
BEFORE, AFTER = 96, 160
BEATS = {1: "N", 8: "A", 5: "V"}  # codes of annotations that are beats of record 100; what remains is not labelled
SKIP, AUXILIARY, WITHOUT_TIME = 59, 63, (60, 61, 62)


class Data(NamedTuple):
    """A stream's two parts, and whether it has negative inputs."""

    samples: Samples
    labels: Labels
    test_samples: Samples
    test_labels: Labels

    @property
    def signed(self) -> bool:
        """Whether a sample has a negative input."""
        return bool(self.samples.min() < 0)

    @property
    def majority(self) -> float:
        """The share of the test samples that have the most frequent label."""
        return float(np.bincount(self.test_labels).max() / len(self.test_labels))


def root() -> Path:
    """Return the folder of data."""
    return Path(os.environ["NEUROSIM_DATA"])


@cache
def images(source: str) -> Data:
    """Return both parts of a source of images, pixels from 0 to 1."""
    parts = []
    for split in ("train", "test"):
        stream = ns.open_stream(f"{source}:{split}", root=root())
        block = next(iter(stream.blocks(size=stream.length)))
        parts += [block.samples.reshape(len(block.samples), -1), block.labels]
    return Data(*parts)


def inverted() -> Data:
    """Return MNIST in black on white."""
    data = images("mnist")
    return data._replace(samples=1 - data.samples, test_samples=1 - data.test_samples)


def standardised() -> Data:
    """Return MNIST, each pixel less the mean over all pixels of the training images, over their deviation."""
    data = images("mnist")
    mean, deviation = data.samples.mean(dtype=np.float64), data.samples.std(dtype=np.float64)
    mean, deviation = np.float32(mean), np.float32(deviation)
    return data._replace(samples=(data.samples - mean) / deviation, test_samples=(data.test_samples - mean) / deviation)


def grey() -> Data:
    """Return CIFAR-10 in grey: the mean of the colours, the middle 28 x 28 pixels."""

    def crop(colours: Samples) -> Samples:
        return np.ascontiguousarray(
            colours.reshape(-1, 3, 32, 32).mean(axis=1)[:, 2:-2, 2:-2].reshape(len(colours), -1)
        )

    data = images("cifar10")
    return data._replace(samples=crop(data.samples), test_samples=crop(data.test_samples))


def surfaces() -> Data:
    r"""Return time surfaces of N-MNIST: for each polarity and pixel :math:`e^{-(t - t_{last}) / 50\,\mathrm{ms}}`.

    The time t is the end of each saccade, so a recording gives three samples with its label.
    """
    folder = root() / "nmnist"
    with tarfile.open(folder / "nmnist-small.tar.xz") as archive:
        files = {Path(member.name).name: member for member in archive if member.isfile()}
        contents = {name: _content(archive, member) for name, member in files.items()}
    parts: list[NDArray[np.float32] | NDArray[np.int64]] = []
    for names in ("train1K.txt", "test100.txt"):
        rows = [line.split() for line in contents[names].decode().splitlines() if line[:1].isdigit()]
        parts.append(np.concatenate([_surfaces(contents[f"{number}.bs2"]) for number, _ in rows]))
        parts.append(np.repeat(np.array([int(label) for _, label in rows]), len(SACCADES)))
    return Data(*parts)  # type: ignore[arg-type]


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None
    return file.read()


def _surfaces(recording: bytes) -> Samples:
    """Return the surfaces of a recording: float32 (saccades, 2 * 34 * 34), from 0 to 1."""
    events = np.frombuffer(recording, np.uint8).reshape(-1, 5).astype(np.int64)
    polarity, time = events[:, 2] >> 7, ((events[:, 2] & 127) << 16) | (events[:, 3] << 8) | events[:, 4]
    place = (polarity * SIDE + events[:, 1]) * SIDE + events[:, 0]
    found = np.zeros((len(SACCADES), 2 * SIDE * SIDE), np.float32)
    for row, end in zip(found, SACCADES, strict=True):
        last = np.full(len(row), -np.inf)
        until = time <= end
        np.maximum.at(last, place[until], time[until])
        row[:] = np.exp((last - end) / DECAY)
    return found


def beats() -> Data:
    """Return windows around the beats of record 100, first lead, in mV less their mean; every fifth is for testing."""
    windows, labels = beats_in_order()
    test = np.arange(len(windows)) % 5 == 4
    return Data(windows[~test], labels[~test], windows[test], labels[test])


def beats_in_order() -> tuple[Samples, Labels]:
    """Return all windows of `beats` in their order: normal 0, atrial premature 1, ventricular premature 2."""
    folder = root() / "ecg"
    signal = first_lead((folder / "100.dat").read_bytes())
    places, kinds = annotations((folder / "100.atr").read_bytes())
    labels = np.array([list(BEATS).index(kind) if kind in BEATS else -1 for kind in kinds])
    kept = (labels >= 0) & (places >= BEFORE) & (places + AFTER <= len(signal))
    windows = np.stack([signal[place - BEFORE : place + AFTER] for place in places[kept]])
    windows -= windows.mean(axis=1, keepdims=True)
    return windows, labels[kept]


def first_lead(content: bytes) -> Samples:
    """Return the first of two signals of a file in format 212, 200 a mV around 1024, in mV.

    Two numbers of 12 bits lie in three bytes; the low half of the second byte ends the first.
    """
    triples = np.frombuffer(content, np.uint8).reshape(-1, 3).astype(np.int32)
    first = triples[:, 0] | ((triples[:, 1] & 15) << 8)
    first[first > 2047] -= 4096
    return ((first - 1024) / 200).astype(np.float32)


def annotations(content: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the times of annotations, in samples, and their codes, from a file in MIT's format.

    A word has a code in its upper 6 bits, and in its lower 10 the samples since the last annotation.
    """
    words = np.frombuffer(content, "<u2").astype(np.int64)
    at, time, times, codes = 0, 0, [], []
    while at < len(words) and words[at]:
        code, step = divmod(int(words[at]), 1024)
        at += 1
        if code == SKIP:  # a longer time, its upper half first
            time += int(words[at] << 16 | words[at + 1])
            at += 2
        elif code == AUXILIARY:  # a text of so many bytes
            at += (step + 1) // 2
        elif code not in WITHOUT_TIME:
            time += step
            times.append(time)
            codes.append(code)
    return np.array(times), np.array(codes)


def mnist() -> Data:
    """Return MNIST."""
    return images("mnist")


def digits() -> Data:
    """Return scikit-learn's digits; the last 360, by other writers, are for testing."""
    return images("digits")


STREAMS: dict[str, Callable[[], Data]] = {
    "MNIST": mnist, "digits": digits, "CIFAR-10, grey": grey, "MNIST, inverted": inverted,
    "MNIST, standardised": standardised, "N-MNIST, surfaces": surfaces, "ECG, beats": beats,
}  # fmt: skip
CHOSEN_ON = ("MNIST", "digits", "CIFAR-10, grey")
