"""The scope's page as the run sees it: the process that serves it, and the pipes to it and from it."""

import errno
import fcntl
import json
import os
import socket
import subprocess
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from neurosim.errors import ConfigError
from neurosim.online import start_writer
from neurosim.views.scope.commands import Lines
from neurosim.views.scope.memory import PictureMemory

HOST = "127.0.0.1"
USUAL_PORT = 5006
SERVER = "neurosim.views.scope.server"
NICENESS = 5  # the run comes first where there are few cores, and the page still answers on a busy machine
PATIENCE = 1.5  # seconds that the process has to end by itself


def listening(port: int | None) -> socket.socket:
    """Return a socket that listens at a port of 127.0.0.1: by default the usual one, or any that is free.

    Raises
    ------
    ConfigError
        If Bokeh, which would answer, is not installed, or the port that was asked for cannot be used.
    """
    if find_spec("bokeh") is None:
        raise ConfigError("bokeh", "installed for the scope", "none", "pip install 'neurosim-chip[views]'")
    if port is not None:
        return _bound(port)
    with suppress(ConfigError):
        return _bound(USUAL_PORT)
    return _bound(0)


def _bound(port: int) -> socket.socket:
    here = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        here.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a scope that has just ended leaves its port
        here.bind((HOST, port))
        here.listen()
        here.setblocking(False)  # the server takes connections until there are none
    except OSError as error:
        here.close()
        why = "it is in use" if error.errno == errno.EADDRINUSE else str(error)
        rule = f"one that is free at {HOST}"
        raise ConfigError("port", rule, port, f"{why}; without --port a free one is taken") from error
    return here


class PageProcess:
    """The process that serves the page.

    Parameters
    ----------
    here : socket
        From `listening`; closed here, as the other process has it.
    memory : PictureMemory
    about : dict
        What the page must know at its start, as JSON.

    Attributes
    ----------
    lines : Lines
        What the page asks for.

    Raises
    ------
    ConfigError
        If the process cannot be started.
    """

    def __init__(self, here: socket.socket, memory: PictureMemory, about: dict[str, Any]) -> None:
        files: list[int] = []
        try:
            # Numbers above those of standard input, output and error, which Popen replaces in the new process.
            files += [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 3) for file in (here.fileno(), memory.file)]
            # In a process group of its own: Ctrl-C ends the run, which then ends the page.
            self._process = subprocess.Popen(
                start_writer.command(files[0], files[1], 0, niceness=NICENESS, module=SERVER), stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, pass_fds=files, process_group=0, env=_environment(),
            )  # fmt: skip
        except OSError as error:
            raise ConfigError("scope", "a process that serves its page", "none", str(error)) from error
        finally:
            here.close()
            for file in files:
                os.close(file)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.lines = Lines(self._process.stdout.fileno())
        with suppress(OSError):
            self._process.stdin.write(json.dumps(about).encode() + b"\n")
            self._process.stdin.flush()

    @property
    def number(self) -> int:
        """The system's number of the process."""
        return self._process.pid

    def ended(self) -> str:
        """Return how the process ended, in words; it has closed its pipe."""
        try:
            code = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            return "it closed its pipe"
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def end(self) -> None:
        """End the process, once it has shown the last picture."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def _environment() -> dict[str, str]:
    """Return the environment of the process, without Bokeh's settings: they may name scripts from elsewhere."""
    return {name: value for name, value in start_writer.environment().items() if not name.startswith("BOKEH_")}
