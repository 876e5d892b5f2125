"""Other processes, watched by what they do, not by the time that they take."""

import contextlib
import os
import sys
import time
from pathlib import Path

COMMAND = [sys.executable, "-m", "neurosim"]
READ = {"0", "63"}  # the number of the system call, on x86-64 and on ARM


def wait_until(condition, process=None, seconds=300):
    """Wait until something has happened; fail if the process ends before, or if it takes very long."""
    end = time.monotonic() + seconds
    while not condition():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < end, "it has not happened"
        time.sleep(2e-3)


def catches(process, number):
    """Return a condition: the process has a handler for a signal."""
    return lambda: bool(int(_field(process, "SigCgt"), 16) >> (number - 1) & 1)


def ignores(process, number):
    """Return a condition: the process ignores a signal."""
    return lambda: bool(int(_field(process, "SigIgn"), 16) >> (number - 1) & 1)


def waits_for_input(process):
    """Return a condition: the process waits for more of its standard input."""

    def waits():
        with contextlib.suppress(OSError):
            call = Path(f"/proc/{process.pid}/syscall").read_text().split()
            return call[0] in READ and int(call[1], 16) == 0
        return False

    return waits


def writers(process):
    """Return the processes that write snapshots for a process, by its number: those at work, no zombies."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_bytes().decode(errors="replace").rpartition(")")[2].split()[:2]
            ours = b"neurosim.online.snapshot_writer" in stat.with_name("cmdline").read_bytes()
            if int(parent) == process and state != "Z" and ours:
                found.append(int(stat.parent.name))
    return found


def _field(process, name):
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return line.split()[1]
    raise LookupError(name)


def is_written(state):
    """Return a condition: a snapshot is there, and another one is being written."""
    return lambda: state.exists() and any(".draft-" in name for name in os.listdir(state.parent))
