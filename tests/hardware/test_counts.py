"""Counts of a run: recounted from the arrays before and after each sample, by what the algorithm says."""

import numpy as np
import pytest

import neurosim as ns
from neurosim import hardware
from neurosim.hardware.counting.counts import LayerCounts
from neurosim.kernels.dense import layout
from neurosim.streams import ArrayStream

PLAIN = {"rule": ns.SoftHebb(rate=0.05), "radius": 3.0, "initial": "normal"}
SOFT = ns.SoftWTA(temperature=0.2)
LAYERS = {
    "soft": ns.DenseWTA(9, competition=SOFT, **PLAIN),
    "every neuron": ns.DenseWTA(9, competition=SOFT, cutoff=0.0, **PLAIN),
    "hard": ns.DenseWTA(9, competition=ns.HardWTA(), **PLAIN),
    "four winners": ns.DenseWTA(9, competition=ns.KWTA(4, signed=True), **PLAIN),
    "gated": ns.DenseWTA(9, competition=ns.SparseGate(share=0.3), **PLAIN),
    "from zeros": ns.DenseWTA(9, competition=ns.HardWTA(), rule=ns.Instar(rate=0.05), initial="zeros"),
    "from samples": ns.DenseWTA(9, competition=SOFT, **PLAIN | {"initial": "samples"}),
    "renormalised": ns.DenseWTA(9, competition=SOFT, renormalise=True, **PLAIN),
    "leaking": ns.DenseWTA(9, competition=SOFT, leak=0.5, **PLAIN),
    "window": ns.DenseWTA(9, competition=SOFT, window=4, **PLAIN),
    "Sanger": ns.DenseWTA(
        5, competition=ns.NoInhibition(), rule=ns.Sanger(rate=0.01), cutoff=0.2, radius=1.0, initial="normal"
    ),
}


def samples(count=40, inputs=23, seed=0):
    random = np.random.default_rng(seed)
    x = random.random((count, inputs)) * (random.random((count, inputs)) < 0.4)
    x[3] = 0  # a blank one
    return x.astype(np.float32)


def one_by_one(layer, x):
    """Learn sample by sample, and look at the synapses before and after."""
    chip = ns.Chip([layer], inputs=x.shape[1], seed=3)
    state = chip.layers[0].state
    for sample in x:
        before, counters = state.synapses.copy(), state.counters.copy()
        response = chip.learn_one(sample)
        yield sample, response, before, state.synapses.copy(), state.counters - counters


@pytest.mark.filterwarnings("ignore::neurosim.errors.StabilityWarning")
@pytest.mark.parametrize("name", LAYERS)
def test_what_is_counted_is_what_was_written(name):
    layer, x = LAYERS[name], samples()
    found = hardware.count(ns.Chip([layer], inputs=23, seed=3), x).layers[0]
    active: list[int] = []
    for n, (sample, response, before, after, passed) in enumerate(one_by_one(layer, x)):
        places = np.flatnonzero(sample)
        assert found.events[n] == len(places)
        assert found.operations[n] == len(places) * layer.neurons
        assert found.effective[n] == np.count_nonzero(before[places])
        folds = passed[layout.FOLDS]
        assert found.plasticity[n] == passed[layout.WRITES]
        if layer.window == 1 and len(places):
            asked = (np.abs(response.responses) >= layer.cutoff).sum()
            assert found.plasticity[n] == (0 if layer.initial == "samples" and passed[layout.UPDATES] == 0 else asked)
        active += [len(places)] if len(places) else []
        changed = before != after
        assert (found.written[n] >= changed.any(axis=0)).all() or folds
        if passed[layout.UPDATES] == 0 and changed.any():  # a neuron begins as the sample
            assert (found.written[n] == changed.any(axis=0)).all()
            assert found.writes[n] >= changed.sum()
            continue
        if passed[layout.UPDATES] == 0:
            assert found.writes[n] == found.written[n].sum() == 0
            continue
        whole = isinstance(layer.rule, ns.Sanger)
        reached = 23 if whole else sum(active[-layer.window :])
        neurons = int(found.written[n].sum())
        if layer.window == 1 or whole:
            assert found.writes[n] == neurons * reached + folds * 23
        else:
            assert changed.sum() <= found.writes[n] <= neurons * reached + folds * 23
        if not folds and layer.window == 1 and not whole and layer.cutoff > 0:
            assert (found.written[n] == changed.any(axis=0)).all()  # steps are so large that every write shows
    assert found.flips.sum() == 0
    assert found.writes.sum() > 0


