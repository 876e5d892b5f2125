"""How long the trained readout takes for an epoch, beside one pass of NumPy's over the same features.

python -m benchmarks.trained_readout [samples] [inputs] [classes]
"""

import resource
import sys
import time

import numpy as np

from neurosim import SoftmaxReadout


def main(samples: int = 50_000, inputs: int = 24_576, classes: int = 10) -> None:
    """Print seconds for an epoch with one and with two threads, and as multiples of NumPy's sum of all features."""
    rng = np.random.default_rng(0)
    features = np.empty((samples, inputs), np.float32)
    for start in range(0, samples, 1000):
        rng.random(out=features[start : start + 1000], dtype=np.float32)
    labels = np.arange(samples) % classes
    SoftmaxReadout(epochs=1).fit(features[: 2 * classes], labels[: 2 * classes])  # compiles
    start = time.perf_counter()
    np.add.reduce(features, axis=None)
    once = time.perf_counter() - start
    print(f"{samples} x {inputs}, {classes} classes: NumPy's sum {once:.2f} s")
    for threads in (1, 2):
        marks = [time.perf_counter()]
        readout = SoftmaxReadout(epochs=3, threads=threads)
        readout.fit(features, labels, watch=lambda epoch, marks=marks: marks.append(time.perf_counter()))
        best = min(np.diff(marks))
        print(f"{threads} threads: {best:.2f} s an epoch, {best / once:.1f} times the sum")
    print(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB resident")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
