"""Attacks: they stay in their ball and box, and are as strong as what is known in closed form and as another's."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize
from softmax_regression import SoftmaxRegression, blobs, learned

import neurosim as ns
from neurosim.bayes import attack, random_noise
from neurosim.bayes.balls import Ball

NORMS = pytest.mark.parametrize("norm", ["linf", "l2"])
LOSSES = pytest.mark.parametrize("loss", ["cross_entropy", "margin"])


@pytest.fixture(scope="module")
def fitted():
    samples, labels = blobs()
    return learned(samples, labels), samples, labels


def two_classes(inputs=8, seed=1):
    """Return a linear classifier of two classes, the difference of its weights, and samples of class 1 at 0.5."""
    difference = np.random.default_rng(seed).normal(size=inputs)
    return SoftmaxRegression([-difference / 2, difference / 2]), difference, np.full((3, inputs), 0.5)


@NORMS
@LOSSES
def test_the_best_attack_on_a_linear_classifier_is_reached(norm, loss):
    model, difference, samples = two_classes()
    best = {"linf": np.sign(difference), "l2": difference / np.linalg.norm(difference)}[norm]
    found = attack(model, samples, [1, 1, 1], norm=norm, epsilon=0.2, loss=loss)
    np.testing.assert_allclose(found.samples, samples - 0.2 * best, atol=1e-9)
    np.testing.assert_allclose(found.distance, 0.2, rtol=1e-9)
    np.testing.assert_array_equal(found.log_proba, model.log_proba(found.samples))


def test_the_best_l2_attack_at_the_walls_of_the_box_is_reached():
    # maximise -w.x in the ball and the box: entries that end at 0 leave their share of the distance to the others
    model, difference, _ = two_classes()
    samples = np.where(np.arange(8) % 2, 0.05, 0.9)[None]
    expected = minimize(
        lambda x: difference @ x,
        samples[0],
        jac=lambda x: difference,
        bounds=[(0, 1)] * 8,
        constraints={"type": "ineq", "fun": lambda x: 0.5**2 - ((x - samples[0]) ** 2).sum()},
        method="SLSQP",
        options={"ftol": 1e-12},
    ).x
    found = attack(model, samples, [1], norm="l2", epsilon=0.5, steps=400)
    np.testing.assert_allclose(found.samples[0] @ difference, expected @ difference, atol=1e-5)


@NORMS
@LOSSES
@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("epsilon", [0.05, 0.4, 3.0])
def test_attacks_stay_in_the_ball_and_in_the_box(fitted, norm, loss, targeted, epsilon):
    model, samples, labels = fitted
    wanted = (labels + 1) % 3 if targeted else labels
    found = attack(model, samples, wanted, norm=norm, epsilon=epsilon, loss=loss, targeted=targeted, restarts=2)
    assert found.samples.min() >= 0
    assert found.samples.max() <= 1
    assert found.distance.max() <= epsilon * (1 + 1e-12)
    away = found.samples - samples
    measured = np.abs(away).max(axis=1) if norm == "linf" else np.linalg.norm(away, axis=1)
    np.testing.assert_allclose(found.distance, measured, rtol=1e-12)
    predicted = model.log_proba(found.samples).argmax(axis=1)
    np.testing.assert_array_equal(found.success, (predicted == wanted) == targeted)


@NORMS
def test_epsilon_0_leaves_samples_bit_for_bit(fitted, norm):
    model, samples, labels = fitted
    samples = samples.astype(np.float32)
    found = attack(model, samples, labels, norm=norm, epsilon=0, restarts=3)
    assert found.samples.tobytes() == samples.astype(np.float64).tobytes()
    assert random_noise(samples, norm=norm, epsilon=0).tobytes() == samples.astype(np.float64).tobytes()
    np.testing.assert_array_equal(found.success, model.log_proba(samples).argmax(axis=1) != labels)


@NORMS
def test_a_large_epsilon_destroys_all(fitted, norm):
    model, samples, labels = fitted
    assert attack(model, samples, labels, norm=norm, epsilon=1e30).success.all()
    assert attack(model, samples, (labels + 1) % 3, norm=norm, epsilon=1e30, targeted=True).success.all()


@NORMS
def test_samples_that_are_wrong_already_stay_as_they_are(fitted, norm):
    model, samples, _ = fitted
    wrong = (model.log_proba(samples).argmax(axis=1) + 1) % 3
    found = attack(model, samples, wrong, norm=norm, epsilon=0.3)
    assert found.success.all()
    np.testing.assert_array_equal(found.samples, samples)


@NORMS
def test_restarts_never_make_it_worse_and_help_where_the_gradient_is_zero(norm):
    class Flat(SoftmaxRegression):
        """The same classifier, whose gradient is 0 near the middle of the box."""

        def gradient(self, samples, labels):
            near = np.abs(samples - 0.5).max(axis=1, keepdims=True) < 1e-3
            return np.where(near, 0, super().gradient(samples, labels))

    weights = np.random.default_rng(0).normal(size=(2, 20))
    model, samples = Flat(weights), np.full((30, 20), 0.5)
    labels = model.log_proba(samples).argmax(axis=1)
    once = attack(model, samples, labels, norm=norm, epsilon=2.0)
    np.testing.assert_array_equal(once.samples, samples)  # a gradient of 0: no step
    assert not once.success.any()
    assert attack(model, samples, labels, norm=norm, epsilon=2.0, restarts=2).success.all()


@NORMS
def test_more_restarts_keep_what_fewer_found(fitted, norm):
    model, samples, labels = fitted
    few, more = (attack(model, samples, labels, norm=norm, epsilon=0.1, steps=3, restarts=n) for n in (1, 5))
    assert (more.success >= few.success).all()
    right = np.arange(len(labels)), labels
    assert (more.log_proba[right] <= few.log_proba[right])[~more.success].all()


@NORMS
def test_attacks_are_a_function_of_seed_and_position(fitted, norm):
    model, samples, labels = fitted
    settings = {"norm": norm, "epsilon": 0.05, "steps": 2, "step": 0.01, "restarts": 3}
    first = attack(model, samples, labels, **settings)
    np.testing.assert_array_equal(first.samples, attack(model, samples, labels, **settings).samples)
    np.testing.assert_allclose(attack(model, samples[:7], labels[:7], **settings).samples, first.samples[:7])
    assert (attack(model, samples, labels, **settings, seed=1).samples != first.samples).any()


@NORMS
def test_the_margin_leads_away_where_the_label_is_hopeless(norm):
    # Two classes beside the label share what it loses: the cross-entropy is content with a tie of the two, the margin
    # follows the nearer one.
    weights = np.array([[0.0, 0.0, 3.0], [4.0, 0.0, 0.0], [0.0, 4.0, 0.0]])
    model, samples = SoftmaxRegression(weights), np.full((1, 3), 0.5)
    model.biases = np.array([4.0, 0.0, 0.0])
    margins = []
    for loss in ("cross_entropy", "margin"):
        found = attack(model, samples, [0], norm=norm, epsilon=0.35, loss=loss, steps=200)
        margins.append(np.sort(found.log_proba[0, 1:])[-1] - found.log_proba[0, 0])
    assert margins[1] >= margins[0] - 1e-9


def test_gradients_of_another_classifier_can_be_followed(fitted):
    model, samples, labels = fitted

    class Masked(SoftmaxRegression):
        def gradient(self, samples, labels):
            return np.zeros_like(samples)

    masked = Masked(model.weights)
    blind = attack(masked, samples, labels, norm="l2", epsilon=0.5)
    seeing = attack(masked, samples, labels, norm="l2", epsilon=0.5, through=[model])
    np.testing.assert_array_equal(blind.samples, samples)
    np.testing.assert_array_equal(seeing.samples, attack(model, samples, labels, norm="l2", epsilon=0.5).samples)


def test_tiny_gradients_are_followed_too(fitted):
    model, samples, labels = fitted

    class Sure(SoftmaxRegression):
        def gradient(self, samples, labels):
            return 1e-200 * super().gradient(samples, labels)

    found = attack(Sure(model.weights), samples, labels, norm="l2", epsilon=0.3)
    expected = attack(model, samples, labels, norm="l2", epsilon=0.3)
    np.testing.assert_allclose(found.samples, expected.samples, atol=1e-9)


def test_blocks_make_no_difference(monkeypatch, fitted):
    model, samples, labels = fitted
    settings = {"norm": "l2", "epsilon": 0.1, "steps": 3, "restarts": 2}
    whole = attack(model, samples, labels, **settings)
    monkeypatch.setattr("neurosim.bayes.attacks.TOGETHER", 7)
    np.testing.assert_allclose(attack(model, samples, labels, **settings).samples, whole.samples, atol=1e-12)
    noise = random_noise(samples, norm="l2", epsilon=0.1)
    monkeypatch.undo()
    np.testing.assert_array_equal(noise, random_noise(samples, norm="l2", epsilon=0.1))


def test_the_l2_projection_is_the_nearest_point():
    rng = np.random.default_rng(3)
    ball, centres = Ball("l2", 0.4, 0.0, 1.0), rng.choice([0, 0.1, 0.5, 1], (20, 6))
    far = centres + rng.normal(size=centres.shape)
    for centre, point, found in zip(centres, far, ball.project(far, centres), strict=True):
        expected = minimize(
            lambda x, point=point: ((x - point) ** 2).sum(),
            centre,
            bounds=[(0, 1)] * 6,
            constraints={"type": "ineq", "fun": lambda x, centre=centre: 0.4**2 - ((x - centre) ** 2).sum()},
            method="SLSQP",
            options={"ftol": 1e-12, "maxiter": 500},
        ).x
        assert np.linalg.norm(found - point) <= np.linalg.norm(expected - point) + 1e-6
        assert np.linalg.norm(found - centre) <= 0.4 * (1 + 1e-12)
    inside = centres + 0.1 * (0.5 - centres)
    np.testing.assert_allclose(Ball("l2", 0.4, 0.0, 1.0).project(inside, centres), inside, atol=1e-15)


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_random_noise_has_the_norm_of_the_attack(value):
    samples = np.full((50, 400), value)
    l2, linf = (random_noise(samples, norm=norm, epsilon=0.2) - samples for norm in ("l2", "linf"))
    np.testing.assert_allclose(np.linalg.norm(l2, axis=1), 0.2, rtol=1e-12)
    np.testing.assert_allclose(np.unique(np.round(linf, 12)), [max(-0.2, -value), 0.2])
    assert 0.4 < (linf > 0).mean() < 0.6
    assert not np.array_equal(l2[0], l2[1])


def test_random_noise_ends_where_the_box_does():
    samples = np.full((4, 9), 0.5)
    noisy = random_noise(samples, norm="l2", epsilon=100)
    assert set(np.unique(noisy)) == {0.0, 1.0}
    assert (
        random_noise(samples, norm="l2", epsilon=0.1, seed=1) != random_noise(samples, norm="l2", epsilon=0.1)
    ).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epsilon": -0.1}, "epsilon must be at least 0, got -0.1"),
        ({"epsilon": math.inf}, "epsilon must be at least 0 and finite, got inf"),
        ({"epsilon": math.nan}, "epsilon must be at least 0, got nan"),
        ({"norm": "l1"}, "norm must be one of linf, l2, got 'l1'"),
        ({"loss": "hinge"}, "loss must be one of cross_entropy, margin, got 'hinge'"),
        ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
        ({"step": 0}, "step must be positive, got 0"),
        ({"restarts": 0}, "restarts must be a whole number of at least 1, got 0"),
        ({"targeted": 1}, "targeted must be True or False, got 1"),
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ({"low": 2.0}, "high must be above low, 2, got 1.0"),
    ],
)
def test_wrong_constants_are_refused(fitted, change, message):
    with pytest.raises(ns.ConfigError) as error:
        attack(*fitted, **({"norm": "l2", "epsilon": 0.1} | change))
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("samples", "labels", "message"),
    [
        ([[0.1, math.nan]], [0], r"samples must be within low, 0, and high, 1, got nan in sample 0"),
        ([[0.1, 0.2], [0.1, 2.5]], [0, 0], r"samples must be .* got 2.5 in sample 1; give the bounds"),
        ([0.1, 0.2], [0], r"samples must be numbers \(samples, inputs\), got shape \(2,\)"),
        ([[0.1, 0.2]], [2], "labels must be from 0 to 1, the classes of the classifier, got 2"),
        ([[0.1, 0.2]], [-1], "labels must be from 0 to 1, the classes of the classifier, got -1"),
        ([[0.1, 0.2]], [0, 1], "labels must be whole numbers, one a sample, 1 in all, got"),
    ],
)
def test_wrong_samples_and_labels_are_refused(samples, labels, message):
    with pytest.raises(ns.SampleError, match=message):
        attack(SoftmaxRegression(np.eye(2)), samples, labels, norm="l2", epsilon=0.1)


def test_classifiers_that_cannot_be_attacked_are_refused():
    with pytest.raises(ns.ConfigError, match="classes must be at least 2"):
        attack(SoftmaxRegression(np.ones((1, 2))), [[0.1, 0.2]], [0], norm="l2", epsilon=0.1)

    with pytest.raises(ns.ConfigError, match="through must be classifiers of 2 classes, as the attacked, got 3"):
        attack(
            SoftmaxRegression(np.eye(2)), [[0.1, 0.2]], [0], norm="l2", epsilon=0.1,
            through=[SoftmaxRegression(np.ones((3, 2)))],
        )  # fmt: skip

    advice = r"make one of a chip: neurosim.bayes.Classifier\(chip, readout\)"
    chip = ns.Chip([ns.recipes.softhebb(2)], inputs=2)
    with pytest.raises(ns.ConfigError, match=f"classifier must be an object with .* got 'neurosim.Chip'; {advice}"):
        attack(chip, [[0.1, 0.2]], [0], norm="l2", epsilon=0.1)
    for through, name in (
        (SoftmaxRegression(np.eye(2)), "through must be a list"),
        ([chip], "each of through must be"),
    ):
        with pytest.raises(ns.ConfigError, match=name):
            attack(SoftmaxRegression(np.eye(2)), [[0.1, 0.2]], [0], norm="l2", epsilon=0.1, through=through)

    class Broken(SoftmaxRegression):
        def gradient(self, samples, labels):
            return np.full_like(samples, np.nan)

    with pytest.raises(ns.SampleError, match="gradients must be finite, got one that is not, of 1 of 1 samples"):
        attack(Broken(np.eye(2)), [[0.9, 0.2]], [0], norm="l2", epsilon=0.1)

    class Refusing(SoftmaxRegression):
        def gradient(self, samples, labels):
            raise ns.ConfigError("competition", "soft", "hard")

    with pytest.raises(ns.ConfigError, match="competition"):
        attack(Refusing(np.eye(2)), [[0.9, 0.2]], [0], norm="l2", epsilon=0.1)
    assert attack(
        SoftmaxRegression(np.eye(2)), np.zeros((0, 2)), np.zeros(0, int), norm="l2", epsilon=0.1
    ).samples.shape == (0, 2)
