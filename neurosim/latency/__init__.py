"""How long a sample takes, the slowest among thousands included: `bench`, and how samples arrive meanwhile."""

from neurosim.latency.arrivals import Arrivals as Arrivals
from neurosim.latency.arrivals import Bursts as Bursts
from neurosim.latency.arrivals import Closed as Closed
from neurosim.latency.arrivals import Period as Period
from neurosim.latency.arrivals import Poisson as Poisson
from neurosim.latency.arrivals import Recorded as Recorded
from neurosim.latency.measure import bench as bench
from neurosim.latency.report import Report as Report
