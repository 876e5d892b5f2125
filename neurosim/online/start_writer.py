"""The start of a process beside a run: the one that writes snapshots, or that serves the scope's page.

Python runs this file by its path, and it imports the rest.

A working folder may hold the user's own `signal.py` or `types.py`. So Python starts with `-P` and without `PYTHONPATH`,
and what is imported afterwards comes from the folders of the run, handed over as data, Python's own before all others.
"""

import json
import os
import signal
import sys
from importlib import import_module

IMPORT_PATH = "NEUROSIM_IMPORT_PATH"  # a variable of the process's environment
WRITER = "neurosim.online.snapshot_writer"
LOWEST_PRIORITY = 19  # niceness
# A run that is told to stop waits for its last snapshot; service managers tell all processes of a service.
IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


def command(connection: int, memory: int, size: int, *, niceness: int, module: str = WRITER) -> list[str]:
    """Return the command that starts the process, with two inherited files; the function `main` of a module goes on.

    At `LOWEST_PRIORITY`, no sample waits for it, not even for a core on a busy machine.
    """
    flags = {"-I": sys.flags.isolated, "-E": sys.flags.ignore_environment, "-s": sys.flags.no_user_site}
    python = [sys.executable, "-P", *(flag for flag, is_set in flags.items() if is_set)]
    numbers = (connection, memory, size, niceness)
    return [*python, os.path.abspath(__file__), module, *map(str, numbers)]


def environment() -> dict[str, str]:
    """Return the environment of the process: that of the run, with the folders that it imports from."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return inherited | {IMPORT_PATH: json.dumps(import_path(sys.path))}


def import_path(entries: list[str]) -> list[str]:
    """Return the folders to import from, those of Python itself first; whatever is no text, Python ignores too."""
    import sysconfig

    own = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    own |= {os.path.join(folder, "lib-dynload") for folder in own}
    texts = [entry for entry in entries if isinstance(entry, str)]
    return sorted(texts, key=lambda entry: entry not in own)  # which keeps the order otherwise


def main() -> None:
    """Become the process of a module."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    module, connection, memory, size, niceness = sys.argv[1:]
    os.nice(int(niceness))
    sys.path[:] = json.loads(os.environ.pop(IMPORT_PATH))
    import_module(module).main(int(connection), int(memory), int(size))


if __name__ == "__main__":
    main()
