"""Files of events, written from the published descriptions of their formats: word by word, in plain Python.

Each function takes events as tuples (t, x, y, p) in the order of the file and returns bytes.
"""

import random
import struct

Event = tuple[int, int, int, int]


def made_up(seed, count, width=64, height=48, *, longest_pause=200, together=0.3):
    """Return events in order of time: some at one time, some in runs along a row, as a moving edge makes them."""
    rng, t, events = random.Random(seed), 0, []
    while len(events) < count:
        if rng.random() > together:
            t += rng.choice([0, 1, 2, rng.randrange(longest_pause)])
        x, y, p = rng.randrange(width), rng.randrange(height), rng.randrange(2)
        for offset in range(rng.choice([1, 1, 1, 2, 5, 40])):
            if x + offset < width and rng.random() < 0.8:
                events.append((t, x + offset, y, p))
    return events[:count]


def nmnist(events):
    """N-MNIST: x, y, polarity and 23 bits of time; a row of 240 adds 2**13 microseconds to all that follow."""
    data, added = bytearray(), 0
    for t, x, y, p in events:
        while t - added >= 1 << 23:
            data += bytes([0, 240, 0, 0, 0])
            added += 1 << 13
        data += bytes([x, y]) + (p << 23 | (t - added)).to_bytes(3, "big")
    return bytes(data)


def dat(events, *, version=2, kind=12, header=("Width 64", "Height 48")):
    """DAT: little-endian microseconds, modulo 2**32, and a word; version 1 has 9 bits of x and 8 of y."""
    lines = ["Data file containing CD events", *([] if version is None else [f"Version {version}"]), *header]
    data = bytearray("".join(f"% {line}\n" for line in lines).encode() + bytes([kind, 8]))
    for t, x, y, p in events:
        word = x | y << 9 | p << 17 if version in (0, 1) else x | y << 14 | p << 28
        data += struct.pack("<II", t % 2**32, word)
    return bytes(data)


def evt_header(version, *lines):
    return "".join(f"% {line}\n" for line in ("date 2026-12-01 10:00:00", f"evt {version}", *lines)).encode()


def evt2_words(events):
    """EVT 2.0: kind, six bits of time, eleven of x and of y; the upper 28 bits of time in words of their own."""
    words, high = [], None
    for t, x, y, p in events:
        if t >> 6 != high:
            high = t >> 6
            words.append(8 << 28 | high % 2**28)
        words.append(p << 28 | (t & 63) << 22 | x << 11 | y)
    return words


def evt2(events, *header):
    return evt_header("2.0", *header) + b"".join(struct.pack("<I", word) for word in evt2_words(events))


