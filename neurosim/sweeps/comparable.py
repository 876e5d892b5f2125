"""Whether the points of a front are priced alike: a chip whose description leaves much out looks better than it is."""

from collections.abc import Sequence
from pathlib import Path

from neurosim.sweeps.run import Row
from neurosim.sweeps.study import Sweep

# How the objectives begin that depend on what a description prices.
PRICED = ("energy", "power", "latency", "waiting", "samples", "deadline", "overload", "load")
NOTHING = "nothing that its description names"


def unlike(sweep: Sweep, rows: Sequence[Row]) -> list[str]:
    """Return sentences for people if points of described chips that price different things are compared.

    Returns
    -------
    list of str
        A sentence that says so, and one for each chip with what its price leaves out; empty if all leave out the same.
    """
    asked = [name for name in sweep.objectives if name.startswith(PRICED)]
    lacking: dict[str, dict[str, None]] = {}
    for row in rows:
        measures = row.record.get("measures") or {}
        if "not_priced" in measures:
            chip = Path(row.point.cell.settings["hardware"]["chip"]).stem
            parts = [*measures["not_priced"].split(", "), measures["not_modelled"]]
            lacking.setdefault(chip, {}).update(dict.fromkeys(part for part in parts if part))
    if not asked or len({frozenset(parts) for parts in lacking.values()}) < 2:
        return []
    first = f"{', '.join(asked)} compare chips that leave out different things: what a price lacks makes it lower"
    return [first, *(f"{chip} leaves out: {'; '.join(parts) or NOTHING}" for chip, parts in lacking.items())]
