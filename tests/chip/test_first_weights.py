"""First weights given as an array: a chip begins with them, knows them ever after, and goes on as any other."""

import copy
import json
import pickle
import re

import h5py
import numpy as np
import pytest
from commands import invoke

import neurosim as ns
from neurosim.streams.arrays import ArrayStream

IMAGE = (1, 8, 8)
PROTOTYPES = np.random.default_rng(0).random((12, 64)) * 3
KERNELS = np.random.default_rng(1).normal(size=(6, 1, 3, 3)).astype(np.float32)
CONV = ns.ConvWTA(
    6, kernel=3, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=0.5), pool=ns.MaxPool(size=2, stride=2)
)
DENSE = {
    "uniform": ns.recipes.softhebb(12), "normal": ns.recipes.softhebb(12, initial="normal"),
    "zeros": ns.recipes.softhebb(12, initial="zeros"), "hard": ns.recipes.hard_wta(12), "hebb": ns.recipes.hebb(12),
    "instar": ns.recipes.instar(12), "few bits": ns.recipes.softhebb(12, weight_bits=4),
    "nearest": ns.recipes.softhebb(12, weight_bits=5, rounding="nearest"), "window": ns.recipes.softhebb(12, window=7),
    "oja": ns.recipes.oja(12), "krotov": ns.recipes.krotov_hopfield(12), "hebbnet": ns.recipes.hebbnet(12),
    "traced": ns.recipes.softhebb(12, eligibility=0.5),
}  # fmt: skip


def one(layer=None, initial=PROTOTYPES, seed=0, inputs=64):
    return ns.Chip([ns.recipes.softhebb(12) if layer is None else layer], inputs=inputs, seed=seed, initial=initial)


def several(initial=(KERNELS, None, PROTOTYPES[:5, :12])):
    layers = [CONV, ns.recipes.softhebb(12, initial="normal", transmit=ns.ReLU()), ns.recipes.softhebb(5)]
    return ns.Chip(layers, inputs=IMAGE, seed=4, initial=initial if initial is None else list(initial))


@pytest.mark.parametrize("name", ["uniform", "normal", "hard", "hebb", "instar", "window", "hebbnet"])
def test_the_weights_that_were_drawn_anyway_change_no_bit(name, samples):
    drawn = one(DENSE[name], None)
    given = one(DENSE[name], drawn.layers[0].weights)
    assert given.state_sha256 == drawn.state_sha256
    assert given.learn(samples).state_sha256 == drawn.learn(samples).state_sha256


@pytest.mark.parametrize("name", ["few bits", "nearest"])
def test_few_bits_are_rounded_as_of_weights_that_were_drawn(name, samples):
    drawn = one(DENSE[name], None)
    given = one(DENSE[name], one(DENSE["uniform"], None).layers[0].weights)
    assert given.learn(samples).state_sha256 == drawn.learn(samples).state_sha256
    assert np.array_equal(given.layers[0].first_weights, drawn.layers[0].first_weights)


def test_nor_do_those_of_images(samples):
    drawn = ns.Chip([CONV], inputs=IMAGE)
    given = ns.Chip([CONV], inputs=IMAGE, initial=drawn.layers[0].weights)
    assert given.learn(samples).state_sha256 == drawn.learn(samples).state_sha256


@pytest.mark.parametrize("name", DENSE)
def test_first_weights_are_those_of_the_array_before_and_after(name, samples, tmp_path):
    chip = one(DENSE[name])
    first = chip.layers[0].weights
    wanted = PROTOTYPES.astype(np.float32)
    if DENSE[name].renormalise:
        assert first == pytest.approx(wanted / np.linalg.norm(wanted, axis=1)[:, None], rel=1e-6)
    elif DENSE[name].weight_bits is not None:
        step = wanted.max(axis=1, keepdims=True) / (2 ** (DENSE[name].weight_bits - 1) - 1)
        assert (np.abs(first - wanted) <= step * (1 + 1e-5)).all()
    else:
        assert np.array_equal(first, wanted)
    chip.learn(samples[:100])
    assert not np.array_equal(chip.layers[0].weights, first)
    chip.save(tmp_path / "chip.h5")
    for twin in (
        chip, copy.deepcopy(chip), copy.copy(chip), pickle.loads(pickle.dumps(chip)), chip.with_constants(cap=0.05),
        ns.Chip.load(tmp_path / "chip.h5"), one(DENSE[name], chip.initial),
    ):  # fmt: skip
        assert np.array_equal(twin.layers[0].first_weights, first)
        assert np.array_equal(twin.initial[0], wanted)
    assert (
        ns.Chip.load(tmp_path / "chip.h5").learn(samples[100:]).state_sha256 == chip.learn(samples[100:]).state_sha256
    )


