"""How a command ends badly: one line on stderr and an exit code."""

import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any, NoReturn

import click

from neurosim.cli.compiling import compiling_is_told
from neurosim.errors import DivergedError, NeurosimError, StabilityWarning, StorageWarning

BAD_INPUT, DIVERGED, INTERRUPTED = 2, 3, 128 + signal.SIGINT
WHEN_INTERRUPTED = "interrupted; no file is half written"


def plainly(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn expected errors into one line and an exit code; any other exception is a bug and keeps its traceback."""

    @wraps(command)
    def guarded(*args: Any, **options: Any) -> Any:
        try:
            with _plain_warnings(), compiling_is_told(partial(echo_error, end="")):
                return command(*args, **options)
        except NeurosimError as error:
            message = "; ".join([str(error), *getattr(error, "__notes__", ())])
            fail(message, DIVERGED if isinstance(error, DivergedError) else BAD_INPUT)
        except KeyboardInterrupt:  # not within `Interrupts`, so nothing is half written
            fail(WHEN_INTERRUPTED, INTERRUPTED)
        except MemoryError as error:
            fail(f"the chip must fit the memory, and does not: {error}", BAD_INPUT)

    return guarded


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Print each warning once, as one line."""
    with warnings.catch_warnings():
        for category in (StabilityWarning, StorageWarning):
            warnings.simplefilter("always", category)
        printed = set()

        def plain(message: Warning | str, *_rest: Any, **_named: Any) -> None:
            line = " ".join(str(message).split())
            if line not in printed:
                printed.add(line)
                echo_error(f"Warning: {line}")

        warnings.showwarning = plain
        yield


def fail(message: str, code: int = BAD_INPUT) -> NoReturn:
    """Print one line and exit."""
    echo_error("Error: " + " ".join(message.split()))
    sys.exit(code)


def echo_error(line: str, end: str = "\n") -> None:
    """Print a line on standard error, whatever its encoding; if it cannot be written, as on a full disk, go on.

    Then nothing more is written there: what a command does is not to depend on what it can say.
    """
    try:
        click.echo(_printable(line + end, sys.stderr), err=True, nl=False)
        if sys.stderr is not None:
            sys.stderr.flush()
    except OSError:
        sys.stderr = None  # else the interpreter flushes it again at its end


def _printable(text: str, stream: Any) -> str:
    r"""Return a text as a stream can show it: what its encoding lacks becomes \xNN, \uNNNN.

    A file name that is no UTF-8 holds surrogates, which no encoding has.
    """
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def check_files(stream: str, read: Mapping[str, str | None], written: Mapping[str, str | None]) -> None:
    """Refuse to write over a file that is read, and to write two results to one file.

    Parameters
    ----------
    stream : str
        Path of the samples, which may end in `:DATASET`.
    read, written : mapping
        Paths by the names of options, or of arguments in capitals; None for an option that was not given.
    """
    used = {os.path.realpath(path): "STREAM" for path in (stream, stream.rpartition(":")[0])}  # an argument
    for name, path in (*read.items(), *written.items()):
        if path is None:
            continue
        file = os.path.realpath(path)
        if name in written and file in used:
            fail(f"{name} must be a file of its own, not that of {used[file]}, got {path}")
        used[file] = name if name.isupper() else f"--{name}"


def say(text: str) -> None:
    """Print results; if standard output cannot be written, as on a full disk, exit with one line."""
    try:
        click.echo(_printable(text, sys.stdout))
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise  # click ends quietly: the reader has closed its end, as `head` does
    except OSError as error:
        sys.stdout = None  # else the interpreter flushes it again at its end, and prints a traceback
        fail(f"standard output must be writable, and is not: {error}")
