"""The trained readout against its equations, its schedule, its errors, and a classifier of another's making."""

import numpy as np
import pytest
import reference_readout as reference

import neurosim as ns
from neurosim import randomness
from neurosim.kernels import readout as kernel
from neurosim.readouts import training
from neurosim.readouts.softmax import SoftmaxReadout


def problem(samples=60, inputs=70, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(samples, inputs)).astype(np.float32), np.arange(samples) % classes


def first(readout, inputs, classes):
    parameters = training.first_parameters(readout.seed, inputs, classes)
    return parameters.weights.transpose(1, 0, 2).reshape(classes, -1)[:, :inputs], parameters.bias[0]


def expected(readout, X, labels):
    """Return weights and bias by the reference."""
    classes = labels.max() + 1
    orders = [randomness.permutation(readout.seed, training.ORDER, e, len(X)) for e in range(readout.epochs)]
    key = int(randomness.words(readout.seed, training.DROPOUT, 0, 1)[0])
    rates = [epoch.rate for epoch in readout.epochs_]
    return reference.train(*first(readout, X.shape[1], classes), X, labels, orders, rates, batch=readout.batch,
                           probability=readout.dropout, key=key)  # fmt: skip


@pytest.mark.parametrize("dropout", [0.0, 0.5, 0.4, 1e-5, 0.999])
def test_one_step_is_that_of_the_equations(dropout):
    X, labels = problem(20)
    readout = SoftmaxReadout(epochs=1, batch=20, dropout=dropout, seed=3).fit(X, labels)
    W, b = expected(readout, X, labels)
    assert readout.weights_ == pytest.approx(W, abs=1e-5)
    assert readout.bias_ == pytest.approx(b, abs=1e-5)


@pytest.mark.parametrize(
    ("inputs", "classes", "batch"), [(1, 2, 3), (511, 3, 8), (513, 3, 17), (1030, 10, 64), (5, 130, 9)]
)
@pytest.mark.parametrize("dropout", [0.5, 0.25])
def test_dozens_of_steps_are_those_of_the_equations(inputs, classes, batch, dropout):
    X, labels = problem(140, inputs, classes)
    readout = SoftmaxReadout(epochs=3, batch=batch, dropout=dropout, halvings=(0.5,), rate=3e-3).fit(X, labels)
    W, b = expected(readout, X, labels)
    assert readout.weights_ == pytest.approx(W, abs=2e-4)
    assert readout.bias_ == pytest.approx(b, abs=2e-4)
    assert np.abs(W - first(readout, inputs, classes)[0]).max() > 3e-3


def test_the_step_is_along_the_gradient_of_the_loss():
    X, labels = problem(30, 6, 3)
    W, b = (np.random.default_rng(1).normal(size=shape) for shape in ((3, 6), (3,)))
    by_weights, by_bias = reference.gradient(W, b, X, labels)
    for place in np.ndindex(3, 6):
        step = np.zeros((3, 6))
        step[place] = 1e-6
        slope = (reference.loss(W + step, b, X, labels) - reference.loss(W - step, b, X, labels)) / 2e-6
        assert by_weights[place] == pytest.approx(slope, abs=1e-7)
    for k in range(3):
        step = 1e-6 * np.eye(3)[k]
        slope = (reference.loss(W, b + step, X, labels) - reference.loss(W, b - step, X, labels)) / 2e-6
        assert by_bias[k] == pytest.approx(slope, abs=1e-7)


def test_loss_and_accuracy_are_those_of_the_batch_before_it_is_learned():
    X, labels = problem(40)
    readout = SoftmaxReadout(epochs=1, batch=40, dropout=0).fit(X, labels)
    W, b = first(readout, 70, 4)
    (epoch,) = readout.epochs_
    assert epoch.loss == pytest.approx(reference.loss(W, b, X, labels), abs=1e-5)
    assert epoch.accuracy == ((X @ W.T + b).argmax(axis=1) == labels).mean()


@pytest.mark.parametrize("inputs", [3, 512, 3000])
def test_bits_do_not_depend_on_threads(inputs):
    X, labels = problem(100, inputs)
    one, *others = (SoftmaxReadout(epochs=2, batch=16, threads=threads).fit(X, labels) for threads in (1, 2, 3, 50))
    for other in others:
        assert np.array_equal(one.weights_, other.weights_)
        assert np.array_equal(one.bias_, other.bias_)
        assert one.epochs_ == other.epochs_


def test_bits_follow_from_the_seed():
    X, labels = problem()
    one, same, other = (SoftmaxReadout(epochs=2, seed=seed).fit(X, labels) for seed in (5, 5, 2**64 - 1))
    assert np.array_equal(one.weights_, same.weights_)
    assert not np.array_equal(one.weights_, other.weights_)