@pytest.mark.parametrize("layer", [
    ns.recipes.bcm(12), ns.recipes.eghr(12), ns.recipes.k_wta(12), ns.recipes.liuson(12),
    ns.recipes.liuson(12, reading="A"), ns.recipes.supervised_softhebb(12), ns.recipes.delta_readout(12),
    ns.DenseWTA(12, competition=ns.NoInhibition(), rule=ns.Sanger(rate=0.001), cutoff=0),
    ns.DenseWTA(12, competition=ns.NoInhibition(), rule=ns.OjaSubspace(rate=0.001), cutoff=0),
], ids=lambda layer: f"{type(layer.rule).__name__}-{type(layer.competition).__name__}")  # fmt: skip
def test_every_other_rule_and_competition_takes_an_array(layer, samples):
    array = PROTOTYPES / 9  # of norm 1.6 or so
    chip = one(layer, array)
    first = chip.layers[0].weights
    chip.learn(samples, labels=np.arange(300) % 12)
    assert np.array_equal(chip.layers[0].first_weights, first)
    assert not np.array_equal(chip.layers[0].weights, first)
    if not layer.renormalise:
        assert np.array_equal(first, array.astype(np.float32))


def test_a_layer_of_many_begins_with_its_own_array_or_with_the_seed(samples, tmp_path):
    chip, drawn = several(), several(None)
    for layer, plain, array in zip(chip.layers, drawn.layers, (KERNELS, None, PROTOTYPES[:5, :12]), strict=True):
        assert np.array_equal(layer.weights, plain.weights if array is None else array.astype(np.float32))
    firsts = [layer.weights for layer in chip.learn(samples[:100]).layers]
    chip.save(tmp_path / "chip.h5", position=100)
    back = ns.Chip.load(tmp_path / "chip.h5")
    for layer, loaded, weights in zip(chip.layers, back.layers, firsts, strict=True):
        assert np.array_equal(layer.first_weights, loaded.first_weights)
        assert not np.array_equal(layer.first_weights, weights)
    assert [array is None for array in back.initial] == [False, True, False]
    assert back.learn(samples[100:]).state_sha256 == chip.learn(samples[100:]).state_sha256
    with h5py.File(tmp_path / "chip.h5") as file:
        assert ["first_weights" in file[f"layer_{index}"] for index in range(3)] == [True, False, True]
        assert np.array_equal(file["layer_0/first_weights"], KERNELS)


def test_only_files_of_given_weights_hold_them_and_the_hash_is_of_what_was_learned(samples, tmp_path):
    drawn = one(initial=None).learn(samples[:50])
    given = one(initial=drawn.layers[0].first_weights).learn(samples[:50])
    names = []
    for chip in (drawn, given):
        chip.save(tmp_path / "chip.h5")
        with h5py.File(tmp_path / "chip.h5") as file:
            names.append(set(file["layer_0"]))
            assert file.attrs["state_sha256"] == drawn.state_sha256
    assert names[1] - names[0] == {"first_weights"}


def test_what_is_written_to_an_array_later_changes_nothing(samples):
    array = PROTOTYPES.copy()
    chip = one(initial=array)
    array[:] = 0
    chip.layers[0].first_weights[:] = 0
    chip.initial[0][:] = 0
    with pytest.raises(ns.FixedError, match="initial_array must not be assigned"):
        chip.layers[0].initial_array = None
    assert np.array_equal(chip.learn(samples).layers[0].first_weights, PROTOTYPES.astype(np.float32))


