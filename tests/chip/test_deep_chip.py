"""Chips of convolutional layers: the promises P1 to P3, shapes, presets, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thinned import few_of
from threadpoolctl import threadpool_limits

import neurosim as ns
from neurosim.streams import ArrayStream

SHAPE = (3, 8, 8)


def conv(neurons, pool=None, **constants):
    rule = constants.pop("rule", None) or ns.SoftHebb(rate=ns.NormAdaptiveRate(constants.pop("rate", 0.5)))
    together = {"kernel": 3, "padding": 1, "radius": 5.0, "competition": ns.SoftWTA(temperature=1.0, signed=True)}
    return ns.ConvWTA(neurons, rule=rule, pool=pool or ns.MaxPool(size=2, stride=2), **(together | constants))


def layers(**constants):
    """Three layers of images, a dense one, and a readout that is taught by labels."""
    return [
        conv(6, **constants), conv(8, **constants), conv(5, pool=ns.MeanPool(size=2, stride=2), **constants),
        ns.recipes.hard_wta(7, initial="normal", transmit=ns.ReLU()), ns.recipes.delta_readout(3),
    ]  # fmt: skip


def images(count=23, seed=0, shape=SHAPE):
    return np.random.default_rng(seed).random((count, *shape), np.float32)


LABELS = np.random.default_rng(3).integers(0, 3, 23)
KINDS = {
    "online": {},
    "few": {"cutoff": 0.1},
    "window": {"window": 4},
    "published": {"window": 4, "normalise": "window", "step": "largest"},
    "sample": {"normalise": "sample", "warm_up": 3},
    "conscience": {"window": 3, "bias": ns.Conscience(rate=0.2, strength=3.0), "competition": ns.KWTA(2)},
    "thresholds": {"bias": ns.AdaptiveThreshold(step=0.5, leak=0.1), "renormalise": True, "rule": ns.Hebb(rate=0.5)},
}


@pytest.fixture(params=KINDS, ids=str)
def make(request):
    return lambda seed=0: ns.Chip(layers(**KINDS[request.param]), inputs=SHAPE, seed=seed)


def test_a_stream_is_the_loop_over_its_samples_whatever_chunk_and_threads(make):
    X = images()
    one = make()
    for x, label in zip(X, LABELS, strict=True):
        one.learn_one(x, int(label))
    for chunk, threads in ((1, 1), (5, 1), (23, 1), (3, 2), (4, 3)):
        chip = make().learn(X, labels=LABELS, chunk=chunk, threads=threads)
        assert chip.state_sha256 == one.state_sha256, (chunk, threads)


@pytest.mark.parametrize("stop", [0, 1, 6, 13])
def test_a_chip_that_was_saved_goes_on_to_the_same_bits(make, tmp_path, stop):
    X = images()
    whole = make().learn(X, labels=LABELS)
    make().learn(X[:stop], labels=LABELS[:stop]).save(tmp_path / "chip.h5")
    chip = ns.Chip.load(tmp_path / "chip.h5").learn(X[stop:], labels=LABELS[stop:])
    assert chip.state_sha256 == whole.state_sha256
    for layer, other in zip(chip.layers, whole.layers, strict=True):
        np.testing.assert_array_equal(layer.weights, other.weights)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(1, 9), max_size=4), st.sampled_from(sorted(KINDS)))
def test_cuts_never_matter(tmp_path_factory, seed, cuts, kind):
    X = images(12, seed, (2, 5, 7))
    make = [conv(4, **KINDS[kind]), conv(3, pool=ns.MeanPool(size=2, stride=1, padding=1), **KINDS[kind])]
    whole = ns.Chip(make, inputs=(2, 5, 7), seed=seed).learn(X)
    path, chip, at = tmp_path_factory.mktemp("cuts") / "chip.h5", ns.Chip(make, inputs=(2, 5, 7), seed=seed), 0
    for cut in [*cuts, 12]:
        chip.learn(X[at : at + cut], chunk=cut)
        at += cut
        chip.save(path)
        chip = ns.Chip.load(path)
    assert chip.state_sha256 == whole.state_sha256


def test_a_response_is_pure_and_the_same_one_by_one(make):
    X = images()
    chip = make().learn(X[:10], labels=LABELS[:10])
    before = chip.state_sha256
    every = chip.respond(X)
    for n, x in enumerate(X):
        np.testing.assert_array_equal(chip.respond_one(x).output, every.output[n])
    sent = np.concatenate([outputs for outputs, _ in chip.output_blocks(X, chunk=4)])
    np.testing.assert_array_equal(sent, every.output)
    assert chip.state_sha256 == before


@pytest.mark.parametrize("preset", few_of(["softhebb-cifar10-3layer", "softhebb-mnist-3layer-published"]))
def test_bits_do_not_depend_on_the_threads_of_blas(preset):
    X = images(10, 0, ns.presets.preset(preset).shape)
    assert len({_learned(X, threads, preset=preset) for threads in (1, 2)}) == 1


@pytest.mark.parametrize("channels", [17, 21, 35])
def test_nor_do_those_of_sums_that_are_no_round_numbers(channels):
    X = images(3, 0, (channels, 9, 9))
    assert len({_learned(X, threads, neurons=97, kernel=5, padding=2) for threads in (1, 2)}) == 1


def _learned(X, threads, preset=None, **constants):
    with threadpool_limits(threads, user_api="blas"):
        if preset is not None:
            return ns.Chip.from_preset(preset).learn(X).state_sha256
        return ns.Chip([conv(**constants)], inputs=X.shape[1:]).learn(X).state_sha256


def test_shapes_are_those_of_images():
    X = images()
    chip = ns.Chip([conv(6), conv(8, pool=ns.MeanPool(size=3, stride=1, padding=1))], inputs=SHAPE).learn(X)
    assert repr(chip) == "Chip(3 x 8 x 8 -> 6 x 4 x 4 -> 8 x 4 x 4, seed=0, 23 samples learned)"
    response = chip.respond_one(X[0])
    assert response.potentials.shape == response.responses.shape == (8, 4, 4)
    assert np.abs(response.responses).sum(axis=0) == pytest.approx(np.ones((4, 4)), rel=1e-5)
    assert chip.layers[0].weights.shape == chip.layers[0].first_weights.shape == (6, 3, 3, 3)
    won = np.bincount(response.potentials.argmax(axis=0).ravel(), minlength=8)
    assert response.winner == won.argmax()
    every = chip.respond(X)
    assert every.potentials.shape == (23, 8, 4, 4)
    assert every.output.shape == (23, 128)
    assert chip.layers[1].wins.sum() == 23 * 16
    assert len(chip.layers[0].neurons()) == 6


def test_layers_may_learn_one_after_another():
    X = images()
    chip = ns.Chip(layers(), inputs=SHAPE)
    for place in range(3):
        before = [layer.weights for layer in chip.layers]
        chip.learn(X, layers=[place], threads=1 + place)
        changed = [not np.array_equal(old, layer.weights) for old, layer in zip(before, chip.layers, strict=True)]
        assert changed == [n == place for n in range(5)]
    assert [layer.samples for layer in chip.layers] == [23, 23, 23, 0, 0]
    first = ns.Chip(layers()[:1], inputs=SHAPE).learn(X)
    second = ns.Chip([conv(8)], inputs=(6, 4, 4))
    second.layers[0].state.synapses[:] = ns.Chip(layers(), inputs=SHAPE).layers[1].state.synapses
    second.layers[0].state.norms[:] = ns.Chip(layers(), inputs=SHAPE).layers[1].state.norms
    second.learn(first.respond(X).output)
    np.testing.assert_array_equal(chip.layers[1].weights, second.layers[0].weights)


@pytest.mark.parametrize("places", [[], [5], [-1], 1, ["a"]], ids=str)
def test_places_that_are_none_are_refused(places):
    with pytest.raises(ns.ConfigError, match="layers must be"):
        ns.Chip(layers(), inputs=SHAPE).learn(images(), layers=places)


def test_flat_samples_are_taken_in_the_order_of_their_shape():
    X = images()
    shaped, flat = (ns.Chip([conv(4)], inputs=SHAPE).learn(x) for x in (X, X.reshape(23, -1)))
    assert shaped.state_sha256 == flat.state_sha256


@pytest.mark.parametrize("shape", [(8, 8, 3), (3, 4, 16), (24, 8)], ids=str)
def test_a_stream_of_images_of_another_shape_is_refused_though_as_many_numbers(shape):
    chip, other = ns.Chip([conv(4)], inputs=SHAPE), ArrayStream(images(shape=shape), LABELS)
    words = rf"samples of array must have the shape \(3, 8, 8\), or be flat in that order, got \({shape[0]}, "
    for take in (chip.learn, chip.respond, lambda stream: ns.run(chip, stream)):
        with pytest.raises(ns.SampleError, match=words):
            take(other)
    assert chip.samples == 0


def test_a_stream_may_be_flat_or_leave_out_an_only_channel():
    X = images(shape=(1, 8, 8))
    found = [
        ns.Chip([conv(4)], inputs=(1, 8, 8)).learn(ArrayStream(X.reshape(-1, *shape))).state_sha256
        for shape in ((1, 8, 8), (8, 8), (64,))
    ]
    assert len(set(found)) == 1


def test_first_weights_do_not_depend_on_what_is_around_them():
    chip = ns.Chip([conv(4), conv(5)], inputs=SHAPE, seed=9)
    other = ns.Chip([conv(4, window=3), conv(5)], inputs=(3, 12, 9), seed=9)
    for layer, same in zip(chip.layers, other.layers, strict=True):
        np.testing.assert_array_equal(layer.weights, layer.first_weights)
        np.testing.assert_array_equal(layer.weights, same.weights)


@pytest.mark.slow
def test_a_rule_of_one_s_own_gives_the_built_in_s_bits():
    paced = ns.NormAdaptiveRate(0.5)

    @ns.rule
    def mine(potential, response, rate=paced):
        growth = rate * response
        return 1 - growth * potential, growth

    X = images()
    chips = [
        ns.Chip([ns.ConvWTA(6, kernel=3, competition=ns.SoftWTA(temperature=1.0, signed=True), rule=rule,
                            radius=5.0, cutoff=cutoff)], inputs=SHAPE).learn(X)
        for rule in (mine(), ns.SoftHebb(rate=ns.NormAdaptiveRate(0.5))) for cutoff in (0.0, 0.1)
    ]  # fmt: skip
    assert chips[0].state_sha256 == chips[2].state_sha256
    assert chips[1].state_sha256 == chips[3].state_sha256
    assert chips[0].state_sha256 != chips[1].state_sha256


def test_a_rule_that_asks_for_more_is_refused():
    @ns.rule
    def mine(response, mean):
        return 1.0, response - mean

    with pytest.raises(ns.ConfigError, match="rule must be one that does not ask for mean in a ConvWTA, got 'mine'"):
        ns.ConvWTA(3, kernel=3, competition=ns.HardWTA(), rule=mine)


def test_a_rule_without_a_rate_is_refused_where_the_rate_is_all_that_is_left_of_a_step():
    @ns.rule
    def mine(response):
        return 1.0, 0.1 * response

    with pytest.raises(ns.ConfigError, match=r"rate of rule mine must be above 0 with step='largest', got 0.0"):
        ns.ConvWTA(3, kernel=3, competition=ns.HardWTA(), rule=mine, step="largest")
    ns.ConvWTA(3, kernel=3, competition=ns.HardWTA(), rule=mine)


@pytest.mark.slow
@pytest.mark.parametrize("step", ["capped", "largest"])
@pytest.mark.parametrize("wild", [0, 1])
def test_a_rule_that_gives_no_numbers_is_said(step, wild):
    @ns.rule
    def mine(potential, response, rate=0.1, decays=1.0):
        huge = 1e30 * potential * potential * 1e30
        return (1.0 - huge, rate * response) if decays > 0.5 else (1.0, rate * response * (huge - huge))

    chip = ns.Chip([conv(4, rule=mine(decays=1.0 - wild), step=step)], inputs=SHAPE)
    with pytest.raises(ns.DivergedError, match="layer 1, neuron"):
        chip.learn(images())


GOOD = {"kernel": 3, "competition": ns.HardWTA(), "rule": ns.SoftHebb(rate=0.1)}


@pytest.mark.parametrize(("constants", "words"), [
    ({"kernel": 0}, "kernel must be a whole number of at least 1, got 0"),
    ({"padding": -1}, "padding must be a whole number of at least 0, got -1"),
    ({"normalise": "batch"}, "normalise must be one of none, running, sample, layer, window, got 'batch'"),
    ({"normalise": "window"}, "window must be 2 or more with normalise='window', got 1"),
    ({"step": "max"}, "step must be one of capped, largest, got 'max'"),
    ({"step": "largest", "cutoff": 0.1}, "cutoff must be 0 with step='largest', got 0.1"),
    ({"initial": "uniform"}, "initial must be 'normal' with normalised images"),
    ({"horizon": 0.5}, "horizon must be at least 1, got 0.5"),
    ({"cap": 0}, "cap must be above 0 and at most 1, got 0"),
    ({"competition": ns.Taught()}, "competition must be a SoftWTA, HardWTA, KWTA, Ranked or OwnCompetition"),
    ({"competition": ns.KWTA(5)}, "winners must be at most the number of neurons, 4, got 5"),
    ({"competition": ns.Ranked(rank=5)}, "rank must be at most the number of neurons, 4, got 5"),
    ({"bias": 0.5}, "bias must be a Conscience, MeanActivity, LogPrior, AdaptiveThreshold or None, got 0.5"),
    ({"bias": ns.LogPrior()}, "competition must be SoftWTA, not signed, not winner_only, where bias is a LogPrior"),
    ({"renormalise": 1}, "renormalise must be True or False, got 1"),
    ({"renormalise": True}, "rate of SoftHebb must be another with renormalise=True"),
    ({"competition": ns.SoftWTA(gain=2.0, winner_only=True)}, "winner_only must be False in a ConvWTA"),
    ({"competition": ns.KWTA(2, temperature=0.5)}, "temperature of KWTA must be None in a ConvWTA, got 0.5"),
    ({"rule": ns.BCM(rate=0.1)}, "rule must be a Hebb, Oja, Instar, SoftHebb or OwnRule"),
    ({"transmit": ns.Softmax(temperature=1.0)}, "transmit must be a Identity, ReLU or Triangle"),
    ({"pool": 2}, "pool must be a MaxPool, MeanPool or None"),
    ({"window": 257}, "window must be a whole number of at most 256, got 257"),
], ids=str)  # fmt: skip
def test_what_a_layer_cannot_be_is_said(constants, words):
    with pytest.raises(ns.ConfigError) as caught:
        ns.ConvWTA(4, **(GOOD | constants))
    assert words in str(caught.value)


def test_first_weights_have_norm_one_where_all_are_brought_to_it():
    rule = ns.Hebb(rate=ns.ConstantRate(0.1))
    chip = ns.Chip([conv(4, rule=rule, renormalise=True)], inputs=SHAPE)
    np.testing.assert_allclose(np.square(chip.layers[0].weights).sum(axis=(1, 2, 3)), 1, rtol=1e-6)
    mine = np.random.default_rng(0).normal(size=(4, 3, 3, 3))
    given_weights = ns.Chip([conv(4, rule=rule, renormalise=True)], inputs=SHAPE, initial=mine).layers[0].weights
    np.testing.assert_allclose(given_weights, mine / np.sqrt((mine**2).sum(axis=(1, 2, 3), keepdims=True)), rtol=1e-5)
    with pytest.raises(ns.ConfigError, match="must be other than zero"):
        ns.Chip([conv(4, rule=rule, renormalise=True)], inputs=SHAPE, initial=0 * mine)


def test_a_conscience_makes_up_for_an_advantage():
    shares = []
    for bias in (None, ns.Conscience(rate=0.2, strength=20.0), ns.AdaptiveThreshold(step=1.0, leak=0.1)):
        still = ns.SoftHebb(rate=ns.ConstantRate(0.0))  # the longest weights win most positions of positive images
        layer = conv(6, rule=still, competition=ns.HardWTA(), normalise="none", initial="uniform", bias=bias)
        chip = ns.Chip([layer], inputs=SHAPE).learn(images(60))
        shares.append(chip.layers[0].wins / chip.layers[0].wins.sum())
    assert shares[0].max() > 0.4
    assert shares[0].min() == 0
    assert all(share.max() < 0.25 and share.min() > 0.03 for share in shares[1:])


def test_constants_and_arrays_of_layers_without_a_bias_are_those_of_older_versions():
    from neurosim.layers.plain import describe

    plain, biased = conv(4), conv(4, bias=ns.MeanActivity())
    assert {"bias", "renormalise"}.isdisjoint(describe(plain))
    assert describe(biased)["bias"] == {"kind": "MeanActivity", "rate": 0.05}
    assert {"activity", "pending_sums"}.isdisjoint(ns.Chip([plain], inputs=SHAPE).layers[0].arrays())
    assert {"activity", "pending_sums"} < set(ns.Chip([biased], inputs=SHAPE).layers[0].arrays())
    with pytest.raises(ns.ConfigError, match="bias must be left as it is with the weights"):
        ns.Chip([plain], inputs=SHAPE).with_constants(bias=ns.MeanActivity())


def test_a_pool_is_checked():
    with pytest.raises(ns.ConfigError, match="padding of a pool must be a whole number of at most 1, got 2"):
        ns.MaxPool(size=3, stride=1, padding=2)


@pytest.mark.parametrize(("made", "inputs", "words"), [
    ([conv(4, kernel=9, padding=0)], SHAPE, "kernel of layer 1 must be at most its images' size, 8 x 8 pixels and 0"),
    ([conv(4, padding=8)], SHAPE, "padding of layer 1 must be below its images' 8 x 8 pixels, got 8"),
    ([conv(4), conv(4, pool=ns.MaxPool(size=5, stride=1))], SHAPE,
     "pool of layer 2 must be at most its positions' size, 4 x 4 and 0 of padding, got 5"),
    ([conv(4)], 192, "inputs of layer 1 must be images (channels, height, width), got (192,)"),
    ([ns.recipes.softhebb(4), conv(4)], 192, "inputs of layer 2 must be images (channels, height, width), got (4,)"),
    ([conv(4)], (3, 8, 0), "inputs must be a whole number of at least 1, got 0"),
    ([conv(4)], "abc", "inputs must be a whole number of at least 1, got 'abc'"),
    ([conv(4, transmit=ns.Identity()), ns.recipes.softhebb(3)], SHAPE, "transmit of layer 1 must be ReLU, Triangle or"),
], ids=range(8))  # fmt: skip
def test_a_chip_that_does_not_fit_is_said(made, inputs, words):
    with pytest.raises(ns.ConfigError) as caught:
        ns.Chip(made, inputs=inputs)
    assert words in str(caught.value)


@pytest.mark.parametrize(("x", "words"), [
    (np.zeros((3, 8, 9)), "samples must have the shape (3, 8, 8), got (3, 8, 9)"),
    (np.zeros((8, 8, 3)), "samples must have the shape (3, 8, 8), got (8, 8, 3)"),
    (np.zeros(191), "samples must have the shape (3, 8, 8), got (191,)"),
    (np.full(SHAPE, np.nan), "sample 0, input 0 of layer 1 must be finite, got nan"),
    (np.full(SHAPE, 1e38), "sample 0 of layer 1 must have a norm within float32's range"),
], ids=range(5))  # fmt: skip
def test_a_sample_that_does_not_fit_is_said_and_nothing_is_lost(x, words):
    chip = ns.Chip([conv(4), conv(3)], inputs=SHAPE).learn(images())
    before = chip.state_sha256
    with pytest.raises(ns.SampleError) as caught:
        chip.learn_one(x)
    assert words in str(caught.value)
    assert chip.state_sha256 == before


def test_a_bad_image_in_a_stream_ends_it_with_all_before_learned():
    X = images()
    X[9, 1, 2, 3] = np.inf
    chip = ns.Chip([conv(4), conv(3)], inputs=SHAPE)
    with pytest.raises(ns.SampleError, match="sample 9, input 83 of layer 1 must be finite, got inf"):
        chip.learn(X, chunk=4, threads=2)
    assert chip.state_sha256 == ns.Chip([conv(4), conv(3)], inputs=SHAPE).learn(X[:9]).state_sha256


def test_flat_images_and_black_ones_are_learned_without_harm():
    X = np.zeros((6, *SHAPE), np.float32)
    X[3:] = 0.5
    for normalise in ("running", "sample", "layer", "none"):
        chip = ns.Chip([conv(4, normalise=normalise)], inputs=SHAPE).learn(X)
        assert np.isfinite(chip.layers[0].weights).all()


def test_a_rate_far_too_high_is_said_before_weights_are_lost():
    chip = ns.Chip([conv(4, normalise="none", radius=1e17, cap=1.0)], inputs=SHAPE)
    with pytest.raises(ns.DivergedError, match="layer 1, neuron"):
        chip.learn(images() * 1e15)


@pytest.mark.parametrize("name", ns.presets.names())
def test_presets_are_chips(name):
    preset = ns.presets.preset(name)
    assert preset.source.startswith(("2", "3", "4", "5", "6"))
    ns.SoftmaxReadout(**preset.readout)
    if preset.layers[-1].neurons < 2000:
        chip = ns.Chip.from_preset(name, seed=1)
        assert len(chip.layers) == int(name.split("layer")[0][-1])
        assert chip.shape == preset.shape


def test_a_preset_on_other_images():
    chip = ns.Chip.from_preset("softhebb-cifar10-1layer", inputs=(1, 28, 28), seed=3)
    assert chip.layers[0].shape == (96, 14, 14)
    with pytest.raises(ns.ConfigError, match=r"preset must be one of softhebb-cifar10-1layer, .*, got 'cifar'"):
        ns.Chip.from_preset("cifar")
    with pytest.raises(ns.ConfigError, match="padding of layer 4 must be below its images' 1 x 1 pixels, got 1"):
        ns.Chip.from_preset("softhebb-stl10-4layer", inputs=(3, 8, 8))


@pytest.mark.parametrize("width", ["", "-half", "-double"])
def test_widths_are_half_and_double(width):
    layers = ns.presets.preset(f"softhebb-cifar10-3layer{width}").layers
    factor = {"": 1, "-half": 0.5, "-double": 2}[width]
    assert [layer.neurons for layer in layers] == [96 * factor, 384 * factor, 1536 * factor]


def test_a_receptive_field_is_what_moves_a_potential():
    chip = ns.Chip([conv(4), conv(3, kernel=5, padding=2), conv(3)], inputs=(1, 40, 40))
    image = np.random.default_rng(0).random((1, 40, 40))
    for layer in range(3):
        seen = ns.receptive_fields.field(chip, layer)
        (response, _) = next(chip.respond_blocks(image[None], layer=layer))
        position = response.potentials.shape[2] // 2
        moved = np.zeros((40, 40), bool)
        for i, j in np.ndindex(40, 40):
            if i == 20 or j == 20:  # a cross is enough, and cheap
                other = image.copy()
                other[0, i, j] += 50.0
                (now, _) = next(chip.respond_blocks(other[None], layer=layer))
                before, after = (r.potentials[0, :, position, position] for r in (response, now))
                moved[i, j] = not np.array_equal(before, after)
        first, last = seen.start + seen.stride * position, seen.start + seen.stride * position + seen.size
        assert moved[20, max(first, 0) : last].mean() > 0.5  # a pool passes on the largest alone
        assert not moved[20, : max(first, 0)].any()
        assert not moved[20, last:].any()
        assert not moved[last:, 20].any()


def test_the_strongest_patches_are_those_for_which_a_neuron_stands_out():
    X = images(60)
    chip = ns.Chip([conv(5), conv(4)], inputs=SHAPE).learn(X)
    found = ns.receptive_fields.strongest_patches(chip, X, layer=0, neurons=[2, 4], count=3)
    assert found.shape == (2, 3, 3, 3, 3)
    (response, _) = next(chip.respond_blocks(X, layer=0))
    u = response.potentials
    standing = (u - u.mean(axis=1, keepdims=True)) / u.std(axis=1, keepdims=True)
    for k, patches in zip((2, 4), found, strict=True):
        largest = standing[:, k].reshape(60, -1)
        for place, n in enumerate(np.argsort(-largest.max(axis=1))[:3]):
            i, j = divmod(int(largest[n].argmax()), 8)
            padded = np.pad(X[n], ((0, 0), (1, 1), (1, 1)))
            np.testing.assert_array_equal(patches[place], padded[:, i : i + 3, j : j + 3])
    few = ns.receptive_fields.strongest_patches(chip, X[:2], layer=1, neurons=0, count=3)
    assert not few[0, 2].any()
    assert few[0, 1].any()


def test_receptive_fields_are_those_of_images():
    chip = ns.Chip(layers(), inputs=SHAPE)
    with pytest.raises(ns.ConfigError, match="layer 4 must be a ConvWTA to have receptive fields"):
        ns.receptive_fields.field(chip, 3)
    with pytest.raises(ns.ConfigError, match="neurons must be numbers below the layer's 6, got 6"):
        ns.receptive_fields.strongest_patches(chip, images(), layer=0, neurons=6)
    with pytest.raises(ns.ConfigError, match="neurons must be whole numbers"):
        ns.receptive_fields.strongest_patches(chip, images(), layer=0, neurons=[[1], [1, 2]])
    for none in ([], [[0, 1], [2, 3]]):
        with pytest.raises(ns.ConfigError, match=r"neurons must be (whole )?numbers"):
            ns.receptive_fields.strongest_patches(chip, images(), layer=0, neurons=none)


def test_a_patch_of_padding_alone_is_zeros():
    X = np.zeros((1, 1, 3, 3), np.float32)
    X[0, 0, 2, 2] = 1.0
    chip = ns.Chip([ns.ConvWTA(1, kernel=1, padding=2, competition=ns.HardWTA(), rule=ns.SoftHebb(rate=0.1),
                               normalise="none", initial="uniform")], inputs=(1, 3, 3))  # fmt: skip
    patches = ns.receptive_fields.strongest_patches(chip, X, layer=0, neurons=0, count=1)
    assert patches.shape == (1, 1, 1, 1, 1)  # the corner, mirrored, is the first of the largest
    assert not patches.any()
