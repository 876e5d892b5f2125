"""The resident kernel on a simulated device: its bits are the CPU's, whatever the blocks and the order of threads."""

import json
import os
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from numba import config
from whole_grid import whole_grid

import neurosim as ns
from benchmarks.every_layer import HARD, LAYERS, every_layer
from neurosim.cli import main
from neurosim.engine.cuda import device
from neurosim.engine.cuda.dense import CudaDenseExecutor
from neurosim.engine.dense.executor import DenseExecutor
from neurosim.engine.dense.layer import DenseLayer
from neurosim.engine.runner import LayerRunner
from neurosim.engine.samples import Samples


def samples(count, inputs, negative, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.random((count, inputs)) * (rng.random((count, inputs)) < 0.5) * (rng.choice([-1, 1]) if negative else 1)
    X[count // 2] = 0
    return X.astype(np.float32), rng.integers(-1, 5, count), rng.normal(size=count).astype(np.float32)


def learn(executor, constants, inputs, X, labels, modulators, chunk):
    """Return all that a layer gives and keeps, of samples in chunks."""
    layer = DenseLayer(constants, inputs, 3, 0, executor)
    runner, parts = LayerRunner(layer, chunk, rows=chunk), []
    for start in range(0, len(X), chunk):
        part = slice(start, start + chunk)
        taken = runner.run(Samples(X[part], labels[part], modulators[part]), True, start)
        assert taken.error is None
        parts.append(runner.hand_over(taken))
    given = {name: np.concatenate([getattr(part, name) for part in parts])
             for name in ("potentials", "responses", "winners", "outputs")}  # fmt: skip
    return given | layer.arrays()


# With a device, logarithms and powers are of another library.
OTHER_LIBRARY = {"log prior", "window of means", "p-norm", "p-norm, odd", "rate by norm", "rate by wins",
                 "exponential rate", "relative prior", "samples, p-norm"}  # fmt: skip
SIMULATED = pytest.mark.skipif(not config.ENABLE_CUDASIM, reason="there is a CUDA device, which has more room")


def check_equal(ours, theirs, name=None):
    assert ours.keys() == theirs.keys()
    for key, array in theirs.items():
        if name in OTHER_LIBRARY and not config.ENABLE_CUDASIM and array.dtype == np.float32:
            np.testing.assert_allclose(ours[key], array, rtol=1e-5, atol=1e-6 * max(1, np.abs(array).max(initial=0)))
        elif name not in OTHER_LIBRARY or config.ENABLE_CUDASIM or key != "records":
            assert ours[key].tobytes() == array.tobytes(), key


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Few threads a block: each of them takes its time on a simulator."""
    if config.ENABLE_CUDASIM:
        monkeypatch.setattr("neurosim.engine.cuda.dense.THREADS", 8)


@pytest.mark.parametrize("name", LAYERS)
def test_a_chunk_gives_the_bits_of_the_cpu(name):
    neurons, inputs = 7, 11
    constants = every_layer(name, neurons)
    X, labels, modulators = samples(9, inputs, constants.initial == "normal")
    theirs = learn(DenseExecutor, constants, inputs, X, labels, modulators, 9)
    with whole_grid(blocks=3, seed=len(name)):
        ours = learn(CudaDenseExecutor, constants, inputs, X, labels, modulators, 5)
    check_equal(ours, theirs, name)


def test_time_passes_for_eligibility_at_samples_that_teach_nothing():
    constants = every_layer("eligibility renormalised", 7)
    X, labels, modulators = samples(12, 6, constants.initial == "normal")
    X[[2, 3, 9, 11]] = 0
    theirs = learn(DenseExecutor, constants, 6, X, labels, modulators, 12)
    for chunk in (3, 12):
        with whole_grid(blocks=3):
            check_equal(learn(CudaDenseExecutor, constants, 6, X, labels, modulators, chunk), theirs)


@pytest.mark.parametrize("name", ["relative samples", "samples of few bits", "samples with habits"])
def test_what_follows_the_stream_gives_the_bits_of_the_cpu(name):
    constants = every_layer(name, 3)  # all begin, and then learn
    X, labels, modulators = samples(10, 6, False)
    X[:, :3] *= -1
    theirs = learn(DenseExecutor, constants, 6, X, labels, modulators, 1)
    with whole_grid(blocks=2, seed=len(name)):
        check_equal(learn(CudaDenseExecutor, constants, 6, X, labels, modulators, 4), theirs, name)


@pytest.mark.parametrize(("neurons", "inputs"), [
    (1, 1), (8, 4), (9, 5), (17, 6),
    *(pytest.param(*shape, marks=pytest.mark.slow) for shape in ((1, 9), (3, 1), (16, 2), (24, 3))),
])  # fmt: skip
@pytest.mark.parametrize("resident", [True, False], ids=["resident", "from afar"])
@pytest.mark.parametrize("name", ["recipe", "gate", "triangle", "window", "fold"])
def test_at_the_edges_of_blocks(neurons, inputs, resident, name, monkeypatch):
    constants = every_layer(name, neurons)
    X, labels, modulators = samples(6, inputs, False, seed=neurons)
    X[0] = 1  # all active
    if not resident:
        room = device.find().shared_bytes
        monkeypatch.setattr("neurosim.engine.cuda.plan.STATIC_BYTES", room - 8 * neurons)  # for a product or two
    monkeypatch.setattr("neurosim.engine.cuda.plan.HELD", 2 * neurons)
    theirs = learn(DenseExecutor, constants, inputs, X, labels, modulators, 6)
    with whole_grid(blocks=3, seed=inputs):
        assert ("in shared memory" in DenseLayer(constants, inputs, 0, 0, CudaDenseExecutor).placement) == resident
        check_equal(learn(CudaDenseExecutor, constants, inputs, X, labels, modulators, 4), theirs)


@pytest.mark.parametrize(("threads", "tile"), [(64, 64), (128, 128)])  # more threads than partial sums, too
def test_more_neurons_than_a_tile(threads, tile, monkeypatch):
    monkeypatch.setattr("neurosim.engine.cuda.dense.THREADS", threads)
    for file in ("survey", "stream"):  # each has taken the number over
        monkeypatch.setattr(f"neurosim.kernels.dense.cuda.{file}.TILE", tile)
    constants = every_layer("triangle", 150)
    X, labels, modulators = samples(3, 6, False)
    theirs = learn(DenseExecutor, constants, 6, X, labels, modulators, 3)
    with whole_grid(blocks=3):
        check_equal(learn(CudaDenseExecutor, constants, 6, X, labels, modulators, 3), theirs)


@pytest.mark.parametrize(
    "name",
    [
        "recipe",
        "window",
        "few bits",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("signed gate", "conscience")),
    ],
)
def test_bits_depend_on_nothing_but_the_samples(name):
    constants = every_layer(name, 8)
    X, labels, modulators = samples(8, 6, False)
    several = []
    for blocks, seed, chunk in ((1, 0, 8), (2, 1, 1), (3, 2, 3), (3, 3, 8), (5, 4, 2)):
        with whole_grid(blocks=blocks, seed=seed):
            several.append(learn(CudaDenseExecutor, constants, 6, X, labels, modulators, chunk))
    for other in several[1:]:
        check_equal(other, several[0])


def chips(constants, inputs=6):
    return [ns.Chip([constants], inputs=inputs, seed=1, device=where) for where in ("cpu", "cuda")]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0, 1e30])
@pytest.mark.parametrize("place", [0, 3])
def test_a_sample_that_is_refused_stops_both_at_the_same_place(bad, place):
    X = samples(6, 6, False)[0]
    X[place, 2] = bad
    told = []
    with whole_grid():
        for chip in chips(every_layer("softhebb", 5)):
            with pytest.raises(ns.SampleError) as caught:
                chip.learn(X)
            told.append((str(caught.value), chip.samples, chip.state_sha256))
    assert told[0] == told[1]
    assert told[0][1] == place


def test_a_neuron_that_diverges_stops_both_at_the_same_sample():
    told = []
    X = np.full((5, 6), 1e6, np.float32)
    with pytest.warns(ns.StabilityWarning):
        constants = ns.DenseWTA(5, competition=HARD, rule=ns.Hebb(rate=3e12), radius=1.0)
    with whole_grid():
        for chip in chips(constants):
            with pytest.raises(ns.DivergedError) as caught:
                chip.learn(X)
            told.append(str(caught.value))
    assert told[0] == told[1]
    assert "left float32's range at sample 2;" in told[0]


def test_responding_changes_nothing_and_gives_the_bits_of_the_cpu():
    X = samples(6, 6, False)[0]
    with whole_grid():
        one, other = chips(every_layer("triangle", 5))
        for chip in (one, other):
            chip.learn(X)
        before = other.state_sha256
        for ours, theirs in zip(other.respond(X), one.respond(X), strict=True):
            assert ours.tobytes() == theirs.tobytes()
        for ours, theirs in zip(other.respond_one(X[0]), one.respond_one(X[0]), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert other.state_sha256 == before == one.state_sha256


def test_one_by_one_is_the_same_as_a_chunk_and_labels_reach_the_device():
    X, labels, _ = samples(6, 6, False)
    layers = [ns.recipes.softhebb(9), ns.DenseWTA(5, competition=ns.Corrected(), rule=ns.Hebb(rate=0.1),
                                                  initial="zeros")]  # fmt: skip
    with whole_grid():
        chunked = ns.Chip(layers, inputs=6, device="cuda").learn(X, labels=labels, chunk=4)
        single = ns.Chip(layers, inputs=6, device="cuda")
        for x, label in zip(X, labels, strict=True):
            single.learn_one(x, None if label < 0 else int(label))
        cpu = ns.Chip(layers, inputs=6).learn(X, labels=labels)
    assert chunked.state_sha256 == single.state_sha256 == cpu.state_sha256
    assert chunked.layers[0].writes == cpu.layers[0].writes > 0
    np.testing.assert_array_equal(chunked.layers[0].records, cpu.layers[0].records)


def test_state_moves_between_devices(tmp_path):
    X = samples(8, 6, False)[0]
    with whole_grid():
        there = ns.Chip([every_layer("window", 9)], inputs=6, device="cuda").learn(X[:3])
        there.save(tmp_path / "a.h5")
        here = ns.Chip.load(tmp_path / "a.h5").learn(X[3:5])
        here.save(tmp_path / "b.h5")
        back = ns.Chip.load(tmp_path / "b.h5", device="cuda").learn(X[5:])
        copy = pickle.loads(pickle.dumps(back))
        assert copy.state_sha256 == back.state_sha256
        assert copy.learn(X).state_sha256 == back.learn(X).state_sha256
    straight = ns.Chip([every_layer("window", 9)], inputs=6).learn(X).learn(X)
    assert back.state_sha256 == straight.state_sha256


def sanger():
    rule = ns.Sanger(rate=0.01)
    return ns.DenseWTA(3, competition=ns.NoInhibition(), rule=rule, initial="normal", radius=1.0)


def test_records_fall_due_within_a_chunk(monkeypatch):
    monkeypatch.setattr("neurosim.instruments.FIRST_INTERVAL", 3)
    X = samples(11, 6, False)[0]
    with whole_grid():
        cpu, cuda = (chip.learn(X, chunk=8) for chip in chips(every_layer("softhebb", 5)))
    assert list(cuda.layers[0].records["sample"]) == [3, 6, 9]
    assert cuda.state_sha256 == cpu.state_sha256
    assert cuda.layers[0].records.tobytes() == cpu.layers[0].records.tobytes()


def test_memory_for_pieces_of_chunks_is_kept_but_not_without_end(monkeypatch):
    monkeypatch.setattr("neurosim.engine.cuda.dense.KEPT_BYTES", 4 * 150)
    X = samples(12, 6, False)[0]
    with whole_grid():
        layer = DenseLayer(every_layer("softhebb", 5), 6, 1, 0, CudaDenseExecutor)
        runner, kept = LayerRunner(layer, 4, outputs=False), []
        for start, end in ((0, 4), (4, 7), (7, 9), (9, 12)):  # 4 and 3 samples fit together, with 2 it is too much
            runner.run(Samples(X[start:end]), True, start)
            kept.append([key[0] for key in runner.workspace._launches])
    assert kept == [[4], [4, 3], [2], [2, 3]]
    expected = ns.Chip([every_layer("softhebb", 5)], inputs=6, seed=1).learn(X)
    assert layer.weights.tobytes() == expected.layers[0].weights.tobytes()


@pytest.mark.parametrize("name", ["cuda:9", "", "CUDA", None, 3, ["cuda"]])
def test_a_name_that_is_none_is_no_fault_of_the_file(name, tmp_path):
    ns.Chip([every_layer("softhebb", 5)], inputs=6).save(tmp_path / "a.h5")
    with pytest.raises(ns.ConfigError, match="device must be one of cpu, cuda, got"):
        ns.Chip.load(tmp_path / "a.h5", device=name)


def test_what_a_device_cannot_do_is_no_fault_of_the_file(tmp_path):
    ns.Chip([sanger()], inputs=6).save(tmp_path / "a.h5")
    with pytest.raises(ns.DeviceError, match=r"device of layer 1 must be 'cpu' for Sanger"):
        ns.Chip.load(tmp_path / "a.h5", device="cuda")


def test_what_is_written_into_the_state_is_not_lost_without_a_word():
    chip = ns.Chip([every_layer("softhebb", 5)], inputs=6, device="cuda")
    with pytest.raises(ValueError, match="read-only"):
        chip.layers[0].state.synapses[:] = 0
    with pytest.raises(AttributeError, match="no attribute 'weights'"):
        chip.layers[0].state.weights  # noqa: B018


def test_what_is_not_to_be_had_on_a_device():
    with pytest.raises(ns.ConfigError, match="device must be"):
        ns.Chip([every_layer("softhebb", 5)], inputs=6, device="tpu")
    with pytest.raises(ns.DeviceError, match=r"device of layer 1 must be 'cpu' for Sanger"):
        ns.Chip([sanger()], inputs=6, device="cuda")
    with whole_grid():
        chip = ns.Chip([every_layer("softhebb", 5)], inputs=6, device="cuda")
        with pytest.raises(ns.DeviceError, match="to count operations"):
            LayerRunner(chip.layers[0], 1, counting=True)
        with pytest.raises(ns.DeviceError, match="to time its stages"):
            LayerRunner(chip.layers[0], 1, marking=True)


@SIMULATED
def test_more_neurons_than_a_device_has_threads():
    with whole_grid(blocks=3):
        chip = ns.Chip([every_layer("softhebb", 25)], inputs=6, device="cuda")
        with pytest.raises(ns.DeviceError, match=r"neurons of layer 1 must be at most 24 on this device.*got 25"):
            chip.learn_one(np.ones(6))


def test_a_device_without_the_memory(monkeypatch):
    had = device.Properties("small", 0, device.SHARED_BYTES, 1e3)
    monkeypatch.setattr(device, "find", lambda: had)
    chip = ns.Chip([every_layer("softhebb", 50)], inputs=60, device="cuda")
    with pytest.raises(ns.DeviceError, match=r"layer 1 must fit.* 0\.00 GB are needed, 0\.00 GB are free"):
        chip.learn_one(np.ones(60))


@pytest.mark.skipif(not config.ENABLE_CUDASIM, reason="there is a CUDA device")
def test_without_a_device_it_says_what_is_missing():
    code = "import neurosim as ns; ns.Chip([ns.recipes.softhebb(5)], inputs=6, device='cuda')"
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_ENABLE_CUDASIM"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    told = run.stderr.strip().splitlines()[-1]
    assert re.match(
        r"neurosim.errors.DeviceError: device must be .* got 'cuda'.*; install neurosim-chip\[cuda13\]", told
    )


@pytest.mark.skipif(not config.ENABLE_CUDASIM, reason="there is a CUDA device")
def test_a_setting_that_numba_refuses_is_said_in_one_line(tmp_path):
    np.save(tmp_path / "x.npy", samples(12, 6, False)[0])
    environment = os.environ | {"NUMBA_CUDA_DRIVER": "/nonexistent"}
    environment.pop("NUMBA_ENABLE_CUDASIM")
    words = ["stream", "x.npy", "--root", str(tmp_path), "--neurons", "3", "--device", "cuda"]
    run = subprocess.run([sys.executable, "-m", "neurosim", *words], capture_output=True, text=True, env=environment)
    assert run.returncode == 2, run.stderr
    assert run.stderr.startswith("Error: device must be")
    assert run.stderr.count("\n") == 1


@pytest.mark.slow
def test_the_command_line_on_a_device(tmp_path):
    np.save(tmp_path / "x.npy", samples(12, 6, False)[0])
    run = CliRunner()
    options = ["--root", str(tmp_path), "--neurons", "9"]
    with whole_grid():
        told = {
            where: run.invoke(main, ["stream", "x.npy", *options, "--device", where, "--json"])
            for where in ("cpu", "cuda")
        }
        assert [result.exit_code for result in told.values()] == [0, 0], told
        cpu, cuda = (json.loads(result.stdout) for result in told.values())
        assert cpu["state_sha256"] == cuda["state_sha256"]
        assert cuda["device"] == "cuda"
        assert "synapses in shared memory" in cuda["placement"][0]
        bench = ["bench", "x.npy", *options, "--warm-up", "1", "--samples", "5", "--device", "cuda"]
        measured = json.loads(run.invoke(main, [*bench, "--json"]).stdout)["device"]
        assert measured["samples"] == 5
        assert 0 <= measured["resident_s"] <= measured["end_to_end_s"]
        assert "a sample by its own clock" in run.invoke(main, bench).stdout
        refused = run.invoke(main, [*bench, "--roofline"])
        assert (refused.exit_code, refused.stderr) == (
            2, "Error: device of layer 1 must be 'cpu' to time its stages, got 'cuda'\n",
        )  # fmt: skip
        refused = run.invoke(main, ["stream", "x.npy", *options, "--device", "cuda", "--threads", "2"])
        assert (refused.exit_code, refused.stderr) == (
            2, "Error: threads must be 1 with device='cuda', whose blocks share every layer's work, got 2\n",
        )  # fmt: skip
