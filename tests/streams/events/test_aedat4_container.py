"""AEDAT 4: the byte of a damaged header or packet, and nothing of the package's own on standard error."""

import os
import struct
import sys
from types import SimpleNamespace

import event_files as made
import numpy as np
import pytest

from neurosim.errors import StreamError
from neurosim.streams.events import open_events
from neurosim.streams.events.aedat4_container import check_header, position_of

MAGIC = b"#!AER-DAT4.0\r\n"
MAGIC_AND_SIZE = len(MAGIC) + 4
TEXT = "<dv><ä/></dv>".encode()


def header(text=TEXT):
    """Return a header as DV writes it: a table of three fields, the last of which is the description."""
    fields = struct.pack("<HHHHH", 10, 24, 4, 8, 16) + bytes(6)  # the table of fields, at byte 8
    table = struct.pack("<iiqi", 16, 0, -1, 8) + struct.pack("<i", 0)  # at byte 24; the description 8 bytes on
    whole = struct.pack("<I4s", 24, b"IOHE") + fields + table + struct.pack("<I", len(text)) + text + b"\0"
    return MAGIC + struct.pack("<I", len(whole)) + whole


def put(tmp_path, data, name="a.aedat4"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def test_the_first_packet_is_behind_the_header(tmp_path):
    whole = header()
    assert check_header(put(tmp_path, whole + bytes(100))) == len(whole)


def test_a_header_without_a_description_is_left_to_the_package(tmp_path):
    whole = bytearray(header())
    whole[MAGIC_AND_SIZE + 16 : MAGIC_AND_SIZE + 18] = bytes(2)
    assert check_header(put(tmp_path, whole)) == len(whole)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (header()[:16], "must not end within its header: at byte 14 it has 2 of 4 bytes"),
        (header()[:-5], rf"must not end within its header: at byte 18 it has {len(header()) - 23} of"),
        (
            header(TEXT[:5] + b"\xff" + TEXT[5:]),
            f"in UTF-8, got other bytes at byte {len(header()) - 10}",
        ),
        (MAGIC + struct.pack("<I", 1 << 30), "must have at most 16777216 bytes, got 1073741824 at byte 14"),
        (MAGIC + struct.pack("<II", 4, 1 << 20), "it leads to its byte 1048576, of 4"),
        (MAGIC + struct.pack("<I", 0), "it leads to its byte 0, of 0"),
        (header()[:-19] + bytes([200]) + header()[-18:], "its description ends at its byte"),
    ],
)
def test_a_damaged_header_names_the_byte(tmp_path, data, error):
    with pytest.raises(StreamError, match=error):
        check_header(put(tmp_path, data))


def test_a_packet_is_found_by_the_sizes_of_those_before(tmp_path):
    sizes = [7, 0, 300]
    packets = b"".join(struct.pack("<iI", 0, size) + bytes(size) for size in sizes)
    path = put(tmp_path, header() + packets)
    first = len(header())
    starts = [first, first + 15, first + 23, first + len(packets), first + len(packets)]
    assert [position_of(path, first, number) for number in range(5)] == starts


def test_a_damaged_packet_names_the_byte_in_one_line(tmp_path):
    faery = pytest.importorskip("faery")
    events = np.array(made.made_up(1, 20_000), [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("p", "?")])
    stream = faery.events_stream_from_array(events.astype(faery.EVENTS_DTYPE), (64, 48))
    stream.to_file(tmp_path / "whole.aedat4", compression=None)
    whole = bytearray((tmp_path / "whole.aedat4").read_bytes())
    path = tmp_path / "whole.aedat4"
    at = position_of(path, check_header(path), 2)
    whole[at + 16 : at + 20] = b"nope"  # what the packet holds
    path = put(tmp_path, whole)
    with pytest.raises(StreamError, match=f"in the packet at byte {at}: ") as caught:
        list(open_events(path).blocks())
    assert "\n" not in str(caught.value)


class Panic(BaseException):
    """What the package raises where its Rust code fails."""


def test_what_the_package_writes_is_not_seen(tmp_path, monkeypatch, capfd):
    def fail(path):
        os.write(2, b"thread '<unnamed>' panicked\n")
        raise Panic("of Rust")

    monkeypatch.setitem(sys.modules, "aedat", SimpleNamespace(Decoder=fail))
    with pytest.raises(StreamError, match="can be read: of Rust"):
        open_events(put(tmp_path, header()))
    os.write(2, b"heard again\n")
    assert capfd.readouterr().err == "heard again\n"
