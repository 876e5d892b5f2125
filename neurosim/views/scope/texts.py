"""The scope's texts as HTML: the run's numbers, what to know of it, and its changes; all is escaped."""

from typing import Any

from neurosim.reporting.html import escape, table
from neurosim.views.scope.recorder import Recorder

US = 1e6
MOST = 12  # changes that are shown
STATUS = {
    "begins": "begins", "running": "runs", "held": "is held", "ended": "has ended", "waiting": "waits for samples",
}  # fmt: skip
ALARM, QUIET = "#b33c00", "#555"


def numbers(recorder: Recorder) -> str:
    """Return the numbers of this moment."""
    samples = int(recorder.picture["samples"][0]) if recorder.picture is not None else 0
    of = "" if recorder.about.length is None else f" of {recorder.about.length:,}"
    rows = [("The run", STATUS.get(recorder.status, recorder.status)), ("Samples learned", f"{samples:,}{of}")]
    now = recorder.history.now()
    if now:
        rows += [
            ("Samples/s", f"{now['speed']:,.0f}"),
            ("Latency p50", f"{US * now['p50']:,.1f} µs"),
            ("p99", f"{US * now['p99']:,.1f} µs"),
            ("Never won", f"{now['never_won']:.1%}"),
        ]
    style = "display:inline-block;margin:4px 26px 4px 0"
    return "".join(
        f'<div style="{style}"><div style="color:{QUIET};font-size:13px">{escape(name)}</div>'
        f'<div style="font-size:20px">{escape(value)}</div></div>'
        for name, value in rows
    )


def notes(words: dict[str, Any]) -> str:
    """Return what whoever looks should know: drift of the inputs, and what was refused."""
    drift = words["drift"]
    lines = [] if drift is None else [(ALARM if drift["alarm"] else QUIET, f"Drift: {drift['text']}")]
    lines += [(ALARM, f"Refused: {why}") for why in words["refusals"]]
    return "".join(f'<div style="font-size:14px;color:{colour}">{escape(line)}</div>' for colour, line in lines)


def changes(made: list[dict[str, Any]], count: int) -> str:
    """Return the latest changes of constants, the last one first; `count` is how many there were."""
    if not made:
        return _small("None yet. The state keeps each of them with its sample.")
    rows = [
        (f"{change['sample']:,}", change["layer"] + 1, change["name"], constant(change["old"]), constant(change["new"]))
        for change in made[: -MOST - 1 : -1]
    ]
    more = _small(f"and {count - len(rows):,} before") if count > len(rows) else ""
    return table(("at sample", "layer", "constant", "before", "since"), rows) + more


def _small(line: str) -> str:
    return f'<div style="font-size:13px;color:{QUIET}">{escape(line)}</div>'


def constant(value: Any) -> str:
    """Return a constant as it is shown; one that has constants as the expression that makes it."""
    if isinstance(value, dict):
        inner = ", ".join(f"{key}={constant(item)}" for key, item in value.items() if key != "kind")
        return f"{value.get('kind', '')}({inner})"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
