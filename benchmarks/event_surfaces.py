"""Events of cameras through layers that learn from surfaces around them: speed, N-MNIST, gestures as a picture.

::

    python -m benchmarks.event_surfaces speed                                   # a minute, one core
    python -m benchmarks.event_surfaces nmnist --seeds 3                        # one layer: 10 minutes
    python -m benchmarks.event_surfaces nmnist --layers 2 --seeds 1 --first-saccade
    python -m benchmarks.event_surfaces gestures --figure docs/dvs-gestures.png # seconds

NEUROSIM_DATA names the folder of data.
"""

import argparse
import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import neurosim as ns
from benchmarks.event_data import SENSOR, Recordings, n_mnist
from benchmarks.hotsline_rule import PublishedLayers
from benchmarks.streams import SACCADES
from neurosim.chip.response import Response
from neurosim.hots.recipes import homeostatic
from neurosim.streams.events import encoding_of
from neurosim.streams.events.encoding import Encoding, as_columns
from neurosim.streams.events.event import Events

Samples = NDArray[np.float32]

SURFACES = (ns.LocalSurface(radius=2, tau_us=20_000), ns.LocalSurface(radius=4, tau_us=160_000))
NEURONS = {1: (32,), 2: (16, 32)}  # by the number of layers; those of two are published
CELL = 5  # pixels, of the cells in which events are counted
ALPHAS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)  # of the linear readout
FOLDS, CLASSES = 5, 10
CHUNK = 4096


class Result(NamedTuple):
    """Shares of recordings with the right label: over five folds of those for training, and of those for testing."""

    folds: float
    test: float


def untrained(neurons: int) -> ns.DenseWTA:
    """Return a layer of random unit vectors that never learns."""
    return ns.DenseWTA(neurons, competition=ns.HardWTA(), rule=ns.Hebb(rate=0.0), renormalise=True)


RECIPES: dict[str, Callable[[int], ns.DenseWTA]] = {
    "random unit vectors": untrained,
    "random samples": untrained,
    "SoftHebb": ns.recipes.softhebb,
    "hard WTA": ns.recipes.hard_wta,
    "homeostatic": homeostatic,
    "k-means (instar)": ns.recipes.instar,
}


# Features and readouts


def counted(events: Sequence[Events], polarities: int, cell: int) -> Samples:
    """Return the square roots of shares of events by polarity and cell, a row for each recording."""
    encoding = encoding_of(ns.EventCounts(every_us=2**59, cell=cell), *SENSOR, polarities)
    rows, source = np.zeros((len(events), encoding.inputs), np.float32), np.zeros(1, np.int64)
    for row, part in zip(rows, events, strict=True):
        encoding.follow(as_columns(part))
        encoding.finish(row[None], source)
    return np.sqrt(rows / np.maximum(rows.sum(axis=1, keepdims=True), 1))


def as_response(values: Samples) -> Response:
    """Return features as what readouts take."""
    return Response(values, values, values.argmax(axis=1), values)


def linear(features: Samples, labels: NDArray[np.int64], alpha: float) -> ns.LinearReadout:
    """Return a linear readout that is fitted."""
    readout = ns.LinearReadout(alpha)
    readout.add(as_response(features), labels)
    return readout.finish()


def folds(count: int) -> list[NDArray[np.bool_]]:
    """Return which recordings are held back in each fold."""
    order = np.random.default_rng(0).permutation(count)
    return [np.isin(np.arange(count), order[fold::FOLDS]) for fold in range(FOLDS)]


def by_linear(train: Samples, test: Samples, data: tuple[Recordings, Recordings]) -> Result:
    """Return the accuracy of the linear readout; its constant is that of the best folds."""
    labels, best = data[0].labels, (-1.0, 0.0)
    for alpha in ALPHAS:
        right = [
            linear(train[~held], labels[~held], alpha).predict(as_response(train[held])) == labels[held]
            for held in folds(len(labels))
        ]
        best = max(best, (float(np.concatenate(right).mean()), alpha))
    predicted = linear(train, labels, best[1]).predict(as_response(test))
    return Result(best[0], float((predicted == data[1].labels).mean()))


def by_votes(train: NDArray[Any], test: NDArray[Any], data: tuple[Recordings, Recordings]) -> Result:
    """Return the accuracy of votes: each event says the label that its winner has most often, for its share of events.

    `train` and `test` are the wins of each prototype in each recording.
    """

    def predicted(wins: NDArray[Any], labels: NDArray[np.int64], others: NDArray[Any]) -> NDArray[np.int64]:
        shares = wins / np.maximum(wins.sum(axis=1, keepdims=True), 1)
        table = np.stack([shares[labels == label].mean(axis=0) for label in range(CLASSES)])
        votes = others @ np.eye(CLASSES)[table.argmax(axis=0)]
        return np.asarray(votes.argmax(axis=1))

    labels = data[0].labels
    right = [predicted(train[~held], labels[~held], train[held]) == labels[held] for held in folds(len(labels))]
    tested = predicted(train, labels, test) == data[1].labels
    return Result(float(np.concatenate(right).mean()), float(tested.mean()))


