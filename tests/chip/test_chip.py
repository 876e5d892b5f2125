"""P1 (chunks and threads change nothing), P3 (responding is pure), P7 (randomness by counting), and the chip's door."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurosim as ns
from neurosim import randomness
from neurosim.streams import Block

WORDS = [2343059918117938455, 12629168818022427140]


@given(
    seed=st.integers(0, 2**64 - 1), widths=st.lists(st.integers(1, 20), min_size=1, max_size=3),
    chunk=st.integers(1, 40), threads=st.integers(1, 3), window=st.integers(1, 5),
    normalise=st.sampled_from(["none", "stream", "sample"]), count=st.integers(1, 35),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_learn_is_the_loop_over_learn_one_bit_for_bit(seed, widths, chunk, threads, window, normalise, count):
    samples = np.random.default_rng(seed % 1000).random((count, 6), np.float32)
    samples[count // 2] = 0
    layers = [ns.recipes.softhebb(n, window=window, normalise=normalise) for n in widths]
    one, many = (ns.Chip(layers, inputs=6, seed=seed) for _ in range(2))
    for x in samples:
        one.learn_one(x)
    many.learn(samples, chunk=chunk, threads=threads)
    assert many.state_sha256 == one.state_sha256
    assert many.samples == count


COMPETITIONS = [
    ns.SoftWTA(temperature=0.05), ns.SoftWTA(gain=8.0, signed=True), ns.HardWTA(), ns.KWTA(2), ns.KWTA(2, signed=True),
    ns.SoftWTA(temperature=0.1, winner_only=True), ns.Ranked(rank=3), ns.NoInhibition(), ns.SparseGate(share=0.4),
    ns.Taught(), ns.Corrected(temperature=0.5),
]  # fmt: skip
RATES = [0.05, ns.NormAdaptiveRate(0.05, 0.7), ns.LinearRate(0.1, 20), ns.ExponentialRate(0.1, 20, 0.01),
         ns.WinCountRate(0.3)]  # fmt: skip
RULES = [
    ns.SoftHebb, ns.Hebb, ns.Oja, ns.Instar, ns.HebbNet, lambda rate: ns.BCM(rate=rate, averaging=0.5),
    lambda rate: ns.EGHR(rate=rate, threshold=5.0),
]  # fmt: skip
BIASES = [None, None, ns.Conscience(rate=0.1), ns.MeanActivity()]
TRANSMITS = [ns.ReLU(), ns.Triangle(power=1.0), ns.Triangle(power=1.4), ns.Softmax(temperature=0.2)]


@given(
    competition=st.sampled_from(COMPETITIONS), transmit=st.sampled_from(TRANSMITS), chunk=st.integers(1, 40),
    threads=st.integers(1, 3), cutoff=st.sampled_from([0.0, 0.01, 0.5]),
    initial=st.sampled_from(["uniform", "normal", "zeros"]),
    rule=st.sampled_from(RULES), rate=st.sampled_from(RATES), window=st.integers(1, 4), bias=st.sampled_from(BIASES),
    memory=st.sampled_from([{}, {"leak": 0.01}, {"eligibility": 0.5, "window": 1}, {"lebesgue": 3.0}]),
    renormalise=st.booleans(),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
@pytest.mark.filterwarnings("ignore::neurosim.StabilityWarning")
def test_so_it_is_for_every_choice(
    competition, transmit, chunk, threads, cutoff, initial, rule, rate, window, bias, memory, renormalise
):
    rng = np.random.default_rng(0)
    samples, labels = rng.random((130, 6), np.float32), rng.integers(-1, 5, 130)
    modulators = rng.choice([1.0, 0.0, -0.2, 0.5], 130)
    renormalise = renormalise and initial != "zeros"
    together = {"competition": competition, "rule": rule(rate=rate), "radius": 1.5, "transmit": transmit,
                "cutoff": cutoff, "initial": initial, "window": window, "normalise": "sample", "bias": bias,
                "renormalise": renormalise, **memory}  # fmt: skip
    layers = [ns.DenseWTA(n, **together) for n in (7, 5)]
    one, many = (ns.Chip(layers, inputs=6) for _ in range(2))
    try:
        for x, label, modulator in zip(samples, labels, modulators, strict=True):
            one.learn_one(x, label, modulator=modulator)
    except ns.DivergedError:  # some choices do: at the same sample, then
        with pytest.raises(ns.DivergedError):
            many.learn(samples, labels=labels, modulators=modulators, chunk=chunk, threads=threads)
        assert many.samples >= one.samples
        return
    many.learn(samples, labels=labels, modulators=modulators, chunk=chunk, threads=threads)
    assert many.state_sha256 == one.state_sha256
    for ours, theirs in zip(many.layers, one.layers, strict=True):
        assert np.array_equal(ours.steps, theirs.steps)
        assert ours.records.tobytes() == theirs.records.tobytes()
        assert len(ours.records) == 1


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("chunk", [1, 7, 256])
def test_of_two_errors_that_of_the_earlier_sample_is_raised(chunk, threads, samples):
    # Layer 2 cannot take sample 3; sample 20 is bad in itself, and a chunk of 256 finds that first.
    layers = [ns.recipes.softhebb(6, normalise="none", transmit=ns.Triangle(power=60)), ns.recipes.softhebb(3)]
    bad = samples[:40] * np.float32(1e-3)
    bad[3] = samples[3] * 100
    bad[20, 0] = np.nan
    with pytest.raises(ns.DivergedError, match="sample 3"):
        ns.Chip(layers, inputs=64).learn(bad, chunk=chunk, threads=threads)
    with pytest.raises(ns.DivergedError, match="sample 3"):
        ns.Chip(layers, inputs=64).respond(bad, chunk=chunk)


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("chunk", [1, 2, 4, 256])
@pytest.mark.parametrize("places", [(3, 5), (3, 4), (0, 1)])
def test_of_two_errors_in_hidden_layers_too(chunk, threads, places):
    layers = [
        ns.DenseWTA(4, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=1e-30), radius=radius,
                    transmit=ns.ReLU())
        for radius in (1e4, 1e4, 1e4, 1.0)
    ]  # fmt: skip
    x = np.full((60, 4), 1e-3, np.float32)
    x[places[0]], x[places[1]] = 1e16, 5e11
    with pytest.raises(ns.DivergedError, match=f"sample {places[0]} of layer 2"):
        ns.Chip(layers, inputs=4).learn(x, chunk=chunk, threads=threads)


def test_errors_number_samples_from_the_beginning_of_the_stream(samples, make_chip):
    chip = make_chip(3).learn(samples)
    bad = samples.copy()
    bad[280, 5] = np.nan
    for verb in (chip.learn, chip.respond):
        with pytest.raises(ns.SampleError, match="sample 280, input 5"):
            verb(bad)


@pytest.mark.parametrize("bounds", [{"start": -5}, {"position": -1}, {"start": 2000}, {"start": 1.5}])
def test_a_run_begins_within_the_stream(bounds, make_chip):
    chip = make_chip(3)
    with pytest.raises(ns.ConfigError, match=r"(start|position) must be"):
        ns.run(chip, ns.open_stream("digits"), **bounds)
    assert chip.samples == 0


@given(x=st.lists(st.floats(0, 1e6, width=32), min_size=64, max_size=64), window=st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_responding_is_pure(samples, x, window):
    chip = ns.Chip([ns.recipes.softhebb(9, window=window, normalise="stream"), ns.recipes.softhebb(4)], inputs=64)
    chip.learn(samples[:20])
    before = chip.state_sha256
    first = chip.respond_one(x)
    chip.respond(samples[:30], chunk=7)
    assert chip.state_sha256 == before
    again = chip.respond_one(x)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_a_response_is_that_of_the_weights_before_they_learned(samples, make_chip):
    chip = make_chip(12, 5).learn(samples[:50])
    foreseen = chip.respond_one(samples[50])
    learned = chip.learn_one(samples[50])
    assert all(np.array_equal(a, b) for a, b in zip(foreseen, learned, strict=True))


def test_a_response_has_what_it_says(samples, make_chip):
    response = make_chip(12).learn_one(samples[0])
    assert response.potentials.shape == response.responses.shape == response.output.shape == (12,)
    assert response.potentials.dtype == response.responses.dtype == np.float32
    assert response.winner == np.argmax(response.potentials)
    assert response.responses.sum() == pytest.approx(1, abs=1e-5)


def test_respond_takes_arrays_and_streams_in_any_chunk(samples, make_chip):
    chip = make_chip(12).learn(samples)
    whole = chip.respond(samples)
    cut = chip.respond(ns.open_stream("digits"), chunk=13)
    assert whole.potentials.shape == (300, 12)
    assert cut.potentials.shape == (1797, 12)
    assert np.array_equal(cut.potentials[:300], whole.potentials)
    assert np.array_equal(whole.winner, [chip.respond_one(x).winner for x in samples])


def test_weights_read_plainly(samples):
    chip = ns.Chip([ns.recipes.softhebb(8, normalise="none", temperature=5.0)], inputs=64, seed=3).learn(samples[:40])
    weights = chip.layers[0].weights
    assert weights.shape == (8, 64)
    assert weights.dtype == np.float32
    assert weights.flags.c_contiguous
    np.testing.assert_allclose(chip.respond_one(samples[41]).potentials, weights @ samples[41], rtol=1e-5)
    np.testing.assert_allclose(chip.layers[0].norms, np.linalg.norm(weights, axis=1), rtol=1e-5)
    weights[:] = 0  # a copy: writing to it reaches nothing
    assert chip.layers[0].weights.any()


@pytest.mark.parametrize("initial", ["uniform", "normal"])
def test_first_weights_have_the_radius_asked_for(initial):
    chip = ns.Chip([ns.recipes.softhebb(400, initial=initial, radius=7.0)], inputs=200, seed=1)
    assert chip.layers[0].norms.mean() == pytest.approx(7.0, rel=0.02)
    assert (chip.layers[0].weights >= 0).all() == (initial == "uniform")


def test_first_weights_depend_on_seed_and_layer_alone(make_chip):
    # P7: counted, not drawn in turn.
    first = make_chip(3, inputs=2, seed=11).layers[0].weights
    np.testing.assert_allclose(first.T.ravel()[:3], make_chip(3, 9, inputs=2, seed=11).layers[0].weights.T.ravel()[:3])
    assert not np.array_equal(first, make_chip(3, inputs=2, seed=12).layers[0].weights)
    twice = make_chip(4, 4, inputs=4, seed=0)
    assert not np.array_equal(twice.layers[0].weights, twice.layers[1].weights)


def test_random_words_are_those_of_every_version_of_numpy():
    # Philox 4x64 of the key (11, 0), counter 1, as its authors define it; recorded once.
    assert randomness.words(11, randomness.WEIGHTS, 0, 2).tolist() == WORDS
    weights = ns.Chip([ns.recipes.softhebb(3)], inputs=2, seed=11).layers[0].weights
    np.testing.assert_allclose(weights.T.ravel()[:2], np.array(WORDS) / 2**64 * 5 * np.sqrt(3 / 2), rtol=1e-6)


@pytest.mark.parametrize("scale", [2.0**8, 2.0**-10])
def test_defaults_do_not_depend_on_the_scale_of_the_input(samples, make_chip, scale):
    # By a power of two not a single bit changes; other scales round differently (test_mnist.py).
    small = make_chip(20, 10).learn(samples)
    large = make_chip(20, 10).learn(samples * np.float32(scale))
    assert small.state_sha256 == large.state_sha256


BAD = [
    (np.ones(63), "samples must have the shape (64), got (63,)"),
    (np.ones((2, 64)), "samples must have the shape (64), got (2, 64)"),
    (np.full(64, np.nan), "input 0 of layer 1 must be finite, got nan"),
    (np.r_[np.ones(63), np.inf], "input 63 of layer 1 must be finite, got inf"),
    (np.r_[np.ones(63), 1e300], "input 63 of layer 1 must be finite, got inf"),
    (np.r_[np.ones(63), -0.5], "input 63 of layer 1 must be at least 0"),
    (np.full(64, 1e30), "of layer 1 must have a norm within float32's range"),
    (["1"] * 64, "a sample must be real numbers, got list of <U1"),
    (None, "a sample must be real numbers, got NoneType of object"),
    ({}, "a sample must be real numbers, got dict of object"),
    ([10**400] * 64, "a sample must be real numbers, got list of object"),
    (np.ones(64, complex), "a sample must be real numbers, got ndarray of complex128"),
    (np.zeros(64, "M8[s]"), "a sample must be real numbers, got ndarray of datetime64[s]"),
    (np.ma.masked_less(np.arange(64), 3), "a sample must be real numbers, got MaskedArray"),
    ([[1, 2], [3]], "a sample must be an array of numbers, got list"),
]


@pytest.mark.parametrize(("x", "words"), BAD)
@pytest.mark.parametrize("verb", ["learn_one", "respond_one"])
def test_a_bad_sample_is_refused_and_teaches_nothing(x, words, verb, samples, make_chip):
    chip = make_chip(6, 4).learn(samples[:10])
    before = chip.state_sha256
    with pytest.raises(ns.SampleError) as caught:
        getattr(chip, verb)(x)
    assert words in str(caught.value)
    assert chip.state_sha256 == before


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("chunk", [1, 4, 256])
def test_all_samples_before_a_bad_one_are_learned(chunk, threads, samples, make_chip):
    chip, clean = make_chip(6, 5, 4), make_chip(6, 5, 4).learn(samples[:17])
    bad = samples[:40].copy()
    bad[17, 3] = np.nan
    with pytest.raises(ns.SampleError, match="sample 17, input 3 of layer 1 must be finite, got nan"):
        chip.learn(bad, chunk=chunk, threads=threads)
    assert chip.state_sha256 == clean.state_sha256


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("chunk", [1, 4, 256])
def test_all_samples_before_a_bad_line_are_learned(chunk, threads, samples, make_chip, tmp_path):
    lines = [",".join(map(str, x)) for x in samples[:40]]
    lines[17] = "oops," * 63 + "oops"
    (tmp_path / "a.csv").write_text("\n".join(lines))
    chip, clean = make_chip(6, 5, 4), make_chip(6, 5, 4).learn(samples[:17])
    with pytest.raises(ns.StreamError, match="line 18"):
        chip.learn(ns.open_stream("a.csv", root=tmp_path), chunk=chunk, threads=threads)
    assert chip.state_sha256 == clean.state_sha256


def test_a_hidden_layer_that_overflows_has_diverged(samples):
    layers = [ns.recipes.softhebb(6, normalise="none", transmit=ns.Triangle(power=60)), ns.recipes.softhebb(3)]
    with pytest.raises(ns.DivergedError, match=r"layer 2 .*; what layer 1 transmits must stay within float32's range"):
        ns.Chip(layers, inputs=64).learn(samples)


def test_signed_inputs_are_for_normal_weights(samples):
    chip = ns.Chip([ns.recipes.softhebb(6, initial="normal")], inputs=64)
    chip.learn(samples - 0.5)
    assert chip.samples == 300


def test_zeros_are_counted_and_teach_nothing(make_chip):
    chip = make_chip(6)
    before = chip.layers[0].weights
    chip.learn(np.zeros((5, 64)))
    assert (chip.layers[0].blanks, chip.samples) == (5, 5)
    assert np.array_equal(chip.layers[0].weights, before)


def test_weights_that_diverge_stop_the_run_and_are_named():
    rule = ns.SoftHebb(rate=ns.ConstantRate(3e38))
    layer = ns.DenseWTA(3, competition=ns.SoftWTA(temperature=1e9), rule=rule, radius=1e18, cap=1.0)
    with pytest.raises(ns.DivergedError, match=r"layer 1, neuron \d: weights and potentials must stay finite"):
        ns.Chip([layer], inputs=2).learn(np.full((10, 2), 1e-3))


@pytest.mark.parametrize("normalise", ["none", "stream", "sample"])
@pytest.mark.parametrize("size", [1e-45, 1e-30, 1e-20])
def test_a_sample_too_small_for_its_own_square_is_one_of_zeros(normalise, size, make_chip):
    chip = make_chip(4, normalise=normalise)
    response = chip.learn_one(np.full(64, size))
    assert np.isfinite(response.potentials).all()
    assert chip.layers[0].blanks == 1


def test_an_empty_array_is_no_stream_to_respond_to(make_chip):
    with pytest.raises(ns.SampleError, match="at least one"):
        make_chip(3).respond(np.empty((0, 64)))


def test_a_stream_of_another_width_is_refused(make_chip):
    with pytest.raises(ns.SampleError, match="samples of digits must have 9 inputs, got 64"):
        make_chip(3, inputs=9).learn(ns.open_stream("digits"))


class Odd(ns.Stream):
    """A stream of one's own that gives blocks as it likes."""

    def __init__(self, samples, labels):
        self.name, self.inputs, self.labelled, self.replayable = "odd", 8, True, True
        self.samples, self.labels, self.length = samples, labels, len(samples)

    def fingerprint(self):
        return ""

    def blocks(self, start=0, size=256):
        yield Block(self.samples, self.labels)


