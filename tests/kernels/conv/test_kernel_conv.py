"""P4 for images: the compiled loop is the textbook's convolutional rule; and what the loop promises of numbers."""

import numpy as np
import pytest
from conv_kernel import SOFT, Kernel, images, power, weights
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_conv import ConvLayer as Reference

from neurosim.kernels.conv import layout


def compare(W, X, tolerance=1e-9, **constants):
    """Learn from X twice, and compare everything; `tolerance` is relative to the largest entry."""
    kernel, reference = Kernel(W, X.shape[1:], **constants), Reference(W, **constants)
    modulators = np.random.default_rng(9).normal(1, 0.5, len(X))
    (done, neuron), results = kernel.stream(X, modulators=modulators)
    assert (done, neuron) == (len(X), -1)
    waits = reference.window if reference.answers == "window" else 1
    for n, (image, modulator) in enumerate(zip(X, modulators, strict=True)):
        u, y, counts, sent = reference.learn(image, modulator)
        close(results.potentials[n].reshape(u.shape), u, tolerance)
        close(results.responses[n].reshape(y.shape), y, tolerance)
        assert results.winners[n] == counts.argmax()
        if waits > 1 and (n + 1) % waits == 0:
            close(results.outputs[n + 1 - waits : n + 1], np.stack(reference.sent), max(tolerance, 1e-6))
        elif waits == 1 or n >= len(X) // waits * waits:
            close(results.outputs[n], sent, max(tolerance, 1e-6))  # powers come from a single-precision logarithm
    close(kernel.W, reference.W, tolerance)
    close(kernel.state.norms, (reference.W**2).sum(axis=(1, 2, 3)), tolerance)
    close(kernel.steps, reference.steps, max(tolerance, 1e-7))
    np.testing.assert_array_equal(kernel.state.wins, reference.wins)
    if reference.bias:
        close(kernel.state.activity, reference.activity, tolerance)
    if constants.get("normalise", "running") in ("running", "window"):
        close(kernel.state.means, reference.mean, tolerance)
        close(kernel.state.variances, reference.variance, tolerance)
    return kernel, reference


def close(actual, desired, tolerance):
    assert np.isfinite(actual).all()
    np.testing.assert_allclose(actual, desired, rtol=0, atol=tolerance * np.abs(desired).max())


@pytest.mark.parametrize("constants", [
    {},
    SOFT,
    SOFT | {"stride": 2},
    SOFT | {"padding": 2, "pooling": ("max", 4, 2, 1)},
    SOFT | {"padding": 0, "pooling": ("mean", 2, 2, 0), "transmit": ("triangle", 1.4)},
    SOFT | {"pooling": ("mean", 3, 2, 1), "transmit": ("relu", 1.0)},
    SOFT | {"pooling": ("max", 3, 3, 1), "transmit": ("triangle", 0.7)},
    SOFT | {"pooling": ("max", 2, 2, 0), "transmit": ("identity", 1.0)},
    SOFT | {"activation": ("triangle", 1.0), "sharpness": 0.65},
    SOFT | {"activation": ("relu", 1.0)},
    SOFT | {"normalise": "sample"},
    SOFT | {"normalise": "layer"},
    SOFT | {"normalise": "none"},
    SOFT | {"horizon": 3.0},
    SOFT | {"warm_up": 3},
    SOFT | {"window": 3},
    SOFT | {"window": 4, "normalise": "window"},
    SOFT | {"step": "largest"},
    SOFT | {"step": "largest", "window": 4, "normalise": "window"},
    SOFT | {"window": 4, "normalise": "window", "momentum": 0.1},
    SOFT | {"window": 4, "normalise": "window", "momentum": 0.1, "answers": "window", "pooling": ("mean", 3, 2, 1)},
    SOFT | {"window": 3, "normalise": "window", "answers": "window", "pooling": ("max", 3, 2, 1)},
    SOFT | {"step": "largest", "pre_triangle": True},
    SOFT | {"step": "largest", "window": 3, "pre_triangle": True, "transmit": ("triangle", 1.4)},
    SOFT | {"step": "largest", "window": 4, "normalise": "window", "pre_triangle": True, "answers": "window"},
    SOFT | {"adaptive": False, "cap": 0.02},
    SOFT | {"floor": 0.3},
    SOFT | {"rule": "oja", "adaptive": False},
    SOFT | {"rule": "instar", "adaptive": False},
    SOFT | {"kind": "hard", "signed": False},
    SOFT | {"cutoff": 0.1},
    SOFT | {"cutoff": 0.45},
    SOFT | {"cutoff": 0.45, "window": 3, "rule": "oja"},
    SOFT | {"kind": "hard", "signed": False, "cutoff": 0.5},
    SOFT | {"rate": 0.0},
], ids=str)  # fmt: skip
def test_a_few_images_are_the_textbook_s(constants):
    compare(weights(1), images(2), **constants)


