"""The mixture by brute force on five points, its integral, expectation maximisation by loops, samples, and chips."""

import math

import numpy as np
import pytest
import reference_mixture as reference

import neurosim as ns
from neurosim.bayes import Mixture, bessel, layer_inputs, mixture, units
from neurosim.errors import ConfigError, SampleError
from neurosim.streams import ArrayStream

POINTS = {
    2: [[1.0, 0.2], [-0.3, 2.0], [0.5, 0.5], [-1.0, -1.0], [0.1, -3.0]],
    3: [[1.0, 0.2, 0.0], [-0.3, 2.0, 0.4], [0.5, 0.5, 0.5], [-1.0, -1.0, 0.2], [0.1, -3.0, 1.0]],
}
SHARES = np.array([0.5, 0.3, 0.2])


def unit(rows):
    rows = np.asarray(rows, np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def known(inputs, concentration=3.0, shares=SHARES, seed=0):
    """Return a mixture with random directions."""
    return Mixture(unit(np.random.default_rng(seed).normal(size=(len(shares), inputs))), concentration, shares)


def arguments(model):
    return model.directions.tolist(), model.concentration, model.shares.tolist()


# Densities and posteriors


@pytest.mark.parametrize("concentration", [0.2, 3.0, 40.0])
@pytest.mark.parametrize("inputs", [2, 3])
def test_five_points_by_brute_force(inputs, concentration):
    model, points = known(inputs, concentration), POINTS[inputs]
    together = math.log(reference.joint_density(points, *arguments(model)))  # over all 243 assignments
    assert model.log_density(points).sum() == pytest.approx(together, rel=1e-10)
    assert model.log_likelihood(points) == pytest.approx(together / 5, rel=1e-10)
    expected = [reference.posterior(x, *arguments(model)) for x in points]
    np.testing.assert_allclose(model.posterior(points), expected, rtol=1e-9, atol=1e-12)


def test_the_density_integrates_to_one_over_the_circle():
    angles = np.arange(5000) * 2 * np.pi / 5000
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for concentration in (0.01, 3.0, 500.0):
        assert np.exp(known(2, concentration).log_density(circle)).mean() * 2 * np.pi == pytest.approx(1, abs=1e-10)


def test_the_density_integrates_to_one_over_the_sphere():
    heights, weights = np.polynomial.legendre.leggauss(200)
    angles = np.arange(400) * 2 * np.pi / 400
    rings = np.sqrt(1 - heights**2)
    sphere = np.stack(
        [np.outer(rings, np.cos(angles)), np.outer(rings, np.sin(angles)), np.outer(heights, np.ones(400))], axis=2
    )
    for concentration in (0.01, 3.0, 100.0):
        densities = np.exp(known(3, concentration).log_density(sphere.reshape(-1, 3))).reshape(200, 400)
        assert (weights @ densities.mean(axis=1)) * 2 * np.pi == pytest.approx(1, abs=1e-9)


def test_only_the_direction_of_a_sample_counts_and_extremes_stay_finite():
    model = known(3, 1e6)
    points = np.array(POINTS[3])
    np.testing.assert_allclose(model.log_density(1e30 * points), model.log_density(points), rtol=1e-9)
    far = model.log_density(-model.directions)
    assert np.isfinite(far).all()
    assert (far < -1e4).all()
    assert model.posterior(points).sum(axis=1) == pytest.approx(1)


def test_a_share_of_zero_has_no_part():
    model = known(3, shares=np.array([0.6, 0.4, 0.0]))
    without = Mixture(model.directions[:2], model.concentration, model.shares[:2])
    np.testing.assert_allclose(model.log_density(POINTS[3]), without.log_density(POINTS[3]))
    assert (model.posterior(POINTS[3])[:, 2] == 0).all()
    assert model.em_step(POINTS[3]).directions[2] == pytest.approx(model.directions[2])
    assert set(model.sample(1000, 0)[1]) == {0, 1}


def test_streams_arrays_kinds_and_blocks_are_alike(monkeypatch):
    samples = np.random.default_rng(0).integers(1, 200, (50, 6)).astype(np.uint8)
    model = known(6)
    expected, likelihood, step = model.log_density(samples), model.log_likelihood(samples), model.em_step(samples)
    monkeypatch.setattr(mixture, "BLOCK", 6 * 7)  # blocks of seven samples
    stream = ArrayStream(samples.astype(np.float32))
    for same in (samples, samples.astype(">f8"), samples.reshape(50, 1, 2, 3), samples.tolist(), stream):
        np.testing.assert_allclose(model.log_density(same), expected, rtol=1e-12)
        assert model.log_likelihood(same) == pytest.approx(likelihood, rel=1e-12)
        np.testing.assert_allclose(model.em_step(same).directions, step.directions, rtol=1e-10)
    assert model.posterior(stream).shape == (50, 3)


def test_no_more_than_a_block_is_in_float64():
    samples = np.ones((100, 6), np.float32)
    assert [len(block) for block in units.unit_blocks(samples, 6, 40, leave_out=True)] == [40, 40, 20]


def test_samples_of_zeros_are_left_out_of_means_and_refused_where_each_has_a_row():
    model, points = known(3), np.array(POINTS[3])
    blank = np.insert(points, 2, 0, axis=0)
    assert model.log_likelihood(blank) == pytest.approx(model.log_likelihood(points))
    np.testing.assert_allclose(model.em_step(blank).shares, model.em_step(points).shares)
    for call in (model.log_density, model.posterior):
        with pytest.raises(SampleError, match="sample 2 must not be zeros in all inputs; it has no direction: leave"):
            call(blank)
    for call in (model.log_likelihood, model.em_step, model.cosine_to_em_step):
        with pytest.raises(SampleError, match="samples must include one that is not all zeros, got 4"):
            call(np.zeros((4, 3)))
        with pytest.raises(SampleError, match="samples must include one that is not all zeros, got 0"):
            call(np.zeros((0, 3)))


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([[1.0, 2.0, np.nan]], "sample 0 must be finite"),
        ([[1.0, 0.0, 0.0], [1e200, 1e200, 0.0]], "sample 1 must be finite, as must be its norm in float64"),
        ([1.0, 2.0, 3.0], r"samples must have the shape \(samples, 3\), got \(3,\)"),
        (np.ones((2, 4)), r"samples must have the shape \(samples, 3\), got \(2, 4\)"),
        (ArrayStream(np.ones((2, 4), np.float32)), "must have 3 inputs, got 4"),
        ([["a", "b", "c"]], "samples must be real numbers"),
    ],
)
def test_bad_samples_are_refused(samples, message):
    with pytest.raises(SampleError, match=message):
        known(3).log_likelihood(samples)


