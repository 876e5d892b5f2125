"""A filter in a pipeline: how soon a sample's record comes back, whether all come, and what the filter costs.

::

    python -m benchmarks.pipe [--rate 20000] [--seconds 60] [--inputs 16] [--neurons 16] [--idle 30]

Lines of numbers go by the clock through a pipe into `neurosim stream - --emit winner,response`, and its records come
back through another. One process writes the lines and reads the records; it never sleeps while samples come, so it
takes a core of its own, and the filter has the other: nothing else should run on a machine of two.

A line's time is from its `write` to the `read` that brings the end of its record. Beside it is the time from the moment
at which the line was due, which includes how late the sender itself was, and how late that was. A record that is
missing, or out of order, is counted. Idle cost is the processor time of the filter, and of the process that writes its
snapshots if there is a state, while its pipe is silent.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LINES = 4096  # different ones, which come again and again
WARM_UP = 2000  # samples before those that are timed
MOST = 1 << 16  # bytes read at once
PATIENCE = 10.0  # seconds that the last records may take
AHEAD = 2e-3  # seconds: a sample that is due later is slept for
PERCENTILES = (50, 99, 99.9, 100)
TICKS = os.sysconf("SC_CLK_TCK")


class Passed(NamedTuple):
    """What passed through the filter; nanoseconds, one a sample.

    Attributes
    ----------
    due, written, read : int64 (samples,)
        -1 in `read`: the record never came.
    disordered : int
        Records whose number was not the next one.
    filter_share, sender_share : float
        Processor time by time.
    """

    due: NDArray[np.int64]
    written: NDArray[np.int64]
    read: NDArray[np.int64]
    disordered: int
    filter_share: float
    sender_share: float


def command(inputs: int, neurons: int, state: Path | None = None) -> list[str]:
    """Return the filter."""
    words = [sys.executable, "-m", "neurosim", "stream", "-", "--inputs", str(inputs), "--neurons", str(neurons)]
    words += ["--emit", "winner,response"]
    return words if state is None else [*words, "--state", str(state)]


class Filter(NamedTuple):
    """A filter at work: the number of its process, and its two pipes.

    Attributes
    ----------
    process, into, out : int
    """

    process: int
    into: int
    out: int


@contextlib.contextmanager
def filtering(words: list[str]) -> Iterator[Filter]:
    """Give the filter when it has written its header, so is ready; at the end its input ends, and it with it."""
    files = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(words, bufsize=0, **files) as process:  # type: ignore[call-overload]
        try:
            header = b""
            while not header.endswith(b"\n"):
                if not (piece := process.stdout.read(1)):
                    raise SystemExit(f"the filter ended: {process.stderr.read().decode()}")
                header += piece
            yield Filter(process.pid, process.stdin.fileno(), process.stdout.fileno())
            process.stdin.close()
            process.wait(PATIENCE)
        finally:
            process.kill()


def processor_seconds(process: int) -> float:
    """Return the processor time of a process and of its children, by the system's ticks."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(stat.parent.name) == process or int(fields[1]) == process:
                total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


