"""Every recipe on MNIST, one on-line epoch: tuned alike on a part of the training set, then measured on the test set.

::

    NEUROSIM_DATA=... python -m benchmarks.rules               # 8 settings each at 500 neurons, the best at 2,000
    NEUROSIM_DATA=... python -m benchmarks.rules --by winner   # chosen by the winner's label alone, or by `linear`
    NEUROSIM_DATA=... python -m benchmarks.rules --fast        # a small version of the same
    NEUROSIM_DATA=... python -m benchmarks.rules --conscience  # what a conscience does to plain SoftHebb, radius 1

Settings are chosen on training samples that were not learned from; the test set is looked at once, by the chosen one.
Every measured cell is a JSON file in the folder `--cache`, so a run that was stopped goes on. A cell knows its
constants, not the code: empty the folder after changing the library.
"""

import argparse
import hashlib
import json
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import neurosim as ns
from neurosim.instruments import gini, usage_entropy
from neurosim.layers.plain import describe
from neurosim.readouts.labels import answers
from neurosim.readouts.linear import LinearReadout
from neurosim.readouts.soft import SoftLabels
from neurosim.readouts.winner import WinnerLabels
from neurosim.streams import ArrayStream

recipes = ns.recipes
Setting = dict[str, Any]
Maker = Callable[..., ns.DenseWTA]


class Sizes(NamedTuple):
    """How much of everything."""

    tuning_neurons: int
    tuning_samples: int  # to learn from
    held_out: int  # to choose by, those after
    tuning_linear: int  # for the linear readouts
    neurons: int
    samples: int
    linear: int
    seeds: int
    timed: int  # samples whose time counts, in five parts


FULL = Sizes(500, 10_000, 5_000, 5_000, 2000, 60_000, 20_000, 3, 5_000)
FAST = Sizes(100, 1_000, 500, 1_000, 200, 3_000, 1_000, 1, 1_000)


def rate_of(rate: float | None, schedule: str, samples: int, neurons: int) -> dict[str, Any]:
    """Return the argument `rate` of a recipe, or none where the recipe's own is meant."""
    if rate is None:
        return {}
    schedules = {
        "constant": lambda: ns.ConstantRate(rate),
        "plain": lambda: rate,
        "falling": lambda: ns.LinearRate(rate, samples),
        "by wins": lambda: ns.WinCountRate(rate),
        "by neurons": lambda: rate / neurons,
    }
    return {"rate": schedules[schedule]()}


def make(recipe: str, setting: Setting, neurons: int, samples: int) -> ns.DenseWTA:
    """Return a layer of a recipe with a setting, in which every value is a plain one."""
    rest = dict(setting)
    chosen = rate_of(rest.pop("rate", None), rest.pop("schedule", "plain"), samples, neurons)
    if recipe == "oja, competing":  # what SoftHebb's recipe and the conscience's have in common, around Oja's rule
        base = {"rate": 0.2, "initial": "uniform", "cap": 0.25, "cutoff": 0.01, "radius": 5.0}
        base |= {"competition": ns.SoftWTA(temperature=rest.pop("temperature", 0.01)), "renormalise": True}
        base |= {"transmit": ns.Triangle(power=2), "bias": ns.Conscience(rate=0.1 / neurons, strength=0.5 * neurons)}
        chosen = base | chosen
    if "strength" in rest or "habit" in rest:  # per neuron, so that they mean the same at any width
        habit, strength = rest.pop("habit", 0.1), rest.pop("strength", 0.5)
        chosen["bias"] = ns.Conscience(rate=habit / neurons, strength=strength * neurons)
    if rest.pop("conscience", True) is False:
        chosen |= {"bias": None, "renormalise": False}
    if recipe.startswith("liuson"):
        chosen |= {"reading": recipe[-1]}
        if "temperature" in rest:
            soft = {"winner_only": recipe[-1] == "C", "signed": recipe[-1] == "A"}
            chosen["competition"] = ns.SoftWTA(temperature=rest.pop("temperature"), **soft)
        if rest.get("window") == 1:  # the same forgetting per sample
            chosen["bias"] = ns.MeanActivity(rate=0.05 / 32)
    if "threshold" in rest:
        chosen["threshold"] = rest.pop("threshold") * neurons
    if "power" in rest:
        chosen["transmit"] = ns.Triangle(power=rest.pop("power"))
    for place in ("activation", "transmit"):
        if place in rest:
            chosen[place] = {"relu": ns.ReLU(), "triangle": ns.Triangle()}[rest.pop(place)]
    makers = {
        "random": lambda n, **k: recipes.softhebb(n, rate=0.0, **k), "oja, competing": recipes.oja,
        "liuson C": recipes.liuson, "liuson A": recipes.liuson,
    }  # fmt: skip
    maker: Maker = makers.get(recipe) or getattr(recipes, recipe)
    return maker(10 if recipe == TAUGHT else neurons, **(chosen | rest))


