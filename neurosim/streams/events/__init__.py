"""Event cameras: recordings are read by `read_events`, or block by block by `open_events`; encoders make samples.

What an event is, and what is counted, is in `event`. From files: `files` opens one by the table in `formats`, whose
readers (`nmnist`, `dat`, `evt`, `aedat2`, `aedat3`, `aedat4`, `es`, `hdf5`) return what `opened` describes; `headers`
and `cameras` are shared by some. To samples: `encoders` describe how, also in words (`encoder_text`), and `encoding`
does it; `stream` has the `EventStream`, which takes events from what `event_sources` knows, fills blocks
(`block_maker`), and, of a live source, remembers what a snapshot needs (`trail`). `reading` is for the table of all
sources.
"""

from neurosim.streams.events.encoders import EventCounts as EventCounts
from neurosim.streams.events.encoders import EventFrames as EventFrames
from neurosim.streams.events.encoders import LocalSurface as LocalSurface
from neurosim.streams.events.encoders import TimeSurface as TimeSurface
from neurosim.streams.events.encoding import encoding_of as encoding_of
from neurosim.streams.events.event import EVENT as EVENT
from neurosim.streams.events.event import OFF as OFF
from neurosim.streams.events.event import ON as ON
from neurosim.streams.events.event import Counts as Counts
from neurosim.streams.events.event import Recording as Recording
from neurosim.streams.events.event import as_events as as_events
from neurosim.streams.events.files import EventFile as EventFile
from neurosim.streams.events.files import open_events as open_events
from neurosim.streams.events.files import read_events as read_events
from neurosim.streams.events.formats import FORMATS as FORMATS
from neurosim.streams.events.stream import EventStream as EventStream
