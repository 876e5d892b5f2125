"""Chips of images on a simulated device: what the host does; the kernel itself is in `test_conv_cuda.py`."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from thinned import few_of
from whole_grid import whole_grid

import neurosim as ns
from neurosim.cli import main
from neurosim.engine.cuda import device

SHAPE = (2, 6, 6)
LAYERS = [
    ns.ConvWTA(5, kernel=3, padding=1, competition=ns.SoftWTA(temperature=1.0, signed=True),
               rule=ns.SoftHebb(rate=0.02), radius=2.0, pool=ns.MaxPool(size=2, stride=2)),
    ns.ConvWTA(4, kernel=2, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=0.02), radius=2.0, window=2),
    ns.recipes.softhebb(6),
]  # fmt: skip


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    if device.simulated():
        monkeypatch.setattr("neurosim.engine.cuda.conv.THREADS", 8)
        monkeypatch.setattr("neurosim.engine.cuda.dense.THREADS", 8)


def images(count):
    return np.random.default_rng(0).normal(size=(count, *SHAPE)).astype(np.float32)


def close(actual, desired):
    np.testing.assert_allclose(actual, desired, rtol=1e-4, atol=1e-5 * max(1, np.abs(desired).max()))


@pytest.mark.slow
def test_a_deep_chip_learns_what_it_learns_on_the_cpu(tmp_path):
    X = images(5)
    with whole_grid():
        cpu, cuda = (ns.Chip(LAYERS, inputs=SHAPE, device=where).learn(X, chunk=2) for where in ("cpu", "cuda"))
        for one, other in zip(cpu.layers, cuda.layers, strict=True):
            close(other.weights, one.weights)
            assert (other.samples, other.writes, other.updates) == (one.samples, one.writes, one.updates)
            np.testing.assert_array_equal(other.wins, one.wins)
        close(cuda.respond(X).potentials, cpu.respond(X).potentials)
        close(cuda.layers[0].neurons()["norm"], cpu.layers[0].neurons()["norm"])
        single = ns.Chip(LAYERS, inputs=SHAPE, device="cuda")
        for x in X:
            single.learn_one(x)
        assert single.state_sha256 == cuda.state_sha256
        cuda.save(tmp_path / "chip.h5")
        assert ns.Chip.load(tmp_path / "chip.h5", device="cuda").state_sha256 == cuda.state_sha256
        assert "share every stage" in cuda.layers[0].placement


@pytest.mark.slow
def test_records_fall_due_within_a_chunk(monkeypatch):
    monkeypatch.setattr("neurosim.instruments.FIRST_INTERVAL", 2)
    X = images(5)
    with whole_grid():
        cpu, cuda = (ns.Chip(LAYERS[:1], inputs=SHAPE, device=where).learn(X, chunk=5) for where in ("cpu", "cuda"))
        sent = cuda.respond(X).output
    assert list(cuda.layers[0].records["sample"]) == [2, 4]
    close(sent, cpu.respond(X).output)
    np.testing.assert_array_equal(cuda.layers[0].wins, cpu.layers[0].wins)


@pytest.mark.slow
def test_windows_are_answered_at_their_end_where_records_cut_them(monkeypatch):
    monkeypatch.setattr("neurosim.instruments.FIRST_INTERVAL", 3)
    published = {"window": 2, "normalise": "window", "answers": "window", "momentum": 0.1, "step": "largest"}
    made = [replace(LAYERS[0], **published), replace(LAYERS[1], **published, pre_triangle=True), LAYERS[2]]
    X = images(6)
    with whole_grid():
        cpu, cuda = (ns.Chip(made, inputs=SHAPE, device=where).learn(X, chunk=4) for where in ("cpu", "cuda"))
    for one, other in zip(cpu.layers, cuda.layers, strict=True):
        close(other.weights, one.weights)
        assert (other.samples, other.updates) == (one.samples, one.updates)
    close(cuda.layers[1].state.variances, cpu.layers[1].state.variances)


@ns.rule
def tempered(response, potential, norm, rate=0.2, ceiling=0.5):
    """A rule of one's own."""
    growth = rate * min(response, ceiling) / (1 + norm)
    return 1 - growth * potential, growth


@pytest.mark.parametrize("rule", few_of([
    ns.SoftHebb(rate=ns.LinearRate(0.1, samples=4)), ns.SoftHebb(rate=ns.ExponentialRate(0.1, last=0.01, samples=4)),
    ns.SoftHebb(rate=ns.WinCountRate(0.1)), tempered(rate=0.3),
]), ids=["linear", "exponential", "by wins", "own rule"])  # fmt: skip
def test_schedules_and_rules_of_one_s_own(rule):
    layer = ns.ConvWTA(4, kernel=3, competition=ns.SoftWTA(temperature=1.0), rule=rule, radius=2.0)
    X = images(3)
    with whole_grid(blocks=2):
        cpu, cuda = (ns.Chip([layer], inputs=SHAPE, device=where).learn(X) for where in ("cpu", "cuda"))
    assert np.abs(cpu.layers[0].weights - cpu.layers[0].first_weights).max() > 1e-3
    close(cuda.layers[0].weights, cpu.layers[0].weights)


@pytest.mark.parametrize("place", [0, 3])
def test_an_image_that_is_refused_stops_both_at_the_same_place(place):
    X = images(5)
    X[place, 0, 2, 2] = np.nan
    told = []
    with whole_grid():
        for where in ("cpu", "cuda"):
            chip = ns.Chip(LAYERS[:1], inputs=SHAPE, device=where)
            with pytest.raises(ns.SampleError) as caught:
                chip.learn(X)
            told.append((str(caught.value), chip.samples))
    assert told[0] == told[1]
    assert told[0][1] == place


def test_a_device_without_the_memory(monkeypatch):
    monkeypatch.setattr(device, "find", lambda: device.Properties("small", 0, device.SHARED_BYTES, 1e3))
    chip = ns.Chip(LAYERS[:1], inputs=SHAPE, device="cuda")
    with pytest.raises(ns.DeviceError, match="layer 1 must fit into the device's memory"):
        chip.learn(images(1))


def test_the_command_line(tmp_path):
    np.save(tmp_path / "x.npy", images(4))
    source = ["stream", "x.npy", "--root", str(tmp_path), "--recipe", str(tmp_path / "made.py") + ":layer", "--json"]
    (tmp_path / "made.py").write_text(
        "import neurosim as ns\n"
        "def layer(neurons, **options):\n"
        "    return ns.DenseWTA(neurons, competition=ns.HardWTA(), rule=ns.Oja(rate=0.1), initial='normal')\n"
    )
    with whole_grid():
        told = [CliRunner().invoke(main, [*source, "--neurons", "5", "--device", where]) for where in ("cpu", "cuda")]
    assert [result.exit_code for result in told] == [0, 0], told
    assert len({json.loads(result.stdout)["state_sha256"] for result in told}) == 1