PACED = {"padding": 1, "rate": 0.2, "adaptive": False}
PART = 1e-6  # shares of positions are in single precision
CONSCIENCE = ("conscience", {"rate": 0.3, "strength": 4.0})


@pytest.mark.parametrize("constants", [
    PACED | {"kind": "k", "winners": 3},
    PACED | {"kind": "k", "winners": 3, "signed": True, "window": 2},
    PACED | {"kind": "k", "winners": 7, "rule": "instar", "cutoff": 0.5},
    PACED | {"kind": "k", "winners": 1, "activation": ("triangle", 1.0), "step": "largest"},
    PACED | {"kind": "ranked", "rank": 2, "rule": "instar"},
    PACED | {"kind": "ranked", "rank": 7, "opposition": 1.3, "window": 3, "normalise": "window"},
    PACED | {"kind": "ranked", "rank": 4, "cutoff": 0.3, "activation": ("relu", 1.0)},
    PACED | {"bias": CONSCIENCE},
    PACED | {"bias": CONSCIENCE, "kind": "hard", "window": 3, "rule": "instar"},
    PACED | {"bias": CONSCIENCE, "signed": True, "warm_up": 2, "normalise": "window", "window": 2},
    PACED | {"bias": ("conscience", {"rate": 0.1, "strength": 9.0}), "kind": "ranked", "rank": 3},
    PACED | {"bias": ("mean", {"rate": 0.2}), "activation": ("relu", 1.0)},
    PACED | {"bias": ("mean", {"rate": 0.2}), "kind": "k", "winners": 2, "window": 3},
    PACED | {"bias": ("prior", {"rate": 0.3}), "sharpness": 0.7},
    PACED | {"bias": ("threshold", {"step": 2.0, "leak": 0.2}), "kind": "hard"},
    PACED | {"bias": ("threshold", {"step": 2.0, "leak": 0.2}), "window": 2, "signed": True},
], ids=str)  # fmt: skip
def test_competitions_by_rank_and_biases_are_the_textbook_s(constants):
    compare(weights(1), images(2), PART if "bias" in constants else 1e-9, **constants)


@pytest.mark.parametrize("constants", [
    PACED | {"renormalise": True},
    PACED | {"renormalise": True, "rule": "hebb", "signed": True},
    PACED | {"renormalise": True, "rule": "hebb", "kind": "hard", "bias": CONSCIENCE},
    PACED | {"renormalise": True, "window": 3, "rule": "instar"},
    PACED | {"renormalise": True, "kind": "ranked", "cutoff": 0.2},
    PACED | {"renormalise": True, "step": "largest", "signed": True},
    PACED | {"renormalise": True, "rule": "hebb", "rate": 30.0, "signed": True},  # of the first weights little is left
], ids=str)  # fmt: skip
def test_neurons_come_to_norm_one_as_the_textbook_s(constants):
    kernel, _ = compare(at_norm_one(weights(1)), images(2), PART if "bias" in constants else 1e-9, **constants)
    np.testing.assert_allclose((kernel.W**2).sum(axis=(1, 2, 3)), 1, atol=1e-9)


@pytest.mark.parametrize(("rate", "folds"), [(0.02, False), (0.5, True)])
def test_wide_layers_come_to_norm_one_without_a_pass(rate, folds):
    W, X = at_norm_one(weights(3, neurons=130, channels=16)), images(4, shape=(16, 4, 4), count=30)
    kernel, _ = compare(W, X, renormalise=True, rule="hebb", kind="k", winners=20, rate=rate, adaptive=False)
    assert kernel.scratch.gram.size > 0
    assert (kernel.state.counters[layout.FOLDS] > 0) == folds


def at_norm_one(W):
    return W / np.sqrt((W**2).sum(axis=(1, 2, 3), keepdims=True))


@pytest.mark.parametrize("bias", [None, CONSCIENCE, ("mean", {"rate": 0.2})])
def test_a_bias_for_learning_alone_is_not_there_in_a_response(bias):
    constants = PACED | {"bias": ("threshold", {"step": 1.0, "leak": 0.1}) if bias is None else bias}
    kernel, reference = Kernel(weights(1), (3, 9, 8), **constants), Reference(weights(1), **constants)
    kernel.stream(images(2))
    for image in images(2):
        reference.learn(image)
    _, results = kernel.stream(images(3), learning=False)
    for n, image in enumerate(images(3)):
        close(results.responses[n].reshape(9, 8, 7), reference.respond(image)[1], PART)


@pytest.mark.filterwarnings("ignore::neurosim.errors.StabilityWarning")
def test_plain_hebb_grows_as_the_textbook_says():
    compare(weights(1), images(2), rule="hebb", adaptive=False, rate=0.01)


