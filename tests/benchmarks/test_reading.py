"""The benchmark of lines and frames: every way reads all samples."""

import pytest

from benchmarks import lines


@pytest.mark.parametrize("labelled", [False, True])
def test_every_way_reads_the_same_samples(monkeypatch, labelled):
    monkeypatch.setattr(lines, "BYTES", 0)
    monkeypatch.setattr(lines, "LINES", 20)
    with lines.ways(3, 4, labelled) as found:
        assert {read() for read in found.values()} == {20}
    assert lines.measured(3, 4, labelled=labelled, rounds=1).keys() == found.keys()