def evt21_words(events):
    """EVT 2.1: words of 64 bits for up to 32 pixels of one row, time and polarity, in rising order of x."""
    words, high, group = [], None, []

    def flush():
        if group:
            t, x, y, p = group[0]
            mask = sum(1 << (event[1] - x // 32 * 32) for event in group)
            words.append((p << 28 | (t & 63) << 22 | x // 32 * 32 << 11 | y) << 32 | mask)
            group.clear()

    for t, x, y, p in events:
        fits = group and group[0][::2] == (t, y) and group[0][3] == p and group[-1][1] < x
        if not (fits and group[0][1] // 32 == x // 32):
            flush()
        if t >> 6 != high:
            high = t >> 6
            words.append((8 << 28 | high % 2**28) << 32)
        group.append((t, x, y, p))
    flush()
    return words


def evt21(events, *header, upper_first=False):
    data = bytearray(evt_header("2.1", *header))
    for word in evt21_words(events):
        data += struct.pack("<II", word >> 32, word % 2**32) if upper_first else struct.pack("<Q", word)
    return bytes(data)


def evt3_words(events, *, vectors=True):
    """EVT 3.0: words of 16 bits; runs of a row are written as masks of 12, and of 8 where that is enough."""
    words, high, low, row, i = [], None, None, None, 0
    while i < len(events):
        t, x, y, p = events[i]
        if t >> 12 != high:
            high, low = t >> 12, None
            words.append(8 << 12 | high % 4096)
        if t & 4095 != low:
            low = t & 4095
            words.append(6 << 12 | low)
        if y != row:
            row = y
            words.append(y)
        run = 1
        while vectors and i + run < len(events) and run < 20 and events[i + run] == (t, x + run, y, p):
            run += 1
        if run > 2:
            words.append(3 << 12 | p << 11 | x)
            words += [4 << 12 | (1 << min(12, run)) - 1] if run > 8 else [5 << 12 | (1 << run) - 1]
            if run > 12:
                words.append(5 << 12 | (1 << (run - 12)) - 1)
        else:
            words += [2 << 12 | p << 11 | (x + offset) for offset in range(run)]
        i += run
    return words


def evt3(events, *header, vectors=True):
    words = evt3_words(events, vectors=vectors)
    return evt_header("3.0", *header) + b"".join(struct.pack("<H", word) for word in words)


def aedat2(events, chip="DVS128", *, size=(128, 128), lines=(), last=True):
    """AEDAT 2.0: as jAER reads it, columns from the right and rows from below; DVS128 has 0 for brighter."""
    named = [f"# AEChip: eu.seebetter.ini.chips.davis.{chip}"] if chip else []
    ended = ["#End Of ASCII Header"] if last else []
    data = bytearray("".join(f"{line}\r\n" for line in ["#!AER-DAT2.0", *named, *lines, *ended]).encode())
    for t, x, y, p in events:
        x, y = size[0] - 1 - x, size[1] - 1 - y
        address = (1 - p) | x << 1 | y << 8 if chip in (None, "DVS128") else p << 11 | x << 12 | y << 22
        data += struct.pack(">II", address, t % 2**32)
    return bytes(data)


def packet(kind, records, *, size, source=1, wraps=0, capacity=None, number=None):
    """A packet of AEDAT 3.1: its header of 28 bytes, and records."""
    number = len(records) if number is None else number
    head = struct.pack("<hhiiiiii", kind, source, size, 4, wraps, number if capacity is None else capacity, number, 0)
    return head + b"".join(records)


def polarity(event, valid=1):
    t, x, y, p = event
    return struct.pack("<Ii", x << 17 | y << 2 | p << 1 | valid, t % 2**31)


def aedat3(events, source="DVS128", *, of=50, others=()):
    """AEDAT 3.1: packets of at most `of` events whose times have wrapped equally often; after each, one of others."""
    data = bytearray(b"#!AER-DAT3.1\r\n#Format: RAW\r\n")
    data += f"#Source 1: {source}\r\n#Start-Time: 2026-12-01 10:00:00 (TZ+0100)\r\n#!END-HEADER\r\n".encode()
    i = 0
    while i < len(events):
        wraps = events[i][0] >> 31
        together = [event for event in events[i : i + of] if event[0] >> 31 == wraps]
        data += packet(1, [polarity(event) for event in together], size=8, wraps=wraps)
        data += b"".join(others)
        i += len(together)
    return bytes(data)


def es_header(kind, size=None, version=(2, 0, 0)):
    return b"Event Stream" + bytes([*version, kind]) + (struct.pack("<HH", *size) if size else b"")


def es_time(elapsed, most, code):
    """Overflow bytes and what is left: `most` is the time that one byte adds, and the first that does not fit."""
    return bytes([code]) * (elapsed // most), elapsed % most


def es_dvs(events, size=(64, 48)):
    """DVS: rows from below, as those who made the format show them."""
    data, before = bytearray(es_header(1, size)), 0
    for t, x, y, p in events:
        overflows, left = es_time(t - before, 127, 0xFF)
        data += overflows + bytes([left << 1 | p]) + struct.pack("<HH", x, size[1] - 1 - y)
        before = t
    return bytes(data)


def es_atis(events, size=(64, 48), crossings=()):
    """ATIS: events whose index is in `crossings` are half an exposure, and no change."""
    data, before = bytearray(es_header(2, size)), 0
    for index, (t, x, y, p) in enumerate(events):
        count, left = divmod(t - before, 63)
        overflows = bytes([0xFC | 3]) * (count // 3) + (bytes([0xFC | count % 3]) if count % 3 else b"")
        data += overflows + bytes([left << 2 | p << 1 | (index in crossings)]) + struct.pack("<HH", x, size[1] - 1 - y)
        before = t
    return bytes(data)


def es_colour(events, size=(64, 48)):
    data, before = bytearray(es_header(4, size)), 0
    for t, x, y, p in events:
        overflows, left = es_time(t - before, 254, 0xFF)
        data += overflows + bytes([left]) + struct.pack("<HH", x, size[1] - 1 - y) + bytes([200 * p, 7, 9])
        before = t
    return bytes(data)


def es_generic(records):
    """Generic: records (t, bytes)."""
    data, before = bytearray(es_header(0)), 0
    for t, content in records:
        overflows, left = es_time(t - before, 254, 0xFF)
        data += overflows + bytes([left])
        size = len(content)
        while True:
            data.append((size & 127) << 1 | (size > 127))
            size >>= 7
            if not size:
                break
        data += content
        before = t
    return bytes(data)
