"""A chip with synapses of few bits: what changes no bit, what is counted, what is refused, what a state file holds."""

import h5py
import numpy as np
import pytest
from sealing import reseal

import neurosim as ns
from neurosim import hardware
from neurosim.engine.dense import few_bits
from neurosim.kernels.dense import layout
from neurosim.layers.plain import describe, rebuild
from neurosim.state.arrays import hash_of, plain_weights


def test_weights_that_diverge_are_said():
    layer = ns.DenseWTA(3, competition=ns.HardWTA(), rule=ns.SoftHebb(rate=1e38), weight_bits=4, cap=1.0)
    with pytest.raises(ns.DivergedError, match="must stay finite"):
        ns.Chip([layer], inputs=5).learn(np.full((40, 5), 1e3, np.float32))


def layer_of(bits=4, neurons=20, **constants):
    return ns.recipes.softhebb(neurons, weight_bits=bits, **constants)


@pytest.mark.parametrize("competition", [
    ns.SoftWTA(temperature=0.05), ns.SoftWTA(temperature=0.05, signed=True), ns.HardWTA(), ns.KWTA(3, signed=True),
    ns.Ranked(rank=3), ns.NoInhibition(), ns.SparseGate(share=0.4), ns.Taught(), ns.Corrected(temperature=0.5),
], ids=str)  # fmt: skip
@pytest.mark.parametrize("bits", [2, 7, 16])
@pytest.mark.parametrize("rounding", ["stochastic", "nearest"])
def test_chunks_threads_and_a_state_file_change_no_bit(competition, bits, rounding, samples, tmp_path):
    few = {"weight_bits": bits, "rounding": rounding}
    layers = [
        ns.DenseWTA(10, competition=competition, rule=ns.SoftHebb(rate=0.02), initial="normal", radius=2.0, **few,
                    normalise="sample", transmit=ns.Triangle(power=1.0)),
        layer_of(bits, 5),
    ]  # fmt: skip
    x, labels = samples[:60], np.arange(60) % 10
    one, many, split = (ns.Chip(layers, inputs=64, seed=7) for _ in range(3))
    for sample, label in zip(x, labels, strict=True):
        one.learn_one(sample, label=int(label))
    many.learn(x, labels=labels, chunk=13, threads=2)
    split.learn(x[:31], labels=labels[:31])
    split.save(tmp_path / "chip.h5")
    again = ns.Chip.load(tmp_path / "chip.h5").learn(x[31:], labels=labels[31:])
    assert len({chip.state_sha256 for chip in (one, many, again)}) == 1
    state = one.layers[0].state
    assert np.array_equal(state.synapses, np.rint(state.synapses))
    assert np.abs(state.synapses).max() <= 2 ** (bits - 1) - 1
    assert np.array_equal(one.layers[0].weights, (state.synapses * state.scales).T)
    assert np.array_equal(again.layers[0].state.squares, state.squares)


def test_first_weights_are_rounded_and_the_same_as_of_float32_in_the_mean():
    plain = ns.Chip([ns.recipes.softhebb(50)], inputs=400, seed=3).layers[0].weights
    for bits in (2, 4, 8, 16):
        layer = ns.Chip([layer_of(bits, 50)], inputs=400, seed=3).layers[0]
        scales = layer.state.scales[:, None]
        np.testing.assert_allclose(layer.state.scales, plain.max(axis=1) / (2 ** (bits - 1) - 1), rtol=1e-6)
        assert (np.abs(layer.weights - plain) <= scales * 1.0001).all()
        assert abs((layer.weights - plain).mean()) < 5 * scales.max() * 0.5 / np.sqrt(plain.size)
        assert np.array_equal(layer.weights, layer.first_weights)
        np.testing.assert_allclose(layer.norms, np.linalg.norm(layer.weights, axis=1), rtol=1e-6)


def test_seeds_and_layers_round_by_chances_of_their_own():
    layer = layer_of()
    salts = {few_bits.salt(layer, seed, place) for seed in range(3) for place in range(3)}
    assert len(salts) == 9
    assert few_bits.salt(ns.recipes.softhebb(20), 0, 0) == 0


