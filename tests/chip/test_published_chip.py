"""The published presets are the published network, batch by batch, in both of its orders; and what windows ask for."""

from dataclasses import replace

import numpy as np
import pytest
from reference_published import PublishedLayer, published_pass

import neurosim as ns
from neurosim.streams import ArrayStream

SHAPE, BATCH, UPDATES = (3, 16, 16), 10, 10
WIDTHS = (8, 12, 16)
PRESETS = {2: "softhebb-cifar10-2layer-published", 3: "softhebb-cifar10-3layer-published"}


def images(count=BATCH * UPDATES, seed=1, shape=SHAPE):
    """Return images that are smooth, as photographs are."""
    rng = np.random.default_rng(seed)
    rough = rng.random((count, *shape)) + 3 * rng.random((count, shape[0], 1, 1))
    return (rough + np.roll(rough, 1, 2) + np.roll(rough, 1, 3)).astype(np.float32)


def layers(depth, **changed):
    """Return a preset's layers with fewer neurons."""
    chosen = zip(ns.presets.preset(PRESETS[depth]).layers, WIDTHS, strict=False)
    return [replace(layer, neurons=neurons, **changed) for layer, neurons in chosen]


def pair(depth, **changed):
    """Return a chip, and the published network with its first weights and constants."""
    constants = layers(depth, **changed)
    chip = ns.Chip(constants, inputs=SHAPE, seed=3)
    network = [
        PublishedLayer(
            layer.first_weights, padding=made.padding, sharpness=1 / made.competition.temperature,
            rate=made.rule.rate.rate, power=made.transmit.power, pre_triangle=made.pre_triangle,
            pooling=({ns.MaxPool: "max", ns.MeanPool: "mean"}[type(made.pool)], made.pool.size, made.pool.stride,
                     made.pool.padding), exponent=made.rule.rate.power,
        )
        for layer, made in zip(chip.layers, constants, strict=True)
    ]  # fmt: skip
    return chip, network


def differences(chip, network):
    """Return how far weights, means and variances of each layer are apart, relative to the largest."""
    return [
        max(np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-9)
            for ours, theirs in ((layer.weights, other.W), (layer.state.means, other.mean),
                                 (layer.state.variances, other.variance)))
        for layer, other in zip(chip.layers, network, strict=True)
    ]  # fmt: skip


@pytest.mark.parametrize("depth", [2, 3])
def test_all_layers_together(depth):
    chip, network = pair(depth)
    for batch in images().reshape(UPDATES, BATCH, *SHAPE):
        chip.learn(batch)
        published_pass(network, [batch.astype(np.float64)], set(range(depth)))
        assert max(differences(chip, network)) < 1e-5
    assert [layer.updates for layer in chip.layers] == [UPDATES] * depth
    moved = [np.abs(layer.weights - layer.first_weights).max() for layer in chip.layers]
    assert min(moved) > 0.01


@pytest.mark.parametrize("depth", [2, 3])
def test_layer_after_layer(depth):
    chip, network = pair(depth)
    X = images()
    for index in range(depth):
        chip.learn(X, layers=[index], chunk=7)
        published_pass(network[: index + 1], X.astype(np.float64).reshape(UPDATES, BATCH, *SHAPE), {index})
        assert max(differences(chip, network)) < 1e-5
    sent = X[:BATCH].astype(np.float64)
    for layer in network:
        sent = layer.forward(sent, train=False)
    np.testing.assert_allclose(chip.respond(X[:BATCH]).output, sent.reshape(BATCH, -1), atol=1e-4 * np.abs(sent).max())


@pytest.mark.parametrize(("changed", "least"), [
    ({"answers": "at once"}, (0, 0.02, 0.02)), ({"answers": "at once", "momentum": 0.0}, (0.01, 0.02, 0.02)),
], ids=["answers", "momentum"])  # fmt: skip
def test_without_either_it_is_another_network(changed, least):
    chip, network = pair(3, **changed)
    X = images(BATCH)
    chip.learn(X)
    published_pass(network, [X.astype(np.float64)], {0, 1, 2})
    assert all(difference >= bound for difference, bound in zip(differences(chip, network), least, strict=True))


def test_triangle_in_the_competition_alone_is_another_step():
    made = layers(2)
    made[1] = replace(made[1], pre_triangle=False, activation=ns.Triangle())
    chip, (_, whole) = ns.Chip(made, inputs=SHAPE, seed=3), pair(2)
    X = images(BATCH)
    chip.learn(X)
    published_pass(whole, [X.astype(np.float64)], {0, 1})
    step = whole[1].W - chip.layers[1].first_weights
    assert np.abs(chip.layers[1].weights - whole[1].W).max() > 1e-3 * np.abs(step).max()


