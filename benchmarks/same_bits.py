"""What every kind of chip learns and responds, as hashes: run it before and after a change that is to change no bit.

::

    NEUROSIM_DATA=... python -m benchmarks.same_bits > before.txt
    NEUROSIM_DATA=... python -m benchmarks.same_bits --against before.txt

Two lists are comparable on one machine only: matrix products and general powers follow its libraries. Without
NEUROSIM_DATA the rows of MNIST and CIFAR-10 are left out, and so named.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import neurosim as ns

DATA = os.environ.get("NEUROSIM_DATA")
SMALL = {"eghr": {"rate": 1e-4}, "bcm": {"rate": 1e-3}}  # rates at which 600 digits do not make these diverge
RUN = "stream digits:train --epochs 12 --shuffle 1 --neurons 150,40 --window 3 --snapshot-samples 700 --json"
Row = tuple[str, Callable[[], str]]


@ns.rule
def confident(potential, response, mean, rate, power=2.0):
    """Learn by a rule that is no built-in one, and has a trace and a constant."""
    growth = rate * (response**power - mean)
    return 1 - growth * potential, growth


def digits(samples: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Return digits and labels, in the stream's order."""
    pairs = [(x, label) for (x, label), _ in zip(ns.open_stream("digits:train"), range(samples), strict=False)]
    return np.array([x for x, _ in pairs], np.float32), np.array([label for _, label in pairs])


def state_and_responses(chip: ns.Chip, values: np.ndarray, labels: np.ndarray | None = None, chunk: int = 64) -> str:
    """Return one hash of what a chip has learned from samples and of how it responds to the first of them."""
    chip.learn(values, labels=labels, chunk=chunk)
    found = hashlib.sha256(chip.state_sha256.encode())
    for array in chip.respond(values[:20]):
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def recipes() -> Iterator[Row]:
    """Give every recipe on digits."""
    for name in ns.recipes.NAMES:
        layer = getattr(ns.recipes, name)(32 if name != "delta_readout" else 10, **SMALL.get(name, {}))
        yield f"recipe {name}", lambda layer=layer: on_digits(layer)


def on_digits(layer: ns.DenseWTA) -> str:
    """Return the hash of a dense layer's chip on digits with their labels."""
    values, labels = digits()
    return state_and_responses(ns.Chip([layer], inputs=64, seed=3), values, labels)


def options() -> Iterator[Row]:
    """Give every option of a dense layer that changes how it learns."""
    soft, rule = ns.SoftWTA(temperature=0.02), ns.SoftHebb(rate=0.5)
    base = {"competition": soft, "rule": rule, "normalise": "sample", "radius": 5.0}
    changes = {
        "window 32": {"window": 32},
        "weight bits 2": {"weight_bits": 2},
        "weight bits 4": {"weight_bits": 4},
        "weight bits 8": {"weight_bits": 8},
        "nearest": {"weight_bits": 4, "rounding": "nearest"},
        "own rule": {"rule": confident(rate=0.3)},
        "own rule, window 4": {"rule": confident(rate=0.3), "window": 4},
        "signed": {"competition": ns.SoftWTA(temperature=0.02, signed=True), "initial": "normal"},
        "winner only": {"competition": ns.SoftWTA(gain=1e9, winner_only=True)},
        "hard": {"competition": ns.HardWTA()},
        "k winners": {"competition": ns.KWTA(3, signed=True)},
        "ranked": {"competition": ns.Ranked(rank=3)},
        "gated": {"competition": ns.SparseGate(share=0.2), "window": 2, "renormalise": True, "cutoff": 0.0},
        "taught": {"competition": ns.Taught()},
        "corrected": {"competition": ns.Corrected(temperature=0.1), "rule": ns.Hebb(rate=0.05), "leak": 1e-3},
        "conscience": {"bias": ns.Conscience()},
        "mean activity": {"bias": ns.MeanActivity()},
        "log prior": {"bias": ns.LogPrior()},
        "stream norm": {"normalise": "stream"},
        "p-norm 3": {"lebesgue": 3.0, "radius": 2.0},
        "leak": {"leak": 1e-3},
        "renormalise": {"renormalise": True},
        "eligibility": {"eligibility": 0.5},
        "linear rate": {"rule": ns.SoftHebb(rate=ns.LinearRate(0.5, last=0.1, samples=500))},
        "rate by wins": {"rule": ns.Instar(rate=ns.WinCountRate(1.0, floor=0.01))},
        "triangle": {"activation": ns.Triangle(power=2.0), "transmit": ns.Triangle(power=0.7)},
        "softmax sent": {"transmit": ns.Softmax(temperature=0.1)},
        "cutoff 0": {"cutoff": 0.0},
        "no instruments": {"instruments": False},
        "sanger": {
            "competition": ns.NoInhibition(),
            "rule": ns.Sanger(rate=1e-4),
            "initial": "normal",
            "radius": 0.5,
            "cutoff": 0.0,
            "cap": 1.0,
            "normalise": "none",
        },
        "subspace": {
            "competition": ns.NoInhibition(),
            "rule": ns.OjaSubspace(rate=1e-4),
            "initial": "normal",
            "radius": 0.5,
            "cutoff": 0.0,
            "cap": 1.0,
            "normalise": "none",
        },
    }
    for name, change in changes.items():
        yield f"dense {name}", lambda change=change: on_digits(ns.DenseWTA(32, **(base | change)))


