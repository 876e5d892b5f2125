"""The learners in PyTorch that the chip is timed against learn what the chip learns."""

import numpy as np
import pytest

import neurosim as ns

torch = pytest.importorskip("torch", reason="PyTorch is not installed: it is only ever compared with")

from benchmarks import torch_softhebb, torch_ways  # noqa: E402  without PyTorch there is nothing to import

ONLINE, PUBLISHED = "softhebb-cifar10-3layer", "softhebb-cifar10-3layer-published"


@pytest.fixture(autouse=True)
def plain_compiler(monkeypatch):
    """Leave the compiler's own warnings be, and let one core compile."""
    monkeypatch.setenv("TORCHINDUCTOR_COMPILE_THREADS", "1")


def images(count):
    """Coloured noise: in images with areas of one colour neurons tie, and rounding says who wins."""
    return np.random.default_rng(0).random((count, 3, 32, 32), np.float32)


def off_by(theirs, ours, first):
    """Return how far they are from what was to be learned, as a share of it."""
    ours, theirs, first = (np.asarray(weights).reshape(len(weights), -1) for weights in (ours, theirs, first))
    return np.linalg.norm(theirs - ours) / np.linalg.norm(ours - first)


def stepped(learner, count):
    """Return potentials of some steps."""
    with torch.no_grad():
        return np.array([learner.step().numpy().copy() for _ in range(count)])


@pytest.mark.parametrize("constants", [
    {"temperature": 0.1, "cap": 0.05}, {"temperature": 0.1, "cap": 1.0}, {"temperature": 0.05, "rate": 0.03},
    {"temperature": 1.0, "rate": 0.001, "normalise": "none"},
], ids=str)  # fmt: skip
def test_dense_learns_one_sample_as_the_chip_does(constants, samples, make_chip):
    chip = make_chip(41, **constants)
    layer, first = chip.layers[0], chip.layers[0].weights
    theirs = torch_softhebb.Dense(layer.constants, first, samples)
    ours = chip.learn_one(samples[0])
    assert 1 < (ours.responses >= layer.constants.cutoff).sum() < 41
    np.testing.assert_allclose(stepped(theirs, 1)[0], ours.potentials, rtol=1e-4)
    np.testing.assert_allclose(theirs.weights, layer.weights, rtol=1e-4, atol=1e-6)
    assert off_by(theirs.weights, layer.weights, first) < 1e-4


def test_dense_follows_its_norms(samples, make_chip):
    chip = make_chip(41)
    theirs = torch_softhebb.Dense(chip.layers[0].constants, chip.layers[0].weights, samples)
    stepped(theirs, 100)
    np.testing.assert_allclose(theirs.squares, (theirs.weights**2).sum(1), rtol=1e-4)


def test_dense_has_the_chip_s_winners(data):
    digits = next(ns.open_stream("mnist:train", root=data).blocks(size=200)).samples
    chip = ns.Chip([ns.recipes.softhebb(500)], inputs=784, seed=0)
    theirs = torch_softhebb.Dense(chip.layers[0].constants, chip.layers[0].weights, digits)
    ours = np.array([chip.learn_one(x).winner for x in digits])
    agreeing = (stepped(theirs, len(digits)).argmax(axis=1) == ours).mean()
    assert len(np.unique(ours)) > 50
    assert agreeing > 0.95  # where a norm comes to one, rounding decides on its rate, and the two part


