"""The page's side: what the run does, by its pictures, and orders that never wait."""

import json
import os

import pytest

from neurosim.views.scope import recorder as module
from neurosim.views.scope.memory import PictureMemory, Sizes
from neurosim.views.scope.recorder import SILENCE, About, Recorder

SIZES = Sizes(neurons=3, fields=0, tile=(0, 0, 0))


@pytest.fixture
def memory():
    return PictureMemory(SIZES)


def recorder(memory, orders=-1):
    return Recorder(memory, SIZES, About("digits", None, 0, "64"), orders)


def test_a_run_waits_where_a_picture_that_was_due_has_not_come(memory, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    looking = recorder(memory)
    looking.look()
    assert (looking.status, looking.version) == ("begins", 0)
    memory.write({"pause": 5.0, "samples": 1}, b'{"status": "running"}')
    looking.look()
    now[0] += SILENCE + 4.9
    looking.look()
    assert (looking.status, looking.version) == ("running", 1)
    now[0] += 0.2
    assert looking.status == "waiting"
    memory.write({"pause": 0.2, "samples": 2}, None)
    looking.look()
    assert (looking.status, looking.version) == ("running", 2)
    memory.write({}, b'{"status": "held"}')
    looking.look()
    now[0] += 1000
    assert looking.status == "held"
    assert [point.samples for point in looking.history.points] == [1, 2]


def test_orders_are_lines_and_are_lost_where_nobody_reads_them(memory):
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    looking = recorder(memory, theirs)
    looking.order(do="step", samples=3)
    assert json.loads(os.read(ours, 1000)) == {"do": "step", "samples": 3}
    for _ in range(10_000):
        looking.order(do="pause")
    with os.fdopen(ours, "rb") as pipe:
        assert set(pipe.read1(1 << 20).splitlines()) == {b'{"do": "pause"}'}  # whole ones
    looking.order(do="pause")  # to a run that has ended
    os.close(theirs)
