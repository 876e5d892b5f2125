"""What a page may ask for, and that nothing else has any effect."""

import json
import os

import pytest

from neurosim.online.control import Edit
from neurosim.views.scope.commands import LONGEST, Lines, Pause, Resume, Step, parse


@pytest.mark.parametrize(
    ("asked", "command"),
    [
        ({"do": "pause"}, Pause()),
        ({"do": "resume"}, Resume()),
        ({"do": "step", "samples": 3}, Step(3)),
        ({"do": "set", "name": "rate", "value": 0.5}, Edit("rate", 0.5)),
        ({"do": "set", "name": "gain", "value": 20, "layer": 1}, Edit("gain", 20.0, 1)),
        ({"do": "set", "name": "temperature", "value": 1, "layer": None}, Edit("temperature", 1.0)),
    ],
)
def test_a_command_is_understood(asked, command):
    assert parse(json.dumps(asked).encode()) == command


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "one line of a JSON object"),
        (b"[1]", "one line of a JSON object"),
        (b'{"do": "pau', "one line of a JSON object"),
        (b"\xff\xfe", "one line of a JSON object"),
        (b"[" * 4000, "one line of a JSON object"),
        (b'{"do": "' + b"x" * LONGEST + b'"}', "bytes long"),
        (b'{"do": "exec", "code": "1"}', "pause, resume, step or set, got 'exec'"),
        (b'{"do": ["pause"]}', "pause, resume, step or set"),
        (b'{"do": "step"}', "samples must be a whole number of at least 1, got None"),
        (b'{"do": "step", "samples": 0}', "at least 1, got 0"),
        (b'{"do": "step", "samples": true}', "got True"),
        (b'{"do": "step", "samples": 1e3}', "whole number"),
        (b'{"do": "set", "name": "neurons", "value": 3}', "gain, temperature, rate, got 'neurons'"),
        (b'{"do": "set", "name": "rule", "value": {"kind": "Hebb"}}', "got 'rule'"),
        (b'{"do": "set", "name": "rate", "value": "0.1"}', "finite number, got '0.1'"),
        (b'{"do": "set", "name": "rate", "value": NaN}', "finite number"),
        (b'{"do": "set", "name": "rate", "value": 1' + b"0" * 400 + b"}", "finite number"),
        (b'{"do": "set", "name": "rate", "value": true}', "finite number"),
        (b'{"do": "set", "name": "rate", "value": 0.1, "layer": -1}', "layer must be a whole number"),
        (b'{"do": "set", "name": "rate", "value": 0.1, "layer": "all"}', "layer must be a whole number"),
    ],
)
def test_anything_else_is_refused(line, why):
    with pytest.raises(ValueError, match=why) as refusal:
        parse(line)
    assert len(str(refusal.value)) < 200


@pytest.fixture
def pipe():
    ours, theirs = os.pipe()
    files = [ours, theirs]
    yield files
    for file in files:
        os.close(file)


def test_lines_come_whole_and_without_waiting(pipe):
    lines = Lines(pipe[0])
    assert lines.read() == []
    os.write(pipe[1], b"first\nsec")
    assert lines.read() == [b"first"]
    assert lines.read() == []
    os.write(pipe[1], b"ond\nthird\n")
    assert lines.read() == [b"second", b"third"]
    assert not lines.ended
    os.close(pipe.pop())
    assert lines.read() == []
    assert lines.ended
    assert lines.read() == []


def test_a_line_without_an_end_takes_no_memory(pipe):
    lines = Lines(pipe[0])
    for _ in range(20):
        os.write(pipe[1], b"x" * 1000)
        for line in lines.read():
            with pytest.raises(ValueError, match="bytes long"):
                parse(line)
    assert len(lines._begun) <= LONGEST
