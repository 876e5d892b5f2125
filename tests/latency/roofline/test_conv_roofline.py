"""The floor of a convolutional layer's stages: counts by hand on a small layer; how fast a machine is is not tested."""

import json

import numpy as np
import pytest
import scipy.linalg  # noqa: F401  loads the BLAS whose threads are limited here
from counting_machine import Counting
from threadpoolctl import threadpool_limits
from ticking import digits, ticking

import neurosim as ns
from neurosim.engine.conv import layer as at_work
from neurosim.engine.conv.layer import Marked
from neurosim.kernels.conv import layout, powers
from neurosim.latency.roofline import bandwidth
from neurosim.latency.roofline.conv_roofline import durations
from neurosim.latency.roofline.conv_work import SOFTMAX, STAGES, covered, products, work
from neurosim.latency.roofline.products import Product, product_rate
from neurosim.reporting.units import many

SHAPE = (3, 12, 11)
COUNTS = ("events", "places", "written")


@pytest.fixture(autouse=True)
def small_machine(monkeypatch):
    """Make caches small and measurements short: what they come to is not tested."""
    monkeypatch.setattr(bandwidth, "caches", lambda: ({1: 4 << 10, 2: 16 << 10}, False))
    monkeypatch.setattr(bandwidth, "MOVED", 1 << 16)


def layer_of(neurons, **constants):
    soft = ns.SoftWTA(temperature=0.5, signed=True)
    plain = {"kernel": 3, "padding": 1, "competition": soft, "rule": ns.SoftHebb(rate=0.1)}
    return ns.ConvWTA(neurons, **(plain | constants))


def images(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, *SHAPE)).astype(np.float32)


CHIPS = {
    "dense": layer_of(37, pool=ns.MeanPool(size=2, stride=2)),
    "events": layer_of(60, cutoff=0.1, pool=ns.MaxPool(size=3, stride=2, padding=1)),
    "gram": layer_of(300, kernel=9, padding=0),
    "window": layer_of(33, window=3, normalise="window", step="largest"),
    "kept": layer_of(33, window=2, normalise="sample", cutoff=0.1),
    "warm": layer_of(20, normalise="none", warm_up=3, competition=ns.HardWTA(), transmit=ns.ReLU()),
}  # fmt: skip
LEARNING = {
    "dense": {"propose", "product", "write"}, "events": {"propose", "write"}, "gram": {"propose", "norms", "write"},
    "window": {"recall", "propose", "product", "write"}, "kept": {"recall", "propose", "write"},
    "warm": {"propose", "product", "write"},
}  # fmt: skip


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("learning", [True, False])
@pytest.mark.parametrize("name", CHIPS)
def test_the_clock_between_stages_changes_no_bit(name, learning, threads, monkeypatch):
    monkeypatch.setattr(at_work, "WORTH_A_TEAM", 0)
    marked, plain = (ns.Chip([CHIPS[name]], inputs=SHAPE) for _ in range(2))
    (layer,) = marked.layers
    room, seen = layer.results(1, 1, 1), set()
    with threadpool_limits(threads, user_api="blas"):
        take = layer.marking(layer.scratch(), room)
        for x in images(7):
            before = layer.state.synapses * layer.state.scales[:, None]
            writes, updates = layer.writes, layer.updates
            found = take(x.reshape(1, -1), learning, 0)
            response = (plain.learn_one if learning else plain.respond_one)(x)
            assert room.outputs.tobytes() == response.output.tobytes()
            assert room.responses[0].tobytes() == layer_responses(response).tobytes()
            times = durations(found.moments)
            assert found.moments[0] > 0
            assert times.max() > 0
            assert np.maximum(times, 0).sum() <= found.call
            assert found.threads == min(threads, layer._most)
            now = {stage for stage, time in zip(STAGES, times, strict=True) if time >= 0}
            assert now >= set(STAGES[:5])
            seen |= now
            if layer.updates > updates:
                after = layer.state.synapses * layer.state.scales[:, None]
                changed = (np.abs(after - before) > 1e-6 * np.abs(before)).any(axis=1)
                assert found.events == layer.writes - writes
                assert changed.sum() <= found.written <= layer.constants.neurons
                assert 0 < found.places <= layer.positions * layer.constants.window
            else:
                assert [getattr(found, count) for count in COUNTS] == [0, 0, 0]
    assert marked.state_sha256 == plain.state_sha256
    assert seen == set(STAGES[:5]) | (LEARNING[name] if learning else set())


def layer_responses(response):
    """Return responses (neurons, rows, columns) as (positions, neurons)."""
    responses = np.asarray(response.responses)
    return np.ascontiguousarray(responses.reshape(len(responses), -1).T)


def test_stages_are_those_of_the_kernel():
    assert len(STAGES) + 1 == layout.MOMENTS
    assert durations(np.array([5, 6, 8, 8, 12, 13, 0, 20, 0, 21, 22])).tolist() == [1, 2, 0, 4, 1, -1, 7, -1, 1, 1]


