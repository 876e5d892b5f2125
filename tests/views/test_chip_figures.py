"""Figures of a chip show what its arrays say."""

import numpy as np
import pytest
import readable
from thinned import few_of

import neurosim as ns
from neurosim.reporting.figures import save
from neurosim.streams.arrays import ArrayStream

pytest.importorskip("matplotlib")

DIGITS = (1, 8, 8)


@pytest.fixture(scope="module")
def stream():
    return ns.open_stream("digits")


@pytest.fixture(scope="module")
def chip(stream):
    return ns.Chip([ns.recipes.softhebb(40), ns.recipes.softhebb(20)], inputs=DIGITS).learn(stream)


@pytest.fixture(scope="module")
def images():
    """A chip of two convolutional layers on images of three channels, and such images."""
    rng = np.random.default_rng(0)
    samples = rng.random((60, 3, 12, 12), np.float32)
    layers = [
        ns.ConvWTA(n, kernel=3, competition=ns.SoftWTA(temperature=1.0), rule=ns.SoftHebb(rate=0.1)) for n in (8, 6)
    ]
    return ns.Chip(layers, inputs=(3, 12, 12)).learn(samples), samples


def points(axes):
    """Return the points of the lines of a panel, reference lines left out: (n, 2)."""
    lines = [line for line in axes.get_lines() if line.get_label() not in {"_one", "_changed"}]
    return np.concatenate([np.column_stack(line.get_data()) for line in lines])


def drawn(figure, tmp_path):
    """Write a figure, which must keep the common style, and be neither empty nor large."""
    readable.check(figure)
    save(figure, tmp_path / "figure.png")
    assert 2000 < (tmp_path / "figure.png").stat().st_size < 400_000
    return figure


def test_neurons_are_sorted_by_their_wins(chip, tmp_path):
    figure = drawn(ns.views.neurons(chip, 1), tmp_path)
    shown = points(figure.axes[0])
    wins = np.sort(chip.layers[1].wins)[::-1]
    np.testing.assert_array_equal(shown[shown[:, 0].argsort(), 1], np.maximum(wins, 0.5))
    states = chip.layers[1].neurons()["state"]
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said == [f"{state}: {(states == state).sum()}" for state in ("live", "between", "dead")]


def test_neurons_that_have_not_learned_are_neither_live_nor_dead(tmp_path):
    figure = drawn(ns.views.neurons(ns.Chip([ns.recipes.softhebb(9)], inputs=64)), tmp_path)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["not learned yet: 9"]


def test_records_are_those_of_the_layer(chip, tmp_path):
    figure = drawn(ns.views.records(chip), tmp_path)
    rows = chip.layers[0].records
    shares, effective, steps = figure.axes
    for line, name in zip(shares.get_lines(), ("usage_entropy", "step_gini", "never_won"), strict=True):
        np.testing.assert_array_equal(line.get_data(), [rows["sample"], rows[name]])
    np.testing.assert_array_equal(effective.get_lines()[0].get_ydata(), rows["effective_winners"])
    np.testing.assert_array_equal(steps.get_lines()[0].get_ydata(), rows["step_mean"])
    assert effective.get_yscale() == steps.get_yscale() == "log"


def test_changes_of_constants_are_marked(chip, stream, tmp_path):
    changed = chip.with_constants(rate=0.5, layer=0).learn(stream)
    figure = drawn(ns.views.records(changed), tmp_path)
    marks = [line.get_xdata()[0] for axes in figure.axes for line in axes.get_lines() if line.get_label() == "_changed"]
    assert marks == [1797] * 3
    assert "changed" in figure.axes[0].get_title(loc="left")
    other = ns.views.records(changed, 1)
    assert "changed" not in other.axes[0].get_title(loc="left")


def test_norms_are_those_of_the_layer(chip, tmp_path):
    figure = drawn(ns.views.norms(chip), tmp_path)
    now, time = figure.axes
    np.testing.assert_array_equal(points(now)[:, 1], np.sort(chip.layers[0].norms)[::-1])
    assert len(points(time)) == 3 * len(chip.layers[0].records)


@pytest.mark.slow
def test_lengths_far_from_one_are_on_a_logarithmic_axis(make_chip, stream, tmp_path):
    chip = make_chip(5, inputs=DIGITS).learn(stream)
    assert drawn(ns.views.norms(chip), tmp_path).axes[0].get_yscale() == "linear"
    chip.layers[0].state.norms[:] = 1e-12
    now, time = drawn(ns.views.norms(chip), tmp_path).axes
    assert (now.get_yscale(), time.get_yscale()) == ("log", "linear")


