"""Records of latencies beside a state: whether they are of its chip, and when and in which state it was measured."""

from neurosim.chip.chip import Chip
from neurosim.errors import ConfigError
from neurosim.latency.report import Report

SEED = ", seed="  # ends the structure in the text of a chip


def check_same_chip(record: Report, chip: Chip) -> None:
    """Refuse a record of a chip of other layers, by ConfigError."""
    shown, measured = (str(text).partition(SEED)[0] for text in (repr(chip), record.about["chip"]))
    if shown != measured:
        advice = "measure this one: neurosim bench STREAM --state STATE --record FILE.h5"
        raise ConfigError("record", f"of the chip of the state, {shown})", f"{measured})", advice)


def when_and_what(record: Report) -> str:
    """Return a sentence on when a record was made, of what."""
    at = record.about.get("measured_at")
    when = "at a time that it does not tell" if at is None else f"on {str(at)[:10]} at {str(at)[11:16]} UTC"
    doing = "learned from" if record.about["learning"] else "only responded to"
    return (
        f"Read from a record of an earlier measurement, {when}, of {record.about['chip']}, which {doing} the samples."
    )


def doubt(record: Report, state_sha256: str) -> str:
    """Return a warning that the chip was in another state when it was measured, or may have been; empty if not so."""
    measured = record.about.get("state_sha256")
    if measured == state_sha256:
        return ""
    if measured is None:
        return "The record is of an older version, and does not tell in which state the chip was: it may be another."
    return (
        f"The chip was measured in another state (state_sha256 {str(measured)[:16]}...) than the one of this page "
        f"({state_sha256[:16]}...): its latencies may differ."
    )
