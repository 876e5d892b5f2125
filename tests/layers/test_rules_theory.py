"""What theory promises of each rule, competition, bias and schedule, asked of any learner: the reference, and a chip.

A check takes `make(W, **constants)`: it returns a learner with the constants of `reference.Layer`, that starts from the
weights W (neurons, inputs), with `learn`, `W`, `wins`, `activity`, `traces`, and `tolerance` of what theory has exact.
"""

import numpy as np
import pytest
from on_chip import OnChip
from reference import Layer

import neurosim as ns


class Textbook(Layer):
    tolerance = 1e-9


@pytest.fixture(params=[Textbook, OnChip])
def make(request):
    if request.param is OnChip and "Oja" not in ns.__all__:
        pytest.skip("the chip has no other rule yet")
    return request.param


FREE = {"cap": 1.0, "schedule": ("constant", {})}  # no cap to speak of, and a rate that stays
COVARIANCE = np.array([4.0, 2.0, 1.0, 0.3, 0.2, 0.1])


def clusters(rng, count, spread=0.1, shares=(1, 1, 1), inputs=9):
    """Return samples around orthogonal means of length one, their clusters, and the means."""
    block = inputs // len(shares)
    means = np.kron(np.eye(len(shares)), np.ones(block)) / np.sqrt(block)
    labels = rng.choice(len(shares), count, p=np.array(shares) / np.sum(shares))
    return means[labels] + spread * rng.normal(size=(count, inputs)), labels, means


def gaussian(rng, count):
    """Return samples of a known covariance, and its principal components, one a row, the first first."""
    axes = np.linalg.qr(rng.normal(size=(len(COVARIANCE), len(COVARIANCE))))[0].T
    return rng.normal(size=(count, len(COVARIANCE))) * np.sqrt(COVARIANCE) @ axes, axes


def cosines(A, B):
    return (A * B).sum(axis=1) / np.linalg.norm(A, axis=1) / np.linalg.norm(B, axis=1)


def entropy(wins):
    shares = wins[wins > 0] / wins.sum()
    return -(shares * np.log(shares)).sum() / np.log(len(wins))


def taught(learner, X):
    for x in X:
        learner.learn(x)
    return learner


# Who learns, ties and roundings


def responses(make, d, **constants):
    """Return the responses to the activations d."""
    return make(np.array(d, float)[:, None], rate=0.0, **FREE, **constants).learn(np.ones(1))[1].tolist()


def test_ties_go_to_the_lowest_index(make):
    assert responses(make, [1, 2, 2, 0], kind="ranked", rank=2, opposition=0.5) == [0, 1, -0.5, 0]
    assert responses(make, [1, 2, 2, 1], kind="ranked", rank=3, opposition=0.5) == [-0.5, 1, 0, 0]
    assert responses(make, [1, 2, 2, 0], kind="k", winners=2, signed=True) == [0, 1, -1, 0]
    assert responses(make, [1, 2, 2, 0], kind="taught") == [0, 1, 0, 0]
    np.testing.assert_allclose(responses(make, [2, 2, 2, 2], kind="soft", winner_only=True), [0.25, 0, 0, 0])
    np.testing.assert_allclose(responses(make, [2, 2, 2, 2], kind="soft", signed=True), [0.25, -0.25, -0.25, -0.25])
    assert responses(make, [1, -2, 0, 3], kind="none", activation=("relu", {})) == [1, 0, 0, 3]


@pytest.mark.parametrize(("share", "expected"), [
    (0.01, [0, 0, 3, 0, 0]), (0.3, [0, 0, 3, 0, -3]), (0.5, [0, 0, 3, 0, -3]), (0.6, [0, -2, 3, 0, -3]),
    (0.7, [0, -2, 3, -2, -3]), (0.8, [0, -2, 3, -2, -3]), (1.0, [-1, -2, 3, -2, -3]),
])  # fmt: skip
def test_the_sparse_gate_lets_its_share_learn_and_the_first_only_keeps_its_sign(make, share, expected):
    # Halves round to the even number, as `round` does: 1.5 to 2, 2.5 to 2, 3.5 to 4.
    W = np.array([[1.0], [2.0], [3.0], [2.0], [3.0]])
    learner = make(W, kind="gate", share=share, signed=True, rule="hebb", rate=0.1, **FREE)
    learner.learn(np.ones(1))
    np.testing.assert_allclose(learner.W - W, 0.1 * np.array(expected)[:, None], atol=learner.tolerance)
    assert learner.wins.tolist() == [0, 0, 1, 0, 0]


