"""When a described chip stops its clock, and when it sleeps."""

from collections.abc import Mapping
from dataclasses import dataclass

from neurosim.checks import finite, one_of
from neurosim.errors import ConfigError
from neurosim.hardware.chips.quantity import Quantity

GATED = ("chip", "core")


@dataclass(frozen=True, slots=True)
class PowerStates:
    """When the clock stops, and when the chip sleeps; the powers are `power.static`, `power.idle`, `power.sleep`.

    Parameters
    ----------
    gated : {"chip", "core"}
        What has its clock stopped, and takes `power.idle` in place of `power.static`: the whole chip while there is no
        sample on it (the default), or each core whenever it serves nothing. Needs `power.idle`.
    sleep_after_s : float, optional
        Seconds without a sample, from 0, after which the chip sleeps: it takes `power.sleep`, keeps its synapses, and
        takes `time.wake` and `energy.wake` to be ready for the next sample. Needs `power.sleep`; by default the chip
        never sleeps.

    Raises
    ------
    ConfigError
        If a value is none of these.
    """

    gated: str = "chip"
    sleep_after_s: float | None = None

    def __post_init__(self) -> None:
        one_of("power_states.gated", self.gated, GATED)
        if self.sleep_after_s is not None:
            finite("power_states.sleep_after_s", self.sleep_after_s, "from 0, in seconds", 0)


def check(
    states: PowerStates | None,
    power: Mapping[str, Quantity],
    time: Mapping[str, Quantity],
    energy: Mapping[str, Quantity],
) -> None:
    """Refuse power states that lack a constant, or constants of states that the chip never enters.

    Raises
    ------
    ConfigError
        If so, or if a state takes more power than a more active one.
    """
    after = None if states is None else states.sleep_after_s
    for name in ("idle", "sleep"):
        if name in power and "static" not in power:
            raise ConfigError("power.static", f"given with power.{name}", None)
    if after is not None and "sleep" not in power:
        raise ConfigError("power.sleep", "given with power_states.sleep_after_s", None)
    for group, name, given in (("power", "sleep", power), ("time", "wake", time), ("energy", "wake", energy)):
        if name in given and after is None:
            raise ConfigError("power_states.sleep_after_s", f"given with {group}.{name}", None)
    if states is not None and states.gated == "core" and "idle" not in power:
        raise ConfigError("power.idle", "given with power_states.gated = 'core'", None)
    for name, above in (("idle", "static"), ("sleep", "idle" if "idle" in power else "static")):
        if name in power:
            _check_order(name, power[name], above, power[above])


def _check_order(name: str, lower: Quantity, above: str, upper: Quantity) -> None:
    """Refuse a state that takes more power than a more active one."""
    for end in ("low", "value", "high"):
        if getattr(lower, end) > getattr(upper, end):
            rule = f"at most power.{above}.{end}, {getattr(upper, end):g} W"
            raise ConfigError(f"power.{name}.{end}", rule, f"{getattr(lower, end):g} W")