class Sender:
    """Writes lines when they are due, and reads records whenever there are some."""

    def __init__(self, pipes: Filter, inputs: int, count: int, rate: float) -> None:
        self._into, self._out = pipes.into, pipes.out
        for descriptor in (self._into, self._out):
            os.set_blocking(descriptor, False)
        rows = np.random.default_rng(0).random((LINES, inputs)).round(6)
        self._lines = [(",".join(map(repr, row)) + "\n").encode() for row in rows.tolist()]
        self.due = (np.arange(count) * (1e9 / rate)).astype(np.int64)
        self.written, self.read = np.full(count, -1), np.full(count, -1)
        self._begun, self._got, self.disordered = b"", 0, 0

    def send(self) -> None:
        """Send all lines, and read until all records are there, or none has come for long."""
        now, sent, count = time.perf_counter_ns, 0, len(self.due)
        self.due += now()
        due, rest = self.due.tolist(), b""
        while sent < count:
            moment = now()
            if moment >= due[sent]:
                rest = rest or self._lines[sent % LINES]
                rest = rest[self._write(rest) :]
                if not rest:
                    self.written[sent] = moment
                    sent += 1
            elif due[sent] - moment > AHEAD * 1e9 and self._got == sent:
                time.sleep((due[sent] - moment) / 1e9 - AHEAD / 2)
            self._take(now)
        end = time.monotonic() + PATIENCE
        while self._got < count and time.monotonic() < end:
            self._take(now)

    def _write(self, data: bytes) -> int:
        try:
            return os.write(self._into, data)
        except BlockingIOError:
            return 0

    def _take(self, now: Callable[[], int]) -> None:
        """Read what is there, and note when it came."""
        try:
            data = os.read(self._out, MOST)
        except BlockingIOError:
            return
        moment = now()
        if not data:
            raise SystemExit("the filter ended early")
        *records, self._begun = (self._begun + data).split(b"\n")
        for record in records:
            number = int(record[: record.index(b",")])
            self.disordered += number != self._got
            if self._got < len(self.read):
                self.read[self._got] = moment
            self._got += 1


def through(inputs: int, neurons: int, rate: float, seconds: float) -> Passed:
    """Send samples through the filter by the clock."""
    count = WARM_UP + round(rate * seconds)
    with filtering(command(inputs, neurons)) as pipes:
        sender = Sender(pipes, inputs, count, rate)
        before = time.perf_counter(), time.process_time(), processor_seconds(pipes.process)
        sender.send()
        took, own, its = (
            time.perf_counter() - before[0], time.process_time() - before[1],
            processor_seconds(pipes.process) - before[2],
        )  # fmt: skip
    return Passed(sender.due, sender.written, sender.read, sender.disordered, its / took, own / took)


def idle(inputs: int, neurons: int, seconds: float, state: Path | None) -> float:
    """Return the share of a core that a filter takes whose pipe is silent, after a single sample."""
    with filtering(command(inputs, neurons, state)) as pipes:
        os.write(pipes.into, b",".join([b"0.5"] * inputs) + b"\n")
        os.read(pipes.out, MOST)
        time.sleep(1.0)
        before = processor_seconds(pipes.process)
        time.sleep(seconds)
        return (processor_seconds(pipes.process) - before) / seconds


def show(passed: Passed, rate: float) -> None:
    """Print what passed."""
    timed = slice(WARM_UP, None)
    came = passed.read[timed] >= 0
    spans = {
        "record read - line written": (passed.read - passed.written)[timed][came],
        "record read - line due": (passed.read - passed.due)[timed][came],
        "sender: written - due": (passed.written - passed.due)[timed],
    }
    count = len(passed.read)
    print(f"{count:,} lines at {rate:,.0f} a second: {count - int((passed.read >= 0).sum()):,} records lost, "
          f"{passed.disordered:,} out of order")  # fmt: skip
    print(f"{'ms':>28}" + "".join(f"{'max' if q == 100 else f'p{q:g}':>9}" for q in PERCENTILES))
    for name, span in spans.items():
        cells = (np.percentile(span, q, method="higher") / 1e6 for q in PERCENTILES)
        print(f"{name:>28}" + "".join(f"{cell:9.3f}" for cell in cells))
    print(f"share of a core: filter {passed.filter_share:.1%}, sender and reader {passed.sender_share:.1%}")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=20_000, help="lines a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--inputs", type=int, default=16)
    parser.add_argument("--neurons", type=int, default=16)
    parser.add_argument("--idle", type=float, default=30, help="seconds of silence; 0: leave that out")
    options = parser.parse_args()
    if options.seconds > 0:
        show(through(options.inputs, options.neurons, options.rate, options.seconds), options.rate)
    if options.idle > 0:
        with tempfile.TemporaryDirectory() as folder:
            for name, state in (("idle", None), ("idle, with --state", Path(folder, "chip.h5"))):
                share = idle(options.inputs, options.neurons, options.idle, state)
                print(f"{name}: {share:.2%} of a core")


if __name__ == "__main__":
    main()
