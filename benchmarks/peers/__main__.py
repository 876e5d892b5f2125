"""A table of what a sample costs the chip and its peers, each measured in turn with the chip; see the package."""

import argparse
import contextlib
import json
import os
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

import neurosim as ns
from benchmarks import peers
from benchmarks.peers import sameness, setting
from benchmarks.peers.timing import Times, in_a_chunk, in_turn, nothing, one_by_one, ratio
from neurosim.kernels.dense.layout import WRITES

CHECKED = 20  # samples a peer learns from before it is timed
CHUNK, ONE, PEER, PEER_CHUNK = "neurosim, in a chunk", "neurosim, learn_one", "peer", "peer, in a chunk"


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--root", type=Path, default=os.environ.get("NEUROSIM_DATA", "."), help="folder of MNIST")
    parser.add_argument("--inputs", type=int, default=784, choices=setting.SIDES, help="pixels of an image")
    parser.add_argument("--neurons", type=int, default=2000)
    parser.add_argument("--samples", type=int, default=500, help="in a round")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--dense-input", action="store_true", help="noise on every pixel, so that all are active")
    parser.add_argument("--respond", action="store_true", help="respond only, learn nothing")
    parser.add_argument("--only", nargs="+", metavar="PEER", choices=peers.NAMES, default=peers.NAMES)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    for name in ("neurons", "samples", "rounds"):
        if getattr(given, name) < 1:
            parser.error(f"--{name} must be at least 1, got {getattr(given, name)}")
    return given


def checked(module, chip: ns.Chip, samples: np.ndarray) -> tuple[str, bool]:
    """Return what the check of a peer says, and whether the peer may be timed."""
    layer = chip.layers[0]
    constants = peers.constants_of(layer.constants)
    if not module.SAME_RULE:
        made = module.make(layer.weights, constants)
        learns = sameness.learns_at_all(made, samples[: getattr(module, "AT_MOST", None)])
        return ("its own rule: cost per sample only", True) if learns else ("learns nothing", False)
    untrained = ns.Chip([layer.constants], inputs=chip.shape, seed=1)  # the cap is met at the beginning only
    worst = 0.0
    for start in (untrained, setting.copy_of(chip)):
        made = module.make(start.layers[0].weights, constants)
        worst = max(worst, sameness.difference(made, samples, sameness.reference(start, samples)))
    same = worst <= sameness.TOLERANCE
    return f"the same to {worst:.0e}" if same else f"differs by {worst:.0e} of what was learned", same


def measured(module, chip: ns.Chip, parts: np.ndarray, respond: bool) -> dict[str, Times]:
    """Time a peer and the chip in turn, all from the same weights on."""
    first, constants = chip.layers[0].weights, peers.constants_of(chip.layers[0].constants)
    ours, one, made = setting.copy_of(chip), setting.copy_of(chip), module.make(first, constants)

    def take(samples: np.ndarray) -> None:
        for _ in ours.respond_blocks(samples):
            pass

    runs = {
        CHUNK: in_a_chunk(take if respond else ours.learn),
        PEER: one_by_one(made.respond if respond else made.step),
        ONE: one_by_one(one.respond_one if respond else one.learn_one),
    }
    if hasattr(made, "many"):
        many = module.make(first, constants).many
        runs[PEER_CHUNK] = in_a_chunk(lambda samples: many(samples, not respond))
    return in_turn(runs, parts, {PEER: getattr(module, "AT_MOST", None)})


def row(name: str, times: Times, chunk: Times | None = None, one: Times | None = None, note: str = "") -> dict:
    """Return a row of the table."""
    ratios = {"over_chunk": chunk and ratio(times, chunk), "over_one": one and ratio(times, one)}
    return {"name": name, "p50_s": times.middle, "p99_s": times.percentile(0.99), "note": note, **ratios}


