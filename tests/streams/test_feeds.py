"""What has arrived: pipes are read no further than asked, and waited for no longer than until there is a sample."""

import io
import os
import sys

import numpy as np
import pytest

import neurosim as ns
from neurosim.streams import ArrayStream
from neurosim.streams.feeds import FrameFeed, LineFeed
from neurosim.streams.frames import FrameStream
from neurosim.streams.iterated import IteratedStream
from neurosim.streams.lines import LineStream


@pytest.fixture
def pipe():
    """Return the reading end of a pipe as a file, and a function that writes to it."""
    reading, writing = os.pipe()
    with open(reading, "rb") as file, open(writing, "wb", 0) as end:
        yield file, end


def as_lines(file):
    return LineStream("-", lambda: file, inputs=2, label="-1", header="no", replayable=False)


def as_frames(file):
    return FrameStream("-", file, inputs=2, format="u8", label="-1")


KINDS = pytest.mark.parametrize(("opened", "write"), [
    (as_lines, lambda *rows: "".join(f"{a},{b},{label}\n" for a, b, label in rows).encode()),
    (as_lines, lambda *rows: "".join(f"[{a},{b},{label}]\n" for a, b, label in rows).encode()),
    (as_frames, lambda *rows: bytes(value for row in rows for value in row)),
], ids=["csv", "json", "frames"])  # fmt: skip


def labels(block):
    return block.labels.tolist()


@KINDS
def test_what_has_arrived_comes_in_one_block(pipe, opened, write):
    file, end = pipe
    blocks = opened(file).arriving(size=4)
    rows = [(1, 2, label) for label in range(7)]
    end.write(write(*rows[:3]))
    assert labels(next(blocks)) == [0, 1, 2]
    end.write(write(rows[3]))
    assert labels(next(blocks)) == [3]
    third = write(rows[4], rows[5])
    end.write(third[:-2])
    assert labels(next(blocks)) == [4]
    end.write(third[-2:] + write(*rows, *rows)[: 3 * len(write(rows[0])) + 1])
    assert labels(next(blocks)) == [5, 0, 1, 2]
    end.write(write(*rows)[1 : len(write(rows[0]))])
    end.close()
    assert labels(next(blocks)) == [0]
    assert list(blocks) == []


@KINDS
def test_blocks_are_filled_and_leave_the_rest_to_others(pipe, opened, write):
    file, end = pipe
    rows = [(1, 2, label) for label in range(7)]
    end.write(write(*rows))
    end.close()
    stream = opened(file)
    assert labels(next(stream.blocks(size=4))) == [0, 1, 2, 3]
    assert file.read() == write(*rows[4:])


@KINDS
def test_a_stream_goes_on_where_its_reading_was_broken_off(pipe, opened, write):
    file, end = pipe
    end.write(write(*[(1, 2, label) for label in range(9)]))
    end.close()
    stream = opened(file)
    assert labels(next(stream.blocks(size=2))) == [0, 1]
    assert labels(next(stream.arriving(1, 2))) == [3, 4]
    assert [labels(block) for block in stream.blocks(size=3)] == [[5, 6, 7], [8]]


@KINDS
@pytest.mark.parametrize("way", ["blocks", "arriving"])
@pytest.mark.parametrize("start", [0, 1, 5, 300])
def test_start_passes_over_samples(pipe, opened, write, way, start):
    file, end = pipe
    rows = [(1, 2, label % 250) for label in range(301)]
    end.write(write(*rows))
    end.close()
    found = [label for block in getattr(opened(file), way)(start, 7) for label in labels(block)]
    assert found == [label for _, _, label in rows[start:]]


@KINDS
def test_too_few_samples_are_an_error(pipe, opened, write):
    file, end = pipe
    end.write(write((1, 2, 3)))
    end.close()
    with pytest.raises(ns.StreamError, match="- must hold the 2 samples that were read from it before, got 1"):
        list(opened(file).blocks(2))