def told(events=0, places=0, written=0, product=0, norms=0, learned=1):
    moments = np.array([1, 1, 1, 1, 1, 1, 0, 1, product, norms, learned])
    return Marked(moments, 9, 1, events, places, written)


def test_what_a_tiny_layer_must_do_counted_by_hand():
    pool = ns.MaxPool(size=2, stride=3)
    (layer,) = ns.Chip([layer_of(10, kernel=2, padding=0, pool=pool)], inputs=(2, 6, 5)).layers
    # Images of 60 numbers; 5 x 4 = 20 positions of 2 x 2 x 2 = 8 numbers; squares of 2 x 2 positions, from the rows 0
    # and 3 and the column 0: 4 rows, 2 columns are looked at.
    assert (layer.positions, layer.outputs, covered(layer)) == (20, 20, 8)
    done = work(layer, True, told(events=30, places=12, written=7))
    assert done == {
        "normalise": (0, 2 * 60 * 4, 60 * 5),
        "patches": (0, 4 * (60 + 160), 0),
        "integrate": (4 * 80, 4 * (160 + 200), 2 * 20 * 8 * 10),
        "compete": (0, 4 * 400, 200 * (1 + SOFTMAX)),
        "transmit": (0, 4 * (80 + 20), 80),
        "propose": (0, 4 * (200 + 30 + 30), 60),
        "write": (2 * 4 * 7 * 8, 4 * 12 * 8, 2 * 30 * 8),
    }
    apart = work(layer, True, told(events=200, places=20, written=7, product=1))
    assert apart["propose"] == (0, 4 * 600, 400)
    assert apart["product"] == (0, 4 * (160 + 200 + 80), 2 * 20 * 8 * 10)
    assert apart["write"] == (2 * 4 * 7 * 8, 4 * 7 * 8, 7 * 8)
    in_place = work(layer, True, told(events=200, places=20, written=7, norms=1))
    assert in_place["norms"] == (0, 4 * (160 + 200), 20 * 21 * 8 + 2 * 20 * 20 * 10)
    assert in_place["write"] == (2 * 4 * 7 * 8, 4 * (160 + 200), 2 * 20 * 8 * 10)
    only = work(layer, False, told(learned=0))
    assert list(only) == list(STAGES[:5])
    assert only["normalise"].operations == 60 * 4  # nobody follows the mean
    assert products(layer) == {
        "integrate": (Product(20, 8, 10, turned_b=True),), "product": (Product(10, 20, 8, turned_a=True),),
        "norms": (Product(20, 8, 20, turned_b=True), Product(20, 20, 10)),
        "write": (Product(10, 20, 8, turned_a=True),),
    }  # fmt: skip


@pytest.mark.parametrize(("constants", "normalise", "compete", "transmit"), [
    ({"normalise": "none"}, 2, 1 + SOFTMAX, 1),
    ({"normalise": "layer", "transmit": ns.ReLU()}, 5, SOFTMAX, 0),
    ({"transmit": ns.Identity(), "competition": ns.HardWTA()}, 4, 0, 0),
    ({"transmit": ns.Identity(), "activation": ns.Triangle(power=2)}, 4, 2 + SOFTMAX, 0),
])  # fmt: skip
def test_what_is_not_done_is_not_counted(constants, normalise, compete, transmit):
    (layer,) = ns.Chip([layer_of(7, **constants)], inputs=SHAPE).layers
    done = work(layer, False, told(learned=0))
    assert done["normalise"].operations == normalise * layer.inputs
    assert done["compete"].operations == compete * layer.responses
    assert done["transmit"].operations == transmit * layer.responses


def test_a_softmax_has_as_many_operations_as_are_counted(monkeypatch):
    class Plain:
        """NumPy without its own arithmetic."""

        float32 = Counting

        class int32:  # noqa: N801
            def __init__(self, x):
                self.bits = np.int32(float(x))

            def view(self, _kind):
                return Counting(self.bits.view(np.float32))

    names = ("LOG2_E", "HALF", "ONE", "LN2_HIGH", "LN2_MIDDLE", "LN2_LOW", "BIAS", "EXPONENT")
    for name in (*names, *(f"E{power}" for power in range(3, 10))):
        monkeypatch.setattr(powers, name, Counting(getattr(powers, name)))
    monkeypatch.setattr(powers, "np", Plain)
    monkeypatch.setattr(powers, "floor_of", lambda x: Counting(np.floor(float(x))))  # an instruction, but no operation
    Counting.done = 0
    assert float(powers.exponential(Counting(-1.5))) == pytest.approx(np.exp(-1.5), rel=1e-6)
    assert Counting.done + 4 == SOFTMAX


