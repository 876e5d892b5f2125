"""The shared memory: what is read is a whole picture, whatever the writer does meanwhile."""

import subprocess
import sys

import numpy as np
import pytest

from neurosim.views.scope.memory import PictureMemory, Sizes, words_of

SIZES = Sizes(neurons=50, fields=4, tile=(1, 3, 5))
WRITE = """
import select, sys, time
import numpy as np
from neurosim.views.scope.memory import PictureMemory, Sizes
memory, number = PictureMemory(Sizes(*{sizes}), {file}), 0
while not select.select([sys.stdin], [], [], 1e-4)[0]:
    number += 1
    memory.write({{"latencies": number, "samples": number, "wins": np.full(50, number), "steps": number}}, None)
"""  # a picture after another, until standard input ends


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
    command = [sys.executable, "-c", WRITE.format(sizes=tuple(SIZES), file=memory.file)]
    writer = subprocess.Popen(command, pass_fds=[memory.file], stdin=subprocess.PIPE)
    try:
        seen = set()
        while len(seen) < 200:
            assert writer.poll() is None
            picture = memory.read()
            if picture is not None:
                (row,) = picture
                assert (row["wins"] == row["samples"]).all()
                assert (row["latencies"] == row["samples"]).all()
                assert row["steps"] == row["samples"]
                seen.add(int(row["samples"]))
    finally:
        writer.communicate()
    assert writer.returncode == 0
