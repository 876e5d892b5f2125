"""An event camera sees a bar that moves to and fro; layers learn the ways in which edges move, event by event."""

import numpy as np

import neurosim as ns
from neurosim.streams.events import as_events

SENSOR, STEP_US = (32, 32), 1000


def moving_bar(steps, seed=0):
    """Return the events of a vertical bar, a pixel a step, and noise: ON at its front, OFF at its back."""
    draw, rows = np.random.default_rng(seed), []
    for step in range(steps):
        place = step % 60
        x, way = (place + 1, 1) if place < 30 else (60 - place, -1)
        for y in range(4, 28):
            t = step * STEP_US + int(draw.integers(0, 100))
            rows += [(t, x, y, 1), (t + 50, x - way, y, 0)]
        rows += [(step * STEP_US + 500, *draw.integers(0, 32, 2), draw.integers(0, 2))]
    columns = np.array(sorted(rows)).T
    return as_events(*columns)


events = moving_bar(1200)
print(f"{len(events):,} events in {events['t'][-1] / 1e6:.1f} s of a camera's time")

# As a stream: each event becomes a sample, the surface of times around it, of unit norm.
stream = ns.EventStream(events, ns.LocalSurface(radius=2, tau_us=4000, least=4), sensor=SENSOR)
chip = ns.Chip([ns.recipes.softhebb(8)], inputs=stream.shape)
report = ns.run(chip, stream)
print(f"{report.samples:,} samples of shape {stream.shape}, {len(events) - report.samples:,} lonely events left out")

# As a hierarchy: each layer's winner is the polarity of the event that it sends to the next one.
layers = [
    (ns.recipes.softhebb(8), ns.LocalSurface(radius=2, tau_us=4000, least=4)),
    (ns.recipes.softhebb(12), ns.LocalSurface(radius=3, tau_us=12_000, least=6)),
]
hierarchy = ns.EventLayers(layers, sensor=SENSOR).learn(events)
(sent,) = hierarchy.responses([events])
for number, part in enumerate(sent, 1):
    right = part["t"] // STEP_US % 60 < 30
    wins = np.stack([np.bincount(part["p"][right == way], minlength=12) for way in (True, False)])
    share, used = wins.max(axis=0).sum() / wins.sum(), np.count_nonzero(wins.sum(axis=0))
    print(f"layer {number}: {used} prototypes at work; the winner tells the way in {share:.0%} of events")
