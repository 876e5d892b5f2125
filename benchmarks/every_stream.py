"""Defaults on streams that they were chosen on and on others, beside k-means, random first weights and raw inputs.

::

    OMP_NUM_THREADS=1 NEUROSIM_DATA=... python -m benchmarks.every_stream [--streams TEXT ...] [--seeds 3]
        [--neurons N] [--json FILE]

A network learns one pass, in an order that is drawn from the seed and equal for all networks; then it is frozen, and
two readouts are fitted to what it transmits: the winner's label and the ridge. **Unused** is the share of neurons that
win no training sample once they are frozen. The networks:

- `defaults`: `recipes.softhebb(neurons)`, with `initial="samples"` where inputs are signed;
- `temperature .01`: the same recipe with the fixed temperature and the uniform first weights of its first versions
  (normal ones where inputs are signed);
- `hard_wta`: the recipe, with the same first weights;
- `k-means`: scikit-learn's `MiniBatchKMeans` by `partial_fit` on samples of norm one, in batches of a tenth of the
  stream, at most 1,024 samples, but no fewer than neurons, which it cannot do without. Its winner is the nearest
  centre; it transmits what the recipe does, Triangle(2), of the cosines with its centres;
- `random`: the chip of `temperature .01` that has learned nothing;
- `raw`: the samples themselves, by ridge and by logistic regression.

Streams are told in `benchmarks/streams.py`. With `--json`, all numbers are written after each network as well.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import neurosim as ns
from benchmarks.streams import CHOSEN_ON, STREAMS, Data, Labels, Samples
from neurosim.chip.response import Response
from neurosim.instruments import never_won
from neurosim.readouts.judge import judge
from neurosim.streams import ArrayStream

NEURONS = {"digits": (200,), "MNIST": (500, 2000), "N-MNIST, surfaces": (100,), "ECG, beats": (20,)}  # others: 500
NETWORKS = ("defaults", "temperature .01", "hard_wta", "k-means", "random")
CHUNK = 1000


class Result(NamedTuple):
    """Accuracies, the share of neurons that win nothing, and the seconds of learning and of everything."""

    stream: str
    neurons: int
    network: str
    seed: int
    winner: float | None
    linear: float
    unused: float | None
    learning: float
    seconds: float


def layer_of(network: str, neurons: int, signed: bool) -> ns.DenseWTA:
    """Return the layer of a network, for inputs that may be negative."""
    if network in ("temperature .01", "random"):
        first = "normal" if signed else "uniform"
        return ns.recipes.softhebb(neurons, temperature=0.01, initial=first, radius=5.0)
    recipe = ns.recipes.hard_wta if network == "hard_wta" else ns.recipes.softhebb
    return recipe(neurons, initial="samples") if signed else recipe(neurons)


def of_chip(network: str, neurons: int, data: Data, order: NDArray[np.int64], seed: int) -> dict[str, Any]:
    """Measure a chip after one pass in this order, or before it."""
    chip = ns.Chip([layer_of(network, neurons, data.signed)], inputs=data.samples.shape[1], seed=seed)
    train = ArrayStream(data.samples[order], data.labels[order])
    begun = time.perf_counter()
    if network != "random":
        chip.learn(train)
    learning = time.perf_counter() - begun
    found = judge(chip, train, ArrayStream(data.test_samples, data.test_labels))
    return {
        "winner": found.winner_accuracy, "linear": found.readout_accuracy, "unused": found.never_won_frozen,
        "learning": learning,
    }  # fmt: skip


def of_kmeans(neurons: int, data: Data, order: NDArray[np.int64], seed: int) -> dict[str, Any]:
    """Measure k-means after one pass in this order."""
    from sklearn.cluster import MiniBatchKMeans

    batch = max(neurons, min(1024, len(order) // 10))
    known, asked = (_unit(samples) for samples in (data.samples[order], data.test_samples))
    labels = data.labels[order]
    means = MiniBatchKMeans(neurons, batch_size=batch, n_init=1, random_state=seed)
    begun = time.perf_counter()
    for first in range(0, len(known), batch):
        means.partial_fit(known[first : first + batch])
    learning = time.perf_counter() - begun
    readouts = ns.WinnerLabels(), ns.LinearReadout()
    for response, some in _answers(means, known, labels):
        for readout in readouts:
            readout.add(response, some)
    for readout in readouts:
        readout.finish()
    right = np.array(
        [
            [(readout.predict(response) == some).sum() for readout in readouts]
            for response, some in _answers(means, asked, data.test_labels)
        ]
    ).sum(axis=0) / len(asked)
    unused = never_won(readouts[0].wins_)
    return {"winner": float(right[0]), "linear": float(right[1]), "unused": unused, "learning": learning}


def _answers(means: Any, samples: Samples, labels: Labels) -> Iterator[tuple[Response, Labels]]:
    """Yield what k-means says of samples of norm one, some at a time, as a chip would."""
    centres, transmit = _unit(means.cluster_centers_), ns.Triangle(power=2)
    for first in range(0, len(samples), CHUNK):
        some = samples[first : first + CHUNK]
        cosines = some @ centres.T
        output = np.maximum(cosines - cosines.mean(axis=1, keepdims=True), 0) ** transmit.power
        yield Response(cosines, cosines, means.predict(some).astype(np.int64), output), labels[first : first + CHUNK]


def _unit(samples: NDArray[Any]) -> Samples:
    norms = np.linalg.norm(samples, axis=1, keepdims=True)
    return np.asarray(samples / np.where(norms > 0, norms, 1), np.float32)


def of_raw(classifier: str, data: Data) -> dict[str, Any]:
    """Measure a linear readout of the samples themselves."""
    readout = ns.LinearReadout(classifier=classifier)
    readout.add(_as_response(data.samples), data.labels)
    readout.finish()
    right = readout.predict(_as_response(data.test_samples)) == data.test_labels
    return {"winner": None, "linear": float(right.mean()), "unused": None, "learning": 0.0}


def _as_response(samples: Samples) -> Response:
    return Response(samples, samples, np.zeros(len(samples), np.int64), samples)


def results(name: str, widths: tuple[int, ...], seeds: int) -> Iterator[Result]:
    """Yield what is measured on a stream."""
    data = STREAMS[name]()
    for classifier in ("ridge", "logistic"):
        begun = time.perf_counter()
        found = of_raw(classifier, data)
        yield Result(name, 0, f"raw, {classifier}", 0, **found, seconds=time.perf_counter() - begun)
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(data.samples))
        for neurons in widths:
            for network in NETWORKS:
                begun = time.perf_counter()
                if network == "k-means":
                    found = of_kmeans(neurons, data, order, seed)
                else:
                    found = of_chip(network, neurons, data, order, seed)
                yield Result(name, neurons, network, seed, **found, seconds=time.perf_counter() - begun)


def table(measured: list[Result]) -> Iterator[str]:
    """Yield the table: what constants are chosen on first, then what is kept back."""
    for title, chosen in (("Chosen on", True), ("Kept back", False)):
        names = [name for name in dict.fromkeys(one.stream for one in measured) if (name in CHOSEN_ON) == chosen]
        if not names:
            continue
        yield ""
        yield f"| {title} | neurons | network | winner's label (range) | linear readout (range) | unused, at most |"
        yield "| --- | --- | --- | --- | --- | --- |"
        for name in names:
            yield from _rows([one for one in measured if one.stream == name])


def _rows(measured: list[Result]) -> Iterator[str]:
    kinds = dict.fromkeys((one.neurons, one.network) for one in measured)
    for neurons, network in sorted(kinds, key=lambda kind: (kind[0] == 0, kind[0])):
        some = [one for one in measured if (one.neurons, one.network) == (neurons, network)]
        cells = [some[0].stream, f"{neurons:,}" if neurons else "-", network]
        cells += [_spread([one.winner for one in some]), _spread([one.linear for one in some])]
        cells.append("-" if some[0].unused is None else f"{max(one.unused or 0 for one in some):.1%}")
        yield "| " + " | ".join(cells) + " |"


def _spread(values: list[Any]) -> str:
    if None in values:
        return "-"
    return f"{np.mean(values):.2%}" + (f" ({min(values):.2%}-{max(values):.2%})" if len(values) > 1 else "")


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", nargs="*", choices=list(STREAMS), default=list(STREAMS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--neurons", type=int, help="on every stream, in place of the table's")
    parser.add_argument("--json", type=Path, help="write all numbers there, a list of objects")
    given = parser.parse_args()
    measured: list[Result] = []
    for name in given.streams:
        widths = (given.neurons,) if given.neurons else NEURONS.get(name, (500,))
        for result in results(name, widths, given.seeds):
            measured.append(result)
            print(result, flush=True)
            if given.json:
                given.json.write_text(json.dumps([one._asdict() for one in measured], indent=1))
    for line in table(measured):
        print(line)


if __name__ == "__main__":
    main()
