"""The one door for arrays: what NumPy would lose is refused by every function that takes one, in the same words."""

import collections
import contextlib

import numpy as np
import pytest
from foreign import Frame, Raising, Tensor, masked
from scipy.sparse import csr_array, csr_matrix

import neurosim as ns
from neurosim.hardware.timeline import simulation
from neurosim.hardware.timeline.network import Network
from neurosim.latency import Recorded
from neurosim.online.stop import Stop
from neurosim.outside.arrays import WHOLE, numbers, plain_array, shown
from neurosim.streams import ArrayStream

X = np.random.default_rng(0).random((12, 8)).astype(np.float32)
LABELS = np.arange(12) % 4
PLAIN_MASK = np.ma.masked_array(X, mask=np.zeros(X.shape, bool))

REFUSED = {
    "masked": (masked(X), "with masked entries; fill them"),
    "rows that are masked": ([*X[:5], masked(X[5])], "with masked entries; fill them"),
    "a masked number": ([[1.0] * 7 + [np.ma.masked]], "with masked entries; fill them"),
    "a deque of masked rows": (collections.deque([masked(X[0]), X[1]]), "with masked entries; fill them"),
    "masked records": (np.ma.masked_array(np.zeros(3, [("a", "f4")]), mask=[(True,)] * 3), "with masked entries"),
    "a table": (Frame(X), "got foreign.Frame; convert it by .to_numpy()"),
    "rows of a table": ([Frame(row) for row in X], "got foreign.Frame; convert it by .to_numpy()"),
    "sparse": (csr_array(X), "got scipy.csr_array; convert it by .toarray()"),
    "a sparse matrix": (csr_matrix(X), "got scipy.csr_matrix; convert it by .toarray()"),
    "sparse rows": ([csr_array(X[:1]), csr_array(X[1:2])], "convert it by .toarray()"),
    "a tensor with gradients": (Tensor(X, True), "got foreign.Tensor; convert it by .detach().numpy()"),
    "tensors with gradients": ([Tensor(row, True) for row in X], "convert it by .detach().numpy()"),
    "what raises": (Raising(), "which does not convert (RuntimeError: it lies on a device)"),
    "what raises lines": (Raising(OSError("a\nb " * 99)), "which does not convert (OSError: a b a b"),
    "rows of several lengths": ([[1.0], [1.0, 2.0]], "got list, which does not convert (ValueError"),
    "complex": (X.astype(complex), "must be real numbers, got ndarray of complex128"),
    "objects": (X.astype(object), "must be real numbers, got ndarray of object"),
    "None": ([None, 1.0], "must be real numbers, got list of object"),
    "text": ([["1", "2"]], "must be real numbers, got list of <U1"),
    "bytes": (np.full((3, 8), b"1"), "must be real numbers, got ndarray of |S1"),
    "dates": (np.zeros((3, 8), "M8[s]"), "must be real numbers, got ndarray of datetime64[s]"),
    "durations": (np.zeros((3, 8), "m8[s]"), "must be real numbers, got ndarray of timedelta64[s]"),
    "records": (np.zeros((3, 8), [("a", "f4"), ("b", "i4")]), "must be real numbers, got ndarray of [('a', '<f4')"),
    "voids": (np.zeros((3, 8), "V4"), "must be real numbers, got ndarray of |V4"),
    "numbers beyond NumPy's": ([[10**400] * 8], "must be real numbers, got list of object"),
    "a dict": ({}, "must be real numbers, got dict of object"),
    "a function": (lambda: X, "must be real numbers, got function of object"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.filterwarnings("error")
def test_what_would_be_lost_is_refused(case):
    values, words = REFUSED[case]
    with pytest.raises(ns.SampleError) as caught:
        numbers("samples", values)
    assert str(caught.value).startswith("samples must be ")
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    for use in (lambda: ns.Chip([ns.recipes.softhebb(4)], inputs=8).learn(values), lambda: ArrayStream(values)):
        with pytest.raises(ns.SampleError) as caught:
            use()
        assert words in str(caught.value)


def test_the_cause_of_a_conversion_that_fails_is_kept():
    error = MemoryError("too large")
    with pytest.raises(ns.SampleError) as caught:
        numbers("samples", Raising(error))
    assert caught.value.__cause__ is error


def test_a_mask_behind_a_conversion_is_seen():
    class Hiding:
        def __array__(self, dtype=None, copy=None):
            return np.ma.masked_array(np.ones((3, 5)), mask=np.eye(3, 5))

    for values in (Hiding(), [Hiding(), Hiding()]):
        with pytest.raises(ns.SampleError, match="masked entries"):
            numbers("samples", values)


@pytest.mark.parametrize("error", [Stop(), ns.SampleError("of its own"), KeyboardInterrupt()], ids=repr)
def test_signals_and_errors_of_ours_pass(error):
    with pytest.raises(type(error)) as caught:
        numbers("samples", Raising(error))
    assert caught.value is error


ADMITTED = {
    "a list": X.tolist(), "tuples": tuple(map(tuple, X.tolist())), "rows": list(X), "float16": X.astype(np.float16),
    "longdouble": X.astype(np.longdouble), "big-endian": X.astype(">f8"), "columns first": np.asfortranarray(X),
    "negative strides": np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1], "strided": np.repeat(X, 2, axis=1)[:, ::2],
    "a matrix": X.view(np.matrix), "nothing masked": PLAIN_MASK, "a tensor": Tensor(X, False),
    "numbers of NumPy": [[value for value in row] for row in X],  # noqa: C416
}  # fmt: skip


@pytest.mark.parametrize("form", ADMITTED)
def test_any_array_of_numbers_is_admitted(form, tmp_path):
    values = ADMITTED[form]
    exact = X.astype(np.float16).astype(np.float32) if form == "float16" else X
    array = numbers("samples", values)
    assert type(array) is np.ndarray
    assert np.array_equal(array.astype(np.float32), exact)
    stream = ArrayStream(values)
    assert np.array_equal(stream.take(np.arange(12)).samples, exact)
    chips = [ns.Chip([ns.recipes.softhebb(4)], inputs=8) for _ in range(2)]
    assert chips[0].learn(values).state_sha256 == chips[1].learn(exact).state_sha256


def test_maps_and_read_only_arrays_are_taken_as_they_are(tmp_path):
    np.save(tmp_path / "a.npy", X)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert np.shares_memory(numbers("samples", mapped), mapped)
    fixed = X.copy()
    fixed.flags.writeable = False
    assert numbers("samples", fixed) is fixed


def test_booleans_and_numbers_without_axes_have_the_kinds_of_their_dtype():
    assert numbers("it", [True, False]).tolist() == [True, False]
    assert numbers("it", 3.5).shape == ()
    with pytest.raises(ns.SampleError, match="it must be whole numbers, got float of float64"):
        numbers("it", 3.5, WHOLE)
    with pytest.raises(ns.ConfigError, match="it must be whole numbers, got 'list of bool'"):
        numbers("it", [True], WHOLE, refuse=ns.ConfigError)


def test_a_list_within_itself_ends():
    ring = []
    ring.append(ring)
    with pytest.raises(ns.SampleError):
        numbers("it", ring)
    assert plain_array("it", [[[1]]]).shape == (1, 1, 1)


def test_values_in_errors_are_short():
    pair = ("a", "a")
    for _ in range(60):
        pair = (pair, pair)
    assert shown(pair) == "tuple"
    assert shown(10**5000) == "a number of more than 60 digits"
    assert len(shown("x" * 10**6)) < 80
    assert (shown(3), shown(None), shown(float("nan")), shown("a\nb")) == ("3", "None", "nan", "'a\\nb'")


def chip():
    return ns.Chip([ns.recipes.softhebb(4)], inputs=8)


def taught():
    return ns.Chip([ns.recipes.supervised_softhebb(4)], inputs=8)


def network():
    return simulation.simulate(Network((), (), "block", ("a",), ()), M, np.empty((12, 0)), np.empty((12, 0)))


M, ML = masked(np.arange(12)), masked(LABELS)
FITTED = ns.SoftmaxReadout(epochs=1).fit(X, LABELS)
# Every public function that takes arrays, with a masked one.
DOORS = {
    "Chip.learn": lambda: chip().learn(masked(X)),
    "Chip.learn, labels": lambda: taught().learn(X, labels=ML),
    "Chip.learn, modulators": lambda: chip().learn(X, modulators=masked(np.ones(12))),
    "Chip.learn_one": lambda: chip().learn_one(masked(X[0])),
    "Chip.learn_one, label": lambda: taught().learn_one(X[0], ML[0]),
    "Chip.learn_one, modulator": lambda: chip().learn_one(X[0], modulator=np.ma.masked),
    "Chip.respond": lambda: chip().respond(masked(X)),
    "Chip.respond_one": lambda: chip().respond_one(masked(X[0])),
    "Chip.respond_blocks": lambda: list(chip().respond_blocks(masked(X))),
    "Chip.output_blocks": lambda: list(chip().output_blocks(masked(X))),
    "Chip.learn, a generator": lambda: chip().learn(iter(masked(X))),
    "ArrayStream": lambda: ArrayStream(masked(X)),
    "ArrayStream, labels": lambda: ArrayStream(X, ML),
    "hardware.count": lambda: ns.hardware.count(chip(), masked(X)),
    "hardware.count, labels": lambda: ns.hardware.count(taught(), X, labels=ML),
    "strongest_patches": lambda: ns.receptive_fields.strongest_patches(
        ns.Chip([ns.ConvWTA(2, kernel=3, competition=ns.HardWTA(), rule=ns.Oja(rate=0.1))], inputs=(1, 8, 8)),
        np.ones((2, 1, 8, 8)),
        layer=0,
        neurons=masked([0, 1]),
    ),
    "simulate": network,
    "Recorded": lambda: Recorded(M),
    "SoftmaxReadout.fit": lambda: ns.SoftmaxReadout().fit(masked(X), LABELS),
    "SoftmaxReadout.fit, labels": lambda: ns.SoftmaxReadout().fit(X, ML),
    "SoftmaxReadout.predict": lambda: FITTED.predict(masked(X)),
    "SoftmaxReadout.score": lambda: FITTED.score(X, ML),
    "Standardise": lambda: ns.Standardise(masked([0.5]), [1]),
    "WinnerLabels.add": lambda: ns.WinnerLabels().add(chip().respond(X), ML),
    "SoftLabels.add": lambda: ns.SoftLabels().add(chip().respond(X), ML),
    "LinearReadout.add": lambda: ns.LinearReadout().add(chip().respond(X), ML),
    "Neighbours.add": lambda: ns.Neighbours().add(chip().respond(X), ML),
    "gini": lambda: ns.instruments.gini(M),
    "usage_entropy": lambda: ns.instruments.usage_entropy(M),
    "effective_winners": lambda: ns.instruments.effective_winners(M),
    "converged": lambda: ns.instruments.converged(M),
    "cosines": lambda: ns.instruments.cosines(X, masked(X)),
    "displacements": lambda: ns.instruments.displacements(masked(X), X),
    "neighbour_correlation": lambda: ns.instruments.neighbour_correlation(masked(X), (2, 4)),
    "excess_kurtosis": lambda: ns.instruments.excess_kurtosis(masked(X)),
    "liveness": lambda: ns.instruments.liveness(masked(np.ones(3))),
    "neurons": lambda: ns.instruments.neurons(masked(X), X, centred=False),
    "never_won": lambda: ns.instruments.never_won(M),
}


@pytest.mark.parametrize("name", DOORS)
def test_every_function_that_takes_arrays_has_the_same_door(name):
    with pytest.raises((ns.SampleError, ns.ConfigError), match="with masked entries"):
        DOORS[name]()


def test_a_stream_of_ones_own_goes_through_it_too():
    class Own(ArrayStream):
        def __init__(self, samples, labels=None):
            super().__init__(X, LABELS)
            self.given = ns.streams.Block(samples, labels)

        def blocks(self, start=0, size=256):
            yield self.given

    for samples, labels, words in (
        (masked(X), LABELS, "samples|values"), (X, ML, "labels"), (X.astype(complex), LABELS, "real numbers"),
        (X, np.full(12, 2**64 - 1, np.uint64), "labels must be whole numbers up to 2147483647"),
    ):  # fmt: skip
        learning = taught()
        with pytest.raises(ns.SampleError, match=words):
            learning.learn(Own(samples, labels))
        assert learning.samples == 0


@pytest.mark.filterwarnings("error")
def test_numbers_beyond_float32_are_refused_without_a_warning():
    huge = np.full((3, 8), 1e300)
    for use in (lambda: chip().learn_one(huge[0]), lambda: chip().learn(huge), lambda: chip().learn(ArrayStream(huge)),
                lambda: chip().learn(iter(huge))):  # fmt: skip
        with pytest.raises(ns.SampleError, match="must be finite, got inf"):
            use()
    with contextlib.suppress(ns.SampleError):
        chip().learn(X, modulators=np.full(12, 1e300))