@pytest.mark.parametrize("chunk", [1, 7, 10, 25, 100])
@pytest.mark.parametrize("threads", [1, 3])
def test_chunks_and_threads_change_no_bit(chunk, threads, monkeypatch):
    monkeypatch.setattr("neurosim.instruments.FIRST_INTERVAL", 4)  # records that cut windows
    made = layers(3, window=5)
    X = images(60)
    whole = ns.Chip(made, inputs=SHAPE).learn(X, chunk=60)
    assert ns.Chip(made, inputs=SHAPE).learn(X, chunk=chunk, threads=threads).state_sha256 == whole.state_sha256
    plain = ns.Chip([replace(layer, instruments=False) for layer in made], inputs=SHAPE).learn(X)
    for layer, other in zip(plain.layers, whole.layers, strict=True):
        np.testing.assert_array_equal(layer.weights, other.weights)


def test_a_saved_chip_goes_on_to_the_same_bits(tmp_path):
    made, X = layers(3), images(60)
    whole = ns.Chip(made, inputs=SHAPE).learn(X)
    ns.Chip(made, inputs=SHAPE).learn(X[:20]).save(tmp_path / "chip.h5")
    assert ns.Chip.load(tmp_path / "chip.h5").learn(X[20:]).state_sha256 == whole.state_sha256


def test_what_does_not_fill_a_window_is_said():
    made, X = layers(3), images(43)
    chip = ns.Chip(made, inputs=SHAPE)
    words = r"whole windows of 10.*answers='window'.*learned from all 40 before, and not from the 3 .*give 7 more"
    whole = ns.Chip(made, inputs=SHAPE).learn(X[:40]).state_sha256
    for chunk in (7, 20, 250):  # in chunks, or all in one
        chip = ns.Chip(made, inputs=SHAPE)
        with pytest.raises(ns.SampleError, match=words):
            chip.learn(X, chunk=chunk)
        assert chip.state_sha256 == whole
    few = ns.Chip(made, inputs=SHAPE)
    with pytest.raises(ns.SampleError, match="learned from all 0 before, and not from the 3 "):
        few.learn(iter(X[:3]), threads=2)
    assert few.samples == 0
    with pytest.raises(ns.ConfigError, match=r"answers must be 'at once' to learn from .* one by one.*learn\(samp"):
        chip.learn_one(X[0])
    assert chip.samples == 40
    for every, wrong in ((15, 15), ([10, 25], 25)):
        with pytest.raises(ns.ConfigError, match=f"every must be in multiples of 10, .*got {wrong}"):
            chip.learn(X[:40], every=every, watch=lambda chip: None)
    assert chip.samples == 40
    chip.respond_one(X[0])


@pytest.mark.parametrize("threads", [1, 3])
def test_a_bad_image_takes_its_window_with_it(threads):
    made, X = layers(3), images(40)
    X[23, 1, 4, 4] = np.nan
    chip = ns.Chip(made, inputs=SHAPE)
    with pytest.raises(ns.SampleError, match="sample 23"):
        chip.learn(X, chunk=30, threads=threads)
    assert chip.state_sha256 != ns.Chip(made, inputs=SHAPE).state_sha256
    assert [layer.samples for layer in chip.layers] == [20, 20, 20]
    clean = ns.Chip(made, inputs=SHAPE).learn(X[:20])
    for layer, other in zip(chip.layers, clean.layers, strict=True):
        np.testing.assert_array_equal(layer.weights, other.weights)
    chip.learn(X[:10])


@pytest.mark.parametrize("bias", [ns.Conscience(rate=0.5, strength=20.0), ns.MeanActivity(rate=0.5)], ids=repr)
def test_what_a_bias_follows_forgets_the_window_of_a_bad_image(bias):
    made, X = layers(2, bias=bias), images(40)
    bad = X[20:30].copy()
    bad[7, 1, 4, 4] = np.nan
    chip, clean = (ns.Chip(made, inputs=SHAPE).learn(X[:20]) for _ in range(2))
    with pytest.raises(ns.SampleError, match="sample 7"):
        chip.learn(bad)
    chip.learn(X[30:])
    clean.learn(X[30:])
    for layer, other in zip(chip.layers, clean.layers, strict=True):
        np.testing.assert_array_equal(layer.state.activity, other.state.activity)
        np.testing.assert_array_equal(layer.weights, other.weights)


