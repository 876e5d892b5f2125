"""A run priced: energy, latency and memory of each sample on a described chip."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.checks import finite
from neurosim.errors import ConfigError
from neurosim.hardware.chips.spec import Hardware, as_hardware
from neurosim.hardware.counting.counts import Counts
from neurosim.hardware.counting.operations import by_width, operations
from neurosim.hardware.counting.traffic import mean_events
from neurosim.hardware.energy import Energy, check_learns, energy
from neurosim.hardware.lifetime import lifetime
from neurosim.hardware.placement.demand import Demand
from neurosim.hardware.placement.mapping import Mapping
from neurosim.hardware.placement.strategies.optimise import optimised
from neurosim.hardware.placement.strategies.options import OPTIMISED, ROWS, Wanted, as_placement
from neurosim.hardware.placement.strategies.placing import place
from neurosim.hardware.timeline.schedule import Schedule, at_ends, schedule
from neurosim.hardware.timeline.static_energy import power_summary, static_energy
from neurosim.streams.arrivals import Arrivals, Closed

PERCENTILES = {"p50": 50.0, "p95": 95.0, "p99": 99.0}
Floats = NDArray[np.float64]


class CostReport(NamedTuple):
    """What a run would cost on a described chip.

    Attributes
    ----------
    hardware : Hardware
        As it was described.
    mapping : Mapping
        On the hardware as it was priced: without what is unverified, unless that was allowed.
    counts : Counts
    energy : Energy
        Energy of inference, learning and routing.
    schedule : Schedule or None
        When each sample was done; None where the description has no times.
    deadline : float or None
        Longest latency that is wanted, in seconds.
    ends : tuple of two Schedule, or None
        The schedules of the same samples with all times low, and with all times high.
    """

    hardware: Hardware
    mapping: Mapping
    counts: Counts
    energy: Energy
    schedule: Schedule | None
    deadline: float | None = None
    ends: tuple[Schedule, Schedule] | None = None

    @property
    def static_J(self) -> Floats | None:
        """Static energy of each sample, with all constants low, nominal and high: float64 (3, samples), or None.

        NaN for samples that were not timed: how long they hold the chip is not known.
        """
        if self.schedule is None:
            return None
        low, high = self.ends or (self.schedule, self.schedule)
        states = (low.states, self.schedule.states, high.states)
        return static_energy(self.mapping.hardware, states, self.counts.samples)

    @property
    def energy_J(self) -> Floats:
        """Energy of each sample, with all constants low, nominal, and high: float64 (3, samples).

        NaN for samples that were not timed, where there is static power.
        """
        static = self.static_J
        return self.energy.total if static is None else self.energy.total + static

    @property
    def mean_parts_J(self) -> dict[str, Floats | None]:
        """Mean energy by part, `static` included, low, nominal and high: float64 (3,) each, None where not known.

        Each is a mean over the samples for which it is known: `static` over those that were timed, others over all.
        """
        static = self.static_J
        means: dict[str, Floats | None] = {part: spent.mean(axis=1) for part, spent in self.energy.parts.items()}
        return means | {"static": None if static is None else np.nanmean(static, axis=1)}

    @property
    def mean_energy_J(self) -> Floats:
        """Mean energy of a sample, low, nominal and high: the sum of `mean_parts_J`, float64 (3,)."""
        summed: Floats = np.sum([spent for spent in self.mean_parts_J.values() if spent is not None], axis=0)
        return summed

    @property
    def power_W(self) -> float | None:
        """Mean power: a sample's mean energy by the time for which it holds the chip; None where no time passes."""
        held = self._seconds()
        return float(self.mean_energy_J[1] * self.counts.samples / held) if held else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of the numbers, beside what the description leaves out."""
        notes = list(self.mapping.notes)
        if self.schedule is not None and self.schedule.open_ended:
            what = "static energy and lifetime are as if it came again at once"
            notes.append(f"a single recorded sample has no gap: {what}")
        parts = self.hardware.components
        given = self.hardware.structure.area_mm2
        if parts is not None and given is not None and given < parts.area_mm2.low:
            notes.append(f"structure.area_mm2 is {given:g} mm2, and its parts alone are {parts.area_mm2.value:.3g} mm2")
        return tuple(notes)

    def _repr_html_(self) -> str:
        from neurosim.hardware.table import html_table

        return html_table(self.summary())

    def summary(self) -> dict[str, Any]:
        """Return plain values, with units in the names; means over the samples."""
        low, value, high = self.mean_energy_J
        used = self.mapping.summary()
        return {
            "hardware": self.hardware.describe(),
            "samples": self.counts.samples,
            "learning": self.counts.learning,
            "energy_J": float(value),
            "energy_low_J": float(low),
            "energy_high_J": float(high),
            "energy_split_J": {
                part: None if spent is None else float(spent[1]) for part, spent in self.mean_parts_J.items()
            },
            "operations": self.energy.operations,
            "not_priced": self.energy.unpriced,
            "not_timed": [] if self.schedule is None else list(self.schedule.untimed),
            **(_no_times() if self.schedule is None else self._times(self.schedule)),
            **self._area(),
            "memory_bytes": used["synapse_memory_bytes"] + (used["neuron_memory_bytes"] or 0),
            **lifetime(self.counts, self.mapping, self._seconds()),
            "mapping": used,
            "counts": self.counts.summary(),
            "notes": list(self.notes),
        }

    def _area(self) -> dict[str, float | None]:
        """Return the area of the whole chip with its band, the mean power, and the power of a square millimetre."""
        low, area, high = self.hardware.area_band_mm2 or (None, None, None)
        power = self.power_W
        density = None if area is None or power is None else power / area
        areas = {"area_mm2": area, "area_low_mm2": low, "area_high_mm2": high}
        return areas | {"power_W": power, "power_density_W_per_mm2": density}

    def _seconds(self) -> float | None:
        """Return how long all samples take, at the rate of those that were timed; None where nothing is."""
        return None if self.schedule is None else float(self.schedule.held_s.mean()) * self.counts.samples

    def _times(self, schedule: Schedule) -> dict[str, Any]:
        """Return the results of the timeline."""
        low, high = self.ends or (schedule, schedule)
        missed, missed_low, missed_high = (
            None if self.deadline is None else int((timed.latency_s > self.deadline).sum())
            for timed in (schedule, low, high)
        )
        return {
            "timed_samples": len(schedule.latency_s),
            **_latency(schedule.latency_s, ""),
            **_latency(low.latency_s, "_low"),
            **_latency(high.latency_s, "_high"),
            "waiting_s": float(schedule.waiting_s.mean()),
            "samples_per_s_limit": schedule.limit_hz,
            "samples_per_s_limit_low": high.limit_hz,
            "samples_per_s_limit_high": low.limit_hz,
            "samples_per_s_offered": schedule.offered_hz,
            "load": schedule.load,
            "overload": schedule.load is not None and schedule.load > 1,
            "backlog_max": schedule.backlog,
            "lost_events": schedule.lost,
            "lost_share": schedule.lost_share,
            "deadline_s": self.deadline,
            "deadline_misses": missed,
            "deadline_misses_low": missed_low,
            "deadline_misses_high": missed_high,
            "deadline_miss_share": None if missed is None else missed / len(schedule.latency_s),
            "busiest": [list(row) for row in schedule.busiest],
            "power_states": power_summary(self.mapping.hardware, schedule.states),
            "timeline_events": schedule.events,
        }


def _latency(latency: Floats, end: str) -> dict[str, Any]:
    """Return mean, percentiles and maximum; `end` is "", or which end of the times' bands they are at."""
    return {
        f"latency{end}_s": float(latency.mean()),
        f"latency_percentiles{end}_s": {name: float(np.percentile(latency, at)) for name, at in PERCENTILES.items()},
        f"latency_max{end}_s": float(latency.max()),
    }