EIGHT, CLASSES = np.random.default_rng(0).random((100, 8), np.float32), np.arange(100) % 5


@pytest.mark.parametrize(("samples", "labels"), [
    (EIGHT, CLASSES[::-1].copy()[::-1]), (EIGHT, CLASSES.astype(">i8")), (EIGHT, CLASSES.astype(np.int32)),
    (EIGHT, CLASSES.astype(np.uint8)), (EIGHT, np.stack([CLASSES, CLASSES], axis=1)[:, 0]), (EIGHT, CLASSES.tolist()),
    (np.asfortranarray(EIGHT), CLASSES), (EIGHT.astype(np.float64), CLASSES), (EIGHT.astype(">f4"), CLASSES),
])  # fmt: skip
def test_the_loop_gets_the_types_it_was_compiled_for(samples, labels):
    plain, odd = (ns.Chip([ns.recipes.supervised_softhebb(5)], inputs=8) for _ in range(2))
    plain.learn(EIGHT, labels=CLASSES)
    assert odd.learn(Odd(samples, labels)).state_sha256 == plain.state_sha256
    assert np.array_equal(odd.respond(Odd(samples, labels)).potentials, plain.respond(EIGHT).potentials)


@pytest.mark.parametrize(("samples", "labels", "words"), [
    (EIGHT, CLASSES.astype(float), "labels must be whole numbers, got float64"),
    (EIGHT, CLASSES[:3], "labels must be one for each of 100 samples, got the shape (3,)"),
    (EIGHT[:, :4], CLASSES, "must have the shape (samples, 8), got (100, 4)"),
    (np.ones((5, 4000), np.float32), CLASSES[:5], "must have the shape (samples, 8), got (5, 4000)"),
    (EIGHT, CLASSES[:, None], "labels must be one for each of 100 samples, got the shape (100, 1)"),
])  # fmt: skip
@pytest.mark.parametrize("recipe", [ns.recipes.softhebb, ns.recipes.supervised_softhebb])
def test_what_the_loop_cannot_take_is_refused(recipe, samples, labels, words):
    chip = ns.Chip([recipe(5)], inputs=8)
    with pytest.raises(ns.SampleError) as caught:
        chip.learn(Odd(samples, labels))
    assert words in str(caught.value)
    assert chip.samples == 0
    if samples.shape[1] != 8:
        with pytest.raises(ns.SampleError, match=r"must have the shape \(samples, 8\)"):
            chip.respond(Odd(samples, labels))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("chunk", [1, 7, 256])