def test_a_chip_that_has_not_learned_is_shown(make_chip, tmp_path):
    chip = make_chip(7, inputs=DIGITS)
    assert "7 of 7 neurons never won" in drawn(ns.views.neurons(chip), tmp_path).axes[0].get_title(loc="left")
    assert len(drawn(ns.views.norms(chip), tmp_path).axes) == 1
    assert "no wins yet" in drawn(ns.views.receptive_fields(chip), tmp_path).axes[0].get_title(loc="left")
    with pytest.raises(ns.ConfigError, match=r"none after 0 samples.*first is taken after 100"):
        ns.views.records(chip)


@pytest.mark.slow
def test_a_single_neuron_is_shown(make_chip, stream, tmp_path):
    chip = make_chip(1, inputs=DIGITS).learn(stream)
    for draw in (ns.views.neurons, ns.views.norms, ns.views.records, ns.views.receptive_fields):
        drawn(draw(chip), tmp_path)
    drawn(ns.views.winners(chip, stream), tmp_path)
    drawn(ns.views.confusion(chip, stream), tmp_path)


@pytest.mark.parametrize(
    ("weight", "norm"), few_of([(3e37, 1), (3e37, np.inf), (np.nan, np.nan), (0, 0), (1e-40, 1e-40)])
)
def test_weights_may_be_any(make_chip, stream, tmp_path, weight, norm):
    chip = make_chip(5, inputs=DIGITS).learn(stream)
    state = chip.layers[0].state
    state.synapses[:], state.scales[:], state.norms[:] = weight, 1, norm
    for draw in (ns.views.neurons, ns.views.norms, ns.views.records, ns.views.receptive_fields):
        drawn(draw(chip), tmp_path)
    assert "<table" in chip._repr_html_()


def test_layers_without_instruments_and_of_few_bits_are_shown(make_chip, stream, tmp_path):
    chip = make_chip(5, inputs=DIGITS, instruments=False, weight_bits=4).learn(stream)
    for draw in (ns.views.neurons, ns.views.norms, ns.views.receptive_fields):
        drawn(draw(chip), tmp_path)
    with pytest.raises(ns.ConfigError, match="with instruments=True"):
        ns.views.records(chip)


def sheet(figure):
    """Return the picture of a figure: float (height, width, 3)."""
    return figure.axes[0].get_images()[0].get_array()


def test_receptive_fields_are_weights_of_the_most_used(chip, tmp_path):
    picture = sheet(drawn(ns.views.receptive_fields(chip, count=4), tmp_path))
    best = chip.layers[0].weights[chip.layers[0].wins.argmax()].reshape(8, 8)
    np.testing.assert_allclose(picture[:8, :8, 0], best / best.max(), atol=1 / 255)
    assert picture.shape == (17, 17, 3)


def test_a_shape_makes_images_of_flat_samples(make_chip, stream, tmp_path):
    chip = make_chip(9).learn(stream)
    wide = sheet(drawn(ns.views.receptive_fields(chip, shape=(4, 16)), tmp_path))
    assert wide.shape == (3 * 4 + 2, 3 * 16 + 2, 3)
    drawn(ns.views.strongest_patches(chip, stream, shape=(8, 8)), tmp_path)
    for draw in (ns.views.receptive_fields, lambda chip: ns.views.strongest_patches(chip, stream)):
        with pytest.raises(ns.ConfigError, match="shape must be given as H,W or C,H,W: the 64 inputs"):
            draw(chip)


@pytest.mark.parametrize("shape", [(8, 9), (2, 4, 8), (64,), (), (1, 1, 8, 8), (-8, -8), (0, 8)])
def test_another_shape_is_refused(chip, shape):
    with pytest.raises(ns.ConfigError, match="shape must be"):
        ns.views.receptive_fields(chip, shape=shape)


def test_kernels_of_three_channels_are_shown_in_colour(images, tmp_path):
    chip, _ = images
    picture = sheet(drawn(ns.views.receptive_fields(chip, count=1), tmp_path))
    best = chip.layers[0].weights[chip.layers[0].wins.argmax()]
    np.testing.assert_allclose(picture, (0.5 + 0.5 * best / abs(best).max()).transpose(1, 2, 0), atol=1 / 255)
    with pytest.raises(ns.ConfigError, match=r"channels of layer 2 must be 1 or 3.*strongest_patches"):
        ns.views.receptive_fields(chip, 1)


