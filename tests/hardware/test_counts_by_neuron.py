"""Which synapses were written, neuron by neuron: recounted from the arrays before and after each sample."""

import counted
import described
import numpy as np
import pytest
from test_counts import LAYERS, PLAIN, SOFT, one_by_one, samples

import neurosim as ns
from neurosim import hardware
from neurosim.hardware.placement.demand import Demand
from neurosim.hardware.placement.mapping import Part
from neurosim.hardware.timeline.flow import load, plan
from neurosim.kernels.dense import layout

FEW = {"competition": SOFT, "rule": ns.SoftHebb(rate=0.05), "initial": "normal", "radius": 2.0}
MODES = LAYERS | {
    "few bits": ns.DenseWTA(9, weight_bits=3, **FEW),
    "few bits from samples": ns.DenseWTA(9, weight_bits=8, **FEW | {"initial": "samples"}),
    "largest": ns.DenseWTA(9, competition=SOFT, step="largest", cutoff=0.1, **PLAIN),
    "eligibility": ns.DenseWTA(9, competition=SOFT, eligibility=0.5, **PLAIN),
    "window and leak": ns.DenseWTA(9, competition=SOFT, window=3, leak=0.5, **PLAIN),
    "window from samples": ns.DenseWTA(9, competition=SOFT, window=4, **PLAIN | {"initial": "samples"}),
}
WHOLE = ("Sanger", "largest", "eligibility")  # rules that write all synapses of a neuron, or none


def parts(neurons, sizes):
    """Return a layer's neurons on cores of the given sizes, again and again."""
    first, found = 0, []
    while first < neurons:
        size = min(sizes[len(found) % len(sizes)], neurons - first)
        found.append(Part(0, len(found), first, size, size, 0, 0, 0))
        first += size
    return found


def bits(packed, count):
    return np.unpackbits(packed, axis=-1, count=count).astype(bool)


@pytest.mark.filterwarnings("ignore::neurosim.errors.StabilityWarning")
@pytest.mark.parametrize("name", MODES)
def test_writes_of_the_parts_are_all_writes_in_every_mode(name):
    layer, x = MODES[name], samples(90)
    found = hardware.count(ns.Chip([layer], inputs=23, seed=3), x, chunk=32).layers[0]
    for sizes in ((layer.neurons,), (1,), (2, 3)):
        shares = [found.writes_on(part) for part in parts(layer.neurons, sizes)]
        assert np.array_equal(np.sum(shares, axis=0), found.writes)
        assert (np.array(shares) >= 0).all()
    assert np.array_equal(bits(found.inputs_packed, 23), x != 0)
    assert found.writes.sum() > 0


@pytest.mark.filterwarnings("ignore::neurosim.errors.StabilityWarning")
@pytest.mark.parametrize("name", [name for name in MODES if "window" not in name])
def test_each_neuron_is_written_where_its_synapses_changed(name):
    layer, x = MODES[name], samples(60)
    found = hardware.count(ns.Chip([layer], inputs=23, seed=3), x).layers[0]
    alone = [found.writes_on(part) for part in parts(layer.neurons, (1,))]
    whole, told = found.whole, 0
    for n, (sample, _, before, after, passed) in enumerate(one_by_one(layer, x)):
        changed, active = before != after, sample != 0
        beyond = changed[~active].any(axis=0)  # what lies at silent inputs changes only with the whole neuron
        assert (found.written[n] | ~changed.any(axis=0)).all()
        assert (whole[n] | ~beyond).all()
        if name not in WHOLE:
            assert whole[n].sum() == passed[layout.FOLDS] or passed[layout.FOLDS] > layer.neurons
        for k in range(layer.neurons):
            writes = alone[k][n]
            assert writes >= changed[:, k].sum()
            if not whole[n, k]:
                assert writes == found.written[n, k] * active.sum()
            elif name in WHOLE or name.startswith("few"):
                assert writes == 23
            else:
                assert writes in (23, 23 + active.sum())
        told += whole[n].sum()
    assert (told > 0) == (name in (*WHOLE, "leaking") or name.startswith("few")), told


@pytest.mark.filterwarnings("ignore::neurosim.errors.StabilityWarning")
@pytest.mark.parametrize("name", ["window", "window and leak", "window from samples"])
def test_a_window_writes_where_any_of_its_samples_was_active(name):
    layer, x = MODES[name], samples(90)
    x[5] = x[40] = 0
    found = hardware.count(ns.Chip([layer], inputs=23, seed=3), x[2:], warm_up=3, chunk=7).layers[0]
    union, waiting, ends = bits(found.written_inputs(), 23), np.zeros(23, bool), 0
    for n, (sample, _, before, after, passed) in enumerate(one_by_one(layer, x[2:])):
        begins = (before != after).any() and passed[layout.UPDATES] == 0
        if passed[layout.BLANKS] == 0 and not begins:
            waiting |= sample != 0
        expected = waiting if passed[layout.UPDATES] else np.zeros(23, bool)
        if n >= 3:
            assert np.array_equal(union[n - 3], expected)
        if passed[layout.UPDATES]:
            changed = (before != after)[~waiting].any(axis=0)
            if n >= 3:
                assert (found.whole[n - 3] | ~changed).all()
            waiting, ends = np.zeros(23, bool), ends + 1
    assert ends > 5


