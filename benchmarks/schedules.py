"""Rates and passes: what a second and a fifth pass over the same samples change, by the schedule of the rate.

::

    OMP_NUM_THREADS=1 NEUROSIM_DATA=... python -m benchmarks.schedules [--streams TEXT ...] [--seeds N] [--only TEXT]

Each pass has its own order, which depends on the seed. A rate that falls linearly is given the length of all passes, so
a chip of one pass and one of five differ from the first sample on; all other chips go on. After the passes, weights are
frozen and judged. **Moved** is the mean angle, in degrees, between a neuron's weights after one pass and after five.
**Rate** is the median rate of the neurons at the end of one pass and of five. Digits have five seeds by default, images
one.
"""

import argparse
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import neurosim as ns
from benchmarks.streams import STREAMS, Data
from neurosim.layers.rules import schedule
from neurosim.readouts.judge import Judgement, judge
from neurosim.streams import ArrayStream
from neurosim.streams.order import repeat

WIDTHS = {"MNIST": 500, "CIFAR-10, grey": 500, "digits": 200}
PASSES = (1, 2, 5)
soft, instar = ns.recipes.softhebb, ns.recipes.instar

# Where a neuron wins a few samples only, their mean from the first one on is the best that it can be.
FEW_SAMPLES: dict[str, Any] = {
    "initial": "samples", "radius": 1.0, "rate": ns.WinCountRate(1.0, floor=0.01), "cap": 0.5,
    "relative_temperature": 0.05,
}  # fmt: skip

# By name: what makes a layer of so many neurons, for a stream of so many samples.
SCHEDULES: dict[str, Callable[[int, int], ns.DenseWTA]] = {
    "softhebb as it stands: by the norm": lambda neurons, _: soft(neurons),
    "by the norm, floor .05": lambda neurons, _: soft(neurons, floor=0.05),
    "by the norm, floor .1": lambda neurons, _: soft(neurons, floor=0.1),
    "ConstantRate(.1)": lambda neurons, _: soft(neurons, rate=ns.ConstantRate(0.1)),
    "LinearRate from .5 to 0": lambda neurons, samples: soft(neurons, rate=ns.LinearRate(0.5, samples)),
    "LinearRate from 1.5 to 0": lambda neurons, samples: soft(neurons, rate=ns.LinearRate(1.5, samples)),
    "softhebb, first samples, by wins": lambda neurons, _: soft(neurons, **FEW_SAMPLES),
    "instar as it stands: by wins, floor .01": lambda neurons, _: instar(neurons),
    "instar, by wins, no floor": lambda neurons, _: instar(neurons, floor=0.0),
    "hebb as it stands: ConstantRate(.2)": lambda neurons, _: ns.recipes.hebb(neurons),
}
BY_LENGTH = "LinearRate"  # schedules that are given the length of all passes


class Result(NamedTuple):
    """The judgements after each number of passes, and rates and angles of one seed."""

    judged: list[Judgement]
    rates: list[float]
    moved: float


def measured(data: Data, name: str, neurons: int, seed: int) -> Result:
    """Learn with a schedule and judge after each number of passes."""
    train, test = ArrayStream(data.samples, data.labels), ArrayStream(data.test_samples, data.test_labels)
    chip, done = None, 0
    judged, rates, weights = [], [], []
    for passes in PASSES:
        stream = repeat(train, passes, seed)
        if chip is None or name.startswith(BY_LENGTH):
            layer, done = SCHEDULES[name](neurons, passes * train.length), 0
            chip = ns.Chip([layer], inputs=train.inputs, seed=seed)
        for block in stream.blocks(done * train.length, 1000):
            chip.learn(block.samples)
        done = passes
        judged.append(judge(chip, train, test))
        working = chip.layers[0]
        at_end = schedule(layer.rule).of_neurons(passes * train.length, working.norms, working.wins)
        rates.append(float(np.median(at_end)))
        weights.append(working.weights.copy())
    cosines = ns.instruments.cosines(weights[0], weights[-1])
    return Result(judged, rates, float(np.degrees(np.arccos(np.clip(cosines, -1, 1))).mean()))


def table(name: str, seeds: int, only: str) -> Iterator[str]:
    """Yield the table of a stream."""
    data, neurons = STREAMS[name](), WIDTHS[name]
    yield f"{name}, {neurons} neurons, {len(data.samples):,} samples a pass; {seeds} seeds"
    yield ""
    yield "| schedule | winner's label, 1, 2, 5 passes | linear readout, 1, 2, 5 passes | never won | rate | moved |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for schedule_name in SCHEDULES:
        if only in schedule_name:
            found = [measured(data, schedule_name, neurons, seed) for seed in range(seeds)]
            cells = [_means(found, "winner_accuracy"), _means(found, "readout_accuracy")]
            cells.append(_means(found, "never_won_frozen", "{:.1%}"))
            rates = np.mean([one.rates for one in found], axis=0)
            cells += [f"{rates[0]:.3f}, {rates[-1]:.3f}", f"{np.mean([one.moved for one in found]):.0f}°"]
            yield f"| {schedule_name} | {' | '.join(cells)} |"


def _means(found: list[Result], field: str, form: str = "{:.2%}") -> str:
    values = np.array([[getattr(one, field) for one in result.judged] for result in found], float)
    return ", ".join(form.format(mean) for mean in values.mean(axis=0))


def main() -> None:
    """Print a table for each stream."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", nargs="*", choices=list(WIDTHS), default=list(WIDTHS))
    parser.add_argument("--seeds", type=int, help="by default 5 for digits, 1 for images")
    parser.add_argument("--only", default="", help="schedules with this in their name")
    given = parser.parse_args()
    for name in given.streams:
        for line in table(name, given.seeds or (5 if name == "digits" else 1), given.only):
            print(line, flush=True)
        print()


if __name__ == "__main__":
    main()