def test_deeper_layers_are_shown_by_their_strongest_patches(images, tmp_path):
    chip, samples = images
    picture = sheet(drawn(ns.views.strongest_patches(chip, samples, 1, count=2, patches=3), tmp_path))
    chosen = np.argsort(-chip.layers[1].wins, kind="stable")[:2]
    patches = ns.receptive_fields.strongest_patches(chip, samples, layer=1, neurons=chosen, count=3)
    size = patches.shape[-1]
    np.testing.assert_allclose(picture[:size, :size], patches[0, 0].transpose(1, 2, 0) / patches.max(), atol=1 / 255)
    assert picture.shape == (2 * size + 1, 3 * size + 2, 3)


def test_dense_neurons_are_shown_by_their_strongest_samples(chip, stream):
    samples = next(stream.blocks(size=200)).samples
    potentials = next(chip.respond_blocks(samples, chunk=200, layer=1))[0].potentials
    scores = (potentials - potentials.mean(axis=1, keepdims=True)) / potentials.std(axis=1, keepdims=True)
    found = ns.receptive_fields.strongest_samples(chip, samples, layer=1, neurons=[3, 0], count=2)
    for row, neuron in zip(found, (3, 0), strict=True):
        best = np.argsort(-scores[:, neuron])[:2]
        np.testing.assert_array_equal(row.reshape(2, 64), samples[best])
    with pytest.raises(ns.ConfigError, match="neurons must be"):
        ns.receptive_fields.strongest_samples(chip, samples, layer=1, neurons=[20])


def test_strongest_samples_are_of_dense_layers(images):
    chip, samples = images
    with pytest.raises(ns.ConfigError, match="layer 1 must be a DenseWTA"):
        ns.receptive_fields.strongest_samples(chip, samples, layer=0, neurons=[0])


def test_winners_are_those_of_the_samples(chip, stream, tmp_path):
    figure = drawn(ns.views.winners(chip, stream, 0, samples=300), tmp_path)
    raster, totals = figure.axes
    samples = next(stream.blocks(size=300)).samples
    won = next(chip.respond_blocks(samples, chunk=300, layer=0))[0].winner
    shown = points(raster)
    np.testing.assert_array_equal(shown[:, 0], np.arange(1, 301))
    ranks = {}
    for rank, neuron in zip(shown[:, 1], won, strict=True):
        assert ranks.setdefault(rank, neuron) == neuron
    widths = [bar.get_width() for bar in totals.patches]
    assert widths == sorted(np.unique(won, return_counts=True)[1], reverse=True)


def test_samples_of_zeros_have_no_winner(make_chip, tmp_path):
    chip = make_chip(5).learn(np.ones((20, 64), np.float32))
    samples = np.zeros((10, 64), np.float32)
    samples[3] = 1
    figure = drawn(ns.views.winners(chip, samples), tmp_path)
    np.testing.assert_array_equal(points(figure.axes[0]), [[4, 1]])
    drawn(ns.views.winners(chip, samples[:2]), tmp_path)


def counts(figure):
    """Return the numbers that a confusion matrix has written in its squares."""
    return {
        (int(text.get_position()[1]), int(text.get_position()[0])): int(text.get_text().replace(",", ""))
        for text in figure.axes[0].texts
    }


@pytest.mark.slow
def test_confusion_counts_what_the_winners_label_says(chip, tmp_path):
    train, test = ns.open_stream("digits:train"), ns.open_stream("digits:test")
    figure = drawn(ns.views.confusion(chip, train, test), tmp_path)
    found = counts(figure)
    judged = ns.judge(chip, train, test)
    right = sum(number for (row, column), number in found.items() if row == column)
    assert right / sum(found.values()) == pytest.approx(judged.winner_accuracy)
    assert sum(found.values()) == judged.test_samples
    assert f"{judged.winner_accuracy:.1%}" in figure.axes[0].get_title(loc="left")
    assert figure.axes[0].get_xlabel() == f"label of the winner, fitted on {train.length:,} samples"


def test_without_a_test_stream_half_is_counted_whatever_the_order(chip, stream, tmp_path):
    block = next(stream.blocks(size=400))
    order = np.argsort(block.labels % 2, kind="stable").reshape(2, -1, order="C").T.ravel()  # even and odd by turns
    figure = drawn(ns.views.confusion(chip, ArrayStream(block.samples[order], block.labels[order])), tmp_path)
    found = counts(figure)
    assert 180 < sum(found.values()) < 220
    assert {row for row, _ in found} == {column for _, column in found} == set(range(10))


def test_confusion_names_classes(chip, stream, tmp_path):
    block = next(stream.blocks(size=300))
    names = np.array(["zero of all digits", "$1^2$", "deux", *"3456789"])
    figure = drawn(ns.views.confusion(chip, ArrayStream(block.samples, names[block.labels])), tmp_path)
    said = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert said[:3] == ["zero of all ", r"\$1^2\$", "deux"]


