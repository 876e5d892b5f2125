"""Which results of the last layer are wanted of each sample that goes through a chip."""

from typing import NamedTuple


class Wanted(NamedTuple):
    """What of the last layer is computed and kept for each sample, besides its winner.

    Attributes
    ----------
    potentials, responses : bool
    outputs : bool
        What the layer transmits, such as a function of its potentials.
    """

    potentials: bool = False
    responses: bool = False
    outputs: bool = False
