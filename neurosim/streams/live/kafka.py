"""Kafka: the messages of a topic, read from offsets of its own and never by those that a group has committed.

What was learned and how far it is go into one snapshot, so a run that is killed goes on with the message after the last
one that its state has learned from. Offsets that a broker keeps for a group would be written at another instant.

    The Kafka protocol's guarantees: https://kafka.apache.org/documentation/#semantics
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neurosim.errors import StreamError
from neurosim.outside.files import check_regular
from neurosim.streams.live.live import reader
from neurosim.streams.live.names import hosts_found
from neurosim.streams.live.spelling import choice, host_and_port, package, split_options
from neurosim.streams.live.transport import Ended, Message, Transport
from neurosim.streams.sources import hidden

OPTIONS = {"from": "start", "until": "never", "partitions": "all", "properties": ""}
PORT = 9092
MOST = 4096  # messages that are taken at once
QUEUED = 16384  # KiB of messages that wait within the client
LONGEST_HOLD = 86_400_000  # milliseconds that a run may be held without the client's giving it up: its limit
SILENT = 5.0  # seconds without a message after which the broker is asked whether it is there
PROBE = 2.0  # seconds that it has to answer
LEAVING = 1.0  # seconds that the client has to end; then it ends by itself
OWN = ("bootstrap.servers", "enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset")


class Kafka(Transport):
    """Messages of some partitions of a topic.

    A message has the partition and the offset that the broker gave it, and its key. Within a partition they come in
    order, each once. How partitions take turns is not fixed, and not the same in each run.

    Parameters
    ----------
    servers : sequence of str
        `HOST:PORT` of one broker or several, of which each tells of the others.
    topic : str
    partitions : sequence of int, optional
        Those to read; by default all that there are when it is opened.
    begin : {"start", "end"}
        Where to begin in a partition that was not read before: at the oldest message that is kept, or with the first
        one that comes after it is opened.
    until : {"never", "end"}
        Where to end: nowhere, or at what is the end of each partition when it is opened.
    properties : mapping
        Of librdkafka, in addition: how to authenticate, for one.
    """

    replays = True

    def __init__(
        self,
        servers: Sequence[str],
        topic: str,
        *,
        partitions: Sequence[int] | None = None,
        begin: str = "start",
        until: str = "never",
        properties: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = f"kafka {topic}"
        self._client = package("kafka", "confluent_kafka", "kafka")
        self._servers, self._topic, self._wanted = ",".join(servers), topic, partitions
        self._begin, self._until, self._properties = begin, until, dict(properties or {})
        self._next: dict[int, int] = {}  # offsets of what is to come
        self._began: dict[int, int] = {}  # and of what came first; replaced as a whole, never changed
        self._ends: dict[int, int] = {}  # of partitions that end, and are not there yet
        self._consumer: Any = None
        self._doubtful = False  # whether the broker is still there
        self._fault: Exception | None = None

    def seek(self, positions: Mapping[int, int]) -> None:
        """Go on, when it is opened, at an offset of each partition; at others as from the beginning."""
        self._next, self._began = dict(positions), dict(positions)

    def began(self) -> Mapping[int, int]:
        """Return the offset at which reading begins in each partition, once it is open."""
        return self._began

    def open(self, seconds: float) -> bool:
        """Connect, and find where to begin.

        Raises
        ------
        OSError
            If no broker answers, or none knows the topic or a partition.
        StreamError
            If messages that are to come next are not kept any more, or never were.
        """
        until, self._fault, self._doubtful = time.monotonic() + seconds, None, False
        kafka = self._client
        servers = [server.rpartition(":") for server in self._servers.split(",")]
        found = hosts_found([(host, int(port)) for host, _, port in servers], seconds / 2, self.ended)
        try:
            self._consumer = kafka.Consumer(self._settings(found), logger=_silent())
        except (kafka.KafkaException, ValueError, TypeError) as error:
            raise StreamError(f"properties of kafka must be librdkafka's, but: {_words(error)}") from None
        try:
            places = self._places(until)
            self._consumer.assign(places)
        except kafka.KafkaException as error:
            fault = self._fault
            self.close()
            raise fault or ConnectionError(f"{self._servers}: {_words(error)}") from None
        except Exception:
            self.close()
            raise
        self._heard = time.monotonic()
        return True

    def receive(self, seconds: float) -> Sequence[Message]:
        """Return messages that are there; wait for the first of them.

        Raises
        ------
        Ended
            At the end of all partitions, if it is to end there.
        ConnectionError
            If no broker answers.
        StreamError
            If a message is not kept any more, or the client can never go on.
        """
        if self._fault is not None:  # at once: other partitions may have messages without end
            raise self._fault
        if self._until == "end" and not self._ends:
            raise Ended
        try:
            first = self._consumer.poll(seconds)
            more = self._consumer.consume(MOST, 0) if first is not None else ()
        except self._client.KafkaException as error:  # what was taken just now is read again
            raise ConnectionError(f"{self._servers}: {_words(error)}") from None
        if first is not None:
            self._heard = time.monotonic()
            return [message for each in (first, *more) for message in self._read(each)]
        if self._doubtful or time.monotonic() - self._heard >= SILENT:
            self._probe()
        return ()

    def close(self) -> None:
        """Leave the brokers."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            closing = threading.Thread(target=consumer.close, name="neurosim-kafka", daemon=True)
            closing.start()  # it waits for the client's threads, and one that looks up a broker's name may hang
            closing.join(LEAVING)

    def _settings(self, servers: Sequence[tuple[str, int]]) -> dict[str, Any]:
        """Return the properties of the client: nothing is committed, and no place is chosen for us."""
        places = ",".join(f"{host}:{port}" for host, port in servers)
        own = {
            "bootstrap.servers": places, "enable.auto.commit": False, "enable.auto.offset.store": False,
            "auto.offset.reset": "error", "error_cb": self._note,
        }  # fmt: skip
        usual = {
            "group.id": "neurosim", "queued.max.messages.kbytes": QUEUED, "reconnect.backoff.max.ms": 1000,
            "fetch.wait.max.ms": 100, "enable.partition.eof": self._until == "end",
            "max.poll.interval.ms": LONGEST_HOLD,
        }  # fmt: skip
        return usual | self._properties | own

    def _note(self, error: Any) -> None:
        """Take an error of the client; called within its calls."""
        kafka = self._client.KafkaError
        if error.fatal() or error.code() == kafka._AUTHENTICATION:
            self._fault = StreamError(f"kafka {self._servers} must let us in, but: {error.str()}")
        elif error.code() == kafka._ALL_BROKERS_DOWN:
            self._doubtful = True

    def _places(self, until: float) -> list[Any]:
        """Return where to begin in each partition, as the client has it."""
        found = self._consumer.list_topics(self._topic, timeout=_left(until)).topics[self._topic]
        if found.error is not None:
            raise ConnectionError(f"topic {self._topic} of {self._servers}: {found.error.str()}")
        partitions = sorted(found.partitions) if self._wanted is None else self._wanted
        if not partitions:
            raise ConnectionError(f"topic {self._topic} of {self._servers} has no partition")
        if missing := sorted(set(partitions) - set(found.partitions)):
            raise ConnectionError(f"topic {self._topic} has {len(found.partitions)} partitions, and none {missing[0]}")
        self._ends = {}
        for partition in partitions:
            low, high = self._marks(partition, _left(until))
            offset = self._next.setdefault(partition, low if self._begin == "start" else high)
            self._check_kept(partition, offset, low, high)
            if self._until == "end" and offset < high:
                self._ends[partition] = high
        self._began = self._next | self._began
        return [self._client.TopicPartition(self._topic, each, self._next[each]) for each in partitions]

    def _marks(self, partition: int, seconds: float) -> tuple[int, int]:
        """Return the offset of the oldest message that is kept, and that of the next to come."""
        place = self._client.TopicPartition(self._topic, partition)
        marks = self._consumer.get_watermark_offsets(place, timeout=seconds, cached=False)
        if marks is None:
            raise ConnectionError(f"{self._servers} does not say what partition {partition} of {self._topic} has")
        low, high = marks
        return low, high

    def _check_kept(self, partition: int, offset: int, low: int, high: int) -> None:
        """Refuse to go on where messages between were deleted, or with another topic of the same name."""
        if not low <= offset <= high:
            why = f"of {self._topic} must have the message {offset}, which is the next to learn from"
            advice = "the state goes on with no other; --restart begins anew"
            raise StreamError(f"partition {partition} {why}: it has {low} to before {high}; {advice}")

    def _read(self, message: Any) -> list[Message]:
        """Return a message, if it is one, and note how far it is."""
        partition, offset, error = message.partition(), message.offset(), message.error()
        if error is None:
            if self._until == "end":
                if offset >= self._ends.get(partition, 0):  # came after it was opened
                    return []
                self._pass(partition, offset + 1)
            self._next[partition] = offset + 1
            return [Message(message.value() or b"", partition, offset, key=message.key())]
        kafka = self._client.KafkaError
        if error.code() == kafka._PARTITION_EOF:
            self._pass(partition, offset)
        elif error.code() in (kafka._AUTO_OFFSET_RESET, kafka.OFFSET_OUT_OF_RANGE):
            self._fault = self._fault or self._gone(partition)
        elif error.fatal() or not error.retriable():
            self._fault = self._fault or ConnectionError(f"topic {self._topic} of {self._servers}: {error.str()}")
        return []

    def _gone(self, partition: int) -> Exception:
        """Return the error of a message that the broker has not."""
        try:
            self._check_kept(partition, self._next[partition], *self._marks(partition, PROBE))
        except (StreamError, ConnectionError, self._client.KafkaException) as error:
            return error if isinstance(error, OSError) else ConnectionError(_words(error))
        return ConnectionError(f"partition {partition} of {self._topic} lost its place")

    def _pass(self, partition: int, offset: int) -> None:
        """Note that the next message of a partition has an offset, and whether that is its end."""
        if offset >= self._ends.get(partition, offset + 1):
            del self._ends[partition]

    def _probe(self) -> None:
        """Ask the brokers whether they are there; raise ConnectionError if not."""
        self._doubtful = False
        try:
            self._marks(next(iter(self._next)), PROBE)
        except self._client.KafkaException as error:
            raise ConnectionError(f"{self._servers}: {_words(error)}") from None
        self._heard = time.monotonic()


