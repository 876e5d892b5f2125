"""What the scope costs a run, of which half the time is with it, in turn; and whether a stream is kept up with.

::

    python -m benchmarks.scope [--root DIR] [--seconds T] [--browser]

With `--root`, samples are those of MNIST, else digits enlarged to as many pixels. A chip learns, and every half second
the scope is turned on or off. `wall` and `CPU` are the median time a sample with the scope over that without it, less
one, by the clock and by the processor time of the learning process; in brackets, how far it may be off: the middle 95 %
of such ratios when half seconds are drawn again at random. The last line tells what taking pictures itself took of the
processor time. The page's process, and with `--browser` a Chromium that shows the page, run beside it.

The second part gives a small chip a sample every 50 us by the clock, 20,000 a second, the scope on and off in turn, and
tells how late samples were taken: the median, the slowest in a hundred, and at the end.
"""

import argparse
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

import neurosim as ns
from benchmarks.main_loop import images
from neurosim.online.control import Edit
from neurosim.streams import ArrayStream
from neurosim.streams.order import repeat
from neurosim.views.scope.scope import Scope

SIZES = ((784, 2000), (784, 100), (64, 100))
HZ, STRETCH = 20_000, 0.5


def samples_of(inputs: int, root: str | None) -> np.ndarray:
    """Return real samples of a width."""
    if root is None or inputs != 784:
        return images(inputs)
    return next(ns.open_stream("mnist:train", root=root).blocks(size=20_000)).samples


@contextmanager
def shown(chip: ns.Chip, browser: bool) -> Iterator[Scope]:
    """Give a scope whose page has been asked for, and is shown."""
    shape = (28, 28) if chip.inputs == 784 else (8, 8)
    with Scope(chip, "benchmark", shape=shape) as scope, tempfile.TemporaryDirectory() as folder:
        urllib.request.urlopen(scope.address).read()
        program = shutil.which("chromium") if browser else None
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}"]
        process = program and subprocess.Popen(
            [program, *flags, "--remote-debugging-port=0", scope.address], stderr=subprocess.DEVNULL
        )
        if process:
            time.sleep(5)  # until it shows the page
        yield scope
        if process:
            process.terminate()
            process.wait()


class Alternating:
    """A control that turns a scope on and off, and notes what each stretch of a run took.

    `stretches` has for each its samples, its seconds, those of the processor, and whether the scope was on.
    """

    def __init__(self, scope: Scope) -> None:
        self.scope, self.on, self.stretches = scope, False, []
        self._next, self._begun = 0.0, None

    def samples_left(self, samples: int) -> float:
        """Return 0 where a stretch ends, else what the scope says, while it is on."""
        if time.perf_counter() >= self._next:
            return 0
        return self.scope.samples_left(samples) if self.on else float("inf")

    def between(self, samples: int) -> Iterator[Edit]:
        """Note the stretch that ends, and ask the scope, while it is on."""
        if time.perf_counter() >= self._next:
            now = samples, time.perf_counter(), time.process_time()
            if self._begun is not None:
                self.stretches.append((*(end - begin for end, begin in zip(now, self._begun, strict=True)), self.on))
            self.on, self._begun, self._next = not self.on, now, now[1] + STRETCH
        if self.on:
            yield from self.scope.between(samples)

    def refused(self, edit: Edit, why: Exception) -> None:
        """Fail: nobody asks for changes here."""
        raise why


def ratio(times: np.ndarray, on: np.ndarray) -> tuple[float, float, float]:
    """Return how much longer samples take with the scope, and the ends of the middle 95 % of such ratios."""
    rng = np.random.default_rng(0)
    one, two = times[on], times[~on]
    drawn = [np.median(rng.choice(one, len(one))) / np.median(rng.choice(two, len(two))) - 1 for _ in range(1000)]
    return np.median(one) / np.median(two) - 1, *np.percentile(drawn, (2.5, 97.5))


def cost(inputs: int, neurons: int, arguments: argparse.Namespace) -> None:
    """Print what the scope adds to a run."""
    samples = samples_of(inputs, arguments.root)
    chip = ns.Chip([ns.recipes.softhebb(neurons)], inputs=inputs).learn(samples)
    with shown(chip, arguments.browser) as scope:
        control, end = Alternating(scope), time.perf_counter() + arguments.seconds
        stream = repeat(ArrayStream(samples), 10**6, None)
        ns.run(chip, stream, control=control, watch=scope.watch, stop=lambda: time.perf_counter() > end)
    count, wall, cpu, on = (np.array(column) for column in zip(*control.stretches, strict=True))
    pictures, share = scope.pictures / wall[on].sum(), scope.seconds / cpu[on].sum()
    for name, times in (("wall", wall / count), ("CPU", cpu / count)):
        middle, low, high = ratio(times, on)
        print(
            f"{inputs:>5} -> {neurons:<5} {name:>4} {middle:+7.2%}  [{low:+.2%}, {high:+.2%}]  "
            f"{1 / np.median(times[~on]):,.0f} samples/s without, {len(on)} half seconds"
        )
    print(f"{inputs:>5} -> {neurons:<5} {pictures:.1f} pictures/s, {share:.2%} of the processor time while it is on")


def paced(
    samples: np.ndarray, count: int, late: list[tuple[float, bool]], control: Alternating
) -> Iterator[np.ndarray]:
    """Give samples by the clock, and note how late each is taken, and whether the scope is on."""
    begun = time.perf_counter()
    for number in range(count):
        due = begun + number / HZ
        while (now := time.perf_counter()) < due:
            pass
        late.append((now - due, control.on))
        yield samples[number % len(samples)]


def keeps_up(arguments: argparse.Namespace) -> None:
    """Print how late samples were taken, without the scope and with it."""
    samples, noted = samples_of(64, None), []
    chip = ns.Chip([ns.recipes.softhebb(100)], inputs=64).learn(samples)
    with shown(chip, arguments.browser) as scope:
        control = Alternating(scope)
        stream = paced(samples, int(HZ * arguments.seconds), noted, control)
        ns.run(chip, stream, control=control, watch=scope.watch)
    late, on = (np.array(column) for column in zip(*noted, strict=True))
    for name, times in (("without", late[~on]), ("with", late[on])):
        middle, high = np.percentile(times, (50, 99)) * 1e3
        print(f"   64 -> 100, {HZ:,} samples/s {name:>7}: late by {middle:.3f} ms (median), {high:.2f} ms (p99)")
    print(f"   {late[-1] * 1e3:.2f} ms late at the end of {len(late):,} samples")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", help="folder of MNIST")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each run")
    parser.add_argument("--browser", action="store_true", help="show the page in Chromium meanwhile")
    arguments = parser.parse_args()
    for inputs, neurons in SIZES:
        cost(inputs, neurons, arguments)
    keeps_up(arguments)


if __name__ == "__main__":
    main()
