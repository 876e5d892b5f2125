"""Responses of a fleet that a measure is told of outside a run: checked, with the place of each sample's chip."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosim.chip.chip import Chip
from neurosim.chip.response import Response
from neurosim.engine.samples import Array
from neurosim.errors import ConfigError, SampleError
from neurosim.fleet.fleet import Fleet
from neurosim.fleet.keys import Key
from neurosim.outside.arrays import kind_of

NOBODY = -1  # no chip, or no winner


class Heard(NamedTuple):
    """What chips say of samples.

    Attributes
    ----------
    potentials, responses : float32 (samples, neurons)
    winners, chips : int64 (samples,)
        A sample that no chip has learned from has the chip -1.
    """

    potentials: Array
    responses: Array
    winners: NDArray[np.int64]
    chips: NDArray[np.int64]


def heard(fleet: Fleet, keys: Any, response: Response, neurons: int) -> Heard:
    """Return what a fleet's response to many samples says; SampleError, if it is none."""
    chips = fleet.indices(keys)
    expected, got = (len(chips), neurons), _shape(response)
    if got != expected or np.shape(response.winner) != expected[:1] or np.shape(response.responses) != expected:
        what = kind_of(response) if got is None else f"potentials {got}"
        raise SampleError(f"response must be that of the fleet's take to {len(chips)} samples, {expected}, got {what}")
    winners = np.asarray(response.winner, np.int64)
    return Heard(response.potentials, response.responses, winners, np.where(winners < 0, NOBODY, chips))


def of_one(fleet: Fleet, key: Key, response: Response, neurons: int) -> Heard:
    """Return what a fleet's response to one sample says; SampleError, if it is none, or the key is unknown."""
    if _shape(response) != (neurons,):
        raise SampleError(f"response must be that of the fleet's chips, of {neurons} neurons, to one sample")
    chip, winner = np.array([fleet.index(key)]), np.array([response.winner], np.int64)
    return Heard(response.potentials[None], response.responses[None], winner, chip)


def _shape(response: object) -> tuple[int, ...] | None:
    return np.shape(response.potentials) if type(response) is Response else None


class OfOneFleet:
    """What was made for a fleet, and goes with runs of that fleet alone: a row of its arrays is a chip of this fleet.

    Attributes
    ----------
    name : str
    """

    name: str
    _fleet: Fleet

    def check_fleet(self, fleet: Fleet) -> None:
        """Refuse any other fleet than that for which this was made.

        Raises
        ------
        ConfigError
            If the fleet is another one.
        """
        if fleet is not self._fleet:
            got = f"one of another, {self._fleet!r}"
            raise ConfigError(self.name, "of the very fleet that learns", got, "make it from this fleet")

    def check_chip(self, chip: Chip) -> None:
        """Refuse a run of a chip.

        Raises
        ------
        ConfigError
            Always.
        """
        got, advice = type(self).__name__, "it is of a fleet's chips, and goes with neurosim.run_fleet"
        raise ConfigError(self.name, "of the chip that learns", got, advice)