def test_a_label_that_no_neuron_has_stops_all_layers_before_it(chunk, threads):
    labels = np.where(np.arange(100) == 10, 9, CLASSES)
    layers = [ns.recipes.softhebb(20), ns.recipes.supervised_softhebb(5)]
    chip, whole = (ns.Chip(layers, inputs=8) for _ in range(2))
    with pytest.raises(ns.SampleError, match=r"label of sample 10 of layer 2, .* must be below its 5 neurons"):
        chip.learn(EIGHT, labels=labels, chunk=chunk, threads=threads)
    assert [layer.samples for layer in chip.layers] == [10, 10]
    assert chip.state_sha256 == whole.learn(EIGHT[:10], labels=labels[:10]).state_sha256
    with pytest.raises(ns.SampleError, match="must be below its 5 neurons, got 7"):
        chip.learn_one(EIGHT[0], 7)
    with pytest.raises(ns.SampleError, match="must have a label, got none"):
        chip.learn(EIGHT, chunk=chunk, threads=threads)
    assert [layer.samples for layer in chip.layers] == [10, 10]
    chip.learn_one(EIGHT[0])  # one sample without a label teaches nothing
    assert [layer.blanks for layer in chip.layers] == [0, 1]


@pytest.mark.parametrize("count", [99, 101])
@pytest.mark.parametrize("name", ["labels", "modulators"])
def test_labels_and_modulators_are_as_many_as_samples(name, count):
    chip = ns.Chip([ns.recipes.softhebb(5)], inputs=8)
    with pytest.raises(ns.SampleError, match=f"{name} must be"):
        chip.learn(EIGHT, **{name: np.ones(count, np.int64)})
    assert chip.samples == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, "strong", None, [1.0, 2.0]])