@pytest.mark.parametrize(
    ("constants", "message"),
    [
        ((np.ones((2, 3)), 1.0), "directions must be of norm one, got 1.73"),
        ((np.full((2, 3), np.nan), 1.0), "directions must be of norm one, got nan"),
        ((np.ones(3), 1.0), r"directions must be an array \(components, inputs\)"),
        ((np.eye(3), -1.0), "concentration must be above 0"),
        ((np.eye(3), "1"), "concentration must be above 0"),
        ((np.eye(1), 1.0), "inputs must be a whole number of at least 2"),
        ((np.eye(3), 1.0, [0.5, 0.6, -0.1]), "shares must be 3 numbers from 0 with the sum 1"),
        ((np.eye(3), 1.0, [0.5, 0.5]), "shares must be 3 numbers from 0 with the sum 1"),
        ((np.eye(3), 1.0, [0.5, 0.5, 0.1]), "shares must be 3 numbers from 0 with the sum 1"),
    ],
)
def test_bad_constants_are_refused(constants, message):
    with pytest.raises(ConfigError, match=message):
        Mixture(*constants)


def test_a_mixture_says_what_it_is_and_cannot_be_changed():
    model = Mixture(np.eye(3), np.float32(2.5))
    assert repr(model) == "Mixture(3 components, 3 inputs, concentration=2.5)"
    np.testing.assert_allclose(model.shares, 1 / 3)
    with pytest.raises(ValueError, match="read-only"):
        model.directions[0, 0] = 2


# Expectation maximisation