class Broken(io.RawIOBase):
    """A file that gives parts, and breaks then."""

    def __init__(self, *parts):
        self.parts = list(parts)

    def readable(self):
        return True

    def readinto(self, buffer):
        if not self.parts:
            raise OSError("broken off")
        part = self.parts.pop(0)
        buffer[: len(part)] = part
        return len(part)


@KINDS
@pytest.mark.parametrize("way", ["blocks", "arriving"])
def test_an_error_of_reading_comes_after_what_was_read(opened, write, way):
    file = io.BufferedReader(Broken(write((1, 2, 3)), write((1, 2, 4), (1, 2, 5))))
    blocks = getattr(opened(file), way)(size=100)
    assert labels(next(blocks)) == [3, 4, 5]
    with pytest.raises(ns.StreamError, match=r"- must be readable to its end, but .*: broken off"):
        next(blocks)


def test_sources_at_hand_arrive_as_they_are_read(tmp_path):
    (tmp_path / "a.csv").write_text("1\n2\n3\n")
    for stream in (ArrayStream(np.arange(3.0)[:, None] + 1), ns.open_stream("a.csv", root=tmp_path)):
        assert [block.samples[:, 0].tolist() for block in stream.arriving(0, 2)] == [[1, 2], [3]]
        assert [block.samples[:, 0].tolist() for block in stream.arriving(1, 2)] == [[2, 3]]


def test_a_generator_is_waited_for_one_sample_at_a_time():
    given = []

    def samples():
        for number in range(3):
            given.append(number)
            yield [float(number)]

    stream = IteratedStream(samples(), shape=(1,))
    assert next(stream.arriving()).samples.tolist() == [[0]]
    assert given == [0]


def test_a_feed_of_lines_joins_what_a_small_buffer_cuts():
    text = b"".join(b"%d," % number * number + b"\n" for number in range(40)) + b"\n\nlast"
    feed, found = LineFeed(io.BufferedReader(io.BytesIO(text), 16), 1 << 20), []
    while feed.wait():
        lines = feed.lines(50)
        feed.take(len(lines))
        found += lines
    assert found == text.split(b"\n")
    assert not feed.wait()


@pytest.mark.parametrize("piece", [b"1,2", b"1,2\n3,4\n", b"1,2\n3", b"\n", b"1" * 2000 + b"\n"])
def test_a_single_line_is_taken_and_anything_else_left(pipe, piece):
    file, end = pipe
    feed = LineFeed(file, 1 << 20)
    for _ in range(2):
        end.write(b"5,6\r\n")
        assert feed.single() == b"5,6\r"
        assert feed.brought_all()
    end.write(piece)
    assert feed.single() is None
    assert file.peek(1) == piece[: len(file.peek(1))]
    end.write(b"7\n")
    assert feed.wait()
    assert feed.lines(0) == [(piece + b"7\n").split(b"\n")[0]]
    assert feed.single() is None  # a line is there that was not taken


def test_a_file_in_memory_has_no_lines_that_come_alone():
    feed = LineFeed(io.BytesIO(b"1,2\n"), 1 << 20)
    assert feed.single() is None
    assert feed.wait()
    assert not feed.brought_all()


def test_a_feed_of_frames_keeps_an_error_until_what_came_before_is_taken():
    class Broken(io.BytesIO):
        def read1(self, size=-1):
            data = super().read1(size)
            if not data:
                raise OSError("broken off")
            return data

    feed = FrameFeed(Broken(b"abcdefg"), 3)
    assert feed.take(9, together=True) == b"abcdef"
    with pytest.raises(OSError, match="broken off"):
        feed.take(9, together=True)
    assert feed.held == 1


def test_standard_input_is_waited_for(monkeypatch, pipe):
    file, end = pipe
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
    blocks = ns.open_stream("-", inputs=1).arriving()
    end.write(b"1\n2\n")
    assert next(blocks).samples.tolist() == [[1], [2]]
    sys.stdin.detach()
