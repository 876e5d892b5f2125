"""The shared memory: what is read is a whole picture, whatever the writer does meanwhile."""

import threading

import numpy as np
import pytest

from neurosim.views.scope.memory import PictureMemory, Sizes, words_of

SIZES = Sizes(neurons=50, fields=4, tile=(1, 3, 5))


@pytest.fixture
def memory():
    return PictureMemory(SIZES)


def test_a_picture_is_read_as_it_was_written(memory):
    assert memory.read() is None
    fields = np.arange(60, dtype=np.float32).reshape(4, 1, 3, 5)
    memory.write({"samples": 7, "clock": 1.5, "wins": np.arange(50), "fields": fields}, b'{"status": "runs"}')
    (row,) = reader(memory).read()
    assert (row["samples"], row["clock"]) == (7, 1.5)
    assert (row["wins"] == np.arange(50)).all()
    assert (row["fields"] == fields).all()
    assert words_of(reader(memory).read()) == {"status": "runs"}


def test_texts_stay_where_a_picture_has_none(memory):
    memory.write({"samples": 1}, b'{"status": "a longer text"}')
    memory.write({"samples": 2}, None)
    assert words_of(memory.read()) == {"status": "a longer text"}
    memory.write({"samples": 3}, b"{}")
    assert words_of(memory.read()) == {}


def reader(memory):
    return PictureMemory(SIZES, memory.file)


def test_a_picture_that_is_not_finished_is_not_read(memory):
    memory.write({"samples": 1}, b"{}")
    memory._picture["sequence"] += 1  # as a writer does that is ended amid writing
    assert reader(memory).read() is None


def test_no_picture_is_torn(memory):
    ended = threading.Event()

    def write():
        number = 0
        while not ended.is_set():
            number += 1
            memory.write({"samples": number, "wins": np.full(50, number), "steps": number}, None)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        other, seen = reader(memory), set()
        while len(seen) < 200:
            picture = other.read()
            if picture is not None:
                (row,) = picture
                assert (row["wins"] == row["samples"]).all()
                assert row["steps"] == row["samples"]
                seen.add(int(row["samples"]))
    finally:
        ended.set()
        writer.join()
