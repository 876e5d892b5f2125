"""Where a report's numbers come from: software, machine, command, files and streams."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neurosim.latency.timing.machine import environment
from neurosim.reporting.units import size
from neurosim.streams import Stream

Rows = list[tuple[str, str]]
PIECE = 1 << 20  # bytes
LONGEST = 300  # characters of what a stream says of itself: a table may have a thousand columns
SOFTWARE = {"neurosim": "neurosim", "Python": "python", "NumPy": "numpy", "Numba": "numba"}


def of_machine(found: dict[str, Any], whose: str = "") -> Rows:
    """Return rows of what `neurosim.latency.timing.machine.environment` found; an older record may know less."""
    cores = f"{found['cores_allowed'] or found['cores']} of {found['cores']} cores"
    software = ", ".join(f"{name} {found.get(key, 'unknown')}" for name, key in SOFTWARE.items())
    processor = f"{found['processor'] or 'unknown processor'}, {cores}"
    rows = {"machine": processor, "system": found.get("system", "unknown"), "software": software}
    return [(whose + name, value) for name, value in rows.items()]


def of_this_run(command: str | None) -> Rows:
    """Return rows of now, the command, and the machine that the report is made on."""
    rows = [("made", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))]
    rows += [("command", command)] if command else []
    return rows + of_machine(environment())


def of_file(what: str, path: str | Path) -> Rows:
    """Return rows of a file's name, size and SHA-256."""
    digest, count = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
            count += len(piece)
    return [(what, f"{Path(path).name}, {size(count)}"), (f"{what}'s sha256", digest.hexdigest())]


def of_state(summary: dict[str, Any]) -> Rows:
    """Return rows of a state, and of the stream that it learned from, as far as its file says."""
    learned = f"{summary['stream_position']:,} samples of {_identity(summary['stream'] or {'name': 'unknown'})}"
    return [("state_sha256", summary["state_sha256"]), ("learned", learned)]


def of_stream(option: str, stream: Stream) -> Rows:
    """Return rows of a stream that was opened for the report."""
    return [(option, _identity(stream.identity()))]


def _identity(identity: dict[str, Any]) -> str:
    """Return the name of a stream, and what else tells it from others."""
    more = [f"{name} {_short(value)}" for name, value in identity.items() if name != "name"]
    return ", ".join([_short(identity.get("name", "unknown")), *more])


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."