def by_winner(train: Samples, test: Samples, data: tuple[Recordings, Recordings], seed: int) -> Result:
    """Return the accuracy of the winner's label of a layer of 100 that learns each recording's features once."""

    def right(learned: Samples, labels: NDArray[np.int64], others: Samples, their: NDArray[np.int64]) -> Any:
        chip = ns.Chip([ns.recipes.softhebb(100)], inputs=learned.shape[1], seed=seed).learn(learned)
        readout = ns.WinnerLabels()
        readout.add(chip.respond(learned), labels)
        return readout.finish().predict(chip.respond(others)) == their

    labels = data[0].labels
    held = [right(train[~part], labels[~part], train[part], labels[part]) for part in folds(len(labels))]
    return Result(float(np.concatenate(held).mean()), float(right(train, labels, test, data[1].labels).mean()))


# N-MNIST


def learned(name: str, layers: int, train: Recordings, seed: int) -> tuple[Any, float]:
    """Return layers that have learned the recordings once, and the seconds that it took."""
    neurons, surfaces = NEURONS[layers], SURFACES[:layers]
    begun = time.perf_counter()
    order = np.random.default_rng(seed).permutation(len(train.recordings))
    recordings = [train.recordings[i] for i in order]
    if name == "published rule":
        published = PublishedLayers(list(zip(neurons, surfaces, strict=True)), SENSOR, seed)
        published.learn(recordings)
        return published, time.perf_counter() - begun
    made = [(RECIPES[name](count), surface) for count, surface in zip(neurons, surfaces, strict=True)]
    hierarchy = ns.EventLayers(made, sensor=SENSOR, seed=seed * 100)
    if name == "random samples":
        begin_as_samples(hierarchy, recordings, seed)
    elif not name.startswith("random"):
        hierarchy.learn(recordings)
    return hierarchy, time.perf_counter() - begun


def begin_as_samples(hierarchy: ns.EventLayers, recordings: Sequence[Any], seed: int) -> None:
    """Let each layer's weights be samples that it gets, of one recording each."""
    rng, chips = np.random.default_rng(seed), list(hierarchy.chips)
    for index, (constants, surface) in enumerate(hierarchy.layers):
        chosen = rng.choice(len(recordings), constants.neurons, replace=False)
        weights = []
        for events in hierarchy.responses([recordings[i] for i in chosen]):
            coming = recordings[chosen[len(weights)]].events if index == 0 else events[index - 1]
            encoding = encoding_of(surface, *SENSOR, 2 if index == 0 else hierarchy.layers[index - 1].neurons.neurons)
            samples, sources = np.zeros((len(coming), encoding.inputs), np.float32), np.zeros(len(coming), np.int64)
            made = encoding.encode(as_columns(coming), 0, len(coming), samples, sources).samples
            weights.append(samples[rng.integers(made)])
        chips[index] = ns.Chip([constants], inputs=hierarchy.chips[index].shape, initial=np.array(weights))
        hierarchy.chips = tuple(chips)


def entropy(wins: NDArray[Any]) -> float:
    """Return the entropy in bits of how often each prototype wins."""
    shares = wins[wins > 0] / wins.sum()
    return float(-(shares * np.log2(shares)).sum())


def tested(name: str, layers: int, data: tuple[Recordings, Recordings], seed: int) -> Iterator[tuple[str, Result]]:
    """Give the accuracy of each readout of the last layer, and of all layers together."""
    network, seconds = learned(name, layers, data[0], seed)
    sent = [list(network.responses(part.recordings)) for part in data]
    features = []
    for layer, neurons in enumerate(NEURONS[layers]):
        events = [[each[layer] for each in part] for part in sent]
        wins = [np.stack([np.bincount(each["p"], minlength=neurons) for each in part]) for part in events]
        features.append([counted(part, neurons, CELL) for part in events])
        at = f"layer {layer + 1}"
        if layer == 0:
            yield "seconds to learn", Result(seconds, seconds)
        bits = entropy(wins[0].sum(axis=0))
        yield f"{at}: bits of {math.log2(neurons):g}", Result(bits, bits)
        whole = [counted(part, neurons, max(SENSOR)) for part in events]
        yield f"{at}: wins, linear", by_linear(*whole, data)
        yield f"{at}: wins by cell, linear", by_linear(*features[-1], data)
        yield f"{at}: winners' votes", by_votes(*wins, data)
        yield f"{at}: wins by cell, winner's label", by_winner(*features[-1], data, seed)
    if layers > 1:
        together = [np.concatenate(parts, axis=1) for parts in zip(*features, strict=True)]
        yield "all layers: wins by cell, linear", by_linear(*together, data)


