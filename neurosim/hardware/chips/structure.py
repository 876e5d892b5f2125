"""The structure of a chip: cores on a mesh, and the capacity of each."""

from dataclasses import dataclass

from neurosim.checks import LARGEST, finite, one_of, truth, whole
from neurosim.errors import ConfigError

CONVOLUTIONS = ("shared", "unrolled")
DATAPATHS = ("event-driven", "dense")
WHEN_FULL = ("block", "drop")
WIDEST = 64  # bits of a weight
MOST_LANES = 2**20
FASTEST_HZ = 1e12  # a cycle of a picosecond, the least time there is


@dataclass(frozen=True, slots=True)
class Structure:
    """Cores on a mesh of routers, each with neurons and synaptic memory of its own.

    Parameters
    ----------
    cores : int
        Number of cores, from 1. Changes what fits, where layers go, and with it hops and what works at once.
    neurons_per_core : int
        Most neurons of a core; a neuron of a convolutional layer counts once for each of its positions. Changes how
        many cores a layer takes.
    synapse_bits_per_core : int
        Bits of synaptic memory of a core. Changes how many cores a layer takes.
    weight_bits : int
        Bits of the widest weight, from 1 to 64: layers with more are refused, and those in float32 priced with these.
    source : str
        Where these numbers come from.
    mesh : (int, int), optional
        Columns and rows of the mesh, filled with cores row by row; by default one row.
    fan_in_per_core : int, optional
        Most inputs of a core: layers with more are refused. By default any number.
    neuron_bits : int, optional
        Bits of a neuron's state. Changes the memory in use, and the cost of states put aside when cores take turns.
    lanes : int
        Synaptic operations, or weight updates, that a core does at once, from 1 to 2**20. Changes times.
    clock_Hz : float, optional
        Clock of the cores, up to 1e12. Changes times that are given in cycles, and with parts their area and leakage.
    convolution : {"unrolled", "shared"}
        Whether a core stores a kernel once for each position of its neuron, or once for all positions. When it learns,
        all that is stored is written: changes memory, and energy and time of learning.
    datapath : {"event-driven", "dense"}
        Which synaptic operations a core does, and pays in energy, time and memory reads: those that events reach, as
        they come in (inputs that are zero cost nothing), or those of all inputs, at once when the sample's events are
        in. In a crossbar all rows and columns work, whatever the inputs are.
    area_mm2 : float, optional
        Area of the whole chip, in place of that of its parts. Changes `area_mm2` and power density.
    queue : int, optional
        Events that can wait at a core or on a link; by default any number. Changes latency or losses (`when_full`), and
        with parts area.
    when_full : {"block", "drop"}
        What happens to an event when the queue is full: the sender waits, or the event is lost.
    multicast : bool
        Whether an event to several cores travels shared links once and is copied where ways part (default false: the
        sender makes one event for each core). Changes `event_out`, hops, and the time that links are busy.
    time_multiplexed : bool
        Whether a core can run several tiles of a layer one after the other, putting the states of its neurons aside,
        so that layers larger than the chip fit (default false: they are refused). Needs `neuron_bits`.
    external_bits : int, optional
        Bits of memory outside the cores for synapses and states that do not fit on them when cores take turns; by
        default there is none, and what does not fit is refused. Its price is `energy.external_read_bit` and
        `energy.external_write_bit`, its time `time.external_bit`.

    Raises
    ------
    ConfigError
        If a number is out of range, or the mesh is smaller than the number of cores.
    """

    cores: int
    neurons_per_core: int
    synapse_bits_per_core: int
    weight_bits: int
    source: str
    mesh: tuple[int, int] | None = None
    fan_in_per_core: int | None = None
    neuron_bits: int | None = None
    lanes: int = 1
    clock_Hz: float | None = None
    convolution: str = "unrolled"
    area_mm2: float | None = None
    queue: int | None = None
    when_full: str = "block"
    multicast: bool = False
    time_multiplexed: bool = False
    external_bits: int | None = None
    datapath: str = "event-driven"

    def __post_init__(self) -> None:
        for name, most in (("cores", LARGEST), ("neurons_per_core", LARGEST), ("lanes", MOST_LANES)):
            whole(f"structure.{name}", getattr(self, name), 1, most)
        whole("structure.synapse_bits_per_core", self.synapse_bits_per_core, 1, 2**62)
        whole("structure.weight_bits", self.weight_bits, 1, WIDEST)
        for name, low in (("fan_in_per_core", 1), ("neuron_bits", 0), ("queue", 0)):
            if getattr(self, name) is not None:
                whole(f"structure.{name}", getattr(self, name), low, LARGEST)
        for name in ("clock_Hz", "area_mm2"):
            if getattr(self, name) is not None:
                finite(f"structure.{name}", getattr(self, name), "positive", 0, above=True)
        if self.clock_Hz is not None and self.clock_Hz > FASTEST_HZ:
            raise ConfigError("structure.clock_Hz", f"at most {FASTEST_HZ:g}", self.clock_Hz)
        if self.external_bits is not None:
            whole("structure.external_bits", self.external_bits, 1, 2**62)
        for name in ("multicast", "time_multiplexed"):
            truth(f"structure.{name}", getattr(self, name))
        if self.time_multiplexed and self.neuron_bits is None:
            raise ConfigError("structure.neuron_bits", "given, where cores are time_multiplexed", None)
        one_of("structure.convolution", self.convolution, CONVOLUTIONS)
        one_of("structure.when_full", self.when_full, WHEN_FULL)
        one_of("structure.datapath", self.datapath, DATAPATHS)
        if not isinstance(self.source, str):
            raise ConfigError("structure.source", "text", self.source)
        object.__setattr__(self, "mesh", self._mesh())

    def _mesh(self) -> tuple[int, int]:
        """Return the mesh, checked; one row if none is given."""
        if self.mesh is None:
            return self.cores, 1
        mesh = tuple(self.mesh) if isinstance(self.mesh, list | tuple) else ()
        if len(mesh) != 2:
            raise ConfigError("structure.mesh", "two whole numbers, columns and rows", self.mesh)
        for what, size in zip(("columns", "rows"), mesh, strict=True):
            whole(f"{what} of structure.mesh", size, 1, LARGEST)
        if mesh[0] * mesh[1] < self.cores:
            raise ConfigError("structure.mesh", f"of at least as many places as the {self.cores} cores", self.mesh)
        return mesh[0], mesh[1]

    @property
    def is_dense(self) -> bool:
        """Whether all synaptic operations are done, also those that no event asks for."""
        return self.datapath == "dense"

    def place(self, core: int) -> tuple[int, int]:
        """Return the column and row of a core."""
        assert self.mesh is not None
        return core % self.mesh[0], core // self.mesh[0]