def side_by_side(given: argparse.Namespace, chip: ns.Chip, samples: np.ndarray) -> tuple[list[dict], bool]:
    """Return the rows, the chip's own first, and whether all peers passed their checks."""
    rows, ours, passed = [], {CHUNK: nothing(), ONE: nothing()}, True
    parts = samples[CHECKED:].reshape(given.rounds + 1, given.samples, -1)
    for name in given.only:
        module = peers.peer(name)
        reason, allowed = peers.missing(module, given.neurons), False
        if reason is None:
            reason, allowed = checked(module, chip, samples[:CHECKED])
            passed &= allowed
        if not allowed:
            rows.append({"name": module.NAME, "left_out": reason})
            continue
        times = measured(module, chip, parts, given.respond)
        for kind, all_times in ours.items():
            for had, got in zip(all_times, times[kind], strict=True):
                had.extend(got)
        rows.append(row(module.NAME, times[PEER], times[CHUNK], times[ONE], reason))
        if PEER_CHUNK in times:
            rows.append(row(f"{module.NAME}, in a chunk", times[PEER_CHUNK], times[CHUNK], times[ONE], reason))
        print(f"{module.NAME}: done", file=sys.stderr)
    names = {CHUNK: CHUNK, ONE: "neurosim, respond_one" if given.respond else ONE}
    return [row(names[kind], times) for kind, times in ours.items() if times.means] + rows, passed


def described(given: argparse.Namespace, chip: ns.Chip, samples: np.ndarray) -> dict:
    """Return what was measured, where."""
    other = setting.copy_of(chip)
    counters = other.layers[0].state.counters
    before = int(counters[WRITES])
    other.learn(samples)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "inputs": samples.shape[1], "neurons": given.neurons, "learning": not given.respond,
        "rounds": given.rounds, "samples_a_round": given.samples,
        "active_inputs": float((samples != 0).sum(axis=1).mean()),
        "neurons_written": (int(counters[WRITES]) - before) / len(samples),
        "cores": cores, "versions": {"neurosim": ns.__version__} | versions(given.only),
    }  # fmt: skip


def versions(names: tuple[str, ...]) -> dict[str, str]:
    """Return the versions of what is measured."""
    packages = ["numpy", "numba", "scipy", "scikit-learn", *(p for n in names for p in peers.peer(n).REQUIRES)]
    found = {}
    for package in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def show(about: dict, rows: list[dict]) -> None:
    """Print the table."""
    verb = "learning" if about["learning"] else "responding"
    print(
        f"{about['inputs']} -> {about['neurons']}, {verb}; a sample has {about['active_inputs']:.0f} active inputs, "
        f"{about['neurons_written']:.1f} neurons would learn from it; {about['rounds']} rounds of "
        f"{about['samples_a_round']}, one thread, {about['cores']} cores in reach"
    )
    print(f"{'':56} {'p50 us':>10} {'p99 us':>10} {'/ in a chunk (range)':>24} {'/ one a call (range)':>24}")
    for line in rows:
        if "left_out" in line:
            print(f"{line['name']:56} left out: {line['left_out']}")
            continue
        tail = "-" if line["p99_s"] is None else f"{line['p99_s'] * 1e6:.1f}"
        ratios = " ".join(f"{line[key] or '-'!s:>24}" for key in ("over_chunk", "over_one"))
        print(f"{line['name']:56} {line['p50_s'] * 1e6:10.1f} {tail:>10} {ratios}  {line['note']}")


def main() -> int:
    """Measure all peers that there are; 1 if one does not do what it is said to do, 2 if nothing could be measured."""
    given = options()

    def images(part: str, count: int) -> np.ndarray:
        return setting.images(given.root, part, count, given.dense_input, given.inputs)

    try:
        count = CHECKED + (given.rounds + 1) * given.samples
        chip = setting.trained(given.neurons, images("train", setting.TRAINED))
        samples = images("test", count)
    except ns.NeurosimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    with threadpool_limits(1):
        rows, passed = side_by_side(given, chip, samples)
    about = described(given, chip, samples)
    if given.json:
        named = [{k: v._asdict() if hasattr(v, "_asdict") else v for k, v in line.items()} for line in rows]
        print(json.dumps({**about, "rows": named}, indent=1))
    else:
        show(about, rows)
    if all("left_out" in line for line in rows):
        return 1 if not passed else 2
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
