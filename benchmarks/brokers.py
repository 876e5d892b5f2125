"""Sources of messages on loopback: samples a second to a chip of 16 inputs and 16 neurons, and what waiting costs.

python -m benchmarks.brokers [--samples N] [--seconds S]

A message is one sample of 16 float32. The sender is a process of its own that sends as quickly as it can; of Kafka the
log is there before (a broker in memory, as in the tests). The rate is that from the first chunk of samples to the last,
and so is the time of a core, of the threads that receive and learn. Then the source is silent, and what the process
needs of a core is measured. Mosquitto must be installed.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import neurosim as ns
from neurosim.online.report import Report

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from mock_kafka import broker
from mosquitto import free_port, mosquitto

INPUTS = 16
ROWS = f"import numpy as np\nrows = np.random.default_rng(0).random(({{count}}, {INPUTS}), np.float32)\n"
ZMQ = """
import zmq
socket = zmq.Context().socket(zmq.PUSH)
socket.connect("tcp://127.0.0.1:{port}")
for row in rows:
    socket.send(row.tobytes())
input()
"""
MQTT = """
import paho.mqtt.client as paho
client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
client.max_inflight_messages_set(1000)
client.connect("127.0.0.1", {port})
client.loop_start()
for number, row in enumerate(rows):
    sent = client.publish("row", row.tobytes(), qos={qos})
    if number % 500 == 499:
        sent.wait_for_publish(30)
input()
"""
LSL = """
import pylsl
outlet = pylsl.StreamOutlet(pylsl.StreamInfo("benchmark{port}", "EEG", 16, 20000, pylsl.cf_float32, "benchmark"))
outlet.wait_for_consumers(30)
for row in rows.tolist():
    outlet.push_sample(row)
input()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=20000)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    print(f"{'source':24}{'samples':>9}{'samples/s':>12}{'us of a core each':>20}{'waiting, % of a core':>22}")
    with ExitStack() as contexts:
        folder = Path(contexts.enter_context(tempfile.TemporaryDirectory()))
        kafka = contexts.enter_context(broker())
        mqtt = contexts.enter_context(mosquitto(folder))
        kafka.topic("rows")
        names: dict[str, object] = {}
        exec(ROWS.format(count=given.samples), names)
        kafka.send("rows", [row.tobytes() for row in names["rows"]])  # type: ignore[attr-defined]
        port = free_port()
        sources = [
            ("kafka", f"kafka:{kafka.server}/rows", ""),
            ("mqtt, QoS 0", f"mqtt:127.0.0.1:{mqtt.port}/row?qos=0", MQTT.format(port=mqtt.port, qos=0)),
            ("mqtt, QoS 1", f"mqtt:127.0.0.1:{mqtt.port}/row?qos=1", MQTT.format(port=mqtt.port, qos=1)),
            ("zmq, PUSH to PULL", f"zmq:tcp://127.0.0.1:{port}?kind=pull&bind=yes", ZMQ.format(port=port)),
            ("lsl", f"lsl:benchmark{port}", LSL.format(port=port)),
        ]
        for name, source, sender in sources:
            measure(name, source, sender, given.samples, given.seconds)


def measure(name: str, source: str, sender: str, samples: int, seconds: float) -> None:
    """Take all samples of a source, wait for none, and print a row."""
    chip, times = ns.Chip([ns.recipes.softhebb(16)], inputs=INPUTS, seed=0), list[float]()
    process = None
    if sender:
        code = ROWS.format(count=samples) + sender
        process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        stream = ns.open_stream(
            source, inputs=INPUTS, format=None if source.startswith("lsl") else "f32", idle=seconds, reconnect=20
        )
        counted = list[int]()

        def note(report: Report) -> None:
            times.append(time.perf_counter())
            counted.append(report.samples)
            spent.append(time.process_time())

        spent = list[float]()
        ns.run(chip, stream, watch=note)
        waiting = (time.process_time() - spent[-1]) / seconds
    finally:
        if process is not None:
            process.kill()
            process.wait()
    count = counted[-1] - counted[0]
    rate, each = count / (times[-1] - times[0]), 1e6 * (spent[-1] - spent[0]) / count
    print(f"{name:24}{counted[-1]:9}{rate:12.0f}{each:20.1f}{100 * waiting:22.1f}", flush=True)


if __name__ == "__main__":
    main()
