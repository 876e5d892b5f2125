"""Learn from a topic of Kafka, stop, and go on with the next message: the offset is in the state with the weights.

The broker is one in this process's memory, which the client's library has for tests; a real one has another address.
"""

import json
import random
import subprocess
import sys

from confluent_kafka import Producer

WIDTH, TOPIC = 16, "vibration"

producer = Producer({"bootstrap.servers": "in memory", "test.mock.num.brokers": 1})
broker = next(iter(producer.list_topics(timeout=10).brokers.values()))
source = f"kafka:{broker.host}:{broker.port}/{TOPIC}?until=end"
draw = random.Random(0)


def send(count):
    """Append messages of one sample each to the first partition."""
    for _ in range(count):
        peak = draw.randrange(WIDTH)
        values = [draw.random() + 3 * (abs(i - peak) < 2) for i in range(WIDTH)]
        producer.produce(TOPIC, value=json.dumps({"x": [round(value, 3) for value in values]}), partition=0)
    assert producer.flush(10) == 0


def learn():
    """Run the command, which ends at what is the log's end, and return its summary."""
    options = ["--inputs", str(WIDTH), "--neurons", "12", "--state", "chip.h5", "--json"]
    command = [sys.executable, "-m", "neurosim", "stream", source, *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=250)
    return json.loads(done.stdout)


send(1000)
print(f"{learn()['samples']} messages learned")
send(500)
summary = learn()
print(f"{summary['samples']} more learned: the state is at sample {summary['stream_position']}")