def test_the_winner_is_of_the_biased_activation(make):
    learner = make(np.array([[1.0], [0.9]]), kind="taught", rate=0.0, bias=("conscience", {"rate": 0.5, "strength": 1}),
                   **FREE)  # fmt: skip
    for _ in range(3):
        learner.learn(np.ones(1), label=0)
    # The shares go (1/2, 1/2), (3/4, 1/4), (3/8, 5/8): the winners are 0, then 1, then 0, whatever was taught.
    assert learner.wins.tolist() == [2, 1]
    np.testing.assert_allclose(learner.activity, [11 / 16, 5 / 16], atol=learner.tolerance)


# Principal components


def test_oja_finds_the_first_principal_component_at_norm_one(make):
    rng = np.random.default_rng(0)
    X, axes = gaussian(rng, 4000)
    learner = taught(make(rng.normal(size=(1, 6)), kind="none", rule="oja", rate=0.003, **FREE), X)
    assert abs(cosines(learner.W, axes[:1]))[0] > 0.99
    assert abs(np.linalg.norm(learner.W) - 1) < 0.05


def test_sanger_finds_principal_components_in_order(make):
    rng = np.random.default_rng(1)
    X, axes = gaussian(rng, 6000)
    learner = taught(make(rng.normal(size=(3, 6)) * 0.3, kind="none", rule="sanger", rate=0.003, **FREE), X)
    assert (abs(cosines(learner.W, axes[:3])) > 0.98).all()
    np.testing.assert_allclose(np.linalg.norm(learner.W, axis=1), 1, atol=0.07)


def test_oja_subspace_spans_the_principal_subspace_in_no_order(make):
    rng = np.random.default_rng(2)
    X, axes = gaussian(rng, 6000)
    mixed = np.array([[2, 2, 1], [-2, 1, 2], [1, -2, 2]]) / 3 @ axes[:3]
    W = 0.5 * mixed + 0.1 * rng.normal(size=(3, 6))
    learner = taught(make(W, kind="none", rule="subspace", rate=0.003, **FREE), X)
    np.testing.assert_allclose(learner.W @ learner.W.T, np.eye(3), atol=0.12)
    # The cosines of the angles between the two subspaces.
    angles = np.linalg.svd(np.linalg.qr(learner.W.T)[0].T @ axes[:3].T, compute_uv=False)
    assert angles.min() > 0.97
    # It has no reason to part the components; Sanger's rule has.
    assert abs(cosines(learner.W, axes[:3])).min() < 0.9


# Clusters


def test_instar_with_win_counts_is_the_running_mean(make):
    rng = np.random.default_rng(3)
    X, labels, means = clusters(rng, 300)
    W = means + 0.1 * rng.normal(size=means.shape)
    schedule = ("wins", {"power": 1.0})
    learner = taught(make(W, kind="hard", rule="instar", rate=1.0, cap=1.0, schedule=schedule), X)
    # Rate 1 / (1 + wins): the first weights count as one sample. Clusters this far apart never share a winner.
    exact = [np.mean([W[k], *X[labels == k]], axis=0) for k in range(3)]
    np.testing.assert_allclose(learner.W, exact, atol=learner.tolerance)
    assert learner.wins.tolist() == np.bincount(labels).tolist()


def test_instar_at_a_constant_rate_finds_the_cluster_means(make):
    rng = np.random.default_rng(4)
    X, _, means = clusters(rng, 600)
    learner = taught(make(0.5 * means, kind="hard", rule="instar", rate=0.03, **FREE), X)
    np.testing.assert_allclose(learner.W, means, atol=0.06)


