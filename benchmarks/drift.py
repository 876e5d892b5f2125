"""Streams that change: winner purity, MNIST's accuracy by the floor of the rate, and how well drift is told, as tables.

::

    NEUROSIM_DATA=... python -m benchmarks.drift             # purity after a change, by floor and by recipe
    NEUROSIM_DATA=... python -m benchmarks.drift --mnist     # accuracy on MNIST, which does not change, by floor
    NEUROSIM_DATA=... python -m benchmarks.drift --alarms    # alarms on streams that do not change
    NEUROSIM_DATA=... python -m benchmarks.drift --held-out  # the same with seeds that chose no threshold
    NEUROSIM_DATA=... python -m benchmarks.drift --delays    # how soon a change is told
"""

import argparse
import os
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

import neurosim as ns
from neurosim.online.drift import drift_of
from neurosim.readouts.judge import judge

BEFORE, AFTER, PROBE = 20_000, 20_000, 2_000  # samples before and after the change, and those that purity is taken on
CHECKED = (500, 1_000, 2_000, 5_000, 10_000, 20_000)  # samples after the change at which purity is taken
FLOORS = (0.0, 0.005, 0.02, 0.05, 0.1, 0.2)
WIDTHS = (10, 30, 100, 500)  # neurons on steady streams
TOLD_OF = (0.0,), ("hard_wta", "instar")  # floors of softhebb, and other recipes, for alarms
OTHERS = ("hard_wta", "instar", "hebb")  # recipes beside softhebb, as they stand
BACK = 0.98  # of the purity of a chip that learned the new inputs alone
CLUSTERS, INPUTS = 10, 32
Regime = tuple[np.ndarray, np.ndarray]  # samples (samples, inputs) and labels
Maker = Callable[[int], ns.DenseWTA]


def clusters(seed: int, count: int, *, spread: float, centres: np.ndarray | None = None) -> Regime:
    """Return samples of Gaussian clusters around centres in the unit cube, negative values set to 0, and labels."""
    rng = np.random.default_rng(seed)
    if centres is None:
        centres = rng.random((CLUSTERS, INPUTS))
    labels = rng.integers(len(centres), size=count)
    samples = centres[labels] + rng.normal(scale=spread, size=(count, INPUTS))
    return np.maximum(samples, 0).astype(np.float32), labels


def redrawn(seed: int, *, spread: float, share: float = 1.0) -> tuple[Regime, Regime]:
    """Return clusters, and clusters of which a share has other centres."""
    old, new = (np.random.default_rng([seed, draw]).random((CLUSTERS, INPUTS)) for draw in range(2))
    new[round(share * CLUSTERS) :] = old[round(share * CLUSTERS) :]
    first = clusters(seed, BEFORE, spread=spread, centres=old)
    return first, clusters(seed + 1, AFTER + PROBE, spread=spread, centres=new)


