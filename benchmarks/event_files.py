"""Files of events beside other readers: the same events? how many a second? Printed as tables.

    NEUROSIM_DATA=DIR python -m benchmarks.event_files [--events 4000000]

First the recordings in the folders `events` and `nmnist` of DIR, event by event; then one made-up recording of a moving
edge, written by faery in each format that it writes, and read by each reader. Rates are events by seconds of the
processor, all threads together, so that other work on the machine matters little. Readers that are not installed are
left out (pip install faery evt3 aedat; and, for Python 3.11, expelliarmus and event_stream).
"""

import argparse
import importlib
import importlib.util
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.streams import root
from neurosim.streams.events import read_events

FIELDS = ("t", "x", "y", "p")
TURNS = 5  # readings of each file by each reader, of which the fastest counts
SIZE = (640, 480)
WRITTEN = {"a.es": None, "a.dat": "dat2", "evt2.raw": "evt2", "evt3.raw": "evt3", "a.aedat4": None}
OVERFLOW_ROW, OVERFLOW = 240, 1 << 13

Columns = dict[str, Any]


class Timed(NamedTuple):
    """What a reader gave, and the seconds of the processor that its fastest reading took."""

    columns: Columns
    seconds: float


def by_faery(path: Path) -> Columns:
    """Read by faery."""
    faery = importlib.import_module("faery")
    events = np.concatenate(list(faery.events_stream_from_file(path)))
    return {name: events[name] for name in FIELDS}


def by_evt3(path: Path) -> Columns:
    """Read by evt3."""
    events = importlib.import_module("evt3").decode_file(str(path))
    return {name: getattr(events, name) for name in FIELDS}


def by_aedat(path: Path) -> Columns:
    """Read by aedat, packet by packet."""
    decoder = importlib.import_module("aedat").Decoder(path)
    events = np.concatenate([packet["events"] for packet in decoder if "events" in packet])
    return {"t": events["t"], "x": events["x"], "y": events["y"], "p": events["on"]}


def by_expelliarmus(path: Path) -> Columns:
    """Read by expelliarmus."""
    encoding = {".dat": "dat", ".raw": "evt3"}[path.suffix]
    events = importlib.import_module("expelliarmus").Wizard(encoding=encoding).read(path)
    return {name: events[name] for name in FIELDS}


def by_event_stream(path: Path) -> Columns:
    """Read by event_stream: of a generic stream, the times and sizes of records."""
    records = np.concatenate(list(importlib.import_module("event_stream").Decoder(str(path))))
    return {"t": records["t"], "records": len(records)}


def by_plain_loop(path: Path) -> Columns:
    """Read N-MNIST's records one by one."""
    data, events, added = path.read_bytes(), [], 0
    for i in range(0, len(data), 5):
        x, y, high, middle, low = data[i : i + 5]
        if y == OVERFLOW_ROW:
            added += OVERFLOW
        else:
            events.append((((high & 127) << 16) + (middle << 8) + low + added, x, y, high >> 7))
    return dict(zip(FIELDS, np.array(events, np.int64).reshape(-1, 4).T, strict=True))


def by_neurosim(path: Path) -> Columns:
    """Read by neurosim."""
    recording = read_events(path)
    columns: Columns = {name: recording.events[name] for name in FIELDS}
    return columns | {"records": recording.counts.passed_over.get("generic records", 0)}


def timed(read: Callable[[Path], Columns], path: Path) -> Timed | None:
    """Read a file; None if the reader is not installed."""
    seconds = []
    for _ in range(TURNS):
        begin = time.process_time()
        try:
            columns = read(path)
        except ModuleNotFoundError:
            return None
        seconds.append(time.process_time() - begin)
    return Timed(columns, min(seconds))