TAUGHT, RANDOM = "supervised_softhebb", "random"
MEASURED = ("winner", "soft", "triangle", "output", "never_won", "entropy", "gini")
WINDOWS = [
    {}, {"rate": 0.5}, {"rate": 5.0}, {"window": 1, "rate": 0.05}, {"window": 1, "rate": 0.5},
    {"window": 1, "rate": 5.0}, {"temperature": 0.1, "rate": 0.5}, {"temperature": 0.1, "rate": 0.5, "window": 1},
]  # fmt: skip
UNIFORM = {"initial": "uniform", "radius": 5.0}
# Eight settings for every recipe, the first of them the recipe as it stands.
SETTINGS: dict[str, list[Setting]] = {
    "softhebb": [
        {}, {"temperature": 0.007}, {"temperature": 0.014}, {"temperature": 0.02}, {"rate": 0.75}, {"rate": 3.0},
        {"cap": 0.1}, {"rate": 0.75, "cap": 0.1},
    ],
    "hard_wta": [
        {}, {"rate": 0.75}, {"rate": 3.0}, {"cap": 0.1}, {"cap": 0.5}, {"radius": 3.0}, {"radius": 10.0},
        {"rate": 0.75, "cap": 0.1},
    ],
    "k_wta": [
        {}, {"winners": 2}, {"winners": 5}, {"winners": 10}, {"rate": 0.75}, {"rate": 3.0}, {"cap": 0.1},
        {"winners": 2, "cap": 0.1},
    ],
    "hebb": [
        {}, {"rate": 0.1}, {"rate": 0.4}, {"temperature": 0.003}, {"temperature": 0.01}, {"strength": 0.25},
        {"strength": 1.0}, {"rate": 0.4, "schedule": "falling"},
    ],
    "instar": [
        {}, {"rate": 0.05}, {"rate": 0.1}, {"cap": 1.0}, {"cap": 1.0, "rate": 0.2, "schedule": "falling"},
        {"strength": 0.25}, {"strength": 1.0}, {"habit": 0.3},
    ],
    "oja": [
        {}, {"rate": 1e-4}, {"rate": 1e-3}, {"rate": 3e-3}, {"rate": 0.03}, {"rate": 0.01, "schedule": "falling"},
        {"rate": 1e-4, "radius": 1.0}, {"rate": 1e-3, "initial": "uniform"},
    ],
    "oja, competing": [
        {}, {"rate": 0.1}, {"rate": 0.4}, {"temperature": 0.003}, {"strength": 0.25}, {"strength": 1.0},
        {"conscience": False}, {"conscience": False, "rate": 0.4},
    ],
    "krotov_hopfield": [
        {}, {"rate": 0.5, "schedule": "falling", "radius": 10.0}, {"rate": 0.5, "schedule": "falling", "radius": 28.0},
        {"rate": 0.5, "radius": 28.0, "opposition": 0.1}, {"rate": 0.5, "radius": 10.0, "opposition": 0.1},
        {"rate": 1.0, "schedule": "falling", "radius": 28.0, "opposition": 0.1},
        {"rate": 0.5, "schedule": "falling", **UNIFORM}, {"rate": 0.5, "opposition": 0.1, **UNIFORM},
    ],
    "hebbnet": [
        {}, {"rate": 5e-3}, {"rate": 0.5}, {"rate": 5e-4, "window": 1}, {"rate": 5e-3, "window": 1},
        {"rate": 0.05, "window": 1}, {"rate": 0.05, "normalise": "sample"}, {"rate": 0.5, "window": 1},
    ],
    "liuson C": WINDOWS,
    "liuson A": WINDOWS,
    "bcm": [
        {}, {"rate": 0.01}, {"rate": 0.05}, {"averaging": 0.5}, {"ceiling": 2.0}, {"radius": 2.0},
        {"initial": "uniform", "radius": 0.5, "rate": 3e-3},
        {"initial": "uniform", "radius": 2.0, "rate": 0.05, "activation": "triangle"},
    ],
    "eghr": [
        {}, {"rate": 0.01, "schedule": "by neurons"}, {"rate": 0.5, "schedule": "by neurons"}, {"threshold": 0.1},
        {"threshold": 0.03}, {"threshold": 0.01}, {"threshold": 0.1, "rate": 0.5, "schedule": "by neurons"},
        {"threshold": 0.03, "rate": 0.5, "schedule": "by neurons"},
    ],
    TAUGHT: [
        {}, {"rate": 1e-3}, {"rate": 3e-3}, {"rate": 0.03}, {"rate": 0.05, "schedule": "falling"},
        {"rate": 1.0, "schedule": "by wins"}, {"normalise": "stream"}, {"rate": 3e-3, "normalise": "stream"},
    ],
    RANDOM: [
        {}, {"power": 1.0}, {"power": 4.0}, {"transmit": "relu"}, {"initial": "normal"},
        {"initial": "normal", "power": 1.0}, {"initial": "normal", "power": 4.0},
        {"initial": "normal", "transmit": "relu"},
    ],
}  # fmt: skip