def counts_alone(data: tuple[Recordings, Recordings]) -> Iterator[tuple[str, Result]]:
    """Give the accuracy of events counted by polarity, without prototypes."""
    for cell, what in ((1, "pixel"), (CELL, "cell"), (max(SENSOR), "recording")):
        features = [counted([each.events for each in part.recordings], 2, cell) for part in data]
        yield f"events by {what}, linear", by_linear(*features, data)
        if cell < max(SENSOR):
            yield f"events by {what}, winner's label", by_winner(*features, data, 0)


def show(name: str, results: Sequence[Sequence[tuple[str, Result]]]) -> None:
    """Print the mean over seeds, and the lowest and highest."""
    for rows in zip(*results, strict=True):
        values = np.array([result for _, result in rows])
        told = [f"{values[:, i].mean():8.3f} ({values[:, i].min():.3f} to {values[:, i].max():.3f})" for i in (0, 1)]
        print(f"{name:22} {rows[0][0]:38} folds {told[0]}  test {told[1]}", flush=True)


def cut(part: Recordings) -> Recordings:
    """Return recordings up to the end of the first of three saccades."""
    events = [replace(each, events=each.events[each.events["t"] <= SACCADES[0]]) for each in part.recordings]
    return part._replace(recordings=events)


def run_nmnist(layers: int, seeds: int, only: Sequence[str], first_saccade: bool) -> None:
    """Print the table of N-MNIST."""
    data = n_mnist()
    if first_saccade:
        data = cut(data[0]), cut(data[1])
    print(f"{sum(map(len, data[0].recordings)):,} events of {len(data[0].labels)} recordings for training,",
          f"{len(data[1].labels)} for testing")  # fmt: skip
    if not only:
        show("counts only", [list(counts_alone(data))])
    for name in only or [*RECIPES, "published rule"]:
        show(name, [list(tested(name, layers, data, seed)) for seed in range(seeds)])


# Speed


def say_speed(what: str, events: int, rounds: int, work: Callable[..., object], *given: Any, **named: Any) -> None:
    """Print the least processor time of some rounds, for each event."""
    times = []
    for _ in range(rounds):
        begun = time.process_time()
        work(*given, **named)
        times.append(time.process_time() - begun)
    seconds = min(times) / events
    print(f"{what:44} {seconds * 1e9:7.0f} ns an event {1e-6 / seconds:7.2f} million events/s", flush=True)


def encode_all(encoding: Encoding, columns: Any, samples: Samples, sources: NDArray[np.int64]) -> None:
    """Make a sample of each event, in chunks."""
    first = 0
    while first < len(columns.t):
        first, _ = encoding.encode(columns, first, CHUNK, samples, sources)


def run_speed(rounds: int) -> None:
    """Print events a second, all events of 100 recordings of N-MNIST after one another, one core."""
    recordings = n_mnist()[1].recordings
    events = np.concatenate([each.events for each in recordings])
    events["t"] += np.repeat(np.arange(len(recordings)) * 400_000, [len(each) for each in recordings])
    columns, count = as_columns(events), len(events)
    print(f"{count:,} events, 20 ms; least processor time of {rounds} rounds")
    for radius in (1, 2, 4):
        encoding = encoding_of(replace(SURFACES[0], radius=radius), *SENSOR)
        memory = np.zeros((CHUNK, encoding.inputs), np.float32), np.zeros(CHUNK, np.int64)
        encode_all(encoding, columns, *memory)
        say_speed(f"surfaces alone, radius {radius}", count, rounds, encode_all, encoding, columns, *memory)
        say_speed(f"  followed, nothing written, radius {radius}", count, rounds, encoding.follow, columns)
    for name, recipe in RECIPES.items():
        if not name.startswith("random"):
            hierarchy = ns.EventLayers([(recipe(32), SURFACES[0])], sensor=SENSOR)
            hierarchy.take(events)
            say_speed(f"{name}, radius 2, 32: learning", count, rounds, hierarchy.take, events)
            say_speed(f"{name}, radius 2, 32: responding", count, rounds, hierarchy.take, events, learning=False)


def main() -> None:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["speed", "nmnist", "gestures"])
    parser.add_argument("--layers", type=int, default=1, choices=[1, 2])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-saccade", action="store_true", help="a third of each recording")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--figure", default="dvs-gestures.png")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ns.StabilityWarning)
    if options.what == "speed":
        run_speed(options.rounds)
    elif options.what == "nmnist":
        run_nmnist(options.layers, options.seeds, options.only, options.first_saccade)
    else:
        from benchmarks.event_pictures import draw_gestures

        draw_gestures(options.figure)


if __name__ == "__main__":
    main()