def _no_times() -> dict[str, Any]:
    """Return the keys of `_times` for a chip without times."""
    latencies = [f"latency{what}{end}_s" for end in ("", "_low", "_high") for what in ("", "_percentiles", "_max")]
    names = (
        "timed_samples", *latencies, "waiting_s", "samples_per_s_limit", "samples_per_s_limit_low",
        "samples_per_s_limit_high", "samples_per_s_offered", "load", "overload", "backlog_max", "lost_events",
        "lost_share", "deadline_s", "deadline_misses", "deadline_misses_low", "deadline_misses_high",
        "deadline_miss_share", "busiest", "power_states", "timeline_events",
    )  # fmt: skip
    return dict.fromkeys(names)


def _placed(counts: Counts, hardware: Hardware, placement: Mapping | Wanted) -> Mapping:
    """Return the layers on cores; "optimised" is so for the events of this run."""
    demands = tuple(layer.demand for layer in counts.layers)
    if isinstance(placement, Mapping):
        _check_mapping(placement, demands, hardware)
        return placement._replace(hardware=hardware)
    wanted = as_placement(placement)
    if wanted.strategy != OPTIMISED:
        return place(demands, hardware, wanted)
    rows = place(demands, hardware, replace(wanted, strategy=ROWS))
    return optimised(rows, mean_events(counts), wanted)


