"""Whether the chip on the GPU learns the bits of the one on the CPU, whatever the chunks, and again and again."""

import numpy as np

import neurosim as ns
from benchmarks.gpu_report import ours, samples
from benchmarks.gpu_report.frame import Report

SHAPES = ((1, 1), (3, 5), (64, 100), (784, 100), (784, 2000), (784, 2001), (3072, 8000))  # block edges among them
SMALL = ((1, 1), (3, 5), (64, 100), (784, 101))
SAMPLES, CHUNKS, REPEATS = 300, (1, 7), 20


def section(report: Report, device: str) -> None:
    """Compare shape by shape."""
    for inputs, neurons in SHAPES if device == "cuda" else SMALL:
        what = f"{inputs} -> {neurons}"
        with report.caught(what):
            compare(report, what, inputs, neurons, device)


def compare(report: Report, what: str, inputs: int, neurons: int, device: str) -> None:
    """Add a row of one shape, after each of its three questions anew."""
    seen, _ = samples.digits(inputs, SAMPLES)

    def learned(where: str, chunk: int = 256) -> ns.Chip:
        made = ours.chip([ns.recipes.softhebb(neurons)], inputs, where)
        ours.learn(made, seen, chunk)
        return made

    reference, first = learned("cpu"), learned(device)
    bits = ours.digest(first)
    text = "the CPU's bits" if bits == ours.digest(reference) else difference(reference, first)
    report.add(what, text=text, note="chunks and repeats not reached")
    odd = [chunk for chunk in CHUNKS if ours.digest(learned(device, chunk)) != bits]
    note = f"chunks {CHUNKS}: {f'OTHER BITS with {odd}' if odd else 'the same bits'}"
    report.add(what, text=text, note=f"{note}; repeats not reached")
    others = repeats = 0
    while repeats < REPEATS and report.left > 10:
        repeats += 1
        others += ours.digest(learned(device)) != bits
    if repeats:
        again = f"OTHER BITS in {others}" if others else "the same bits"
        report.add(what, text=text, note=f"{note}; {repeats} repeats: {again}")


def difference(one: ns.Chip, other: ns.Chip) -> str:
    """Say where two chips are furthest from one another."""
    arrays, theirs, worst, where = ours.arrays(one), ours.arrays(other), -1.0, ""
    for name, array in arrays.items():
        if array.dtype.names or array.shape != theirs[name].shape:
            continue  # records of instruments
        if not array.size or np.array_equal(array, theirs[name], equal_nan=array.dtype.kind == "f"):
            continue
        away = np.abs(array.astype(np.float64) - theirs[name].astype(np.float64)).max()
        size = away / max(np.abs(array).max(), 1e-30)
        if not size <= worst:
            worst, where = float(size), name
    return f"OTHER BITS: at most {worst:.2g} of the largest, in {where}" if where else "OTHER BITS, in records alone"
