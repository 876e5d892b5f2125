"""How often a synapse's cells can be written before they wear out."""

from dataclasses import dataclass

from neurosim.checks import finite, one_of
from neurosim.errors import ConfigError
from neurosim.hardware.chips.quantity import CONFIDENCES


@dataclass(frozen=True, slots=True)
class Endurance:
    """Writes that a synapse survives, without wear levelling: each synapse keeps its cells for life.

    Parameters
    ----------
    writes : float
        Writes that a synapse endures, one or more; it changes the lifetime alone (`lifetime_s`), and no energy or time.
        Every write of a synapse wears all of its cells once, whether their bits change or not.
    source : str
        Where the number comes from.
    low, high : float, optional
        The least and the most that is published for such cells, in writes; by default the same as `writes`. The band
        of the lifetime.
    confidence : {"assumed", "primary", "secondary", "derived", "unverified"}
        Whether the number was read in the source itself, or in a text that cites it, or was computed from such numbers,
        or is a choice, or has not been confirmed; changes nothing else.

    Raises
    ------
    ConfigError
        If a number is out of range, or the band does not hold `writes`.
    """

    writes: float
    source: str
    low: float | None = None
    high: float | None = None
    confidence: str = "assumed"

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, self.writes)
        for name in ("writes", "low", "high"):
            finite(f"endurance.{name}", getattr(self, name), "at least 1", 1)
        if self.low > self.writes:  # type: ignore[operator]
            raise ConfigError("endurance.low", f"at most endurance.writes, {self.writes:g}", self.low)
        if self.high < self.writes:  # type: ignore[operator]
            raise ConfigError("endurance.high", f"at least endurance.writes, {self.writes:g}", self.high)
        if not isinstance(self.source, str):
            raise ConfigError("endurance.source", "text", self.source)
        one_of("endurance.confidence", self.confidence, CONFIDENCES)
