"""Mutants of files of events: well-formed ones of every format, with words, fields and bytes changed."""

import struct
from pathlib import Path
from random import Random

import event_files as made
import h5py
import numpy as np
from mutations import LEARN, WHOLE, bent

# A command that reads events alone: whole, and as errors of the command line are told.
READ = """
import sys
from neurosim.errors import NeurosimError
from neurosim.streams.events import open_events
try:
    file = open_events(sys.argv[1] if len(sys.argv) > 1 else PATH)
    total = sum(len(block) for block in file.blocks())
    assert total == file.counts.events
    assert all(count >= 0 for count in file.counts.passed_over.values())
    " ".join(file.notes)
except NeurosimError as error:
    print("error:", error, file=sys.stderr)
    raise SystemExit(2)
"""
SIZES = [(64, 48), (0, 0), (65535, 65535), (1, 1)]


def _read(path: Path) -> list[object]:
    return ["-c", f"PATH = {str(path)!r}\n{READ}"]


def _events(rng: Random) -> list[made.Event]:
    """Return events, perhaps with odd ones among them: far later, earlier, or outside."""
    events = made.made_up(rng.randrange(99), rng.choice([0, 1, 30, 300]))
    for _ in range(rng.choice([0, 0, 1, 5])):
        if events:
            at = rng.randrange(len(events))
            t, x, y, p = events[at]
            other = rng.choice([(t, 63, 47, p), (0, x, y, p), (t + rng.choice([5000, 2**24, 2**31, 2**34]), x, y, p)])
            events.insert(at, other)
    return events


def _words(rng: Random, code: str, words: list[int]) -> bytes:
    """Return words, some of them with another kind, another place, or any content."""
    bits = 8 * struct.calcsize(code)
    for _ in range(rng.choice([0, 1, 3])):
        if words:
            at = rng.randrange(len(words))
            match rng.randrange(4):
                case 0:
                    words[at] = words[at] % 2 ** (bits - 4) | rng.randrange(16) << (bits - 4)
                case 1:
                    del words[at]
                case 2:
                    words.insert(at, rng.randrange(2**bits))
                case 3:
                    words[at] = rng.choice(WHOLE) % 2**bits
    return b"".join(struct.pack(f"<{code}", word) for word in words)


def _header(rng: Random, *lines: str) -> list[str]:
    """Return lines of a header, some of them changed."""
    changed = list(lines)
    if rng.random() < 0.3 and changed:
        at, odd = rng.randrange(len(changed)), ["", "x" * 3000, "-1", str(rng.choice(WHOLE)), "\u00e9\u2028", "\x00"]
        changed[at] = rng.choice([changed[at].split(" ")[0] + " " + rng.choice(odd), rng.choice(odd)])
    return changed


def raw(rng: Random, folder: Path) -> list[object]:
    """Prophesee's raw words, of the version that the header says or of another."""
    events = _events(rng)
    version = rng.choice(["2.0", "2.1", "3.0"])
    says = version if rng.random() < 0.9 else rng.choice(["2.0", "2.1", "3.0", "4.0", ""])
    head = made.evt_header(says, *_header(rng, "geometry 64x48", "format EVT3;height=48;width=64", "t0 5", "end"))
    if version == "2.0":
        data = _words(rng, "I", made.evt2_words([(max(0, t), x, y, p) for t, x, y, p in events]))
    elif version == "2.1":
        data = _words(rng, "Q", made.evt21_words(events))
    else:
        data = _words(rng, "H", made.evt3_words(events))
    return _put(rng, folder, "a.raw", head + data)


def dat(rng: Random, folder: Path) -> list[object]:
    lines = _header(rng, "Width 64", "Height 48", "T0 7")
    version, kind = rng.choice([None, 1, 2, 2, 2, 3]), rng.choice([0, 12, 12, 12, 14, 99])
    return _put(rng, folder, "a.dat", made.dat(_events(rng), version=version, kind=kind, header=lines))