def chips() -> Iterator[Row]:
    """Give chips of several layers, threads, a readout's chip, counts and images."""
    yield "two layers", lambda: two_layers(threads=1)
    yield "two layers, two threads", lambda: two_layers(threads=2)
    yield "one by one", one_by_one
    yield "wide, a team of two", wide
    yield "kill and resume", kill_and_resume
    soft = ns.SoftWTA(temperature=1.0, signed=True)
    base = {"kernel": 3, "competition": soft, "rule": ns.SoftHebb(rate=0.05)}
    changes = {
        "plain": {},
        "hard": {"competition": ns.HardWTA()},
        "hebb": {"rule": ns.Hebb(rate=1e-3)},
        "oja": {"rule": ns.Oja(rate=1e-3)},
        "instar": {"rule": ns.Instar(rate=1e-2)},
        "window": {"window": 5},
        "largest": {"step": "largest", "window": 5},
        "cutoff": {"cutoff": 0.05},
        "max pool": {"pool": ns.MaxPool(size=2, stride=2)},
        "mean pool": {"pool": ns.MeanPool(size=2, stride=2)},
        "sample": {"normalise": "sample"},
        "layer": {"normalise": "layer"},
        "in a window": {"normalise": "window", "window": 4},
        "warm-up": {"warm_up": 20},
        "padding, stride": {"padding": 1, "stride": 2},
        "power": {"transmit": ns.Triangle(power=1.4)},
    }
    for name, change in changes.items():
        yield f"conv {name}", lambda change=change: on_images(ns.ConvWTA(12, **(base | change)))


def on_images(layer: ns.ConvWTA) -> str:
    """Return the hash of a convolutional layer's chip on digits."""
    return state_and_responses(ns.Chip([layer], inputs=(1, 8, 8), seed=3), digits(200)[0])


def two_layers(threads: int) -> str:
    """Return the state of two layers, learned together."""
    chip = ns.Chip([ns.recipes.softhebb(100), ns.recipes.softhebb(30)], inputs=64, seed=1)
    return chip.learn(digits()[0], chunk=50, threads=threads).state_sha256


def one_by_one() -> str:
    """Return the state after single samples."""
    chip = ns.Chip([ns.recipes.softhebb(100), ns.recipes.softhebb(30)], inputs=64, seed=1)
    for x in digits()[0]:
        chip.learn_one(x)
    return chip.state_sha256


def wide() -> str:
    """Return the state of a layer whose potentials two threads sum."""
    values = np.random.default_rng(0).random((300, 400), np.float32)
    return ns.Chip([ns.recipes.softhebb(3000)], inputs=400, seed=1).learn(values, threads=2).state_sha256


def kill_and_resume() -> str:
    """Return what a stream comes to that was killed and resumed; an error if it is not what it comes to unharmed."""
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = (
            [sys.executable, "-m", "neurosim", *RUN.split(), "--state", f"{folder}/{name}.h5"]
            for name in ("whole", "killed")
        )
        begun = time.perf_counter()
        expected = json.loads(subprocess.run(whole, capture_output=True, check=True).stdout)["state_sha256"]
        process = subprocess.Popen(killed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.6 * (time.perf_counter() - begun))
        process.kill()
        process.wait()
        found = json.loads(subprocess.run(killed, capture_output=True, check=True).stdout)["state_sha256"]
    if found != expected:
        raise SystemExit(f"a resumed run must come to {expected}, got {found}")
    return str(found)


def data() -> Iterator[Row]:
    """Give MNIST at 2,000 neurons, and every preset on 200 images of its shape."""
    if DATA is None:
        print("rows of MNIST and the presets left out: NEUROSIM_DATA is not set", file=sys.stderr)
        return
    yield "MNIST 784 -> 2000, a chunk", lambda: mnist(chunk=256)
    yield "MNIST 784 -> 2000, chunks of one", lambda: mnist(chunk=1)
    for name in ns.presets.names():
        if "cifar10" in name:
            yield f"preset {name}", lambda name=name: cifar(name)


def mnist(chunk: int) -> str:
    """Return the hash of the main chip on 3,000 images."""
    stream = ns.open_stream("mnist:train", root=str(Path(str(DATA)) / "mnist"))
    values = np.array([x for (x, _), _ in zip(stream, range(3000), strict=False)], np.float32)
    return state_and_responses(ns.Chip([ns.recipes.softhebb(2000)], inputs=784, seed=0), values, chunk=chunk)


def cifar(name: str) -> str:
    """Return the hash of a preset's chip on 200 images."""
    stream = ns.open_stream("cifar10:train", root=str(Path(str(DATA)) / "cifar10"))
    values = np.array([x for (x, _), _ in zip(stream, range(200), strict=False)], np.float32)
    return state_and_responses(ns.Chip.from_preset(name, seed=0), values, chunk=100)


def main() -> None:
    """Print the list, or compare it with one that was printed before."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, help="a list that was printed before")
    parser.add_argument("--only", default="", help="rows that begin with this")
    chosen = parser.parse_args()
    expected = dict(line.split("\t") for line in chosen.against.read_text().splitlines()) if chosen.against else {}
    warnings.simplefilter("ignore", ns.StabilityWarning)
    differing = compared = 0
    for rows in (recipes(), options(), chips(), data()):
        for name, run in rows:
            if not name.startswith(chosen.only):
                continue
            found = run()
            if not expected:
                print(f"{name}\t{found}", flush=True)
                continue
            compared += 1
            if expected.get(name) != found:
                differing += 1
                print(f"differs: {name}", flush=True)
    if expected:
        print(f"{compared} rows compared, {differing} differ")
        sys.exit(differing > 0)


if __name__ == "__main__":
    main()