def test_confusion_takes_so_many_samples_of_each_stream(chip):
    train, test = ns.open_stream("digits:train"), ns.open_stream("digits:test")
    assert sum(counts(ns.views.confusion(chip, train, test, samples=37)).values()) == 37


def test_confusion_leaves_out_samples_of_unknown_classes(chip, stream):
    block = next(stream.blocks(size=300))
    words = np.array([f"digit {n}" for n in range(10)])[block.labels]
    train = ArrayStream(block.samples[:150], words[:150])
    test = ArrayStream(block.samples[150:], np.where(words[150:] == "digit 3", "three", words[150:]))
    assert sum(counts(ns.views.confusion(chip, train, test)).values()) == (words[150:] != "digit 3").sum()


def test_many_classes_have_no_numbers(make_chip, stream, tmp_path):
    block = next(stream.blocks(size=300))
    chip = make_chip(50).learn(block.samples)
    figure = drawn(ns.views.confusion(chip, ArrayStream(block.samples, np.arange(300) % 100)), tmp_path)
    assert not figure.axes[0].texts


def test_confusion_is_of_labelled_samples_and_dense_layers(chip, images, stream):
    samples = next(stream.blocks(size=50)).samples
    with pytest.raises(ns.SampleError, match="labels of array must be there"):
        ns.views.confusion(chip, ArrayStream(samples))
    with pytest.raises(ns.ConfigError, match="last layer must be a DenseWTA"):
        ns.views.confusion(images[0], ArrayStream(images[1], np.arange(60)))
    with pytest.raises(ns.SampleError, match="two samples at least"):
        ns.views.confusion(chip, ArrayStream(samples[:1], [0]))


@pytest.mark.parametrize("layer", [-1, 2, 0.5, None])
@pytest.mark.parametrize("draw", [ns.views.neurons, ns.views.records, ns.views.norms, ns.views.receptive_fields])
def test_another_layer_is_refused(chip, draw, layer):
    with pytest.raises(ns.ConfigError, match="layer must be"):
        draw(chip, layer)


def test_other_objects_are_refused(chip, stream):
    for name, draw in {
        "chip": lambda: ns.views.neurons(None), "train": lambda: ns.views.confusion(chip, None),
        "report": lambda: ns.views.energy(chip), "placed": lambda: ns.views.floor_plan(chip),
    }.items():  # fmt: skip
        with pytest.raises(ns.ConfigError, match=f"{name} must be a [A-Z]"):
            draw()
    with pytest.raises(ns.ConfigError, match="chip must be a Chip, got 'NoneType'"):
        ns.views.winners(None, stream)
    with pytest.raises(ns.ConfigError, match="report must be a Report, got 'Chip'"):
        ns.views.latency(chip)


def test_signs_that_are_not_seen_are_told(chip, stream):
    block = next(stream.blocks(size=300))
    names = np.array(["a\u202eb", *"123456789"])
    figure = ns.views.confusion(chip, ArrayStream(block.samples, names[block.labels]))
    assert r"a\u202eb" in [label.get_text() for label in figure.axes[0].get_yticklabels()]


def test_an_empty_stream_is_refused(chip):
    with pytest.raises(ns.SampleError, match="at least one"):
        ns.views.winners(chip, np.zeros((0, 64), np.float32))
    with pytest.raises(ns.SampleError, match="samples must be at least one, got none"):
        ns.views.winners(chip, [])


def test_figures_change_nothing(chip, stream):
    before = chip.state_sha256
    for draw in (ns.views.neurons, ns.views.records, ns.views.norms, ns.views.receptive_fields):
        draw(chip)
    for draw in (ns.views.winners, ns.views.confusion, ns.views.strongest_patches):
        draw(chip, stream)
    assert chip.state_sha256 == before


@pytest.mark.slow
def test_costs_and_latencies_are_drawn(chip, stream, tmp_path):
    report = ns.hardware.price(ns.hardware.count(chip, stream, learning=False, samples=50), "loihi")
    assert "Loihi".lower() in drawn(ns.views.energy(report), tmp_path).axes[0].get_title(loc="left").lower()
    of_report, of_mapping = (drawn(ns.views.floor_plan(placed), tmp_path) for placed in (report, report.mapping))
    assert len(of_report.axes[0].patches) == len(of_mapping.axes[0].patches)
    measured = ns.bench(chip, stream, learning=False, samples=100)
    assert len(drawn(ns.views.latency(measured), tmp_path).axes) == 2


def test_views_are_public_and_documented():
    for name in ns.views.__all__:
        assert len(getattr(ns.views, name).__doc__) > 100
    assert {"receptive_fields", "confusion"} <= set(ns.views.__all__)