@pytest.mark.parametrize("schedule", [("constant", {}), ("norm", {"power": 0.5, "floor": 0.01})], ids=str)
def test_hard_softhebb_finds_unit_vectors_along_the_cluster_means(make, schedule):
    rng = np.random.default_rng(5)
    X, _, means = clusters(rng, 900)
    W = 3 * means + 0.5 * rng.normal(size=means.shape)
    learner = taught(make(W, kind="hard", rate=0.03, cap=0.1, schedule=schedule), 2 * X)
    assert (cosines(learner.W, means) > 0.99).all()
    np.testing.assert_allclose(np.linalg.norm(learner.W, axis=1), 1, atol=0.03)


def test_soft_softhebb_rests_at_norm_one_along_its_mean_response_to_the_input(make):
    # 0 = E[y_k (x - u_k w_k)] gives w_k = E[y_k x] / E[y_k u_k], and so the norm one.
    rng = np.random.default_rng(6)
    X, _, means = clusters(rng, 3000, spread=0.3)
    learner = make(means + 0.3 * rng.normal(size=means.shape), sharpness=3.0, rate=0.01, **FREE)
    taught(learner, X)
    responses = np.exp(3 * X @ learner.W.T)
    responses /= responses.sum(axis=1, keepdims=True)
    assert responses.max(axis=1).mean() < 0.9  # it is a soft competition
    assert (cosines(learner.W, responses.T @ X) > 0.995).all()
    np.testing.assert_allclose(np.linalg.norm(learner.W, axis=1), 1, atol=0.05)


def test_taught_neurons_find_their_class_and_learn_of_no_other_sample(make):
    rng = np.random.default_rng(7)
    X, labels, means = clusters(rng, 600)
    W = np.roll(means, 1, axis=0)  # every neuron prefers another class, at first
    learner = make(W, kind="taught", rate=0.05, **FREE)
    for x in X[:50]:
        u, y, _ = learner.learn(x)
        assert y.tolist() == np.eye(3)[np.argmax(u)].tolist()
    learner.learn(X[0], label=-1)
    assert learner.wins.sum() == 0
    np.testing.assert_allclose(learner.W, W, atol=learner.tolerance)
    for x, label in zip(X, labels, strict=True):
        _, y, _ = learner.learn(x, label=int(label))
        assert y.tolist() == np.eye(3)[label].tolist()
    assert (cosines(learner.W, means) > 0.99).all()
    assert learner.wins.sum() == len(X)


def test_a_corrected_layer_descends_the_cross_entropy(make):
    rng = np.random.default_rng(7)
    X, labels, _ = clusters(rng, 40)
    W, rate, sharpness = 0.3 * rng.normal(size=(3, 9)), 0.05, 2.0
    learner = make(W, kind="corrected", rule="hebb", rate=rate, sharpness=sharpness, **FREE)

    def loss(W, x, label):
        d = sharpness * W @ x
        return np.log(np.exp(d).sum()) - d[label]

    for x, label in zip(X, labels, strict=True):
        before, slope = np.array(learner.W, np.float64), np.empty((3, 9))
        for place in np.ndindex(3, 9):
            step = np.zeros((3, 9))
            step[place] = 1e-5
            slope[place] = (loss(before + step, x, label) - loss(before - step, x, label)) / 2e-5
        learner.learn(x, label=int(label))
        np.testing.assert_allclose(learner.W - before, -rate / sharpness * slope, atol=1e-6)


def test_a_corrected_layer_tells_classes_apart_and_learns_nothing_without_a_label(make):
    rng = np.random.default_rng(7)
    X, labels, _ = clusters(rng, 600)
    learner = make(np.zeros((3, 9)), kind="corrected", rule="hebb", rate=0.5, **FREE)
    for x in X[:20]:
        _, y, _ = learner.learn(x)
        np.testing.assert_allclose(y, 1 / 3, rtol=1e-6)
    assert not learner.W.any()
    assert learner.wins.sum() == 0
    for x, label in zip(X[:500], labels[:500], strict=True):
        _, y, _ = learner.learn(x, label=int(label))
        assert y[label] >= 0
        assert (np.delete(y, label) <= 0).all()
        assert y.sum() == pytest.approx(0, abs=1e-6)
    assert (np.argmax(X[500:] @ learner.W.T, axis=1) == labels[500:]).all()