def test_dropout_drops_its_share_and_no_two_steps_alike():
    masks = [reference.kept(7, step, 8, 8, 4000, p) for p in (0.5, 0.3) for step in (0, 1)]
    for mask, p in zip(masks, (0.5, 0.5, 0.3, 0.3), strict=True):
        assert mask.mean() == pytest.approx(1 - p, abs=0.01)
        assert np.corrcoef(mask)[np.triu_indices(8, 1)] == pytest.approx(0, abs=0.08)
    assert (masks[0] == masks[1]).mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("epochs", "halvings", "rates"),
    [(50, None, {0: 1, 9: 1, 10: 2, 17: 4, 25: 8, 30: 16, 35: 32, 40: 64, 45: 128, 49: 128}),
     (20, None, {9: 1, 10: 2, 14: 2, 15: 4}), (19, None, {0: 1, 18: 1}), (4, (0.0, 1.0), {0: 2, 3: 2})],
)  # fmt: skip
def test_the_rate_is_halved_as_published(epochs, halvings, rates):
    X, labels = problem(8, 3)
    readout = SoftmaxReadout(epochs=epochs, halvings=halvings, rate=0.25).fit(X, labels)
    assert {epoch: 0.25 / readout.epochs_[epoch].rate for epoch in rates} == rates


def test_first_weights_are_uniform():
    W, b = first(SoftmaxReadout(), 400, 5)
    values = np.append(W.ravel(), b) * 20
    assert np.abs(values).max() <= 1
    assert np.histogram(values, 10, (-1, 1))[0] / values.size == pytest.approx(0.1, abs=0.03)


def test_digits_are_read_as_another_classifier_reads_them():
    from sklearn.linear_model import LogisticRegression

    train, test = (ns.open_stream(f"digits:{part}") for part in ("train", "test"))
    (X, labels), (X_test, labels_test) = (
        (np.concatenate(a) for a in zip(*s.blocks(), strict=True)) for s in (train, test)
    )
    readout = SoftmaxReadout(dropout=0, rate=0.03, batch=32).fit(X, labels)
    other = LogisticRegression(max_iter=5000).fit(X, labels)
    assert readout.score(X_test, labels_test) == pytest.approx(other.score(X_test, labels_test), abs=0.03)
    assert readout.score(X, labels) > 0.97


def test_a_read_only_memory_map_is_read_as_an_array(tmp_path):
    X, labels = problem(90, 600)
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    one, other = SoftmaxReadout(epochs=2).fit(X, labels), SoftmaxReadout(epochs=2).fit(mapped, labels)
    assert np.array_equal(one.weights_, other.weights_)
    assert np.array_equal(one.predict(X.astype(np.float64)), other.predict(mapped))