def row(path: Path, read: Callable[[Path], Columns], events: int | None = None) -> None:
    """Print how a reader compares on a file."""
    ours, other = timed(by_neurosim, path), timed(read, path)
    if ours is None or other is None:
        return
    if "records" in other.columns:
        equal, count = ours.columns["records"] == other.columns["records"], ours.columns["records"]
        first, last = other.columns["t"][[0, -1]].tolist()
    else:
        count, same = len(ours.columns["t"]), len(other.columns["t"]) == len(ours.columns["t"])
        equal = same and all(np.array_equal(ours.columns[name], other.columns[name]) for name in FIELDS)
        first, last = ours.columns["t"][[0, -1]].tolist()
    name = read.__name__.removeprefix("by_").replace("_", " " if "plain" in read.__name__ else "_")
    rates = [count / reading.seconds / 1e6 for reading in (ours, other)]
    told = "yes" if equal else differs(ours.columns, other.columns)
    cells = [path.name, f"{path.stat().st_size / 1e6:.2f}", f"{count:,}", f"{first}", f"{last}", name, told]
    print("| " + " | ".join([*cells, *(f"{rate:.2f}" for rate in rates)]) + " |", flush=True)
    if events is not None and count != events:
        raise SystemExit(f"{path.name} must have {events} events, got {count}")


def differs(ours: Columns, others: Columns) -> str:
    """Return in words in which fields events differ."""
    if len(ours["t"]) != len(others["t"]):
        return f"no: {len(others['t'])} events"
    fields = [name for name in FIELDS if not np.array_equal(ours[name], others[name])]
    return "no: " + ", ".join(fields)


def head() -> None:
    """Print the head of a table."""
    print("| file | MB | events | first, µs | last, µs | other reader | equal | M events/s | its |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")


def recordings() -> None:
    """Compare the real recordings."""
    head()
    folder = root() / "events"
    for read in (by_aedat, by_faery):
        row(folder / "sample.aedat4", read, 111_954)
    for read in (by_evt3, by_faery, by_expelliarmus):
        row(folder / "evt3_test_pedestrians.raw", read, 5_000)
    row(folder / "sample_nmnist.bin", by_plain_loop, 4_325)
    row(folder / "sample_ncars.dat", by_expelliarmus, 2_009)
    row(folder / "generic.es", by_event_stream, 70)


def archives() -> None:
    """Compare every recording in the two archives of N-MNIST's records."""
    for name in ("nmnist/nmnist-small.tar.xz", "events/dvs-gesture-samples.tar.xz"):
        files = events = equal = 0
        ours = others = 0.0
        with tempfile.TemporaryDirectory() as folder:
            for path in unpacked(root() / name, Path(folder)):
                begin = time.process_time()
                mine = by_neurosim(path)
                between = time.process_time()
                plain = by_plain_loop(path)
                ours, others = ours + between - begin, others + time.process_time() - between
                files, events = files + 1, events + len(mine["t"])
                equal += all(np.array_equal(mine[field], plain[field]) for field in FIELDS)
        rates = f"{events / ours / 1e6:.1f} and {events / others / 1e6:.1f} million events/s"
        print(f"{name}: {files} recordings, {events:,} events; {equal} equal to the plain loop's; {rates}", flush=True)


def unpacked(archive: Path, folder: Path) -> Iterator[Path]:
    """Unpack an archive and give its recordings."""
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    yield from sorted(path for path in folder.rglob("*.bs2"))


def edge(events: int) -> Any:
    """Return events of an edge that moves over the sensor: runs along rows at one time, in random order, with noise."""
    faery = importlib.import_module("faery")
    rng, made = np.random.default_rng(0), np.zeros(events, faery.EVENTS_DTYPE)
    runs = rng.integers(1, 12, events)
    starts = np.repeat(np.arange(events), runs)[:events]
    offsets = np.arange(events) - np.searchsorted(starts, starts)
    made["t"] = 10_000 + np.cumsum(rng.integers(0, 3, events))[starts]
    made["x"] = (starts * 7 % (SIZE[0] - 12)) + offsets
    made["y"] = rng.integers(0, SIZE[1], events)[starts]
    made["p"] = rng.integers(0, 2, events)[starts]
    return made


def made_up(events: int) -> None:
    """Compare a made-up recording in every format that faery writes."""
    faery = importlib.import_module("faery")
    stream = faery.events_stream_from_array(edge(events), SIZE)
    head()
    with tempfile.TemporaryDirectory() as folder:
        for name, version in WRITTEN.items():
            path = Path(folder, name)
            stream.to_file(path, version=version, zero_t0=False)
            row(path, by_faery, events)
            if name == "evt3.raw":
                row(path, by_evt3, events)
            if name == "a.aedat4":
                row(path, by_aedat, events)
            path.unlink()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=4_000_000)
    count = parser.parse_args().events
    recordings()
    print()
    archives()
    print()
    if importlib.util.find_spec("faery") is not None:
        made_up(count)