def test_a_modulator_is_a_number(bad):
    chip = ns.Chip([ns.recipes.softhebb(5)], inputs=8)
    with pytest.raises(ns.SampleError, match=r"modulators? must be"):
        chip.learn_one(EIGHT[0], modulator=bad)
    assert chip.samples == 0


@pytest.mark.parametrize("bad", [1.5, "three", -2, 2**40, [1]])
def test_a_label_is_a_whole_number(bad):
    chip = ns.Chip([ns.recipes.supervised_softhebb(5)], inputs=8)
    with pytest.raises(ns.SampleError, match="label"):
        chip.learn_one(EIGHT[0], bad)
    assert chip.samples == 0


def test_a_weight_beyond_float32_is_not_hidden_by_renormalising():
    layer = ns.DenseWTA(3, competition=ns.NoInhibition(), rule=ns.Hebb(rate=1.0), renormalise=True)
    with pytest.raises(ns.DivergedError):
        ns.Chip([layer], inputs=8).learn(EIGHT * np.float32(1e13))


def test_what_the_cap_holds_does_not_overflow():
    layer = ns.DenseWTA(20, competition=ns.HardWTA(), rule=ns.SoftHebb(rate=0.1), lebesgue=12.0)
    chip = ns.Chip([layer], inputs=8).learn(EIGHT)
    assert np.isfinite(chip.layers[0].norms).all()
    assert (chip.layers[0].norms < 36).all()


def test_a_chip_may_be_pickled_and_copied(samples):
    chip = ns.Chip([ns.recipes.softhebb(5)], inputs=64).learn(samples[:50])
    for twin in (pickle.loads(pickle.dumps(chip)), copy.deepcopy(chip)):
        assert twin.state_sha256 == chip.state_sha256
        assert twin.learn(samples[50:]).samples == 300
    assert chip.samples == 50
