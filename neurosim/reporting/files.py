"""Checks that files can be written, made before the work whose results they are to hold."""

import os
from pathlib import Path

from neurosim.errors import ConfigError
from neurosim.reporting.figures import check_matplotlib

LONGEST_NAME = 255  # bytes; of most file systems


def check_file(name: str, path: str | Path, endings: tuple[str, ...] = ()) -> None:
    """Refuse a file that could not be written: before a measurement, not after it."""
    path = Path(path)
    if endings and path.suffix.lower() not in endings:
        raise ConfigError(name, f"a file that ends in {' or '.join(endings)}", str(path))
    check_length(name, path)
    if path.is_dir() or not path.parent.is_dir():
        raise ConfigError(name, "a file in a folder that exists", str(path))


def check_new(name: str, path: str | Path, overwrite: bool) -> None:
    """Refuse a file that exists already, unless it is to be overwritten.

    Parameters
    ----------
    name : str
        The option, for the error.
    path : str or Path
    overwrite : bool

    Raises
    ------
    ConfigError
        If so, or if the name is too long for the file system.
    """
    path = Path(path)
    check_length(name, path)
    if not overwrite and (path.exists() or path.is_symlink()):
        raise ConfigError(name, "a file that does not exist yet", str(path), "--overwrite replaces it")


def check_length(name: str, path: Path, more: int = 0) -> None:
    """Refuse a path that is too long for the file system.

    Parameters
    ----------
    name : str
        The option, for the error.
    path : Path
    more : int
        Bytes that are appended to the last name, in files beside it.

    Raises
    ------
    ConfigError
        If so.
    """
    advice = ""
    try:
        path.exists()
    except (OSError, ValueError) as error:
        advice = str(error)
    if advice or len(os.fsencode(path.name)) + more > LONGEST_NAME:
        raise ConfigError(name, f"a name of at most {LONGEST_NAME - more} bytes", str(path), advice)


def check_figure(path: str | Path) -> None:
    """Refuse a figure that could not be drawn: before a measurement, not after it."""
    check_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    check_file("figure", path, tuple(f".{name}" for name in FigureCanvasAgg.get_supported_filetypes()))
