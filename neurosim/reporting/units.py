"""Numbers as text for people, in units that fit."""

SECONDS = ((1.0, "s "), (1e-3, "ms"), (1e-6, "us"), (0.0, "ns"))
PREFIXES = {"": 1.0, "m": 1e-3, "µ": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
BYTES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (0, "B"))


def duration(seconds: float | None) -> str:
    """Return a duration in the largest unit of which it is at least one, or a dash for None; units are aligned."""
    if seconds is None:
        return "-".ljust(4)
    size, unit = next((size, unit) for size, unit in SECONDS if seconds >= size)
    return f"{seconds / (size or 1e-9):.{2 if size > 1e-6 else 1}f} {unit}"


def size(count: float | None) -> str:
    """Return a number of bytes in the largest unit of which it is at least one, or a dash for None."""
    if count is None:
        return "-"
    unit, name = next((unit, name) for unit, name in BYTES if count >= unit)
    return f"{count / (unit or 1):.{1 if unit else 0}f} {name}"


def giga(rate: float | None) -> str:
    """Return a rate in units of 1e9 per second, without the unit, or a dash for None."""
    return "-" if rate is None else f"{rate / 1e9:.1f}"


def many(count: float | None) -> str:
    """Return a number of things, from 1e9 on in millions ("M"), or a dash for None."""
    if count is None:
        return "-"
    return f"{count:,.0f}" if count < 1e9 else f"{count / 1e6:,.0f} M"


def prefixed(value: float, unit: str) -> tuple[str, float]:
    """Return the largest unit of which a value is at least one, "nJ" of "J", and its size, 1e-9."""
    return next(((prefix + unit, size) for prefix, size in PREFIXES.items() if value >= size), ("f" + unit, 1e-15))