def test_krotov_hopfield_brings_the_p_norm_to_one(make):
    # d/dt sum |w|^p = p g u (1 - sum |w|^p), where sum sign(w)|w|^(p-1) x = u: it goes to one where winning prevails.
    rng = np.random.default_rng(8)
    X, _, means = clusters(rng, 2000)
    W = means + 0.1 * rng.random(means.shape)
    constants = {"kind": "ranked", "rank": 2, "opposition": 0.2, "lebesgue": 3.0, "rate": 0.01, **FREE}
    learner = taught(make(W, **constants), np.maximum(X, 0))
    np.testing.assert_allclose((np.abs(learner.W) ** 3).sum(axis=1), 1, atol=0.05)
    assert (np.abs(np.linalg.norm(learner.W, axis=1) - 1) > 0.1).all()


# Rules without decay


def test_hebb_grows_exponentially(make):
    x = np.array([0.6, 0.8, 0.0])
    learner = taught(make(np.array([[0.3, 0.1, 0.5]]), kind="none", rule="hebb", rate=0.1, **FREE), [x] * 40)
    # u <- (1 + rate |x|^2) u, and what is across x stays.
    along = 0.26 * 1.1**40
    np.testing.assert_allclose(learner.W[0] @ x / along, 1, atol=100 * learner.tolerance)
    np.testing.assert_allclose(learner.W[0, 2], 0.5, atol=learner.tolerance)


@pytest.mark.parametrize("constants", [
    {"rule": "hebb", "kind": "none"}, {"rule": "hebb", "kind": "soft", "window": 4},
    {"rule": "hebbnet", "kind": "gate", "share": 0.4, "signed": True, "activation": ("relu", {})},
], ids=str)  # fmt: skip
def test_renormalised_neurons_stay_at_norm_one(make, constants):
    rng = np.random.default_rng(9)
    X, W = rng.random((200, 8)), rng.normal(size=(5, 8)) * 3
    learner = taught(make(W, rate=0.05, renormalise=True, **FREE, **constants), X)
    moved = np.abs(learner.W - W).max(axis=1) > 1e-3
    assert moved.sum() >= 3
    np.testing.assert_allclose(np.linalg.norm(learner.W[moved], axis=1), 1, atol=100 * learner.tolerance)


def test_the_running_mean_of_a_rule_moves_before_it_is_used(make):
    # A response of 1, or one at the ceiling, and so what moves is known: HebbNet's T, to 1 - 2^-n, and BCM's theta, to
    # the square of the ceiling times that.
    x, constants = np.array([1.0, 3.0]), {"rate": 0.1, "averaging": 0.5, **FREE}
    hebbnet = taught(make(np.full((1, 2), 0.2), kind="hard", rule="hebbnet", **constants), [x] * 5)
    np.testing.assert_allclose(hebbnet.W[0], 0.2 + 0.1 * (1 - 2**-5) * x, atol=10 * hebbnet.tolerance)
    np.testing.assert_allclose(hebbnet.traces, 1 - 2**-5, atol=hebbnet.tolerance)
    bcm = taught(make(np.full((1, 2), 5.0), kind="none", rule="bcm", ceiling=1.5, decay=0.3, **constants), [x] * 5)
    w = np.full(2, 5.0)
    for n in range(1, 6):
        w = (1 - 0.1 * 0.3) * w + 0.1 * 1.5 * (1.5 - 2.25 * (1 - 2**-n)) * x
    assert w @ x > 1.5
    np.testing.assert_allclose(bcm.W[0], w, atol=100 * bcm.tolerance)
    np.testing.assert_allclose(bcm.traces, 2.25 * (1 - 2**-5), atol=10 * bcm.tolerance)


