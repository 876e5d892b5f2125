"""Posterior, forward and backward pass of frozen chips, compared with the loops' responses and finite differences."""

import numpy as np
import pytest
from differences import largest_error

import neurosim as ns
from neurosim.chip.gradients import Passes

LAYER = ns.recipes.softhebb(20)
HIDDEN = {
    "triangle": ns.recipes.softhebb(24, transmit=ns.Triangle()),
    "triangle, power 1.5": ns.recipes.softhebb(24, transmit=ns.Triangle(power=1.5), normalise="stream"),
    "relu": ns.recipes.softhebb(24, transmit=ns.ReLU(), initial="normal", normalise="none"),
    "softmax": ns.recipes.softhebb(24, transmit=ns.Softmax(temperature=0.2)),
    "identity": ns.recipes.softhebb(24),
    "k winners": ns.recipes.k_wta(24, transmit=ns.Triangle()),
}
LAST = {
    "softhebb": LAYER,
    "none": ns.recipes.softhebb(20, normalise="none", temperature=1.0),
    "stream": ns.recipes.softhebb(20, normalise="stream"),
    "log-prior": ns.recipes.softhebb(20, bias=ns.LogPrior()),
    "conscience, in learning alone": ns.recipes.softhebb(20, bias=ns.Conscience()),
    "norm of power 3": ns.recipes.softhebb(20, lebesgue=3.0),
    "synapses of 4 bits": ns.recipes.softhebb(20, weight_bits=4),
    "activation relu": ns.recipes.softhebb(20, activation=ns.ReLU(), initial="normal"),
    "activation triangle": ns.recipes.softhebb(20, activation=ns.Triangle(power=2.0)),
    "activation softmax": ns.recipes.softhebb(20, activation=ns.Softmax(temperature=0.1), temperature=0.3),
    "gain": ns.recipes.softhebb(20, gain=100.0),
}
CHIPS = {
    **{name: [layer] for name, layer in LAST.items()},
    **{f"after {name}": [layer, ns.recipes.softhebb(20, initial="normal")] for name, layer in HIDDEN.items()},
    "three layers": [HIDDEN["triangle"], HIDDEN["softmax"], LAYER],
}
chips = pytest.mark.parametrize("layers", CHIPS.values(), ids=CHIPS.keys())


class Probe:
    """A readout whose log P(c | x) are the numbers of the last layer themselves: potentials or ln P(k | x)."""

    def __init__(self, what):
        self.what, self.of_shares = what, what == "log_shares"

    def head(self, layer, dtype):
        self.classes = layer.neurons
        return self

    def log_proba(self, last):
        return getattr(last, self.what)

    def slope(self, last, labels):
        chosen = np.eye(self.classes)[labels]
        if self.what == "potentials":
            return chosen
        return last.slope_of_potentials(chosen - np.exp(last.log_shares))


@pytest.fixture(scope="module")
def digits():
    """Return 200 samples, a blank one among them, and labels."""
    samples, labels = next(ns.open_stream("digits").blocks(size=200))
    samples = samples.copy()
    samples[7] = 0
    return samples, labels


def learned(layers, samples):
    return ns.Chip(layers, inputs=64).learn(samples)


@chips
def test_the_forward_pass_agrees_with_the_loops(layers, digits):
    samples, _ = digits
    chip = learned(layers, samples)
    response = chip.respond(samples)
    potentials = Passes(chip, Probe("potentials")).log_proba(samples)
    assert potentials == pytest.approx(response.potentials, rel=1e-5, abs=1e-5 * np.abs(potentials).max())
    shares = np.exp(Passes(chip, Probe("log_shares")).log_proba(samples))
    assert shares == pytest.approx(response.responses, abs=3e-5)
    assert shares.sum(axis=1) == pytest.approx(1, abs=1e-12)
    single = Passes(chip, Probe("potentials"), dtype=np.float32).log_proba(samples)
    assert single == pytest.approx(potentials, rel=1e-4, abs=1e-4 * np.abs(potentials).max())