@pytest.mark.parametrize("cutoff", [0.0, 0.05])
def test_wide_layers_track_their_norms_without_a_pass(cutoff):
    # 130 neurons on 4 positions: the patches' inner products are the cheaper way, unless responses are few.
    W, X = weights(3, neurons=130, channels=16), images(4, shape=(16, 4, 4), count=12)
    kernel, _ = compare(W, X, signed=True, rate=0.5, sharpness=2.0, cutoff=cutoff)
    assert kernel.scratch.gram.size > 0
    assert (kernel.state.scales != 1).any() == (cutoff == 0)


@pytest.mark.parametrize(("neurons", "shape"), [(7, (30, 17, 16)), (150, (30, 4, 4)), (7, (27, 16, 16))], ids=str)
def test_long_sums_are_the_textbook_s(neurons, shape):
    # Over a patch or over positions, of numbers of terms and neurons that are no multiples of what BLAS likes.
    compare(weights(3, neurons, shape[0]), images(4, 3, shape), **SOFT)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 3), st.integers(0, 2), st.integers(1, 3),
    st.integers(1, 9), st.integers(5, 9), st.integers(5, 9), st.sampled_from([None, "max", "mean"]), st.integers(1, 3),
    st.integers(1, 3), st.booleans(), st.sampled_from([0.0, 0.2]), st.integers(1, 3),
)  # fmt: skip
def test_any_shape_is_the_textbook_s(seed, kernel, stride, padding, channels, neurons, height, width, pool, size, step,
                                     signed, cutoff, window):  # fmt: skip
    W, X = weights(seed, neurons, channels, kernel), images(seed, 4, (channels, height, width))
    rows, columns = ((side + 2 * padding - kernel) // stride + 1 for side in (height, width))
    size = min(size, rows, columns)
    pooling = (pool, size, step, size // 2) if pool else (None, 1, 1, 0)
    compare(W, X, stride=stride, padding=padding, signed=signed, cutoff=cutoff, window=window, pooling=pooling)


@pytest.mark.parametrize("constants", [SOFT, SOFT | {"cutoff": 0.1}, SOFT | {"step": "largest", "window": 2}], ids=str)
def test_single_precision_is_the_textbook_s_per_step(constants):
    W, X = weights(5, neurons=20).astype(np.float32).astype(np.float64), images(6, 2)
    kernel, reference = Kernel(W, X.shape[1:], dtype=np.float32, **constants), Reference(W, **constants)
    kernel.stream(X)
    for image in X:
        reference.learn(image)
    close(kernel.W, reference.W, 1e-5)
    close(kernel.state.norms, (reference.W**2).sum(axis=(1, 2, 3)), 1e-5)


def test_the_scale_is_folded_before_it_leaves_its_range():
    W, X = weights(7, neurons=64, channels=8), images(8, 1, (8, 3, 3))
    kernel, reference = (made(W, *shape, rate=1.0, adaptive=False, sharpness=0.1, cap=1.0, normalise="none")
                         for made, shape in ((Kernel, [X.shape[1:]]), (Reference, [])))  # fmt: skip
    assert kernel.scratch.gram.size > 0
    kernel.state.scales[:] = 3e-6
    kernel.state.synapses[:] /= 3e-6
    kernel.stream(X)
    reference.learn(X[0])
    close(kernel.W, reference.W, 1e-9)
    assert kernel.state.counters[layout.FOLDS] > 0
    assert (np.abs(kernel.state.scales) >= 1e-6).all()


@settings(max_examples=200, deadline=None)
@given(st.floats(1e-30, 1e30), st.floats(0.1, 3))
def test_powers_are_those_of_the_library(x, exponent):
    values = np.array([x, 0.0], np.float32)
    power(values, np.float32(exponent))
    expected = np.float64(np.float32(x)) ** np.float64(np.float32(exponent))
    if 1e-37 < expected < 1e37:
        assert values[0] == pytest.approx(expected, rel=2e-5)
    assert values[1] == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_an_image_that_is_not_admitted_leaves_all_as_it_was(value):
    X = images(10, 3)
    X[1, 2, 3, 4] = value
    kernel, other = (Kernel(weights(1), X.shape[1:], dtype=np.float32, **SOFT) for _ in range(2))
    with np.errstate(over="ignore"):
        (done, neuron), _ = kernel.stream(X)
    other.stream(X[:1])
    assert (done, neuron) == (1, -1)
    for name in kernel.state._fields:
        np.testing.assert_array_equal(getattr(kernel.state, name), getattr(other.state, name))


def test_a_response_changes_nothing():
    X = images(11)
    kernel = Kernel(weights(1), X.shape[1:], **SOFT)
    kernel.stream(X[:4])
    before = [array.copy() for array in kernel.state]
    _, results = kernel.stream(X, learning=False)
    for array, old in zip(kernel.state, before, strict=True):
        np.testing.assert_array_equal(array, old)
    reference = Reference(weights(1), **SOFT)
    for image in X[:4]:
        reference.learn(image)
    close(results.potentials[5].reshape(9, 8, 7), reference.respond(X[5])[0], 1e-9)