def band(averaging):
    """Return the gain below which BCM rests.

    One neuron, one input x again and again, y = w.x, gain k = rate |x|^2: theta' = (1 - a) theta + a y^2, then
    y' = y + k y (y - theta'). It rests at y = theta = 1. With y = 1 + e, theta = 1 + d, to first order:

        d' = (1 - a) d + 2 a e
        e' = e + k (e - d') = (1 + k (1 - 2 a)) e - k (1 - a) d

    Of this matrix, det = (1 - a)(1 + k) and trace = 2 - a + k (1 - 2 a). Both eigenvalues are within the unit circle
    iff (Jury) det < 1, 1 - trace + det > 0 and 1 + trace + det > 0. The second is a k > 0, always. The first is
    k < a / (1 - a): beyond it an oscillation grows. The third is k (3 a - 2) < 4 - 2 a: beyond it y flips about 1 at
    every sample. It is the narrower above a = 2 sqrt(2) - 2 = 0.83 only; at a = 1, where theta = y^2, it is k < 2.
    """
    swing = averaging / (1 - averaging)
    return min(swing, (4 - 2 * averaging) / (3 * averaging - 2)) if averaging > 2 / 3 else swing


@pytest.mark.parametrize("averaging", [0.05, 0.1, 0.5, 0.8, 0.9])
@pytest.mark.parametrize("part", [0.5, 0.9, 1.1, 1.5])
def test_bcm_rests_inside_its_band_and_leaves_it_outside(make, averaging, part):
    x, first = np.array([0.8, 0.4, 0.2]), 1e-4
    gain = part * band(averaging)
    W = ((1 + first) * x / (x @ x))[None]
    learner = make(W, kind="none", rule="bcm", rate=gain / (x @ x), averaging=averaging, ceiling=1e6, **FREE)
    matrix = np.array([[1 + gain * (1 - 2 * averaging), -gain * (1 - averaging)], [2 * averaging, 1 - averaging]])
    for _ in range(300):
        learner.learn(x, modulator=0.0)  # moves the threshold alone
    deviation = np.array([learner.W[0] @ x - 1, learner.traces[0] - 1])
    np.testing.assert_allclose(deviation, [first, 2 * first], atol=0.05 * first)
    for _ in range(40):
        deviation = matrix @ deviation
        learner.learn(x)
        if np.abs(deviation).max() > 1e-3:  # no longer small
            break
        found = learner.W[0] @ x - 1, learner.traces[0] - 1
        np.testing.assert_allclose(found, deviation, atol=0.1 * np.abs(deviation).max() + 0.05 * first)
    assert (np.abs(np.linalg.eigvals(matrix)).max() < 1) == (part < 1)


@pytest.mark.parametrize("averaging", [0.1, 0.5, 0.9])
def test_bcm_far_from_its_band_edges_ends_at_rest_or_far_off(make, averaging):
    x = np.array([0.8, 0.4, 0.2])
    ends = []
    for part in (0.7, 1.3):
        rate = part * band(averaging) / (x @ x)
        W = (1.01 * x / (x @ x))[None]
        learner = make(W, kind="none", rule="bcm", rate=rate, averaging=averaging, ceiling=3.0, **FREE)
        for _ in range(200):
            learner.learn(x, modulator=0.0)
        deviations = []
        for _ in range(400):
            learner.learn(x)
            deviations.append(abs(learner.W[0] @ x - 1))
        ends.append(max(deviations[-50:]))
    assert ends[0] < 1e-4
    assert not ends[1] < 0.1


# Independent components


def test_eghr_recovers_independent_sources_at_their_scale(make):
    # At rest E[(E0 - E) g(u) x'] = 0; times W' from the right, and the trace of it: E[(E0 - E) E] = 0, as
    # g(u).u = sqrt(2) sum |u| = E. So E[E^2] / E[E] = E0. For n sources of variance one E is Gamma(n), and that is
    # n + 1: with this threshold the potentials are the sources, but for order and sign.
    rng = np.random.default_rng(10)
    S = rng.laplace(scale=np.sqrt(0.5), size=(8000, 2))
    mixing = np.array([[1.0, 0.5], [-0.3, 0.9]])
    learner = make(np.array([[1.0, 0.3], [-0.2, 0.8]]), kind="none", rule="eghr", rate=0.006, threshold=3.0, cap=1.0,
                   schedule=("linear", {"samples": 8000}))  # fmt: skip
    taught(learner, S @ mixing.T)
    energy = np.sqrt(2) * np.abs(S @ (learner.W @ mixing).T).sum(axis=1)
    assert abs((energy**2).mean() / energy.mean() - 3) < 0.3
    unmixed = np.sort(np.abs(learner.W @ mixing), axis=1)
    np.testing.assert_allclose(unmixed, [[0, 1], [0, 1]], atol=0.25)


