"""MNIST learned once with synapses of few bits: accuracy of the winners' labels, what is written, what it costs.

::

    OPENBLAS_NUM_THREADS=1 taskset -c 0 python -m benchmarks.weight_bits --root FOLDER  # 2 minutes
    python -m benchmarks.weight_bits --root FOLDER --neurons 500 --seeds 3

The recipe `softhebb`, its constants as they are. A time is that of one pass, chunks of 256, without labels.
"""

import argparse
import time

import numpy as np

import neurosim as ns
from neurosim.kernels.dense import layout

BITS = (2, 3, 4, 6, 8, 12, 16)


def learned(train, neurons: int, seed: int, **constants) -> tuple[ns.Chip, float]:
    """Return a chip that has learned the stream once, and the seconds it took."""
    chip = ns.Chip([ns.recipes.softhebb(neurons, **constants)], inputs=784, seed=seed)
    chip.compile()
    begun = time.perf_counter()
    chip.learn(train, chunk=256)
    return chip, time.perf_counter() - begun


def counted(train, neurons: int, **constants) -> list[float]:
    """Return synapses written and bits flipped a sample, over the last fifth of the stream."""
    chip = ns.Chip([ns.recipes.softhebb(neurons, **constants)], inputs=784)
    layer = ns.hardware.count(chip, train, warm_up=48_000).layers[0]
    return [float(layer.writes.mean()), float(layer.flips.mean())]


def main() -> None:
    """Print a row for each number of bits and way of rounding."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", default=".")
    parser.add_argument("--neurons", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    train, test = (ns.open_stream(f"mnist:{part}", root=given.root) for part in ("train", "test"))
    rows = [(None, "stochastic"), *((bits, how) for how in ("stochastic", "nearest") for bits in BITS)]
    print("bits     rounding    accuracy  of seeds          norm  scales doubled  us/sample   writes    flips")
    for bits, rounding in rows:
        constants = {} if bits is None else {"weight_bits": bits, "rounding": rounding}
        found, norms, doubled, seconds = [], [], 0.0, np.inf
        for seed in range(given.seeds):
            chip, took = learned(train, given.neurons, seed, **constants)
            found.append(100 * ns.judge(chip, train, test).winner_accuracy)
            layer, seconds = chip.layers[0], min(seconds, took)
            norms.append(float(np.median(layer.norms)))
            doubled += layer.state.counters[layout.FOLDS] / layer.samples / given.seeds
        writes, flips = counted(train, given.neurons, **constants)
        shown = " ".join(f"{accuracy:.2f}" for accuracy in found)
        name, how = ("float32", "-") if bits is None else (str(bits), rounding)
        print(
            f"{name:7}  {how:10} {np.mean(found):9.2f}  {shown:16} {np.mean(norms):5.3f} {doubled:15.4f} "
            f"{seconds / 60_000 * 1e6:10.1f} {writes:8.0f} {flips:8.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
