"""Live sources at work: samples a second, and how long each takes from its arrival until it is learned.

::

    python -m benchmarks.live [--inputs 16] [--neurons 16] [--rate 20000] [--seconds 10] [--idle 10]

Another process on the same machine sends. Three tables:

- *as fast as it goes*: samples a second, all learned; TCP only, as UDP would lose them;
- *at a rate*: for each way two times of a sample, by the one clock that both processes share: from the call that sent
  it to its arrival, and from there until the chip has learned from it; the share of one core that the run took;
  datagrams lost;
- *silent*: share of one core that a run takes while nothing comes, with snapshots by the clock.
"""

import argparse
import multiprocessing
import os
import socket
import tempfile
import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import neurosim as ns
from neurosim.online.listener import Batch, Wanted
from neurosim.online.report import Report
from neurosim.streams.live.live import LiveStream

AWAY = 60.0  # seconds of silence after which a run ends anyway
SPAWN = multiprocessing.get_context("spawn")


class Way(NamedTuple):
    """How samples are sent."""

    name: str
    source: str
    format: str | None


WAYS = (
    Way("TCP, lines", "tcp-listen:0", None),
    Way("TCP, f32", "tcp-listen:0", "f32"),
    Way("UDP, lines", "udp:0", None),
    Way("UDP, f32", "udp:0", "f32"),
)


class Clock:
    """Notes when each sample was learned and when it had arrived: a listener of the run."""

    wants = Wanted(False, False, False)

    def __init__(self, stream: LiveStream, most: int) -> None:
        self._stream = stream
        self.numbers, self.arrived = np.zeros(most, np.int64), np.zeros(most, np.int64)
        self.learned, self.count = np.zeros(most, np.int64), 0

    def take(self, batch: Batch) -> None:
        """Note the times of samples, whose numbers are in their first two inputs."""
        now, count, samples = time.monotonic_ns(), len(batch), batch.samples
        where = slice(self.count, self.count + count)
        self.learned[where] = now
        self.arrived[where] = self._stream.arrived(batch.first, count)
        self.numbers[where] = np.rint(samples[:, 0] * 4096) * 4096 + np.rint(samples[:, 1] * 4096)
        self.count += count


def pieces(count: int, inputs: int, format: str | None) -> list[bytes]:  # noqa: A002
    """Return samples as they are sent; their numbers are in the first two inputs."""
    samples = np.random.default_rng(0).random((count, inputs)).astype("<f4")
    samples[:, 0], samples[:, 1] = np.arange(count) // 4096 / 4096, np.arange(count) % 4096 / 4096
    if format is not None:
        return [sample.tobytes() for sample in samples]
    return [(",".join(f"{value:.9g}" for value in sample) + "\n").encode() for sample in samples.tolist()]


def send(way: Way, address: tuple[str, int], count: int, inputs: int, rate: float, path: str) -> None:
    """Send samples: evenly at a rate, or as fast as it goes if that is 0; write when each was sent."""
    data, udp = pieces(count, inputs, way.format), way.name.startswith("UDP")
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
    sender.connect(address)
    sent, begun = np.zeros(count, np.int64), time.monotonic_ns()
    if not rate:
        sender.sendall(b"".join(data))
    else:
        for number, piece in enumerate(data):
            due = begun + int(number / rate * 1e9)
            while (left := due - time.monotonic_ns()) > 0:
                time.sleep(left / 1e9 if left > 200_000 else 0)
            sent[number] = time.monotonic_ns()
            sender.send(piece)
    np.save(path, sent)
    sender.close()