def test_the_table_of_neurons_measures_from_the_array(samples):
    chip = one(ns.recipes.softhebb(12, rate=0)).learn(samples)
    assert (chip.layers[0].neurons()["displacement"] == 0).all()
    assert (chip.layers[0].neurons()["state"] == "dead").all()
    chip = one(ns.recipes.krotov_hopfield(12)).learn(samples)
    first, now = PROTOTYPES.astype(np.float32), chip.layers[0].weights
    expected = np.linalg.norm(now - first, axis=1) / np.linalg.norm(first, axis=1)
    assert chip.layers[0].neurons()["displacement"] == pytest.approx(expected, rel=1e-4)
    assert expected.max() > 0.1


def test_prototypes_that_do_not_learn_stay(samples):
    chip = one(ns.recipes.softhebb(12, rate=0)).learn(samples)
    assert np.array_equal(chip.layers[0].weights, PROTOTYPES.astype(np.float32))
    potentials = samples @ PROTOTYPES.T.astype(np.float32)
    assert np.array_equal(chip.respond(samples).winner, potentials.argmax(axis=1))


def test_weights_may_be_negative_and_inputs_still_are_what_the_constants_say(samples):
    negative = -PROTOTYPES
    chip = one(initial=negative).learn(samples[:20])
    with pytest.raises(ns.SampleError, match="at least 0"):
        chip.learn_one(-samples[0])
    one(DENSE["normal"]).learn_one(-samples[0])


def test_a_layer_whose_weights_are_negative_may_transmit_what_the_next_does_not_take():
    layers = [ns.recipes.softhebb(12, transmit=ns.Identity()), ns.recipes.softhebb(5)]
    ns.Chip(layers, inputs=64, initial=[PROTOTYPES, None])
    with pytest.raises(ns.ConfigError, match=r"transmit of layer 1 must be ReLU.*layer 2 has initial='uniform'"):
        ns.Chip(layers, inputs=64, initial=[-PROTOTYPES, None])
    ns.Chip([ns.recipes.softhebb(12, transmit=ns.ReLU()), layers[1]], inputs=64, initial=[-PROTOTYPES, None])


@pytest.mark.parametrize("initial", [PROTOTYPES, [PROTOTYPES], (PROTOTYPES,), PROTOTYPES.tolist()])
def test_one_layer_takes_an_array_or_a_list_of_it(initial):
    assert np.array_equal(one(initial=initial).layers[0].first_weights, PROTOTYPES.astype(np.float32))


@pytest.mark.parametrize("initial", [None, [None]])
def test_without_an_array_weights_are_those_of_the_seed(initial):
    chip = one(initial=initial, seed=3)
    assert chip.initial == [None]
    assert chip.state_sha256 == ns.Chip([ns.recipes.softhebb(12)], inputs=64, seed=3).state_sha256


def test_a_single_neuron_s_row_is_no_list_of_layers():
    chip = one(ns.recipes.softhebb(1), [PROTOTYPES[0]])
    assert np.array_equal(chip.layers[0].weights[0], PROTOTYPES[0].astype(np.float32))


@pytest.mark.parametrize(("initial", "words"), [
    (PROTOTYPES, "initial must be a list of 3 arrays, one for each layer, None to draw weights, got 'ndarray'"),
    ([KERNELS, None], "got '2 entries'"), ([KERNELS, None, None, None], "got '4 entries'"), ([], "got '0 entries'"),
    ("abc", "'abc'"), (iter([None] * 3), "list_iterator"), ({0: KERNELS}, "got 'dict'"),
    ([KERNELS, KERNELS, None], "initial of layer 2 must be an array of the shape (12, 54), as the layer's weights"),
    ([KERNELS[:, 0], None, None], "initial of layer 1 must be an array of the shape (6, 1, 3, 3)"),
    ([KERNELS * np.nan, None, None], "initial of layer 1 must be finite in float32, got nan"),
    (["abc", None, None], "initial of layer 1 must be real numbers"),
])  # fmt: skip
def test_bad_arrays_are_refused_in_a_line(initial, words):
    layers = [layer.constants for layer in several().layers]
    with pytest.raises(ns.ConfigError) as refusal:
        ns.Chip(layers, inputs=IMAGE, initial=initial)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("initial", [[PROTOTYPES, None], [None, None], (None, PROTOTYPES.tolist(), None)])
