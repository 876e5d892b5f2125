"""Who sends events to whom: every stream of events between cores, or between a core and the port, of a mapping."""

from collections.abc import Iterator
from typing import NamedTuple

from neurosim.hardware.placement.mapping import CoreShare, Mapping, Part

GATE = 0  # the core at whose router the port is
INPUTS, OUTPUTS, SUMS, GROWTH, KERNELS, RESPONSE = "inputs", "outputs", "sums", "growth", "kernels", "response"
FROM_OUTSIDE, TO_OUTSIDE = (INPUTS,), (RESPONSE,)  # events that no core sends, and that none receives


class Flow(NamedTuple):
    """Events that take the same way.

    Attributes
    ----------
    kind : str
        "inputs" of the first layer, from the port; "outputs" to the next layer; "sums" of a competition to the core
        where it is decided, and back; "growth" of copies of a kernel to the first of them, and "kernels" back; the
        "response" to the port.
    source : int
        The core that sends.
    targets : tuple of int
        The cores that receive each event.
    layer : int
        The sender's layer.
    share : CoreShare or None
        What the sender holds, where the events are its outputs.
    part : Part or None
        The tile of a competition, or the copy of a kernel, that the events are about.
    """

    kind: str
    source: int
    targets: tuple[int, ...]
    layer: int
    share: CoreShare | None = None
    part: Part | None = None


def flows(mapping: Mapping) -> Iterator[Flow]:
    """Yield the flows of a sample. Those of "growth" and "kernels" flow only if the chip learns."""
    last = len(mapping.demands) - 1
    for layer in range(last + 1):
        cores = tuple(share.core for share in mapping.shares(layer))
        if layer == 0:
            yield Flow(INPUTS, GATE, cores, 0)
        else:
            for share in mapping.shares(layer - 1):
                yield Flow(OUTPUTS, share.core, cores, layer - 1, share=share)
        for parts in mapping.blocks(layer):
            yield from _there_and_back(layer, parts, SUMS, SUMS)
            if layer == last:
                yield Flow(RESPONSE, parts[0].core, (GATE,), layer, part=parts[0])
        for parts in mapping.copies(layer):
            yield from _there_and_back(layer, parts, GROWTH, KERNELS)


def others(parts: list[Part]) -> list[Part]:
    """Return the first part on each core but the first one's: those that must reach another core to agree."""
    return list({part.core: part for part in reversed(parts) if part.core != parts[0].core}.values())[::-1]


def _there_and_back(layer: int, parts: list[Part], there: str, back: str) -> Iterator[Flow]:
    """Yield what other cores send to that of the first part, and what it sends back to all of them."""
    home, away = parts[0].core, others(parts)
    for part in away:
        yield Flow(there, part.core, (home,), layer, part=part)
    if away:
        yield Flow(back, home, tuple(part.core for part in away), layer, part=parts[0])