def run(way: Way, count: int, inputs: int, neurons: int, rate: float) -> dict[str, Any]:
    """Learn what another process sends; return the clock, when each sample was sent, and what the run cost."""
    udp = way.name.startswith("UDP")  # which ends by silence; the sender takes a while to begin
    options: dict[str, Any] = {"inputs": inputs, "format": way.format, "idle": 10.0 if udp else AWAY}
    stream = ns.open_stream(way.source, **options)
    assert isinstance(stream, LiveStream)
    chip = ns.Chip([ns.recipes.softhebb(neurons)], inputs=inputs)
    chip.learn(np.full((2, inputs), 0.5, np.float32))  # compiles
    stream.prepare()
    clock = Clock(stream, count)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sent.npy")
        assert stream.transport.address is not None
        arguments = (way, stream.transport.address, count, inputs, rate, path)
        process = SPAWN.Process(target=send, args=arguments)
        process.start()
        begun: list[float] = []

        def watch(_report: Report) -> None:
            if not begun:
                begun.append(time.process_time())

        report = ns.run(chip, stream, listener=clock, watch=watch)
        busy = time.process_time() - begun[0]
        process.join(AWAY)
        sent = np.load(path)
    return {"clock": clock, "sent": sent, "report": report, "busy_s": busy}


def percentiles(nanoseconds: NDArray[np.int64]) -> str:
    """Return the median and the 99th percentile in milliseconds."""
    return " ".join(f"{value / 1e6:9.3f}" for value in np.percentile(nanoseconds, [50, 99]))


def as_fast_as_it_goes(inputs: int, neurons: int, count: int = 200_000) -> None:
    """Print samples a second where the sender does not wait."""
    print(f"as fast as it goes, {count:,} samples of {inputs} numbers, {neurons} neurons")
    for way in WAYS[:2]:
        clock = run(way, count, inputs, neurons, 0)["clock"]
        seconds = (clock.learned[clock.count - 1] - clock.arrived[0]) / 1e9
        print(f"{way.name:>12} {clock.count / seconds:>10,.0f} samples/s")


def at_a_rate(inputs: int, neurons: int, rate: float, seconds: float) -> None:
    """Print the times of samples that are sent evenly."""
    count = int(rate * seconds)
    print(f"at {rate:,.0f} samples/s for {seconds:g} s, milliseconds")
    print(f"{'':>12} {'sent to arrived':>19} {'arrived to learned':>19} {'CPU':>6} {'learned':>10} {'lost':>8}")
    print(f"{'':>12} {'p50':>9} {'p99':>9} {'p50':>9} {'p99':>9}")
    for way in WAYS:
        done = run(way, count, inputs, neurons, rate)
        clock = done["clock"]
        part = slice(0, clock.count)
        travelled = clock.arrived[part] - done["sent"][clock.numbers[part]]
        waited = clock.learned[part] - clock.arrived[part]
        took = (clock.learned[clock.count - 1] - clock.arrived[0]) / 1e9
        lost = done["report"].source["lost"] + done["report"].source["dropped"]
        print(
            f"{way.name:>12} {percentiles(travelled)} {percentiles(waited)} {done['busy_s'] / took:>6.1%} "
            f"{clock.count:>10,} {lost:>8,}"
        )


def silent(inputs: int, neurons: int, seconds: float) -> None:
    """Print what a run costs while nothing comes."""
    stream = ns.open_stream("udp:0", inputs=inputs, format="f32", idle=seconds)
    assert isinstance(stream, LiveStream)
    stream.prepare()
    assert stream.transport.address is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender, tempfile.TemporaryDirectory() as folder:
        sender.sendto(np.full(inputs, 0.5, "<f4").tobytes(), stream.transport.address)
        chip, times = ns.Chip([ns.recipes.softhebb(neurons)], inputs=inputs), list[float]()
        ns.run(
            chip, stream, state=os.path.join(folder, "chip.h5"), snapshot_seconds=1.0,
            watch=lambda _: times.extend((time.process_time(), time.monotonic())),
        )  # fmt: skip
        busy, took = time.process_time() - times[0], time.monotonic() - times[1]
    print(f"silent for {took:.0f} s, with snapshots by the clock: {busy / took:.2%} of a core")


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=16)
    parser.add_argument("--neurons", type=int, default=16)
    parser.add_argument("--rate", type=float, default=20_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--idle", type=float, default=10)
    options = parser.parse_args()
    as_fast_as_it_goes(options.inputs, options.neurons)
    at_a_rate(options.inputs, options.neurons, options.rate, options.seconds)
    silent(options.inputs, options.neurons, options.idle)


if __name__ == "__main__":
    main()
