"""How long a sample takes, the slowest among thousands included: `bench`, and how samples arrive meanwhile."""

from neurosim.latency.measure import bench as bench
from neurosim.latency.report import Report as Report
from neurosim.streams.arrivals import Arrivals as Arrivals
from neurosim.streams.arrivals import Bursts as Bursts
from neurosim.streams.arrivals import Closed as Closed
from neurosim.streams.arrivals import Period as Period
from neurosim.streams.arrivals import Poisson as Poisson
from neurosim.streams.arrivals import Recorded as Recorded
