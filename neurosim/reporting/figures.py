"""Figures by matplotlib, which is to say nothing of itself: not of folders for its caches, nor of letters it lacks."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from neurosim.errors import ConfigError

DPI = 120


def check_matplotlib() -> None:
    """Refuse a figure where matplotlib is not installed, or cannot be started.

    Raises
    ------
    ConfigError
        If so.
    """
    if find_spec("matplotlib") is None:
        raise ConfigError("matplotlib", "installed for a figure", "none", "pip install 'neurosim-chip[views]'")
    try:
        with _quiet():
            import matplotlib.backends.backend_agg  # noqa: F401
    except OSError as error:
        advice = "the environment variable MPLCONFIGDIR names another folder"
        raise ConfigError("matplotlib's folder for caches", "one that can be written", str(error), advice) from None


def new_figure(width: float, height: float) -> Any:
    """Return an empty figure; width and height are in inches.

    Raises
    ------
    ConfigError
        If matplotlib is missing or cannot be started.
    """
    check_matplotlib()
    with _quiet():
        from matplotlib.figure import Figure

        return Figure(figsize=(width, height), layout="constrained")


def save(figure: Any, target: Any, **settings: Any) -> None:
    """Write a figure to a path or an open file.

    Raises
    ------
    ConfigError
        If it cannot be drawn or written.
    """
    try:
        with _quiet():
            figure.savefig(target, dpi=DPI, **settings)
    except (OSError, ValueError, OverflowError) as error:  # numbers beyond what axes can show are a ValueError
        raise ConfigError("figure", f"a file that can be written, but: {error}", str(target)) from error


def as_label(text: str) -> str:
    """Return a text in which matplotlib sees no formula, and nothing that no font can show."""
    return text.encode(errors="backslashreplace").decode().replace("$", r"\$")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what matplotlib logs, and warnings: of letters that its font lacks, and of numbers of no size."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