def _check_mapping(mapping: Mapping, demands: Sequence[Demand], hardware: Hardware) -> None:
    """Refuse a mapping of other layers, or onto other cores: its parts would not be those of the run."""
    advice = "place them anew (hardware.place)"
    if mapping.demands != demands:
        names = ("inputs", "fan_in", "neurons", "positions", "weight_bits")
        sizes = [[[getattr(layer, name) for name in names] for layer in each] for each in (demands, mapping.demands)]
        raise ConfigError("placement", f"of the layers of the run ({', '.join(names)}: {sizes[0]})", sizes[1], advice)
    placed = mapping.hardware
    if (placed.structure, placed.memory) != (hardware.structure, hardware.memory):
        rule = f"onto cores and memory as {hardware.name} has them"
        raise ConfigError("placement", rule, f"one onto {placed.name}", advice)


def price(
    counts: Counts,
    hardware: Hardware | str,
    *,
    arrivals: Arrivals | None = None,
    deadline: float | None = None,
    unverified: bool = False,
    timed_samples: int | None = None,
    placement: Mapping | Wanted = None,
) -> CostReport:
    r"""Price a run on a described chip.

    .. math::

        E_n = \sum_o N_{on} e_o + P T_n

    with :math:`N_{on}` operations of kind o in sample n, each of energy :math:`e_o`, and the static power P for the
    time :math:`T_n` that the sample holds the chip, or less where it is idle or asleep (`static_energy`).

    Parameters
    ----------
    counts : Counts
        From `count`.
    hardware : Hardware or str
        A description, or a name or path that `load` takes.
    arrivals : Closed, Period, Poisson, Bursts or Recorded, optional
        When samples arrive; by default (`Closed`) each when the one before is done, so that none waits.
    deadline : float, optional
        Seconds from a sample's arrival to its response.
    unverified : bool
        Whether to use constants whose confidence is "unverified".
    timed_samples : int, optional
        How many samples, from the first, the timeline simulates; by default as many as some 20 million events allow.
    placement : Placement, str, dict or Mapping, optional
        Where layers go: "rows" (default), "spread", "optimised" for the events of this run, a TOML file, cores by hand,
        or what `place` returned for these layers and this chip.

    Returns
    -------
    CostReport

    Raises
    ------
    ConfigError
        If the layers do not fit the chip, it has no energy of learning, or arrivals or deadline break their rules,
        or a mapping is of other layers or of another chip.
    """
    if not isinstance(counts, Counts):
        raise ConfigError("counts", "what neurosim.hardware.count returns", type(counts).__name__)
    hardware = as_hardware(hardware)
    if deadline is not None:
        finite("deadline", deadline, "positive", 0, above=True)
    check_learns(hardware, counts.learning, unverified)
    usable = hardware if unverified else hardware.vouched()
    mapping = _placed(counts, usable, placement)
    spent = energy(usable, operations(mapping, counts), by_width(mapping, counts))
    arrivals = Closed() if arrivals is None else arrivals
    if not usable.time and (deadline is not None or not isinstance(arrivals, Closed)):
        raise ConfigError(f"time of {hardware.name}", "given, for a deadline or arrivals", None)
    timed = schedule(mapping, counts, arrivals, timed_samples) if usable.time else None
    return CostReport(
        hardware=hardware,
        mapping=mapping,
        counts=counts,
        energy=spent,
        schedule=timed,
        deadline=deadline,
        ends=None if timed is None else at_ends(mapping, counts, arrivals, timed),
    )
