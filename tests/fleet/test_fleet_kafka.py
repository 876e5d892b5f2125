"""A topic of Kafka that many sensors share: a key's messages are in one partition, and so in order."""

import json
import random
import subprocess

import pytest
import sensors
from mock_kafka import SECONDS, broker
from processes import COMMAND
from striking import kill

import neurosim as ns
from neurosim.fleet import store as fleets
from neurosim.online.companion import go_on

PARTITIONS = 3


@pytest.fixture(scope="module")
def kafka():
    with broker() as started:
        yield started


def sent(kafka, topic, count, number=9):
    """Send samples of some sensors, each to the partition of its key; return keys and samples."""
    from confluent_kafka import Producer

    kafka.topic(topic, PARTITIONS)
    keys, samples = sensors.rows(count, sensors=number)
    producer = Producer({"bootstrap.servers": kafka.server, "linger.ms": 1})
    for key, sample in zip(keys, samples.tolist(), strict=True):
        text = json.dumps(sample).encode()
        producer.produce(topic, value=text, key=key.encode(), partition=int(key[1:]) % PARTITIONS)
        producer.poll(0)
    assert producer.flush(SECONDS) == 0
    return keys, samples


def opened(kafka, topic):
    return ns.open_stream(f"kafka:{kafka.server}/{topic}", inputs=4, key="@message", idle=20.0)


def fleet():
    return ns.Fleet(sensors.layers(), inputs=4)


def test_every_key_learns_in_its_order_whatever_order_partitions_come_in(kafka, tmp_path):
    keys, samples = sent(kafka, "stopped", 300)
    state, report = tmp_path / "fleet.h5", None

    def watch(now):
        nonlocal report
        report = now

    stream = opened(kafka, "stopped?until=end")
    ns.run_fleet(fleet(), stream, state=state, chunk=1, watch=watch, stop=lambda: report.taken == 117)
    contents, stream = fleets.read(state), opened(kafka, "stopped?until=end")
    go_on(state, contents.beside, stream)
    rest = ns.run_fleet(ns.Fleet.load(state), stream, state=state, position=117)
    assert rest.samples == 183
    assert sensors.hashes_of(ns.Fleet.load(state)) == sensors.alone(keys, samples)


def test_processes_share_partitions(kafka):
    keys, samples = sent(kafka, "shared", 200)
    found = {}
    for partitions in ("0,2", "1"):
        chips = fleet()
        ns.run_fleet(chips, opened(kafka, f"shared?until=end&partitions={partitions}"))
        found |= sensors.hashes_of(chips)
    assert found == sensors.alone(keys, samples)


@pytest.mark.slow
def test_killed_runs_go_on_to_the_same_bits_of_every_key(kafka, tmp_path):
    keys, samples = sent(kafka, "killed", 20_000, number=25)
    source, draw, struck = f"kafka:{kafka.server}/killed?until=end", random.Random(3), 0
    expected = sensors.alone(keys, samples)
    run = [*COMMAND, "stream", source, "--inputs", "4", "--key", "@message", "--neurons", "5", "--json", "--idle", "20"]
    for turn in range(6):
        state = tmp_path / f"fleet{turn}.h5"
        command = [*run, "--snapshot-samples", "300", "--state", str(state)]
        for _ in range(3):
            struck += kill(command, state, draw.randrange(1, 12), draw.uniform(0, 0.1))
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        assert json.loads(done.stdout)["stream_position"] == 20_000
        assert sensors.hashes_of(ns.Fleet.load(state)) == expected
    assert struck > 0
