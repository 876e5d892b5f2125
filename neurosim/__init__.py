"""Simulate a chip that learns on-line: soft winner-take-all layers, local Hebbian plasticity, one sample at a time."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# A wheel carries kernels/ inside this package (see package_dir in setup.cfg); in a source checkout it lies beside it.
if not (Path(__file__).parent / "kernels").is_dir():
    __path__.append(str(Path(__file__).parents[1]))

if TYPE_CHECKING:
    from neurosim import hardware as hardware
    from neurosim import instruments as instruments
    from neurosim import latency as latency
    from neurosim import presets as presets
    from neurosim import receptive_fields as receptive_fields
    from neurosim import recipes as recipes
    from neurosim.biases import Conscience as Conscience
    from neurosim.biases import LogPrior as LogPrior
    from neurosim.biases import MeanActivity as MeanActivity
    from neurosim.chip import Chip as Chip
    from neurosim.chip import Response as Response
    from neurosim.competition import KWTA as KWTA
    from neurosim.competition import Corrected as Corrected
    from neurosim.competition import HardWTA as HardWTA
    from neurosim.competition import NoInhibition as NoInhibition
    from neurosim.competition import Ranked as Ranked
    from neurosim.competition import SoftWTA as SoftWTA
    from neurosim.competition import SparseGate as SparseGate
    from neurosim.competition import Taught as Taught
    from neurosim.conv_layers import ConvWTA as ConvWTA
    from neurosim.conv_layers import MaxPool as MaxPool
    from neurosim.conv_layers import MeanPool as MeanPool
    from neurosim.errors import ConfigError as ConfigError
    from neurosim.errors import DeviceError as DeviceError
    from neurosim.errors import DivergedError as DivergedError
    from neurosim.errors import NeurosimError as NeurosimError
    from neurosim.errors import SampleError as SampleError
    from neurosim.errors import StabilityWarning as StabilityWarning
    from neurosim.errors import StateError as StateError
    from neurosim.errors import StreamError as StreamError
    from neurosim.feature_cache import FeatureCache as FeatureCache
    from neurosim.image_judging import judge_images as judge_images
    from neurosim.judging import Comparison as Comparison
    from neurosim.judging import compare as compare
    from neurosim.latency import bench as bench
    from neurosim.layers import DenseWTA as DenseWTA
    from neurosim.neighbours import Neighbours as Neighbours
    from neurosim.online import run as run
    from neurosim.own import rule as rule
    from neurosim.readouts import LinearReadout as LinearReadout
    from neurosim.readouts import WinnerLabels as WinnerLabels
    from neurosim.readouts import judge as judge
    from neurosim.rules import BCM as BCM
    from neurosim.rules import EGHR as EGHR
    from neurosim.rules import Hebb as Hebb
    from neurosim.rules import HebbNet as HebbNet
    from neurosim.rules import Instar as Instar
    from neurosim.rules import Oja as Oja
    from neurosim.rules import OjaSubspace as OjaSubspace
    from neurosim.rules import Sanger as Sanger
    from neurosim.rules import SoftHebb as SoftHebb
    from neurosim.schedules import ConstantRate as ConstantRate
    from neurosim.schedules import ExponentialRate as ExponentialRate
    from neurosim.schedules import LinearRate as LinearRate
    from neurosim.schedules import NormAdaptiveRate as NormAdaptiveRate
    from neurosim.schedules import WinCountRate as WinCountRate
    from neurosim.soft_labels import SoftLabels as SoftLabels
    from neurosim.streams import PadCrop as PadCrop
    from neurosim.streams import RandomFlip as RandomFlip
    from neurosim.streams import RandomResizedCrop as RandomResizedCrop
    from neurosim.streams import Standardise as Standardise
    from neurosim.streams import Stream as Stream
    from neurosim.streams import open_stream as open_stream
    from neurosim.streams import transform as transform
    from neurosim.trained_readout import SoftmaxReadout as SoftmaxReadout
    from neurosim.transmit import Identity as Identity
    from neurosim.transmit import ReLU as ReLU
    from neurosim.transmit import Softmax as Softmax
    from neurosim.transmit import Triangle as Triangle

_HOMES = {
    "biases": ("Conscience", "MeanActivity", "LogPrior"),
    "chip": ("Chip", "Response"),
    "competition": ("SoftWTA", "HardWTA", "KWTA", "Ranked", "NoInhibition", "SparseGate", "Taught", "Corrected"),
    "conv_layers": ("ConvWTA", "MaxPool", "MeanPool"),
    "errors": (
        "NeurosimError",
        "ConfigError",
        "SampleError",
        "StreamError",
        "StateError",
        "DeviceError",
        "DivergedError",
        "StabilityWarning",
    ),
    "feature_cache": ("FeatureCache",),
    "latency": ("bench",),
    "layers": ("DenseWTA",),
    "image_judging": ("judge_images",),
    "judging": ("Comparison", "compare"),
    "neighbours": ("Neighbours",),
    "soft_labels": ("SoftLabels",),
    "online": ("run",),
    "own": ("rule",),
    "readouts": ("LinearReadout", "WinnerLabels", "judge"),
    "rules": ("Hebb", "Oja", "Instar", "SoftHebb", "HebbNet", "BCM", "EGHR", "Sanger", "OjaSubspace"),
    "schedules": ("ConstantRate", "LinearRate", "ExponentialRate", "NormAdaptiveRate", "WinCountRate"),
    "streams": (
        "Stream",
        "open_stream",
        "transform",
        "RandomResizedCrop",
        "RandomFlip",
        "PadCrop",
        "Standardise",
    ),
    "trained_readout": ("SoftmaxReadout",),
    "transmit": ("Identity", "ReLU", "Triangle", "Softmax"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}
_MODULES = ("hardware", "instruments", "latency", "presets", "receptive_fields", "recipes")
__all__ = ["__version__", *_MODULES, *_HOME]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `neurosim --help` must not wait for Numba."""
    if name in _MODULES:
        return import_module(f"neurosim.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'neurosim' has no attribute {name!r}")
    value = getattr(import_module(f"neurosim.{_HOME[name]}"), name)
    globals()[name] = value
    return value