# Leak, biases


@pytest.mark.parametrize("window", [1, 3])
def test_norms_leak_exponentially_when_nothing_is_learned(make, window):
    rng = np.random.default_rng(11)
    W = rng.normal(size=(4, 5))
    learner = make(W, rate=0.0, leak=0.01, window=window, **FREE)
    taught(learner, rng.random((60, 5)))
    learner.learn(np.zeros(5))  # no sample to leak at
    np.testing.assert_allclose(learner.W, W * 0.99**60, rtol=100 * learner.tolerance)


@pytest.mark.parametrize("sharpness", [3.0, 20.0])
def test_the_prior_goes_to_the_shares_of_the_most_likely_mixture(make, sharpness):
    # q = E[softmax(v/T + ln q)] is what expectation maximisation of a mixture's shares ends at.
    rng = np.random.default_rng(12)
    X, _, means = clusters(rng, 3000, spread=0.2, shares=(6, 3, 1))
    prior = np.full(3, 1 / 3)
    for _ in range(2000):
        shares = prior * np.exp(sharpness * X @ means.T)
        prior = (shares / shares.sum(axis=1, keepdims=True)).mean(axis=0)
    learner = taught(make(means, sharpness=sharpness, rate=0.0, bias=("prior", {"rate": 0.004}), **FREE), X)
    np.testing.assert_allclose(learner.activity.sum(), 1, atol=100 * learner.tolerance)
    np.testing.assert_allclose(learner.activity, prior, atol=0.05)
    if sharpness == 20:  # every sample is known to be of its cluster
        np.testing.assert_allclose(prior, [0.6, 0.3, 0.1], atol=0.03)


@pytest.mark.parametrize("bias", [
    ("conscience", {"rate": 0.01, "strength": 3.0}), ("mean", {"rate": 0.05}),
], ids=str)  # fmt: skip
def test_a_bias_spreads_wins(make, bias):
    # The mean activity takes away what all samples share, here one in every input: w.x - E[w.x] = w.(x - E[x]). Where
    # samples share little it need not spread wins; the conscience, which counts them, does.
    rng = np.random.default_rng(13)
    X, _, _ = clusters(rng, 1500, spread=0.2, shares=(1, 1, 1, 1), inputs=8)
    W = np.abs(rng.normal(size=(8, 8)))
    W /= np.linalg.norm(W, axis=1, keepdims=True)
    constants = {"kind": "hard", "rate": 0.02, **FREE}
    plain, biased = (entropy(taught(make(W, bias=b, **constants), X + 1).wins) for b in (None, bias))
    assert plain < 0.75
    assert biased > plain + 0.15


def test_a_conscience_lets_every_neuron_win_its_share(make):
    # Where nothing is learned, p_k must go to where all biased activations are alike: for one input, to
    # 1/K + (u_k - mean u) / strength.
    W, x = np.array([[0.3], [0.2], [0.1]]), np.ones(1)
    learner = make(W, kind="hard", rate=0.0, bias=("conscience", {"rate": 0.002, "strength": 1.0}), **FREE)
    taught(learner, [x] * 4000)
    np.testing.assert_allclose(learner.activity, 1 / 3 + np.array([0.1, 0, -0.1]), atol=0.005)
    np.testing.assert_allclose(learner.wins / 4000, 1 / 3 + np.array([0.1, 0, -0.1]), atol=0.05)


