"""Workers that share keys by a hash: the same everywhere, and together they learn what one process learns."""

import hashlib

import numpy as np
import pytest
import sensors

import neurosim as ns
from neurosim.errors import ConfigError, SampleError
from neurosim.fleet.workers import Worker, worker_of

# From `printf %s KEY | sha256sum`: the first 16 digits, of which the first two are the lowest byte.
VECTORS = {
    "pump-1": "307e6f7921c7aeae", "fan-1": "d410359e511719da", "17": "4523540f1504cd17",
    "Pumpe Süd": "f767441a243601c5", "ключ": "1de36a32af798da0",
}  # fmt: skip


@pytest.mark.parametrize(("key", "digits"), VECTORS.items())
def test_the_hash_is_that_of_the_text(key, digits):
    value = sum(int(digits[2 * place : 2 * place + 2], 16) << (8 * place) for place in range(8))
    for workers in (1, 2, 3, 8, 1000):
        assert worker_of(key, workers) == value % workers


def test_a_whole_number_is_hashed_as_its_text():
    assert [worker_of(key, 97) for key in (17, -3, 0)] == [worker_of(key, 97) for key in ("17", "-3", "0")]


def test_what_is_no_key_is_not_taken_for_one():
    for key in (True, 1.0, None, "", "\ud800"):  # True and 1.0 are equal to 1, and so is what a cache has of them
        with pytest.raises(SampleError, match="a key must be text"):
            worker_of(key, 97)
    assert worker_of(1, 97) == worker_of("1", 97)


def test_keys_are_spread_evenly():
    shares = np.bincount([worker_of(f"sensor-{number}", 8) for number in range(8000)])
    assert len(shares) == 8
    assert abs(shares - 1000).max() < 150  # five standard deviations of a binomial share


def test_a_worker_is_said_by_its_number():
    assert Worker.of("2/8") == Worker(2, 8)
    assert str(Worker(2, 8)) == "2/8"
    owners = [[worker for worker in range(1, 9) if Worker(worker, 8).has(key)] for key in VECTORS]
    assert owners == [[worker_of(key, 8) + 1] for key in VECTORS]


@pytest.mark.parametrize(
    "text", ["", "1", "0/2", "3/2", "-1/2", "1/0", "a/b", "1/2/3", "1.5/2", "\u0661/\u0662", "1/9999999999"]
)
def test_what_is_no_worker(text):
    with pytest.raises(ConfigError, match="worker must be N/M"):
        Worker.of(text)


def test_workers_are_counted_from_one():
    with pytest.raises(ConfigError, match="workers must be a whole number"):
        worker_of("a", 0)


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_workers_together_learn_what_one_process_learns(tmp_path, workers):
    keys, samples = sensors.rows(300, sensors=11)
    sensors.write(tmp_path / "rows.csv", keys, samples)
    found, counts = {}, 0
    for number in range(1, workers + 1):
        fleet = ns.Fleet(sensors.layers(), inputs=sensors.INPUTS)
        stream = ns.open_stream(tmp_path / "rows.csv", key="sensor")
        report = ns.run_fleet(fleet, stream, worker=f"{number}/{workers}", chunk=37)
        assert report.stream_position == 300
        assert report.samples + report.elsewhere == 300
        assert report.samples == sum(hashlib_worker(key, workers) == number - 1 for key in keys)
        assert not found.keys() & set(fleet.keys)
        found, counts = found | sensors.hashes_of(fleet), counts + report.samples
    assert counts == 300
    assert found == sensors.alone(keys, samples)


@pytest.mark.filterwarnings("default")  # of another project's sockets
def test_workers_of_a_cluster_learn_what_one_process_learns(tmp_path):
    distributed = pytest.importorskip("distributed", reason="the extra studies is not installed")
    keys, samples = sensors.rows(200)
    sensors.write(tmp_path / "rows.csv", keys, samples)
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None)
    with cluster, distributed.Client(cluster) as client:
        calls = client.map(learned_by, ["1/2", "2/2"], path=tmp_path, pure=False)
        assert sum(client.gather(calls)) == 200
    found = {}
    for number in (1, 2):
        found |= sensors.hashes_of(ns.Fleet.load(tmp_path / f"fleet{number}.h5"))
    assert found == sensors.alone(keys, samples)


def learned_by(worker, path):
    fleet = ns.Fleet(sensors.layers(), inputs=sensors.INPUTS)
    stream = ns.open_stream(path / "rows.csv", key="sensor")
    return ns.run_fleet(fleet, stream, worker=worker, state=path / f"fleet{worker[0]}.h5").samples


def hashlib_worker(key, workers):
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little") % workers
