"""The figure of a priced run keeps the style on every described chip, and says what it shows."""

import numpy as np
import pytest
from thinned import few_of

pytest.importorskip("matplotlib")

import counted
import described
import readable

from neurosim import hardware
from neurosim.hardware.figure import energy_split, figure
from neurosim.hardware.placement.floor_plan import floor_plan, relative_height
from neurosim.reporting.figures import panels


def run(neurons=11, learning=False, bits=8):
    first, second = counted.dense(0, 10, neurons, bits), counted.dense(1, neurons, 3, bits, soft=False)
    return counted.counts(
        counted.layer(first, [4, 2], [[learning] * neurons] * 2, [[1] * neurons] * 2),
        counted.layer(second, [3, 3], [[0] * 3] * 2),
        learning=learning,
    )


@pytest.mark.parametrize("deadline", [None, pytest.param(1e-6, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", few_of(hardware.names()))
def test_the_figure_keeps_the_style(name, deadline):
    chip = hardware.load(name)
    bits = min(8, chip.structure.weight_bits)
    report = hardware.price(run(bits=bits), chip, deadline=deadline if chip.time else None)
    drawn = figure(report)
    readable.check(drawn)
    assert len(drawn.axes) == 2 + (report.schedule is not None)


def test_the_floor_plan_shows_layers_and_how_full_cores_are(tmp_path):
    counts = run()
    mapping = hardware.place([layer.demand for layer in counts.layers], hardware.load(described.written(tmp_path)))
    drawn, ((axes,),) = panels(height=3)
    floor_plan(mapping, axes)
    readable.check(drawn)
    assert axes.get_title(loc="left") == "3 of 4 cores in use (tinted); height: how full"
    assert [text.get_text() for text in axes.texts] == ["6", "5", "3"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["layer 1", "layer 2"]
    outlines = [path.get_extents() for path in axes.collections[0].get_paths()]
    assert len(outlines) == 4
    tinted = np.flatnonzero(axes.collections[0].get_facecolor()[:, 3])
    assert sorted(tinted) == sorted(mapping.cores)
    for part, patch in zip(mapping.parts, axes.patches, strict=True):
        core = outlines[part.core]
        assert patch.get_bbox().x0 == core.x0
        assert patch.get_bbox().y1 == pytest.approx(core.y1)  # the axis counts downwards: cores fill from below
        assert 0 < patch.get_height() <= core.height
    assert axes.patches[0].get_height() == pytest.approx(outlines[0].height * 6 / 8)


@pytest.mark.parametrize(("cores", "mesh"), [(20_000, None), (1, None), (30, None), (64, (64, 1)), (64, (1, 64))])
def test_a_floor_plan_of_any_mesh_is_drawn(cores, mesh):
    chip = hardware.load("cmos45-int8", {"structure.cores": cores, "structure.mesh": list(mesh or (cores, 1))})
    mapping = hardware.place([layer.demand for layer in run().layers], chip)
    assert 0.1 < relative_height(mapping) < 0.5
    drawn, ((axes,),) = panels(height=0.6 + 5 * relative_height(mapping))
    floor_plan(mapping, axes)
    readable.check(drawn)


def test_where_the_energy_goes_is_written_beside_it(tmp_path):
    report = hardware.price(run(), hardware.load(described.written(tmp_path)))
    drawn, ((axes,),) = panels(height=2)
    energy_split(report, axes)
    readable.check(drawn)
    shares = [text.get_text() for text in axes.texts]
    assert len(shares) == 4
    assert shares[1] == "none"
    assert axes.get_title(loc="left").endswith(" to respond to a sample")
    assert shares[0].endswith(" %")
    assert [label.get_text() for label in axes.get_yticklabels()] == ["inference", "learning", "routing", "static"]


@pytest.mark.parametrize("name", hardware.names())
def test_bands_lie_within_the_axis(name):
    chip = hardware.load(name)
    report = hardware.price(run(learning=chip.learns(), bits=min(8, chip.structure.weight_bits)), chip)
    drawn, ((axes,),) = panels(height=2)
    energy_split(report, axes)
    readable.check(drawn)
    left, right = axes.get_xlim()
    ends = [x for bars in axes.collections for path in bars.get_paths() for x in path.vertices[:, 0]]
    assert min(ends) > 0
    bands = [spent.mean(axis=1) for spent in report.energy.parts.values()]
    assert [line.get_marker() for line in axes.lines].count("<") == sum(low == 0 < value for low, value, _ in bands)
    assert left < 0.95 * min(ends)
    assert 1.05 * max(ends) < right
    assert axes.get_title(loc="left").endswith(
        " to learn from a sample" if chip.learns() else " to respond to a sample"
    )


def test_a_band_from_zero_begins_with_an_arrow(tmp_path):
    chip = hardware.load(described.written(tmp_path))
    energies = {f"energy.{name}.low": 0 for name in chip.energy}
    report = hardware.price(run(), hardware.load(described.written(tmp_path), energies))
    drawn, ((axes,),) = panels(height=2)
    energy_split(report, axes)
    readable.check(drawn)
    assert [line.get_marker() for line in axes.lines].count("<") == 2  # of inference and routing
    assert "from 0" in axes.get_xlabel()


def test_turns_are_drawn_within_their_cores_and_named(tmp_path):
    changes = {"structure.cores": 2, "structure.mesh": [2, 1], "structure.time_multiplexed": True}
    chip = hardware.load(described.written(tmp_path), changes)
    report = hardware.price(run(neurons=30), chip)
    assert report.mapping.turns() == [2, 1]
    drawn = figure(report)
    readable.check(drawn)
    assert "reloading" in [label.get_text() for label in drawn.axes[1].get_yticklabels()]
    heights: dict[int, float] = {}
    for patch in drawn.axes[0].patches:
        heights[int(patch.get_x())] = heights.get(int(patch.get_x()), 0) + patch.get_height()
    assert all(0 < height <= 1 for height in heights.values())


@pytest.mark.filterwarnings("error")
def test_a_chip_whose_constants_are_all_zero_is_drawn(tmp_path):
    chip = hardware.load(described.written(tmp_path, energies={"weight_update": 0}, static=0))
    drawn, ((axes,),) = panels(height=2)
    energy_split(hardware.price(run(), chip), axes)
    readable.check(drawn)
