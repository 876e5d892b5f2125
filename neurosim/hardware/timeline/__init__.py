"""An event-ordered simulation of a described chip's cores and network, in exact integer time."""

from neurosim.hardware.timeline.network import Emission as Emission
from neurosim.hardware.timeline.network import Network as Network
from neurosim.hardware.timeline.simulation import Timeline as Timeline
from neurosim.hardware.timeline.simulation import simulate as simulate