@pytest.mark.parametrize("convolve", [False, True])
@pytest.mark.parametrize(("name", "place"), [(name, place) for name in (ONLINE, PUBLISHED) for place in range(3)])
def test_a_layer_learns_one_window_as_the_chip_does(name, place, convolve):
    constants = ns.presets.preset(name).layers[place]
    channels, side = [(3, 32), (12, 16), (12, 8)][place]
    chip = ns.Chip([constants], inputs=(channels, side, side), seed=1)
    seen = np.random.default_rng(1).random((13, channels, side, side), np.float32) ** 2
    layer = chip.layers[0]
    if constants.window == 1:
        chip.learn(seen[:3])  # statistics that have run
    first, window = layer.weights, seen[3 : 3 + constants.window]
    theirs = torch_softhebb.Conv(layer, convolve)
    with torch.no_grad():
        theirs(torch.from_numpy(window))
    chip.learn(window)
    assert off_by(theirs.weights, layer.weights, first) < 1e-4
    np.testing.assert_allclose(theirs.weights, layer.weights.reshape(len(first), -1), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("convolve", [False, True])
def test_a_stack_sends_and_learns_what_the_chip_does(convolve):
    preset = ns.presets.preset(ONLINE)
    seen = images(5)
    chip = ns.Chip(preset.layers, inputs=preset.shape, seed=0).learn(seen[:3])
    first = [layer.weights for layer in chip.layers]
    theirs = torch_softhebb.Deep(chip, seen[3:], convolve)
    for image, sent in zip(seen[3:], stepped(theirs, 2), strict=True):
        ours = chip.learn_one(image).output
        np.testing.assert_allclose(sent.reshape(-1), ours, rtol=1e-3, atol=1e-4 * ours.max())
    for layer, other, before in zip(chip.layers, theirs.layers, first, strict=True):
        assert off_by(other.weights, layer.weights, before) < 1e-3
        np.testing.assert_allclose(other.means, layer.state.means, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(other.variances, layer.state.variances, rtol=1e-4, atol=1e-6)


def test_a_stack_in_windows_takes_as_many_images():
    preset = ns.presets.preset(PUBLISHED)
    chip = ns.Chip(preset.layers, inputs=preset.shape, seed=0)
    theirs = torch_softhebb.Deep(chip, images(20))
    assert stepped(theirs, 2).shape == (2, 10, 1536, 4, 4)
    assert all(np.isfinite(layer.weights.numpy()).all() for layer in theirs.layers)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * ("compile" in name)) for name in torch_ways.names("cpu")]
)
@pytest.mark.filterwarnings("default")  # the compiler's own
def test_every_way_learns_the_same_and_begins_anew(name, samples, make_chip):
    layer = make_chip(41).layers[0]
    plain = torch_softhebb.Dense(layer.constants, layer.weights, samples)
    stepped(plain, 20)
    learner = torch_softhebb.Dense(layer.constants, layer.weights, samples)
    run = torch_ways.made(name, learner, quick=True)
    np.testing.assert_array_equal(learner.weights, layer.weights)
    run(20)
    assert learner.place.item() == 20
    assert off_by(learner.weights, plain.weights, layer.weights) < 1e-3


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_stack_learns_the_same_compiled():
    preset = ns.presets.preset(PUBLISHED)
    chip, seen = ns.Chip(preset.layers, inputs=preset.shape, seed=0), images(10)
    plain, learner = torch_softhebb.Deep(chip, seen), torch_softhebb.Deep(chip, seen)
    stepped(plain, 1)
    torch_ways.compiled(learner, learner.PARTS, "default")
    stepped(learner, 1)
    for layer, ours, theirs in zip(chip.layers, plain.layers, learner.layers, strict=True):
        assert off_by(theirs.weights, ours.weights, layer.weights) < 1e-3


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_dense_learns_the_same_compiled_in_parts(samples, make_chip):
    layer = make_chip(41).layers[0]
    plain, learner = (torch_softhebb.Dense(layer.constants, layer.weights, samples) for _ in range(2))
    stepped(plain, 20)
    torch_ways.compiled(learner, learner.PARTS, "default")
    stepped(learner, 20)
    assert off_by(learner.weights, plain.weights, layer.weights) < 1e-3


def test_what_is_of_another_kind_is_refused(samples, make_chip):
    layer = make_chip(5, normalise="stream").layers[0]
    with pytest.raises(ValueError, match="normalise must be"):
        torch_softhebb.Dense(layer.constants, layer.weights, samples)
    hard = ns.Chip(ns.presets.preset("hard-cifar10-1layer").layers, inputs=(3, 32, 32))
    with pytest.raises(ValueError, match="layer must be of a preset"):
        torch_softhebb.Conv(hard.layers[0])
