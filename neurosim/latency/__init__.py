"""How long a sample takes, up to the slowest of thousands: `bench`, and the ways in which samples can arrive."""

from neurosim.latency.measure import bench as bench
from neurosim.latency.reading import read_record as read_record
from neurosim.latency.report import Report as Report
from neurosim.streams.arrivals import Arrivals as Arrivals
from neurosim.streams.arrivals import Bursts as Bursts
from neurosim.streams.arrivals import Closed as Closed
from neurosim.streams.arrivals import Period as Period
from neurosim.streams.arrivals import Poisson as Poisson
from neurosim.streams.arrivals import Recorded as Recorded