def test_a_layer_that_was_left_amid_its_window_is_said():
    made, X = layers(2), images(10)
    chip = ns.Chip(made, inputs=SHAPE).learn(X[:4], layers=[0])
    words = r"samples that wait in layer 1.*got 4; learn from 6 more with layers=\[0\]"
    with pytest.raises(ns.ConfigError, match=words):
        chip.learn(X)
    assert chip.learn(X[4:], layers=[0]).learn(X).layers[1].updates == 1


def test_a_run_takes_whole_windows(tmp_path):
    made, X = layers(3), images(40)
    whole = ns.Chip(made, inputs=SHAPE).learn(X)
    stream = ArrayStream(X)
    for chunk in ("auto", 1, 16):
        chip = ns.Chip(made, inputs=SHAPE)
        ns.run(chip, stream, chunk=chunk, state=tmp_path / "chip.h5", snapshot_samples=15)
        assert chip.state_sha256 == whole.state_sha256
        (tmp_path / "chip.h5").unlink()
    with pytest.raises(ns.ConfigError, match="skip_bad must be False where a layer has answers='window'"):
        ns.run(ns.Chip(made, inputs=SHAPE), stream, skip_bad=True)


class Uneven(ArrayStream):
    """A stream that is read a few samples at a time, whatever is asked for, and always into the same memory."""

    def blocks(self, start=0, size=256):
        memory = np.empty((7, self.inputs), np.float32)
        for block in super().blocks(start, 7):
            memory[: len(block.samples)] = block.samples
            yield block._replace(samples=memory[: len(block.samples)])


@pytest.mark.parametrize("chunk", ["auto", 10, 64])
@pytest.mark.parametrize("kind", [ArrayStream, Uneven])
def test_a_stream_comes_in_whole_windows_however_it_is_read(kind, chunk):
    made, X = layers(2), images(300)
    labels = np.arange(300) % 4
    whole = ns.Chip(made, inputs=SHAPE).learn(X)
    chip = ns.Chip(made, inputs=SHAPE)
    report = ns.run(chip, kind(X, labels), chunk=chunk)
    assert (report.samples, chip.state_sha256) == (300, whole.state_sha256)
    assert ns.Chip(made, inputs=SHAPE).learn(kind(X), chunk=20).state_sha256 == whole.state_sha256
    chip = ns.Chip(made, inputs=SHAPE)
    with pytest.raises(ns.SampleError, match=r"whole windows of 10.*learned from all 280 before, and not from the 6"):
        ns.run(chip, kind(X[:286]), chunk=chunk)
    assert chip.state_sha256 == ns.Chip(made, inputs=SHAPE).learn(X[:280]).state_sha256


@pytest.mark.parametrize(("window", "words"), [(5, None), (15, r"whole windows of 15.*not from the 10")])
def test_a_window_that_changes_amid_a_run_is_a_whole_one(window, words):
    made, X = layers(2), images(40)
    changed = ns.Chip(made, inputs=SHAPE).learn(X[:20]).with_constants(window=window, layer=0)
    chip = ns.Chip(made, inputs=SHAPE)
    if words is None:
        ns.run(chip, ArrayStream(X), edits=changed.changes, chunk=10)
        assert chip.state_sha256 == changed.learn(X[20:]).state_sha256
    else:
        with pytest.raises(ns.SampleError, match=words):
            ns.run(chip, ArrayStream(X), edits=changed.changes, chunk=10)
        assert chip.state_sha256 == changed.state_sha256


@pytest.mark.parametrize(("changed", "words"), [
    ({"normalise": "running"}, "momentum must be 0 without normalise='window', got 0.1"),
    ({"normalise": "running", "momentum": 0.0}, "answers must be 'at once' without normalise='window', got 'window'"),
    ({"momentum": 1.0}, "momentum must be from 0, below 1, got 1"),
    ({"answers": "never"}, "answers must be one of at once, window, got 'never'"),
    ({"warm_up": 3}, "warm_up must be 0 with answers='window', got 3"),
    ({"pre_triangle": True, "step": "capped"}, "step must be 'largest' with pre_triangle, got 'capped'"),
    ({"pre_triangle": 1}, "pre_triangle must be True or False, got 1"),
], ids=str)  # fmt: skip
def test_constants_that_do_not_go_together(changed, words):
    with pytest.raises(ns.ConfigError, match=words):
        replace(ns.presets.preset(PRESETS[3]).layers[0], **changed)
