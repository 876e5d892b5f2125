"""How samples arrive, made of the options of a command."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosim.cli.faults import fail
from neurosim.cli.options import ARRIVALS, DEFAULT_BURST, ArrivalOptions

if TYPE_CHECKING:
    from neurosim.latency import Arrivals

NEEDED = ("rate", "timestamps")  # a burst has a default


def arrivals_of(options: ArrivalOptions) -> "Arrivals":
    """Return how samples arrive; exit with one line if an option is missing or belongs to other arrivals."""
    from neurosim.latency import Bursts, Closed, Period, Poisson, Recorded

    kind = options.arrivals
    given = {"rate": options.rate_hz, "burst": options.burst, "timestamps": options.timestamps}
    given["arrivals_seed"] = options.arrivals_seed
    for name, value in given.items():
        if name not in ARRIVALS[kind] and value is not None:
            fail(f"{name} must be left out with --arrivals {kind}, got {value}")
        if name in ARRIVALS[kind] and name in NEEDED and value is None:
            fail(f"{name} must be given with --arrivals {kind} (--{name}), got none")
    if options.timestamps is not None:
        return Recorded(_timestamps(options.timestamps))
    if options.rate_hz is None:
        return Closed()
    if kind == "bursts":
        return Bursts(options.rate_hz, DEFAULT_BURST if options.burst is None else options.burst)
    if kind == "period":
        return Period(options.rate_hz)
    return Poisson(options.rate_hz, (options.seed or 0) if options.arrivals_seed is None else options.arrivals_seed)


def _timestamps(path: str) -> Any:
    """Map the array of a `.npy` file."""
    from neurosim.errors import StreamError
    from neurosim.streams.numpy_files import map_array

    try:
        return map_array(Path(path))
    except StreamError as error:
        fail(f"timestamps must be an array in a .npy file, but {path} is not: {error}")
