"""The floor of a stage: counts by hand on small chips; nothing here depends on how fast the machine is."""

import json

import numpy as np
import pytest
from counting_machine import Counting
from hypothesis import given, settings
from hypothesis import strategies as st
from on_chip import make_layer
from ticking import digits, ticking

import neurosim as ns
from neurosim.engine.runner import LayerRunner
from neurosim.engine.samples import Samples
from neurosim.kernels.shared import softmax
from neurosim.latency.roofline import bandwidth, roofline
from neurosim.latency.roofline.bandwidth import Rates
from neurosim.latency.roofline.work import SOFTMAX, STAGES, lines, work

SMALL = {1: 4 << 10, 2: 16 << 10}


@pytest.fixture(autouse=True)
def small_machine(monkeypatch):
    """Make caches small and measurements short: what they come to is not tested."""
    monkeypatch.setattr(bandwidth, "caches", lambda: (SMALL, False))
    monkeypatch.setattr(bandwidth, "MOVED", 1 << 16)
    monkeypatch.setattr(roofline, "MOST", 1 << 16)


@settings(deadline=None)
@given(st.data())
def test_lines_are_those_that_hold_the_numbers(data):
    first, width, height = (data.draw(st.integers(*ends)) for ends in ((0, 15), (1, 70), (1, 12)))
    rows, columns = (
        np.array(sorted(data.draw(st.sets(st.integers(0, size - 1)))), np.int64) for size in (height, width)
    )
    touched = {(first + row * width + column) // 16 for row in rows.tolist() for column in columns.tolist()}
    assert lines(first, width, rows, columns) == len(touched)


def test_what_a_tiny_layer_must_do_counted_by_hand():
    layer = ns.Chip([make_layer(40, transmit=("triangle", {"power": 2}))], inputs=6).layers[0]
    space = np.zeros(6 * 40 + 16, np.float32)
    start = -space.ctypes.data % 64 // 4
    vars(layer)["state"] = layer.state._replace(synapses=space[start : start + 240].reshape(6, 40))
    done = dict(zip(STAGES, work(layer, np.array([0, 2, 3]), np.array([1, 2, 20])), strict=True))
    # Rows of 40 numbers, 16 in a line. Row 0 lies in the lines 0 to 2, row 2 in 5 to 7 (numbers 80 to 119), row 3 in
    # 7 to 9 (120 to 159): line 7 is shared, 8 lines. Neurons 1, 2 and 20 of row 0: lines 0 and 1; of row 2: 5 and 6
    # (81, 82 and 100); of row 3: 7 and 8 (121, 122 and 140): 6 lines, read and written.
    assert done["gather"] == (0, 6 * 4 + 3 * 4 + 3 * 4, 6)
    assert done["integrate"] == (8 * 64, 40 * 4, 3 * 40 * 2 + 40)
    assert done["compete"] == (0, 2 * 40 * 4, 40 * SOFTMAX)
    assert done["transmit"] == (0, 2 * 40 * 4, 40 * 3)  # the mean, the difference, the square
    assert done["learn"] == (2 * 6 * 64, 40 * 4, 2 * 3 * 3)


def counted(name):
    def operation(self, other):
        Counting.done += 1
        return Counting(getattr(float, name)(self, float(other)))

    return operation


for operation in ("__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__"):
    setattr(Counting, operation, counted(operation))


def test_a_softmax_has_as_many_operations_as_are_counted(monkeypatch):
    # The exponential of the compiled loop, as Python, on numbers that count; then what is done around it.
    class Plain:
        """NumPy without its own arithmetic."""

        float32, int32 = np.float32, np.int32

    for name in ("LOG2_E", "HALF", "ONE", "LN2_HIGH", "LN2_MIDDLE", "LN2_LOW", "THIRD", "QUARTER", "FIFTH", "SIXTH",
                 "SEVENTH", "EIGHTH", "NINTH", "TENTH"):  # fmt: skip
        monkeypatch.setattr(softmax, name, Counting(getattr(softmax, name)))
    monkeypatch.setattr(softmax, "np", Plain)
    monkeypatch.setattr(softmax, "floor_of", lambda x: Counting(np.floor(float(x))))  # an instruction, but no operation
    Counting.done = 0
    assert float(softmax.decaying_exponential(Counting(-1.5))) == pytest.approx(np.exp(-1.5), rel=1e-6)
    assert Counting.done + 4 == SOFTMAX


def test_a_floor_is_the_longest_of_three_and_all_are_medians():
    done = np.array([[100, 10, 0], [300, 10, 0], [200, 10, 900]], np.float64)
    found = roofline.stage_account(done, np.array([40, 90, 60]), (10e9, 100e9, 1e9))
    # Nanoseconds of the three samples: 10, 30 and 900; the operations of the third are the longest of all.
    assert found == {
        "synapse_bytes": 200, "vector_bytes": 10, "operations": 0, "floor_s": pytest.approx(30e-9),
        "bound_by": "synapses", "measured_s": 60e-9, "measured_over_floor": pytest.approx(2),
    }  # fmt: skip


def test_what_must_do_nothing_has_no_ratio():
    found = roofline.stage_account(np.zeros((3, 3)), np.array([4, 5, 6]), (np.inf, 1e9, 1e9))
    assert (found["floor_s"], found["measured_over_floor"], found["bound_by"]) == (0, None, None)
    found = roofline.stage_account(None, np.array([4, 5, 6]), (1e9, 1e9, 1e9))
    assert found["synapse_bytes"] is found["floor_s"] is found["measured_over_floor"] is None
    assert found["measured_s"] == 5e-9


def test_rates_are_bytes_and_operations_over_the_time_they_took():
    clock = ticking(1000)  # each work takes a microsecond
    moved = 1 << 16
    assert bandwidth.level_rates(4096, clock) == pytest.approx(Rates(moved / 1e-6, 2 * moved / 1e-6))
    assert bandwidth.row_rates(3, 2, np.array([2, 0]), clock) == pytest.approx(Rates(moved / 1e-6, 2 * moved / 1e-6))
    assert bandwidth.operation_rate(clock) == pytest.approx(1024 * 200 * 16 / 1e-6)


def test_caches_are_read_or_assumed(monkeypatch, tmp_path):
    monkeypatch.undo()
    for place, (level, kind, size) in enumerate([(1, "Data", "48K"), (1, "Instruction", "32K"), (2, "Unified", "2M")]):
        (tmp_path / f"index{place}").mkdir()
        for name, text in (("level", level), ("type", kind), ("size", size)):
            (tmp_path / f"index{place}" / name).write_text(f"{text}\n")
    monkeypatch.setattr(bandwidth, "CACHES", tmp_path)
    assert bandwidth.caches() == ({1: 48 << 10, 2: 2 << 20}, False)
    assert bandwidth.working_sets({1: 1 << 10, 2: 1 << 14}) == {"L1": 1 << 9, "L2": 1 << 12, "memory": 1 << 15}
    monkeypatch.setattr(bandwidth, "CACHES", tmp_path / "none")
    assert bandwidth.caches() == (bandwidth.ASSUMED, True)


def test_an_array_that_is_too_large_is_not_made(monkeypatch):
    monkeypatch.setattr(bandwidth, "largest_array", lambda: 20 << 10)
    levels = bandwidth.machine_rates(ticking(10), lambda: False)["levels"]
    assert [level["read_bytes_per_s"] is None for level in levels.values()] == [False, False, True]
    assert [level["working_set_bytes"] for level in levels.values()] == [2 << 10, 8 << 10, 32 << 10]


CHIPS = {
    "soft": {}, "winners": {"kind": "k", "winners": 3}, "hard": {"kind": "hard"}, "cut": {"cutoff": 0.1},
    "gated": {"kind": "gate", "share": 0.25}, "window": {"window": 3}, "renormalised": {"renormalise": True},
    "biased": {"bias": ("conscience", {}), "activation": ("relu", {})}, "eligible": {"eligibility": 0.5},
}  # fmt: skip


@pytest.mark.parametrize("learning", [True, False])
@pytest.mark.parametrize("name", CHIPS)
def test_the_clock_between_stages_changes_no_bit(name, learning, samples):
    marked, plain = (ns.Chip([make_layer(12, rate=0.01, **CHIPS[name])], inputs=64) for _ in range(2))
    (layer,) = marked.layers
    runner = LayerRunner(layer, 1, marking=True)
    for x in (*samples[:40], 0 * samples[0], samples[40]):
        before, writes = layer.state.synapses.copy(), layer.writes
        sample = Samples(x[None] - np.float32(0.5) * (name == "hard"))
        _, (moments, written) = roofline.marking_run(layer, runner, sample, learning, 0)
        room = runner.results
        response = (plain.learn_one if learning else plain.respond_one)(x - np.float32(0.5) * (name == "hard"))
        for ours, theirs in ((room.potentials, response.potentials), (room.responses, response.responses),
                             (room.outputs, response.output)):  # fmt: skip
            assert ours.tobytes() == theirs.tobytes()
        begun = moments[:-1] if moments[-1] == 0 else moments
        assert (np.diff(begun) >= 0).all()
        assert begun[0] > 0
        if name in ("soft", "cut", "winners", "hard"):
            assert len(written) == layer.writes - writes
        if name not in ("window", "eligible"):
            assert set(np.flatnonzero((layer.state.synapses != before).any(axis=0))) <= set(written.tolist())
    assert marked.state_sha256 == plain.state_sha256
    assert (layer.samples == 42) == learning


def test_the_stages_are_those_of_the_run(make_chip, samples):
    chip, plain = make_chip(12, 5), make_chip(12, 5)
    report = ns.bench(chip, digits(), samples=30, warm_up=0, roofline=True)
    for x in (*samples[:31], *samples[1:31]):
        plain.learn_one(x)
    assert chip.state_sha256 == plain.state_sha256
    found = report.summary()["roofline"]
    assert found["samples"] == 30
    assert found["layers"][0]["active_inputs_mean"] == np.mean([np.count_nonzero(x) for x in samples[1:31]])
    for layer in found["layers"]:
        assert list(layer["stages"]) == list(STAGES)
        for stage in layer["stages"].values():
            assert stage["measured_s"] >= 0
            assert stage["floor_s"] > 0
            assert stage["measured_over_floor"] == pytest.approx(stage["measured_s"] / stage["floor_s"])
    assert found["layers"][0]["stages"]["integrate"]["operations"] == np.median(
        [2 * 12 * np.count_nonzero(x) + 12 for x in samples[1:31]]
    )


def test_who_only_responds_does_not_learn(make_chip):
    chip = make_chip(12)
    before = chip.state_sha256
    found = ns.bench(chip, digits(), learning=False, samples=10, roofline=True).summary()["roofline"]
    assert chip.state_sha256 == before
    (layer,) = found["layers"]
    assert list(layer["stages"]) == list(STAGES[:-1])
    assert layer["written_neurons_mean"] is None


@pytest.mark.parametrize("name", ["window", "eligible"])
def test_learning_that_is_not_counted_has_a_time_and_no_floor(name):
    chip = ns.Chip([make_layer(12, rate=0.01, **CHIPS[name])], inputs=64)
    report = ns.bench(chip, digits(), samples=10, roofline=True)
    (layer,) = report.summary()["roofline"]["layers"]
    learn = layer["stages"]["learn"]
    assert learn["floor_s"] is learn["operations"] is layer["written_neurons_mean"] is None
    assert "learn" in report.table()


def test_without_active_inputs_there_is_a_floor_all_the_same(make_chip):
    stream = ns.streams.ArrayStream(np.zeros((20, 64), np.float32), name="dark")
    report = ns.bench(make_chip(12), stream, warm_up=0, roofline=True)
    (layer,) = json.loads(json.dumps(report.summary(), allow_nan=False))["roofline"]["layers"]
    assert layer["rows_read_bytes_per_s"] is None
    assert layer["stages"]["integrate"]["synapse_bytes"] == 0
    assert report.table().count("\n") > 25


def test_a_stop_keeps_what_was_found(make_chip):
    chip = make_chip(3)
    report = ns.bench(chip, digits(), samples=20, warm_up=0, roofline=True, stop=lambda: chip.samples == 31)
    summary = report.summary()
    assert (summary["interrupted"], summary["roofline"]["samples"]) == (True, 10)
    assert summary["roofline"]["machine"]["levels"]["L1"]["read_bytes_per_s"] is None
    report.table()
    chip = make_chip(3)
    report = ns.bench(chip, digits(), samples=20, warm_up=0, roofline=True, stop=lambda: chip.samples == 21)
    assert (report.summary()["interrupted"], report.summary()["roofline"]) == (True, None)