def nmnist(rng: Random, folder: Path) -> list[object]:
    events = [(t % 2**23, x, y, p) for t, x, y, p in _events(rng)]
    return _put(rng, folder, rng.choice(["a.bin", "a.bs2"]), made.nmnist(events))


def aedat2(rng: Random, folder: Path) -> list[object]:
    chip, size = rng.choice([("DVS128", (128, 128)), (None, (128, 128)), ("DAVIS346", (346, 260)), ("x", (128, 128))])
    data = made.aedat2(_events(rng), chip, size=size, lines=_header(rng, "# created"), last=rng.random() < 0.7)
    return _put(rng, folder, "a.aedat", data)


def aedat3(rng: Random, folder: Path) -> list[object]:
    """Packets of many kinds, of which one may declare what it does not have."""
    numbers = {"size": 8}
    if rng.random() < 0.6:
        wrong = rng.choice(["size", "number", "capacity", "wraps"])
        numbers[wrong] = max(-(2**31), min(rng.choice(WHOLE), 2**31 - 1))
    records = [made.polarity((1, 2, 3, 1))] * rng.choice([0, 1, 5])
    odd = made.packet(rng.choice([0, 1, 1, 2, 5, 13, 14, -1]), records, **numbers)
    return _put(rng, folder, "a.aedat", made.aedat3(_events(rng), of=rng.choice([1, 50]), others=[odd]))


def es(rng: Random, folder: Path) -> list[object]:
    events, size = sorted(_events(rng)), rng.choice(SIZES)
    events = [(min(t, 10**7), x, min(y, size[1] - 1) if size[1] > 1 else y, p) for t, x, y, p in events]
    records = [(i * 300, bytes(rng.choice([0, 3, 200]))) for i in range(20)]
    write = rng.choice([made.es_dvs, made.es_atis, made.es_colour])
    data = made.es_generic(records) if rng.random() < 0.3 else write(events)
    if rng.random() < 0.3:
        data = data[:16] + struct.pack("<HH", *size) + data[20:]
    return _put(rng, folder, "a.es", data)


def h5(rng: Random, folder: Path) -> list[object]:
    """Four datasets or one of records, of which one has another type, length, shape or place."""
    table = np.array(_events(rng), np.int64).reshape(-1, 4)
    wrong = rng.choice([*"txyp", "none", "none"])
    with h5py.File(folder / "a.h5", "w") as file:
        for name, values in zip("txyp", table.T, strict=True):
            kind = rng.choice(["i8", "u4", "u2", "f8", "?", "S3", "i1"]) if name == wrong else "i8"
            with np.errstate(all="ignore"):
                column = values.astype(kind)
            if name == wrong and rng.random() < 0.5:
                column = rng.choice([column[:3], column.reshape(-1, 1), column + column])
            options = {} if rng.random() < 0.5 or not len(column) else {"compression": "gzip", "chunks": (len(column),)}
            place = rng.choice(["events", "events", "", "CD"]) if name == wrong else "events"
            file.create_dataset(f"{place}/{name}", data=column, **(options if column.ndim == 1 else {}))
        if rng.random() < 0.3:
            file["t_offset"] = rng.choice([5, 2**62, -3, "x", [1, 2]])
        if rng.random() < 0.3:
            file.attrs[rng.choice(["geometry", "width", "height"])] = rng.choice(["64x48", "x", 64, -1, "0x0", [3, 4]])
    return _put(rng, folder, "a.h5", (folder / "a.h5").read_bytes())


def _put(rng: Random, folder: Path, name: str, data: bytes) -> list[object]:
    (folder / name).write_bytes(bent(rng, data) if rng.random() < 0.5 else data)
    if rng.random() < 0.2:
        encode = rng.choice(["counts:every=1ms,cell=8", "counts:every=20", "local:radius=2,tau=20ms"])
        return ["stream", folder / name, "--encode", encode, "--sensor", "64,48", *LEARN]
    return _read(folder / name)


def events(rng: Random, folder: Path) -> list[object]:
    return rng.choice([raw, raw, dat, nmnist, aedat2, aedat3, es, h5])(rng, folder)


KINDS = {"events": events}
