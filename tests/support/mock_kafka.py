"""A broker of Kafka on loopback, with which librdkafka's makers test their client: it keeps a log in memory.

It speaks Kafka's protocol, to any client, and is no Kafka: nothing is on disk, and a partition holds 5 MiB.
Run as a program it is a broker in a process of its own, which takes orders as lines on its standard input.
"""

import contextlib
import ctypes
import glob
import select
import subprocess
import sys
from pathlib import Path

import pytest

POINTER, INT, TEXT = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
FUNCTIONS = {
    "rd_kafka_conf_new": (POINTER, ()),
    "rd_kafka_new": (POINTER, (INT, POINTER, TEXT, ctypes.c_size_t)),
    "rd_kafka_mock_cluster_new": (POINTER, (POINTER, INT)),
    "rd_kafka_mock_cluster_bootstraps": (TEXT, (POINTER,)),
    "rd_kafka_mock_topic_create": (INT, (POINTER, TEXT, INT, INT)),
    "rd_kafka_mock_broker_set_down": (INT, (POINTER, ctypes.c_int32)),
    "rd_kafka_mock_broker_set_up": (INT, (POINTER, ctypes.c_int32)),
    "rd_kafka_mock_partition_delete_records": (INT, (POINTER, TEXT, ctypes.c_int32, ctypes.c_int64)),
}
SECONDS = 20  # that any order may take


def library():
    """Return librdkafka as the client's wheel brings it, or None."""
    import confluent_kafka

    beside = Path(confluent_kafka.__file__).parents[1]
    found = glob.glob(str(beside / "confluent_kafka.libs" / "librdkafka*"))
    return ctypes.CDLL(found[0]) if found else None


class Broker:
    """A broker in a process of its own; a context."""

    def __enter__(self):
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid, self.server = self._process.pid, self._answer()
        assert self.server, "the broker did not start"
        return self

    def __exit__(self, *_):
        self._process.kill()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(SECONDS)

    def order(self, *words):
        """Let the broker do something, and wait until it is done."""
        print(*words, file=self._process.stdin, flush=True)
        assert self._answer() == "0"

    def _answer(self):
        assert select.select([self._process.stdout], [], [], SECONDS)[0], "the broker does not answer"
        return self._process.stdout.readline().strip()

    def topic(self, name, partitions=1):
        """Make a topic."""
        self.order("topic", name, partitions)

    def delete(self, topic, partition, before):
        """Delete the messages of a partition before an offset, as a broker does after a while."""
        self.order("delete", topic, partition, before)

    def send(self, topic, values, partitions=1, keys=None):
        """Append messages, one after another, to the partitions in turn."""
        from confluent_kafka import Producer

        faults = []
        producer = Producer({"bootstrap.servers": self.server, "linger.ms": 1})
        for number, value in enumerate(values):
            producer.produce(
                topic, value=value, key=keys[number] if keys else None, partition=number % partitions,
                on_delivery=lambda error, _: error and faults.append(error),
            )  # fmt: skip
            producer.poll(0)
        assert producer.flush(SECONDS) == 0
        assert not faults


@contextlib.contextmanager
def broker():
    """Return a context with a broker; skip the test without one."""
    pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    if library() is None:
        pytest.skip("this confluent-kafka has no librdkafka of its own, whose broker the test needs")
    with Broker() as started:
        yield started


def serve():
    """Be a broker until the standard input ends."""
    lib = library()
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    fault = ctypes.create_string_buffer(512)
    cluster = lib.rd_kafka_mock_cluster_new(lib.rd_kafka_new(0, lib.rd_kafka_conf_new(), fault, 512), 1)
    print(lib.rd_kafka_mock_cluster_bootstraps(cluster).decode(), flush=True)
    for line in sys.stdin:
        order, *rest = line.split()
        if order == "topic":
            result = lib.rd_kafka_mock_topic_create(cluster, rest[0].encode(), int(rest[1]), 1)
        elif order == "delete":
            topic, partition, before = rest
            result = lib.rd_kafka_mock_partition_delete_records(cluster, topic.encode(), int(partition), int(before))
        else:
            change = {"down": lib.rd_kafka_mock_broker_set_down, "up": lib.rd_kafka_mock_broker_set_up}[order]
            result = change(cluster, 1)
        print(result, flush=True)


if __name__ == "__main__":
    serve()