@pytest.mark.parametrize("bits", [2, 4, 16])
@pytest.mark.parametrize("name", ["soft", "wide", "zeros"])
def test_what_is_written_and_flipped_is_counted(bits, name, samples):
    layer = {
        "soft": layer_of(bits, 9),
        "wide": ns.DenseWTA(9, competition=ns.KWTA(4, signed=True), rule=ns.SoftHebb(rate=0.05), initial="normal",
                            radius=2.0, weight_bits=bits),
        "zeros": ns.recipes.delta_readout(9, weight_bits=bits),
    }[name]  # fmt: skip
    x, labels = samples[:50].copy(), np.arange(50) % 9
    x[7] = 0
    found = hardware.count(ns.Chip([layer], inputs=64, seed=3), x, labels=labels, chunk=17).layers[0]
    chip, whole = ns.Chip([layer], inputs=64, seed=3), 0
    state = chip.layers[0].state
    for n, sample in enumerate(x):
        before, folds = state.synapses.astype(np.int64), state.counters[layout.FOLDS]
        chip.learn_one(sample, label=int(labels[n]))
        after, active = state.synapses.astype(np.int64), np.flatnonzero(sample)
        assert found.effective[n] == np.count_nonzero(before[active])
        changed = (before ^ after) & (2**bits - 1)
        assert found.flips[n] == sum(int(code).bit_count() for code in changed.ravel())
        rescaled, neurons = state.counters[layout.FOLDS] - folds, int(found.written[n].sum())
        assert found.writes[n] == (neurons - rescaled) * len(active) + rescaled * 64
        assert (found.written[n] >= changed.any(axis=0)).all()
        idle = np.setdiff1d(np.arange(64), active)
        assert (changed[idle].any(axis=0)).sum() <= rescaled
        whole += rescaled
    assert found.flips.sum() > 0
    assert whole > 0


@pytest.mark.parametrize(("constants", "words"), [
    ({"weight_bits": 1}, "weight_bits must be a whole number of at least 2, got 1"),
    ({"weight_bits": 17}, "weight_bits must be a whole number of at most 16, got 17"),
    ({"weight_bits": 4.5}, "weight_bits must be a whole number"),
    ({"rounding": "nearest"}, "rounding must be 'stochastic' without weight_bits, got 'nearest'"),
    ({"weight_bits": 4, "rounding": "up"}, "rounding must be one of stochastic, nearest"),
    ({"weight_bits": 4, "window": 2}, "window must be 1 with weight_bits, got 2"),
    ({"weight_bits": 4, "lebesgue": 3.0}, "lebesgue must be 2 with weight_bits, got 3.0"),
    ({"weight_bits": 4, "renormalise": True}, "renormalise must be False with weight_bits, got True"),
    ({"weight_bits": 4, "leak": 0.1}, "leak must be 0 with weight_bits, got 0.1"),
    ({"weight_bits": 4, "eligibility": 0.1}, "eligibility must be 0 with weight_bits, got 0.1"),
    ({"weight_bits": 4, "rule": ns.Sanger(rate=0.01), "competition": ns.NoInhibition()},
     "rule must be another one with weight_bits"),
    ({"weight_bits": 4, "rule": ns.OjaSubspace(rate=0.01), "competition": ns.NoInhibition()},
     "rule must be another one with weight_bits"),
])  # fmt: skip
def test_what_does_not_go_together_is_refused(constants, words):
    with pytest.raises(ns.ConfigError) as caught:
        ns.DenseWTA(5, **{"competition": ns.HardWTA(), "rule": ns.SoftHebb(rate=0.1), **constants})
    assert words in str(caught.value)


def test_state_files_name_it_only_where_there_are_few_bits():
    plain, few = (describe(ns.recipes.softhebb(5, **given)) for given in ({}, {"weight_bits": 3}))
    assert {"weight_bits", "rounding"}.isdisjoint(plain)
    assert few["weight_bits"] == 3
    assert "rounding" not in few
    assert rebuild(few) == ns.recipes.softhebb(5, weight_bits=3)
    assert "squares" not in ns.Chip([ns.recipes.softhebb(5, weight_bits=3)], inputs=4).layers[0].arrays()


@pytest.mark.parametrize(("name", "place", "value", "words"), [
    ("synapses", (3, 2), 0.5, "synapses must be whole numbers from -7 to 7"),
    ("synapses", (0, 0), 8, "synapses must be whole numbers from -7 to 7"),
    ("scales", 1, 0, "scales must be at least 1e-18"), ("scales", 1, -1, "scales must be at least 1e-18"),
])  # fmt: skip
def test_an_edited_file_is_refused(name, place, value, words, tmp_path, samples):
    path = tmp_path / "chip.h5"
    ns.Chip([layer_of(4, 12)], inputs=64).learn(samples[:50]).save(path)
    with h5py.File(path, "r+") as file:
        layer = file["layer_0"]
        layer[name][place] = value
        layer["weights"][...] = plain_weights({key: item[...] for key, item in layer.items()})
        arrays = {key: item[...] for key, item in layer.items() if key != "weights"}
        file.attrs["state_sha256"] = hash_of([arrays])
    reseal(path)
    with pytest.raises(ns.StateError) as caught:
        ns.Chip.load(path)
    assert words in str(caught.value)