def judged(chip: ns.Chip, learned: ns.Stream, linear: int, asked: ns.Stream) -> dict[str, float]:
    """Return what four readouts, fitted on the one stream, find in the other, and how wins are spread."""
    winner, soft = WinnerLabels(), SoftLabels()
    lines = {name: LinearReadout(features=name) for name in ("triangle", "output")}
    count = 0
    for response, labels in answers(chip, learned):
        winner.add(response, labels)
        soft.add(response, labels)
        if count < linear:
            for line in lines.values():
                line.add(response, labels)
        count += len(labels)
    made = {"winner": winner.finish(), "soft": soft.finish()} | {name: line.finish() for name, line in lines.items()}
    right = dict.fromkeys(made, 0)
    for response, labels in answers(chip, asked):
        for name, readout in made.items():
            right[name] += int((readout.predict(response) == labels).sum())
    found = {name: hits / asked.length for name, hits in right.items()}
    return found | {"never_won": float(np.mean(winner.wins_ == 0)), "entropy": usage_entropy(winner.wins_)}


class Bench:
    """Measures cells, and keeps what it has measured in a folder."""

    def __init__(self, sizes: Sizes, cache: Path) -> None:
        self.sizes, self.cache = sizes, cache
        self._softhebb: ns.Chip | None = None  # to time against
        root = Path(os.environ["NEUROSIM_DATA"])
        train, test = (ns.open_stream(f"mnist:{part}", root=root) for part in ("train", "test"))
        self.train = next(train.blocks(size=train.length))
        self.test = next(test.blocks(size=test.length))

    def part(self, first: int, last: int) -> ArrayStream:
        """Return a part of the training set."""
        return ArrayStream(self.train.samples[first:last], self.train.labels[first:last])

    def kept(self, name: str, key: Any, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what was found for a key before, or else measure it."""
        digest = hashlib.sha256(json.dumps([self.sizes, key], sort_keys=True).encode()).hexdigest()[:16]
        path = self.cache / f"{name.replace(' ', '-').replace(',', '')}-{digest}.json"
        if not path.exists():
            found = measure()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(found | {"key": key}))
        return json.loads(path.read_text())

    def tuned(self, recipe: str, setting: Setting) -> dict[str, Any]:
        """Measure a setting on a part of the training set, on samples after those it learned from."""
        size = self.sizes
        layer = make(recipe, setting, size.tuning_neurons, size.tuning_samples)

        def measure() -> dict[str, Any]:
            chip = ns.Chip([layer], inputs=784, seed=0)
            learned = self.part(0, size.tuning_samples)
            try:
                if recipe != RANDOM:
                    chip.learn(learned)
                asked = self.part(size.tuning_samples, size.tuning_samples + size.held_out)
                return judged(chip, learned, size.tuning_linear, asked)
            except (ns.DivergedError, ns.SampleError):
                return {"winner": 0.0, "output": 0.0}

        return self.kept(f"tuned-{recipe}", describe(layer), measure)

    def chosen(self, recipe: str, by: str) -> Setting:
        """Return the setting that is best on held-out training samples."""
        weights = {"winner": (1, 0), "linear": (0, 1), "both": (1, 1)}[by]

        def score(setting: Setting) -> float:
            found = self.tuned(recipe, setting)
            return weights[0] * found["winner"] + weights[1] * found["output"]

        return max(SETTINGS[recipe], key=score)

    def final(self, recipe: str, setting: Setting, seed: int) -> dict[str, Any]:
        """Measure a setting after an epoch of the whole training set, on the test set."""
        size = self.sizes
        layer = make(recipe, setting, size.neurons, size.samples)

        def measure() -> dict[str, Any]:
            chip = ns.Chip([layer], inputs=784, seed=seed)
            learned = self.part(0, size.samples)
            if recipe != RANDOM:
                chip.learn(learned)
            found = judged(chip, learned, size.linear, ArrayStream(*self.test))
            return found | {"gini": gini(chip.layers[0].steps)}

        return self.kept(f"final-{recipe}-{seed}", [describe(layer), seed], measure)

    def ratio(self, recipe: str, setting: Setting) -> float:
        """Return the time of a learned sample over that of the default SoftHebb, both a quarter of an epoch old."""
        size = self.sizes
        layer = make(recipe, setting, size.neurons, size.samples)
        first = size.samples // 4

        def measure() -> dict[str, Any]:
            if self._softhebb is None:
                self._softhebb = ns.Chip([recipes.softhebb(size.neurons)], inputs=784).learn(self.part(0, first))
            chip = ns.Chip([layer], inputs=784).learn(self.part(0, first))
            ratios = []
            for part in range(5):
                begin, end = (first + size.timed * place // 5 for place in (part, part + 1))
                times = []
                for each in (chip, self._softhebb):
                    begun = time.perf_counter()
                    each.learn(self.part(begin, end))
                    times.append(time.perf_counter() - begun)
                ratios.append(times[0] / times[1])
            return {"ratio": float(np.median(ratios))}

        return float(self.kept(f"time-{recipe}", describe(layer), measure)["ratio"])


def text(setting: Setting) -> str:
    """Return a setting as a table has it."""
    return ", ".join(f"{name} {value}" for name, value in setting.items()) or "as it stands"


def spread(values: list[float]) -> str:
    return f"{np.mean(values):.2%} ({min(values):.2%}-{max(values):.2%})"


def tuning_table(bench: Bench) -> None:
    """Print what the held-out samples say of each recipe as it stands and with its best settings."""
    print("| held-out samples | as it stands | best by winner's label | best by linear readout |")
    print("| --- | --- | --- | --- |")
    for recipe, settings in SETTINGS.items():
        cells = []
        for setting in (settings[0], bench.chosen(recipe, "winner"), bench.chosen(recipe, "linear")):
            found = bench.tuned(recipe, setting)
            what = "" if setting is settings[0] and not cells else f": {text(setting)}"
            cells.append(f"{found['winner']:.1%} / {found['output']:.1%}{what}")
        print(f"| {recipe} | {' | '.join(cells)} |", flush=True)
    print()


def final_table(bench: Bench, by: str) -> None:
    """Print what the chosen settings do on the test set."""
    for seed in range(bench.sizes.seeds):  # seed by seed, so that what is there early is a whole table
        for recipe in SETTINGS:
            bench.final(recipe, bench.chosen(recipe, by), seed)
    print("| recipe | setting | winner's label | soft label | triangle | output | never won | entropy | Gini | time |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for recipe in SETTINGS:
        setting = bench.chosen(recipe, by)
        found = [bench.final(recipe, setting, seed) for seed in range(bench.sizes.seeds)]
        column = {name: [cell[name] for cell in found] for name in MEASURED}
        mean = {name: float(np.mean(values)) for name, values in column.items()}
        cells = [recipe, text(setting), spread(column["winner"]), f"{mean['soft']:.2%}", f"{mean['triangle']:.2%}"]
        cells += [spread(column["output"]), f"{mean['never_won']:.1%}", f"{mean['entropy']:.2f}"]
        cells += ["-", "-"] if recipe == RANDOM else [f"{mean['gini']:.2f}", f"{bench.ratio(recipe, setting):.1f}"]
        print(f"| {' | '.join(cells)} |")


def conscience_table(bench: Bench) -> None:
    """Print what each remedy does to SoftHebb with first weights of norm one, of which few neurons ever win."""
    neurons, samples = bench.sizes.tuning_neurons, bench.sizes.samples
    print("| remedy | never won | usage entropy | effective winners | winner's label | frozen: never won |")
    print("| --- | --- | --- | --- | --- | --- |")
    remedies: dict[str, Setting] = {
        "none": {},
        "Conscience, strength 0.5 K, rate 0.1 / K": {"bias": ns.Conscience(rate=0.1 / neurons, strength=0.5 * neurons)},
        "Conscience, strength 5 K, rate 0.1 / K": {"bias": ns.Conscience(rate=0.1 / neurons, strength=5.0 * neurons)},
        "Conscience, as DeSieno: strength 10, rate 1e-4": {"bias": ns.Conscience()},
        "MeanActivity, rate 0.05": {"bias": ns.MeanActivity(rate=0.05)},
        "MeanActivity, rate 1e-3": {"bias": ns.MeanActivity(rate=1e-3)},
        "radius 35, cap 0.1": {"radius": 35.0, "cap": 0.1},
    }
    for name, changes in remedies.items():
        plain: Setting = {"radius": 1.0, "cap": 1.0, "competition": ns.SoftWTA(temperature=1 / 12)}
        rule = ns.SoftHebb(rate=ns.LinearRate(0.03, samples))
        chip = ns.Chip([ns.DenseWTA(neurons, rule=rule, **(plain | changes))], inputs=784, seed=0)
        stream = bench.part(0, samples)
        learned = chip.learn(stream).layers[0].records[-1]
        found = judged(chip, stream, bench.sizes.tuning_linear, ArrayStream(*bench.test))
        print(
            f"| {name} | {learned['never_won']:.1%} | {learned['usage_entropy']:.2f} | "
            f"{learned['effective_winners']:.0f} of {neurons} | {found['winner']:.2%} | {found['never_won']:.1%} |",
            flush=True,
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--by", choices=("both", "winner", "linear"), default="both", help="both: their mean")
    parser.add_argument("--tune", action="store_true", help="stop after tuning")
    parser.add_argument("--conscience", action="store_true")
    parser.add_argument("--cache", type=Path, default=Path("rules-cells"))
    given = parser.parse_args()
    warnings.simplefilter("ignore", ns.StabilityWarning)
    bench = Bench(FAST if given.fast else FULL, given.cache)
    if given.conscience:
        conscience_table(bench)
        return
    tuning_table(bench)
    if not given.tune:
        final_table(bench, given.by)


if __name__ == "__main__":
    main()
