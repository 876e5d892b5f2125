"""Encoders in words, as the command line has them: `local:radius=2,tau=20ms`."""

import re
from typing import Any

from neurosim.errors import ConfigError
from neurosim.streams.events.encoders import EITHER, Encoder, EventCounts, EventFrames, LocalSurface, TimeSurface

MICROSECONDS = {"us": 1, "ms": 1000, "s": 1_000_000}
DURATION = re.compile(r"([0-9.]{1,20}(?:e[-+]?[0-9]{1,3})?)(us|ms|s)")
WHOLE = re.compile("[0-9]{1,18}")
TRUTHS = {"yes": True, "no": False}
KINDS: dict[str, tuple[type[Encoder], tuple[str, ...]]] = {
    "local": (LocalSurface, ("radius", "tau", "norm", "least")),
    "surface": (TimeSurface, ("tau", "every")),
    "counts": (EventCounts, ("every", "cell")),
    "frames": (EventFrames, ("every", "full")),
}
SPELLED = {"tau_us": "tau", "every_us": "every", "every_events": "every"}  # constants as words have them
FORMS = (
    "local[:radius=2,tau=20ms,norm=yes,least=1], surface:tau=50ms,every=10ms, counts:every=10ms[,cell=1] or "
    "frames:every=10ms[,full=1]"
)
RULE = f"{FORMS}; every=1000 is by events"


def encoder_of(text: Encoder | str | None) -> Encoder:
    """Return the encoder that a text says; an encoder as it is.

    Raises
    ------
    ConfigError
        If it is none, or a number is out of range.
    """
    if isinstance(text, Encoder):
        return text
    if text is None:
        raise ConfigError("encode", "given for a source of events", None, f"such as {FORMS}")
    name, _, rest = str(text).strip().partition(":")
    if name not in KINDS:
        raise ConfigError("encode", RULE, text)
    kind, known = KINDS[name]
    given: dict[str, Any] = {}
    for piece in filter(None, rest.split(",")):
        key, equals, value = (part.strip() for part in piece.partition("="))
        if key not in known or not equals or key in given:
            raise ConfigError("encode", f"{name}: with {', '.join(known)} once each, as {RULE}", text)
        given[key] = value
    constants = dict(_constant(key, value, str(text)) for key, value in given.items())
    if kind is TimeSurface and "tau_us" not in constants:
        raise ConfigError("encode", "surface: with tau", text)
    try:
        return kind(**constants)
    except ConfigError as error:  # it has the names of Python
        parameter, rule, value, advice = error.args
        if parameter == EITHER:
            raise ConfigError("encode", f"{name}: with every, as {RULE}", text) from None
        spelled = SPELLED.get(parameter, parameter)
        unit = ", in microseconds" if parameter.endswith("_us") and "microseconds" not in rule else ""
        raise ConfigError(f"{spelled} in encode", f"{rule}{unit}", value, advice) from None


def _constant(key: str, value: str, text: str) -> tuple[str, Any]:
    """Return the name and the value of an encoder's constant."""
    duration = DURATION.fullmatch(value)
    if key == "norm" and value in TRUTHS:
        return key, TRUTHS[value]
    if key == "tau" and duration:
        return "tau_us", _microseconds(duration, text)
    if key == "every" and duration:
        microseconds = _microseconds(duration, text)
        if microseconds.is_integer():  # of an infinite one not
            return "every_us", int(microseconds)
        raise ConfigError("every in encode", "whole microseconds", value)
    if key not in ("norm", "tau") and WHOLE.fullmatch(value):
        return "every_events" if key == "every" else key, int(value)
    raise ConfigError("encode", RULE, text)


def _microseconds(duration: re.Match[str], text: str) -> float:
    try:
        return float(duration[1]) * MICROSECONDS[duration[2]]
    except ValueError:
        raise ConfigError("encode", RULE, text) from None
