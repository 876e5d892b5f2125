"""A simulated chip placed on described hardware: every sample comes with its cost."""

from copy import deepcopy
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurosim.chip.chip import Chip
from neurosim.chip.samples import as_labels, as_samples
from neurosim.engine.results import Results
from neurosim.hardware.chips.spec import Hardware, as_hardware
from neurosim.hardware.counting.count import Counting
from neurosim.hardware.energy import check_learns
from neurosim.hardware.placement.mapping import Mapping
from neurosim.hardware.placement.strategies.options import Wanted
from neurosim.hardware.placement.strategies.placing import place
from neurosim.hardware.pricing import CostReport, price
from neurosim.hardware.timeline.losses import loses

Array = NDArray[np.float32]


class Cost(NamedTuple):
    """What one sample would cost, alone on the chip.

    Attributes
    ----------
    energy_J, energy_low_J, energy_high_J : float
        Total energy, with all constants at their nominal, low and high values.
    inference_J, learning_J, routing_J, reloading_J : float
        Of operations, of events between cores, and of what comes in and out where cores take turns.
    static_J : float or None
        Energy of static power for the duration; None where the description has no static power, or no times.
    latency_s, latency_low_s, latency_high_s : float or None
        Until the response, with all times nominal, low and high; None where the description has no times.
    lost_share : float or None
        Share of its events that found no room in a queue, from 0 to 1; the simulated chip loses none, so that other
        than 0 it is only with `ignore_losses`. None where the description has no times.
    operations : dict of str to float
        Operations of each kind that were priced.
    """

    energy_J: float
    energy_low_J: float
    energy_high_J: float
    inference_J: float
    learning_J: float
    routing_J: float
    reloading_J: float
    static_J: float | None
    latency_s: float | None
    latency_low_s: float | None
    latency_high_s: float | None
    lost_share: float | None
    operations: dict[str, float]


class PricedResponse(NamedTuple):
    """A response like that of `Chip.learn_one`, and its cost."""

    potentials: Array
    responses: Array
    winner: int
    output: Array
    cost: Cost


class PlacedChip:
    """A chip on described hardware; see `on`.

    Attributes
    ----------
    chip : Chip
    hardware : Hardware
    mapping : Mapping
    """

    def __init__(
        self, chip: Chip, hardware: Hardware, unverified: bool, ignore_losses: bool, placement: Wanted = None
    ) -> None:
        self.chip, self.hardware, self._unverified = chip, hardware, unverified
        built = hardware.structure
        self._refuses = built.queue is not None and built.when_full == "drop" and not ignore_losses
        self.mapping: Mapping = place(chip, hardware, placement)
        self._counting = {learning: Counting(chip, learning, 1) for learning in (False, True)}

    def __repr__(self) -> str:
        return f"PlacedChip({self.chip!r} on {self.hardware.name})"

    def learn_one(self, x: ArrayLike, label: int | None = None) -> PricedResponse:
        """Respond to a sample and learn from it, bit for bit as `Chip.learn_one` does; return the cost too.

        Raises
        ------
        SampleError, DivergedError
            As for `Chip.learn_one`.
        ConfigError
            If no source gives the energy of learning on this chip, or if it would lose events of the sample, as it
            would learn something else then. The chip has not learned from the sample.
        """
        check_learns(self.hardware, True, self._unverified)
        if self._refuses:  # what learning sends may be lost, too: a copy of the chip tries it
            self._check_losses(self._taken(Counting(deepcopy(self.chip), True, 1), x, label)[1])
        return _answer(self.chip, *self._taken(self._counting[True], x, label))

    def respond_one(self, x: ArrayLike) -> PricedResponse:
        """Respond to a sample without learning; return the cost too.

        Raises
        ------
        SampleError
            As for `Chip.respond_one`.
        ConfigError
            If the chip would lose events of the sample, as it would answer something else then.
        """
        results, report = self._taken(self._counting[False], x, None)
        self._check_losses(report)
        return _answer(self.chip, results, report)

    def _taken(self, counting: Counting, x: ArrayLike, label: int | None) -> tuple[Results, CostReport]:
        """Let a counted chip take a sample; return its results and what they cost."""
        labels = None if label is None else as_labels([label], 1)
        results = counting.take(as_samples(x, self.chip.shape, 1), labels, 0)
        report = price(counting.counts(), self.hardware, unverified=self._unverified, placement=self.mapping)
        return results, report

    def _check_losses(self, report: CostReport) -> None:
        """Refuse a sample of which the described chip would lose events."""
        if self._refuses and (error := loses(report.hardware, report.schedule)):
            raise error


def _answer(chip: Chip, results: Results, report: CostReport) -> PricedResponse:
    shaped = chip.layers[-1].as_images
    potentials, responses = shaped(results.potentials[0]), shaped(results.responses[0])
    return PricedResponse(
        potentials=potentials,
        responses=responses,
        winner=int(results.winners[0]),
        output=results.outputs[0],
        cost=_cost(report),
    )


def on(
    chip: Chip,
    hardware: Hardware | str,
    *,
    unverified: bool = False,
    ignore_losses: bool = False,
    placement: Wanted = None,
) -> PlacedChip:
    """Place a chip on described hardware, so that every sample comes with its cost.

    Parameters
    ----------
    chip : Chip
        Learns in place.
    hardware : Hardware or str
        A description, or a name or path that `load` takes.
    unverified : bool
        Whether to use constants whose confidence is "unverified".
    ignore_losses : bool
        Whether to answer for samples of which the described chip would lose events, as if it had lost none; by default
        they are refused.
    placement : Placement, str or dict, optional
        Where layers go, as for `place`.

    Returns
    -------
    PlacedChip

    Raises
    ------
    ConfigError
        If there is no such description, or the chip does not fit.

    Examples
    --------
    >>> import neurosim as ns
    >>> chip = ns.hardware.on(ns.Chip([ns.recipes.softhebb(100, weight_bits=8)], inputs=64), "cmos45-int8")
    >>> chip.learn_one([1.0] * 64).cost.energy_J > 0
    True
    """
    return PlacedChip(chip, as_hardware(hardware), unverified, ignore_losses, placement)


def _cost(report: CostReport) -> Cost:
    low, value, high = (float(energy) for energy in report.energy_J[:, 0])
    parts, static, schedule = report.energy.parts, report.static_J, report.schedule
    latencies = [
        None if found is None else float(found.latency_s[0]) for found in (schedule, *(report.ends or (None,) * 2))
    ]
    return Cost(
        energy_J=value,
        energy_low_J=low,
        energy_high_J=high,
        inference_J=float(parts["inference"][1, 0]),
        learning_J=float(parts["learning"][1, 0]),
        routing_J=float(parts["routing"][1, 0]),
        reloading_J=float(parts["reloading"][1, 0]) if "reloading" in parts else 0.0,
        static_J=None if static is None else float(static[1, 0]),
        latency_s=latencies[0],
        latency_low_s=latencies[1],
        latency_high_s=latencies[2],
        lost_share=None if schedule is None else schedule.lost_share,
        operations={name: row["count"] for name, row in report.energy.operations.items()},
    )
