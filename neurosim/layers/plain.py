"""Constants as plain data, and back: how a state file keeps a chip's constants, which reading never executes."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from neurosim.errors import ConfigError
from neurosim.layers.activations import Transmit
from neurosim.layers.biases import Bias
from neurosim.layers.competition import Competition
from neurosim.layers.conv import ConvWTA, MaxPool, MeanPool
from neurosim.layers.dense import DenseWTA
from neurosim.layers.devices import Devices
from neurosim.layers.own_competitions import CompetitionMaker, OwnCompetition
from neurosim.layers.own_functions import OwnFunction
from neurosim.layers.own_rules import OwnRule, RuleMaker
from neurosim.layers.rules import Rule
from neurosim.layers.schedules import Schedule

KINDS: dict[str, type] = {
    **{kind.__name__: kind for kind in (DenseWTA, ConvWTA, MaxPool, MeanPool)},
    **Competition.members, **Bias.members, **Rule.members, **Schedule.members, **Transmit.members, **Devices.members,
}  # fmt: skip

OWN: dict[str, type[OwnFunction]] = {OwnRule.__name__: RuleMaker, OwnCompetition.__name__: CompetitionMaker}
OTHER = "it, or something that it uses, is another; one saved without its source needs the same version of Python"
ADVICE = "give it by Chip.load(path, rules=[...]), --rules FILE.py or --recipe FILE.py:NAME"


def describe(constants: Any) -> Any:
    """Return a frozen dataclass as a dict of plain values, its class under `kind`."""
    if isinstance(constants, tuple):
        return [describe(value) for value in constants]
    if not is_dataclass(constants):
        return constants
    values = {
        entry.name: describe(value)
        for entry in fields(constants)
        for value in [getattr(constants, entry.name)]
        if entry.compare and not (entry.metadata.get("newer") and value == entry.default)
    }
    return {"kind": type(constants).__name__, **values}


def rebuild(description: Any, own: Sequence[OwnFunction] = ()) -> Any:
    """Return the dataclass that `describe` described.

    Parameters
    ----------
    description : dict or plain value
    own : sequence of OwnFunction
        The user's rules and competitions that it may name.

    Raises
    ------
    ConfigError
        If a kind or a constant is unknown here, or a value breaks its rule.
    """
    if not isinstance(description, dict):
        return description
    kind = description.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ConfigError("kind", f"one of {', '.join(KINDS)}", kind)
    values = {name: rebuild(value, own) for name, value in description.items() if name != "kind"}
    try:
        if kind in OWN:
            return _own(kind, values, own)
        return KINDS[kind](**values)
    except (TypeError, KeyError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"constants of {kind}", "those of this version", sorted(values), str(error)) from error


def _own(kind: str, values: dict[str, Any], own: Sequence[OwnFunction]) -> OwnRule | OwnCompetition:
    """Return a user's rule or competition, made anew by its maker."""
    name, what = values["name"], OWN[kind].what
    makers = [maker for maker in own if isinstance(maker, OWN[kind]) and maker.__name__ == name]
    for maker in makers:  # of two of a name, the one saved
        if maker.is_known_as(values["digest"]):
            constants = tuple((constant, value) for constant, value in values["constants"])
            if isinstance(maker, RuleMaker):
                return maker.again(values["rate"], constants, values["averaging"])
            assert isinstance(maker, CompetitionMaker)
            return maker.again(constants)
    if makers:
        raise ConfigError(f"{what} {name}", f"the one that was saved, {values['digest']}", makers[0].digest, OTHER)
    names = ", ".join(maker.__name__ for maker in own) or "none"
    raise ConfigError("rules", f"given with {name!r} among them, a {what} of the user's own", names, ADVICE)