def test_watch_sees_each_epoch_and_may_end_the_work():
    X, labels = problem()
    seen = []
    readout = SoftmaxReadout(epochs=3, threads=2).fit(X, labels, watch=seen.append)
    assert seen == readout.epochs_
    assert [epoch.number for epoch in seen] == [1, 2, 3]

    def stop(epoch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SoftmaxReadout(threads=2).fit(X, labels, watch=stop)


def test_renewed_features_are_learned_from_on_that_epoch():
    X, labels = problem()
    others, count = problem(seed=1)[0], len(labels)
    asked = []

    def renew(epoch):
        asked.append(epoch)
        return others if epoch == 2 else X if epoch == 4 else None

    readout = SoftmaxReadout(epochs=4, batch=7, dropout=0.0, threads=2).fit(X, labels, renew=renew)
    assert asked == [2, 3, 4]
    orders = [randomness.permutation(0, training.ORDER, epoch, count) for epoch in range(4)]
    orders = [orders[0], orders[1] + count, orders[2] + count, orders[3]]
    rates = [epoch.rate for epoch in readout.epochs_]
    key = int(randomness.words(0, training.DROPOUT, 0, 1)[0])
    weights, bias = reference.train(*first(readout, X.shape[1], 4), np.concatenate([X, others]), np.tile(labels, 2),
                                    orders, rates, batch=7, probability=0.0, key=key)  # fmt: skip
    np.testing.assert_allclose(readout.weights_, weights, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(readout.bias_, bias, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("others", "message"),
    [(np.zeros((60, 69), np.float32), r"renewed features must be \(60, 70\) as those before, got \(60, 69\)"),
     (np.zeros((59, 70), np.float32), "renewed features must be"), (np.full((60, 70), np.nan), "must be finite"),
     ("none", "features must be numbers")],
)  # fmt: skip
def test_renewed_features_that_do_not_fit_are_refused(others, message):
    X, labels = problem()
    with pytest.raises(ns.SampleError, match=message):
        SoftmaxReadout(epochs=2).fit(X, labels, renew=lambda epoch: others)


@pytest.mark.parametrize(
    ("given", "message"),
    [({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"), ({"batch": 1.5}, "batch must be"),
     ({"dropout": 1}, "dropout must be from 0, below 1"), ({"dropout": -0.1}, "dropout must be from 0"),
     ({"rate": 0}, "rate must be positive"), ({"rate": float("nan")}, "rate must be positive"),
     ({"rate": 2}, "rate must be positive, at most 1, got 2"), ({"seed": -1}, "seed must be"),
     ({"halvings": (0.5, 1.5)}, "halvings must be fractions of the epochs, from 0 to 1, got 1.5"),
     ({"threads": 0}, "threads must be"), ({"halvings": 0.5}, "halvings must be fractions")],
)  # fmt: skip
def test_parameters_out_of_range_are_refused(given, message):
    with pytest.raises(ns.ConfigError, match=message):
        SoftmaxReadout(**given)


def test_numbers_may_be_numpy_s():
    X, labels = problem()
    one = SoftmaxReadout(epochs=np.int64(1), rate=np.float32(0.25), dropout=np.float32(0.5)).fit(X, labels)
    assert np.array_equal(one.weights_, SoftmaxReadout(epochs=1, rate=0.25, dropout=0.5).fit(X, labels).weights_)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
@pytest.mark.parametrize("dropout", [0.0, 0.5, 0.9])
def test_features_that_are_not_finite_are_refused_by_place(value, dropout):
    X, labels = problem()
    X = X.astype(np.float64)
    X[17, 5] = value
    with pytest.raises(ns.SampleError, match=r"finite in float32, got (nan|inf) at sample 17, input 5"):
        SoftmaxReadout(epochs=1, dropout=dropout).fit(X, labels)


def test_features_of_other_forms_and_labels_that_do_not_fit_are_refused(monkeypatch):
    X, labels = problem()
    readout = SoftmaxReadout(epochs=1)
    with pytest.raises(
        ns.SampleError, match=r"features must be numbers \(samples, inputs\), got float32 of shape \(60,\)"
    ):
        readout.fit(X[:, 0], labels)
    with pytest.raises(ns.SampleError, match="of shape"):
        readout.fit(X[:0], labels[:0])
    with pytest.raises(ns.SampleError, match=r"one for each of 60 samples, got int64 of shape \(59,\)"):
        readout.fit(X, labels[:-1])
    with pytest.raises(ns.SampleError, match="whole numbers"):
        readout.fit(X, labels * 1.0)
    with pytest.raises(ns.SampleError, match="at least 0 to train a readout, or -1 for none, got -2"):
        readout.fit(X, labels - 2)
    with pytest.raises(ns.SampleError, match="below 10000"):
        readout.fit(X, labels + 10_000)
    with pytest.raises(ns.SampleError, match="two classes at least to fit a readout, got only 2"):
        readout.fit(X, np.full(60, 2))
    with pytest.raises(ns.ConfigError, match="fitted before it predicts"):
        readout.predict(X)
    readout.fit(X, labels)
    with pytest.raises(ns.SampleError, match="features must be 70 a sample, as those it was fitted on, got 69"):
        readout.predict(X[:, 1:])
    with pytest.raises(ns.SampleError, match="one for each of 60 samples"):
        readout.score(X, labels[:3])
    with pytest.raises(ns.SampleError, match="whole numbers, one for each of 60 samples, got ndarray of float64"):
        readout.score(X, labels + 0.5)
    ragged = [[1.0], [1.0, 2.0]]
    for use in (lambda: readout.fit(ragged, [0, 1]), lambda: readout.predict(ragged)):
        with pytest.raises(ns.SampleError, match=r"features must be numbers \(samples, inputs\), got list"):
            use()
    with pytest.raises(ns.SampleError, match="labels must be whole numbers, one for each of 60 samples, got list"):
        readout.fit(X, ragged)
    monkeypatch.setattr("neurosim.readouts.inputs.COPY_BYTES", 100)
    with pytest.raises(ns.SampleError, match="a copy takes 16800 bytes, got float64; at most 100 bytes"):
        readout.fit(X.astype(np.float64), labels)


def test_potentials_beyond_float32_are_refused():
    X, labels = problem()
    with pytest.raises(ns.DivergedError, match=r"potentials of the readout must stay finite.*at sample \d+"):
        SoftmaxReadout(epochs=1).fit(X / np.abs(X).max() * np.float32(3e38), labels)


def test_no_slope_is_subnormal():
    # Arithmetic on them takes a hundred times as long, and large features make softmaxes of nearly 0 and 1.
    potentials = np.array([[0, -50, -60, -90, -300], [5, 4, 3, 2, 1]], np.float32)
    bias, slopes, losses = np.zeros((3, 5), np.float32), np.empty((2, 5), np.float32), np.empty(2, np.float32)
    kernel.meet(potentials, np.array([0, 1]), kernel.Pace(np.float32(1e-3), np.float32(1)), bias, slopes, losses)
    assert slopes[0, 1] > 0
    assert (slopes[0, 2:] == 0).all()
    assert (slopes[1] != 0).all()


def test_no_square_of_a_gradient_is_subnormal():
    X = np.random.default_rng(0).random((40, 30)).astype(np.float32) * np.float32(1e-18)
    readout = ns.SoftmaxReadout(epochs=1, batch=8).fit(X, np.arange(40) % 2)
    assert np.isfinite(readout.weights_).all()
    np.testing.assert_allclose(
        readout.weights_, ns.SoftmaxReadout(epochs=1, batch=8).fit(X * 0, np.arange(40) % 2).weights_
    )