def test_one_layer_has_one_entry(initial):
    words = f"initial must be an array, .* for a chip of one layer, got 'another .* entries than layers: {len(initial)}"
    with pytest.raises(ns.ConfigError, match=words):
        one(initial=initial)


def test_the_untrained_network_of_a_comparison_begins_with_the_array():
    blocks = (next(ns.open_stream(f"digits:{part}").blocks(size=400)) for part in ("train", "test"))
    train, test = (ArrayStream(block.samples, block.labels) for block in blocks)
    frozen = ns.compare(one(ns.recipes.softhebb(12, rate=0, temperature=0.01)).learn(train), train, test)
    learned = ns.compare(one(ns.recipes.softhebb(12, initial="zeros", temperature=0.01)).learn(train), train, test)
    assert frozen[0].accuracy == frozen[1].accuracy
    assert learned[0].accuracy != learned[1].accuracy == frozen[1].accuracy  # with zeros, "winner" would be None
    drawn = ns.compare(one(initial=None).learn(train), train, test)
    assert drawn[1].accuracy != frozen[1].accuracy


@pytest.mark.slow
def test_the_command_line_goes_on_with_a_chip_of_given_weights(tmp_path):
    path, digits = tmp_path / "chip.h5", ns.open_stream("digits")
    one().save(path)
    for epochs in (1, 2):
        invoke("stream", "digits", "--neurons", 12, "--state", path, "--epochs", epochs, "--snapshot-samples", 700)
        chip = ns.Chip.load(path)
        assert chip.state_sha256 == one().learn(ns.open_stream("digits", epochs=epochs)).state_sha256
        for file in (path, tmp_path / "chip.h5.previous"):
            assert np.array_equal(ns.Chip.load(file).layers[0].first_weights, PROTOTYPES.astype(np.float32))
    invoke("stream", "digits", "--neurons", 12, "--state", path, "--epochs", 2, "--set", "rate=0.5")
    assert np.array_equal(ns.Chip.load(path).initial[0], PROTOTYPES.astype(np.float32))
    assert "began  with weights that were given" in invoke("inspect", path).stdout
    assert json.loads(invoke("inspect", path, "--json").stdout)["layers"][0]["first_weights"] == "array"
    invoke("judge", path, "--train", "digits:train", "--test", "digits:test")
    invoke("stream", "digits", "--neurons", 12, "--state", path, "--restart")
    assert ns.Chip.load(path).state_sha256 == one(initial=None).learn(digits).state_sha256
    assert ns.Chip.load(path).initial == [None]
    assert not re.search("began", invoke("inspect", path).stdout)


def test_a_pipe_that_begins_anew_is_replayed_to_a_chip_of_given_weights(samples, tmp_path):
    path = tmp_path / "chip.h5"
    lines = [",".join(str(float(value)) for value in x) + "\n" for x in samples]
    one().save(path)
    command = ["stream", "-", "--inputs", 64, "--neurons", 12, "--state", path]
    invoke(*command, stdin="".join(lines[:100]))
    invoke(*command, "--replay", stdin="".join(lines))
    chip = ns.Chip.load(path)
    assert chip.samples == 300
    assert chip.state_sha256 == one().learn(samples).state_sha256
    assert np.array_equal(chip.initial[0], PROTOTYPES.astype(np.float32))


def test_a_run_takes_snapshots_beside_learning(samples, tmp_path):
    path, states = tmp_path / "chip.h5", []
    chip = one()
    report = ns.run(chip, ArrayStream(np.tile(samples, (4, 1))), state=path, snapshot_samples=300, chunk=100)
    states = [ns.Chip.load(file) for file in (path, tmp_path / "chip.h5.previous")]
    assert report.snapshots >= 4
    assert [state.samples for state in states] == [1200, 900]
    for state in states:
        assert np.array_equal(state.initial[0], PROTOTYPES.astype(np.float32))
