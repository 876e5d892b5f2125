"""A folder where Numba can keep compiled code."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path


def find_cache() -> None:
    """Name a folder for compiled code to Numba, unless it finds one itself.

    Numba writes to `__pycache__` beside each source file, else to the user's cache. Where it can write to neither, as
    in a container with a foreign user, there is a private folder among the temporary files. If even this cannot be
    made, code is compiled in memory. Only a command may change the environment so: it owns its process, a library does
    not.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    users = _users_cache()
    if all(_may_write(folder / "__pycache__") for folder in kernel_folders()) or (users and _may_write(users)):
        return
    with suppress(OSError):
        os.environ["NUMBA_CACHE_DIR"] = str(_temporary_folder())


def _temporary_folder() -> Path:
    """Return a folder that nobody else may write, as compiled code is run unchecked; OSError if there can be none."""
    temporary = Path(tempfile.gettempdir())
    if temporary == Path.cwd() and not any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")):
        raise FileNotFoundError("no folder for temporary files but the working folder, which is not for that")
    folder = temporary / f"neurosim-cache-{os.getuid()}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder if _is_private(folder) else Path(tempfile.mkdtemp(prefix="neurosim-cache-"))


def kernel_folders() -> list[Path]:
    """Return every folder of kernels: inside the package if it is installed, beside it in a checkout."""
    package = Path(__file__).parents[1]
    kernels = package / "kernels" if (package / "kernels").is_dir() else package.parent / "kernels"
    return sorted({path.parent for path in kernels.rglob("*.py")})


def _users_cache() -> Path | None:
    """Return the user's folder for Numba's cache; None for a user without a home folder, who has none."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"))
    return caches / "numba" if caches.is_absolute() else None


def _may_write(folder: Path) -> bool:
    """Tell whether a folder can be written, or made."""
    while not folder.is_dir() and folder.parent != folder:
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)


def _is_private(folder: Path) -> bool:
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022