def test_the_mean_activity_is_the_first_and_then_moves(make):
    learner = make(np.eye(2), kind="hard", rate=0.0, bias=("mean", {"rate": 0.1}), **FREE)
    assert learner.activity.tolist() == [0, 0]
    taught(learner, [[0.0, 0.0], [2.0, 1.0]])
    np.testing.assert_allclose(learner.activity, [2, 1], atol=learner.tolerance)
    _, y, _ = learner.learn([0.9, 0.0])
    assert y.tolist() == [0, 1]  # 0.9 - 2 against 0 - 1
    np.testing.assert_allclose(learner.activity, [1.89, 0.9], atol=learner.tolerance * 10)


# The third factor


@pytest.mark.parametrize("constants", [
    {}, {"kind": "none", "rule": "oja"}, {"rule": "instar"}, {"kind": "none", "rule": "sanger"},
    {"kind": "none", "rule": "hebbnet"}, {"kind": "none", "rule": "eghr"},
    {"kind": "gate", "share": 0.5, "signed": True, "rule": "hebb"},
], ids=str)  # fmt: skip
def test_a_modulator_turns_the_step_off_and_round(make, constants):
    rng = np.random.default_rng(14)
    W, x = rng.normal(size=(4, 5)) * 0.5, rng.random(5)
    steps = []
    for modulator in (0.0, 1.0, -1.0):
        learner = make(W, rate=0.1, **FREE, **constants)
        learner.learn(x, modulator=modulator)
        steps.append(learner.W - W)
    assert np.abs(steps[1]).max() > 1e-3
    np.testing.assert_allclose(steps[0], 0, atol=learner.tolerance)
    np.testing.assert_allclose(steps[2], -steps[1], atol=learner.tolerance * 10)


def test_an_eligibility_that_fades_at_once_is_none(make):
    rng = np.random.default_rng(15)
    W, X = rng.random((4, 5)), rng.random((50, 5))
    with_trace, without = (taught(make(W, rate=0.05, eligibility=lam, **FREE), X).W for lam in (1e-9, 0.0))
    np.testing.assert_allclose(with_trace, without, atol=1e-5)


def test_eligibility_sums_what_fades_until_the_modulator_comes(make):
    W, x, rate, fading = np.full((1, 3), 0.2), np.array([1.0, 2.0, 0.0]), 0.1, 0.5
    learner = make(W, kind="hard", rule="hebb", rate=rate, eligibility=fading, **FREE)
    for _ in range(3):
        learner.learn(x, modulator=0.0)
    np.testing.assert_allclose(learner.W, W, atol=learner.tolerance)
    learner.learn(x, modulator=2.0)
    trace = rate * x * (1 + fading + fading**2 + fading**3)
    np.testing.assert_allclose(learner.W[0], W[0] + 2 * trace, atol=learner.tolerance * 10)


# Schedules


@pytest.mark.parametrize(("schedule", "rate_at"), [
    (("constant", {}), lambda n, wins: 0.2),
    (("linear", {"samples": 10, "last": 0.05}), lambda n, wins: 0.2 - 0.15 * min(n / 10, 1)),
    (("exponential", {"samples": 10, "last": 0.05}), lambda n, wins: 0.2 * 0.25 ** min(n / 10, 1)),
    (("wins", {"power": 0.5, "floor": 0.07}), lambda n, wins: max(0.2 / np.sqrt(1 + wins), 0.07)),
], ids=["constant", "linear", "exponential", "wins"])  # fmt: skip
@pytest.mark.parametrize("window", [1, 2])
def test_the_rate_follows_its_schedule_blank_samples_counted(make, schedule, rate_at, window):
    x = np.array([1.0, 0.0])
    learner = make(np.full((1, 2), 0.1), kind="hard", rule="hebb", rate=0.2, cap=1.0, schedule=schedule, window=window)
    expected, wins = 0.1, 0
    for n in range(16):
        if n % 5 == 2:
            learner.learn(0 * x)
            continue
        wins += 1
        learner.learn(x)
        if wins % window == 0:
            expected += window * rate_at(n, wins)
        np.testing.assert_allclose(learner.W, [[expected, 0.1]], atol=learner.tolerance * 100)