@pytest.mark.filterwarnings("ignore::neurosim.errors.StabilityWarning")
def test_folds_are_written_whole():
    layer, x = LAYERS["leaking"], samples(60)
    found = hardware.count(ns.Chip([layer], inputs=23, seed=3), x).layers[0]
    folds = [passed[layout.FOLDS] for *_, passed in one_by_one(layer, x)]
    assert sum(folds) > 0
    neurons = found.written.sum(axis=1)
    assert (found.writes == neurons * found.events + np.array(folds) * 23).all()


def test_eligibility_is_written_where_a_modulator_comes():
    layer = ns.DenseWTA(9, competition=SOFT, eligibility=0.5, **PLAIN)
    found = hardware.count(ns.Chip([layer], inputs=23, seed=3), samples()).layers[0]
    assert set(found.writes.tolist()) == {9 * 23}  # the blank sample too: time passes


@pytest.mark.parametrize("name", ["soft", "from zeros", "window", "gated"])
def test_counts_do_not_depend_on_the_chunk_and_change_no_bit(name):
    x = samples(70)
    counted, states = [], []
    for chunk in (1, 7, 256):
        chip = ns.Chip([LAYERS[name], ns.recipes.hard_wta(4, initial="normal")], inputs=23, seed=3)
        counted.append(hardware.count(chip, x, chunk=chunk))
        states.append(chip.state_sha256)
    plain = ns.Chip([LAYERS[name], ns.recipes.hard_wta(4, initial="normal")], inputs=23, seed=3).learn(x)
    assert set(states) == {plain.state_sha256}
    for other in counted[1:]:
        for one, same in zip(counted[0].layers, other.layers, strict=True):
            for field in LayerCounts._fields[1:]:
                assert np.array_equal(getattr(one, field), getattr(same, field)), field


@pytest.mark.parametrize("learning", [True, False])
def test_looking_ahead_counts_the_same(learning):
    random = np.random.default_rng(2)
    x = random.random((64, 700)).astype(np.float32) * (random.random((64, 700)) < 0.7)
    layer = ns.recipes.softhebb(800, initial="normal")
    chips = [ns.Chip([layer], inputs=700, seed=1) for _ in range(2)]
    whole = hardware.count(chips[0], x, learning=learning, chunk=64).layers[0]
    single = hardware.count(chips[1], x, learning=learning, chunk=1).layers[0]
    assert chips[0].layers[0].state.synapses.size >= 1 << 19  # as wide as it must be
    for field in LayerCounts._fields[1:]:
        assert np.array_equal(getattr(whole, field), getattr(single, field)), field
    assert (whole.writes.sum() > 0) == learning


def test_responding_writes_nothing():
    chip = ns.Chip([LAYERS["soft"]], inputs=23, seed=3)
    before = chip.state_sha256
    found = hardware.count(chip, samples(), learning=False)
    assert chip.state_sha256 == before
    layer = found.layers[0]
    assert (layer.plasticity.sum(), layer.writes.sum(), layer.written.sum()) == (0, 0, 0)
    assert layer.operations.sum() > 0
    assert not found.learning


def test_what_is_sent_is_what_the_next_layer_gets():
    first = ns.DenseWTA(9, competition=SOFT, transmit=ns.ReLU(), **PLAIN)
    found = hardware.count(ns.Chip([first, ns.recipes.softhebb(4)], inputs=23, seed=3), samples())
    sent = found.layers[0].sent
    assert (sent.sum(axis=1) == found.layers[1].events).all()
    assert 0 < sent.mean() < 1


def test_images_are_counted_position_by_position():
    random = np.random.default_rng(4)
    x = random.random((6, 2, 8, 8)).astype(np.float32) * (random.random((6, 2, 8, 8)) < 0.5)
    layer = ns.ConvWTA(
        5, kernel=3, padding=1, competition=ns.SoftWTA(temperature=0.5, signed=True), rule=ns.SoftHebb(rate=0.01),
        normalise="none", cutoff=0.1, initial="normal",
    )  # fmt: skip
    chip = ns.Chip([layer], inputs=(2, 8, 8), seed=0)
    found = hardware.count(chip, x).layers[0]
    alone = ns.Chip([layer], inputs=(2, 8, 8), seed=0)
    for n, image in enumerate(x):
        padded = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="reflect")
        patches = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        assert found.events[n] == np.count_nonzero(image)
        assert found.operations[n] == np.count_nonzero(patches) * 5
        before = alone.layers[0].state.synapses.copy()
        response = alone.learn_one(image)
        assert found.plasticity[n] == (np.abs(response.responses) >= 0.1).sum()
        moved = (alone.layers[0].state.synapses != before).any(axis=1)
        assert (found.written[n] == moved).all()
        assert found.writes[n] == moved.sum() * 18
    assert chip.state_sha256 == alone.state_sha256
    assert found.demand.positions == 64