@pytest.mark.parametrize("inputs", [2, 3])
def test_a_step_is_that_of_loops(inputs):
    model, points = known(inputs), POINTS[inputs]
    directions, shares, length = reference.em_step(points, *arguments(model))
    step = model.em_step(points, concentration=True)
    np.testing.assert_allclose(step.directions, directions, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(step.shares, shares, rtol=1e-9)
    assert step.concentration == pytest.approx(reference.best_concentration(inputs, length), rel=1e-6)
    kept = model.em_step(points, shares=False)
    np.testing.assert_allclose(kept.directions, directions, rtol=1e-9, atol=1e-12)
    assert (kept.shares == model.shares).all()
    assert kept.concentration == model.concentration
    cosines = (model.directions * np.array(directions)).sum(axis=1)
    assert model.cosine_to_em_step(points) == pytest.approx(cosines @ shares)


@pytest.mark.parametrize("concentration", [False, True])
@pytest.mark.parametrize("shares", [False, True])
@pytest.mark.parametrize("inputs", [2, 3, 30])
def test_the_likelihood_never_falls(inputs, shares, concentration):
    samples = np.random.default_rng(1).normal(size=(300, inputs)) + np.eye(inputs)[0]
    model = known(inputs, 5.0, np.full(6, 1 / 6))
    likelihoods = [model.log_likelihood(samples)]
    for _ in range(25):
        model = model.em_step(samples, shares=shares, concentration=concentration)
        likelihoods.append(model.log_likelihood(samples))
    assert (np.diff(likelihoods) >= -1e-12).all()
    assert likelihoods[-1] > likelihoods[0] + 0.01


def test_steps_are_counted_and_lead_back_to_the_mixture_that_samples_came_from():
    truth = known(20, 60.0)
    samples, _ = truth.sample(4000, 5)
    start = Mixture(unit(samples[:3]), 20.0)
    assert start.em(samples, 0) is start
    np.testing.assert_array_equal(
        start.em(samples, 2, shares=False).directions,
        start.em_step(samples, shares=False).em_step(samples, shares=False).directions,
    )
    found = start.em(samples, 30, concentration=True)
    nearest = (truth.directions @ found.directions.T).argmax(axis=1)
    assert sorted(nearest) == [0, 1, 2]
    assert (truth.directions * found.directions[nearest]).sum(axis=1) == pytest.approx(1, abs=2e-3)
    np.testing.assert_allclose(found.shares[nearest], SHARES, atol=0.03)
    assert found.concentration == pytest.approx(60, rel=0.03)
    assert found.cosine_to_em_step(samples) == pytest.approx(1, abs=1e-6)


def test_samples_without_spread_have_no_concentration():
    with pytest.raises(ConfigError, match="hardly differ from the directions: keep the concentration"):
        Mixture(np.eye(3), 5.0).em_step([[1.0, 0.0, 0.0]], concentration=True)


# Samples


@pytest.mark.parametrize("concentration", [0.5, 5.0, 200.0])
def test_cosines_are_distributed_as_the_density_says(concentration):
    # The largest distance between distribution functions is below 1.95 / sqrt(n) in 999 of 1,000 seeds (Kolmogorov).
    for inputs in (2, 3, 9, 784):
        model = known(inputs, concentration, np.ones(1))
        cosines = np.sort(model.sample(5000, 3)[0] @ model.directions[0])
        grid = np.cos(np.linspace(np.pi, 0, 200_001))
        middles = np.pi - (np.arange(200_000) + 0.5) * np.pi / 200_000
        logs = concentration * np.cos(middles) + (inputs - 2) * np.log(np.sin(middles))
        below = np.concatenate([[0], np.cumsum(np.exp(logs - logs.max()))])
        expected = np.interp(cosines, grid, below / below[-1])
        ranks = np.arange(5001) / 5000
        distance = max((ranks[1:] - expected).max(), (expected - ranks[:-1]).max())
        assert distance < 1.95 / np.sqrt(5000), inputs
        assert cosines.mean() == pytest.approx(
            bessel.mean_cosine(inputs, concentration), abs=4 * cosines.std() / np.sqrt(5000)
        )


def test_samples_lie_on_the_sphere_around_their_direction_and_in_proportion_to_shares():
    model = known(4, 2.0)
    samples, components = model.sample(30_000, 0)
    assert samples.dtype == np.float64
    assert components.dtype == np.int64
    np.testing.assert_allclose(np.linalg.norm(samples, axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(np.bincount(components) / 30_000, SHARES, atol=0.01)
    for k, direction in enumerate(model.directions):
        own = samples[components == k]
        across = own - np.outer(own @ direction, direction)
        np.testing.assert_allclose(across.mean(axis=0), 0, atol=0.03)
        spread = across.T @ across / len(own)  # isotropic across the direction, nothing along it
        expected = np.trace(spread) / 3 * (np.eye(4) - np.outer(direction, direction))
        np.testing.assert_allclose(spread, expected, atol=0.02)


def test_a_sample_is_a_function_of_the_seed_and_of_its_number():
    model = known(5)
    few, of_few = model.sample(7, 11)
    many, of_many = model.sample(500, 11)
    np.testing.assert_array_equal(few, many[:7])
    np.testing.assert_array_equal(of_few, of_many[:7])
    assert not np.isclose(few, model.sample(7, 12)[0]).any()
    for count, seed, message in ((0, 1, "count must be"), (1, -1, "seed must be"), (1.5, 1, "count must be")):
        with pytest.raises(ConfigError, match=message):
            model.sample(count, seed)


# Chips


def soft(**constants):
    common = {"competition": ns.SoftWTA(temperature=0.05), "rule": ns.SoftHebb(rate=0.1), "normalise": "sample"}
    return ns.DenseWTA(12, **common | constants)


@pytest.fixture(scope="module")
def digits():
    return ns.open_stream("digits:train")


def distance(chip, samples):
    """Return the mean total variation between a chip's responses and the posterior of its mixture."""
    return abs(chip.respond(samples).responses - Mixture.of(chip).posterior(samples)).sum(axis=1).mean() / 2


@pytest.mark.parametrize("bias", [None, ns.LogPrior(rate=0.01)])
def test_a_chip_of_neurons_of_norm_one_responds_with_the_posterior(bias, digits):
    chip = ns.Chip([soft(renormalise=True, bias=bias)], inputs=64).learn(digits)
    model = Mixture.of(chip)
    assert model.concentration == pytest.approx(20)
    assert (np.ptp(model.shares) > 0.01) == (bias is not None)
    assert distance(chip, digits) < 1e-5


def test_norms_are_what_a_chip_and_its_mixture_differ_by(digits):
    chip = ns.Chip([ns.recipes.softhebb(50, temperature=0.01)], inputs=64)
    assert distance(chip, digits) > 0.3
    chip.learn(digits)
    assert abs(chip.layers[0].norms - 1).max() < 0.03
    assert distance(chip, digits) < 0.03


def test_learning_raises_the_likelihood_and_nears_an_em_step(digits):
    chip, test = ns.Chip([ns.recipes.softhebb(50, temperature=0.01)], inputs=64), ns.open_stream("digits:test")
    first = Mixture.of(chip)
    best = first.em(digits, 20, shares=False).log_likelihood(test)
    learned = Mixture.of(chip.learn(digits))
    gained = learned.log_likelihood(test) - first.log_likelihood(test)
    assert gained > 0.95 * (best - first.log_likelihood(test))
    assert learned.cosine_to_em_step(digits) > 0.99 > 0.9 > first.cosine_to_em_step(digits)


def test_a_deeper_layer_has_the_outputs_of_the_one_before_it_for_samples(digits):
    chip = ns.Chip([ns.recipes.softhebb(40), ns.recipes.softhebb(20)], inputs=64).learn(digits)
    seen = layer_inputs(chip, digits)
    np.testing.assert_array_equal(seen, np.concatenate([r.output for r, _ in chip.respond_blocks(digits, layer=0)]))
    np.testing.assert_array_equal(seen, layer_inputs(chip, digits, 1))
    first = np.concatenate([block.samples for block in digits.blocks()])
    np.testing.assert_array_equal(layer_inputs(chip, digits, 0), first)
    np.testing.assert_array_equal(layer_inputs(chip, first, 0), first)
    assert Mixture.of(chip).inputs == 40
    assert Mixture.of(chip, 0).inputs == Mixture.of(chip, -2).inputs == 64
    difference = abs(chip.respond(digits).responses - Mixture.of(chip).posterior(seen)).sum(axis=1).mean() / 2
    assert difference < 0.05
    with pytest.raises(SampleError, match="must have the shape"):
        Mixture.of(chip).log_likelihood(first)
    for call in (lambda: Mixture.of(chip, 2), lambda: layer_inputs(chip, digits, -3)):
        with pytest.raises(ConfigError, match="layer must be a whole number"):
            call()
    with pytest.raises(SampleError, match="samples must be at least one"):
        layer_inputs(chip, np.zeros((0, 64), np.float32))


def rare(bias, seed=0, **constants):
    """Return a chip that saw 20,000 samples of a mixture of unequal shares, and its shares in the mixture's order."""
    directions = np.where(np.random.default_rng(0).random((4, 32)) < 0.4, 1.0, 0.02)
    truth = Mixture(unit(directions), 50.0, [0.4, 0.3, 0.2, 0.1])
    layer = ns.recipes.softhebb(4, temperature=0.02, initial="normal", bias=bias, **constants)
    chip = ns.Chip([layer], inputs=32, seed=seed).learn(truth.sample(20_000, 1)[0])
    learned = Mixture.of(chip)
    cosines = truth.directions @ learned.directions.T
    return learned.shares[cosines.argmax(axis=1)], truth, cosines


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_prior_learns_the_shares_of_what_a_stream_is_made_of(seed):
    shares, truth, cosines = rare(ns.LogPrior(rate=3e-4), seed)
    assert sorted(cosines.argmax(axis=1)) == [0, 1, 2, 3]
    np.testing.assert_allclose(shares, truth.shares, atol=0.02)


def test_without_a_prior_a_chip_cannot_say():
    shares, _, cosines = rare(None)
    assert sorted(cosines.argmax(axis=1)) == [0, 1, 2, 3]
    assert (shares == 0.25).all()


@pytest.mark.parametrize("seed", [0, 2])
def test_with_a_small_radius_the_rich_get_richer(seed):
    _, _, cosines = rare(ns.LogPrior(rate=3e-4), seed, radius=0.5)
    assert cosines.max(axis=1).min() < 0.8  # a component that no neuron found


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda: soft(competition=ns.HardWTA()), "layer 1 must be one with SoftWTA"),
        (lambda: soft(competition=ns.SoftWTA(temperature=1.0, winner_only=True)), "nor of the winner only"),
        (lambda: soft(competition=ns.SoftWTA(temperature=1.0, signed=True)), "neither signed"),
        (lambda: soft(normalise="none"), r"layer 1 must be one with normalise=\"sample\".*got 'none'; otherwise the"),
        (lambda: soft(normalise="stream"), "another one for each sample"),
        (lambda: soft(activation=ns.ReLU()), "layer 1 must be one whose potentials w.x compete as they are"),
        (lambda: soft(lebesgue=3.0), "with lebesgue 2"),
        (lambda: soft(initial="zeros"), "weights of neuron 0 must be not all zeros, to have a direction"),
    ],
)
def test_a_layer_that_is_no_mixture_is_refused(layer, message):
    with pytest.raises(ConfigError, match=message):
        Mixture.of(ns.Chip([layer()], inputs=9))


@pytest.mark.parametrize("chip", [None, 3, np.ones(3)], ids=["None", "number", "array"])
def test_what_is_no_chip_is_refused(chip):
    for call in (lambda: Mixture.of(chip), lambda: layer_inputs(chip, np.ones((2, 3)))):
        with pytest.raises(ConfigError, match=f"chip must be a Chip, got '{type(chip).__name__}'"):
            call()


def test_a_layer_of_images_is_refused():
    layer = ns.ConvWTA(3, kernel=2, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=0.1))
    with pytest.raises(ConfigError, match="layer 1 must be a DenseWTA to be a mixture, got 'ConvWTA'"):
        Mixture.of(ns.Chip([layer], inputs=(1, 4, 4)))
