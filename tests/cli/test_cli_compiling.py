"""What is compiled is told on standard error, if it takes long."""

import logging

import pytest
from commands import invoke

from neurosim.cli import compiling
from neurosim.kernels import code_cache

LOG = logging.getLogger(compiling.LOG)


class Timer:
    """A timer whose time comes when a test says so."""

    def __init__(self, seconds, call, arguments):
        assert seconds == compiling.PATIENCE
        self.time_comes = lambda: call(*arguments)
        self.started = self.cancelled = False
        Timer.last = self

    def start(self):
        self.started = True

    def cancel(self):
        self.cancelled = True


@pytest.fixture
def printed(monkeypatch):
    monkeypatch.setattr(compiling.threading, "Timer", Timer)
    return []


def test_the_log_is_that_of_the_cache():
    assert code_cache.LOG is LOG
    assert code_cache.BEGUN.startswith("compiling ")


def test_what_takes_long_is_told_when_it_has_taken_long_and_when_it_is_done(printed):
    with compiling.compiling_is_told(printed.append):
        LOG.info(code_cache.BEGUN, "the dense loop", "once; kept in /x")
        assert printed == []
        Timer.last.time_comes()
        assert printed == ["compiling the dense loop (once; kept in /x) ..."]
        LOG.info(code_cache.DONE, "the dense loop", 8.12)
        assert printed[1:] == [" 8.1 s\n"]
    assert len(printed) == 2


def test_what_is_done_at_once_is_not_told(printed):
    with compiling.compiling_is_told(printed.append):
        LOG.info(code_cache.BEGUN, "the dense loop", "once; kept in /x")
        LOG.info(code_cache.DONE, "the dense loop", 0.1)
        assert Timer.last.started
        assert Timer.last.cancelled
        Timer.last.time_comes()  # as a timer may be on its way when it is cancelled
    assert printed == []


def test_a_line_is_ended_if_compiling_fails(printed):
    def fail():
        with compiling.compiling_is_told(printed.append):
            LOG.info(code_cache.BEGUN, "the dense loop", "once; kept in /x")
            Timer.last.time_comes()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert printed[1:] == ["\n"]


def test_a_closed_standard_error_stops_nothing(printed):
    def fail(text):
        raise BrokenPipeError(text)

    with compiling.compiling_is_told(fail):
        LOG.info(code_cache.BEGUN, "the dense loop", "once; kept in /x")
        Timer.last.time_comes()
        LOG.info(code_cache.DONE, "the dense loop", 8.12)


def test_outside_of_commands_nothing_is_told(capfd):
    before = LOG.handlers[:], LOG.level
    invoke("stream", "digits:test", "--neurons", "4")
    assert (LOG.handlers, LOG.level) == before
    assert not LOG.isEnabledFor(logging.INFO) or LOG.getEffectiveLevel() == logging.getLogger().level
    LOG.info(code_cache.BEGUN, "the dense loop", "once; kept in /x")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("module", "name", "title"), [
    ("neurosim.kernels.dense.stream", "stream", "the dense loop"),
    ("neurosim.kernels.dense.stream", "assist", "dense.stream.assist"),
    ("neurosim.kernels.readout", "turn", "readout.turn"),
])  # fmt: skip
def test_what_functions_are_called(module, name, title):
    def function():
        pass

    function.__module__, function.__name__ = module, name
    assert code_cache.title(function) == title