def test_neurobench_s_keys_by_hand():
    x = np.array([[1, 0, 1], [0, 1, 0]], np.float32)
    layer = ns.DenseWTA(2, competition=ns.HardWTA(), rule=ns.Instar(rate=0.5), initial="zeros", normalise="none")
    chip = ns.Chip([layer], inputs=3, seed=0)
    summary = hardware.count(chip, np.concatenate([x, x])).summary()
    # All inputs are 0 or 1: accumulations. The first sample finds no weight; the second, none at its input; then
    # the first neuron, which won both, has two synapses there, and one.
    assert summary["SynapticOperations"] == {"Effective_MACs": 0.0, "Effective_ACs": 0.75, "Dense": 6.0}
    assert summary["WeightUpdates"] == 6 / 4
    assert summary["PlasticityOperations"] == 1.0
    summary = hardware.count(chip, 2 * x, learning=False).summary()
    assert summary["SynapticOperations"] == {"Effective_MACs": 1.5, "Effective_ACs": 0.0, "Dense": 6.0}


def test_a_run_may_warm_up_and_end_early():
    x = samples()
    whole = hardware.count(ns.Chip([LAYERS["soft"]], inputs=23, seed=3), x).layers[0]
    for chunk in (1, 6, 256):
        chip = ns.Chip([LAYERS["soft"]], inputs=23, seed=3)
        part = hardware.count(chip, x, warm_up=8, samples=9, chunk=chunk)
        assert part.samples == 9
        assert chip.samples == 17
        assert np.array_equal(part.layers[0].writes, whole.writes[8:17])


def test_taught_layers_get_their_labels():
    x, labels = samples(), np.arange(40) % 3
    layer = ns.DenseWTA(3, competition=ns.Taught(), **PLAIN)
    taught = hardware.count(ns.Chip([layer], inputs=23, seed=0), ArrayStream(x, labels)).layers[0]
    given = hardware.count(ns.Chip([layer], inputs=23, seed=0), x, labels=labels).layers[0]
    assert np.array_equal(taught.writes, given.writes)
    assert taught.writes.sum() > 0
    with pytest.raises(ns.SampleError, match="must have a label"):
        hardware.count(ns.Chip([layer], inputs=23, seed=0), x)


@pytest.mark.parametrize(
    ("x", "options", "words"),
    [
        (np.zeros((0, 23), np.float32), {}, "samples must be more than the 0 of warm_up, got 0"),
        (samples(), {"warm_up": 40}, "samples must be more than the 40 of warm_up, got 40"),
        (np.full((2, 23), np.nan, np.float32), {}, "sample 0, input 0 of layer 1 must be finite"),
        (samples(), {"samples": 0}, "samples must be a whole number of at least 1"),
        (samples(), {"chunk": 0}, "chunk must be a whole number"),
        (samples(inputs=22), {}, "samples must have the shape"),
    ],
)
def test_what_cannot_be_counted_is_refused(x, options, words):
    with pytest.raises((ns.ConfigError, ns.SampleError), match=words):
        hardware.count(ns.Chip([LAYERS["soft"]], inputs=23, seed=3), x, **options)


def test_the_sparsity_of_activations_counts_the_last_layer():
    x = np.random.default_rng(0).random((40, 12), np.float32)
    for layers in ([LAYERS["hard"]], [LAYERS["soft"], LAYERS["hard"]]):
        chip = ns.Chip(layers, inputs=12, seed=0)
        found = hardware.count(chip, x, learning=False).summary()["ActivationSparsity"]
        outputs, values = [], x
        for layer in layers:
            single = ns.Chip([layer], inputs=values.shape[1], seed=0)
            single.layers[0].weights[...] = chip.layers[len(outputs)].weights
            values = np.array([single.respond_one(row).output for row in values])
            outputs.append(values.ravel())
        assert found == pytest.approx(np.mean(np.concatenate(outputs) == 0))