def images(source: str, seed: int) -> Regime:
    """Return the training images of a source, times over as often as needed, in an order drawn from the seed."""
    (samples, labels), rng = whole(source), np.random.default_rng(seed)
    times = -(-(BEFORE + AFTER + PROBE) // len(samples))
    order = np.concatenate([rng.permutation(len(samples)) for _ in range(times)])
    return samples[order], labels[order]


def changed(source: str, seed: int, change: Callable[[np.ndarray], np.ndarray]) -> tuple[Regime, Regime]:
    """Return images, and other images of the same source after a change of their pixels."""
    samples, labels = images(source, seed)
    end = BEFORE + AFTER + PROBE
    return (samples[:BEFORE], labels[:BEFORE]), (change(samples[BEFORE:end]), labels[BEFORE:end])


def other_digits(source: str, seed: int) -> tuple[Regime, Regime]:
    """Return images of the digits 0 to 4, and then of 5 to 9."""
    samples, labels = images(source, seed)
    low, high = (np.flatnonzero(labels < 5), np.flatnonzero(labels >= 5))
    low, high = np.resize(low, BEFORE), np.resize(high, AFTER + PROBE)
    return (samples[low], labels[low]), (samples[high], labels[high])


def permuted(samples: np.ndarray) -> np.ndarray:
    """Return images whose pixels have changed places, in all images alike."""
    return samples[:, np.random.default_rng(0).permutation(samples.shape[1])]


def rotated(samples: np.ndarray) -> np.ndarray:
    """Return images turned by 90 degrees."""
    side = int(np.sqrt(samples.shape[1]))
    return np.rot90(samples.reshape(-1, side, side), axes=(1, 2)).reshape(len(samples), -1)


def inverted(samples: np.ndarray) -> np.ndarray:
    """Return images with black and white exchanged."""
    return samples.max() - samples


CHANGES: dict[str, tuple[int, Callable[[int], tuple[Regime, Regime]]]] = {
    "clusters, spread .02": (50, lambda seed: redrawn(seed, spread=0.02)),
    "clusters, spread .1": (50, lambda seed: redrawn(seed, spread=0.1)),
    "clusters, spread .3": (50, lambda seed: redrawn(seed, spread=0.3)),
    "half of the clusters, spread .1": (50, lambda seed: redrawn(seed, spread=0.1, share=0.5)),
    "MNIST, 0-4 then 5-9": (200, lambda seed: other_digits("mnist", seed)),
    "MNIST, pixels permuted": (200, lambda seed: changed("mnist", seed, permuted)),
    "MNIST, rotated": (200, lambda seed: changed("mnist", seed, rotated)),
    "MNIST, inverted": (200, lambda seed: changed("mnist", seed, inverted)),
    "digits, pixels permuted": (100, lambda seed: changed("digits", seed, permuted)),
    "digits, inverted": (100, lambda seed: changed("digits", seed, inverted)),
}


def steady(seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield streams that do not change; seed 0 has MNIST in the order of its file."""
    rng = np.random.default_rng(seed)
    mnist, cifar, digits = (whole(source)[0] for source in ("mnist", "cifar10", "digits"))
    grey = cifar.reshape(-1, 3, 32, 32).mean(axis=1)[:, ::2, ::2].reshape(len(cifar), -1)
    yield "MNIST", mnist if seed == 0 else mnist[rng.permutation(len(mnist))]
    yield "CIFAR-10, grey", grey[rng.permutation(len(grey))]
    yield "digits", np.concatenate([digits[rng.permutation(len(digits))] for _ in range(12)])
    for spread in (0.02, 0.1, 0.3, 1.0):
        yield f"clusters, spread {spread:g}", clusters(seed, BEFORE, spread=spread)[0]


@cache
def whole(source: str) -> Regime:
    """Return all training images of a source, (images, inputs), and their labels."""
    stream = ns.open_stream(f"{source}:train", root=os.environ["NEUROSIM_DATA"])
    block = next(iter(stream.blocks(size=stream.length)))
    return block.samples.reshape(len(block.samples), -1), block.labels


def purity(chip: ns.Chip, regime: Regime) -> float:
    """Return the share of samples that have the most frequent label of those that their winner wins."""
    samples, labels = regime
    winners = chip.respond(samples).winner
    counts = np.zeros((winners.max() + 1, labels.max() + 1), np.int64)
    np.add.at(counts, (winners, labels), 1)
    return float(counts.max(axis=1).sum() / len(labels))


def makers(floors: tuple[float, ...], others: tuple[str, ...]) -> dict[str, Maker]:
    """Return what makes a layer of so many neurons: softhebb with each floor, and other recipes, by name."""
    with_floor = {
        f"softhebb, floor {floor:g}": lambda neurons, floor=floor: ns.recipes.softhebb(
            neurons, floor=floor, temperature=0.01
        )
        for floor in floors
    }
    return with_floor | {name: getattr(ns.recipes, name) for name in others}


def recover(neurons: int, regimes: tuple[Regime, Regime], seed: int, make: Maker) -> np.ndarray:
    """Return purity before the change, at each number of samples after it, and of a chip that begins after it."""
    (samples, labels), (later, named) = regimes
    probe = later[AFTER:], named[AFTER:]
    chip = ns.Chip([make(neurons)], inputs=samples.shape[1], seed=seed).learn(samples)
    found, done = [purity(chip, (samples[-PROBE:], labels[-PROBE:]))], 0
    for end in CHECKED:
        chip.learn(later[done:end])
        found.append(purity(chip, probe))
        done = end
    fresh = ns.Chip([make(neurons)], inputs=samples.shape[1], seed=seed).learn(later[:AFTER])
    return np.array([*found, purity(fresh, probe)])


def purities(seeds: int) -> Iterator[str]:
    """Yield the table of purities: 2,000 and 20,000 samples after a change, and after how many it is back."""
    layers = makers(FLOORS, OTHERS)
    yield "| change | before, new alone | " + " | ".join(layers) + " |"
    yield "| --- |" + " --- |" * (len(layers) + 1)
    for change, (neurons, regimes_of) in CHANGES.items():
        regimes, cells, edges = [regimes_of(seed) for seed in range(seeds)], [], ""
        for make in layers.values():
            found = np.array([recover(neurons, both, seed, make) for seed, both in enumerate(regimes)])
            back = found[:, 1:-1] >= BACK * found[:, -1:]
            middle = np.median(np.where(back.any(axis=1), np.take(CHECKED, back.argmax(axis=1)), np.inf))
            means = found.mean(axis=0)
            soon = f"{middle:,.0f}" if np.isfinite(middle) else "-"
            cells.append(f"{means[1 + CHECKED.index(2_000)]:.2f}, {means[-2]:.2f}; {soon}")
            edges = edges or f"{means[0]:.2f}, {means[-1]:.2f}"
        yield f"| {change} | {edges} | {' | '.join(cells)} |"


def accuracies(seeds: int) -> Iterator[str]:
    """Yield the table of accuracies on streams that do not change, and of how many seeds have floor 0's bits."""
    yield "| stream, neurons | floor | winner's label (range) | linear readout (range) | bits of floor 0 |"
    yield "| --- | --- | --- | --- | --- |"
    for source, neurons in (("digits", 200), ("mnist", 100), ("mnist", 500), ("mnist", 2000)):
        train, test = (
            ns.open_stream(f"{source}:{half}", root=os.environ["NEUROSIM_DATA"]) for half in ("train", "test")
        )
        bits: list[str] = []
        for floor in FLOORS:
            layer = ns.recipes.softhebb(neurons, floor=floor, temperature=0.01)
            chips = [ns.Chip([layer], inputs=train.inputs, seed=seed).learn(train) for seed in range(seeds)]
            hashes = [chip.state_sha256 for chip in chips]
            bits, same = bits or hashes, sum(one == two for one, two in zip(bits or hashes, hashes, strict=True))
            judged = [judge(chip, train, test) for chip in chips]
            shown = [
                _spread([getattr(one, name) for one in judged]) for name in ("winner_accuracy", "readout_accuracy")
            ]
            yield f"| {source}, {neurons:,} | {floor:g} | {shown[0]} | {shown[1]} | {same} of {seeds} |"


def _spread(values: list[float]) -> str:
    return f"{np.mean(values):.2%} ({min(values):.2%}-{max(values):.2%})"


def alarms_of(chip: ns.Chip, samples: np.ndarray) -> list[int]:
    """Return after how many samples the chip, which learns them, says that its inputs have changed."""
    found, done = [], 0
    while done < len(samples):
        step = chip.layers[0].until_record()
        chip.learn(samples[done : done + step])
        done += step
        told = drift_of(chip.layers[0])
        if told is not None and told["alarm"]:
            found.append(done)
    return found


def false_alarms(seeds: int) -> Iterator[str]:
    """Yield the table of alarms on steady streams."""
    yield "| recipe | steady streams | of these with an alarm |"
    yield "| --- | --- | --- |"
    for name, make in makers(*TOLD_OF).items():
        told = []
        for seed in range(seeds):
            for stream, samples in steady(seed):
                for neurons in WIDTHS:
                    chip = ns.Chip([make(neurons)], inputs=samples.shape[1], seed=seed)
                    if found := alarms_of(chip, samples):
                        told.append(f"{stream}, {neurons} neurons, seed {seed}: {len(found)}, first at {found[0]:,}")
        yield f"| {name} | {7 * len(WIDTHS) * seeds} | {'; '.join([str(len(told)), *told])} |"


def held_out(seeds: int) -> Iterator[str]:
    """Yield the table of alarms on steady streams of seeds from 10 on, which had no part in choosing the thresholds."""
    yield "| recipe | steady streams | of these with an alarm: stream, neurons, seed, alarms, first |"
    yield "| --- | --- | --- |"
    for name, make in makers(*TOLD_OF).items():
        told, count = [], 0
        for seed in range(10, 10 + seeds):
            rng, digits = np.random.default_rng(seed), whole("digits")[0]
            streams = {"digits": np.concatenate([digits[rng.permutation(len(digits))] for _ in range(8)])}
            streams |= {
                f"spread {spread:g}": clusters(seed, 12_000, spread=spread)[0] for spread in (0.02, 0.1, 0.3, 1.0)
            }
            for stream, samples in streams.items():
                for neurons in WIDTHS[:3]:
                    found, count = (
                        alarms_of(ns.Chip([make(neurons)], inputs=samples.shape[1], seed=seed), samples),
                        count + 1,
                    )
                    told += [f"{stream}, {neurons}, {seed}, {len(found)}, {found[0]:,}"] if found else []
        yield f"| {name} | {count} | {'; '.join([str(len(told)), *told])} |"


def delays(seeds: int) -> Iterator[str]:
    """Yield the table of changes that are told, and after how many samples."""
    layers = makers(*TOLD_OF)
    yield "| change | " + " | ".join(layers) + " |"
    yield "| --- |" + " --- |" * len(layers)
    for change, (neurons, regimes_of) in CHANGES.items():
        cells = []
        for make in layers.values():
            first = []
            for seed in range(seeds):
                (samples, _), (later, _) = regimes_of(seed)
                chip = ns.Chip([make(neurons)], inputs=samples.shape[1], seed=seed)
                found = [at - BEFORE for at in alarms_of(chip, np.concatenate([samples, later])) if at > BEFORE]
                first += found[:1]
            cells.append(f"{len(first)} of {seeds}" + (f", {np.median(first):,.0f}" if first else ""))
        yield f"| {change} | {' | '.join(cells)} |"


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, help="by default 5 for purity, 3 for the others")
    parser.add_argument("--mnist", action="store_true")
    parser.add_argument("--alarms", action="store_true")
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--delays", action="store_true")
    given = parser.parse_args()
    chosen = {accuracies: given.mnist, false_alarms: given.alarms, held_out: given.held_out, delays: given.delays}
    table = next((table for table, asked in chosen.items() if asked), purities)
    for line in table(given.seeds or (5 if table is purities else 3)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