def test_all_synapses_of_kernels_are_written():
    layer = ns.ConvWTA(
        5, kernel=3, competition=ns.SoftWTA(temperature=0.5, signed=True), rule=ns.SoftHebb(rate=0.05), cutoff=0.1,
        normalise="none", initial="normal",
    )  # fmt: skip
    random = np.random.default_rng(4)
    x = random.random((12, 2, 8, 8)).astype(np.float32) * (random.random((12, 2, 8, 8)) < 0.5)
    found = hardware.count(ns.Chip([layer], inputs=(2, 8, 8), seed=0), x).layers[0]
    assert np.array_equal(found.whole, found.written)
    assert np.array_equal(bits(found.inputs_packed, 128), x.reshape(12, -1) != 0)
    shares = [found.writes_on(part) for part in parts(5, (2,))]
    assert np.array_equal(np.sum(shares, axis=0), found.writes)
    assert found.writes.sum() > 0


@pytest.mark.parametrize(("neurons", "sizes"), [(100, 13), (17, 8), (1, 5), (784, 100), (25, 25)])
def test_sizes_of_parts_differ_by_one_at_most(neurons, sizes):
    demanded = Demand(0, 20, 20, neurons, 1, 8, True)
    chip = hardware.load("cmos45-int8", {"structure.neurons_per_core": sizes, "structure.cores": 64,
                                         "structure.mesh": [8, 8]})  # fmt: skip
    found = [part.neurons for part in hardware.place([demanded], chip).parts]
    assert sum(found) == neurons
    assert len(found) == -(-neurons // sizes)
    assert max(found) - min(found) <= 1
    assert max(found) <= sizes


def test_kernels_that_are_folded_are_written_once_more():
    layer = ns.ConvWTA(
        130, kernel=3, competition=ns.KWTA(20), rule=ns.Hebb(rate=0.5), cutoff=0.01, initial="normal", radius=1.0,
        renormalise=True,
    )  # fmt: skip
    x = np.random.default_rng(4).random((20, 16, 4, 4)).astype(np.float32)
    found = hardware.count(ns.Chip([layer], inputs=(16, 4, 4), seed=0), x).layers[0]
    alone = np.array([found.writes_on(part) for part in parts(130, (1,))]).T
    chip, folds = ns.Chip([layer], inputs=(16, 4, 4), seed=0), 0
    state = chip.layers[0].state
    for n, image in enumerate(x):
        lengths, before = np.linalg.norm(state.synapses, axis=1), int(state.counters[layout.FOLDS])
        chip.learn_one(image)
        longer = np.linalg.norm(state.synapses, axis=1) / lengths
        folded = alone[n] == 2 * 144
        assert folded.sum() == state.counters[layout.FOLDS] - before
        assert ((alone[n] == 144) | (alone[n] == 0) | folded).all()
        # Growth makes synapses longer; a scale below an eighth is multiplied into them.
        assert (longer[~folded] >= 0.99).all()
        assert (longer[folded] < 0.99).all()
        folds += folded.sum()
    assert folds > 100
    assert found.writes.sum() == alone.sum()


def test_each_core_is_timed_by_its_own_writes(tmp_path):
    """Of 100 neurons on four cores, three are written whole, and one at 93 inputs: by hand, and not by shares."""
    written, whole = np.zeros((1, 100), bool), np.zeros((1, 100), bool)
    whole[0, [3, 20, 30]] = written[0, [3, 20, 30, 80]] = True
    layer = counted.layer(Demand(0, 784, 784, 100, 1, 8, True), [93], written, writes=[3 * 784 + 93])
    run = counted.counts(layer._replace(whole_packed=np.packbits(whole, axis=1)))
    roomy = {"structure.neurons_per_core": 25, "structure.synapse_bits_per_core": 25 * 784 * 8}
    mapping = hardware.place([layer.demand], hardware.load(described.written(tmp_path), roomy))
    planned = plan(mapping)
    _, services = load(planned, mapping, run)
    writing = [services[0, n] for n, carried in enumerate(planned.loads) if carried.kind == "writes"]
    assert writing == [1568 * 7000, 784 * 7000, 0, 93 * 7000]  # picoseconds; 7 ns a write