@pytest.mark.parametrize("what", ["potentials", "log_shares"])
@chips
def test_the_backward_pass_agrees_with_finite_differences(layers, what, digits):
    samples = digits[0][8:40].astype(np.float64) + 0.01
    passes = Passes(learned(layers, digits[0]), Probe(what))
    labels = np.arange(len(samples)) % 20
    assert largest_error(passes.log_proba, passes.gradient, samples, labels) < 1e-6


def test_before_any_norm_was_seen_the_stream_unit_is_each_samples_own(digits):
    samples = digits[0][8:40].astype(np.float64)
    passes = Passes(ns.Chip([LAST["stream"]], inputs=64), Probe("potentials"))
    assert passes.log_proba(2 * samples) == pytest.approx(passes.log_proba(samples))
    assert largest_error(passes.log_proba, passes.gradient, samples, np.arange(32) % 20) < 1e-6


def test_a_neuron_whose_share_has_come_to_zero_has_no_part(digits):
    samples, _ = digits
    chip = learned([LAST["log-prior"]], samples)
    chip.layers[0].state.activity[3] = 0  # as of one that is dead for long
    with np.errstate(all="raise", under="ignore"):
        passes = Passes(chip, Probe("log_shares"))
        log_shares, slopes = passes.log_proba(samples), passes.gradient(samples, np.zeros(200, int))
    assert np.isneginf(log_shares[:, 3]).all()
    assert np.exp(log_shares) == pytest.approx(chip.respond(samples).responses, abs=3e-5)
    assert np.isfinite(slopes).all()


@pytest.mark.parametrize("normalise", ["none", "sample", "stream"])
def test_a_sample_of_zeros_has_a_gradient_of_zero(normalise, digits):
    chip = learned([ns.recipes.softhebb(20, normalise=normalise)], digits[0])
    blank = np.zeros((2, 64))
    blank[1, 3] = 1e-30  # its square is nothing in float32
    passes = Passes(chip, Probe("log_shares"))
    assert not passes.gradient(blank, np.array([1, 2])).any()
    assert np.exp(passes.log_proba(blank)) == pytest.approx(chip.posterior(blank))


def test_blocks_do_not_change_results_and_weights_are_copied(digits):
    chip = learned([LAYER], digits[0])
    passes, many = Passes(chip, Probe("potentials")), np.tile(digits[0], (3, 1))
    before = passes.log_proba(many)
    assert before[:200] == pytest.approx(passes.log_proba(digits[0]), rel=1e-12)
    chip.learn(digits[0])
    assert (passes.log_proba(many) == before).all()


def test_the_posterior_is_the_frozen_response_of_one_sample_or_many(digits):
    samples, _ = digits
    chip = learned([LAST["log-prior"]], samples)
    state = chip.state_sha256
    many = chip.posterior(samples)
    assert (many == chip.respond(samples).responses).all()
    assert many.sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert (chip.posterior(samples[3]) == many[3]).all()
    assert (chip.posterior(samples[3].tolist()) == many[3]).all()
    assert chip.posterior(ns.open_stream("digits")).shape == (1797, 20)
    assert (chip.posterior(x for x in samples) == many).all()
    assert many[7] == pytest.approx(chip.layers[0].arrays()["activity"], rel=1e-4)  # of a sample of zeros: the prior
    assert chip.state_sha256 == state


def test_the_posterior_of_a_taught_layer_is_its_softmax(digits):
    chip = ns.Chip([LAYER, ns.recipes.delta_readout(10)], inputs=64).learn(digits[0], labels=digits[1])
    assert chip.posterior(digits[0]).sum(axis=1) == pytest.approx(1, abs=1e-6)


