"""Times of a sample, ours and PyTorch's, round by round in turn."""

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

import neurosim as ns
from benchmarks import torch_ways
from benchmarks.gpu_report import machine, ours, samples
from benchmarks.gpu_report.frame import Report, in_turn, spread
from benchmarks.torch_softhebb import Deep, Dense

ROUNDS, CHECKED = 9, 20
RESIDENT, HOST, ONE, BEST = "ours, on the device", "ours, from host memory", "ours, one sample a call", "best PyTorch"
THEIRS, THEIR_ONE = "PyTorch, ", "PyTorch, one sample a call"
IN_WINDOWS = (
    "both answer when the window is full; ours has looked at each image before, by running statistics, "
    "PyTorch has one pass"
)
LATER = 30  # seconds that must be left to begin with a compiler

# Name: way, products as convolutions, TensorFloat-32. The last is no match for single precision, and no best.
CONV_WAYS = {
    "eager": ("eager", False, False),
    "graph": ("graph", False, False),
    "graph, cuDNN": ("graph", True, False),
    "graph, TensorFloat-32": ("graph", False, True),
    "compile, graph": ("compile, graph", False, False),
    "compile": ("compile", False, False),
}


def off_by(theirs: np.ndarray, mine: np.ndarray, first: np.ndarray) -> float:
    """Return how far they are from what was to be learned, as a share of it."""
    return float(np.linalg.norm(theirs - mine) / np.linalg.norm(mine - first))


def waited(device: str) -> None:
    """Wait for the GPU."""
    if device == "cuda":
        torch.cuda.synchronize()


def timed(run: Callable[[], object], count: int, device: str) -> Callable[[], float]:
    """Return a function that returns the seconds of each of the count samples of a run."""

    def taken() -> float:
        waited(device)
        begun = time.perf_counter()
        run()
        waited(device)
        return (time.perf_counter() - begun) / count

    return taken


def launched(chip: ns.Chip, seen: np.ndarray, device: str) -> Callable[[], float]:
    """Return a function that returns the seconds of a sample by the GPU's events, by the clock where there are none."""

    def taken() -> float:
        before = ours.device_seconds(chip)
        wall = timed(lambda: ours.learn(chip, seen), len(seen), device)()
        told = ours.device_seconds(chip)
        return wall if told is None else (told - before) / len(seen)

    return taken


def finish(report: Report, runs: dict[str, Callable[[], float]], notes: dict[str, str]) -> dict[str, list[float]]:
    """Let all take turns, and add a row of each with its ratio to ours, on the device or one a call as it is itself."""
    times = in_turn(runs, ROUNDS, report)
    for name, values in times.items():
        other = times.get(ONE if name == THEIR_ONE else RESIDENT)
        ratio = None
        if other and name not in (RESIDENT, ONE):
            ratio = spread([a / b for a, b in zip(values, other, strict=False)])
        middle, low, high = (1e6 * value for value in spread(values))
        report.add(name, value=middle, low=low, high=high, unit="us", ratio=ratio, note=notes.get(name, ""))
    fair = {name: values for name, values in times.items()
            if name.startswith(THEIRS) and name != THEIR_ONE and "TensorFloat" not in name}  # fmt: skip
    if fair and RESIDENT in times:
        best = min(fair, key=lambda name: statistics.median(fair[name]))
        ratios = spread([a / b for a, b in zip(fair[best], times[RESIDENT], strict=False)])
        middle = 1e6 * statistics.median(fair[best])
        report.add(BEST, value=middle, unit="us", ratio=ratios, note=best.removeprefix(THEIRS))
    return times


def add_once(report: Report, runs: dict[str, Callable[[], float]], name: str, run: Callable[[], float]) -> None:
    """Take a run up, and its first time with it: it stays, should the section be stopped."""
    report.add(name, value=1e6 * run(), unit="us", note="once, the first time")
    runs[name] = run


def in_order(report: Report, names: list[str], theirs: Callable[[str], None], chips: Callable[[], None]) -> None:
    """Make ready what takes turns: what might hang or take long after what does not."""
    compiled = [name for name in names if "compile" in name]
    for name in names:
        if name not in compiled:
            theirs(name)
    with report.caught(RESIDENT):
        chips()
    for name in compiled:
        if report.left > LATER:
            theirs(name)
        else:
            report.add(THEIRS + name, text="left out: no time for a compiler")


