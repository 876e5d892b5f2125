"""When the priced samples of a point arrive, as the settings of a study say."""

from pathlib import Path
from typing import Any

from neurosim.checks import finite, one_of, whole
from neurosim.errors import ConfigError, StreamError
from neurosim.streams.arrivals import Arrivals, Bursts, Closed, Period, Poisson, Recorded
from neurosim.streams.numpy_files import map_array

OF_KIND: dict[str, tuple[str, ...]] = {  # which keys belong to which kind, those that may be left out in brackets
    "closed": (), "period": ("rate_hz",), "poisson": ("rate_hz", "[seed]"), "bursts": ("rate_hz", "[burst]"),
    "stream": ("timestamps",),
}  # fmt: skip
DEFAULTS: dict[str, Any] = {
    "kind": None, "period_s": None, "rate_hz": None, "burst": None, "seed": None, "timestamps": None,
    "deadline_s": None,
}  # fmt: skip
BURST = 8


def arrivals_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return complete settings, checked: `kind`, what belongs to it, and `deadline_s` where there is a deadline.

    Parameters
    ----------
    settings : dict
        With a value or None for each key of `DEFAULTS`. `period_s` is another form of `rate_hz`, for the kind
        `period`, which it implies.

    Raises
    ------
    ConfigError
        If a key is missing, belongs to another kind, or breaks its rule.
    """
    asked = {key: value for key, value in settings.items() if value is not None}
    period = asked.pop("period_s", None)
    deadline = asked.pop("deadline_s", None)
    kind = asked.pop("kind", "closed" if period is None else "period")
    one_of("arrivals.kind", kind, tuple(OF_KIND))
    if period is not None:
        if kind != "period" or "rate_hz" in asked:
            raise ConfigError("arrivals.period_s", "left out with rate_hz, and with any kind but period", period)
        finite("arrivals.period_s", period, "positive", 1e-30)
        asked["rate_hz"] = 1 / period
    taken = [key.strip("[]") for key in OF_KIND[kind]]
    for key, value in asked.items():
        if key not in taken:
            raise ConfigError(f"arrivals.{key}", f"left out with kind = {kind!r}", value)
    for key in OF_KIND[kind]:
        if key in taken and key not in asked:
            raise ConfigError(f"arrivals.{key}", f"given with kind = {kind!r}", None)
    complete = {"kind": kind} | {key: _checked(key, asked) for key in taken}
    arrivals_of(complete)
    return complete if deadline is None else complete | {"deadline_s": _deadline(deadline)}


def _deadline(seconds: Any) -> float:
    """Return the longest latency that is wanted, checked."""
    finite("arrivals.deadline_s", seconds, "positive, in seconds", 0, above=True)
    return float(seconds)


def _checked(key: str, asked: dict[str, Any]) -> Any:
    """Return the value of a key, or its default, in the type that it has everywhere."""
    name = f"arrivals.{key}"
    value: Any = asked.get(key, {"burst": BURST, "seed": 0}.get(key))
    if key == "rate_hz":
        finite(name, value, "positive, in samples a second", 0, above=True)
        return float(value)
    if key == "timestamps":
        if not isinstance(value, str) or not value.lower().endswith(".npy"):
            raise ConfigError(name, "a file that ends in .npy", value)
        return str(Path(value).absolute())
    whole(name, value, 0)
    return int(value)


def arrivals_of(settings: dict[str, Any]) -> Arrivals:
    """Return the arrivals of complete settings.

    Raises
    ------
    ConfigError
        If a value is out of range, or timestamps cannot be read.
    """
    kind = settings["kind"]
    if kind == "stream":
        return Recorded(_timestamps(settings["timestamps"]))
    if kind == "bursts":
        return Bursts(settings["rate_hz"], settings["burst"])
    if kind == "poisson":
        return Poisson(settings["rate_hz"], settings["seed"])
    return Closed() if kind == "closed" else Period(settings["rate_hz"])


def _timestamps(path: str) -> Any:
    """Map the array of a `.npy` file."""
    try:
        return map_array(Path(path))
    except StreamError as error:
        raise ConfigError("arrivals.timestamps", "an array in a .npy file", path, str(error)) from None