@reader("kafka")
def kafka(text: str) -> Kafka:
    """Open `kafka:HOST[:PORT][,HOST[:PORT]...]/TOPIC[?OPTIONS]`.

    Raises
    ------
    StreamError
        If it says none.
    ConfigError
        If confluent-kafka is not installed.
    """
    address, options = split_options("kafka", text, OPTIONS)
    hosts, slash, topic = address.partition("/")
    if not slash or not topic:
        raise StreamError(f"address of kafka must be HOST:PORT/TOPIC, got {hidden(address)!r}")
    servers = ["{}:{}".format(*host_and_port("kafka", host, PORT)) for host in hosts.split(",")]
    return Kafka(
        servers, topic, partitions=_partitions(options["partitions"]),
        begin=choice("kafka", options, "from", ("start", "end")),
        until=choice("kafka", options, "until", ("never", "end")), properties=_properties(options["properties"]),
    )  # fmt: skip


def _partitions(text: str) -> list[int] | None:
    """Return the partitions that a list says."""
    if text == "all":
        return None
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() for part in parts) or len(set(parts)) < len(parts):
        raise StreamError(f"partitions of kafka must be all, or whole numbers from 0, once each, got {text}")
    return sorted(map(int, parts))


def _properties(path: str) -> dict[str, str]:
    """Return the properties of a file with a line NAME=VALUE for each; secrets stand there, and in no command."""
    if not path:
        return {}
    check_regular(path, f"properties {path}")
    properties = dict[str, str]()
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except ValueError as error:
        raise StreamError(f"properties {path} must be text in UTF-8, but: {error}") from None
    for number, line in enumerate(lines, 1):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not name or name.startswith("#"):
            continue
        if not equals or name in OWN:
            rule = f"NAME=VALUE, and none of {', '.join(OWN)}"
            raise StreamError(f"lines of properties {path} must be {rule}: line {number} is not")  # it may be secret
        properties[name] = value
    return properties


def _left(until: float) -> float:
    return max(0.1, until - time.monotonic())


def _words(error: Exception) -> str:
    """Return what an error of the client says, without the names of its classes."""
    first = error.args[0] if error.args else error
    return str(first.str() if hasattr(first, "str") else first)


def _silent() -> logging.Logger:
    """Return a logger that says nothing: what matters is raised."""
    logger = logging.getLogger("neurosim.kafka")
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    return logger
