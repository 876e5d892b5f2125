"""How a command ends badly: one line on stderr and an exit code, and signals that wait for a safe moment."""

import functools
import os
import signal
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from neurosim.errors import DivergedError, NeurosimError, StabilityWarning

BAD_INPUT, DIVERGED = 2, 3


def plainly(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn the errors raised on purpose into one line and an exit code; anything else is a bug and shows its trace."""

    @functools.wraps(command)
    def guarded(*args: Any, **options: Any) -> Any:
        try:
            with _plain_warnings():
                return command(*args, **options)
        except NeurosimError as error:
            said = "; ".join([str(error), *getattr(error, "__notes__", ())])
            fail(said, DIVERGED if isinstance(error, DivergedError) else BAD_INPUT)
        except KeyboardInterrupt:  # outside the loop that handles it: nothing is half written
            sys.exit(128 + signal.SIGINT)
        except MemoryError as error:
            fail(f"the chip must fit the memory, and does not: {error}", BAD_INPUT)

    return guarded


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show warnings of constants as a line each, once; all others as ever."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", StabilityWarning)
        show, said = warnings.showwarning, set()

        def plain(message: Warning | str, category: type[Warning], *rest: Any, **named: Any) -> None:
            if not issubclass(category, StabilityWarning):
                show(message, category, *rest, **named)
            elif str(message) not in said:
                said.add(str(message))
                click.echo(f"Warning: {message}", err=True)

        warnings.showwarning = plain
        yield


def fail(message: str, code: int = BAD_INPUT) -> NoReturn:
    """Print one line and exit."""
    click.echo("Error: " + " ".join(message.split()), err=True)
    sys.exit(code)


def check_files(options: dict[str, Any], read: tuple[str, ...], written: tuple[str, ...]) -> None:
    """Refuse to write over what is read, the stream `source` below `root` among it, and one file over another."""
    source = os.path.join(options["root"], options["source"])
    used = {os.path.realpath(path): "STREAM" for path in (source, source.rpartition(":")[0])}
    for name in (*read, *written):
        path = options[name]
        if path is None:
            continue
        place = os.path.realpath(path)
        if name in written and place in used:
            fail(f"{name} must be a file of its own, not that of {used[place]}, got {path}")
        used[place] = f"--{name}"


def say(text: str) -> None:
    """Print results; a full disk behind standard output is one line too."""
    try:
        click.echo(text)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise  # click ends quietly: whoever read has enough
    except OSError as error:
        sys.stdout = None  # else the interpreter tries once more, and shows a trace
        fail(f"standard output must be writable, and is not: {error}")


def find_cache() -> None:
    """Give Numba a folder for compiled code where neither the package's nor the user's can be written.

    Without one, importing a kernel fails (as in a container with a foreign user). This is for the command, which owns
    its process; a library must leave the environment alone.
    """
    package = Path(__file__).parents[1]
    kernels = package / "kernels" if (package / "kernels").is_dir() else package.parent / "kernels"
    if "NUMBA_CACHE_DIR" in os.environ or os.access(kernels, os.W_OK) or _may_write(_users_cache()):
        return
    folder = Path(tempfile.gettempdir()) / f"neurosim-cache-{os.getuid()}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
    if not _is_private(folder):  # compiled code is run as it is found: only from a folder that nobody else can write
        folder = Path(tempfile.mkdtemp(prefix="neurosim-cache-"))
    os.environ["NUMBA_CACHE_DIR"] = str(folder)


def _users_cache() -> str:
    return os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")


def _may_write(folder: str) -> bool:
    """Tell whether a folder can be written, or made."""
    while not os.path.isdir(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return os.access(folder, os.W_OK | os.X_OK)


def _is_private(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022


class Interrupts:
    """SIGINT and SIGTERM: noted while a sample is learned, raised at once while the next one is waited for.

    Attributes
    ----------
    signal : int
        The signal that came, or 0.
    """

    def __init__(self, stop: type[Exception]) -> None:
        self.signal, self._stop, self._waiting = 0, stop, False

    def __enter__(self) -> "Interrupts":
        self._before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.signal = number
        if self._waiting:
            raise self._stop

    def came(self) -> bool:
        """Tell whether a signal came."""
        return self.signal != 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Let a signal end what is done within."""
        self._waiting = True
        try:
            if self.signal:
                raise self._stop
            yield
        finally:
            self._waiting = False
