"""The frame of the GPU's report: what is found is kept, what fails is told, and nothing is wider than it should be."""

import math

import numpy as np
import pytest

from benchmarks.gpu_report import frame, samples


@pytest.fixture
def report(tmp_path):
    return frame.Report(tmp_path / "rows", "a section", 100)


def test_the_last_row_of_a_name_stands_where_the_first_stood(report):
    report.add("one", value=1.0)
    report.add("two", text="second", section="another section")
    report.add("one", value=2.0, low=1.0, high=3.0, unit="us", ratio=(0.5, 0.25, 1.0))
    rows = frame.read(report.path)
    assert [(row.section, row.what, row.value) for row in rows] == [
        ("a section", "one", 2.0), ("another section", "two", None),
    ]  # fmt: skip
    assert rows[0].ratio == [0.5, 0.25, 1.0]
    assert frame.read(report.path.with_name("none")) == []


def test_the_table_has_all_that_rows_tell_within_its_width(report):
    report.add("x" * 60, text="word " * 60, note="why " * 60)
    report.add("time", value=12345.678, low=0.00012, high=1e9, unit="us", ratio=(1.5, 1.25, 200.0))
    shown = frame.table(frame.read(report.path))
    assert max(len(line) for line in shown.splitlines()) <= frame.WIDTH
    assert shown.count("word") == shown.count("why") == 60
    assert all(part in shown for part in ("12,346 us", "0.00012 - 1,000,000,000", "1.50 (1.25-200.00)"))


def test_a_failure_is_a_row_with_its_reason_and_what_is_left_goes_on(report, capsys):
    with report.caught("kernel"):
        raise RuntimeError("first line\nsecond line")
    (row,) = frame.read(report.path)
    assert (row.what, row.text, row.note) == ("kernel", "failed", "RuntimeError: first line")
    assert "Traceback" in capsys.readouterr().err
    with pytest.raises(frame.OutOfTime), report.caught("late"):
        raise frame.OutOfTime


def test_all_take_turns_but_who_fails_and_the_first_round_does_not_count(report, capsys):
    taken = []

    def run(name, fails=math.inf):
        def turn():
            taken.append(name)
            if taken.count(name) > fails:
                raise ValueError("no more")
            return float(len(taken))

        return turn

    times = frame.in_turn({"a": run("a"), "b": run("b", fails=2), "c": run("c")}, 3, report)
    assert taken == ["a", "b", "c"] * 3 + ["a", "c"]
    assert times == {"a": [4.0, 7.0, 10.0], "c": [6.0, 9.0, 11.0]}
    assert [row.what for row in frame.read(report.path)] == ["b"]


def test_no_round_begins_that_the_time_would_not_hold(tmp_path):
    report = frame.Report(tmp_path / "rows", "a section", 1)
    assert frame.in_turn({"a": lambda: 1.0}, 9, report) == {"a": [1.0]}


def test_made_up_digits_are_active_as_real_ones_are(monkeypatch):
    monkeypatch.delenv("NEUROSIM_DATA", raising=False)
    digits, kind = samples.digits(784, 500)
    assert kind == "made up"
    assert digits.dtype == np.float32
    assert digits.shape == (500, 784)
    assert abs((digits != 0).mean() - samples.ACTIVE) < 0.01
    assert digits.min() == 0
    assert np.array_equal(digits, samples.digits(784, 500)[0])
    assert samples.digits(1, 5)[0].shape == (5, 1)


def test_a_dense_sample_s_floor_is_barriers_and_traffic():
    pytest.importorskip("torch", reason="PyTorch is not installed: the report asks it what the machine is")
    from benchmarks.gpu_report import machine

    found = machine.Limits(blocks=100, barrier=1e-6, shared=1e11, memory=1e12)
    inside, why = machine.floor(found, 784, 2000, 100.0)
    assert inside == pytest.approx(2e-6 + 20 * 4 * 100 / 1e11)
    assert "shared memory" in why
    outside, why = machine.floor(found, 3072, 8000, 100.0)
    assert outside == pytest.approx(2e-6 + 8000 * 4 * 100 / 1e12)
    assert "GPU's memory" in why
