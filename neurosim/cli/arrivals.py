"""How samples arrive, as options of a command say it."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from neurosim.cli.faults import fail

if TYPE_CHECKING:
    from neurosim.latency import Arrivals

SECONDS = {"": 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
DURATION = re.compile(r"([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?|[-+]?inf|nan)\s*(\w*)")
TAKES = {
    "closed": (), "period": ("rate",), "poisson": ("rate",), "bursts": ("rate", "burst"), "stream": ("timestamps",),
}  # fmt: skip
MUST = ("rate", "timestamps")  # the other has a default


def duration(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """Return seconds of what may have a unit, as 200us."""
    if value is None:
        return None
    found = DURATION.fullmatch(value.strip())
    try:
        if found is not None:
            return float(found[1]) * SECONDS[found[2]]
    except (ValueError, KeyError):
        pass
    raise click.BadParameter(f"must be seconds, or a number with s, ms, us or ns, such as 200us, got {value!r}")


def arrival_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of arrivals, in order."""
    options = (
        click.option(
            "--arrivals", type=click.Choice(list(TAKES)), default="closed", show_default=True,
            help="The next when the last is done, or by the clock: evenly, at random, in bursts, by --timestamps.",
        ),
        click.option("--rate", type=float, metavar="HZ", help="Samples a second, on average, that come by the clock."),
        click.option("--burst", type=int, metavar="N", help="bursts: samples that come at once.  [default: 8]"),
        click.option("--timestamps", metavar="FILE.npy", help="stream: whole microseconds, one a sample."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def arrivals_of(options: dict[str, Any]) -> "Arrivals":
    """Return how samples arrive; what belongs to another way is refused."""
    from neurosim.latency import Bursts, Closed, Period, Poisson, Recorded

    kind = options["arrivals"]
    for name in ("rate", "burst", "timestamps"):
        if name not in TAKES[kind] and options[name] is not None:
            fail(f"{name} must be left out with --arrivals {kind}, got {options[name]}")
        if name in TAKES[kind] and name in MUST and options[name] is None:
            fail(f"{name} must be given with --arrivals {kind} (--{name}), got none")
    if kind == "closed":
        return Closed()
    if kind == "stream":
        return Recorded(_timestamps(options["timestamps"]))
    if kind == "bursts":
        return Bursts(options["rate"], 8 if options["burst"] is None else options["burst"])
    return Period(options["rate"]) if kind == "period" else Poisson(options["rate"], options["seed"] or 0)


def _timestamps(path: str) -> Any:
    """Read an array of a `.npy` file."""
    import numpy as np

    try:
        return np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError) as error:
        fail(f"timestamps must be an array in a .npy file, but {path} is not: {error}")