def test_the_rate_of_products_is_their_operations_over_their_time(monkeypatch):
    both = (Product(3, 4, 5, turned_b=True), Product(2, 6, 3, turned_a=True))
    assert product_rate(both, ticking(1000)) == pytest.approx((2 * 60 + 2 * 36) / 2e-6)
    monkeypatch.setattr("neurosim.latency.roofline.products.largest_array", lambda: 4 * 19)
    assert product_rate(both, ticking(1000)) == np.inf


def test_no_array_is_copied_to_be_multiplied(monkeypatch):
    given = []

    def multiply(alpha, a, b, beta, c, *, trans_a, trans_b, overwrite_c):
        turned = (a.T if trans_a else a) @ (b.T if trans_b else b)
        assert all(array.flags.f_contiguous for array in (a, b, c))
        assert turned.shape == c.shape
        given.append(c.shape)

    monkeypatch.setattr("scipy.linalg.blas.sgemm", multiply)
    for turned in ((False, False), (False, True), (True, False), (True, True)):
        product_rate((Product(3, 4, 5, *turned),), ticking(10))
    assert set(given) == {(3, 5), (5, 3)}


def test_the_stages_are_those_of_the_run():
    layers = [layer_of(9, padding=0), layer_of(5, cutoff=0.1)]
    chip, plain = (ns.Chip([*layers, ns.recipes.softhebb(7, initial="normal")], inputs=(1, 8, 8)) for _ in range(2))
    report = ns.bench(chip, digits(), samples=30, warm_up=0, roofline=True)
    samples = [x.reshape(1, 8, 8) for x in next(iter(digits().blocks())).samples[:31]]
    for x in (*samples, *samples[1:]):
        plain.learn_one(x)
    assert chip.state_sha256 == plain.state_sha256
    found = json.loads(json.dumps(report.summary(), allow_nan=False))["roofline"]
    first, second, third = found["layers"]
    assert first["written_by"] == {"apart": 30}
    assert set(second["written_by"]) <= {"apart", "events"}
    assert list(first["stages"]) == [*STAGES[:5], "propose", "product", "write"]
    assert third["threads"] == 1
    for layer in (first, second):
        for stage in layer["stages"].values():
            assert stage["floor_s"] > 0
            assert stage["measured_over_floor"] == pytest.approx(stage["measured_s"] / stage["floor_s"])
            assert stage["random_rows_floor_s"] is None
    assert first["stages"]["integrate"]["operations"] == 2 * 36 * 9 * 9
    assert "carried by one thread; 30 samples" in report.table()


def test_a_window_learns_at_its_end_and_medians_are_of_those_samples():
    chip = ns.Chip([layer_of(5, window=4)], inputs=(1, 8, 8))
    report = ns.bench(chip, digits(), samples=9, warm_up=2, roofline=True)
    (layer,) = report.summary()["roofline"]["layers"]
    # 3 samples before, 9 measured, then 9 once more: of the numbers 13 to 21, the window ends at 16 and 20.
    assert layer["learned_windows"] == layer["stages"]["write"]["samples"] == layer["stages"]["recall"]["samples"] == 2
    assert layer["events_mean"] == 4 * 64 * 5
    assert layer["stages"]["recall"]["floor_s"] is layer["stages"]["recall"]["operations"] is None
    assert layer["stages"]["product"]["operations"] == 2 * 4 * 64 * 9 * 5
    shown = report.table()
    assert "a window of 4, written by a product apart 2" in shown
    assert "recall, propose, product, write: in some samples only" in shown


def test_who_only_responds_does_not_learn():
    chip = ns.Chip([layer_of(5)], inputs=(1, 8, 8))
    before = chip.state_sha256
    report = ns.bench(chip, digits(), learning=False, samples=5, warm_up=0, roofline=True)
    assert chip.state_sha256 == before
    (layer,) = report.summary()["roofline"]["layers"]
    assert list(layer["stages"]) == list(STAGES[:5])
    assert layer["events_mean"] is layer["written_neurons_mean"] is None
    assert "learning  " not in report.table().split("layer 1")[1]


def test_many_things_fit_a_column():
    assert [many(count) for count in (None, 0, 999_999_999, 1_698_693_120)] == ["-", "0", "999,999,999", "1,699 M"]


def test_a_team_is_told(monkeypatch):
    monkeypatch.setattr(at_work, "WORTH_A_TEAM", 0)
    with threadpool_limits(2, user_api="blas"):
        report = ns.bench(ns.Chip([layer_of(64)], inputs=(1, 8, 8)), digits(), samples=5, warm_up=0, roofline=True)
    assert report.summary()["roofline"]["layers"][0]["threads"] == 2
    assert "carried by 2 threads" in report.table()


def test_what_diverges_under_the_clock_is_an_error():
    (layer,) = ns.Chip([layer_of(5)], inputs=SHAPE).layers
    take = layer.marking(layer.scratch(), layer.results(1, 1, 1))
    with pytest.raises(ns.SampleError, match="sample 7, input 3 of layer 1 must be finite, got nan"):
        take(np.where(np.arange(396) == 3, np.nan, 0).astype(np.float32)[None], True, 7)
