"""Events that a described chip loses: the simulated chip loses none, so its answers are not those of that chip."""

from neurosim.errors import ConfigError
from neurosim.hardware.chips.spec import Hardware
from neurosim.hardware.timeline.schedule import Schedule


def loses(hardware: Hardware, timed: Schedule | None) -> ConfigError | None:
    """Return why a priced run has no answers: the queue, the share of events that were lost, and what to do.

    Returns
    -------
    ConfigError or None
        None where no event was lost.
    """
    if timed is None or not timed.lost:
        return None
    rule = "so long that no event is lost, for an accuracy or answers"
    advice = f"{timed.lost_share:.3%} of the events found no room; give it more places, the port a time between events"
    advice += " (time.input), or let senders wait (structure.when_full = 'block')"
    return ConfigError(f"structure.queue of {hardware.name}", rule, hardware.structure.queue, advice)
