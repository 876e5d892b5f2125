"""Files that are written whole or not at all."""

import os
import threading
from contextlib import suppress
from pathlib import Path

from neurosim.errors import ConfigError


def write_text(name: str, path: str | Path, text: str) -> None:
    """Write a text as UTF-8, as `write_bytes` does."""
    write_bytes(name, path, text.encode())


def write_bytes(name: str, path: str | Path, content: bytes) -> None:
    """Write a file; at every instant, `path` is either what it was, or the new file, whole.

    Parameters
    ----------
    name : str
        The option that named the file, for the error.
    path : path
        A link's target is replaced, not the link. A pipe or a device is written to: it must not become a file.
    content : bytes

    Raises
    ------
    ConfigError
        If the file cannot be written; what was there before is still whole.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        _write_to(name, path, content)
        return
    draft = path.with_name(f".neurosim-draft-{os.getpid()}-{threading.get_native_id()}")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            draft.chmod(path.stat().st_mode & 0o777)
        os.replace(draft, path)
    except OSError as error:
        raise ConfigError(name, f"a file that can be written, but: {error.strerror or error}", str(path)) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _write_to(name: str, path: Path, content: bytes) -> None:
    """Write to what is there and cannot be replaced."""
    try:
        with path.open("wb") as file:
            file.write(content)
    except OSError as error:
        raise ConfigError(name, f"a file that can be written, but: {error.strerror or error}", str(path)) from error
