"""Runs that are killed by SIGKILL some time after they have written snapshots."""

import contextlib
import os
import subprocess
import time


def kill(command, state, snapshots, seconds):
    """Kill a run some seconds after it has written as many snapshots; return whether it was still at work."""
    quiet, seen, end = subprocess.DEVNULL, {_generation(state)}, time.monotonic() + 300
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
    while len(seen) <= snapshots and process.poll() is None and time.monotonic() < end:
        seen.add(_generation(state))
        time.sleep(1e-3)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.kill()
    return process.wait(timeout=60) < 0


def _generation(state):
    """Return what tells a state file from the one before it; None if there is none."""
    with contextlib.suppress(FileNotFoundError):
        status = os.stat(state)
        return status.st_ino, status.st_mtime_ns
    return None