def dense(report: Report, device: str, inputs: int, neurons: int) -> None:
    """Time a dense layer of `neurosim.recipes.softhebb` past its beginnings."""
    trained, steps, whole = (2000, 1000, 20_000) if device == "cuda" else (300, 200, 400)
    seen, kind = samples.digits(inputs, trained + whole)
    layer, runs, notes = ns.recipes.softhebb(neurons), {}, {}
    chip = ours.chip([layer], inputs, "cpu").learn(seen[:trained])
    weights, part = ours.weights(chip)[0], seen[trained : trained + steps]
    chip.learn(part[:CHECKED])
    active = float((part != 0).mean() * inputs)
    report.add("samples", text=f"{kind}, {active:.0f} of {inputs} inputs active; trained on {trained:,}")

    def theirs(name: str) -> None:
        with report.caught(THEIRS + name):
            learner = Dense(layer, weights, part).to(device)
            run = torch_ways.made(name, learner, quick=device == "cpu")
            run(CHECKED)
            off = off_by(learner.weights.cpu().numpy(), ours.weights(chip)[0], weights)
            notes[THEIRS + name] = f"learns what the chip on the CPU does but for {off:.1e} in {CHECKED} samples"
            add_once(report, runs, THEIRS + name, timed(lambda: run(steps), steps, device))

    def chips() -> None:
        mine = ours.chip([layer], inputs, device)
        ours.learn(mine, seen[:trained])
        for line in ours.placements(mine):
            report.add(f"{inputs} -> {neurons}", section="what the kernels take", text=line)
        add_once(report, runs, RESIDENT, launched(mine, part, device))
        add_once(report, runs, HOST, timed(lambda: ours.learn(mine, seen[trained:]), whole, device))
        notes[HOST] = f"{whole:,} samples in a call of learn, in chunks of 256"
        few = part[:200]
        add_once(report, runs, ONE, timed(lambda: [ours.learn_one(mine, x) for x in few], len(few), device))

    in_order(report, torch_ways.names(device), theirs, chips)
    with report.caught(THEIR_ONE):
        notes[THEIR_ONE] = "from host memory and back, as a graph on a GPU"
        run = one_call(Dense(layer, weights, part[:1]).to(device), "graph" if device == "cuda" else "eager")
        add_once(report, runs, THEIR_ONE, timed(lambda: [run(x) for x in part[:200]], len(part[:200]), device))
    times = finish(report, runs, notes)
    if device == "cuda":
        with report.caught("floor"):
            least, why = machine.floor(machine.limits(), inputs, neurons, active)
            ratio = spread([least / value for value in times[RESIDENT]]) if RESIDENT in times else None
            report.add("floor", value=1e6 * least, unit="us", ratio=ratio, note=why)


def one_call(learner: Dense, name: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that learns from one sample in host memory, and returns its potentials there.

    The learner's samples are a single one, which is written over.
    """
    answer: dict[str, torch.Tensor] = {}
    step = learner.step

    def kept() -> None:
        answer["u"] = step()

    learner.step = kept
    run = torch_ways.made(name, learner)
    place = torch.from_numpy(np.empty(learner.samples.shape, np.float32))
    place = place.pin_memory() if learner.samples.is_cuda else place

    def call(x: np.ndarray) -> np.ndarray:
        place.numpy()[0] = x
        learner.samples.copy_(place, non_blocking=True)
        run(1)
        return answer["u"].cpu().numpy()

    return call


def conv(report: Report, device: str, preset_name: str) -> None:
    """Time the stack of a preset; ours past its beginnings, as its cutoffs make it quicker there."""
    preset = ns.presets.preset(preset_name)
    window = preset.layers[0].window
    steps, trained = (60, 1000) if device == "cuda" else (2, 20)
    count = steps * window
    seen, kind = samples.images(trained + count)
    part = seen[trained:]
    report.add("images", text=f"{kind}, windows of {window}; ours trained on {trained:,}",
               note=IN_WINDOWS if window > 1 else "")  # fmt: skip
    torch.backends.cudnn.benchmark = True
    fresh, runs, notes = ns.Chip(preset.layers, inputs=preset.shape, seed=0), {}, {}

    def theirs(name: str) -> None:
        way, convolve, tensor_float = CONV_WAYS[name]
        with report.caught(THEIRS + name):
            learner = Deep(fresh, part, convolve).to(device)
            run = torch_ways.made(way, learner, quick=True, tensor_float=tensor_float)
            add_once(report, runs, THEIRS + name, timed(lambda: run(steps), count, device))

    def chips() -> None:
        with report.caught("ours and PyTorch after one window"):
            check_conv(report, fresh, part[:window], device)
        mine = ours.chip(preset.layers, preset.shape, device)
        ours.learn(mine, seen[:trained], 50)
        for place, line in enumerate(ours.placements(mine)):
            report.add(f"{preset_name}, layer {place + 1}", section="what the kernels take", text=line)
        few = part[: min(count, 50)]
        add_once(report, runs, HOST, timed(lambda: ours.learn(mine, few, len(few)), len(few), device))

        def resident() -> float:
            wall = timed(lambda: ours.learn(mine, few, len(few)), len(few), device)()
            told = ours.device_seconds(mine)
            return wall if told is None else told / len(few)

        add_once(report, runs, RESIDENT, resident)

    names = [name for name, (way, *_) in CONV_WAYS.items() if way in torch_ways.names(device)]
    in_order(report, names, theirs, chips)
    finish(report, runs, notes)


def check_conv(report: Report, fresh: ns.Chip, images: np.ndarray, device: str) -> None:
    """Say how far ours is from PyTorch after one window."""
    learner = Deep(fresh, images).to(device)
    torch_ways.made("eager", learner)(1)
    mine = ours.chip([layer.constants for layer in fresh.layers], fresh.shape, device)
    ours.learn(mine, images, len(images))
    first, theirs = ours.weights(fresh), [layer.weights.cpu().numpy() for layer in learner.layers]
    parts = [off_by(a, b, c) for a, b, c in zip(theirs, ours.weights(mine), first, strict=True)]
    report.add("ours and PyTorch after one window", text="of what was learned, by layer, they are apart by "
               + ", ".join(f"{part:.1e}" for part in parts))  # fmt: skip
