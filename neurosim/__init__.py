"""Simulate a chip that learns on-line: soft winner-take-all layers, local Hebbian plasticity, one sample at a time."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# A wheel carries kernels/ inside this package (see package_dir in setup.cfg); in a source checkout it lies beside it.
if not (Path(__file__).parent / "kernels").is_dir():
    __path__.append(str(Path(__file__).parents[1]))

if TYPE_CHECKING:
    from neurosim import recipes as recipes
    from neurosim.chip import Chip as Chip
    from neurosim.chip import Response as Response
    from neurosim.competition import KWTA as KWTA
    from neurosim.competition import HardWTA as HardWTA
    from neurosim.competition import SoftWTA as SoftWTA
    from neurosim.errors import ConfigError as ConfigError
    from neurosim.errors import DivergedError as DivergedError
    from neurosim.errors import NeurosimError as NeurosimError
    from neurosim.errors import SampleError as SampleError
    from neurosim.errors import StateError as StateError
    from neurosim.errors import StreamError as StreamError
    from neurosim.judging import Comparison as Comparison
    from neurosim.judging import compare as compare
    from neurosim.layers import DenseWTA as DenseWTA
    from neurosim.neighbours import Neighbours as Neighbours
    from neurosim.online import run as run
    from neurosim.readouts import LinearReadout as LinearReadout
    from neurosim.readouts import WinnerLabels as WinnerLabels
    from neurosim.readouts import judge as judge
    from neurosim.rules import SoftHebb as SoftHebb
    from neurosim.soft_labels import SoftLabels as SoftLabels
    from neurosim.streams import Stream as Stream
    from neurosim.streams import open_stream as open_stream
    from neurosim.transmit import Identity as Identity
    from neurosim.transmit import ReLU as ReLU
    from neurosim.transmit import Softmax as Softmax
    from neurosim.transmit import Triangle as Triangle

_HOMES = {
    "chip": ("Chip", "Response"),
    "competition": ("SoftWTA", "HardWTA", "KWTA"),
    "errors": ("NeurosimError", "ConfigError", "SampleError", "StreamError", "StateError", "DivergedError"),
    "judging": ("Comparison", "compare"),
    "layers": ("DenseWTA",),
    "neighbours": ("Neighbours",),
    "readouts": ("LinearReadout", "WinnerLabels", "judge"),
    "rules": ("SoftHebb",),
    "soft_labels": ("SoftLabels",),
    "online": ("run",),
    "streams": ("Stream", "open_stream"),
    "transmit": ("Identity", "ReLU", "Triangle", "Softmax"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}
__all__ = ["__version__", "recipes", *_HOME]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `neurosim --help` must not wait for Numba."""
    if name == "recipes":
        return import_module("neurosim.recipes")
    if name not in _HOME:
        raise AttributeError(f"module 'neurosim' has no attribute {name!r}")
    value = getattr(import_module(f"neurosim.{_HOME[name]}"), name)
    globals()[name] = value
    return value
