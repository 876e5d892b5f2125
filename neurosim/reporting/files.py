"""Checks that files can be written, made before the work whose results they are to hold."""

from importlib.util import find_spec
from pathlib import Path

from neurosim.errors import ConfigError


def check_file(name: str, path: str | Path, endings: tuple[str, ...] = ()) -> None:
    """Refuse a file that could not be written: before a measurement, not after it."""
    path = Path(path)
    if endings and path.suffix.lower() not in endings:
        raise ConfigError(name, f"a file that ends in {' or '.join(endings)}", str(path))
    if path.is_dir() or not path.parent.is_dir():
        raise ConfigError(name, "a file in a folder that exists", str(path))


def check_figure(path: str | Path) -> None:
    """Refuse a figure that could not be drawn: before a measurement, not after it."""
    if find_spec("matplotlib") is None:
        raise ConfigError("matplotlib", "installed for a figure", "none", "pip install 'neurosim-chip[views]'")
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    check_file("figure", path, tuple(f".{name}" for name in FigureCanvasAgg.get_supported_filetypes()))