def test_the_posterior_of_images_is_at_every_position(digits):
    layer = ns.ConvWTA(4, kernel=3, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=0.1))
    posterior = ns.Chip([layer], inputs=(1, 8, 8)).posterior(digits[0][:5])
    assert posterior.shape[:2] == (5, 4)
    assert posterior.sum(axis=1) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    "competition",
    [
        ns.HardWTA(), ns.KWTA(3), ns.Ranked(), ns.NoInhibition(), ns.SparseGate(), ns.Taught(),
        ns.SoftWTA(temperature=1.0, signed=True), ns.SoftWTA(temperature=1.0, winner_only=True),
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::neurosim.StabilityWarning")
def test_other_competitions_have_no_posterior(competition):
    chip = ns.Chip([ns.DenseWTA(20, competition=competition, rule=ns.SoftHebb(rate=0.1))], inputs=64)
    with pytest.raises(
        ns.ConfigError, match=r"competition of the last layer must be SoftWTA.*got.*softhebb has"
    ) as got:
        chip.posterior(np.ones(64))
    assert "\n" not in str(got.value)
    with pytest.raises(ns.ConfigError, match="readout must be given where the last layer is"):
        chip.gradient(np.ones(64), None, 1)


def test_chips_that_have_no_gradient_are_refused(digits):
    images = ns.Chip(
        [ns.ConvWTA(4, kernel=3, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=0.1))],
        inputs=(1, 8, 8),
    )  # fmt: skip
    with pytest.raises(ns.ConfigError, match="layers must be all DenseWTA to have a gradient, got 'ConvWTA'"):
        images.gradient(digits[0][:2], ns.SoftLabels(), [1, 2])
    chip = learned([LAYER], digits[0])
    for readout in (ns.WinnerLabels(), ns.SoftmaxReadout(), 3):
        with pytest.raises(ns.ConfigError, match="readout must be SoftLabels, a LinearReadout, or None"):
            chip.gradient(digits[0], readout, digits[1])
    for readout in (ns.SoftLabels, ns.LinearReadout):  # the class, not one of it
        with pytest.raises(ns.ConfigError, match=f"got 'the class {readout.__name__}'; make one, add samples"):
            chip.gradient(digits[0], readout, digits[1])
    with pytest.raises(ns.ConfigError, match="dtype must be"):
        Passes(chip, Probe("potentials"), dtype=np.float16)


def test_samples_and_labels_that_have_no_gradient_are_refused(digits):
    samples, labels = digits
    chip = learned([LAYER, ns.recipes.delta_readout(10)], samples[:0])
    with pytest.raises(ns.SampleError, match=r"sample 0 must be finite, as must be its \|x\|\^2 in float64"):
        chip.gradient(np.full(64, np.nan), None, 1)
    with pytest.raises(ns.SampleError, match=r"sample 1 must be finite, as must be its \|x\|\^2 in float32"):
        Passes(chip, None, dtype=np.float32).log_proba(samples[:2] * [[1], [1e30]])
    with pytest.raises(ns.SampleError, match=r"samples must have the shape \(samples, 64\), got \(5,\)"):
        chip.gradient(np.ones(5), None, 1)
    with pytest.raises(ns.SampleError, match="labels must be whole numbers, one a sample, 200 in all, got"):
        chip.gradient(samples, None, labels[:3])
    with pytest.raises(ns.SampleError, match="labels must be from 0 to 9, the classes of the classifier, got -1"):
        chip.gradient(samples, None, labels - 1)
    with pytest.raises(ns.SampleError, match="labels must be whole numbers"):
        chip.gradient(samples, None, labels + 0.5)


def test_a_gradient_has_the_shape_of_its_sample(digits):
    chip = ns.Chip([LAYER, ns.recipes.delta_readout(10)], inputs=(8, 8)).learn(digits[0], labels=digits[1])
    image = digits[0][0].reshape(8, 8)
    gradient = chip.gradient(image, None, 3)
    assert gradient.shape == (8, 8)
    assert gradient.any()
    assert (gradient == chip.gradient(image[None], None, [3])[0]).all()
    assert (gradient.reshape(-1) == chip.gradient(image.reshape(-1), None, 3)).all()
