# The public names, and the modules that hold them; `__init__.py` reads this file. A `*` is the module's `__all__`.
# ruff: noqa: F403
from . import bayes as bayes
from . import hardware as hardware
from . import instruments as instruments
from . import interop as interop
from . import latency as latency
from . import presets as presets
from . import receptive_fields as receptive_fields
from . import recipes as recipes
from . import views as views
from .chip.chip import Chip as Chip
from .chip.response import Response as Response
from .errors import ConcurrentUseError as ConcurrentUseError
from .errors import ConfigError as ConfigError
from .errors import DeviceError as DeviceError
from .errors import DivergedError as DivergedError
from .errors import FixedError as FixedError
from .errors import NeurosimError as NeurosimError
from .errors import SampleError as SampleError
from .errors import StabilityWarning as StabilityWarning
from .errors import StateError as StateError
from .errors import StorageWarning as StorageWarning
from .errors import StreamError as StreamError
from .fleet.fleet import Fleet as Fleet
from .fleet.novelty import FleetNovelty as FleetNovelty
from .fleet.prequential import FleetPrequential as FleetPrequential
from .fleet.run import run_fleet as run_fleet
from .fleet.watching import KeyedEmission as KeyedEmission
from .fleet.watching import watch_fleet as watch_fleet
from .fleet.workers import worker_of as worker_of
from .hots.event_layers import EventLayer as EventLayer
from .hots.event_layers import EventLayers as EventLayers
from .latency import bench as bench
from .layers.activations import *
from .layers.biases import *
from .layers.competition import *
from .layers.conv import ConvWTA as ConvWTA
from .layers.conv import MaxPool as MaxPool
from .layers.conv import MeanPool as MeanPool
from .layers.dense import DenseWTA as DenseWTA
from .layers.devices import *
from .layers.own_competitions import competition as competition
from .layers.own_rules import rule as rule
from .layers.rules import *
from .layers.schedules import *
from .online.emission.novelty import Novelty as Novelty
from .online.emission.prequential import Prequential as Prequential
from .online.emission.watching import Emission as Emission
from .online.emission.watching import watch as watch
from .online.run import run as run
from .readouts.compare import Comparison as Comparison
from .readouts.compare import compare as compare
from .readouts.cross_entropy import cross_entropy as cross_entropy
from .readouts.feature_cache import FeatureCache as FeatureCache
from .readouts.fitted import Predictions as Predictions
from .readouts.fitted import Readouts as Readouts
from .readouts.judge import judge as judge
from .readouts.judge_images import judge_images as judge_images
from .readouts.linear import LinearReadout as LinearReadout
from .readouts.neighbours import Neighbours as Neighbours
from .readouts.prediction_files import write_predictions as write_predictions
from .readouts.running import RunningLabels as RunningLabels
from .readouts.soft import SoftLabels as SoftLabels
from .readouts.softmax import SoftmaxReadout as SoftmaxReadout
from .readouts.winner import WinnerLabels as WinnerLabels
from .streams import Blur as Blur
from .streams import Contrast as Contrast
from .streams import GaussianNoise as GaussianNoise
from .streams import Occlusion as Occlusion
from .streams import PadCrop as PadCrop
from .streams import RandomFlip as RandomFlip
from .streams import RandomResizedCrop as RandomResizedCrop
from .streams import SaltAndPepper as SaltAndPepper
from .streams import Standardise as Standardise
from .streams import Stream as Stream
from .streams import Whiten as Whiten
from .streams import open_stream as open_stream
from .streams import transform as transform
from .streams.events.encoders import *
from .streams.events.files import open_events as open_events
from .streams.events.files import read_events as read_events
from .streams.events.stream import EventStream as EventStream
from .version import __version__ as __version__
