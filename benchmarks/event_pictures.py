"""Ten gestures before an event camera as a picture: surfaces of times, who won where, and what was learned."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

import neurosim as ns
from benchmarks.event_data import GESTURE_SENSOR, gestures
from neurosim.reporting.figures import BLUE, VERMILION, panels, save, show
from neurosim.streams.events import encoding_of
from neurosim.streams.events.encoding import as_columns
from neurosim.streams.events.event import Events

NAMES = (
    "clapping", "right wave", "left wave", "right arm, cw", "right arm, ccw", "left arm, cw", "left arm, ccw",
    "arm roll", "drums", "guitar",
)  # fmt: skip
PROTOTYPES, COLUMNS, WIDTH = 15, 5, 8.0
SURFACE = ns.LocalSurface(radius=4, tau_us=20_000, least=8)
SHOWN_US, DECAY_US = 1_000_000, 30_000  # the moment that is shown, from the beginning, and of how long before
COLOURS = np.array([[int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for colour in (BLUE, VERMILION)])
GOLDEN = 0.618034


def draw_gestures(path: str) -> None:
    """Learn from all ten gestures once, in turn, and draw what became of each."""
    recordings = list(gestures().values())
    hierarchy = ns.EventLayers([(ns.recipes.softhebb(PROTOTYPES), SURFACE)], sensor=GESTURE_SENSOR)
    hierarchy.learn(recordings)
    figure, axes = panels(5, COLUMNS, width=WIDTH, height=8.0, height_ratios=(1, 1, 1, 1, 0.45))
    for index, (recording, (sent,)) in enumerate(zip(recordings, hierarchy.responses(recordings), strict=True)):
        row, column = divmod(index, COLUMNS)
        until = recording.events["t"][0] + SHOWN_US
        show(axes[2 * row, column], _surface(recording.events[recording.events["t"] <= until]))
        axes[2 * row, column].set_title(NAMES[index])
        show(axes[2 * row + 1, column], _winners(sent[(sent["t"] <= until) & (sent["t"] > until - 3 * DECAY_US)]))
    wins = hierarchy.chips[0].layers[0].wins
    for column, chosen in enumerate(np.argsort(-wins, kind="stable").reshape(COLUMNS, -1)):
        show(axes[4, column], _prototypes(hierarchy.chips[0].layers[0].weights[chosen], chosen))
    axes[4, 0].set_title("prototypes, by wins")
    save(figure, path, dpi=100)


def _mix(darker: NDArray[Any], brighter: NDArray[Any]) -> NDArray[Any]:
    """Return two pictures from 0 to 1 as one in two colours on white."""
    ink = darker[..., None] * (1 - COLOURS[0]) + brighter[..., None] * (1 - COLOURS[1])
    return np.clip(1 - ink, 0, 1)


def _surface(events: Events) -> NDArray[Any]:
    """Return the surface of times after some events, those that became darker in blue, brighter in vermilion."""
    width, height = GESTURE_SENSOR
    encoding = encoding_of(ns.TimeSurface(tau_us=DECAY_US, every_events=len(events)), width, height)
    sample, source = np.zeros((1, encoding.inputs), np.float32), np.zeros(1, np.int64)
    encoding.encode(as_columns(events), 0, 1, sample, source)
    return _mix(*sample.reshape(2, height, width))


def _colour_of(prototype: NDArray[Any]) -> NDArray[Any]:
    """Return a colour for each of several prototypes, far apart in hue."""
    from matplotlib.colors import hsv_to_rgb

    hue = (np.asarray(prototype) * GOLDEN) % 1
    return np.asarray(hsv_to_rgb(np.stack([hue, np.full_like(hue, 0.85), np.full_like(hue, 0.8)], axis=-1)))


def _winners(events: Events) -> NDArray[Any]:
    """Return the latest winner at each pixel as a colour, white where there was no event."""
    width, height = GESTURE_SENSOR
    picture = np.ones((height, width, 3))
    picture[events["y"], events["x"]] = _colour_of(events["p"])  # later events are written over earlier ones
    return picture


def _prototypes(weights: NDArray[Any], numbers: NDArray[Any]) -> NDArray[Any]:
    """Return prototypes beside one another, each in a frame of its colour in the row above."""
    side = 2 * SURFACE.radius + 1
    tiles = []
    for weight, number in zip(weights.reshape(-1, 2, side, side), numbers, strict=True):
        tile = np.ones((side + 4, side + 4, 3))
        tile[1:-1, 1:-1] = _colour_of(number)
        tile[2:-2, 2:-2] = _mix(*(weight / weight.max()))
        tiles.append(tile)
    return np.concatenate(tiles, axis=1)
