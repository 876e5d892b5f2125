"""The style of all figures: letters, legends, labels at lines' ends, logarithmic axes, mosaics, new files."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("matplotlib")

import matplotlib
import readable

import neurosim as ns
from neurosim.reporting import figures, mosaic, percentiles
from neurosim.reporting.files import check_new
from neurosim.reporting.units import prefixed


def plain():
    figure, ((axes,),) = figures.panels()
    axes.plot([1, 2], [3, 4], label="line")
    return figure, axes


@pytest.mark.parametrize("broken", [
    lambda figure, axes: axes.legend(), lambda figure, axes: axes.text(1.5, 3.5, "small", fontsize=7),
    lambda figure, axes: axes.plot([1, 2], color="tab:red"), lambda figure, axes: figure.text(0.95, 0.5, "far beyond"),
    lambda figure, axes: [axes.text(1.5, 3.5, "one"), axes.text(1.52, 3.5, "two")],
    lambda figure, axes: axes.axvspan(1, 2, color="#123456"), lambda figure, axes: figure.legend(loc="center"),
    lambda figure, axes: axes.set_xticks([1.5, 1.51], ["crowded", "labels"]),
])  # fmt: skip
def test_the_check_sees_what_breaks_the_style(broken):
    figure, axes = plain()
    readable.check(figure)
    broken(figure, axes)
    with pytest.raises(AssertionError):
        readable.check(figure)


@pytest.mark.parametrize("width", [2.0, 5.5, 12.0])
def test_letters_grow_with_the_figure_whatever_the_users_settings_are(width):
    with matplotlib.rc_context({"font.size": 4, "axes.titlesize": 3, "axes.prop_cycle": "cycler('color', ['r'])"}):
        figure, grid = figures.panels(2, 2, width=width, height=width)
        for axes in grid.flat:
            axes.plot([1, 2], [3, 4])
            axes.set(xlabel="x", ylabel="y")
            axes.set_title("t")
        grid[0, 0].text(1.5, 3.5, "text")
        figure.supylabel("all")
        readable.check(figure)
        assert grid.shape == (2, 2)
        assert grid[0, 0].get_lines()[0].get_color() == figures.BLUE


def test_the_users_settings_are_as_they_were():
    before = dict(matplotlib.rcParams)
    figure, ((axes,),) = figures.panels()
    axes.plot([1, 2], [3, 4], label="a")
    figures.legend_beside(figure, axes)
    figures.label_ends(axes)
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("labels", [["a"], ["short", "a label of many words that takes most of a line"] * 4])
def test_a_legend_lies_beside_the_panels_and_has_each_label_once(right, labels):
    figure, grid = figures.panels(2)
    for axes in grid.flat:
        for index, label in enumerate(labels):
            axes.plot([1, 2], [index, 4], label=label)
    height = figure.get_figheight()
    legend = figures.legend_beside(figure, right=right and len(labels) == 1)
    assert [text.get_text() for text in legend.get_texts()] == list(dict.fromkeys(labels))
    assert (figure.get_figheight() > height) == (not right or len(labels) > 1)
    readable.check(figure)


def test_without_labels_there_is_no_legend():
    figure, ((axes,),) = figures.panels()
    axes.plot([1, 2], [3, 4])
    figures.label_ends(axes)
    assert figures.legend_beside(figure) is None
    assert readable.legends(figure) == []


@pytest.mark.parametrize("ends", [[1, 2, 3], [1, 1, 1, 1], [0, 1000, 1000.1, 1000.2], [0, np.nan, 1]])
def test_labels_at_the_ends_of_lines_do_not_overlap(ends):
    figure, ((axes,),) = figures.panels()
    for index, end in enumerate(ends):
        axes.plot([0, 1, 1 + index], [0, 1, end], label=f"line {index}")
    axes.axhline(0.5, color=figures.GREY, label="level")
    figures.label_ends(axes)
    readable.check(figure)
    texts = {text.get_text(): text for text in axes.texts}
    assert texts.keys() == {*(f"line {index}" for index in range(len(ends))), "level"}
    assert texts["line 1"].get_color() == figures.VERMILION
    assert texts["line 0"].get_position()[0] > 1


@pytest.mark.parametrize("values", [[0, 0], [np.nan, np.nan], [], [-1, -2], [np.inf, 1]])
def test_numbers_without_a_logarithm_are_not_drawn_and_warn_of_nothing(values, tmp_path):
    figure, ((axes,),) = figures.panels()
    axes.plot(values, values, label="nothing")
    axes.plot([1, 2], [3, 4], label="line")
    figures.log_axis(axes, "x", "y")
    figures.label_ends(axes)
    figures.save(figure, tmp_path / "a.png")
    readable.check(figure)
    assert "line" in {text.get_text() for text in axes.texts}


@pytest.mark.parametrize("seconds", [0.0, np.nan])
def test_latencies_of_no_size_are_drawn(seconds, tmp_path):
    figure, ((axes,),) = figures.panels()
    percentiles.percentiles(axes, {"response": np.full(5, seconds), "service": np.full(5, seconds)}, 0.001)
    figures.save(figure, tmp_path / "a.png")
    assert axes.texts[-1].get_text() == "deadline"


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(st.lists(st.floats(-1, 2), min_size=1, max_size=12), st.floats(0.01, 0.5))
def test_heights_are_apart_in_order_and_as_near_as_they_can_be(heights, distance):
    apart = np.array(figures.spread(heights, distance))
    order = np.argsort(heights, kind="stable")
    assert (np.diff(apart[order]) >= distance - 1e-9).all()
    assert apart.sum() == pytest.approx(sum(heights), abs=1e-6)  # as a least-squares fit has it
    if (np.diff(np.sort(heights)) >= distance).all():
        np.testing.assert_allclose(apart, heights, atol=1e-9)


@pytest.mark.parametrize(("low", "high", "wanted"), [
    (4.1, 6.9, {"5", "6"}), (8.7, 14, {"10", "12", "14"}), (3, 45, {"5", "10", "20"}),
    (1, 1e5, {"1", "100", "100,000"}), (0.002, 0.9, {"0.01", "0.1"}),
])  # fmt: skip
def test_numbers_at_logarithmic_axes_are_written_out(low, high, wanted):
    figure, ((axes,),) = figures.panels()
    axes.plot([low, high], [low, high])
    figures.log_axis(axes, "x", "y")
    readable.check(figure)
    shown = {text.get_text() for text in readable.shown_texts(figure)}
    assert wanted <= shown
    assert len(shown) <= 8


def test_a_logarithmic_axis_of_huge_numbers_has_powers():
    figure, ((axes,),) = figures.panels()
    axes.plot([1, 2], [1e-9, 1e9])
    figures.log_axis(axes, "y")
    readable.check(figure)
    assert any("10^{" in text.get_text() for text in readable.shown_texts(figure))


@pytest.mark.parametrize(("latencies", "deadline", "wanted"), [
    ({"latency": np.linspace(4e-6, 7e-6, 1000)}, None, ["50 %", "90 %", "99 %", "99.9 %"]),
    ({"latency": np.geomspace(1e-3, 2e-2, 100_000)}, 0.01, ["50 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %"]),
    ({"response": np.full(50, 2e-9), "service": np.full(50, 1e-9)}, None, ["50 %", "90 %"]),
    ({"latency": np.array([])}, None, ["50 %", "90 %"]), ({"latency": np.array([3.0])}, 1.0, ["50 %", "90 %"]),
])  # fmt: skip
def test_percentiles_lie_on_hdrhistograms_axis(latencies, deadline, wanted):
    figure, ((curve,), (time,)) = figures.panels(2)
    percentiles.over_time(time, np.arange(len(next(iter(latencies.values())))), latencies, deadline)
    percentiles.percentiles(curve, latencies, deadline)
    readable.check(figure)
    assert [text.get_text() for text in curve.get_xticklabels()] == wanted
    assert curve.get_xscale() == curve.get_yscale() == time.get_yscale() == "log"
    labels = {text.get_text() for text in curve.texts}
    assert labels == (set(latencies) if len(latencies) > 1 else set()) | (
        {"deadline", *latencies} if deadline is not None and latencies["latency"].size else set()
    )


def test_a_curve_of_percentiles_says_how_many_took_longer():
    times = np.random.default_rng(0).exponential(1e-5, 5000)
    _, ((axes,),) = figures.panels()
    percentiles.percentiles(axes, {"latency": times})
    x, y = axes.get_lines()[0].get_data()
    assert axes.get_ylabel() == "latency, µs"
    for odds, micro in zip(x, y, strict=True):
        assert np.count_nonzero(times * 1e6 >= micro * (1 - 1e-12)) == round(5000 / odds)


def test_a_mosaic_lays_images_row_by_row():
    tiles = np.array([[[[0.0, 1.0]]], [[[2.0, -4.0]]], [[[0.0, np.nan]]]])
    signed = mosaic.mosaic(tiles, 2, signed=True)
    assert signed.shape == (3, 5, 1)
    assert signed[0, :, 0].tolist() == [0.5, 1.0, 1.0, 0.75, 0.0]
    assert signed[2, :, 0].tolist() == [0.5, 0.5, 1.0, 1.0, 1.0]
    assert mosaic.mosaic(tiles, 9, signed=False)[:, :, 0].tolist() == [[0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0]]
    assert mosaic.mosaic(np.empty((0, 3, 4, 4)), 5, signed=True).shape == (0, 0, 3)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_is_as_high_as_its_images(channels, tmp_path):
    sheet = mosaic.mosaic(np.random.default_rng(0).normal(size=(6, channels, 8, 8)), 3, signed=True)
    figure = figures.picture(sheet, "Receptive fields")
    readable.check(figure)
    assert figure.get_figheight() == pytest.approx(5.5 * 17 / 26 + 0.23, abs=0.05)
    figures.save(figure, tmp_path / "a.png")


def test_a_file_is_not_overwritten_unless_asked_for(tmp_path):
    path = tmp_path / "run.html"
    check_new("out", path, False)
    path.write_text("kept")
    with pytest.raises(ns.ConfigError, match=r"out must be a file that does not exist yet, got .*--overwrite"):
        check_new("out", path, False)
    check_new("out", path, True)
    with pytest.raises(ns.ConfigError, match="must be a name of at most 255 bytes"):
        check_new("out", tmp_path / ("x" * 300), True)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ns.ConfigError, match="does not exist yet"):
        check_new("out", tmp_path / "link", False)


@pytest.mark.parametrize(("value", "unit"), [(2.0, "J"), (0.5, "mJ"), (1e-6, "µJ"), (1e-20, "fJ"), (0.0, "fJ")])
def test_units_fit_their_values(value, unit):
    assert prefixed(value, "J")[0] == unit
