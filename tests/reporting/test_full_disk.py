"""Records on a full disk: the process lives, says what is wrong, and leaves what was there before."""

import resource

import counted
import described
import pytest
from ticking import digits, ticking

import neurosim as ns
from neurosim import hardware
from neurosim.hardware.files import record

OLD = b"what was there before"


@pytest.fixture
def full():
    """Let no file grow beyond a few bytes, as on a disk without more space."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("name", ["a.h5", "a.csv", "a.hgrm"])
def test_a_record_of_latencies_is_whole_or_not_there(name, full, tmp_path):
    if name.endswith(".hgrm"):
        pytest.importorskip("hdrh", reason="the extra bench is not installed")
    chip = ns.Chip([ns.recipes.softhebb(9)], inputs=64)
    report = ns.bench(chip, digits(), samples=30, warm_up=2, clock=ticking(500))
    check(full, tmp_path / name, report.save)


def test_a_record_of_costs_is_whole_or_not_there(full, tmp_path):
    counts = counted.counts(counted.layer(counted.dense(0, 10, 3), [4, 2], [[0] * 3] * 2))
    report = hardware.price(counts, hardware.load(described.written(tmp_path)))
    check(full, tmp_path / "a.csv", lambda path: record(report, path))


def check(full, path, write):
    """Write over an old file without space for the new one."""
    path.write_bytes(OLD)
    names = sorted(path.parent.iterdir())
    full()
    with pytest.raises(ns.ConfigError, match="record must be a file that can be written, but: "):
        write(path)
    assert path.read_bytes() == OLD
    assert sorted(path.parent.iterdir()) == names
