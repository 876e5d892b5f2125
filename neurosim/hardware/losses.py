"""Events that a described chip loses: the simulated chip loses none, so its answers are not those of that chip."""

from neurosim.errors import ConfigError
from neurosim.hardware.pricing import CostReport


def loses(report: CostReport) -> ConfigError | None:
    """Return why a priced run has no answers: the queue, the share of events that were lost, and what to do.

    Returns
    -------
    ConfigError or None
        None where no event was lost.
    """
    timed = report.schedule
    if timed is None or not timed.lost:
        return None
    rule = "so long that no event is lost, for an accuracy or answers"
    advice = f"{timed.lost_share:.3%} of the events found no room; give it more places, the port a time between events"
    advice += " (time.input), or let senders wait (structure.when_full = 'block')"
    return ConfigError(f"structure.queue of {report.hardware.name}", rule, report.hardware.structure.queue, advice)
